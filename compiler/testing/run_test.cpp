#include "compiler/testing/run_test.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "compiler/lower/leaf.h"
#include "compiler/testing/values.h"
#include "vm/base/check.h"
#include "vm/engine/engine.h"

namespace eyeflow::compiler {
namespace {

// Of one run: more take minutes, and somebody has mistaken a unit.
constexpr std::uint64_t kMostInstants = 10'000'000;

// An array's elements as they stand in memory.
std::vector<std::byte> elements_of(const typed::Constant& array) {
  const lowering::LeafConstant leaf = lowering::leaf_constants(array).front();
  const auto size = static_cast<std::size_t>(vm::size_bytes(leaf.type.scalar));
  std::vector<std::byte> bytes(leaf.elements.size() * size);
  for (std::size_t n = 0; n < leaf.elements.size(); ++n) std::memcpy(bytes.data() + n * size, &leaf.elements[n], size);
  return bytes;
}

// What the models answer, as the test says.
struct Answers final : vm::ModelHost {
  vm::Trap ask(std::int64_t model, vm::Scalar, std::span<const std::byte>, std::span<std::byte> result) override {
    const std::vector<float>& answer = numbers[static_cast<std::size_t>(model)];
    if (answer.empty()) return vm::Trap::ModelFailed;
    std::memcpy(result.data(), answer.data(), result.size());
    return vm::Trap::None;
  }
  std::vector<std::vector<float>> numbers;  // none: it fails
};

class TestRun {
 public:
  TestRun(const vm::Program& program, const typed::Task& task, const typed::Test& test, const TestCode& code,
          const TestInput& input, const Watcher& watcher)
      : program_(program),
        test_(test),
        code_(code),
        input_(input),
        watcher_(watcher),
        instance_(program, binding(task, test, code, input)) {
    worker_.serve(program);
    answers_.numbers.resize(task.models.size());
    instance_.use_models(&answers_);
  }

  RunResult run() {
    instance_.start(worker_, 0);
    after_event();
    if (input_.row) {
      for (const typed::Feed& feed : input_.row->feeds) deliver(feed);
    }
    for (std::size_t i = 0; i < test_.steps.size(); ++i) {
      step_ = &test_.steps[i];
      step_code_ = &code_.steps[i];
      if (!set_step_time()) return std::move(report_);
      std::visit([&](const auto& action) { perform(action); }, step_->action);
    }
    if (input_.row) compare_answers();
    vm::TimeNs end = input_.sample ? std::max(now_, input_.sample->end) : now_;
    for (const Watch& watch : watches_)
      if (watch.expect->within_ns) end = std::max(end, watch.until);
    advance(end);
    look_behind_reading();
    for (const Watch& watch : watches_)
      if (!watch.is_over && watch.expect->within_ns && !watch.expect->never)
        fail(watch, "expected " + watch.expect->source + " within the time");
    return std::move(report_);
  }

 private:
  static vm::Instance::Binding binding(const typed::Task& task, const typed::Test& test, const TestCode& code,
                                       const TestInput& input) {
    vm::Instance::Binding binding;
    binding.params.resize(code.first_given + test.givens.size());
    for (std::size_t given = 0; given < test.givens.size(); ++given) {
      binding.params[code.first_given + given] =
          input.row ? lowering::scalar_word(input.row->givens[given]) : input.sample->givens[given];
    }
    for (const typed::ParamOverride& override_ : test.params)
      binding.params[typed::index(override_.param)] = lowering::scalar_word(override_.value);
    for (const typed::Input& input : task.inputs) binding.input_names.push_back(input.name);
    return binding;
  }

  // An expectation that more than one instant decides.
  struct Watch {
    const typed::TestStep* step;
    const typed::Expect* expect;
    const ExpectCode* code;
    vm::TimeNs until;
    bool is_over = false;
  };

  // False: the run cannot go on.
  bool set_step_time() {
    at_ = step_->at_ns;
    if (step_->at_computed) {
      const vm::Instance::Answer answer = instance_.ask(worker_, step_code_->at, now_);
      at_ = static_cast<vm::TimeNs>(answer.word);
      if (answer.trap != vm::Trap::None)
        return stop("its time has no value: " + std::string(vm::describe(answer.trap)));
      if (at_ < last_step_)
        return stop("this step would be at " + show_duration(at_) + ", before the step above at " +
                    show_duration(last_step_));
    }
    at_ = last_step_ = std::max(at_, last_step_);
    return true;
  }
  bool stop(std::string why) {
    report_.findings.push_back({.span = step_ ? step_->span : test_.span, .at = now_, .message = std::move(why)});
    return false;
  }

  // At one instant readings come before timers.
  void perform(const typed::Answer& answer) {
    advance(at_ - 1);
    now_ = std::max(now_, at_);
    answers_.numbers[typed::index(answer.model)] = answer.numbers;
  }

  void perform(const typed::Feed& feed) {
    advance(at_ - 1);
    now_ = std::max(now_, at_);
    if (!feed.computed) return deliver(feed);
    const vm::Instance::Answer answer = instance_.ask(worker_, step_code_->value, now_);
    const typed::Type& type = feed.computed->type;
    if (answer.trap != vm::Trap::None) {
      stop("its value cannot be told: " + std::string(vm::describe(answer.trap)));
    } else if (type.kind == typed::TypeKind::Text) {
      deliver(feed.input, typed::Constant{type, answer.text});
    } else if ((type.kind == typed::TypeKind::F64 && std::isnan(vm::from_word<double>(answer.word))) ||
               (type.kind == typed::TypeKind::F32 && std::isnan(vm::from_word<float>(answer.word)))) {
      deliver(feed.input, std::nullopt);
    } else {
      deliver_word(feed.input, answer.word);
    }
  }

  void deliver(const typed::Feed& feed) {
    if (!feed.elements) return deliver(feed.input, feed.value);
    const vm::InputId input{static_cast<std::uint16_t>(feed.input)};
    instance_.deliver_elements(worker_, input, std::as_bytes(std::span(*feed.elements)), now_, now_);
    after_event();
  }
  void deliver(typed::InputId to, const std::optional<typed::Constant>& value) {
    const vm::InputId input{static_cast<std::uint16_t>(to)};
    if (value && typed::is_scalar(value->type.kind)) return deliver_word(to, lowering::scalar_word(*value));
    if (value && typed::is_array(value->type.kind))
      instance_.deliver_elements(worker_, input, elements_of(*value), now_, now_);
    else if (value)
      instance_.deliver_text(worker_, input, std::get<std::string>(value->value), now_, now_);
    else
      instance_.deliver_bad(worker_, input, now_, now_);
    after_event();
  }
  void deliver_word(typed::InputId to, vm::Word word) {
    instance_.deliver(worker_, vm::InputId{static_cast<std::uint16_t>(to)}, word, now_, now_);
    after_event();
  }

  void perform(const typed::Operate& operate) {
    advance(at_);
    using Kind = vm::AlarmAction::Kind;
    const Kind kind = operate.kind == typed::Operate::Kind::Acknowledge ? Kind::Acknowledge
                      : operate.kind == typed::Operate::Kind::Shelve    ? Kind::Shelve
                                                                        : Kind::Unshelve;
    const vm::AlarmAction action{.kind = kind,
                                 .alarm = vm::AlarmId{static_cast<std::uint16_t>(operate.alarm)},
                                 .until = now_ + operate.for_ns,
                                 .by = "the test"};
    if (!instance_.act(worker_, action, now_)) stop("there is nothing to do about this alarm");
    after_event();
  }

  void perform(const typed::Expect& expect) {
    advance(at_);
    ++report_.expectations;
    const ExpectCode& code = step_code_->expect;
    const vm::TimeNs until = expect.within_ns ? now_ + *expect.within_ns : INT64_MAX;
    Watch watch{.step = step_, .expect = &expect, .code = &code, .until = until};
    if (expect.always) {
      watches_.push_back(watch);
    } else if (expect.never || expect.within_ns) {
      look(watch);
      if (!watch.is_over) watches_.push_back(watch);
    } else if (!holds(code)) {
      fail(watch, "expected " + expect.source);
    }
  }

  bool holds(const ExpectCode& code) {
    const vm::Instance::Answer answer = instance_.ask(worker_, code.condition, now_);
    return answer.trap == vm::Trap::None && answer.word != 0;
  }

  void look(Watch& watch) {
    if (watch.is_over || watch.expect->always) return;
    if (now_ > watch.until) {
      watch.is_over = true;
      if (!watch.expect->never) fail(watch, "expected " + watch.expect->source + " within the time");
    } else if (holds(*watch.code)) {
      watch.is_over = true;
      if (watch.expect->never) fail(watch, "never expected " + watch.expect->source);
    }
  }

  void look_behind_reading() {
    for (Watch& watch : watches_) {
      if (!watch.expect->always || watch.is_over) continue;
      const vm::Instance::Answer answer = instance_.ask(worker_, watch.code->condition, now_);
      // Like an alarm's condition, one that names an input is not looked at before that had a reading.
      if (answer.trap == vm::Trap::NoReading || (answer.trap == vm::Trap::None && answer.word != 0)) continue;
      watch.is_over = true;
      fail(watch, "expected " + watch.expect->source);
    }
  }

  // Of a row of the table, behind the last step.
  void compare_answers() {
    for (std::size_t i = 0; i < test_.columns.size(); ++i) {
      const auto& wanted = input_.row->wanted[i];
      if (!wanted) continue;
      ++report_.expectations;
      const typed::WantedColumn& column = test_.columns[i];
      const vm::Instance::Answer answer = instance_.ask(worker_, code_.columns[i], now_);
      if (answer.trap == vm::Trap::None && is_wanted(*wanted, answer)) continue;
      const bool is_switch = std::holds_alternative<typed::OutputValue>(column.value->node);
      TestFinding finding{.span = input_.row->span, .at = now_, .message = {}};
      finding.message = "expected " + column.source + " to be " + show_constant(wanted->value, is_switch);
      if (wanted->last) finding.message += " .. " + show_constant(*wanted->last, is_switch);
      finding.explanation.push_back(answer.trap != vm::Trap::None
                                        ? "it has no value: " + std::string(vm::describe(answer.trap))
                                        : column.source + " is " + show(column.value->type, is_switch, answer));
      report_.findings.push_back(std::move(finding));
    }
  }

  static bool is_wanted(const typed::Wanted& wanted, const vm::Instance::Answer& answer) {
    if (const auto* text = std::get_if<std::string>(&wanted.value.value)) return answer.text == *text;
    const auto at_most = [&](const typed::Type& type, vm::Word a, vm::Word b) {
      if (type.kind == typed::TypeKind::F64) return vm::from_word<double>(a) <= vm::from_word<double>(b);
      if (type.kind == typed::TypeKind::F32) return vm::from_word<float>(a) <= vm::from_word<float>(b);
      if (type.kind == typed::TypeKind::U64) return a <= b;
      return static_cast<std::int64_t>(a) <= static_cast<std::int64_t>(b);
    };
    const typed::Type& type = wanted.value.type;
    const vm::Word first = lowering::scalar_word(wanted.value);
    const vm::Word last = wanted.last ? lowering::scalar_word(*wanted.last) : first;
    return at_most(type, first, answer.word) && at_most(type, answer.word, last);
  }

  static std::string show(const typed::Type& type, bool is_switch, const vm::Instance::Answer& answer) {
    if (type.kind == typed::TypeKind::Text) return show_text(answer.text);
    if (is_switch && type.kind == typed::TypeKind::Bool) return answer.word != 0 ? "on" : "off";
    return show_scalar(type, answer.word);
  }
  static std::string show_constant(const typed::Constant& constant, bool is_switch) {
    if (const auto* text = std::get_if<std::string>(&constant.value)) return show_text(*text);
    return show(constant.type, is_switch, {.word = lowering::scalar_word(constant)});
  }

  void fail(const Watch& watch, std::string message) {
    TestFinding finding{.span = watch.step->span, .at = now_, .message = std::move(message)};
    const vm::Instance::Answer answer = instance_.ask(worker_, watch.code->condition, now_);
    if (answer.trap != vm::Trap::None) {
      finding.explanation.push_back("it has no value: " + std::string(vm::describe(answer.trap)));
    } else {
      for (const ExpectCode::Part& part : watch.code->parts)
        finding.explanation.push_back(explain(*watch.expect, part));
    }
    report_.findings.push_back(std::move(finding));
  }

  // "hot.raised is 0"
  std::string explain(const typed::Expect& expect, const ExpectCode::Part& part) {
    const vm::Instance::Answer answer = instance_.ask(worker_, part.function, now_);
    std::string value = show(part.type, part.is_switch, answer);
    if (answer.trap != vm::Trap::None) value = "nothing: " + std::string(vm::describe(answer.trap));
    // The expectation's text is the condition's stretch of the source.
    const std::uint32_t begin = part.span.offset - expect.condition->span.offset;
    EYEFLOW_CHECK(begin <= expect.source.size());
    return expect.source.substr(begin, part.span.length) + " is " + value;
  }

  // The readings of a sample come when it is their time, before the timers of the same instant.
  void advance(vm::TimeNs to) {
    for (; input_.sample && next_arrival_ < input_.sample->arrivals.size(); ++next_arrival_) {
      const Arrival& arrival = input_.sample->arrivals[next_arrival_];
      if (arrival.at > to) break;
      run_timers(arrival.at - 1);
      now_ = std::max(now_, arrival.at);
      const typed::InputId input = test_.streams[arrival.stream].input;
      arrival.value ? deliver_word(input, *arrival.value) : deliver(input, std::nullopt);
      look_behind_reading();
    }
    run_timers(to);
  }

  // One instant after the other, so that nothing that happens in between is overlooked.
  void run_timers(vm::TimeNs to) {
    for (auto next = instance_.next_deadline(); next && *next <= to; next = instance_.next_deadline()) {
      if (report_.instants == kMostInstants) break;
      if (++report_.instants == kMostInstants)
        stop("the timers of this test ran at " + std::to_string(kMostInstants) +
             " instants, and that is enough: take less time or longer periods");
      now_ = std::max(now_, *next);
      instance_.advance(worker_, *next);
      after_event();
    }
    now_ = std::max(now_, to);
    for (Watch& watch : watches_) look(watch);
  }

  void after_event() {
    note_faults();
    if (watcher_) {
      for (const vm::Effect& effect : worker_.effects()) watcher_(effect);
    }
    for (Watch& watch : watches_) look(watch);
  }

  void note_faults() {
    for (const vm::Fault& fault : worker_.faults()) {
      TestFinding finding{.span = {.line = fault.line}, .at = now_, .is_failure = false, .message = {}};
      finding.message = "'" + program_.module().functions[vm::index(fault.function)].name +
                        "' stopped: " + std::string(vm::describe(fault.trap));
      report_.findings.push_back(std::move(finding));
    }
  }

  const vm::Program& program_;
  const typed::Test& test_;
  const TestCode& code_;
  const TestInput& input_;
  const Watcher& watcher_;
  Answers answers_;
  vm::Worker worker_;
  vm::Instance instance_;
  const typed::TestStep* step_ = nullptr;
  const StepCode* step_code_ = nullptr;
  vm::TimeNs at_ = 0, last_step_ = 0;  // of the step at hand, and of the one before
  vm::TimeNs now_ = 0;
  std::size_t next_arrival_ = 0;
  std::vector<Watch> watches_;
  RunResult report_;
};

}  // namespace

bool RunResult::passed() const { return std::ranges::none_of(findings, &TestFinding::is_failure); }

RunResult run_test(const vm::Program& program, const typed::Task& task, const typed::Test& test, const TestCode& code,
                   const TestInput& input, const Watcher& watcher) {
  return TestRun(program, task, test, code, input, watcher).run();
}

}  // namespace eyeflow::compiler
