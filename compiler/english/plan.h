#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/english/sentences.h"

// What all sentences together say, with what their words refer to: everything but the task's text.
namespace eyeflow::compiler::english {

// Something that a condition can look at and a log can hold.
struct Asked {
  std::string key;         // what it is called where its source is known: "anomaly_score"
  std::string name;        // of the variable, which no other source has
  std::string type, zero;  // "f32 m/s²", "0 m/s²"
  std::string value;       // the expression that gives it, in the handler
  std::string words;       // "anomaly score"
  std::string unit;
  Span span;
  bool is_kept = false;  // an alarm looks at it: it outlives its handler
};

struct Source {
  enum class Kind { Sensor, Window, Camera } kind{};
  std::string input;  // "t1"
  Words sensor;
  std::string quantity, unit, type;  // "temperature", "°C", "f64 °C"
  std::string rate;                  // "at 100 Hz", "every 2 s"; empty: whenever it comes
  double readings_a_second = 0;
  std::optional<Duration> window, step, stale;
  Span window_span, span;
  std::string size, model;
  Span model_span;
  bool names_classes = false;
  std::vector<Asked> asked;  // figures of a window, classes of a camera's model
  bool is_f32 = false;
  bool has_spectrum = false, has_distance = false;
  std::string normal;  // the variable that knows the normal spectrum
  std::optional<Duration> deadline;
};

struct Log {
  std::string name;
  std::size_t source;
  std::vector<std::string> fields;  // of what is asked those only; empty: all of it
  bool of_reading = false;          // the sensor's value instead
  bool to_cloud = false;
  Span span;
};

struct Send {
  std::size_t log;
  Span span;
};
struct Switch {
  std::string name, initial;
  Span span;
};
// What a rule does: a switch is told something, or a row is sent, whose fields are known when all has been read.
struct Effect {
  std::string statement;             // "conveyor.off()"
  std::optional<std::size_t> log{};  // instead of it
};

// A condition with what it refers to.
struct Rule {
  std::size_t source;
  bool of_figures = false;  // looked at where the figures are made, not when a reading comes
  std::string code, words;
  std::optional<Duration> lasting, deadline;
  std::vector<Effect> effects;
  Span span;
};
struct AlarmRule {
  std::string name, text, code;
  std::optional<Duration> lasting;
  std::string until;  // "when t1 < 78 °C for 1 min"; empty: it ends with its condition
  bool is_urgent = false;
  std::vector<std::size_t> sources;  // whose figures it looks at
  std::vector<std::string> drives;
  Span span;
};
struct Repeated {
  Duration every;
  std::size_t log;
  Span span;
};

struct Plan {
  std::vector<Source> sources;
  std::vector<Switch> switches;
  std::vector<Log> logs;
  std::vector<AlarmRule> alarms;
  std::vector<Rule> rules;
  std::vector<Send> sends;
  std::vector<Repeated> repeated;
};

// What does not fit together is told.
Plan make_plan(const std::vector<Sentence>& sentences, Diagnostics& diagnostics);

// A name of the task language: "cooling-pump 2" is cooling_pump_2.
std::string identifier(std::string_view words);
std::string joined(const std::vector<std::string>& parts, std::string_view between);
template <typename Named>
bool has(const std::vector<Named>& all, std::string_view name) {
  return std::ranges::find(all, name, &Named::name) != all.end();
}

}  // namespace eyeflow::compiler::english
