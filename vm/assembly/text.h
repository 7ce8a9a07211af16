#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "vm/isa/intrinsic.h"
#include "vm/module/module.h"

// What disassembler and assembler must agree on: names of enumerators, values, labels of slots.
namespace eyeflow::vm::assembly {

inline constexpr std::string_view kSlotKindWords[kSlotKindCount] = {
    "plain",   "now",           "event_time",   "value",      "time",         "ready",
    "name",    "active",        "raised",       "last",       "count",        "acknowledged",
    "shelved", "window_values", "window_start", "window_end", "window_count", "bad"};
inline constexpr std::string_view kOutputKindWords[] = {"switch", "value", "log"};
inline constexpr std::string_view kHandlerKindWords[] = {"start", "input",     "every",       "stale",
                                                         "stop",  "condition", "time_of_day", "window"};
inline constexpr std::string_view kPriorityWords[] = {"low", "medium", "high", "critical"};
inline constexpr std::string_view kDropWords[] = {"oldest", "newest"};

// What a handler of a kind names.
constexpr bool of_input(HandlerKind kind) {
  return kind == HandlerKind::Input || kind == HandlerKind::Stale || kind == HandlerKind::Window;
}
constexpr bool is_timed(HandlerKind kind) {
  return kind == HandlerKind::Every || kind == HandlerKind::Condition || kind == HandlerKind::TimeOfDay;
}

// The index of a word in such a list.
std::optional<int> find_word(std::span<const std::string_view> words, std::string_view word);

// A name that needs no quotes: a letter or _, then letters, digits, _ and dots.
bool is_plain_name(std::string_view name);
std::string quoted(std::string_view text);   // "…" with \" \\ \n \t \xNN
std::string as_name(std::string_view name);  // quoted where it must be

// A word of a scalar type: 12, 1.5, true, nan; `raw 0x…` for a word that is no value of the type.
std::string as_value(Scalar type, Word word);
std::optional<Word> parse_value(Scalar type, std::string_view text);  // without `raw`
std::optional<std::uint64_t> parse_unsigned(std::string_view text);   // decimal, or hexadecimal behind 0x

// What an instruction calls a slot: its name, or for those that the engine writes "now", "t1", "t1.ready",
// "hot.active". Empty when it has none.
std::string label(const Module& module, const Slot& slot);

// Which run of how many registers a Registers operand stands for; nothing when the instruction names no such callee,
// intrinsic or output.
std::optional<std::size_t> run_length(const Module& module, const Function& function, const Instruction& instruction,
                                      Block block, IntrinsicTable intrinsics);

std::uint16_t& field(Instruction& instruction, int n);
std::uint16_t field(const Instruction& instruction, int n);

// What a field must hold by its role and register a alone; nothing for the other roles.
std::optional<std::uint16_t> implied(const Module& module, const Function& function, const Instruction& instruction,
                                     Role role);

}  // namespace eyeflow::vm::assembly
