#include "compiler/lower/body.h"
#include "vm/base/check.h"

namespace eyeflow::compiler::lowering {

using vm::Scalar;

// The answer comes into an array of Scratch; its numbers go on in registers, unless all of it is wanted.
Place Body::ask_model(const typed::ModelCall& node, const typed::Type& result) {
  const typed::Model& model = task_.task.models[typed::index(node.model)];
  const Place argument = place(*node.argument);
  Place answer;
  const Leaf numbers = scratch_leaf(answer, {vm::TypeKind::Array, Scalar::F32, model.results});
  std::vector<ArrayOperand> operands;
  operands.push_back(ArrayOperand::at(numbers.slot));
  operands.push_back(ArrayOperand::of(load_constant(Scalar::I64, typed::index(node.model))));
  operands.push_back(ArrayOperand::at(argument.leaves[0].slot));
  emit_on_arrays("model.ask." + std::string(vm::name(argument.leaves[0].type.scalar)), std::move(operands));
  if (typed::is_array(result.kind)) {
    answer.leaves = {numbers};
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
