#include <algorithm>
#include <charconv>

#include "EyeFlowEnglishLexer.h"
#include "EyeFlowEnglishParser.h"
#include "compiler/english/sentences.h"
#include "compiler/parse/reader.h"
#include "stdlib/units/units.h"

namespace eyeflow::compiler::english {
namespace {

using Lexer = grammar::EyeFlowEnglishLexer;
using P = grammar::EyeFlowEnglishParser;

// Where a sentence stops being one.
class Listener final : public antlr4::BaseErrorListener {
 public:
  void syntaxError(antlr4::Recognizer*, antlr4::Token* offending, std::size_t, std::size_t, const std::string&,
                   std::exception_ptr) override {
    if (offending_ == nullptr) offending_ = offending;
  }
  void begin() { offending_ = nullptr; }
  antlr4::Token* offending() const { return offending_; }

 private:
  antlr4::Token* offending_ = nullptr;
};

// From the parser's contexts to what a sentence says.
class Builder {
 public:
  explicit Builder(const parse_detail::Reader& reader) : reader_(reader) {}

  Span span(antlr4::Token* token) const {
    const bool is_end = token->getType() == antlr4::Token::EOF;
    return reader_.span(token->getStartIndex(), is_end ? token->getStartIndex() : token->getStopIndex() + 1,
                        token->getLine(), token->getCharPositionInLine());
  }
  Span span(antlr4::ParserRuleContext* context) const {
    return join(span(context->getStart()), span(context->getStop()));
  }

  std::optional<Sentence> sentence(P::SentenceContext* context) const {
    Sentence out;
    out.span = span(context);
    if (auto* c = context->monitor())
      out.says = Monitor{words(c->phrase()), c->inUnit() ? unit(c->inUnit()->unit()) : "", words(c->name()),
                         every(c->every())};
    else if (auto* c = context->collect())
      out.says = Collect{duration(c->duration()), words(c->phrase()), c->inUnit() ? unit(c->inUnit()->unit()) : "",
                         words(c->name()), c->value() ? std::optional(value(c->value())) : std::nullopt};
    else if (auto* c = context->image()) {
      Image image{duration(c->every()->duration()), words(c->take()->name()), "", ""};
      if (c->size()) {
        image.width = c->size()->NUMBER(0)->getText();
        image.height = c->size()->NUMBER(1)->getText();
      }
      out.says = std::move(image);
    } else if (auto* c = context->classify()) {
      Classify classify{words(c->name(0)), {}};
      for (std::size_t i = 1; i < c->name().size(); ++i) classify.classes.push_back(words(c->name(i)));
      out.says = std::move(classify);
    } else if (auto* c = context->compute()) {
      Compute compute;
      for (auto* phrase : c->phrase()) compute.figures.push_back(words(phrase));
      if (c->over()) {
        compute.over = duration(c->over()->duration());
        compute.every = every(c->over()->every());
      }
      out.says = std::move(compute);
    } else if (auto* c = context->condition()) {
      out.says = condition(c);
    } else if (auto* c = context->transfer()) {
      out.says = transfer(c);
    } else {
      return std::nullopt;
    }
    return out;
  }

 private:
  std::string source(antlr4::Token* token) const {
    const Span at = span(token);
    return std::string(reader_.source.substr(at.offset, at.length));
  }
  Words words(P::PhraseContext* context) const {
    Words out{"", span(context)};
    for (auto* word : context->WORD()) out.text += (out.text.empty() ? "" : " ") + word->getText();
    return out;
  }
  Words words(P::NameContext* context) const { return {source(context->getStart()), span(context)}; }  // "T1"
  std::string unit_words(P::UnitContext* context) const {
    std::string words;
    for (std::size_t i = 0; i < context->children.size(); ++i) {
      auto* word = dynamic_cast<antlr4::tree::TerminalNode*>(context->children[i]);
      words += (i == 0 ? "" : " ") + source(word->getSymbol());
    }
    return unit_of(words);
  }
  std::string unit(P::UnitContext* context) const {
    std::string unit = unit_words(context);
    if (unit == "degrees" || unit == "degree")
      reader_.diagnostics.add(Code::EnglishAmbiguous, span(context), "degrees may be of Celsius or of Fahrenheit",
                              "write °C or degrees Celsius");
    else if (const auto known = stdlib::parse_unit(unit); !known)
      reader_.diagnostics.add(Code::UnknownUnit, span(context), known.error().message);
    return unit;
  }
  Value value(P::ValueContext* context) const {
    const bool is_negative = context->getStart()->getText() == "-";
    return {(is_negative ? "-" : "") + context->NUMBER()->getText(), context->unit() ? unit(context->unit()) : "",
            span(context)};
  }
  Duration duration(P::DurationContext* context) const {
    const std::string number = context->NUMBER() ? context->NUMBER()->getText() : "1",
                      name = unit_words(context->unit());
    double count = 0;
    std::from_chars(number.data(), number.data() + number.size(), count);
    return {number + ' ' + name, count * seconds_in(name).value_or(0), span(context)};
  }
  std::optional<Duration> every(P::EveryContext* context) const {
    return context ? std::optional(duration(context->duration())) : std::nullopt;
  }

  Transfer transfer(P::TransferContext* context) const {
    Transfer out;
    out.to_cloud = context->place()->getText().ends_with("cloud");
    // Of two phrases the last one names the log.
    const auto phrases = context->phrase();
    const bool names_log = std::ranges::any_of(context->children, [](auto* c) { return c->getText() == "for"; });
    if (names_log) out.log = words(phrases.back());
    if (phrases.size() > (names_log ? 1u : 0u)) out.what = words(phrases.front());
    out.everything = std::ranges::any_of(context->children, [](auto* c) { return c->getText() == "everything"; });
    out.every = every(context->every());
    return out;
  }

  static Relation relation(P::RelationContext* context) {
    return dynamic_cast<P::AboveContext*>(context)     ? Relation::Above
           : dynamic_cast<P::BelowContext*>(context)   ? Relation::Below
           : dynamic_cast<P::AtLeastContext*>(context) ? Relation::AtLeast
                                                       : Relation::AtMost;
  }

  Clause clause(P::ClauseContext* context) const {
    Clause out;
    out.span = span(context);
    if (auto* subject = context->subject()) {
      if (subject->phrase()) out.phrase = words(subject->phrase());
      if (subject->name()) out.sensor = words(subject->name());
    }
    auto* comparison = context->comparison();
    if (auto* c = dynamic_cast<P::ComparedContext*>(comparison)) {
      out.relation = relation(c->relation());
      out.value = value(c->value());
    } else if (auto* c = dynamic_cast<P::BetweenContext*>(comparison)) {
      out.relation = c->getStart()->getText() == "not" ? Relation::Outside : Relation::Between;
      out.value = value(c->value(0)), out.upper = value(c->value(1));
    } else if (auto* c = dynamic_cast<P::OutsideContext*>(comparison)) {
      out.relation = Relation::Outside;
      out.value = value(c->value(0)), out.upper = value(c->value(1));
    } else {
      out.relation = Relation::Silent;
    }
    if (out.value.unit.empty()) out.value.unit = out.upper.unit;
    return out;
  }

  template <typename C>
  Action switching(C* context, Action::Kind kind) const {
    Action out{.kind = kind, .thing = words(context->phrase())};
    out.at_once = context->atOnce() != nullptr;
    if (context->deadline()) out.deadline = duration(context->deadline()->duration());
    return out;
  }
  // Said as it stands: what means something in a text of the task language does not here.
  std::string text(antlr4::Token* token) const {
    std::string out = "\"";
    const std::string said = source(token);
    for (const char c : std::string_view(said).substr(1, said.size() - 2)) {
      if (c == '{' || c == '}' || c == '\\') out += '\\';
      out += c;
    }
    return out + '"';
  }
  template <typename C>
  Action telling(C* context, Action::Kind kind) const {
    Action out{.kind = kind};
    out.at_once = context->atOnce() != nullptr;
    if (context->TEXT()) out.text = text(context->TEXT()->getSymbol());
    return out;
  }
  Action action(P::ActionContext* context) const {
    using enum Action::Kind;
    Action out;
    if (auto* c = dynamic_cast<P::AlarmContext*>(context)) {
      const bool is_local = std::ranges::any_of(c->children, [](auto* child) { return child->getText() == "local"; });
      out = telling(c, is_local ? LocalAlarm : Alarm);
    } else if (auto* c = dynamic_cast<P::OperatorContext*>(context)) {
      out = telling(c, Operator);
    } else if (auto* c = dynamic_cast<P::SoundContext*>(context)) {
      out = Action{.kind = Sound, .thing = words(c->phrase()), .at_once = c->atOnce() != nullptr};
    } else if (auto* c = dynamic_cast<P::OffContext*>(context)) {
      out = switching(c, Off);
    } else if (auto* c = dynamic_cast<P::OnContext*>(context)) {
      out = switching(c, On);
    } else if (auto* c = dynamic_cast<P::TurnContext*>(context)) {
      out = switching(c, c->turned()->getText() == "on" ? On : Off);
    } else if (auto* c = dynamic_cast<P::ScheduleContext*>(context)) {
      out = Action{.kind = Schedule, .thing = words(c->phrase())};
    } else if (auto* c = dynamic_cast<P::SendContext*>(context)) {
      out = Action{.kind = Send, .transfer = transfer(c->transfer())};
    }
    out.span = span(context);
    return out;
  }
  std::vector<Action> actions(P::ActionsContext* context) const {
    std::vector<Action> out;
    for (auto* one : context->action()) out.push_back(action(one));
    return out;
  }

  Condition condition(P::ConditionContext* context) const {
    Condition out;
    for (auto* one : context->clause()) out.clauses.push_back(clause(one));
    out.any = std::ranges::any_of(context->children, [](auto* child) { return child->getText() == "or"; });
    if (context->lasting()) out.lasting = duration(context->lasting()->duration());
    if (auto* until = context->until())
      out.until =
          Until{relation(until->relation()), value(until->value()),
                until->lasting() ? std::optional(duration(until->lasting()->duration())) : std::nullopt, span(until)};
    out.actions = actions(context->actions(0));
    if (context->actions().size() > 1) out.otherwise = actions(context->actions(1));
    return out;
  }

  const parse_detail::Reader& reader_;
};

// Every time that a sentence names must be one.
void check_times(const Sentence& sentence, Diagnostics& diagnostics) {
  const auto check = [&](const Duration& duration) {
    if (duration.seconds <= 0)
      diagnostics.add(Code::EnglishIncomplete, duration.span, "this is no time", "write 10 seconds, 5 minutes, 1 hour");
  };
  const auto check_if = [&](const std::optional<Duration>& duration) {
    if (duration) check(*duration);
  };
  if (const auto* s = std::get_if<Monitor>(&sentence.says)) check_if(s->every);
  if (const auto* s = std::get_if<Collect>(&sentence.says)) check(s->duration);
  if (const auto* s = std::get_if<Image>(&sentence.says)) check(s->every);
  if (const auto* s = std::get_if<Compute>(&sentence.says)) check_if(s->over), check_if(s->every);
  if (const auto* s = std::get_if<Transfer>(&sentence.says)) check_if(s->every);
  if (const auto* s = std::get_if<Condition>(&sentence.says)) {
    check_if(s->lasting);
    if (s->until) check_if(s->until->lasting);
    for (const auto* actions : {&s->actions, &s->otherwise})
      for (const Action& action : *actions) check_if(action.deadline);
  }
}

// Why a sentence is refused, with the nearest that are known.
void refuse(std::string_view text, Span sentence, Span at, bool of_actions, Diagnostics& diagnostics) {
  const std::string_view word = text.substr(at.offset, at.length);
  Diagnostic out;
  out.code = Code::EnglishNotUnderstood;
  out.span = at;
  out.message = word.empty() ? "the sentence ends too early"
                             : "this sentence is not understood from '" + std::string(word) + "' on";
  std::string small(word);
  std::ranges::transform(small, small.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  if (small.size() > 3 && std::ranges::find(known_words(), small) == known_words().end())
    out.hint = suggestion(small, known_words());
  for (const std::string_view form : nearest_forms(text.substr(sentence.offset, sentence.length), of_actions))
    out.notes.push_back({std::nullopt, "what is known: " + std::string(form)});
  diagnostics.add(std::move(out));
}

}  // namespace

std::vector<Sentence> read_sentences(std::string_view text, Diagnostics& diagnostics) {
  std::vector<Sentence> sentences;
  std::vector<std::uint32_t> byte_offsets;
  if (!parse_detail::prescan(text, 0, byte_offsets, diagnostics)) return sentences;
  if (text.starts_with("\xEF\xBB\xBF")) byte_offsets.erase(byte_offsets.begin());  // ANTLR drops it, too

  std::string small(text);
  std::ranges::transform(small, small.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  antlr4::ANTLRInputStream characters{small};
  Lexer lexer(&characters);
  lexer.removeErrorListeners();
  antlr4::CommonTokenStream tokens(&lexer);
  tokens.fill();
  P parser(&tokens);
  Listener listener;
  parser.removeErrorListeners();
  parser.addErrorListener(&listener);

  std::vector<Span> no_places;
  const parse_detail::Reader reader{text, byte_offsets, diagnostics, no_places};
  const Builder build(reader);
  while (tokens.LA(1) != antlr4::Token::EOF) {
    const std::size_t first = tokens.index();
    std::size_t last = first;
    while (tokens.get(last)->getText() != "." && tokens.get(last)->getType() != antlr4::Token::EOF) ++last;
    listener.begin();
    parser.reset();
    tokens.seek(first);
    auto* context = parser.sentence();
    const Span whole = join(build.span(tokens.get(first)), build.span(tokens.get(last)));
    if (listener.offending() != nullptr) {
      // Behind the comma of a condition stands what is done.
      const std::string begin = tokens.get(first)->getText();
      bool of_actions = false;
      if (begin == "if" || begin == "when" || begin == "whenever")
        for (std::size_t i = first; i < listener.offending()->getTokenIndex(); ++i)
          of_actions = of_actions || tokens.get(i)->getText() == "," || tokens.get(i)->getText() == "then";
      refuse(text, whole, build.span(listener.offending()), of_actions, diagnostics);
    } else if (auto sentence = build.sentence(context)) {
      check_times(*sentence, diagnostics);
      sentences.push_back(std::move(*sentence));
    }
    tokens.seek(std::min(last + 1, tokens.size() - 1));
  }
  return sentences;
}

}  // namespace eyeflow::compiler::english
