#include "vm/module/verifier.h"

#include <algorithm>
#include <iterator>

#include "vm/module/verify_internal.h"

namespace eyeflow::vm {
namespace verify_detail {
namespace {

constexpr std::string_view kRuleNames[] = {
#define EYEFLOW_VERIFY_RULE(Name, text) #Name,
#include "vm/module/verify_rules.def"
};
constexpr std::string_view kRuleTexts[] = {
#define EYEFLOW_VERIFY_RULE(Name, text) text,
#include "vm/module/verify_rules.def"
};

}  // namespace

void Check::refuse(Rule rule, const std::string& what) {
  if (!refusal_.empty()) return;
  const auto n = static_cast<std::size_t>(rule);
  refusal_ = "module '" + module.task + "' is refused: " + what + ". Rule " + std::string(kRuleNames[n]) + ": " +
             std::string(kRuleTexts[n]) +
             ". Build the task again with this version's eyeflowc, and report it as a bug if that does not help";
}

std::string Check::describe(TypeId id) const {
  const Type* type = module.type(id);
  return type == nullptr ? "of unknown type " + std::to_string(id) : vm::describe(*type);
}

namespace {

// ---- Functions
// -------------------------------------------------------------------------------------------------------

bool check_header(Check& check, FunctionId id) {
  const Module& m = check.module;
  const Function& f = m.functions[index(id)];
  const auto where = [&] { return "function " + std::to_string(index(id)) + " '" + f.name + "'"; };
  const auto known = [&](TypeId type) { return m.type(type) != nullptr; };
  if (!check.demand(Rule::RegisterTypes, f.registers.size() <= 65'535 && std::ranges::all_of(f.registers, known),
                    where))
    return false;

  const auto may_cross = [&](TypeId type) { return known(type) && m.type(type)->kind != TypeKind::Counter; };
  const std::size_t params = std::min<std::size_t>(f.param_count, f.registers.size());
  const bool crosses =
      params == f.param_count && f.results.size() <= 65'535 && std::ranges::all_of(f.results, may_cross) &&
      std::all_of(f.registers.begin(), f.registers.begin() + static_cast<std::ptrdiff_t>(params), may_cross);
  if (!check.demand(Rule::Signature, crosses, where)) return false;

  std::int64_t before = -1;
  for (const LineMark& mark : f.lines) {
    if (!check.demand(Rule::LineMarks, mark.instruction > before && mark.instruction < f.code.size(), where))
      return false;
    before = mark.instruction;
  }
  const auto ends = [](Op op) { return static_cast<std::size_t>(op) < kOpCount && info(op).has(Ends); };
  return check.demand(Rule::CodeEnds, !f.code.empty() && f.code.size() <= kMaxCode && ends(f.code.back().op), where);
}

// What the callees bring with them: frames on top of this one, and the state that they store.
bool add_callees(Check& check, FunctionId id, FunctionBound& bound) {
  const Function& f = check.module.functions[index(id)];
  const auto where = [&] { return "function " + std::to_string(index(id)) + " '" + f.name + "'"; };
  std::vector<std::uint16_t> callees;
  for (const Instruction& i : f.code)
    if (i.op == Op::Call && i.b < check.bounds.size()) callees.push_back(i.b);
  std::ranges::sort(callees);
  callees.erase(std::ranges::unique(callees).begin(), callees.end());

  std::uint64_t deepest = 0;
  for (const std::uint16_t callee : callees) {
    const FunctionBound& other = check.bounds[callee];
    deepest = std::max<std::uint64_t>(deepest, other.frame_words);
    bound.call_depth = std::max(bound.call_depth, other.call_depth + 1);
    bound.stores.insert(bound.stores.end(), other.stores.begin(), other.stores.end());
  }
  std::ranges::sort(bound.stores);
  bound.stores.erase(std::ranges::unique(bound.stores).begin(), bound.stores.end());
  const std::uint64_t words = f.registers.size() + deepest;
  bound.frame_words = static_cast<std::uint32_t>(std::min<std::uint64_t>(words, 0xFFFFFFFF));
  check.store_entries += bound.stores.size();
  return check.demand(Rule::FrameSize, words <= kMaxFrameWords, where) &&
         check.demand(Rule::CallDepth, bound.call_depth <= kMaxCallDepth, where) &&
         check.demand(Rule::StoreLists, check.store_entries <= kMaxStoreEntries, where);
}

}  // namespace

bool check_function(Check& check, FunctionId id) {
  if (!check_header(check, id)) return false;
  CodeFacts facts;
  FunctionBound bound;
  if (!check_code(check, id, facts, bound) || !add_callees(check, id, bound)) return false;
  if (check.let_through()) {
    bound.fuel = bound.entry_fuel = bound.output_bytes = bound.log_rows = kFuelLimit;
    bound.trip_fuel.assign(check.module.functions[index(id)].registers.size(), kFuelLimit);
  } else {
    compute_fuel(check, id, facts, bound);
  }
  check.bounds.push_back(std::move(bound));
  return true;
}

namespace {

std::vector<Word> references_of(const Module& module) {
  std::vector<Word> references(kFirstModuleType, 0);
  for (const Type& type : module.types) references.push_back(Reference::make(type.region, 0, type.capacity).word);
  return references;
}

bool check_all(Check& check) {
  if (!check_tables(check)) return false;
  check.bounds.reserve(check.module.functions.size());
  for (std::size_t n = 0; n < check.module.functions.size(); ++n)
    if (!check_function(check, static_cast<FunctionId>(n))) return false;
  return check_tasks(check);
}

}  // namespace
}  // namespace verify_detail

Result<VerifiedModule> verify(Module module, IntrinsicTable intrinsics, const VerifyRule* without) {
  verify_detail::Check check(module, intrinsics, without);
  if (!verify_detail::check_all(check)) return fail(check.refusal());
  std::vector<FunctionBound> bounds = std::move(check.bounds);
  std::vector<Word> references = verify_detail::references_of(module);
  return VerifiedModule{std::move(module), std::move(bounds), std::move(references)};
}

}  // namespace eyeflow::vm
