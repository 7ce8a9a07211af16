#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vm/module/bundle.h"
#include "vm/module/verifier.h"

// A task's card: what it can cost at most. A bundle carries it under its signature, so that who signs it has stated it;
// a device computes it again from the bytecode and refuses a bundle that states less. docs/card.md explains each
// figure.
namespace eyeflow::vm {

inline constexpr std::string_view kCardSection = "card";

// A handler, or an alarm: the dearer of its conditions, and its text.
struct CardRow {
  std::string what;                // "on t1", "alarm hot"
  std::uint64_t fuel = 0;          // about an instruction each
  std::uint64_t output_bytes = 0;  // that it may send in one event
  std::uint64_t log_rows = 0;      // among them, rows of logs
  std::uint64_t frame_bytes = 0;   // registers, the deepest callees included
  TimeNs within_ns = 0;            // the deadline that it declares; 0: none. It is no bound: measured and reported
  std::uint64_t runs_per_day = 0;  // at the rate that its input or timer declares, rounded up; 0: none is declared
};

struct Card {
  std::string task;
  std::vector<CardRow> rows;  // handlers, then alarms
  std::uint64_t state_bytes = 0, scratch_bytes = 0, code_bytes = 0;
  std::uint64_t row_bytes = 0;  // of the largest row of a log, as JSON, names included
};

Card card_of(const VerifiedModule& verified);

std::vector<std::byte> write_card(const Card& card);
Result<Card> read_card(std::span<const std::byte> bytes);

// Where `stated` promises less than what was computed, in words with both figures; empty where it holds. A card that
// states more is true: it was made when something cost more.
std::string understated(const Card& stated, const Card& computed);

// Whether a bundle's card states at least what its module, verified, can cost. A bundle without a card states nothing.
Result<void> check_card(const Bundle& bundle, const VerifiedModule& verified);

}  // namespace eyeflow::vm
