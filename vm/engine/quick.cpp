#include "vm/engine/quick.h"

#include <vector>

#include "vm/isa/evaluate.h"

namespace eyeflow::vm {
namespace {

using Operand = QuickCondition::Operand;

// What a register holds, as far as it is followed: an operand, or what one or two instructions made.
struct Held {
  int instructions = -1;  // -1: not known
  Operand operand{};
  QuickCondition made{};
};

// Of a field that holds the number itself.
bool number_of(const OpInfo& row, std::uint16_t field, Operand& found) {
  const Scalar type = row.operands[1].scalar;
  if (type != Scalar::I64 && type != Scalar::I32) return false;
  found = {.number = static_cast<Word>(std::int64_t{static_cast<std::int16_t>(field)})};
  return true;
}

bool combine(const OpInfo& row, const Held& b, const Held& c, Held& result) {
  QuickCondition& made = result.made;
  result.instructions = b.instructions + c.instructions + 1;
  if (b.instructions < 0 || c.instructions < 0 || result.instructions > 2) return false;
  if (result.instructions == 2) {
    const bool left = b.instructions == 1;
    made = left ? b.made : c.made;
    made.inner = made.outer;
    made.has_inner = true;
    made.inner_is_left = left;
    made.other = left ? c.operand : b.operand;
  } else {
    made.left = b.operand;
    made.right = c.operand;
  }
  made.outer = row.base;
  return true;
}

QuickCondition::Shape shape_of(const QuickCondition& c) {
  using Shape = QuickCondition::Shape;
  if (!c.left.in_memory || !c.right.in_memory) return Shape::Other;
  if (c.has_inner) {
    if (!c.other.in_memory) return Shape::Other;
    if (c.outer == Op::LeI64 && c.inner == Op::SubI64 && !c.inner_is_left) return Shape::Age;
    if (c.outer == Op::LtF64 && c.inner == Op::SubF64 && !c.inner_is_left) return Shape::BelowDifference;
    if (c.outer == Op::LtF64 && c.inner == Op::AddF64 && c.inner_is_left) return Shape::AboveSum;
    return Shape::Other;
  }
  switch (c.outer) {
    case Op::LtF64:
      return Shape::LtF64;
    case Op::LeF64:
      return Shape::LeF64;
    case Op::LtI64:
      return Shape::LtI64;
    case Op::LeI64:
      return Shape::LeI64;
    default:
      return Shape::Other;
  }
}

}  // namespace

QuickCondition::Says QuickCondition::evaluate_by_steps(const std::byte* const* base) const {
  const auto load = [&](const Operand& operand) { return operand.in_memory ? word(operand, base) : operand.number; };
  Word x = load(left), y = load(right);
  if (has_inner) {
    Word result = 0;
    if (vm::evaluate(inner, x, y, result) != Trap::None) return Trapped;
    x = inner_is_left ? result : load(other);
    y = inner_is_left ? load(other) : result;
  }
  Word value = 0;
  if (vm::evaluate(outer, x, y, value) != Trap::None) return Trapped;
  return value != 0 ? Yes : No;
}

bool find_quick(const Module& module, const Function& function, QuickCondition& found) {
  std::vector<Held> registers(function.registers.size());
  for (const Instruction& i : function.code) {
    const OpInfo& row = info(i.op);
    switch (i.op) {
      case Op::Load:
        if (static_cast<Region>(i.b) == Region::State || static_cast<Region>(i.b) == Region::Scratch) return false;
        registers[i.a] = {
            .instructions = 0,
            .operand = {.offset = std::uint32_t{i.c} * 8, .in_memory = true, .region = static_cast<Region>(i.b)}};
        continue;
      case Op::LoadImm:
        registers[i.a] = {.instructions = 0,
                          .operand = {.number = static_cast<Word>(std::int64_t{static_cast<std::int16_t>(i.b)})}};
        continue;
      case Op::Move:
        registers[i.a] = registers[i.b];
        continue;
      case Op::Return:
        found = registers[i.a].made;
        found.shape = shape_of(found);
        return registers[i.a].instructions > 0 &&
               *module.type(function.registers[i.a]) == *module.type(type_id(Scalar::Bool));
      default:
        break;
    }
    if (row.cls != OpClass::Value || row.operands[0].role != Role::Write || row.operands[1].role != Role::Read)
      return false;
    Held c{.instructions = 0};
    if (row.operands[2].role == Role::Imm ? !number_of(row, i.c, c.operand) : row.operands[2].role != Role::Read)
      return false;
    if (row.operands[2].role == Role::Read) c = registers[i.c];
    Held result;
    if (!combine(row, registers[i.b], c, result)) return false;
    registers[i.a] = result;
  }
  return false;
}

}  // namespace eyeflow::vm
