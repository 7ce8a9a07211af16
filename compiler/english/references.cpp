#include "compiler/english/planner.h"

namespace eyeflow::compiler::english {

std::optional<Subject> Planner::subject_of(const Clause& clause, const std::optional<Subject>& before) {
  if (clause.sensor) {
    const std::string input = identifier(clause.sensor->text);
    const auto at = std::ranges::find(plan_.sources, input, &Source::input);
    if (at == plan_.sources.end()) {
      std::vector<std::string> known;
      for (const Source& source : plan_.sources) known.push_back(source.sensor.text);
      refuse(Code::EnglishIncomplete, clause.sensor->span,
             "no sentence before this one reads sensor " + clause.sensor->text, suggestion(clause.sensor->text, known));
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
std::optional<Subject> Planner::find(const Words& phrase) {
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
  refuse(Code::EnglishIncomplete, phrase.span, "no sentence before this one says what '" + phrase.text + "' is", hint);
  return std::nullopt;
}

std::optional<Subject> Planner::asked_of(std::size_t source, const Words& phrase) {
  const Figure* figure = find_figure(phrase.text);
  const std::string name = identifier(figure ? figure->name : phrase.text);
  const auto asked = std::ranges::find(plan_.sources[source].asked, name, &Asked::key);
  if (asked != plan_.sources[source].asked.end()) return Subject{source, &*asked};
  refuse(Code::EnglishIncomplete, phrase.span,
         "no sentence before this one says what '" + phrase.text + "' of sensor " + plan_.sources[source].sensor.text +
             " is");
  return std::nullopt;
}

// Where no name is said: there must be one thing only.
std::optional<Subject> Planner::only(std::size_t at, const Clause& clause) {
  Source& source = plan_.sources[at];
  if (clause.relation == Relation::Silent || source.kind == Source::Kind::Sensor) return Subject{at};
  if (source.asked.size() == 1) return Subject{at, &source.asked.front()};
  std::vector<std::string> names;
  for (const Asked& asked : source.asked) names.push_back("the " + asked.words);
  refuse(Code::EnglishAmbiguous, clause.span, "what is compared here is not said",
         names.empty() ? "name it: If bad > 0.5" : "name it: " + joined(names, ", "));
  return std::nullopt;
}

}  // namespace eyeflow::compiler::english
