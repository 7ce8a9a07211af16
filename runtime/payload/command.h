#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "vm/base/result.h"
#include "vm/engine/engine.h"

namespace eyeflow::runtime {

// What an operator asks of an alarm:
//   {"alarm":"hot","instance":"monitor_t1/T5","do":"ack"|"shelve"|"unshelve"|"why","for":"1 h","by":"Ann",
//    "why":"known","id":"17"}
// `do` "why" only asks why the alarm stands or does not; `for` belongs to "shelve"; `by` says who, and must be there
// for what changes something.
struct AlarmCommand {
  std::string alarm, instance, by, why;
  std::string id;      // what the answer repeats, so that whoever asked knows it for theirs
  std::string action;  // `do`, as written
  bool only_asks = false;
  vm::AlarmAction::Kind kind = vm::AlarmAction::Kind::Acknowledge;
  std::chrono::nanoseconds shelve_for{0};
};

// Its `id` alone, also of what is otherwise wrong; empty: none.
std::string command_id(std::string_view json);

// The error says what was found and what belongs there.
Result<AlarmCommand> parse_alarm_command(std::string_view json);

}  // namespace eyeflow::runtime
