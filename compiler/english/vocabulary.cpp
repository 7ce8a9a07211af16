#include <algorithm>
#include <array>
#include <set>
#include <span>

#include "compiler/english/sentences.h"
#include "stdlib/units/units.h"

namespace eyeflow::compiler::english {
namespace {

struct UnitWord {
  std::string_view word, unit;
};
constexpr UnitWord kUnits[] = {
    {"second", "s"},
    {"seconds", "s"},
    {"millisecond", "ms"},
    {"milliseconds", "ms"},
    {"minute", "min"},
    {"minutes", "min"},
    {"hour", "h"},
    {"hours", "h"},
    {"days", "day"},
    {"hertz", "Hz"},
    {"kilohertz", "kHz"},
    {"degrees celsius", "°C"},
    {"celsius", "°C"},
    {"degree celsius", "°C"},
    {"degrees fahrenheit", "°F"},
    {"fahrenheit", "°F"},
    {"degree fahrenheit", "°F"},
    {"kelvin", "K"},
    {"percent", "%"},
    {"volt", "V"},
    {"volts", "V"},
    {"amps", "A"},
    {"ampere", "A"},
    {"amperes", "A"},
    {"watt", "W"},
    {"watts", "W"},
    {"kilowatts", "kW"},
    {"metre", "m"},
    {"metres", "m"},
    {"meter", "m"},
    {"meters", "m"},
    {"millimetres", "mm"},
    {"millimeters", "mm"},
    {"litres", "L"},
    {"liters", "L"},
    {"kilograms", "kg"},
    {"pascal", "Pa"},
    {"kilopascal", "kPa"},
    {"newton", "N"},
    {"lux", "lx"},
    {"decibels", "dB"},
};

struct Time {
  std::string_view unit;
  double seconds;
};
constexpr Time kTimes[] = {{"ms", 1e-3}, {"s", 1}, {"min", 60}, {"h", 3600}, {"day", 86400}};

constexpr Quantity kQuantities[] = {
    {"temperature", "°C", ""},
    {"pressure", "bar", ""},
    {"humidity", "%", ""},
    {"level", "%", ""},
    {"flow", "L/min", ""},
    {"voltage", "V", ""},
    {"current", "A", ""},
    {"power", "W", ""},
    {"energy", "kWh", ""},
    {"speed", "m/s", ""},
    {"rotational speed", "rpm", ""},
    {"frequency", "Hz", ""},
    {"distance", "mm", ""},
    {"weight", "kg", ""},
    {"force", "N", ""},
    {"torque", "N*m", ""},
    {"concentration", "ppm", ""},
    {"brightness", "lx", ""},
    {"noise", "dB", ""},
    {"signal strength", "dBm", ""},
    {"vibration", "m/s²", "100 Hz"},
    {"acceleration", "m/s²", "100 Hz"},
};

using enum Figure::Of;
constexpr Figure kFigures[] = {
    {"average", "mean", Values, "mean"},
    {"minimum", "lowest value", Values, "min"},
    {"maximum", "highest value", Values, "max"},
    {"median", "", Values, "median"},
    {"root mean square", "rms", Values, "rms"},
    {"standard deviation", "stddev", Difference, "stddev"},
    {"kurtosis", "", Number, "kurtosis"},
    {"dominant frequency", "frequency spectrum", Spectrum, "peak"},
    {"anomaly score", "anomaly", Distance, "distance"},
};

// What the grammar understands, as people are told. Words in capitals stand for the author's own.
constexpr std::string_view kForms[] = {
    "Monitor QUANTITY on sensor NAME.",
    "Monitor QUANTITY in UNIT on sensor NAME every DURATION.",
    "Collect DURATION of QUANTITY from sensor NAME at RATE.",
    "Compute the FIGURE and the FIGURE.",
    "Compute the FIGURE over the last DURATION every DURATION.",
    "Every DURATION take an image from camera NAME.",
    "Classify it with model NAME.",
    "Classify it with model NAME as CLASS or CLASS.",
    "If the QUANTITY is above VALUE, ACTION.",
    "If the QUANTITY is below VALUE for DURATION, ACTION and ACTION, otherwise ACTION.",
    "If the QUANTITY is above VALUE, trigger local alarm until it is below VALUE.",
    "If the QUANTITY is not between VALUE and VALUE, ACTION.",
    "If sensor NAME is silent for DURATION, ACTION.",
    "Log to the cloud for NAME.",
    "Send the result to the cloud.",
    "Log the QUANTITY to the device every DURATION.",
};
constexpr std::string_view kActions[] = {
    "trigger local alarm immediately",
    "raise an alarm \"TEXT\"",
    "alert the operator",
    "sound the SIREN",
    "stop the NAME",
    "start the NAME within DURATION",
    "turn the NAME on",
    "turn off the NAME",
    "schedule NAME",
    "send the result to the cloud",
    "log to the device for NAME",
};

std::set<std::string> words_of(std::string_view text) {
  std::set<std::string> words;
  std::string word;
  for (const char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      word += static_cast<char>(c | 0x20);
    } else if (!word.empty()) {
      words.insert(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.insert(word);
  return words;
}
// The words that a form fixes, without those that stand for the author's.
std::set<std::string> fixed_words(std::string_view form) {
  std::string fixed;
  for (std::size_t at = 0; at < form.size();) {
    const std::size_t end = std::min(form.find(' ', at), form.size());
    const std::string_view word = form.substr(at, end - at);
    if (word.size() < 2 || word[1] < 'A' || word[1] > 'Z') fixed += std::string(word) + ' ';
    at = end + 1;
  }
  return words_of(fixed);
}

}  // namespace

std::string unit_of(std::string_view words) {
  std::string small(words);
  std::ranges::transform(small, small.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  const auto known = std::ranges::find(kUnits, std::string_view(small), &UnitWord::word);
  return std::string(known == std::end(kUnits) ? words : known->unit);
}

std::string unit_of_difference(const std::string& unit) {
  const auto known = stdlib::parse_unit(unit);
  return known && known->is_point ? stdlib::difference_unit(*known).text : unit;
}

std::optional<double> seconds_in(std::string_view unit) {
  const auto known = std::ranges::find(kTimes, unit, &Time::unit);
  return known == std::end(kTimes) ? std::nullopt : std::optional(known->seconds);
}

const Quantity* find_quantity(std::string_view name) {
  const auto known = std::ranges::find(kQuantities, name, &Quantity::name);
  return known == std::end(kQuantities) ? nullptr : known;
}

const Figure* find_figure(std::string_view name) {
  const auto known =
      std::ranges::find_if(kFigures, [&](const Figure& figure) { return figure.name == name || figure.also == name; });
  return known == std::end(kFigures) ? nullptr : known;
}

std::vector<std::string> figure_names() {
  std::vector<std::string> names;
  for (const Figure& figure : kFigures) {
    names.emplace_back(figure.name);
    if (!figure.also.empty()) names.emplace_back(figure.also);
  }
  return names;
}

std::vector<std::string_view> nearest_forms(std::string_view sentence, bool of_actions) {
  const std::span<const std::string_view> forms =
      of_actions ? std::span<const std::string_view>(kActions) : std::span<const std::string_view>(kForms);
  const std::set<std::string> said = words_of(sentence);
  struct Near {
    double likeness;
    std::size_t place;
  };
  std::vector<Near> near;
  for (const std::string_view form : forms) {
    const std::set<std::string> fixed = fixed_words(form);
    double shared = 0;
    for (const std::string& word : fixed) {
      const bool is_small = word.size() <= 3;
      if (said.contains(word))
        shared += is_small ? 0.25 : 1;
      else if (!is_small && did_you_mean(word, {said.begin(), said.end()}))
        shared += 0.75;
    }
    near.push_back({shared / (static_cast<double>(fixed.size()) + 1), near.size()});
  }
  std::ranges::sort(near, [](const Near& a, const Near& b) {
    return a.likeness != b.likeness ? a.likeness > b.likeness : a.place < b.place;
  });
  std::vector<std::string_view> nearest;
  for (std::size_t i = 0; i < 3; ++i) nearest.push_back(forms[near[i].place]);
  return nearest;
}

const std::vector<std::string>& known_words() {
  static const std::vector<std::string> words = [] {
    std::set<std::string> all;
    for (const std::string_view form : kForms) all.merge(fixed_words(form));
    for (const std::string_view form : kActions) all.merge(fixed_words(form));
    return std::vector<std::string>(all.begin(), all.end());
  }();
  return words;
}

}  // namespace eyeflow::compiler::english
