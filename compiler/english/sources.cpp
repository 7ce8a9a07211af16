#include "compiler/english/planner.h"

#include <cstdio>

namespace eyeflow::compiler::english {
namespace {

std::string hertz(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g Hz", value);
  return text;
}

}  // namespace

Source& Planner::add_source(Source::Kind kind, const Words& sensor) {
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

const Quantity* Planner::set_quantity(Source& source, const Words& quantity, const std::string& unit) {
  const Quantity* known = find_quantity(quantity.text);
  source.quantity = quantity.text;
  source.unit = unit.empty() && known ? std::string(known->unit) : unit;
  if (!known && unit.empty())
    refuse(Code::EnglishIncomplete, quantity.span, "the unit of '" + quantity.text + "' is not known",
           "write " + quantity.text + " in mm");
  return known;
}

void Planner::set_rate(Source& source, std::string rate, double readings_a_second) {
  source.rate = std::move(rate);
  source.readings_a_second = readings_a_second;
}

Source* Planner::latest(Source::Kind kind) {
  for (std::size_t i = plan_.sources.size(); i-- > 0;)
    if (plan_.sources[i].kind == kind) return &plan_.sources[i];
  return nullptr;
}

// Two sources may have figures of one name.
std::string Planner::variable(const std::string& key, const Source& source) const {
  for (const Source& other : plan_.sources)
    if (&other != &source && has(other.asked, key)) return key + "_" + source.input;
  return key;
}

Asked& Planner::add_class(Source& camera, const Words& words) {
  const std::string name = identifier(words.text);
  const auto known = std::ranges::find(camera.asked, name, &Asked::key);
  if (known != camera.asked.end()) return *known;
  camera.asked.push_back({.key = name,
                          .name = variable(name, camera),
                          .type = "f32",
                          .zero = "0.0",
                          .value = "$result." + name,
                          .words = words.text,
                          .unit = "",
                          .span = words.span});
  return camera.asked.back();
}

void Planner::add_figure(Source& source, const Words& words) {
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
      with_unit(unit_of_difference(source.unit));
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
  asked.value = std::string(figure->function) + "($w.values)";
  if (figure->of == Figure::Of::Spectrum) asked.value = "peak($s, " + hertz(1 / source.window->seconds) + ")";
  if (figure->of == Figure::Of::Distance) {
    source.normal = has_distance ? "normal_" + source.input : "normal";
    asked.value = "$" + source.normal + ".distance($s)";
  }
  source.has_spectrum |= figure->of == Figure::Of::Spectrum || figure->of == Figure::Of::Distance;
  source.has_distance |= figure->of == Figure::Of::Distance;
  source.asked.push_back(std::move(asked));
}

}  // namespace eyeflow::compiler::english
