#include "compiler/english/plan.h"

#include <cstdio>
#include <cstdlib>
#include <set>

namespace eyeflow::compiler::english {
namespace {

// A number where a float is meant.
std::string number(const std::string& digits) { return digits.find('.') == std::string::npos ? digits + ".0" : digits; }
std::string in_words(const Value& value) { return value.number + (value.unit.empty() ? "" : ' ' + value.unit); }
std::string in_code(const Value& value) { return value.unit.empty() ? number(value.number) : in_words(value); }

class Planner {
 public:
  explicit Planner(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void add(const Sentence& sentence) {
    span_ = sentence.span;
    std::visit([&](const auto& says) { add_one(says); }, sentence.says);
  }
  Plan take() { return std::move(plan_); }

 private:
  // ---- Sentences

  void add_one(const Monitor& says) {
    Source& source = add_source(Source::Kind::Sensor, says.sensor);
    set_quantity(source, says.quantity, says.unit);
    source.type = source.unit.empty() ? "f64" : source.unit;
    if (says.every) set_rate(source, "every " + says.every->text, 1 / says.every->seconds);
  }

  void add_one(const Collect& says) {
    Source& source = add_source(Source::Kind::Window, says.sensor);
    const Quantity* quantity = set_quantity(source, says.quantity, says.unit);
    source.type = source.unit.empty() ? "f32" : "f32 " + source.unit;
    source.window = says.duration;
    source.window_span = span_;
    source.is_f32 = true;
    if (says.rate) {
      const double hertz = std::strtod(says.rate->number.c_str(), nullptr) * (says.rate->unit == "kHz"     ? 1000
                                                                              : says.rate->unit == "Hz"    ? 1
                                                                              : says.rate->unit == "1/min" ? 1.0 / 60
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

  void add_one(const Image& says) {
    Source& source = add_source(Source::Kind::Camera, says.camera);
    set_rate(source, "every " + says.every.text, 1 / says.every.seconds);
    source.size = says.width.empty() ? "640, 480" : says.width + ", " + says.height;
  }

  void add_one(const Classify& says) {
    Source* camera = latest(Source::Kind::Camera);
    if (!camera)
      return refuse(Code::EnglishIncomplete, span_, "no sentence before this one takes an image",
                    "write first: Every 2 seconds take an image from camera C1.");
    camera->model = identifier(says.model.text);
    camera->model_span = span_;
    camera->names_classes = !says.classes.empty();
    for (const Words& one : says.classes) add_class(*camera, one);
  }

  void add_one(const Compute& says) {
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

  void add_one(const Condition& says) {
    std::optional<Rule> rule = resolve(says);
    if (!rule) return;
    act(*rule, says, says.actions, false);
    if (!says.otherwise.empty()) {
      rule->effects.clear();
      rule->code = "not (" + rule->code + ")";
      act(*rule, says, says.otherwise, true);
    }
  }

  void add_one(const Transfer& says) {
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
      } else {
        plan_.sends.push_back({*log, span_});
      }
    }
  }

  // ---- What they refer to

  Source& add_source(Source::Kind kind, const Words& sensor) {
    Source source;
    source.kind = kind;
    source.sensor = sensor;
    source.input = identifier(sensor.text);
    source.span = span_;
    if (std::ranges::any_of(plan_.sources, [&](const Source& s) { return s.input == source.input; }))
      refuse(Code::EnglishAmbiguous, sensor.span, "another sentence reads " + sensor.text + " already",
             "say in one sentence what it gives");
    plan_.sources.push_back(std::move(source));
    return plan_.sources.back();
  }

  const Quantity* set_quantity(Source& source, const Words& quantity, const std::string& unit) {
    const Quantity* known = find_quantity(quantity.text);
    source.quantity = quantity.text;
    source.unit = unit.empty() && known ? std::string(known->unit) : unit;
    if (!known && unit.empty())
      refuse(Code::EnglishIncomplete, quantity.span, "the unit of '" + quantity.text + "' is not known",
             "write " + quantity.text + " in mm");
    return known;
  }

  static void set_rate(Source& source, std::string rate, double readings_a_second) {
    source.rate = std::move(rate);
    source.readings_a_second = readings_a_second;
  }

  Source* latest(Source::Kind kind) {
    for (std::size_t i = plan_.sources.size(); i-- > 0;)
      if (plan_.sources[i].kind == kind) return &plan_.sources[i];
    return nullptr;
  }

  // Two sources may have figures of one name.
  std::string variable(const std::string& key, const Source& source) const {
    for (const Source& other : plan_.sources)
      if (&other != &source && has(other.asked, key)) return key + "_" + source.input;
    return key;
  }

  Asked& add_class(Source& camera, const Words& words) {
    const std::string name = identifier(words.text);
    const auto known = std::ranges::find(camera.asked, name, &Asked::key);
    if (known != camera.asked.end()) return *known;
    camera.asked.push_back({.key = name,
                            .name = variable(name, camera),
                            .type = "f32",
                            .zero = "0.0",
                            .value = "result." + name,
                            .words = words.text,
                            .unit = "",
                            .span = words.span});
    return camera.asked.back();
  }

  void add_figure(Source& source, const Words& words) {
    const Figure* figure = find_figure(words.text);
    if (!figure) {
      const std::string meant = suggestion(words.text, figure_names());
      return refuse(Code::EnglishIncomplete, words.span, "'" + words.text + "' is nothing that can be computed",
                    meant.empty() ? "known are " + joined(figure_names(), ", ") : meant);
    }
    const std::string name = identifier(figure->name);
    const bool has_distance = std::ranges::find(plan_.sources, true, &Source::has_distance) != plan_.sources.end();
    if (std::ranges::find(source.asked, name, &Asked::key) != source.asked.end()) return;
    Asked asked{.key = name,
                .name = variable(name, source),
                .type = "",
                .zero = "",
                .value = "",
                .words = std::string(figure->name),
                .unit = "",
                .span = span_};
    const bool is_f32 = source.is_f32;
    const auto with_unit = [&](std::string unit) {
      asked.unit = unit;
      asked.type = unit.empty() ? (is_f32 ? "f32" : "f64") : (is_f32 ? "f32 " : "") + unit;
      asked.zero = unit.empty() ? "0.0" : "0 " + unit;
    };
    switch (figure->of) {
      case Figure::Of::Values:
        with_unit(source.unit);
        break;
      case Figure::Of::Difference:
        with_unit(source.unit == "°C" ? "K" : source.unit == "°F" ? "°R" : source.unit);
        break;
      case Figure::Of::Number:
        with_unit("");
        break;
      case Figure::Of::Spectrum:
        asked.type = asked.unit = "Hz", asked.zero = "0 Hz";
        break;
      case Figure::Of::Distance:
        asked.type = "f64", asked.zero = "0.0";
        break;
    }
    asked.value = std::string(figure->function) + "(w.values)";
    if (figure->of == Figure::Of::Spectrum) asked.value = "peak(s, " + hertz(1 / source.window->seconds) + ")";
    if (figure->of == Figure::Of::Distance) {
      source.normal = has_distance ? "normal_" + source.input : "normal";
      asked.value = source.normal + ".distance(s)";
    }
    source.has_spectrum |= figure->of == Figure::Of::Spectrum || figure->of == Figure::Of::Distance;
    source.has_distance |= figure->of == Figure::Of::Distance;
    source.asked.push_back(std::move(asked));
  }

  static std::string hertz(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.9g Hz", value);
    return text;
  }

  // What a clause looks at.
  struct Subject {
    std::size_t source;
    Asked* asked = nullptr;  // nullptr: the sensor itself
  };

  std::optional<Subject> subject_of(const Clause& clause, const std::optional<Subject>& before) {
    if (clause.sensor) {
      const std::string input = identifier(clause.sensor->text);
      const auto at = std::ranges::find(plan_.sources, input, &Source::input);
      if (at == plan_.sources.end()) {
        std::vector<std::string> known;
        for (const Source& source : plan_.sources) known.push_back(source.sensor.text);
        refuse(Code::EnglishIncomplete, clause.sensor->span,
               "no sentence before this one reads sensor " + clause.sensor->text,
               suggestion(clause.sensor->text, known));
        return std::nullopt;
      }
      const auto source = static_cast<std::size_t>(at - plan_.sources.begin());
      if (!clause.phrase || clause.phrase->text == at->quantity) return only(source, clause);
      return asked_of(source, *clause.phrase);
    }
    if (!clause.phrase) {
      if (before) return before;
      if (plan_.sources.empty()) {
        refuse(Code::EnglishIncomplete, clause.span, "no sentence before this one says what this is about",
               "write first: Monitor temperature on sensor T1.");
        return std::nullopt;
      }
      return only(plan_.sources.size() - 1, clause);
    }
    return find(*clause.phrase);
  }

  // By its name alone.
  std::optional<Subject> find(const Words& phrase) {
    std::vector<Subject> found;
    const std::string name = identifier(phrase.text);
    const Figure* figure = find_figure(phrase.text);
    const std::string figure_name = figure ? identifier(figure->name) : name;
    for (std::size_t i = 0; i < plan_.sources.size(); ++i) {
      Source& source = plan_.sources[i];
      if (source.input == name || (source.kind == Source::Kind::Sensor && source.quantity == phrase.text))
        found.push_back({i});
      for (Asked& asked : source.asked)
        if (asked.key == name || asked.key == figure_name) found.push_back({i, &asked});
    }
    if (found.size() == 1) return found.front();
    if (found.size() > 1) {
      refuse(Code::EnglishAmbiguous, phrase.span, "'" + phrase.text + "' can be of several sensors",
             "write the " + phrase.text + " on sensor " + plan_.sources[found.front().source].sensor.text);
      return std::nullopt;
    }
    if (Source* camera = latest(Source::Kind::Camera);
        camera && !camera->model.empty() && !camera->names_classes && phrase.text.find(' ') == std::string::npos)
      return Subject{static_cast<std::size_t>(camera - plan_.sources.data()), &add_class(*camera, phrase)};
    std::vector<std::string> known;
    for (const Source& source : plan_.sources) {
      if (source.kind == Source::Kind::Sensor) known.push_back(source.quantity);
      for (const Asked& asked : source.asked) known.push_back(asked.words);
    }
    std::string hint = suggestion(phrase.text, known);
    if (hint.empty() && figure) hint = "write first: Compute the " + phrase.text + ".";
    refuse(Code::EnglishIncomplete, phrase.span, "no sentence before this one says what '" + phrase.text + "' is",
           hint);
    return std::nullopt;
  }

  std::optional<Subject> asked_of(std::size_t source, const Words& phrase) {
    const Figure* figure = find_figure(phrase.text);
    const std::string name = identifier(figure ? figure->name : phrase.text);
    const auto asked = std::ranges::find(plan_.sources[source].asked, name, &Asked::key);
    if (asked != plan_.sources[source].asked.end()) return Subject{source, &*asked};
    refuse(Code::EnglishIncomplete, phrase.span,
           "no sentence before this one says what '" + phrase.text + "' of sensor " +
               plan_.sources[source].sensor.text + " is");
    return std::nullopt;
  }

  // Where no name is said: there must be one thing only.
  std::optional<Subject> only(std::size_t at, const Clause& clause) {
    Source& source = plan_.sources[at];
    if (clause.relation == Relation::Silent || source.kind == Source::Kind::Sensor) return Subject{at};
    if (source.asked.size() == 1) return Subject{at, &source.asked.front()};
    std::vector<std::string> names;
    for (const Asked& asked : source.asked) names.push_back("the " + asked.words);
    refuse(Code::EnglishAmbiguous, clause.span, "what is compared here is not said",
           names.empty() ? "name it: If bad > 0.5" : "name it: " + joined(names, ", "));
    return std::nullopt;
  }

  // ---- Conditions

  struct Compared {
    std::string code, words;
  };
  static Compared compare(const std::string& left, const Clause& clause) {
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

  std::optional<Rule> resolve(const Condition& says) {
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

  void act(Rule& rule, const Condition& says, const std::vector<Action>& actions, bool is_otherwise) {
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

  bool set_until(AlarmRule& alarm, const Condition& says) {
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

  std::string unique_alarm(const std::string& wanted, std::size_t source) {
    const auto is_taken = [&](const std::string& name) { return has(plan_.alarms, name); };
    if (!is_taken(wanted)) return wanted;
    std::string name = wanted + "_" + plan_.sources[source].input;
    for (int n = 2; is_taken(name); ++n) name = wanted + "_" + std::to_string(n);
    return name;
  }

  // ---- Outputs

  // A switch that is told both ways, or driven by an alarm, begins off.
  std::string add_switch(const std::string& words, const std::string& initial, Span span) {
    const std::string name = identifier(words);
    const auto known = std::ranges::find(plan_.switches, name, &Switch::name);
    if (known == plan_.switches.end())
      plan_.switches.push_back({name, initial, span});
    else if (known->initial != initial)
      known->initial = "off";
    return name;
  }

  std::optional<std::size_t> log_for(const Transfer& says, std::size_t source, const std::string& usual, Span span) {
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

  void refuse(Code code, Span span, std::string message, std::string hint = {}) {
    diagnostics_.add(code, span, std::move(message), std::move(hint));
  }

  Diagnostics& diagnostics_;
  Plan plan_;
  Span span_;                                                  // of the sentence that is read
  std::vector<std::pair<std::size_t, std::string>> subjects_;  // of its condition
  std::string alarm_name_, left_;                              // and of its last comparison: what is compared
};

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
