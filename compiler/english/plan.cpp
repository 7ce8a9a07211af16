#include "compiler/english/planner.h"

#include <cstdlib>
#include <set>

namespace eyeflow::compiler::english {

void Planner::add(const Sentence& sentence) {
  span_ = sentence.span;
  std::visit([&](const auto& says) { add_one(says); }, sentence.says);
}

// ---- Sentences

void Planner::add_one(const Monitor& says) {
  Source& source = add_source(Source::Kind::Sensor, says.sensor);
  set_quantity(source, says.quantity, says.unit);
  source.type = source.unit.empty() ? "f64" : source.unit;
  if (says.every) set_rate(source, "every " + says.every->text, 1 / says.every->seconds);
}

void Planner::add_one(const Collect& says) {
  Source& source = add_source(Source::Kind::Window, says.sensor);
  const Quantity* quantity = set_quantity(source, says.quantity, says.unit);
  source.type = source.unit.empty() ? "f32" : "f32 " + source.unit;
  source.window = says.duration;
  source.window_span = span_;
  source.is_f32 = true;
  if (says.rate) {
    const double hertz = std::strtod(says.rate->number.c_str(), nullptr) * (says.rate->unit == "kHz"  ? 1000
                                                                            : says.rate->unit == "Hz" ? 1
                                                                                                      : 0);
    if (!(hertz > 0))
      return refuse(Code::EnglishIncomplete, says.rate->span, "this is not how often something is read",
                    "write at 100 Hz");
    set_rate(source, "at " + in_words(*says.rate), hertz);
  } else if (quantity && !quantity->rate.empty()) {
    set_rate(source, "at " + std::string(quantity->rate), std::strtod(quantity->rate.data(), nullptr));
  } else {
    refuse(Code::EnglishIncomplete, says.sensor.span, "how often this sensor is read is not known",
           "write from sensor " + says.sensor.text + " at 10 Hz");
  }
}

void Planner::add_one(const Image& says) {
  Source& source = add_source(Source::Kind::Camera, says.camera);
  set_rate(source, "every " + says.every.text, 1 / says.every.seconds);
  source.size = says.width.empty() ? "640, 480" : says.width + ", " + says.height;
}

void Planner::add_one(const Classify& says) {
  Source* camera = latest(Source::Kind::Camera);
  if (!camera)
    return refuse(Code::EnglishIncomplete, span_, "no sentence before this one takes an image",
                  "write first: Every 2 seconds take an image from camera C1.");
  camera->model = identifier(says.model.text);
  camera->model_span = span_;
  camera->names_classes = !says.classes.empty();
  for (const Words& one : says.classes) add_class(*camera, one);
}

void Planner::add_one(const Compute& says) {
  if (plan_.sources.empty() || plan_.sources.back().kind == Source::Kind::Camera)
    return refuse(Code::EnglishIncomplete, span_, "no sentence before this one reads a sensor",
                  "write first: Collect 10 seconds of vibration from sensor V1.");
  Source& source = plan_.sources.back();
  if (says.over) {
    if (source.rate.empty())
      return refuse(Code::EnglishIncomplete, source.span, "how often this sensor is read is not known",
                    "write Monitor " + source.quantity + " on sensor " + source.sensor.text + " every 1 second");
    if (source.window && source.window->text != says.over->text)
      return refuse(Code::EnglishAmbiguous, says.over->span,
                    "another sentence says that " + source.window->text + " are looked at",
                    "say one stretch of time for a sensor");
    source.window = says.over;
    source.step = says.every;
    source.window_span = span_;
  } else if (!source.window) {
    return refuse(Code::EnglishIncomplete, span_, "what stretch of time this is computed over is not known",
                  "write Compute the " + says.figures.front().text + " over the last 10 seconds");
  }
  // A normal spectrum is one of f32 samples.
  const auto is_distance = [](const Words& words) {
    const Figure* figure = find_figure(words.text);
    return figure && figure->of == Figure::Of::Distance;
  };
  if (!source.is_f32 && std::ranges::any_of(says.figures, is_distance)) {
    source.is_f32 = true;
    source.type = source.unit.empty() ? "f32" : "f32 " + source.unit;
  }
  for (const Words& figure : says.figures) add_figure(source, figure);
}

void Planner::add_one(const Condition& says) {
  std::optional<Rule> rule = resolve(says);
  if (!rule) return;
  act(*rule, says, says.actions, false);
  if (!says.otherwise.empty()) {
    rule->effects.clear();
    rule->code = "not (" + rule->code + ")";
    act(*rule, says, says.otherwise, true);
  }
}

void Planner::add_one(const Transfer& says) {
  if (plan_.sources.empty())
    return refuse(Code::EnglishIncomplete, span_, "no sentence before this one says what there is to keep",
                  "write first: Monitor temperature on sensor T1.");
  const std::size_t first = says.everything ? 0 : plan_.sources.size() - 1;
  for (std::size_t i = first; i < plan_.sources.size(); ++i) {
    if (plan_.sources[i].kind == Source::Kind::Camera && plan_.sources[i].model.empty())
      return refuse(Code::EnglishIncomplete, span_, "no sentence before this one says what is found in the image",
                    "write first: Classify it with model inspect as good or bad.");
    const auto log = log_for(says, i, "results", span_);
    if (!log) return;
    if (says.every) {
      const Source& source = plan_.sources[plan_.logs[*log].source];
      if (source.kind != Source::Kind::Sensor) {
        return refuse(Code::EnglishAmbiguous, says.every->span,
                      "a result is kept when there is one, which another sentence says", "leave this out");
      }
      plan_.repeated.push_back({*says.every, *log, span_});
    } else if (std::ranges::find(plan_.sends, *log, &Send::log) == plan_.sends.end()) {
      plan_.sends.push_back({*log, span_});  // said of the device and of the cloud, it is kept once
    }
  }
}

// ---- Outputs

// A switch that is told both ways, or driven by an alarm, begins off.
std::string Planner::add_switch(const std::string& words, const std::string& initial, Span span) {
  const std::string name = identifier(words);
  const auto known = std::ranges::find(plan_.switches, name, &Switch::name);
  if (known == plan_.switches.end())
    plan_.switches.push_back({name, initial, span});
  else if (known->initial != initial)
    known->initial = "off";
  return name;
}

std::optional<std::size_t> Planner::log_for(const Transfer& says, std::size_t source, const std::string& usual,
                                            Span span) {
  Log log{.name = says.log ? identifier(says.log->text) : usual,
          .source = source,
          .fields = {},
          .to_cloud = says.to_cloud,
          .span = span};
  const auto is_result = [](const std::string& words) { return words == "result" || words == "results"; };
  if (says.what && !is_result(says.what->text)) {
    const auto subject = find(*says.what);
    if (!subject) return std::nullopt;
    log.source = subject->source;
    log.of_reading = !subject->asked;
    if (subject->asked) log.fields = {subject->asked->name};
  }
  log.of_reading |=
      !says.what && plan_.sources[log.source].kind == Source::Kind::Sensor && plan_.sources[log.source].asked.empty();
  const auto same = [&](const Log& other) {
    return other.name == log.name && other.source == log.source && other.fields == log.fields &&
           other.of_reading == log.of_reading;
  };
  const auto known = std::ranges::find_if(plan_.logs, same);
  if (known != plan_.logs.end()) {
    known->to_cloud |= log.to_cloud;
    return static_cast<std::size_t>(known - plan_.logs.begin());
  }
  const auto is_taken = [&](const std::string& name) { return has(plan_.logs, name); };
  const std::string wanted = log.name;
  if (is_taken(log.name)) log.name = wanted + "_" + plan_.sources[log.source].input;
  for (int n = 2; is_taken(log.name); ++n) log.name = wanted + "_" + std::to_string(n);
  plan_.logs.push_back(std::move(log));
  return plan_.logs.size() - 1;
}

namespace {

// What is looked at behind the end of its handler outlives it.
void keep_figures(Plan& plan) {
  for (const Rule& rule : plan.rules) {
    for (const Effect& effect : rule.effects) {
      if (!effect.log) continue;
      const Log& log = plan.logs[*effect.log];
      if (log.of_reading || (rule.of_figures && log.source == rule.source)) continue;
      for (Asked& asked : plan.sources[log.source].asked)
        if (log.fields.empty() || std::ranges::find(log.fields, asked.name) != log.fields.end()) asked.is_kept = true;
    }
  }
}

}  // namespace

std::string identifier(std::string_view words) {
  static const std::set<std::string, std::less<>> kReserved = {
      "task", "input", "output", "alarm", "param", "state", "const",    "model",  "record",  "enum",  "fn",    "use",
      "test", "let",   "var",    "if",    "else",  "for",   "in",       "while",  "match",   "break", "when",  "or",
      "and",  "not",   "true",   "false", "on",    "mod",   "continue", "return", "missing", "is",    "event", "self"};
  std::string name;
  for (const char c : words) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (is_letter)
      name += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    else if (static_cast<unsigned char>(c) >= 0x80)
      continue;
    else if (!name.empty() && name.back() != '_')
      name += '_';
  }
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) name = "n" + name;
  return kReserved.contains(name) ? name + "_" : name;
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : std::string(between)) + part;
  return out;
}

Plan make_plan(const std::vector<Sentence>& sentences, Diagnostics& diagnostics) {
  Planner planner(diagnostics);
  for (const Sentence& sentence : sentences) planner.add(sentence);
  Plan plan = planner.take();
  keep_figures(plan);
  for (const Source& source : plan.sources)
    if (!source.model.empty() && source.asked.empty() && !diagnostics.has_errors())
      diagnostics.add(Code::EnglishIncomplete, source.model_span, "what this model answers is not said",
                      "name it: Classify it with model " + source.model + " as good or bad.");
  if (plan.sources.empty() && !diagnostics.has_errors())
    diagnostics.add(Code::EnglishIncomplete, {}, "no sentence says where values come from",
                    "begin with 'Monitor temperature on sensor T1.'");
  return plan;
}

}  // namespace eyeflow::compiler::english
