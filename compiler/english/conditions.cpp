#include "compiler/english/planner.h"

namespace eyeflow::compiler::english {
namespace {

// A number where a float is meant.
std::string number(const std::string& digits) { return digits.find('.') == std::string::npos ? digits + ".0" : digits; }
std::string in_code(const Value& value) { return value.unit.empty() ? number(value.number) : in_words(value); }

struct Compared {
  std::string code, words;
};
Compared compare(const std::string& left, const Clause& clause) {
  const std::string low = in_code(clause.value), high = in_code(clause.upper);
  const std::string low_words = in_words(clause.value), high_words = in_words(clause.upper);
  switch (clause.relation) {
    case Relation::Above:
      return {left + " > " + low, "above " + low_words};
    case Relation::Below:
      return {left + " < " + low, "below " + low_words};
    case Relation::AtLeast:
      return {left + " >= " + low, "at least " + low_words};
    case Relation::AtMost:
      return {left + " <= " + low, "at most " + low_words};
    case Relation::Between:
      return {left + " >= " + low + " and " + left + " <= " + high, "between " + low_words + " and " + high_words};
    case Relation::Outside:
      return {left + " < " + low + " or " + left + " > " + high, "not between " + low_words + " and " + high_words};
    case Relation::Silent:
      return {left + ".stale", "silent"};
  }
  return {};
}

}  // namespace

std::optional<Rule> Planner::resolve(const Condition& says) {
  Rule rule{
      .source = 0, .code = "", .words = "", .lasting = says.lasting, .deadline = {}, .effects = {}, .span = span_};
  std::optional<Subject> subject;
  subjects_.clear();
  alarm_name_.clear();
  bool is_silence = false;
  for (const Clause& clause : says.clauses) {
    subject = subject_of(clause, subject);
    if (!subject) return std::nullopt;
    Source& source = plan_.sources[subject->source];
    if (clause.relation == Relation::Silent) {
      if (!says.lasting || says.clauses.size() > 1) {
        refuse(Code::EnglishIncomplete, clause.span, "how long it may be silent is not said",
               "write If sensor " + source.sensor.text + " is silent for 30 seconds");
        return std::nullopt;
      }
      if (source.stale && source.stale->text != says.lasting->text) {
        refuse(Code::EnglishAmbiguous, says.lasting->span, "another sentence says " + source.stale->text,
               "say one time for a sensor");
        return std::nullopt;
      }
      source.stale = says.lasting;
      rule.lasting.reset();
      is_silence = true;
    }
    left_ = subject->asked ? subject->asked->name : source.input;
    const Compared compared = compare(left_, clause);
    const bool stands_alone =
        says.clauses.size() == 1 || clause.relation == (says.any ? Relation::Outside : Relation::Between);
    const bool is_range = clause.relation == Relation::Between || clause.relation == Relation::Outside;
    rule.code += (rule.code.empty() ? ""
                  : says.any        ? " or "
                                    : " and ") +
                 (is_range && !stands_alone ? "(" + compared.code + ")" : compared.code);
    const std::string quantity = subject->asked ? subject->asked->words : source.quantity;
    const std::string& unit = subject->asked ? subject->asked->unit : source.unit;
    if (is_silence)
      rule.words = "{" + source.input + ".name} is silent";
    else
      rule.words += (rule.words.empty() ? "{" + source.input + ".name}: "
                     : says.any         ? " or "
                                        : ", ") +
                    quantity + " {" + left_ + ":.1" + (unit.empty() ? "" : " " + unit) + "} " + compared.words;
    if (alarm_name_.empty()) {
      const bool is_high = clause.relation == Relation::Above || clause.relation == Relation::AtLeast;
      const bool is_low = clause.relation == Relation::Below || clause.relation == Relation::AtMost;
      alarm_name_ = is_silence ? identifier(source.sensor.text + " silent")
                               : identifier((is_high  ? "high "
                                             : is_low ? "low "
                                                      : "unusual ") +
                                            quantity);
      rule.source = subject->source;
    }
    rule.of_figures |= subject->asked != nullptr;
    if (subject->asked) subjects_.emplace_back(subject->source, subject->asked->name);
  }
  if (rule.of_figures && plan_.sources[rule.source].kind == Source::Kind::Sensor &&
      !plan_.sources[rule.source].window) {
    for (const auto& [source, name] : subjects_) rule.source = source;  // looked at where the figure is made
  }
  return rule;
}

void Planner::act(Rule& rule, const Condition& says, const std::vector<Action>& actions, bool is_otherwise) {
  using enum Action::Kind;
  AlarmRule alarm{.name = "",
                  .text = "",
                  .code = rule.code,
                  .lasting = rule.lasting,
                  .until = {},
                  .sources = {},
                  .drives = {},
                  .span = span_};
  bool tells = false;
  for (const Action& action : actions) {
    switch (action.kind) {
      case Alarm:
      case LocalAlarm:
      case Operator:
      case Sound:
        tells = true;
        alarm.is_urgent |= action.at_once;
        if (!action.text.empty()) alarm.text = action.text;
        if (action.kind == LocalAlarm) alarm.drives.push_back(add_switch("local alarm", "off", action.span));
        if (action.kind == Sound) alarm.drives.push_back(add_switch(action.thing->text, "off", action.span));
        break;
      case Off:
      case On: {
        const bool on = action.kind == On;
        const std::string name = add_switch(action.thing->text, on ? "off" : "on", action.span);
        rule.effects.push_back({name + (on ? ".on()" : ".off()")});
        if (action.deadline) rule.deadline = action.deadline;
        break;
      }
      case Schedule:
      case Send: {
        Transfer transfer = action.transfer;
        if (action.kind == Schedule) transfer.to_cloud = true, transfer.log = action.thing;
        if (transfer.every) {
          refuse(Code::EnglishAmbiguous, transfer.every->span,
                 "what a condition does, it does once each time it begins",
                 "leave this out, or say it in a sentence of its own");
          return;
        }
        const auto log = log_for(transfer, rule.source, "results", action.span);
        if (!log) return;
        rule.effects.push_back({"", *log});
        break;
      }
    }
  }
  if (tells) {
    if (is_otherwise) {
      refuse(Code::EnglishAmbiguous, span_, "an alarm clears by itself when its condition is over",
             "say in a sentence of its own when another one is raised");
      return;
    }
    // A silence lasts: its time is the input's.
    alarm.name = unique_alarm(alarm_name_, rule.source);
    if (says.until && !set_until(alarm, says)) return;
    if (alarm.text.empty()) alarm.text = '"' + rule.words + '"';
    for (const auto& [source, name] : subjects_) alarm.sources.push_back(source);
    for (const auto& [source, name] : subjects_)
      std::ranges::find(plan_.sources[source].asked, name, &Asked::name)->is_kept = true;
    plan_.alarms.push_back(std::move(alarm));
  }
  if (!tells && says.until && !is_otherwise) {
    refuse(Code::EnglishAmbiguous, says.until->span, "only an alarm lasts until something; this is done once",
           "say in a sentence of its own what is done then");
    return;
  }
  if (rule.effects.empty()) return;
  if (rule.of_figures && rule.lasting) {
    refuse(Code::EnglishAmbiguous, rule.lasting->span, "what is computed is looked at once, whenever it is computed",
           "leave the time out, or raise an alarm, which can wait for it");
    return;
  }
  for (const auto& [source, name] : subjects_)
    if (source != rule.source) std::ranges::find(plan_.sources[source].asked, name, &Asked::name)->is_kept = true;
  plan_.rules.push_back(rule);
}

bool Planner::set_until(AlarmRule& alarm, const Condition& says) {
  if (says.clauses.size() > 1 || says.clauses.front().relation == Relation::Silent) {
    refuse(Code::EnglishAmbiguous, says.until->span, "what this compares is not said",
           "leave it out, or say the condition with one comparison");
    return false;
  }
  Clause clause;
  clause.relation = says.until->relation;
  clause.value = says.until->value;
  alarm.until =
      "when " + compare(left_, clause).code + (says.until->lasting ? " for " + says.until->lasting->text : "");
  return true;
}

std::string Planner::unique_alarm(const std::string& wanted, std::size_t source) {
  const auto is_taken = [&](const std::string& name) { return has(plan_.alarms, name); };
  if (!is_taken(wanted)) return wanted;
  std::string name = wanted + "_" + plan_.sources[source].input;
  for (int n = 2; is_taken(name); ++n) name = wanted + "_" + std::to_string(n);
  return name;
}

}  // namespace eyeflow::compiler::english
