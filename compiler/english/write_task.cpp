#include <cmath>
#include <set>

#include "compiler/english/english.h"
#include "compiler/english/plan.h"

namespace eyeflow::compiler {
namespace english {
namespace {

// A plan as a task, line by line, each with the sentence that it comes from.
class Writer {
 public:
  Writer(const Plan& plan, Span last, English& out) : plan_(plan), span_(last), out_(out) {
    for (const Source& source : plan.sources) {
      taken_.insert({source.input, source.model});
      for (const Asked& asked : source.asked) taken_.insert(asked.name);
    }
    for (const Switch& one : plan.switches) taken_.insert(one.name);
    for (const Log& log : plan.logs) taken_.insert(log.name);
    for (const AlarmRule& alarm : plan.alarms) taken_.insert(alarm.name);
  }

  void write(std::string_view text, std::string_view name) {
    write_head(text, name);
    write_inputs();
    write_outputs();
    write_alarms();
    for (std::size_t i = 0; i < plan_.sources.size(); ++i) write_handlers(i);
    line(span_, "}");
  }

 private:
  struct Field {
    std::string name, type, value;
  };
  std::vector<Field> fields_of(const Log& log, bool in_reading) const {
    const Source& source = plan_.sources[log.source];
    std::vector<Field> fields;
    if (log.of_reading) {
      fields.push_back({identifier(source.quantity), source.type, in_reading ? own("value") : source.input});
    } else {
      for (const Asked& asked : source.asked)
        if (log.fields.empty() || std::ranges::find(log.fields, asked.name) != log.fields.end())
          fields.push_back({asked.key, asked.type, asked.name});
    }
    fields.push_back({"at", "time", source.window && in_reading && !log.of_reading ? own("w") + ".end" : "event.time"});
    return fields;
  }
  std::string row(std::size_t at, bool in_reading) const {
    const Log& log = plan_.logs[at];
    std::vector<std::string> parts;
    for (const Field& field : fields_of(log, in_reading)) parts.push_back(field.name + ": " + field.value);
    return log.name + ".send(" + joined(parts, ", ") + ")";
  }
  std::string statement(const Effect& effect, bool in_reading) const {
    return effect.log ? row(*effect.log, in_reading) : effect.statement;
  }

  // A name of the writer's own: the plan's names, which are those of the sentences, come first.
  std::string own(std::string name) const {
    while (taken_.contains(name)) name.insert(0, "the_");
    return name;
  }
  // The same for the words behind a '$'.
  std::string with_own(std::string_view text) const {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      if (text[at] != '$') {
        out += text[at++];
        continue;
      }
      const std::size_t end = std::min(text.find_first_of(".,) ", at), text.size());
      out += own(std::string(text.substr(at + 1, end - at - 1)));
      at = end;
    }
    return out;
  }

  void line(Span origin, const std::string& text) {
    out_.task += text + '\n';
    out_.origins.push_back(origin);
  }

  void write_head(std::string_view text, std::string_view name) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      std::string_view sentence = text.substr(at, end - at);
      if (sentence.ends_with('\r')) sentence.remove_suffix(1);
      if (sentence.starts_with("\xEF\xBB\xBF")) sentence.remove_prefix(3);
      if (!sentence.empty()) line(span_, "/// " + std::string(sentence));
      at = end + 1;
    }
    line(span_, "task " + identifier(name) + " {");
    const auto uses = std::ranges::find(plan_.sources, true, &Source::has_spectrum);
    if (uses == plan_.sources.end()) return;
    line(uses->window_span, "  use std.signal");
    line(uses->window_span, "");
  }

  void write_inputs() {
    for (const Source& source : plan_.sources) {
      const std::string type = source.kind == Source::Kind::Camera ? "image(" + source.size + ", rgb8)" : source.type;
      line(source.span, "  input  " + source.input + " : " + type + (source.rate.empty() ? "" : " " + source.rate) +
                            (source.stale ? " stale after " + source.stale->text : ""));
    }
  }

  void write_outputs() {
    for (const Switch& one : plan_.switches) line(one.span, "  output " + one.name + " : switch = " + one.initial);
    for (const Log& log : plan_.logs) {
      std::vector<std::string> fields;
      for (const Field& field : fields_of(log, true)) fields.push_back(field.name + ": " + field.type);
      line(log.span,
           "  output " + log.name + " : log { " + joined(fields, ", ") + " }" + (log.to_cloud ? " to cloud" : ""));
    }
    for (const Source& source : plan_.sources) {
      if (!source.model.empty()) {
        std::vector<std::string> classes;
        for (const Asked& asked : source.asked) classes.push_back(asked.key + ": f32");
        line(source.model_span,
             "  model  " + source.model + " : (image(224, 224, rgb8)) -> { " + joined(classes, ", ") + " }");
      }
      if (source.has_distance) {
        const auto bins = static_cast<long>(std::lround(source.window->seconds * source.readings_a_second)) / 2 + 1;
        line(source.window_span,
             "  state  " + own(source.normal) + " : running_spectrum(" + std::to_string(bins) + ")");
      }
      for (const Asked& asked : source.asked)
        if (asked.is_kept) line(asked.span, "  state  " + asked.name + " : " + asked.type + " = " + asked.zero);
    }
  }

  void write_alarms() {
    for (const AlarmRule& alarm : plan_.alarms) {
      line(alarm.span, "");
      line(alarm.span, "  alarm " + alarm.name + " " + alarm.text);
      line(alarm.span, "    when " + alarm.code + (alarm.lasting ? " for " + alarm.lasting->text : ""));
      if (!alarm.until.empty()) line(alarm.span, "    clear " + alarm.until);
      if (alarm.is_urgent) line(alarm.span, "    priority high");
      if (!alarm.drives.empty()) line(alarm.span, "    drives " + joined(alarm.drives, ", "));
    }
  }

  void write_handlers(std::size_t at) {
    const Source& source = plan_.sources[at];
    for (const Repeated& one : plan_.repeated) {
      if (plan_.logs[one.log].source != at) continue;
      line(one.span, "");
      line(one.span, "  every " + one.every.text + " { " + row(one.log, false) + " }");
    }
    for (const Rule& rule : plan_.rules)
      if (!rule.of_figures && rule.source == at) write_rule(rule);
    write_readings(at);
    if (source.window || source.kind == Source::Kind::Camera) write_figures(at);
  }

  void write_rule(const Rule& rule) {
    line(rule.span, "");
    const std::string trigger =
        rule.lasting ? "on (" + rule.code + ") for " + rule.lasting->text : "on rising (" + rule.code + ")";
    line(rule.span, "  " + trigger + (rule.deadline ? " within " + rule.deadline->text : "") + " {");
    for (const Effect& effect : rule.effects) line(rule.span, "    " + statement(effect, false));
    line(rule.span, "  }");
  }

  // What each reading of a sensor is kept in.
  void write_readings(std::size_t at) {
    std::string rows;
    Span origin = span_;
    for (const Send& one : plan_.sends) {
      if (plan_.logs[one.log].source != at || !plan_.logs[one.log].of_reading) continue;
      if (rows.empty())
        origin = one.span, line(origin, ""),
        line(origin, "  on " + plan_.sources[at].input + " as " + own("value") + " {");
      rows = row(one.log, true);
      line(one.span, "    " + rows);
    }
    if (!rows.empty()) line(origin, "  }");
  }

  void write_figures(std::size_t at) {
    const Source& source = plan_.sources[at];
    std::optional<Duration> deadline;
    for (const Rule& rule : plan_.rules)
      if (rule.of_figures && rule.source == at && rule.deadline) deadline = rule.deadline;
    const bool is_camera = source.kind == Source::Kind::Camera;
    const Span made = is_camera ? (source.model.empty() ? source.span : source.model_span) : source.window_span;
    std::string trigger = is_camera ? "on " + source.input + " as " + own("frame")
                                    : "on window " + source.input + "[" + source.window->text +
                                          (source.step ? " every " + source.step->text : "") + "] as " + own("w");
    line(made, "");
    line(made, "  " + trigger + (deadline ? " within " + deadline->text : "") + " {");
    if (!source.model.empty())
      line(made, "    let " + own("result") + " = " + source.model + "(" + own("frame") + ".resize(224, 224))");
    if (source.has_spectrum) {
      const std::string by_unit = source.unit.empty() ? "" : " / 1 " + unit_of_difference(source.unit);
      const std::string values = own("w") + ".values";
      line(made,
           "    let " + own("s") + " = spectrum((" + values + " - mean(" + values + "))" + by_unit + ", window: hann)");
    }
    // Without a normal spectrum there is no distance from it yet.
    if (source.has_distance) {
      line(made, "    if not " + own(source.normal) + ".ready {");
      line(made, "      " + own(source.normal) + ".learn(" + own("s") + ")");
      line(made, "      return");
      line(made, "    }");
    }
    for (const Asked& asked : source.asked)
      line(asked.span,
           "    " + (asked.is_kept ? "" : std::string("let ")) + asked.name + " = " + with_own(asked.value));
    std::vector<std::string> conditions;
    for (const AlarmRule& alarm : plan_.alarms)
      if (std::ranges::find(alarm.sources, at) != alarm.sources.end()) conditions.push_back("not (" + alarm.code + ")");
    for (const Rule& rule : plan_.rules) {
      if (!rule.of_figures || rule.source != at) continue;
      line(rule.span, "    if " + rule.code + " {");
      for (const Effect& effect : rule.effects) line(rule.span, "      " + statement(effect, true));
      line(rule.span, "    }");
    }
    for (const Send& one : plan_.sends)
      if (plan_.logs[one.log].source == at && !plan_.logs[one.log].of_reading)
        line(one.span, "    " + row(one.log, true));
    // What raises an alarm is not normal: it is not learned.
    if (source.has_distance) {
      line(made, conditions.empty() ? "    " + own(source.normal) + ".learn(" + own("s") + ")"
                                    : "    if " + joined(conditions, " and ") + " { " + own(source.normal) + ".learn(" +
                                          own("s") + ") }");
    }
    line(made, "  }");
  }

  const Plan& plan_;
  Span span_;  // of the last sentence: where a line comes from that comes from all of them
  English& out_;
  std::set<std::string> taken_;  // names of the plan
};

}  // namespace
}  // namespace english

English read_english(std::string_view text, std::string_view name) {
  English out;
  const auto sentences = english::read_sentences(text, out.diagnostics);
  const english::Plan plan = english::make_plan(sentences, out.diagnostics);
  if (out.diagnostics.has_errors()) return out;
  english::Writer(plan, sentences.back().span, out).write(text, name);
  return out;
}

}  // namespace eyeflow::compiler
