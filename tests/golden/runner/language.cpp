// language/*.eft: a task above, its events in `input`; below, what the one engine makes of them in every tier.

#include <algorithm>
#include <charconv>
#include <cstring>

#include "stdlib/intrinsics/intrinsics.h"
#include "tests/golden/runner/bench.h"
#include "tests/golden/runner/kind.h"
#include "tests/golden/runner/values.h"
#include "vm/engine/engine.h"
#include "vm/module/enum_unit.h"
#include "vm/module/verifier.h"

namespace eyeflow::golden {

namespace {

using namespace eyeflow::vm;

constexpr TimeNs kMillisecond = 1'000'000;

Word load(const std::byte* place) {
  Word word;
  std::memcpy(&word, place, sizeof word);
  return word;
}

// 1500 ms → "1500", 0.25 ms → "0.25".
std::string milliseconds(TimeNs time) {
  std::string text = std::to_string(time / kMillisecond);
  TimeNs rest = time % kMillisecond;
  if (rest == 0) return text;
  if (time < 0) return "-" + milliseconds(-time);
  std::string digits = std::to_string(kMillisecond + rest).substr(1);
  return text + "." + digits.substr(0, digits.find_last_not_of('0') + 1);
}

std::string write_fields(const Module& module, const Output& output, std::span<const std::byte> bytes) {
  std::string text;
  const std::byte* place = bytes.data();
  for (const Field& field : output.fields) {
    const Type& type = *module.type(field.type);
    const Word word = load(place);
    place += 8;
    if (!text.empty()) text += ", ";
    if (output.kind == OutputKind::Log) text += field.name + ": ";
    if (type.kind != TypeKind::Scalar) {
      const std::string_view bytes(reinterpret_cast<const char*>(place), static_cast<std::size_t>(word));
      text += type.kind == TypeKind::Text ? write_quoted(bytes) : write_elements(type.element, bytes);
      place += (word + 7) / 8 * 8;
    } else if (field.unit == "time" || field.unit == "duration") {
      text += milliseconds(static_cast<TimeNs>(word)) + " ms";
    } else if (is_enum_unit(field.unit)) {
      text += enum_name(field.unit, static_cast<std::int64_t>(word));
    } else if (output.kind == OutputKind::Switch) {
      text += word != 0 ? "on" : "off";
    } else {
      text += write_value(type.element, word);
    }
  }
  return text;
}

std::string doer(const Effect& effect) {
  return (effect.by.empty() ? "" : " by " + std::string(effect.by)) +
         (effect.text.empty() ? "" : ": " + std::string(effect.text));
}

std::string write_effect(const Module& module, const Effect& effect) {
  const std::string head = milliseconds(effect.time) + " ";
  switch (effect.kind) {
    case EffectKind::AlarmRaised:
      return head + "alarm " + module.alarms[effect.index].name + " raised " + write_quoted(effect.text);
    case EffectKind::AlarmReminded:
      return head + "alarm " + module.alarms[effect.index].name + " reminded " + write_quoted(effect.text);
    case EffectKind::AlarmCleared:
      return head + "alarm " + module.alarms[effect.index].name + " cleared";
    case EffectKind::AlarmAcknowledged:
      return head + "alarm " + module.alarms[effect.index].name + " acknowledged" + doer(effect);
    case EffectKind::AlarmShelved:
      return head + "alarm " + module.alarms[effect.index].name + " shelved until " +
             milliseconds(static_cast<TimeNs>(load(effect.fields.data()))) + doer(effect);
    case EffectKind::AlarmUnshelved:
      return head + "alarm " + module.alarms[effect.index].name + " unshelved" + doer(effect);
    case EffectKind::Log:
    case EffectKind::Switch:
    case EffectKind::Value:
      break;
  }
  const Output& output = module.outputs[effect.index];
  const std::string fields = write_fields(module, output, effect.fields);
  return head + output.name + (effect.kind == EffectKind::Log ? "(" + fields + ")" : " = " + fields);
}

struct Event {
  TimeNs time = 0;
  std::optional<InputId> input;       // nothing: only time passes …
  std::optional<AlarmAction> action;  // … or somebody does this
  std::string value;
};

struct Scenario {
  Instance::Binding binding;
  Program::Options options;
  std::vector<Event> events;
};

std::optional<InputId> find_input(const Module& module, std::string_view name) {
  for (std::size_t n = 0; n < module.inputs.size(); ++n)
    if (module.inputs[n].value.name == name) return InputId{static_cast<std::uint16_t>(n)};
  return std::nullopt;
}

// Lines that set something: `name,INPUT,TEXT`, `param,NAME,VALUE`, `quota,FUEL,`.
Result<bool> read_setting(const Module& module, std::string_view what, std::string_view name, std::string_view value,
                          Scenario& scenario) {
  if (what == "name") {
    const std::optional<InputId> input = find_input(module, name);
    if (!input) return fail("there is no input " + std::string(name));
    scenario.binding.input_names[index(*input)] = value;
    return true;
  }
  if (what == "param") {
    for (std::size_t n = 0; n < module.params.size(); ++n) {
      if (module.params[n].name != name) continue;
      scenario.binding.params[n] = read_value(module.params[n].type, value);
      if (!scenario.binding.params[n]) return fail(std::string(value) + " is no value for param " + std::string(name));
      return true;
    }
    return fail("there is no param " + std::string(name));
  }
  if (what != "quota") return false;
  std::uint64_t& quota = scenario.options.fuel_quota;
  if (std::from_chars(name.data(), name.data() + name.size(), quota).ec != std::errc())
    return fail("a quota is a number");
  return true;
}

// `ack`, `shelve 60000`, `unshelve`.
std::optional<AlarmAction> find_action(const Module& module, std::string_view name, std::string_view value,
                                       TimeNs time) {
  const auto alarm = std::ranges::find(module.alarms, name, &Alarm::name);
  if (alarm == module.alarms.end()) return std::nullopt;
  AlarmAction action{.kind = AlarmAction::Kind::Acknowledge,
                     .alarm = static_cast<AlarmId>(alarm - module.alarms.begin()),
                     .by = "somebody"};
  if (value.starts_with("shelve ")) {
    action.kind = AlarmAction::Kind::Shelve;
    double span_ms = 0;
    if (std::from_chars(value.data() + 7, value.data() + value.size(), span_ms).ec != std::errc()) return std::nullopt;
    action.until = time + static_cast<TimeNs>(span_ms * kMillisecond);
  } else if (value == "unshelve") {
    action.kind = AlarmAction::Kind::Unshelve;
  } else if (value != "ack") {
    return std::nullopt;
  }
  return action;
}

Result<Scenario> read_scenario(const Module& module, const std::string& section) {
  Scenario scenario;
  scenario.binding.params.resize(module.params.size());
  for (const Input& input : module.inputs) scenario.binding.input_names.push_back(input.value.name);
  for (const std::string_view line : lines_of(section)) {
    if (trim(line).empty() || line.starts_with("#")) continue;
    const auto refuse = [&](const std::string& why) { return fail("input: " + std::string(line) + "\n       " + why); };
    const std::size_t first = line.find(','), second = line.find(',', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos)
      return refuse("expected time_ms,input,value");
    const std::string_view what = line.substr(0, first), name = line.substr(first + 1, second - first - 1),
                           value = line.substr(second + 1);
    const Result<bool> setting = read_setting(module, what, name, value, scenario);
    if (!setting) return refuse(setting.error().message);
    if (*setting) continue;

    double time_ms = 0;
    if (std::from_chars(what.data(), what.data() + what.size(), time_ms).ec != std::errc())
      return refuse("the time is a number of milliseconds");
    Event event{static_cast<TimeNs>(time_ms * kMillisecond), find_input(module, name), {}, std::string(value)};
    if (name.starts_with("alarm.")) {
      event.action = find_action(module, name.substr(6), value, event.time);
      if (!event.action) return refuse("expected T,alarm.NAME,ack or shelve MS or unshelve");
    } else if (!event.input && !name.empty())
      return refuse("there is no input " + std::string(name));
    scenario.events.push_back(std::move(event));
  }
  return scenario;
}

// Drives one instance through its events, as `eyeflowc run` does: timers that were due before a reading come before it,
// those of the same instant after it.
class Player {
 public:
  Player(const Program& program, const Scenario& scenario)
      : module_(program.module()), scenario_(scenario), instance_(program, scenario.binding) {
    worker_.serve(program);
  }

  Result<std::string> play() {
    instance_.start(worker_, 0);
    note(0);
    for (const Event& event : scenario_.events) {
      if (!event.input) {
        pass_time(event.time);
        if (event.action) {
          if (!instance_.act(worker_, *event.action, event.time))
            text_ += milliseconds(event.time) + " nothing to do\n";
          note(event.time);
        }
        continue;
      }
      pass_time(event.time - 1);
      const Type& type = *module_.type(module_.inputs[index(*event.input)].value.type);
      if (event.value == "bad") {
        instance_.deliver_bad(worker_, *event.input, event.time, event.time);
      } else if (type.kind == TypeKind::Text) {
        instance_.deliver_text(worker_, *event.input, event.value, event.time, event.time);
      } else if (type.kind != TypeKind::Scalar) {
        const auto elements = read_elements(type.element, event.value);
        if (!elements) return fail("input: " + event.value + " is no " + describe(type));
        instance_.deliver_elements(worker_, *event.input, *elements, event.time, event.time);
      } else {
        std::optional<Word> word = read_value(type.element, event.value);
        const std::string& unit = module_.inputs[index(*event.input)].value.unit;
        if (is_enum_unit(unit)) word = enum_number(unit, event.value);
        if (!word) return fail("input: " + event.value + " is no " + std::string(name(type.element)));
        instance_.deliver(worker_, *event.input, *word, event.time, event.time);
      }
      note(event.time);
    }
    const TimeNs end = scenario_.events.empty() ? 0 : scenario_.events.back().time;
    if (!scenario_.events.empty()) pass_time(end);
    if (std::ranges::any_of(module_.handlers, [](const Handler& h) { return h.kind == HandlerKind::Stop; })) {
      instance_.stop(worker_, end);
      note(end);
    }
    note_end();
    return text_;
  }

 private:
  void pass_time(TimeNs until) {
    for (std::optional<TimeNs> due = instance_.next_deadline(); due && *due <= until; due = instance_.next_deadline()) {
      instance_.advance(worker_, *due);
      note(*due);
    }
  }

  void note(TimeNs now) {
    fuel_ += worker_.fuel_used();
    for (const Effect& effect : worker_.effects()) text_ += write_effect(module_, effect) + "\n";
    for (const Fault& fault : worker_.faults())
      text_ += milliseconds(now) + " trap " + std::string(name(fault.trap)) + " in \"" +
               module_.functions[index(fault.function)].name + "\", line " + std::to_string(fault.line) + "\n";
  }

  void note_end() {
    for (const Slot& slot : module_.slots)
      if (slot.region == Region::State)
        text_ +=
            "state " + slot.name + " = " + write_slot(module_, slot, instance_.state().data() + slot.offset) + "\n";
    if (worker_.texts_cut() != 0) text_ += "texts cut " + std::to_string(worker_.texts_cut()) + "\n";
    text_ += "fuel " + std::to_string(fuel_) + "\n";
  }

  const Module& module_;
  const Scenario& scenario_;
  Worker worker_;
  Instance instance_;
  std::uint64_t fuel_ = 0;
  std::string text_;
};

}  // namespace

Result<std::vector<Section>> run_language(const GoldenFile& file, const Environment& environment) {
  Result<std::vector<Module>> modules = modules_of(file, environment);
  if (!modules) return std::unexpected(modules.error());
  if (modules->size() != 1) return fail(file.name + ": it has to hold one task");
  Result<VerifiedModule> verified = verify(std::move(modules->front()), stdlib::intrinsics());
  if (!verified) return std::unexpected(verified.error());

  const std::string* input = file.find("input");
  Result<Scenario> scenario = read_scenario(verified->module, input != nullptr ? *input : "");
  if (!scenario) return std::unexpected(scenario.error());
  scenario->options.tier = environment.tier;
  const std::unique_ptr<const Program> program =
      Program::make(std::move(*verified), stdlib::intrinsics(), scenario->options);
  // A tier that leaves the module to the interpreter would prove nothing.
  if (const vm::TierReport report = program->code().report(); !report.fallback.empty())
    return fail("it does not run in this tier: " + report.fallback);
  Result<std::string> output = Player(*program, *scenario).play();
  if (!output) return std::unexpected(output.error());

  std::vector<Section> made{file.sections.front()};
  if (input != nullptr) made.push_back({"input", *input});
  made.push_back({"output", std::move(*output)});
  return made;
}

}  // namespace eyeflow::golden
