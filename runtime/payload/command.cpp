#include "runtime/payload/command.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "runtime/site/duration.h"

namespace eyeflow::runtime {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kLongest = 500;  // bytes of what a person writes

// A text of the command; empty where it is not there. False when it is something else.
bool take(dom::object object, const char* key, std::string& into) {
  dom::element found;
  if (object[key].get(found) != simdjson::SUCCESS) return true;
  std::string_view text;
  if (found.get(text) != simdjson::SUCCESS || text.size() > kLongest) return false;
  into = text;
  return true;
}

}  // namespace

std::string command_id(std::string_view json) {
  dom::parser parser;
  dom::object object;
  std::string id;
  if (parser.parse(simdjson::padded_string(json)).get(object) == simdjson::SUCCESS) take(object, "id", id);
  return id;
}

Result<AlarmCommand> parse_alarm_command(std::string_view json) {
  dom::parser parser;
  dom::object object;
  if (parser.parse(simdjson::padded_string(json)).get(object) != simdjson::SUCCESS)
    return fail(R"(it is no JSON object; write {"alarm":"hot","instance":"NAME","do":"ack","by":"WHO"})");
  AlarmCommand command;
  std::string time;
  std::string& action = command.action;
  for (const auto& [key, into] : {std::pair{"alarm", &command.alarm}, std::pair{"instance", &command.instance},
                                  std::pair{"do", &action}, std::pair{"for", &time}, std::pair{"by", &command.by},
                                  std::pair{"why", &command.why}, std::pair{"id", &command.id}})
    if (!take(object, key, *into)) return fail(fmt::format("'{}' is no text of at most {} bytes", key, kLongest));
  if (command.alarm.empty() || command.instance.empty()) return fail("it names no alarm or no instance");
  if (action == "why") {
    command.only_asks = true;
    return command;
  }
  using Kind = vm::AlarmAction::Kind;
  if (action == "ack")
    command.kind = Kind::Acknowledge;
  else if (action == "shelve")
    command.kind = Kind::Shelve;
  else if (action == "unshelve")
    command.kind = Kind::Unshelve;
  else
    return fail(fmt::format("'do' is '{}'; write ack, shelve, unshelve or why", action));
  if (command.by.empty()) return fail("it does not say who asks; add \"by\"");
  if ((command.kind == Kind::Shelve) == time.empty())
    return fail("'for' belongs to shelve, and shelve needs it; write \"for\":\"1 h\"");
  if (time.empty()) return command;
  const auto span = parse_duration(time);
  if (!span || span->count() <= 0 || span->count() > vm::kLongestShelf)
    return fail(fmt::format("'for' is '{}'; write a time up to 7 days, such as \"1 h\"", time));
  command.shelve_for = *span;
  return command;
}

}  // namespace eyeflow::runtime
