#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "tests/unit/task_builder.h"

// One instance driven by hand, its effects as lines.
namespace eyeflow::vm::test {

// What happened, as lines that a test can compare: "2s value out 5", "1s raised hot: T1", "off siren".
inline std::string seconds(TimeNs time) {
  std::string text = std::to_string(time / 1'000'000);
  while (text.size() < 4) text.insert(0, "0");
  text.insert(text.size() - 3, ".");
  return text + "s";
}

struct Running {
  explicit Running(const TaskBuilder& task, std::vector<std::string> names = {}, std::uint64_t quota = 100'000'000)
      : Running(task.module, std::move(names), {}, quota) {}
  Running(Module module, std::vector<std::string> names, std::vector<std::optional<Word>> params, std::uint64_t quota) {
    Result<VerifiedModule> verified = verify(std::move(module), {});
    if (!verified) {
      ADD_FAILURE() << verified.error().message;
      std::abort();
    }
    program = Program::make(std::move(*verified), {}, {.fuel_quota = quota});
    worker.serve(*program);
    instance.emplace(*program, Instance::Binding{.params = std::move(params), .input_names = std::move(names)});
  }

  std::unique_ptr<const Program> program;
  Worker worker;
  std::optional<Instance> instance;
  using Lines = std::vector<std::string>;

  Lines lines() const {
    Lines lines;
    for (const Effect& effect : worker.effects()) {
      std::string line = seconds(effect.time) + " ";
      const Module& module = program->module();
      switch (effect.kind) {
        case EffectKind::AlarmRaised:
          line += "raised " + module.alarms[effect.index].name + ": " + std::string(effect.text);
          break;
        case EffectKind::AlarmReminded:
          line += "reminded " + module.alarms[effect.index].name + ": " + std::string(effect.text);
          break;
        case EffectKind::AlarmAcknowledged:
        case EffectKind::AlarmShelved:
        case EffectKind::AlarmUnshelved:
          line += effect.kind == EffectKind::AlarmAcknowledged ? "acknowledged "
                  : effect.kind == EffectKind::AlarmShelved    ? "shelved "
                                                               : "unshelved ";
          line += module.alarms[effect.index].name;
          if (!effect.by.empty()) line += " by " + std::string(effect.by);
          if (!effect.text.empty()) line += ": " + std::string(effect.text);
          break;
        case EffectKind::AlarmCleared:
          line += "cleared " + module.alarms[effect.index].name;
          break;
        case EffectKind::Switch:
          line += (word(effect) != 0 ? "on " : "off ") + module.outputs[effect.index].name;
          break;
        case EffectKind::Value:
        case EffectKind::Log:
          line += module.outputs[effect.index].name;
          for (std::size_t n = 0, at = 0; n < module.outputs[effect.index].fields.size(); ++n) {
            const Type& type = *module.type(module.outputs[effect.index].fields[n].type);
            const Word field = word(effect, at);
            at += 8;
            if (type.kind == TypeKind::Text) {
              line += " '" + std::string(reinterpret_cast<const char*>(effect.fields.data()) + at, field) + "'";
              at += (field + 7) / 8 * 8;
            } else if (type.element == Scalar::F64) {
              char digits[32];
              std::snprintf(digits, sizeof digits, " %g", from_word<double>(field));
              line += digits;
            } else {
              line += " " + std::to_string(from_word<std::int64_t>(field));
            }
          }
          break;
      }
      lines.push_back(line);
    }
    return lines;
  }
  static Word word(const Effect& effect, std::size_t at = 0) {
    Word word;
    std::memcpy(&word, effect.fields.data() + at, 8);
    return word;
  }

  Lines start(TimeNs now = 0) {
    instance->start(worker, now);
    return lines();
  }
  Lines deliver(TimeNs now, double value, int input = 0) { return deliver_taken(now, now, value, input); }
  Lines deliver_taken(TimeNs event_time, TimeNs now, double value, int input = 0) {
    instance->deliver(worker, static_cast<InputId>(input), to_word(value), event_time, now);
    return lines();
  }
  Lines advance(TimeNs now, CatchUp catch_up = CatchUp::Each) {
    instance->advance(worker, now, catch_up);
    return lines();
  }
};
using Lines = Running::Lines;

// What a restart would find of it.
struct Saved {
  std::vector<std::byte> layout, snapshot;
};
inline Saved saved(const Running& run) {
  const auto layout = run.program->snapshot_layout();
  Saved s{{layout.begin(), layout.end()}, std::vector<std::byte>(run.instance->snapshot_bytes())};
  run.instance->save(s.snapshot);
  return s;
}

}  // namespace eyeflow::vm::test
