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
    calls_in(e.end, visit);
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
  void operator()(const syntax::MatchStmt& s) const {
    calls_in(s.subject, visit);
    for (const auto& arm : s.arms) calls_in(arm.body, visit);
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

// ---- Sizes that a call decides: `fn energy(xs: [f64; n])`
// ---------------------------------------------------------------

namespace {

// Names that stand where a size is, in a type as written.
template <typename Visit>
void for_each_size(const syntax::TypePtr& type, const Visit& visit) {
  const auto name = [&](const syntax::ExprPtr& expr) {
    if (const auto* n = expr ? std::get_if<syntax::NameExpr>(&expr->node) : nullptr) visit(n->name);
  };
  if (!type) return;
  if (const auto* n = std::get_if<syntax::NamedType>(&type->node)) {
    const bool is_image = n->name.text == "image";  // whose last argument is a word of its own
    for (std::size_t i = 0; i < n->arguments.size(); ++i)
      if (!is_image || i < 2) name(n->arguments[i]);
  } else if (const auto* n = std::get_if<syntax::ArrayType>(&type->node)) {
    name(n->size);
    for_each_size(n->element, visit);
  } else if (const auto* n = std::get_if<syntax::OptionalType>(&type->node)) {
    for_each_size(n->element, visit);
  }
}

}  // namespace

bool TaskChecker::has_open_sizes(const syntax::FunctionDecl& decl) {
  bool open = false;
  for (const syntax::Parameter& p : decl.parameters) {
    for_each_size(p.type,
                  [&](const std::string& name) { open = open || !(sizes_.contains(name) || find_symbol(name)); });
  }
  return open;
}

// Finds the open sizes of a parameter's type in what is given for it. False where the two have another shape.
bool TaskChecker::infer(const syntax::Type& written, const Type& actual, Sizes& sizes) {
  const auto bind = [&](const syntax::ExprPtr& expr, std::uint32_t size) {
    const auto* n = expr ? std::get_if<syntax::NameExpr>(&expr->node) : nullptr;
    if (n && !sizes_.contains(n->name) && !find_symbol(n->name)) sizes.emplace(n->name, size);
  };
  if (const auto* n = std::get_if<syntax::ArrayType>(&written.node)) {
    const bool same = n->bounded ? actual.kind == TypeKind::BoundedArray : actual.kind == TypeKind::FixedArray;
    if (!same) return false;
    bind(n->size, actual.size);
    return !n->element || infer(*n->element, *actual.element, sizes);
  }
  const auto* n = std::get_if<syntax::NamedType>(&written.node);
  if (!n || n->arguments.empty()) return true;
  if (n->name.text == "text") {
    if (actual.kind != TypeKind::Text) return false;
    bind(n->arguments[0], actual.size);
  } else if (n->name.text == "bytes") {
    if (actual.kind != TypeKind::BoundedArray || !is_bytes(actual)) return false;
    bind(n->arguments[0], actual.size);
  } else if (n->name.text == "image") {
    if (!typed::is_image(actual) || n->arguments.size() != 3) return false;
    bind(n->arguments[0], actual.width);
    bind(n->arguments[1], actual.height);
  } else {
    if (actual.kind != TypeKind::Record || actual.record->sizes.size() != n->arguments.size()) return false;
    for (std::size_t i = 0; i < n->arguments.size(); ++i) bind(n->arguments[i], actual.record->sizes[i]);
  }
  return true;
}

// The function with these sizes and this record; made when it is first asked for.
std::uint32_t TaskChecker::instance(const FunctionEntry& of, Sizes sizes, std::optional<Receiver> receiver,
                                    std::string name) {
  for (std::uint32_t i = 0; i < functions_.size(); ++i) {
    const FunctionEntry& f = functions_[i];
    if (f.decl == of.decl && f.has_open_sizes == of.has_open_sizes && f.sizes == sizes && f.receiver == receiver)
      return i;
  }
  FunctionEntry entry;
  entry.decl = of.decl;
  entry.home = of.home;
  entry.sizes = std::move(sizes);
  entry.receiver = std::move(receiver);
  entry.name = std::move(name);
  entry.has_open_sizes = of.has_open_sizes;
  functions_.push_back(std::move(entry));
  return static_cast<std::uint32_t>(functions_.size() - 1);
}

// ---- Signatures, bodies, and their order
// ------------------------------------------------------------------------------------

void TaskChecker::check_signature(FunctionEntry& entry) {
  if (std::exchange(entry.has_signature, true)) return;
  at_home(entry.home, entry.sizes, [&] {
    bool sound = true;
    for (const syntax::Parameter& p : entry.decl->parameters) {
      entry.parameters.push_back({p.name.text, resolve(p.type), p.name.span});
      const Type& type = entry.parameters.back().type;
      entry.defaults.push_back(p.value ? constant(p.value, type) : std::nullopt);
      sound = sound && type.kind != TypeKind::Error && (!p.value || entry.defaults.back());
    }
    entry.result = entry.decl->result ? resolve(entry.decl->result) : plain(TypeKind::None);
    entry.is_sound = sound && entry.result.kind != TypeKind::Error;
  });
}

void TaskChecker::report_cycle(std::uint32_t function, const Span& call) {
  std::string cycle;
  for (auto f = std::ranges::find(open_, function); f != open_.end(); ++f) {
    cycle += functions_[*f].name + " calls ";
    functions_[*f].is_sound = false;
  }
  report(Code::RecursiveFunction, call, "a function may not call itself: " + cycle + functions_[function].name,
         "use a loop with a bound");
}

// The task's own functions, callees before callers, by depth-first search; a way back to a function that is still open
// is a cycle. The search keeps its own stack: a chain of calls may be as long as the file. What it cannot see in the
// text (functions of records, functions whose sizes a call decides) is checked when it is called: check_callee().
void TaskChecker::order_functions() {
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
      if (found != symbols_.end() && found->second.kind == SymbolKind::Function &&
          !functions_[found->second.index].has_open_sizes) {
        frame.callees.emplace_back(found->second.index, span);
      }
    });
    functions_[f].progress = FunctionEntry::Busy;
    open_.push_back(f);
    stack.push_back(std::move(frame));
  };
  const std::size_t declared = functions_.size();
  for (std::uint32_t root = 0; root < declared; ++root) {
    const FunctionEntry& entry = functions_[root];
    if (entry.progress != FunctionEntry::Waiting || entry.has_open_sizes || entry.home.module != kOwnFile) continue;
    open(root);
    while (!stack.empty()) {
      Frame& frame = stack.back();
      if (frame.next == frame.callees.size()) {
        const std::uint32_t function = frame.function;
        check_function(function);
        functions_[function].progress = FunctionEntry::Done;
        open_.pop_back();
        stack.pop_back();
        continue;
      }
      auto [callee, span] = frame.callees[frame.next++];
      if (functions_[callee].progress == FunctionEntry::Waiting) {
        open(callee);
      } else if (functions_[callee].progress == FunctionEntry::Busy) {
        report_cycle(callee, span);
      }
    }
  }
}

void TaskChecker::check_callee(std::uint32_t function, const Span& call) {
  constexpr std::size_t kMaxNested = 64;
  FunctionEntry& entry = functions_[function];
  check_signature(entry);
  if (entry.progress == FunctionEntry::Done) return;
  // A cycle among the task's own functions has been reported by order_functions().
  if (entry.progress == FunctionEntry::Busy) {
    if (entry.is_sound) report_cycle(function, call);
    return;
  }
  entry.progress = FunctionEntry::Busy;
  if (nested_checks_ == kMaxNested) {
    report(Code::TooLarge, call, "these calls go more than " + std::to_string(kMaxNested) + " deep",
           "call it where fewer functions are on the way");
    entry.is_sound = false;
  } else {
    ++nested_checks_;
    open_.push_back(function);
    Body body = std::exchange(body_, {});
    Place place = place_;
    Effects* effects = effects_;
    auto loops = std::exchange(state_loops_, {});
    check_function(function);
    state_loops_ = std::move(loops);
    effects_ = effects;
    place_ = place;
    body_ = std::move(body);
    open_.pop_back();
    --nested_checks_;
  }
  entry.progress = FunctionEntry::Done;
}

void TaskChecker::check_function(std::uint32_t function) {
  FunctionEntry& entry = functions_[function];
  const syntax::FunctionDecl& decl = *entry.decl;
  typed::Function out;
  at_home(entry.home, entry.sizes, [&] {
    begin_body(Place::Function, entry.effects);
    body_.result = entry.result;
    if (entry.receiver) declare_self(*entry.receiver, decl.name.span);
    for (const typed::Field& p : entry.parameters) declare_local({p.name, p.span}, p.type, false);
    out.name = entry.name;
    out.span = decl.name.span;
    out.parameter_count = static_cast<std::uint32_t>(body_.locals.size());
    out.result = entry.result;
    out.body = block(decl.body);
    out.locals = end_body();
  });
  bool needs_return = entry.result.kind != TypeKind::None && entry.result.kind != TypeKind::Error;
  if (needs_return && !always_returns(decl.body)) {
    report(Code::MissingReturn, decl.name.span,
           "'" + decl.name.text + "' may end without giving its " + to_string(entry.result),
           "end every way with return …");
  }
  out.touches_state = entry.effects.reads_state || !entry.effects.state_writes.empty();
  out.emits = entry.effects.emits;
  out.returns_self = entry.effects.writes_self;
  out.of_module = entry.home.module != kOwnFile;
  out.of_library =
      out.of_module && modules_given_.used[static_cast<std::size_t>(entry.home.module)].path.starts_with("std.");
  entry.id = typed::FunctionId{static_cast<std::uint32_t>(task_.functions.size())};
  task_.functions.push_back(std::move(out));
}

// `self`: the place in the state, or the first parameter, which is a copy that goes back when it was changed.
void TaskChecker::declare_self(const Receiver& receiver, const Span& span) {
  if (!receiver.state) {
    body_.locals.push_back({"self", span, receiver.type, true});
    body_.infos.push_back({{}, true, 0, false});
    body_.self_local = typed::LocalId{0};
    body_.scopes.back().emplace("self", typed::LocalId{0});
    return;
  }
  const typed::State& state = task_.states[typed::index(*receiver.state)];
  body_.self = make_expr(state.type, span, typed::StateExpr{*receiver.state});
  for (const std::uint32_t field : receiver.path) {
    const Type type = body_.self->type.record->fields[field].type;
    body_.self = make_expr(type, span, typed::FieldOf{std::move(body_.self), field});
  }
}

typed::ExprPtr TaskChecker::self_place(const Span& span) const {
  const auto copy = [&](const auto& copy, const typed::Expr& e) -> typed::ExprPtr {
    if (const auto* f = std::get_if<typed::FieldOf>(&e.node))
      return make_expr(e.type, span, typed::FieldOf{copy(copy, *f->record), f->field});
    return make_expr(e.type, span, std::get<typed::StateExpr>(e.node));
  };
  return copy(copy, *body_.self);
}

}  // namespace eyeflow::compiler::check_detail
