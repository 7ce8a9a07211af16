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
#include "vm/module/image_unit.h"

// docs/card.md says what each line means.
namespace eyeflow::eyeflowc {
namespace {

std::string type_of(const vm::Module& module, const vm::Field& field) {
  const vm::Type& type = *module.type(field.type);
  if (type.kind == vm::TypeKind::Text) return fmt::format("text({})", type.capacity);
  if (vm::image_form(field.unit)) return field.unit;
  if (type.kind != vm::TypeKind::Scalar) {
    const bool is_list = type.kind == vm::TypeKind::List;
    if (is_list && type.element == vm::Scalar::U8) return fmt::format("bytes({})", type.capacity);
    return fmt::format("[{}{}; {}{}]", vm::name(type.element), field.unit.empty() ? "" : " " + field.unit,
                       is_list ? "<=" : "", type.capacity);
  }
  if (field.unit == "time" || field.unit == "duration" || vm::is_enum_unit(field.unit)) return field.unit;
  const std::string scalar(vm::name(type.element));
  return field.unit.empty() ? scalar : scalar + " " + field.unit;
}

std::string span_text(vm::TimeNs ns) { return tools::duration_text(std::chrono::nanoseconds(ns)); }

struct Need {
  std::string_view kind;
  std::string name, what;
};

// What a site must bind before the task runs, and all that it can reach.
std::vector<Need> needs_of(const vm::Module& module) {
  std::vector<Need> needs;
  for (const vm::Input& input : module.inputs) {
    std::string what = type_of(module, input.value);
    if (input.stale_after_ns > 0) what += ", stale after " + span_text(input.stale_after_ns);
    if (input.period_ns > 0) what += ", every " + span_text(input.period_ns);
    needs.push_back({"sensor", input.value.name, what});
  }
  for (const vm::Output& output : module.outputs) {
    if (output.kind == vm::OutputKind::Switch) {
      needs.push_back({"switch", output.name,
                       std::string("starts ") + (output.initial != 0 ? "on" : "off") +
                           (output.driven ? ", driven by alarms" : "")});
    } else if (output.kind == vm::OutputKind::Value) {
      needs.push_back({"value", output.name, type_of(module, output.fields[0])});
    } else {
      std::string what;
      for (const vm::Field& field : output.fields)
        what += (what.empty() ? "" : ", ") + field.name + ": " + type_of(module, field);
      needs.push_back({"log", output.name, what + (output.to_cloud ? "; to cloud" : "")});
    }
  }
  for (const vm::Model& model : module.models) {
    std::string takes = type_of(module, model.parameter);
    for (const vm::Field& parameter : model.more) takes += ", " + type_of(module, parameter);
    needs.push_back(
        {"model", model.name, fmt::format("{} -> {} number{}", takes, model.results, model.results == 1 ? "" : "s")});
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
    needs.push_back({"param", param.name, what});
  }
  return needs;
}

struct Options {
  std::string file, task, device;
  bool json = false;
};

void print_card(vm::VerifiedModule verified, const Options& options) {
  const auto program = vm::Program::make(std::move(verified), stdlib::intrinsics());
  const tools::TaskCard card = tools::card_of(*program);
  const tools::DeviceProfile* device = tools::find_device(options.device);
  const std::vector<Need> needs = needs_of(program->module());
  if (options.json) {
    std::string text = tools::card_json(card, device), list;
    for (const Need& need : needs)
      list += fmt::format(R"({}{{"kind":"{}","name":"{}","what":"{}"}})", list.empty() ? "" : ",", need.kind, need.name,
                          need.what);
    text.pop_back();
    fmt::print("{},\"needs\":[{}]}}\n", text, list);
    return;
  }
  const tools::Paint paint = tools::Paint::of(stdout);
  fmt::print("{} ({})\n", paint.bold("task " + card.bounds.task), program->module().source);
  if (!card.doc.empty()) fmt::print("{}\n", card.doc);
  fmt::print("\n{}\n", paint.bold("needs"));
  for (const Need& need : needs) fmt::print("  {:<8}{:<16}{}\n", need.kind, need.name, need.what);
  fmt::print("\n{}\n", paint.bold("bounds"));
  for (const std::string& line : tools::card_lines(card, device)) fmt::print("  {}\n", line);
  fmt::print("  {}\n", tools::day_line(card.bounds));
}

Exit card(const Options& options) {
  if (!options.device.empty() && tools::find_device(options.device) == nullptr) {
    std::vector<std::string> names;
    std::string list;
    for (const tools::DeviceProfile& known : tools::device_profiles()) {
      names.emplace_back(known.name);
      list += (list.empty() ? "" : ", ") + names.back();
    }
    const std::string meant = compiler::suggestion(options.device, names);
    return complain(Exit::Usage, fmt::format("no device '{}' is known; there are {}{}", options.device, list,
                                             meant.empty() ? "" : " (" + meant + ")"));
  }
  Exit exit = Exit::Ok;
  auto loaded = load_modules(options.file, options.task, exit);
  if (!loaded) return exit;
  for (vm::VerifiedModule& module : loaded->modules) {
    if (&module != &loaded->modules.front() && !options.json) fmt::print("\n");
    print_card(std::move(module), options);
  }
  return Exit::Ok;
}

}  // namespace

Action add_card(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "a source (.eft) or a bundle (.efb)")->required();
  app.add_option("--task", options->task, "which task of a source; all if not given");
  app.add_option("--device", options->device, "estimate the longest times on a device, such as rpi4");
  app.add_flag("--json", options->json, "for programs: an object a line, one for each task");
  return [options] { return card(*options); };
}

}  // namespace eyeflow::eyeflowc
