#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"

// What the sentences of a text say, one by one; what their words refer to is found out later.
namespace eyeflow::compiler::english {

struct Words {
  std::string text;  // "cooling pump": small letters, one space between words, no article
  Span span;
};
struct Value {
  std::string number, unit;  // "80", "°C"; the unit in the task language's words, or empty
  Span span;
};
struct Duration {
  std::string text;  // "10 s"
  double seconds = 0;
  Span span;
};

struct Transfer {
  std::optional<Words> what;  // nothing: what was found last
  bool everything = false;
  bool to_cloud = false;
  std::optional<Words> log;
  std::optional<Duration> every;
};

enum class Relation { Above, Below, AtLeast, AtMost, Between, Outside, Silent };
struct Clause {
  std::optional<Words> phrase, sensor;  // neither: as before
  Relation relation{};
  Value value, upper;
  Span span;
};

struct Action {
  enum class Kind { Alarm, LocalAlarm, Operator, Sound, Off, On, Schedule, Send } kind{};
  std::optional<Words> thing{};
  std::string text{};  // of an alarm, when the author gives one
  bool at_once = false;
  std::optional<Duration> deadline{};
  Transfer transfer{};
  Span span{};
};

struct Monitor {
  Words quantity;
  std::string unit;  // empty: the usual one
  Words sensor;
  std::optional<Duration> every;
};
struct Collect {
  Duration duration;
  Words quantity;
  std::string unit;
  Words sensor;
  std::optional<Value> rate;
};
struct Image {
  Duration every;
  Words camera;
  std::string width, height;  // empty: the usual ones
};
struct Classify {
  Words model;
  std::vector<Words> classes;  // empty: those that are asked for
};
struct Compute {
  std::vector<Words> figures;
  std::optional<Duration> over, every;
};
struct Until {
  Relation relation{};
  Value value;
  std::optional<Duration> lasting;
  Span span;
};
struct Condition {
  std::vector<Clause> clauses;
  bool any = false;  // joined by `or`
  std::optional<Duration> lasting;
  std::vector<Action> actions, otherwise;
  std::optional<Until> until;
};

struct Sentence {
  std::variant<Monitor, Collect, Image, Classify, Compute, Condition, Transfer> says;
  Span span;
};

// The sentences that are understood, in order; what is refused is told.
std::vector<Sentence> read_sentences(std::string_view text, Diagnostics& diagnostics);

// ---- The words that are known

// A unit in the task language: "degrees celsius" is °C, "seconds" is s; others are left as they are.
std::string unit_of(std::string_view words);
// What values in a unit differ by: K for °C, dB for dBm, otherwise the unit, also one that is not known.
std::string unit_of_difference(const std::string& unit);
// Nothing when the unit is none of time.
std::optional<double> seconds_in(std::string_view unit);

struct Quantity {
  std::string_view name, unit;
  std::string_view rate;  // how often a sensor gives it when a stretch of time is collected; empty: must be said
};
const Quantity* find_quantity(std::string_view name);

struct Figure {
  std::string_view name, also;
  enum class Of { Values, Difference, Number, Spectrum, Distance } of;  // its unit, and what it is made from
  std::string_view function;
};
const Figure* find_figure(std::string_view name);
std::vector<std::string> figure_names();

// The sentences that look most like this one, best first, at most three; of actions where those were expected.
std::vector<std::string_view> nearest_forms(std::string_view sentence, bool of_actions);
// All words that the grammar itself has, for "did you mean".
const std::vector<std::string>& known_words();

}  // namespace eyeflow::compiler::english
