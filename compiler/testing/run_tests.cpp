#include "compiler/testing/run_tests.h"

#include <algorithm>

#include "compiler/lower/leaf.h"
#include "compiler/testing/values.h"
#include "stdlib/intrinsics/intrinsics.h"
#include "vm/base/check.h"
#include "vm/engine/engine.h"

namespace eyeflow::compiler {
namespace {

class TestRun {
 public:
  TestRun(const vm::Program& program, const typed::Task& task, const typed::Test& test, const TestCode& code)
      : program_(program), test_(test), code_(code), instance_(program, binding(task, test)) {
    report_.title = test.title;
    report_.span = test.span;
    worker_.serve(program);
  }

  TestReport run() {
    instance_.start(worker_, 0);
    after_event();
    for (const typed::TestStep& step : test_.steps) {
      step_ = &step;
      std::visit([&](const auto& action) { perform(action); }, step.action);
    }
    vm::TimeNs end = now_;
    for (const Watch& watch : watches_)
      if (!watch.expect->never || watch.expect->within_ns) end = std::max(end, watch.until);
    advance(end);
    for (const Watch& watch : watches_)
      if (!watch.is_over && !watch.expect->never) fail(watch, "expected " + watch.expect->source + " within the time");
    return std::move(report_);
  }

 private:
  static vm::Instance::Binding binding(const typed::Task& task, const typed::Test& test) {
    vm::Instance::Binding binding;
    binding.params.resize(task.params.size());
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

  // At one instant readings come before timers.
  void perform(const typed::Feed& feed) {
    advance(step_->at_ns - 1);
    now_ = std::max(now_, step_->at_ns);
    const vm::InputId input{static_cast<std::uint16_t>(feed.input)};
    if (!feed.value) {
      instance_.deliver_bad(worker_, input, now_, now_);
    } else if (const auto* text = std::get_if<std::string>(&feed.value->value)) {
      instance_.deliver_text(worker_, input, *text, now_, now_);
    } else {
      instance_.deliver(worker_, input, lowering::scalar_word(*feed.value), now_, now_);
    }
    after_event();
  }

  void perform(const typed::Operate& operate) {
    advance(step_->at_ns);
    using Kind = vm::AlarmAction::Kind;
    const Kind kind = operate.kind == typed::Operate::Kind::Acknowledge ? Kind::Acknowledge
                      : operate.kind == typed::Operate::Kind::Shelve    ? Kind::Shelve
                                                                        : Kind::Unshelve;
    const vm::AlarmAction action{.kind = kind,
                                 .alarm = vm::AlarmId{static_cast<std::uint16_t>(operate.alarm)},
                                 .until = now_ + operate.for_ns,
                                 .by = "the test"};
    if (!instance_.act(worker_, action, now_)) {
      report_.passed = false;
      report_.findings.push_back(
          {.span = step_->span, .at = now_, .message = "there is nothing to do about this alarm"});
    }
    after_event();
  }

  void perform(const typed::Expect& expect) {
    advance(step_->at_ns);
    const ExpectCode& code = code_.expects[report_.expectations++];
    const vm::TimeNs until = expect.within_ns ? now_ + *expect.within_ns : INT64_MAX;
    Watch watch{.step = step_, .expect = &expect, .code = &code, .until = until};
    if (expect.never || expect.within_ns) {
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
    if (watch.is_over) return;
    if (now_ > watch.until) {
      watch.is_over = true;
      if (!watch.expect->never) fail(watch, "expected " + watch.expect->source + " within the time");
    } else if (holds(*watch.code)) {
      watch.is_over = true;
      if (watch.expect->never) fail(watch, "never expected " + watch.expect->source);
    }
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
    report_.passed = false;
    report_.findings.push_back(std::move(finding));
  }

  // "hot.raised is 0"
  std::string explain(const typed::Expect& expect, const ExpectCode::Part& part) {
    const vm::Instance::Answer answer = instance_.ask(worker_, part.function, now_);
    std::string value = part.type.kind == typed::TypeKind::Text ? show_text(answer.text)
                        : part.is_switch                        ? (answer.word != 0 ? "on" : "off")
                                                                : show_scalar(part.type, answer.word);
    if (answer.trap != vm::Trap::None) value = "nothing: " + std::string(vm::describe(answer.trap));
    // The expectation's text is the condition's stretch of the source.
    const std::uint32_t begin = part.span.offset - expect.condition->span.offset;
    EYEFLOW_CHECK(begin <= expect.source.size());
    return expect.source.substr(begin, part.span.length) + " is " + value;
  }

  // One instant after the other, so that nothing that happens in between is overlooked.
  void advance(vm::TimeNs to) {
    for (auto next = instance_.next_deadline(); next && *next <= to; next = instance_.next_deadline()) {
      now_ = std::max(now_, *next);
      instance_.advance(worker_, *next);
      after_event();
    }
    now_ = std::max(now_, to);
    for (Watch& watch : watches_) look(watch);
  }

  void after_event() {
    note_faults();
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
  vm::Worker worker_;
  vm::Instance instance_;
  const typed::TestStep* step_ = nullptr;
  vm::TimeNs now_ = 0;
  std::vector<Watch> watches_;
  TestReport report_;
};

}  // namespace

std::vector<TestReport> run_tests(const typed::Program& program, const typed::Task& task, Lowered lowered,
                                  vm::Calendar calendar) {
  const auto code = vm::Program::make(std::move(lowered.verified), stdlib::intrinsics(), {.calendar = calendar});
  std::vector<TestReport> reports;
  for (const TestCode& test : lowered.tests)
    reports.push_back(TestRun(*code, task, program.tests[test.test], test).run());
  return reports;
}

}  // namespace eyeflow::compiler
