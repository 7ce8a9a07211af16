#include <algorithm>

#include "compiler/lower/body.h"
#include "vm/base/check.h"

namespace eyeflow::compiler::lowering {

using vm::Op;

// A record that goes to and fro is copied last, as it is when the call begins, and back behind the call.
//
// Arguments are evaluated from left to right: scalars into the run of registers that the callee starts with, texts and
// arrays into the callee's own slots. Where an argument calls something, which might be this very callee, they are
// built beside those slots and copied at the end.
Place Body::call(const typed::Call& node, std::optional<RegId> target) {
  const CalleeInfo& callee = task_.callees[typed::index(node.function)];
  std::vector<Temp> run = code_.take_run(callee.parameter_types);
  std::vector<std::pair<Place, std::vector<Leaf>>> late;
  std::size_t next_register = 0;
  Place self;
  std::vector<Leaf> self_to;
  for (std::size_t i = 0; i < node.arguments.size(); ++i) {
    std::vector<Leaf> to = callee.parameters[i];
    for (Leaf& leaf : to)
      if (leaf.kind == Leaf::Kind::Register) leaf.reg = run[next_register++].reg();
    if (i == 0 && callee.returns_self) {
      self = place(*node.arguments[0]);
      self_to = std::move(to);
      continue;
    }
    const bool in_memory = std::ranges::any_of(to, [](const Leaf& leaf) { return leaf.kind == Leaf::Kind::Slot; });
    const bool calls_follow = std::any_of(node.arguments.begin() + static_cast<std::ptrdiff_t>(i), node.arguments.end(),
                                          [](const typed::ExprPtr& argument) { return has_call(*argument); });
    if (in_memory && calls_follow) {
      late.emplace_back(temporary(*node.arguments[i]), std::move(to));
    } else {
      assign(to, *node.arguments[i], false);
    }
  }
  for (const auto& [from, to] : late)
    for (std::size_t leaf = 0; leaf < to.size(); ++leaf) copy(from.leaves[leaf], to[leaf]);
  for (std::size_t leaf = 0; leaf < self_to.size(); ++leaf) copy(self.leaves[leaf], self_to[leaf]);

  const std::uint16_t first_argument = run.empty() ? std::uint16_t{0} : index(run[0].reg());
  run.clear();
  Place result;
  std::uint16_t first_result = 0;
  if (target && callee.result_types.size() == 1 && !callee.returns_self) {
    first_result = index(*target);
  } else if (!callee.result_types.empty()) {
    result.registers = code_.take_run(callee.result_types);
    first_result = index(result.registers[0].reg());
  }
  code_.emit(Op::Call, first_result, static_cast<std::uint16_t>(callee.id), first_argument);
  result.leaves = callee.result;
  std::uint16_t next_result = first_result;
  for (Leaf& leaf : result.leaves)
    if (leaf.kind == Leaf::Kind::Register) leaf.reg = RegId(next_result++);
  for (std::size_t leaf = 0; leaf < self_to.size(); ++leaf) {
    Leaf& from = self_to[leaf];
    if (from.kind == Leaf::Kind::Register) from.reg = RegId(next_result++);
    copy(from, self.leaves[leaf]);
  }
  return result;
}

}  // namespace eyeflow::compiler::lowering
