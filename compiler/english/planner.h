#pragma once

#include "compiler/english/plan.h"

// How the sentences become a plan, one after the other: what each of them says (plan.cpp), what is read and computed
// (sources.cpp), what a word refers to (references.cpp), conditions and what they do (conditions.cpp).
namespace eyeflow::compiler::english {

// What a clause looks at.
struct Subject {
  std::size_t source;
  Asked* asked = nullptr;  // nullptr: the sensor itself
};

inline std::string in_words(const Value& value) { return value.number + (value.unit.empty() ? "" : ' ' + value.unit); }

class Planner {
 public:
  explicit Planner(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void add(const Sentence& sentence);
  Plan take() { return std::move(plan_); }

 private:
  void add_one(const Monitor& says);
  void add_one(const Collect& says);
  void add_one(const Image& says);
  void add_one(const Classify& says);
  void add_one(const Compute& says);
  void add_one(const Condition& says);
  void add_one(const Transfer& says);

  Source& add_source(Source::Kind kind, const Words& sensor);
  const Quantity* set_quantity(Source& source, const Words& quantity, const std::string& unit);
  static void set_rate(Source& source, std::string rate, double readings_a_second);
  Source* latest(Source::Kind kind);
  std::string variable(const std::string& key, const Source& source) const;
  Asked& add_class(Source& camera, const Words& words);
  void add_figure(Source& source, const Words& words);

  std::optional<Subject> subject_of(const Clause& clause, const std::optional<Subject>& before);
  std::optional<Subject> find(const Words& phrase);
  std::optional<Subject> asked_of(std::size_t source, const Words& phrase);
  std::optional<Subject> only(std::size_t at, const Clause& clause);

  std::optional<Rule> resolve(const Condition& says);
  void act(Rule& rule, const Condition& says, const std::vector<Action>& actions, bool is_otherwise);
  bool set_until(AlarmRule& alarm, const Condition& says);
  std::string unique_alarm(const std::string& wanted, std::size_t source);

  std::string add_switch(const std::string& words, const std::string& initial, Span span);
  std::optional<std::size_t> log_for(const Transfer& says, std::size_t source, const std::string& usual, Span span);

  void refuse(Code code, Span span, std::string message, std::string hint = {}) {
    diagnostics_.add(code, span, std::move(message), std::move(hint));
  }

  Diagnostics& diagnostics_;
  Plan plan_;
  Span span_;                                                  // of the sentence that is read
  std::vector<std::pair<std::size_t, std::string>> subjects_;  // of its condition
  std::string alarm_name_, left_;                              // and of its last comparison: what is compared
};

}  // namespace eyeflow::compiler::english
