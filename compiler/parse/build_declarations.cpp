#include <algorithm>

#include "EyeFlowLexer.h"
#include "compiler/parse/build_tree.h"

namespace eyeflow::compiler::parse_detail {

namespace {

template <typename T>
T* as(antlr4::tree::ParseTree* tree) {
  return dynamic_cast<T*>(tree);
}

template <typename Node>
syntax::TypePtr make_type(const Span& span, Node node) {
  auto type = std::make_unique<syntax::Type>();
  type->span = span;
  type->node = std::move(node);
  return type;
}

}  // namespace

Span TreeBuilder::span(antlr4::Token* token) const { return span_of(reader_, token); }

Span TreeBuilder::span(antlr4::ParserRuleContext* ctx) const {
  antlr4::Token* start = ctx->getStart();
  antlr4::Token* stop = ctx->getStop();
  if (!start) return {};
  Span first = span(start);
  return stop && stop->getTokenIndex() >= start->getTokenIndex() ? join(first, span(stop)) : first;
}

syntax::Name TreeBuilder::name(P::NameContext* ctx) {
  if (is_broken(ctx)) return {"", ctx ? span(ctx) : Span{}};
  return {ctx->getStart()->getText(), span(ctx)};
}

std::optional<syntax::Name> TreeBuilder::optional_name(P::NameContext* ctx) {
  return ctx ? std::optional(name(ctx)) : std::nullopt;
}

syntax::Name TreeBuilder::any_word(P::AnyWordContext* ctx) {
  if (is_broken(ctx)) return {"", ctx ? span(ctx) : Span{}};
  return {ctx->getStart()->getText(), span(ctx)};
}

std::string TreeBuilder::doc_above(antlr4::ParserRuleContext* ctx) {
  std::string doc;
  if (!ctx->getStart()) return doc;
  for (antlr4::Token* token : tokens_.getHiddenTokensToLeft(ctx->getStart()->getTokenIndex())) {
    std::string line = token->getText().substr(3);
    if (line.starts_with(' ')) line.erase(0, 1);
    // Nobody sees control characters in a comment, and a module's texts have none.
    std::erase_if(line, [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7F; });
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.pop_back();
    doc += (doc.empty() ? "" : "\n") + line;
  }
  return doc;
}

bool TreeBuilder::first(bool absent, antlr4::ParserRuleContext* clause, const char* words) {
  if (!absent) {
    reader_.diagnostics.add(Code::ClauseTwice, span(clause), std::string("'") + words + "' is given twice",
                            "leave one of them out");
  }
  return absent;
}

// ---- File, task, test
// --------------------------------------------------------------------------------------------------

syntax::File TreeBuilder::file(P::FileContext* ctx) {
  syntax::File file;
  for (antlr4::tree::ParseTree* child : ctx->children) {
    if (auto* t = as<P::TaskDeclContext>(child)) {
      file.tasks.push_back(task(t));
    } else if (auto* t = as<P::TestDeclContext>(child)) {
      file.tests.push_back(test(t));
    } else if (auto* d = as<P::DeclContext>(child)) {
      if (auto decl = declaration(d)) file.declarations.push_back(std::move(*decl));
    }
  }
  return file;
}

syntax::TaskDecl TreeBuilder::task(P::TaskDeclContext* ctx) {
  syntax::TaskDecl task{span(ctx), doc_above(ctx), name(ctx->name()), {}};
  for (auto* d : ctx->decl()) {
    if (auto decl = declaration(d)) task.declarations.push_back(std::move(*decl));
  }
  return task;
}

syntax::TestDecl TreeBuilder::test(P::TestDeclContext* ctx) {
  syntax::TestDecl test{span(ctx), ctx->TEXT() ? plain_text(ctx->TEXT()->getSymbol()) : "", name(ctx->name()), {}};
  for (auto* s : ctx->testStep()) {
    if (auto step = test_step(s)) test.steps.push_back(std::move(*step));
  }
  return test;
}

std::optional<syntax::TestFile> TreeBuilder::test_file(antlr4::tree::TerminalNode* path) {
  if (path == nullptr) return std::nullopt;
  return syntax::TestFile{plain_text(path->getSymbol()), span(path->getSymbol())};
}

std::optional<syntax::TestStep> TreeBuilder::test_step(P::TestStepContext* ctx) {
  syntax::TestStep step;
  step.span = span(ctx);
  if (auto* c = as<P::FeedStepContext>(ctx)) {
    step.form = syntax::StepForm::Feed;
    if (c->AT()) step.at = expr(c->expr(0));
    step.target = name(c->name());
    if (const std::size_t own = c->AT() ? 1 : 0; c->expr().size() > own)
      (c->TEXT() ? step.every : step.value) = expr(c->expr(own));
    step.file = test_file(c->TEXT());
    if (c->answer() != nullptr) step.fields = arguments(c->answer()->argument());
  } else if (auto* c = as<P::ExpectStepContext>(ctx)) {
    step.form = syntax::StepForm::Expect;
    expectation(c, step);
  } else if (auto* c = as<P::NeverStepContext>(ctx)) {
    step.form = syntax::StepForm::Never;
    expectation(c, step);
  } else if (auto* c = as<P::OperateStepContext>(ctx)) {
    step.form = syntax::StepForm::Operate;
    const std::size_t own = c->AT() ? 1 : 0;
    if (c->AT()) step.at = expr(c->expr(0));
    step.target = name(c->name());
    step.action = any_word(c->anyWord());
    if (c->expr().size() > own) step.value = expr(c->expr(own));
  } else if (auto* c = as<P::ParamStepContext>(ctx)) {
    step.form = syntax::StepForm::Param;
    step.target = name(c->name());
    step.value = expr(c->expr());
  } else if (auto* c = as<P::CasesStepContext>(ctx)) {
    step.form = syntax::StepForm::Cases;
    for (auto* column : c->column())
      step.columns.push_back({name(column->name()), column->type() ? type(column->type()) : nullptr, nullptr, nullptr});
    for (auto* wanted : c->expr()) step.wanted.push_back(expr(wanted));
    step.file = test_file(c->TEXT());
  } else if (as<P::CaseStepContext>(ctx)) {
    step.form = syntax::StepForm::Case;
    bool behind_arrow = false;
    for (antlr4::tree::ParseTree* child : ctx->children) {
      behind_arrow = behind_arrow || child->getText() == "->";
      auto* cell = as<P::CellContext>(child);
      if (!cell) continue;
      syntax::Pattern made;
      if (auto* pattern = cell->pattern(); pattern != nullptr)
        made = {expr(pattern->expr(0)), optional_expr(pattern->expr(1))};
      made.file = test_file(cell->TEXT());
      (behind_arrow ? step.answer : step.row).push_back(std::move(made));
    }
  } else if (auto* c = as<P::AnyStepContext>(ctx)) {
    step.form = syntax::StepForm::Any;
    for (auto* any : c->anyValue())
      step.columns.push_back({name(any->name()), any->type() ? type(any->type()) : nullptr, optional_expr(any->expr(0)),
                              optional_expr(any->expr(1))});
  } else {
    return std::nullopt;
  }
  return step;
}

// ---- Declarations
// ------------------------------------------------------------------------------------------------------

std::optional<syntax::Decl> TreeBuilder::declaration(P::DeclContext* ctx) {
  syntax::Decl decl{span(ctx), doc_above(ctx), {}};
  if (auto* c = ctx->inputDecl()) {
    decl.node = input(c);
  } else if (auto* c = ctx->outputDecl()) {
    decl.node = output(c);
  } else if (auto* c = ctx->alarmDecl()) {
    decl.node = alarm(c);
  } else if (auto* c = ctx->paramDecl()) {
    syntax::ParamDecl param{name(c->name()), type(c->type()), expr(c->expr(0)), nullptr, nullptr};
    if (c->IN()) {
      param.min = expr(c->expr(1));
      param.max = expr(c->expr(2));
    }
    decl.node = std::move(param);
  } else if (auto* c = ctx->stateDecl()) {
    decl.node = syntax::StateDecl{name(c->name()), c->type() ? type(c->type()) : nullptr, optional_expr(c->expr())};
  } else if (auto* c = ctx->constDecl()) {
    decl.node = syntax::ConstDecl{name(c->name()), c->type() ? type(c->type()) : nullptr, expr(c->expr())};
  } else if (auto* c = ctx->modelDecl()) {
    syntax::ModelDecl model{name(c->name()), {}, nullptr};
    for (auto* p : c->modelParameter())
      model.parameters.push_back({p->name() ? name(p->name()) : syntax::Name{}, type(p->type()), nullptr});
    if (c->type()) model.result = type(c->type());
    decl.node = std::move(model);
  } else if (auto* c = ctx->recordDecl()) {
    decl.node = record(c);
  } else if (auto* c = ctx->enumDecl()) {
    const auto names = c->name();  // found among all children, each time that it is asked
    syntax::EnumDecl enumeration{name(c->name(0)), {}};
    for (std::size_t i = 1; i < names.size(); ++i) enumeration.values.push_back(name(names[i]));
    decl.node = std::move(enumeration);
  } else if (auto* c = ctx->functionDecl()) {
    decl.node = function(c);
  } else if (auto* c = ctx->useDecl()) {
    syntax::UseDecl use;
    for (auto* m : c->modulePath())
      if (!is_broken(m)) use.modules.push_back({m->getText(), span(m)});
    decl.node = std::move(use);
  } else if (auto* c = ctx->unitDecl()) {
    decl.node = syntax::UnitDecl{name(c->name()), expr(c->expr())};
  } else if (auto* c = ctx->handlerDecl()) {
    decl.node = handler(c);
  } else {
    return std::nullopt;
  }
  return decl;
}

syntax::InputDecl TreeBuilder::input(P::InputDeclContext* ctx) {
  syntax::InputDecl input;
  input.name = name(ctx->name());
  input.type = type(ctx->type());
  for (auto* option : ctx->inputOption()) {
    if (auto* c = as<P::InputRateContext>(option)) {
      if (first(!input.rate, c, "at")) input.rate = expr(c->expr());
    } else if (auto* c = as<P::InputEveryContext>(option)) {
      if (first(!input.every, c, "every")) input.every = expr(c->expr());
    } else if (auto* c = as<P::InputStaleContext>(option)) {
      if (first(!input.stale_after, c, "stale after")) input.stale_after = expr(c->expr());
    } else if (auto* c = as<P::InputQueueContext>(option)) {
      if (!first(!input.queue, c, "queue")) continue;
      input.queue = expr(c->expr());
      input.drop = optional_name(c->name());
    } else if (as<P::InputLatestContext>(option)) {
      if (first(!input.latest, option, "latest")) input.latest = true;
    } else {
      bad_form(option, input);
    }
  }
  return input;
}

void TreeBuilder::bad_form(P::InputOptionContext* ctx, syntax::InputDecl& input) {
  using syntax::BadForm;
  auto* otherwise = as<P::InputElseContext>(ctx);
  const BadForm form = otherwise                      ? BadForm::Else
                       : as<P::InputHoldContext>(ctx) ? BadForm::Hold
                       : as<P::InputSkipContext>(ctx) ? BadForm::Skip
                                                      : BadForm::None;
  if (form == BadForm::None || !first(input.bad_form == BadForm::None, ctx, "hold, skip or else")) return;
  input.bad_form = form;
  input.bad_span = span(ctx);
  if (otherwise) input.instead = expr(otherwise->expr());
}

syntax::RecordDecl TreeBuilder::record(P::RecordDeclContext* ctx) {
  syntax::RecordDecl record;
  record.name = name(ctx->name(0));
  const auto names = ctx->name();
  for (std::size_t i = 1; i < names.size(); ++i) record.sizes.push_back(name(names[i]));
  for (auto* member : ctx->recordMember()) {
    if (auto* f = member->functionDecl()) {
      record.functions.push_back(function(f));
      record.functions.back().doc = doc_above(member);
    } else if (auto* word = member->plainWord()) {
      const syntax::Name name{is_broken(word) ? "" : word->getText(), span(word)};
      record.fields.push_back({name, type(member->type()), optional_expr(member->expr())});
    }
  }
  return record;
}

syntax::OutputDecl TreeBuilder::output(P::OutputDeclContext* ctx) {
  syntax::OutputDecl output;
  output.name = name(ctx->name());
  if (auto* c = as<P::ValueFormContext>(ctx->outputForm())) {
    output.form = syntax::OutputForm::Value;
    output.type = type(c->type());
  } else if (auto* c = as<P::LogFormContext>(ctx->outputForm())) {
    output.form = syntax::OutputForm::Log;
    output.fields = fields(c->fields());
  }
  output.initial = optional_expr(ctx->expr());
  output.to_cloud = ctx->CLOUD() != nullptr;
  return output;
}

std::vector<syntax::LogField> TreeBuilder::fields(P::FieldsContext* ctx) {
  std::vector<syntax::LogField> fields;
  if (!ctx) return fields;
  for (auto* f : ctx->field()) fields.push_back({any_word(f->anyWord()), type(f->type())});
  return fields;
}

syntax::AlarmDecl TreeBuilder::alarm(P::AlarmDeclContext* ctx) {
  syntax::AlarmDecl alarm;
  alarm.name = name(ctx->name());
  alarm.text = expr(ctx->expr(0));
  alarm.when = expr(ctx->expr(1));
  if (ctx->FOR()) alarm.when_for = expr(ctx->expr(2));
  for (auto* option : ctx->alarmOption()) alarm_option(option, alarm);
  return alarm;
}

void TreeBuilder::alarm_option(P::AlarmOptionContext* ctx, syntax::AlarmDecl& alarm) {
  if (auto* c = as<P::AlarmClearAtContext>(ctx)) {
    if (!first(alarm.clear_form == syntax::ClearForm::None, c, "clear")) return;
    alarm.clear_form = c->BELOW() ? syntax::ClearForm::Below : syntax::ClearForm::Above;
    alarm.clear_span = span(c);
    alarm.clear = expr(c->expr());
  } else if (auto* c = as<P::AlarmClearWhenContext>(ctx)) {
    if (!first(alarm.clear_form == syntax::ClearForm::None, c, "clear")) return;
    alarm.clear_form = syntax::ClearForm::When;
    alarm.clear_span = span(c);
    alarm.clear = expr(c->expr(0));
    if (c->FOR()) alarm.clear_for = expr(c->expr(1));
  } else if (auto* c = as<P::AlarmLatchContext>(ctx)) {
    if (first(!alarm.latch, c, "latch")) alarm.latch = true;
  } else if (auto* c = as<P::AlarmPriorityContext>(ctx)) {
    if (first(!alarm.priority, c, "priority")) alarm.priority = name(c->name());
  } else if (auto* c = as<P::AlarmRemindContext>(ctx)) {
    if (first(!alarm.remind, c, "remind every")) alarm.remind = expr(c->expr());
  } else if (auto* c = as<P::AlarmDrivesContext>(ctx)) {
    if (!first(alarm.drives.empty(), c, "drives")) return;
    for (auto* n : c->name()) alarm.drives.push_back(name(n));
  }
}

syntax::FunctionDecl TreeBuilder::function(P::FunctionDeclContext* ctx) {
  syntax::FunctionDecl function;
  function.name = name(ctx->name());
  for (auto* p : ctx->parameter())
    function.parameters.push_back({name(p->name()), type(p->type()), optional_expr(p->expr())});
  if (ctx->type()) function.result = type(ctx->type());
  function.body = block(ctx->block());
  return function;
}

syntax::HandlerDecl TreeBuilder::handler(P::HandlerDeclContext* ctx) {
  syntax::HandlerDecl handler;
  if (ctx->trigger()) trigger(ctx->trigger(), handler);
  handler.within = optional_expr(ctx->expr());
  handler.body = block(ctx->block());
  return handler;
}

void TreeBuilder::trigger(P::TriggerContext* ctx, syntax::HandlerDecl& handler) {
  using syntax::TriggerForm;
  handler.trigger_span = span(ctx);
  auto name_expr = [&](P::NameContext* n) {
    auto e = std::make_unique<syntax::Expr>();
    syntax::Name word = name(n);
    e->span = word.span;
    if (!word.text.empty()) e->node = syntax::NameExpr{word.text};
    return e;
  };
  if (auto* c = as<P::OnValueContext>(ctx)) {
    handler.form = TriggerForm::Value;
    handler.subject = name_expr(c->name(0));
    handler.variable = optional_name(c->AS() ? c->name(1) : nullptr);
  } else if (auto* c = as<P::OnEveryContext>(ctx)) {
    handler.form = TriggerForm::Every;
    handler.subject = expr(c->expr());
  } else if (as<P::OnStartContext>(ctx)) {
    handler.form = TriggerForm::Start;
  } else if (as<P::OnStopContext>(ctx)) {
    handler.form = TriggerForm::Stop;
  } else if (auto* c = as<P::OnStaleContext>(ctx)) {
    handler.form = TriggerForm::Stale;
    handler.subject = name_expr(c->name());
  } else if (auto* c = as<P::OnWindowContext>(ctx)) {
    handler.form = TriggerForm::Window;
    syntax::WindowExpr window;
    window.input = name_expr(c->name(0));
    window.size = expr(c->expr(0));
    if (c->EVERY()) window.every = expr(c->expr(1));
    for (auto* option : c->windowOption()) {
      if (auto* late = as<P::WindowLateContext>(option)) {
        if (first(!window.late, late, "late")) window.late = expr(late->expr());
      } else if (auto* fill = as<P::WindowFillContext>(option)) {
        if (first(!window.fill, fill, "fill")) window.fill = expr(fill->expr());
      } else if (as<P::WindowFromStartContext>(option)) {
        if (first(!window.from_start, option, "from start")) window.from_start = true;
      }
    }
    handler.subject = std::make_unique<syntax::Expr>();
    handler.subject->span = handler.trigger_span;
    handler.subject->node = std::move(window);
    handler.variable = optional_name(c->AS() ? c->name(1) : nullptr);
  } else if (auto* c = as<P::OnTimeContext>(ctx)) {
    handler.form = TriggerForm::AtTime;
    if (c->TEXT()) handler.subject = text_expr(c->TEXT()->getSymbol());
  } else if (auto* c = as<P::OnRisingContext>(ctx)) {
    handler.form = TriggerForm::Rising;
    handler.subject = expr(c->expr());
  } else if (auto* c = as<P::OnHoldsContext>(ctx)) {
    handler.form = TriggerForm::Holds;
    handler.subject = expr(c->expr(0));
    handler.hold = expr(c->expr(1));
  }
}

// ---- Types and units
// ---------------------------------------------------------------------------------------------------

syntax::TypePtr TreeBuilder::type(P::TypeContext* ctx) {
  if (is_broken(ctx)) return nullptr;
  syntax::TypePtr inner = plain_type(ctx->plainType());
  bool is_optional = ctx->children.size() > 1 && ctx->children[1]->getText() == "?";
  return is_optional ? make_type(span(ctx), syntax::OptionalType{std::move(inner)}) : std::move(inner);
}

syntax::TypePtr TreeBuilder::plain_type(P::PlainTypeContext* ctx) {
  if (is_broken(ctx)) return nullptr;
  Span place = span(ctx);
  if (auto* c = as<P::NamedTypeContext>(ctx)) {
    syntax::NamedType named;
    const auto words = c->IDENT();
    const auto word = [&](std::size_t i) {
      return i < words.size() ? syntax::Name{words[i]->getText(), span(words[i]->getSymbol())}
                              : syntax::Name{"", place};
    };
    if (words.size() > 1) named.module = word(0);
    named.name = word(words.size() > 1 ? 1 : 0);
    for (auto* e : c->expr()) named.arguments.push_back(expr(e));
    if (c->unit()) named.unit = unit(c->unit());
    return make_type(place, std::move(named));
  }
  if (auto* c = as<P::UnitTypeContext>(ctx)) return make_type(place, syntax::UnitType{unit(c->unit())});
  if (auto* c = as<P::ArrayTypeContext>(ctx)) {
    bool bounded = std::ranges::any_of(c->children, [](auto* child) { return child->getText() == "<="; });
    return make_type(place, syntax::ArrayType{type(c->type()), expr(c->expr()), bounded});
  }
  if (auto* c = as<P::RecordTypeContext>(ctx)) return make_type(place, syntax::RecordType{fields(c->fields())});
  return nullptr;
}

syntax::UnitText TreeBuilder::unit(P::UnitContext* ctx) {
  if (!ctx) return {};
  Span place = span(ctx);
  std::string text = source_text(place);
  if (std::ranges::any_of(text, [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; })) {
    std::string joined = ctx->getText();
    reader_.diagnostics.add(Code::UnitWithSpace, place, "a unit has no inner spaces", "write '" + joined + "'");
    reader_.error_places.push_back(place);
    text = joined;
  }
  return {text, place};
}

}  // namespace eyeflow::compiler::parse_detail
