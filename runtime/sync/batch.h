#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vm/base/result.h"
#include "vm/module/module.h"

// Rows on their way from a device to a far side, as docs/sync.md describes them: JSON lines, the first of which says
// whose they are. The same bytes travel over HTTPS and, signed, on a USB stick.
namespace eyeflow::runtime {

inline constexpr std::string_view kBatchFormat = "eyeflow rows 1";
inline constexpr std::string_view kBatchContentType = "application/x-ndjson";
// Not a Content-Encoding: servers unpack those before anybody has looked at the signature.
inline constexpr std::string_view kPackedContentType = "application/gzip";

struct BatchRow {
  std::uint64_t sequence = 0;
  vm::TimeNs time = 0;    // of the event
  std::string_view from;  // the instance
  std::string_view log;
  std::string_view row;  // a JSON object
  // What its fields are: a JSON array of {"name", "type", "unit"}, as docs/sync.md has it. Empty: not told.
  std::string_view schema{};
};

// Numbers from `first` to `last` of one epoch. A number without a row was dropped by the device and will never come.
struct BatchHead {
  std::string device;
  std::uint64_t epoch = 0, first = 0, last = 0;
};

// What a signature is over: the batch's bytes as they are sent, with what they are said to be in front, so that no
// signature made for something else fits.
std::string signed_message(std::string_view bytes);

// One signature for several bodies: it is over the list of their SHA-256 digests, in hex with commas between them, as
// it stands in a header of each. So many at most.
inline constexpr std::string_view kDigestsFormat = "eyeflow rows 2";
inline constexpr std::size_t kMostDigests = 16;
std::string signed_digests(std::string_view digests);

std::string encode_batch(const BatchHead& head, std::span<const BatchRow> rows);

// Calls `each` for every row, in order, with views that are valid during the call. Everything is checked before the
// first call: what is refused is refused as a whole. The error says which line is wrong.
Result<BatchHead> decode_batch(std::string_view text,
                               const std::function<void(const BatchHead&, const BatchRow&)>& each);

// The far side's answer to a batch: every row of the device's epoch up to and including `stored` is on its disk.
struct BatchReply {
  std::string device;
  std::uint64_t epoch = 0, stored = 0;
};
std::string encode_reply(const BatchReply& reply);
Result<BatchReply> decode_reply(std::string_view text);

}  // namespace eyeflow::runtime
