#include <algorithm>

#include "compiler/lower/body.h"
#include "compiler/lower/walk.h"
#include "vm/base/check.h"

namespace eyeflow::compiler::lowering {

using vm::Scalar;

// What the model takes behind its first argument is given before it is asked, when all of them have been evaluated. The
// answer comes into an array of Scratch; its numbers go on in registers, unless all of it is wanted.
Place Body::ask_model(const typed::ModelCall& node) {
  const typed::Model& model = task_.task.models[typed::index(node.model)];
  std::vector<Place> kept;  // until they have been used
  std::vector<SlotId> arguments;
  for (std::size_t n = 0; n < node.arguments.size(); ++n) {
    const typed::Expr& argument = *node.arguments[n];
    const bool calls_follow =
        std::any_of(node.arguments.begin() + static_cast<std::ptrdiff_t>(n) + 1, node.arguments.end(),
                    [](const typed::ExprPtr& later) { return has_call(*later); });
    if (argument.type.kind == typed::TypeKind::F32) {
      const Leaf number = scratch_leaf(kept.emplace_back(), {vm::TypeKind::Array, Scalar::F32, 1});
      const Temp at = load_constant(Scalar::I64, 0);
      store(eval(argument), Leaf::element(at.reg(), number.slot, Scalar::F32));
      arguments.push_back(number.slot);
    } else {
      kept.push_back(settled_place(argument, calls_follow));
      arguments.push_back(kept.back().leaves[0].slot);
    }
  }
  const auto element = [&](SlotId slot) { return std::string(vm::name(task_.module.leaf(slot).scalar)); };
  const auto number = [&](std::size_t n) {
    return ArrayOperand::of(load_constant(Scalar::I64, static_cast<vm::Word>(n)));
  };
  for (std::size_t n = 1; n < arguments.size(); ++n) {
    std::vector<ArrayOperand> given;
    given.push_back(number(typed::index(node.model)));
    given.push_back(number(n));
    given.push_back(ArrayOperand::at(arguments[n]));
    emit_on_arrays("model.give." + element(arguments[n]), std::move(given));
  }
  Place answer;
  const Leaf numbers = scratch_leaf(answer, {vm::TypeKind::Array, Scalar::F32, model.results});
  std::vector<ArrayOperand> asked;
  asked.push_back(ArrayOperand::at(numbers.slot));
  asked.push_back(number(typed::index(node.model)));
  asked.push_back(ArrayOperand::at(arguments[0]));
  if (model.answer.kind == typed::TypeKind::Optional) {
    Temp given = code_.take(vm::type_id(Scalar::Bool));
    emit_on_arrays("model.try." + element(arguments[0]), std::move(asked), index(given.reg()));
    answer.leaves.push_back(Leaf::in(given.reg(), scalar_leaf(Scalar::Bool)));
    answer.registers.push_back(std::move(given));
  } else {
    emit_on_arrays("model.ask." + element(arguments[0]), std::move(asked));
  }
  if (typed::is_array(model.result.kind)) {
    answer.leaves.push_back(numbers);
    return answer;
  }
  for (std::uint32_t n = 0; n < model.results; ++n) {
    const Temp at = load_constant(Scalar::I64, n);
    answer.registers.push_back(load(Leaf::element(at.reg(), numbers.slot, Scalar::F32), {}));
    answer.leaves.push_back(Leaf::in(answer.registers.back().reg(), scalar_leaf(Scalar::F32)));
  }
  return answer;
}

}  // namespace eyeflow::compiler::lowering
