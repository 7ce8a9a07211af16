#include "compiler/testing/run_tests.h"

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
    note_faults();
    for (const typed::TestStep& step : test_.steps) {
      step_ = &step;
      std::visit([&](const auto& action) { perform(action); }, step.action);
    }
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

  // At one instant readings come before timers.
  void perform(const typed::Feed& feed) {
    advance(step_->at_ns - 1);
    now_ = step_->at_ns;
    const vm::InputId input{static_cast<std::uint16_t>(feed.input)};
    if (!feed.value) {
      instance_.deliver_bad(worker_, input, now_, now_);
    } else if (const auto* text = std::get_if<std::string>(&feed.value->value)) {
      instance_.deliver_text(worker_, input, *text, now_, now_);
    } else {
      instance_.deliver(worker_, input, lowering::scalar_word(*feed.value), now_, now_);
    }
    note_faults();
  }

  void perform(const typed::Expect& expect) {
    advance(step_->at_ns);
    now_ = step_->at_ns;
    const ExpectCode& code = code_.expects[report_.expectations++];
    const vm::Instance::Answer holds = instance_.ask(worker_, code.condition, now_);
    if (holds.trap == vm::Trap::None && holds.word != 0) return;
    TestFinding finding{.span = step_->span, .at = now_, .message = "expected " + expect.source};
    if (holds.trap != vm::Trap::None) {
      finding.explanation.push_back("it has no value: " + std::string(vm::describe(holds.trap)));
    } else {
      for (const ExpectCode::Part& part : code.parts) finding.explanation.push_back(explain(expect, part));
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

  void advance(vm::TimeNs to) {
    if (to < now_) return;
    for (;;) {
      instance_.advance(worker_, to);
      note_faults();
      const auto next = instance_.next_deadline();
      if (!next || *next > to) break;
    }
    now_ = to;
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
