#include <bit>
#include <utility>

#include "compiler/lower/body.h"
#include "stdlib/kernels/fft.h"
#include "vm/base/check.h"

// Intrinsics that take and make whole arrays.
namespace eyeflow::compiler::lowering {

using vm::Op;

std::vector<Body::ArrayOperand> Body::operands_of(std::span<const typed::Expr* const> arguments,
                                                  std::vector<Place>& kept) {
  std::vector<ArrayOperand> operands;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!typed::is_array(arguments[i]->type.kind)) {
      operands.push_back(ArrayOperand::of(eval(*arguments[i])));
      continue;
    }
    bool calls_follow = false;
    for (std::size_t later = i + 1; later < arguments.size(); ++later) calls_follow |= has_call(*arguments[later]);
    kept.push_back(settled_place(*arguments[i], calls_follow));
    operands.push_back(ArrayOperand::at(kept.back().leaves[0].slot));
  }
  return operands;
}

std::vector<const typed::Expr*> Body::pointers(const std::vector<typed::ExprPtr>& arguments) {
  std::vector<const typed::Expr*> all;
  for (const typed::ExprPtr& argument : arguments) all.push_back(argument.get());
  return all;
}

void Body::emit_on_arrays(const std::string& name, std::vector<ArrayOperand> operands, std::uint16_t result) {
  const vm::IntrinsicDesc& intrinsic = task_.intrinsic(name);
  std::vector<vm::TypeId> types;
  std::vector<bool> is_view;
  for (const ArrayOperand& operand : operands) {
    const bool is_list = operand.slot && task_.module.leaf(*operand.slot).is_list();
    is_view.push_back(is_list && intrinsic.params[types.size()].match == vm::Match::Array);
    types.push_back(is_view.back() ? view_type(*operand.slot)
                    : operand.slot ? reference_type(*operand.slot)
                                   : code_.type_of(operand.value.reg()));
  }
  const std::vector<Temp> run = code_.take_run(types);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (is_view[i])
      view_into(*operands[i].slot, run[i].reg());
    else if (operands[i].slot)
      reference_into(*operands[i].slot, run[i].reg());
    else
      moved(std::move(operands[i].value), run[i].reg());
  }
  code_.emit(Op::CallIntrinsic, result, intrinsic.id, index(run[0].reg()));
}

void Body::assign_array_call(SlotId to, const typed::ArrayCall& node, const typed::Type& made) {
  using enum typed::ArrayFunction;
  if (node.function >= Resize) return assign_image(to, node, made);
  if (node.function == Hex || node.function == Utf8) return assign_bytes_text(to, node);
  if (node.function == Matmul) return assign_matmul(to, node);
  if (node.function == Fft) return assign_fft(to, node);
  if (node.function == Fir) return assign_fir(to, node);
  const std::string scalar(vm::name(task_.module.leaf(to).scalar));
  std::vector<Place> kept;
  std::vector<ArrayOperand> operands = operands_of(pointers(node.arguments), kept);
  operands.insert(operands.begin(), ArrayOperand::at(to));
  if (node.function == Resample) return emit_on_arrays("signal.resample." + scalar, std::move(operands));
  EYEFLOW_CHECK(node.function == Spectrum || node.function == Psd);
  operands.push_back(ArrayOperand::of(load_constant(vm::Scalar::I64, node.count)));
  emit_on_arrays((node.function == Spectrum ? "signal.magnitudes." : "signal.powers.") + scalar, std::move(operands));
}

// The table is a constant of the module, so that every CPU uses the same, and equal sizes use one.
void Body::assign_fft(SlotId to, const typed::ArrayCall& node) {
  const Place from = place(*node.arguments[0]);
  const LeafType& type = task_.module.leaf(from.leaves[0].slot);
  const stdlib::FftShape shape = stdlib::fft_shape(type.capacity);
  EYEFLOW_CHECK(shape.n == type.capacity);
  LeafConstant table{.type = {vm::TypeKind::Array, type.scalar, static_cast<std::uint32_t>(shape.table_numbers())}};
  if (type.scalar == vm::Scalar::F64)
    for (const double number : stdlib::fft_table<double>(shape)) table.elements.push_back(vm::to_word(number));
  else
    for (const float number : stdlib::fft_table<float>(shape)) table.elements.push_back(vm::to_word(number));
  Place scratch;
  const LeafType rows{vm::TypeKind::Array, type.scalar, static_cast<std::uint32_t>(shape.scratch_numbers())};
  std::vector<ArrayOperand> operands;
  operands.push_back(ArrayOperand::at(to));
  operands.push_back(ArrayOperand::at(from.leaves[0].slot));
  operands.push_back(ArrayOperand::at(task_.module.constant(table)));
  operands.push_back(ArrayOperand::at(scratch_leaf(scratch, rows).slot));
  emit_on_arrays("signal.fft." + std::string(vm::name(rows.scalar)), std::move(operands));
}

// Four taps a call, in a loop.
void Body::assign_fir(SlotId to, const typed::ArrayCall& node) {
  constexpr std::uint32_t kTapsPerCall = 4;
  std::vector<Place> kept;
  const std::vector<ArrayOperand> arrays = operands_of(pointers(node.arguments), kept);
  const SlotId x = *arrays[0].slot, taps = *arrays[1].slot;
  const std::string name = "signal.fir." + std::string(vm::name(task_.module.leaf(to).scalar));
  const std::uint32_t calls = (task_.module.leaf(taps).capacity + kTapsPerCall - 1) / kTapsPerCall;
  const Temp trips = load_constant(vm::Scalar::I64, calls);
  const Label end = code_.new_label();
  const RegId counter = begin_loop(trips.reg(), calls, end);
  const std::uint32_t top = code_.here();
  Temp first = code_.take(vm::type_id(vm::Scalar::I64));
  const Temp step = load_constant(vm::Scalar::I64, kTapsPerCall);
  code_.emit(Op::LoopIndex, index(first.reg()), index(counter));
  code_.emit(Op::MulI64, index(first.reg()), index(first.reg()), index(step.reg()));
  std::vector<ArrayOperand> operands;
  for (const SlotId slot : {to, x, taps}) operands.push_back(ArrayOperand::at(slot));
  operands.push_back(ArrayOperand::of(std::move(first)));
  emit_on_arrays(name, std::move(operands));
  code_.emit_back(Op::LoopNext, index(counter), 0, 0, top);
  code_.bind(end);
}

}  // namespace eyeflow::compiler::lowering
