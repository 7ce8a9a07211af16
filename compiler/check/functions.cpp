#include <algorithm>
#include <functional>

#include "compiler/check/checker.h"

namespace eyeflow::compiler::check_detail {

using typed::Type;
using typed::TypeKind;

// ---- Which functions a function calls, from the syntax alone: their order must be known before their types are
// ----------

namespace {

using Visit = std::function<void(const std::string&, const Span&)>;

void calls_in(const syntax::ExprPtr& expr, const Visit& visit);
void calls_in(const syntax::Block& block, const Visit& visit);

struct ExprCalls {
  const Visit& visit;
  void operator()(const syntax::TextExpr& e) const {
    for (const auto& part : e.parts) calls_in(part.expr, visit);
  }
  void operator()(const syntax::ArrayExpr& e) const {
    for (const auto& element : e.elements) calls_in(element, visit);
  }
  void operator()(const syntax::FillExpr& e) const {
    calls_in(e.value, visit);
    calls_in(e.count, visit);
  }
  void operator()(const syntax::UnaryExpr& e) const { calls_in(e.operand, visit); }
  void operator()(const syntax::BinaryExpr& e) const {
    calls_in(e.left, visit);
    calls_in(e.right, visit);
  }
  void operator()(const syntax::IsMissingExpr& e) const { calls_in(e.operand, visit); }
  void operator()(const syntax::CallExpr& e) const {
    if (const auto* name = e.callee ? std::get_if<syntax::NameExpr>(&e.callee->node) : nullptr) {
      visit(name->name, e.callee->span);
    } else {
      calls_in(e.callee, visit);
    }
    for (const auto& argument : e.arguments) calls_in(argument.value, visit);
  }
  void operator()(const syntax::MemberExpr& e) const { calls_in(e.object, visit); }
  void operator()(const syntax::IndexExpr& e) const {
    calls_in(e.object, visit);
    calls_in(e.index, visit);
  }
  void operator()(const syntax::ToUnitExpr& e) const { calls_in(e.object, visit); }
  template <typename Leaf>
  void operator()(const Leaf&) const {}
};

struct StmtCalls {
  const Visit& visit;
  void operator()(const syntax::LetStmt& s) const { calls_in(s.value, visit); }
  void operator()(const syntax::AssignStmt& s) const {
    calls_in(s.place, visit);
    calls_in(s.value, visit);
  }
  void operator()(const syntax::IfStmt& s) const {
    for (const auto& arm : s.arms) {
      calls_in(arm.condition, visit);
      calls_in(arm.body, visit);
    }
    if (s.otherwise) calls_in(*s.otherwise, visit);
  }
  void operator()(const syntax::ForStmt& s) const {
    calls_in(s.over, visit);
    calls_in(s.from, visit);
    calls_in(s.to, visit);
    calls_in(s.body, visit);
  }
  void operator()(const syntax::WhileStmt& s) const {
    calls_in(s.condition, visit);
    calls_in(s.body, visit);
  }
  void operator()(const syntax::ReturnStmt& s) const { calls_in(s.value, visit); }
  void operator()(const syntax::ExprStmt& s) const { calls_in(s.value, visit); }
  template <typename Leaf>
  void operator()(const Leaf&) const {}
};

void calls_in(const syntax::ExprPtr& expr, const Visit& visit) {
  if (expr) std::visit(ExprCalls{visit}, expr->node);
}
void calls_in(const syntax::Block& block, const Visit& visit) {
  for (const auto& stmt : block.statements) std::visit(StmtCalls{visit}, stmt.node);
}

}  // namespace

void TaskChecker::check_signature(FunctionEntry& entry) {
  outside_task_ = entry.of_file;
  bool sound = true;
  for (const syntax::Parameter& p : entry.decl->parameters) {
    entry.parameters.push_back({p.name.text, resolve(p.type), p.name.span});
    sound = sound && entry.parameters.back().type.kind != TypeKind::Error;
  }
  entry.result = entry.decl->result ? resolve(entry.decl->result) : plain(TypeKind::None);
  entry.is_sound = sound && entry.result.kind != TypeKind::Error;
  outside_task_ = false;
}

// Callees before callers, by depth-first search; a way back to a function that is still open is a cycle. The search
// keeps its own stack: a chain of calls may be as long as the file.
void TaskChecker::order_functions() {
  enum class Mark : std::uint8_t { New, Open, Done };
  std::vector<Mark> marks(functions_.size());
  struct Frame {
    std::uint32_t function;
    std::vector<std::pair<std::uint32_t, Span>> callees;
    std::size_t next = 0;
  };
  std::vector<Frame> stack;
  auto open = [&](std::uint32_t f) {
    Frame frame{f, {}};
    calls_in(functions_[f].decl->body, [&](const std::string& name, const Span& span) {
      auto found = symbols_.find(name);
      if (found != symbols_.end() && found->second.kind == SymbolKind::Function) {
        frame.callees.emplace_back(found->second.index, span);
      }
    });
    marks[f] = Mark::Open;
    stack.push_back(std::move(frame));
  };
  for (std::uint32_t root = 0; root < functions_.size(); ++root) {
    if (marks[root] != Mark::New) continue;
    open(root);
    while (!stack.empty()) {
      Frame& frame = stack.back();
      if (frame.next == frame.callees.size()) {
        marks[frame.function] = Mark::Done;
        check_function(functions_[frame.function]);
        stack.pop_back();
        continue;
      }
      auto [callee, span] = frame.callees[frame.next++];
      if (marks[callee] == Mark::New) {
        open(callee);
      } else if (marks[callee] == Mark::Open) {
        std::string cycle;
        auto first = std::ranges::find(stack, callee, &Frame::function);
        for (auto f = first; f != stack.end(); ++f) {
          cycle += functions_[f->function].decl->name.text + " calls ";
          functions_[f->function].is_sound = false;
        }
        cycle += functions_[callee].decl->name.text;
        report(Code::RecursiveFunction, span, "a function may not call itself: " + cycle, "use a loop with a bound");
      }
    }
  }
}

void TaskChecker::check_function(FunctionEntry& entry) {
  const syntax::FunctionDecl& decl = *entry.decl;
  begin_body(Place::Function, entry.effects);
  outside_task_ = entry.of_file;
  body_.result = entry.result;
  for (const typed::Field& p : entry.parameters) declare_local({p.name, p.span}, p.type, false);
  typed::Function out;
  out.name = decl.name.text;
  out.span = decl.name.span;
  out.parameter_count = static_cast<std::uint32_t>(entry.parameters.size());
  out.result = entry.result;
  out.body = block(decl.body);
  out.locals = end_body();
  outside_task_ = false;
  bool needs_return = entry.result.kind != TypeKind::None && entry.result.kind != TypeKind::Error;
  if (needs_return && !always_returns(decl.body)) {
    report(Code::MissingReturn, decl.name.span,
           "'" + out.name + "' may end without giving its " + to_string(entry.result), "end every way with return …");
  }
  out.touches_state = entry.effects.reads_state || !entry.effects.state_writes.empty();
  out.emits = entry.effects.emits;
  entry.id = typed::FunctionId{static_cast<std::uint32_t>(task_.functions.size())};
  task_.functions.push_back(std::move(out));
}

// ---- Handlers
// ----------------------------------------------------------------------------------------------------------

void TaskChecker::check_handler(const syntax::HandlerDecl& decl, const Span& span) {
  using syntax::TriggerForm;
  typed::Handler out;
  out.span = decl.trigger_span.length > 0 ? decl.trigger_span : span;
  out.label = source_text(out.span);
  Effects effects;
  begin_body(Place::Handler, effects);
  const char* construct = nullptr;
  switch (decl.form) {
    case TriggerForm::Value: {
      out.trigger = typed::Trigger::Input;
      const auto* name = decl.subject ? std::get_if<syntax::NameExpr>(&decl.subject->node) : nullptr;
      Type type;
      Symbol* symbol = name ? find_symbol(name->name) : nullptr;
      if (symbol && symbol->kind == SymbolKind::Input) {
        symbol->used = true;
        out.input = typed::InputId{symbol->index};
        out.label = "on " + name->name;
        type = task_.inputs[symbol->index].type;
      } else if (symbol && symbol->kind != SymbolKind::Unavailable) {
        report(Code::NotAnInput, decl.subject->span, "'" + name->name + "' is not an input, so no value of it arrives");
      } else if (name && !symbol) {
        report(Code::UnknownName, decl.subject->span, "there is no input '" + name->name + "'",
               suggestion(name->name, names_of(SymbolKind::Input)));
      }
      if (decl.variable) out.value = declare_local(*decl.variable, type, false);
      break;
    }
    case TriggerForm::Every:
      out.trigger = typed::Trigger::Every;
      out.every_ns = positive_duration(decl.subject, "a period").value_or(0);
      break;
    case TriggerForm::Start:
      out.trigger = typed::Trigger::Start;
      break;
    case TriggerForm::Stale:
      construct = "'on … stale'";
      break;
    case TriggerForm::Window:
      construct = "'on window'";
      break;
    case TriggerForm::AtTime:
      construct = "a handler at a time of day";
      break;
    case TriggerForm::Stop:
      construct = "'on stop'";
      break;
    case TriggerForm::Rising:
      construct = "'on rising'";
      break;
    case TriggerForm::Holds:
      construct = "'on (…) for'";
      break;
  }
  if (construct) {
    unavailable(construct, out.span);
    end_body();
    return;
  }
  if (decl.within) out.within_ns = positive_duration(decl.within, "a deadline");
  place_ = Place::Handler;
  effects_ = &effects;
  out.body = block(decl.body);
  out.locals = end_body();
  task_.handlers.push_back(std::move(out));
}

}  // namespace eyeflow::compiler::check_detail
