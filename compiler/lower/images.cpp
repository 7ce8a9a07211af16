#include "compiler/lower/body.h"
#include "vm/base/check.h"

// Images are arrays of u8 in memory, and stay where they are: what is made of one is written straight to where it is
// wanted.
namespace eyeflow::compiler::lowering {

using vm::Op;
using vm::Scalar;

namespace {

// Of yuyv the figures are those of its samples as rgb8.
const char* form_of(const typed::ArrayCall& node) {
  return node.arguments[0]->type.format == vm::PixelFormat::Yuyv ? ".yuyv" : "";
}

}  // namespace

// Traps where `value` is not in 0 … most.
void Body::check_within(RegId value, std::int64_t most) {
  const Label outside = code_.new_label(), inside = code_.new_label();
  Temp holds = code_.take(vm::type_id(Scalar::Bool));
  Temp bound = load_constant(Scalar::I64, 0);
  binary(Op::LeI64, std::move(bound), Temp::borrowed(value), Scalar::Bool, holds.reg());
  code_.jump_if(false, holds.reg(), outside);
  bound = load_constant(Scalar::I64, static_cast<vm::Word>(most));
  binary(Op::LeI64, Temp::borrowed(value), std::move(bound), Scalar::Bool, holds.reg());
  code_.jump_if(true, holds.reg(), inside);
  code_.bind(outside);
  code_.emit(Op::Trap, static_cast<std::uint16_t>(vm::Trap::IndexOutOfRange));
  code_.bind(inside);
}

// The row is checked with the whole array's index, the place in it here.
Temp Body::eval_pixel(const typed::ArrayCall& node, std::optional<RegId> target) {
  const typed::Type& type = node.arguments[0]->type;
  const std::int64_t samples = vm::pixel_bytes(type.format);
  std::vector<Place> kept;
  std::vector<ArrayOperand> operands = operands_of(pointers(node.arguments), kept);
  const RegId x = operands[1].value.reg(), y = operands[2].value.reg();
  const bool is_yuyv = type.format == vm::PixelFormat::Yuyv;
  if (!known(*node.arguments[1])) check_within(x, type.width - 1);
  if (is_yuyv && !known(*node.arguments[2])) check_within(y, type.height - 1);
  Temp at = code_.take(vm::type_id(Scalar::I64));
  code_.emit(*kMulImm[Scalar::I64], index(at.reg()), index(y), type.width);
  code_.emit(Op::AddI64, index(at.reg()), index(at.reg()), index(x));
  if (is_yuyv) {
    Temp result = destination(Scalar::U8, target);
    operands.erase(operands.begin() + 1, operands.end());
    operands.push_back(ArrayOperand::of(std::move(at)));
    operands.push_back(ArrayOperand::of(load_constant(Scalar::I64, node.count)));
    emit_on_arrays("image.sample.yuyv", std::move(operands), index(result.reg()));
    return result;
  }
  if (samples > 1)
    code_.emit(*kMulImm[Scalar::I64], index(at.reg()), index(at.reg()), static_cast<std::uint16_t>(samples));
  if (node.count > 0)
    code_.emit(*kAddImm[Scalar::I64], index(at.reg()), index(at.reg()), static_cast<std::uint16_t>(node.count));
  const Temp array = reference(*operands[0].slot);
  Temp result = destination(Scalar::U8, target);
  code_.emit(*kArrayGet[Scalar::U8], index(result.reg()), index(array.reg()), index(at.reg()));
  return result;
}

Temp Body::eval_image(const typed::ArrayCall& node, std::optional<RegId> target) {
  using enum typed::ArrayFunction;
  if (node.function == PixelAt) return eval_pixel(node, target);
  std::vector<Place> kept;
  std::vector<ArrayOperand> operands = operands_of(pointers(node.arguments), kept);
  const bool is_sample = node.function == PixelMin || node.function == PixelMax;
  Temp result = destination(is_sample ? Scalar::U8 : Scalar::F64, target);
  const std::string figure = node.function == PixelMean     ? "image.mean"
                             : node.function == PixelStddev ? "image.stddev"
                             : node.function == PixelMin    ? "image.min"
                             : node.function == PixelMax    ? "image.max"
                                                            : "image.difference";
  emit_on_arrays(figure + form_of(node), std::move(operands), index(result.reg()));
  return result;
}

// Which pair begins at x; traps where x is within one.
Temp Body::pair_at(Temp x) {
  const Label even = code_.new_label();
  Temp half = binary(Op::DivI64, Temp::borrowed(x.reg()), load_constant(Scalar::I64, 2), Scalar::I64, {});
  {
    const Temp twice = binary(Op::AddI64, Temp::borrowed(half.reg()), Temp::borrowed(half.reg()), Scalar::I64, {});
    const Temp same = binary(Op::EqI64, Temp::borrowed(twice.reg()), std::move(x), Scalar::Bool, {});
    code_.jump_if(true, same.reg(), even);
  }
  code_.emit(Op::Trap, static_cast<std::uint16_t>(vm::Trap::IndexOutOfRange));
  code_.bind(even);
  return half;
}

void Body::assign_image(SlotId to, const typed::ArrayCall& node, const typed::Type& made) {
  using enum typed::ArrayFunction;
  const typed::Type& from = node.arguments[0]->type;
  const std::int64_t samples = vm::pixel_bytes(from.format);
  std::vector<Place> kept;
  std::vector<ArrayOperand> operands = operands_of(pointers(node.arguments), kept);
  operands.insert(operands.begin(), ArrayOperand::at(to));
  const auto add = [&](std::int64_t number) {
    operands.push_back(ArrayOperand::of(load_constant(Scalar::I64, static_cast<vm::Word>(number))));
  };
  if (node.function == Resize) {
    for (const std::int64_t number : {std::int64_t{from.width}, std::int64_t{made.width}, samples}) add(number);
    return emit_on_arrays("image.resize", std::move(operands));
  }
  if (node.function == Recolor) {
    add(static_cast<std::int64_t>(from.format) | static_cast<std::int64_t>(made.format) << 4);
    return emit_on_arrays("image.recolor", std::move(operands));
  }
  if (node.function == PixelHistogram)
    return emit_on_arrays(std::string("image.histogram") + form_of(node), std::move(operands));
  EYEFLOW_CHECK(node.function == Crop);
  check_within(operands[2].value.reg(), from.width - made.width);
  check_within(operands[3].value.reg(), from.height - made.height);
  if (from.format == vm::PixelFormat::Yuyv) {  // in pairs of pixels, of 4 bytes
    operands[2].value = pair_at(std::move(operands[2].value));
    add(std::int64_t{from.width / 2} | std::int64_t{made.width / 2} << 16 | std::int64_t{4} << 32);
    return emit_on_arrays("image.crop", std::move(operands));
  }
  add(std::int64_t{from.width} | std::int64_t{made.width} << 16 | samples << 32);
  emit_on_arrays("image.crop", std::move(operands));
}

}  // namespace eyeflow::compiler::lowering
