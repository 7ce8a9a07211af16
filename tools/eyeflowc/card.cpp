#include <fmt/core.h>

#include <algorithm>
#include <memory>

#include "stdlib/intrinsics/intrinsics.h"
#include "tools/common/card.h"
#include "tools/common/numbers.h"
#include "tools/common/terminal.h"
#include "tools/eyeflowc/source.h"
#include "tools/eyeflowc/values.h"
#include "vm/module/enum_unit.h"

// docs/card.md says what each line means.
namespace eyeflow::eyeflowc {
namespace {

std::string type_of(const vm::Module& module, const vm::Field& field) {
  const vm::Type& type = *module.type(field.type);
  if (type.kind == vm::TypeKind::Text) return fmt::format("text({})", type.capacity);
  if (field.unit == "time" || field.unit == "duration" || vm::is_enum_unit(field.unit)) return field.unit;
  const std::string scalar(vm::name(type.element));
  return field.unit.empty() ? scalar : scalar + " " + field.unit;
}

std::string span_text(vm::TimeNs ns) { return tools::duration_text(std::chrono::nanoseconds(ns)); }

void print_needs(const vm::Module& module) {
  const auto row = [](std::string_view kind, std::string_view name, const std::string& what) {
    fmt::print("  {:<8}{:<16}{}\n", kind, name, what);
  };
  for (const vm::Input& input : module.inputs) {
    std::string what = type_of(module, input.value);
    if (input.stale_after_ns > 0) what += ", stale after " + span_text(input.stale_after_ns);
    if (input.period_ns > 0) what += ", every " + span_text(input.period_ns);
    row("sensor", input.value.name, what);
  }
  for (const vm::Output& output : module.outputs) {
    if (output.kind == vm::OutputKind::Switch) {
      row("switch", output.name,
          std::string("starts ") + (output.initial != 0 ? "on" : "off") + (output.driven ? ", driven by alarms" : ""));
    } else if (output.kind == vm::OutputKind::Value) {
      row("value", output.name, type_of(module, output.fields[0]));
    } else {
      std::string what;
      for (const vm::Field& field : output.fields)
        what += (what.empty() ? "" : ", ") + field.name + ": " + type_of(module, field);
      row("log", output.name, what + (output.to_cloud ? "; to cloud" : ""));
    }
  }
  for (const vm::Param& param : module.params) {
    vm::Word value;
    std::copy_n(module.param_image.begin() + param.offset, sizeof value, reinterpret_cast<std::byte*>(&value));
    const auto print = [&](vm::Word word) { return print_value(word, param.type, param.unit); };
    std::string what = print(value);
    if (param.has_range) what += ", from " + print(param.min) + " to " + print(param.max);
    if (vm::is_enum_unit(param.unit))
      what += ", one of " + param.unit.substr(4);
    else if (!param.unit.empty() && param.unit != "duration")
      what += " " + param.unit;
    row("param", param.name, what);
  }
}

void print_card(vm::VerifiedModule verified) {
  const auto program = vm::Program::make(std::move(verified), stdlib::intrinsics());
  const tools::Card card = tools::card_of(*program);
  const tools::Paint paint = tools::Paint::of(stdout);
  fmt::print("{} ({})\n", paint.bold("task " + card.task), program->module().source);
  if (!card.doc.empty()) fmt::print("{}\n", card.doc);
  fmt::print("\n{}\n", paint.bold("needs"));
  print_needs(program->module());
  fmt::print("\n{}\n", paint.bold("bounds"));
  for (const std::string& line : tools::card_lines(card)) fmt::print("  {}\n", line);
}

}  // namespace

Action add_card(CLI::App& app) {
  struct Options {
    std::string file, task;
  };
  const auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "a source (.eft) or a bundle (.efb)")->required();
  app.add_option("--task", options->task, "which task of a source; all if not given");
  return [options] {
    Exit exit = Exit::Ok;
    auto loaded = load_modules(options->file, options->task, exit);
    if (!loaded) return exit;
    for (vm::VerifiedModule& module : loaded->modules) {
      if (&module != &loaded->modules.front()) fmt::print("\n");
      print_card(std::move(module));
    }
    return Exit::Ok;
  };
}

}  // namespace eyeflow::eyeflowc
