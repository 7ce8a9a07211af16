#include "compiler/lower/body.h"
#include "stdlib/intrinsics/byte_form.h"
#include "vm/base/check.h"

// Numbers, checksums and digits of bytes. An intrinsic reads them where they are; that a number lies in them is checked
// by reading its first and its last byte.
namespace eyeflow::compiler::lowering {

using vm::Op;
using vm::Scalar;

std::string Body::bytes_intrinsic(const char* what, SlotId bytes) const {
  return std::string("bytes.") + what + (task_.module.leaf(bytes).is_list() ? ".list" : ".array");
}

// Traps where bytes `at` to `at + width - 1` are not all there.
void Body::check_bytes(SlotId bytes, RegId at, std::int64_t width, std::optional<vm::Word> known_at) {
  const bool is_list = task_.module.leaf(bytes).is_list();
  if (known_at && !is_list) return;  // the checker has seen it
  const Temp array = reference(bytes);
  Temp byte = code_.take(vm::type_id(Scalar::U8));
  const Op get = *(is_list ? kListGet : kArrayGet)[Scalar::U8];
  if (!known_at || width == 1) code_.emit(get, index(byte.reg()), index(array.reg()), index(at));
  if (width == 1) return;
  Temp last = code_.take(vm::type_id(Scalar::I64));
  code_.emit(*kAddImm[Scalar::I64], index(last.reg()), index(at), static_cast<std::uint16_t>(width - 1));
  code_.emit(get, index(byte.reg()), index(array.reg()), index(last.reg()));
}

Temp Body::eval_bytes(const typed::Expr& expr, const typed::ArrayCall& node, std::optional<RegId> target) {
  using enum typed::ArrayFunction;
  std::vector<Place> kept;
  std::vector<ArrayOperand> operands = operands_of(pointers(node.arguments), kept);
  const SlotId bytes = *operands[0].slot;
  const Scalar result_scalar = scalar_of(expr.type.kind);
  const char* what = node.function == Crc16         ? "crc16"
                     : node.function == Crc32       ? "crc32"
                     : node.function == WholeAt     ? "whole"
                     : result_scalar == Scalar::F32 ? "f32"
                                                    : "f64";
  if (node.function == WholeAt || node.function == FloatAt) {
    check_bytes(bytes, operands[1].value.reg(), stdlib::byte_form(node.count).width, known(*node.arguments[1]));
    operands.push_back(ArrayOperand::of(load_constant(Scalar::I64, node.count)));
  }
  Temp result = destination(result_scalar, target);
  emit_on_arrays(bytes_intrinsic(what, bytes), std::move(operands), index(result.reg()));
  return result;
}

void Body::assign_bytes_text(SlotId to, const typed::ArrayCall& node) {
  std::vector<Place> kept;
  std::vector<ArrayOperand> operands = operands_of(pointers(node.arguments), kept);
  const std::string name =
      bytes_intrinsic(node.function == typed::ArrayFunction::Hex ? "hex" : "text", *operands[0].slot);
  operands.insert(operands.begin(), ArrayOperand::at(to));
  emit_on_arrays(name, std::move(operands));
}

// The value's bits, then its bytes one after the other. None of them is written unless all have room.
void Body::lower(const typed::PutNumber& stmt) {
  const stdlib::ByteForm form = stdlib::byte_form(stmt.form);
  Temp bits = code_.take(vm::type_id(Scalar::U64));
  {
    const Scalar scalar = scalar_of(stmt.value->type.kind);
    Temp value = eval(*stmt.value);
    if (scalar == Scalar::F32 || scalar == Scalar::F64) {
      std::vector<ArrayOperand> operand;
      operand.push_back(ArrayOperand::of(std::move(value)));
      Temp whole = code_.take(vm::type_id(Scalar::I64));
      emit_on_arrays("bytes.bits." + std::string(vm::name(scalar)), std::move(operand), index(whole.reg()));
      wrap(std::move(whole), Scalar::I64, Scalar::U64, bits.reg());
    } else {
      wrap(std::move(value), scalar, Scalar::U64, bits.reg());
    }
  }
  const Place nested = raw_place(*stmt.bytes);
  const Place place_of_bytes =
      copied_out(Place{.leaves = nested.leaves, .registers = {}, .slots = {}}, stmt.bytes->type);
  const Leaf& bytes = place_of_bytes.leaves[0];
  Temp at = code_.take(vm::type_id(Scalar::I64));
  if (stmt.at) {
    eval(*stmt.at, at.reg());
    check_bytes(bytes.slot, at.reg(), form.width, known(*stmt.at));
  }
  for (std::int64_t n = 0; n < form.width; ++n) {
    std::int64_t shift = 8 * (form.big_endian ? form.width - 1 - n : n);
    if (form.swaps_halves) shift ^= 16;
    Temp part = code_.take(vm::type_id(Scalar::U64));
    code_.emit(*kShrImm[Scalar::U64], index(part.reg()), index(bits.reg()), static_cast<std::uint16_t>(shift));
    code_.emit(*kAndImm[Scalar::U64], index(part.reg()), index(part.reg()), 0xFF);
    Temp byte = convert(std::move(part), Scalar::U64, Scalar::U8, {});
    if (!stmt.at) {
      push(bytes, byte.reg());
      continue;
    }
    store(std::move(byte), Leaf::element(at.reg(), bytes.slot, Scalar::U8));
    if (n + 1 < form.width) code_.emit(*kAddImm[Scalar::I64], index(at.reg()), index(at.reg()), 1);
  }
  if (is_nested(nested)) copy_in(stmt.bytes->type, place_of_bytes, nested);
}

}  // namespace eyeflow::compiler::lowering
