#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>

#include "runtime/site/time_zone.h"
#include "stdlib/images/image_file.h"
#include "stdlib/intrinsics/intrinsics.h"
#include "tools/eyeflowc/csv.h"
#include "tools/eyeflowc/source.h"
#include "tools/eyeflowc/values.h"
#include "vm/engine/engine.h"
#include "vm/module/image_unit.h"

namespace eyeflow::eyeflowc {
namespace {

constexpr vm::TimeNs kDay = 86'400'000'000'000;

struct Options {
  std::string file, replay, outputs = "-", task, until, start, timezone;
  std::vector<std::string> params, names;
  bool why = false;
};

// "NAME=VALUE"
std::optional<std::pair<std::string, std::string>> name_and_value(const std::string& text, const char* option) {
  const std::size_t equals = text.find('=');
  if (equals != std::string::npos) return std::pair(text.substr(0, equals), text.substr(equals + 1));
  complain(Exit::Usage, fmt::format("{} '{}' has no '='; write {} NAME=VALUE", option, text, option));
  return std::nullopt;
}

template <typename Rows, typename Name>
std::optional<std::size_t> find_row(const Rows& rows, const std::string& wanted, const char* what, const Name& name_of,
                                    const std::string& place = "") {
  std::vector<std::string> names;
  for (const auto& row : rows) names.push_back(name_of(row));
  const auto at = std::ranges::find(names, wanted);
  if (at != names.end()) return static_cast<std::size_t>(at - names.begin());
  std::string hint = compiler::suggestion(wanted, names);
  constexpr std::size_t kMostNames = 12;
  if (hint.empty() && names.size() > kMostNames) {
    hint = fmt::format("it has {} of them", names.size());
  } else if (hint.empty() && !names.empty()) {
    hint = fmt::format("it has {}", fmt::join(names, ", "));
  }
  complain(Exit::Usage,
           fmt::format("{}the task has no {} '{}'{}", place, what, wanted, hint.empty() ? "" : "; " + hint));
  return std::nullopt;
}

// `place`: where the name stands, "readings.csv:3: ".
std::optional<std::size_t> find_input(const vm::Module& module, const std::string& name,
                                      const std::string& place = "") {
  return find_row(module.inputs, name, "input", [](const vm::Input& input) { return input.value.name; }, place);
}

bool in_range(const vm::Param& param, vm::Word value) {
  const auto within = [&]<typename T>(T) {
    return vm::from_word<T>(param.min) <= vm::from_word<T>(value) &&
           vm::from_word<T>(value) <= vm::from_word<T>(param.max);
  };
  if (!param.has_range) return true;
  switch (param.type) {
    case vm::Scalar::F64:
      return within(double{});
    case vm::Scalar::F32:
      return within(float{});
    case vm::Scalar::U64:
      return within(std::uint64_t{});
    default:
      return within(std::int64_t{});
  }
}

std::optional<vm::Instance::Binding> make_binding(const vm::Module& module, const Options& options) {
  vm::Instance::Binding binding;
  binding.params.resize(module.params.size());
  for (const vm::Input& input : module.inputs) binding.input_names.push_back(input.value.name);
  for (const std::string& text : options.params) {
    const auto pair = name_and_value(text, "--param");
    if (!pair) return std::nullopt;
    const auto row = find_row(module.params, pair->first, "param", [](const vm::Param& param) { return param.name; });
    if (!row) return std::nullopt;
    const vm::Param& param = module.params[*row];
    const auto value = parse_value(pair->second, param.type, param.unit);
    if (!value) return complain(Exit::Usage, fmt::format("--param {}: {}", text, value.error().message)), std::nullopt;
    if (!in_range(param, *value)) {
      complain(Exit::Usage, fmt::format("--param {}: outside its range, {} .. {} {}", text,
                                        print_value(param.min, param.type, param.unit),
                                        print_value(param.max, param.type, param.unit), param.unit));
      return std::nullopt;
    }
    binding.params[*row] = *value;
  }
  for (const std::string& text : options.names) {
    const auto pair = name_and_value(text, "--name");
    const auto row = pair ? find_input(module, pair->first) : std::nullopt;
    if (!row) return std::nullopt;
    binding.input_names[*row] = pair->second;
  }
  return binding;
}

// What models answer in a replay: the latest row of the recording with the model's name.
struct RecordedAnswers final : vm::ModelHost {
  vm::Trap ask(std::int64_t model, vm::Scalar, std::span<const std::byte>, std::span<std::byte> result) override {
    const std::vector<std::byte>& answer = numbers[static_cast<std::size_t>(model)];
    if (answer.size() != result.size()) return vm::Trap::ModelFailed;
    std::ranges::copy(answer, result.begin());
    return vm::Trap::None;
  }
  std::vector<std::vector<std::byte>> numbers;
};

// Drives one instance and writes down what it does.
class Replay {
 public:
  Replay(const vm::Program& program, const vm::Instance::Binding& binding, std::string path)
      : module_(program.module()), path_(std::move(path)), instance_(program, binding) {
    worker_.serve(program);
    answers_.numbers.resize(module_.models.size());
    instance_.use_models(&answers_);
  }

  // Whether the row was what a model answers from there on: [0.1, 0.9], or `missing`.
  bool take_answer(const Reading& reading) {
    for (std::size_t n = 0; n < module_.models.size(); ++n) {
      if (module_.models[n].name != reading.input) continue;
      advance(reading.time_ns - 1);
      answers_.numbers[n].clear();
      const vm::Type type{vm::TypeKind::Array, vm::Scalar::F32, vm::Region::Const, module_.models[n].results};
      if (auto numbers = parse_elements(reading.value, type, ""))
        answers_.numbers[n] = std::move(*numbers);
      else if (reading.value != "missing")
        fmt::print(stderr, "{}:{}: no answer for {}: {}\n", path_, reading.line, reading.input,
                   numbers.error().message);
      return true;
    }
    return false;
  }

  void start(vm::TimeNs now) {
    instance_.start(worker_, now);
    take_effects();
  }

  void stop(vm::TimeNs now) {
    instance_.stop(worker_, now);
    take_effects();
  }

  // Why each alarm stands, or does not.
  void tell_why(vm::TimeNs now) const {
    for (std::size_t n = 0; n < module_.alarms.size(); ++n) {
      const auto story = instance_.story(vm::AlarmId{static_cast<std::uint16_t>(n)});
      fmt::print(stderr, "{}: {}\n", module_.alarms[n].name, vm::describe(module_, story, now));
    }
  }

  void advance(vm::TimeNs to) {
    for (;;) {
      instance_.advance(worker_, to);
      take_effects();
      const auto next = instance_.next_deadline();
      if (!next || *next > to) return;
    }
  }

  // At one instant readings come before timers.
  void deliver(const Reading& reading, std::size_t input) {
    advance(reading.time_ns - 1);
    const vm::Field& field = module_.inputs[input].value;
    const vm::InputId id{static_cast<std::uint16_t>(input)};
    const vm::Type& type = *module_.type(field.type);
    if (type.kind == vm::TypeKind::Text && reading.value.size() > type.capacity) {  // as on a device
      ++bad_readings_;
      fmt::print(stderr, "{}:{}: bad reading for {}: {} bytes, and text({}) holds {}; left out\n", path_, reading.line,
                 reading.input, reading.value.size(), type.capacity, type.capacity);
      instance_.deliver_bad(worker_, id, reading.time_ns, reading.time_ns);
    } else if (type.kind == vm::TypeKind::Text) {
      instance_.deliver_text(worker_, id, reading.value, reading.time_ns, reading.time_ns);
    } else if (const auto image = vm::image_form(field.unit)) {
      if (const auto pixels = read_image(reading.value, *image))
        instance_.deliver_elements(worker_, id, std::as_bytes(std::span(*pixels)), reading.time_ns, reading.time_ns);
      else
        deliver_bad(reading, id, pixels.error().message);
    } else if (type.kind != vm::TypeKind::Scalar) {
      if (const auto elements = parse_elements(reading.value, type, field.unit))
        instance_.deliver_elements(worker_, id, *elements, reading.time_ns, reading.time_ns);
      else
        deliver_bad(reading, id, elements.error().message);
    } else if (const auto word = parse_value(reading.value, type.element, field.unit)) {
      instance_.deliver(worker_, id, *word, reading.time_ns, reading.time_ns);
    } else {
      deliver_bad(reading, id, word.error().message);
    }
    take_effects();
  }

  // A file beside the recording.
  Result<std::vector<char>> read_image(const std::string& name, const vm::ImageForm& wanted) {
    const auto file = read_file((std::filesystem::path(path_).parent_path() / name).string());
    if (!file) return std::unexpected(file.error());
    std::vector<char> buffer;
    const auto pixels = stdlib::pixels_of_file(wanted, *file, buffer);
    if (!pixels) return fail(fmt::format("'{}' is no image file, or not of {}", name, vm::image_unit(wanted)));
    return std::vector<char>(pixels->begin(), pixels->end());
  }

  void deliver_bad(const Reading& reading, vm::InputId id, const std::string& why) {
    ++bad_readings_;
    fmt::print(stderr, "{}:{}: bad reading for {}: {}; left out\n", path_, reading.line, reading.input, why);
    instance_.deliver_bad(worker_, id, reading.time_ns, reading.time_ns);
  }

  const std::string& output() const { return output_; }

 private:
  void write(vm::TimeNs time, const std::string& name, std::string_view value) {
    output_ += milliseconds(time) + "," + csv_field(name) + "," + csv_field(value) + "\n";
  }

  void take_effects() {
    for (const vm::Effect& effect : worker_.effects()) {
      if (vm::is_of_alarm(effect.kind)) {
        static constexpr const char* kWords[] = {"raised",  "cleared",   "acknowledged",
                                                 "shelved", "unshelved", "reminded"};
        const std::string name = "alarm." + module_.alarms[effect.index].name;
        const auto kind = static_cast<std::size_t>(effect.kind) - static_cast<std::size_t>(vm::EffectKind::AlarmRaised);
        write(effect.time, name, kWords[kind]);
        if (effect.kind == vm::EffectKind::AlarmRaised) write(effect.time, name + ".text", effect.text);
      } else {
        write_fields(effect, module_.outputs[effect.index]);
      }
    }
    for (const vm::Fault& fault : worker_.faults())
      fmt::print(stderr, "{}:{}: '{}' stopped: {}; what it had done is undone\n", module_.source, fault.line,
                 module_.functions[vm::index(fault.function)].name, vm::describe(fault.trap));
  }

  void write_fields(const vm::Effect& effect, const vm::Output& output) {
    const std::byte* at = effect.fields.data();
    for (const vm::Field& field : output.fields) {
      const std::string name = output.kind == vm::OutputKind::Log ? output.name + "." + field.name : output.name;
      const vm::Type& type = *module_.type(field.type);
      vm::Word word;
      std::memcpy(&word, at, sizeof word);
      at += sizeof word;
      if (type.kind != vm::TypeKind::Scalar) {
        if (type.kind == vm::TypeKind::Text)
          write(effect.time, name, {reinterpret_cast<const char*>(at), word});
        else
          write(effect.time, name, print_elements({at, word}, type.element));
        at += (word + 7) / 8 * 8;
      } else if (output.kind == vm::OutputKind::Switch) {
        write(effect.time, name, word != 0 ? "on" : "off");
      } else {
        write(effect.time, name, print_value(word, type.element, field.unit));
      }
    }
  }

  const vm::Module& module_;
  std::string path_;
  RecordedAnswers answers_;
  vm::Worker worker_;
  vm::Instance instance_;
  std::string output_ = "time_ms,output,value\n";
  std::size_t bad_readings_ = 0;
};

Exit run(const Options& options) {
  auto source = load_source(options.file);
  if (!source) return complain(source.error());
  if (!source->program) return report(*source), Exit::Findings;
  const auto task = choose_task(*source, options.task);
  if (!task) return Exit::Usage;
  auto lowered = compiler::lower(*source->program, *task, {.source_name = source->program_name}, source->diagnostics);
  if (!report(*source) || !lowered) return Exit::Findings;

  const auto recording = read_file(options.replay);
  if (!recording) return complain(recording.error());
  const auto readings = read_recording(*recording, options.replay);
  if (!readings) return complain(readings.error());
  std::shared_ptr<const runtime::TimeZone> zone;
  if (!options.timezone.empty()) {
    const auto found = runtime::TimeZone::load(options.timezone);
    if (!found) return complain(Exit::Usage, found.error().message);
    zone = *found;
  }
  const auto program =
      vm::Program::make(std::move(lowered->verified), stdlib::intrinsics(),
                        {.calendar = zone ? vm::Calendar{&runtime::TimeZone::next_of, zone.get()} : vm::Calendar{}});
  const auto binding = make_binding(program->module(), options);
  if (!binding) return Exit::Usage;

  vm::TimeNs start = 0;
  if (!readings->empty() && (readings->front().time_ns > kDay || readings->front().time_ns < 0))
    start = readings->front().time_ns;
  if (!options.start.empty()) {
    const auto time = parse_time_option(options.start, "--start");
    if (!time) return complain(Exit::Usage, time.error().message);
    start = *time;
  }
  if (!readings->empty() && readings->front().time_ns < start)
    return complain(Exit::Usage, "--start is later than the first reading");
  vm::TimeNs until = readings->empty() ? start : readings->back().time_ns;
  if (!options.until.empty()) {
    const auto time = parse_time_option(options.until, "--until");
    if (!time) return complain(Exit::Usage, time.error().message);
    until = *time;
  }

  Replay replay(*program, *binding, options.replay);
  replay.start(start);
  for (const Reading& reading : *readings) {
    if (reading.time_ns > until) break;
    if (reading.input.empty()) {
      replay.advance(reading.time_ns);
      continue;
    }
    if (replay.take_answer(reading)) continue;
    const auto input =
        find_input(program->module(), reading.input, fmt::format("{}:{}: ", options.replay, reading.line));
    if (!input) return Exit::Files;
    replay.deliver(reading, *input);
  }
  replay.advance(until);
  if (options.why) replay.tell_why(until);
  replay.stop(until);
  if (const auto written = write_file(options.outputs, replay.output()); !written) return complain(written.error());
  return Exit::Ok;
}

}  // namespace

Action add_run(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "the task's source, FILE.eft")->required();
  app.add_option("--replay", options->replay, "the recording, a CSV file: time_ms,input,value")
      ->required()
      ->type_name("IN.csv");
  app.add_option("--outputs", options->outputs, "where the effects go, a CSV file; stdout if not given")
      ->type_name("OUT.csv");
  app.add_option("--param", options->params, "set a param, inside its range: limit=75, 'limit=75 °C'")
      ->type_name("NAME=VALUE");
  app.add_option("--name", options->names, "what {input.name} prints; the input's own name if not given")
      ->type_name("INPUT=TEXT");
  app.add_option("--until", options->until, "go on after the last reading: '10 min', or milliseconds")->type_name("T");
  app.add_option("--start", options->start, "the time at the start, likewise")->type_name("T");
  app.add_flag("--why", options->why, "tell for each alarm why it stands at the end, or why it does not");
  app.add_option("--timezone", options->timezone,
                 "of handlers at a time of day, such as Europe/Berlin; UTC if not given")
      ->type_name("ZONE");
  app.add_option("--task", options->task, "which task, where the file has several");
  return [options] { return run(*options); };
}

}  // namespace eyeflow::eyeflowc
