#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "vm/isa/isa.h"

// Instructions by what they do and on what: `kAdd[scalar]` is add.i64, add.f64 … They are found in the opcode table by
// their mnemonics when this is compiled, so that the table stays the only list.
namespace eyeflow::compiler {

struct OpFamily {
  std::array<std::optional<vm::Op>, vm::kScalarCount> ops;

  std::optional<vm::Op> operator[](vm::Scalar scalar) const { return ops[static_cast<std::size_t>(scalar)]; }
};

namespace op_family_detail {
inline constexpr std::string_view kScalarNames[vm::kScalarCount] = {"void", "bool", "i64", "i32", "u8",
                                                                    "u16",  "u32",  "u64", "f32", "f64"};

// A mnemonic is the three parts in a row; the scalar's name may stand in the middle ("u8.from.i64").
consteval OpFamily find(std::string_view before, std::string_view after = {}) {
  OpFamily family;
  int found = 0;
  for (std::size_t op = 0; op < vm::kOpCount; ++op) {
    const std::string_view mnemonic = vm::isa_rows::kOps[op].mnemonic;
    if (!mnemonic.starts_with(before) || !mnemonic.ends_with(after) || mnemonic.size() < before.size() + after.size())
      continue;
    const std::string_view middle = mnemonic.substr(before.size(), mnemonic.size() - before.size() - after.size());
    for (int scalar = 1; scalar < vm::kScalarCount; ++scalar) {
      if (middle != kScalarNames[scalar]) continue;
      family.ops[static_cast<std::size_t>(scalar)] = static_cast<vm::Op>(op);
      ++found;
    }
  }
  if (found == 0) throw "no instruction of this name";
  return family;
}
}  // namespace op_family_detail

inline constexpr OpFamily kAdd = op_family_detail::find("add."), kSub = op_family_detail::find("sub."),
                          kMul = op_family_detail::find("mul."), kDiv = op_family_detail::find("div."),
                          kMod = op_family_detail::find("mod."), kAnd = op_family_detail::find("and."),
                          kOr = op_family_detail::find("or."), kXor = op_family_detail::find("xor."),
                          kShl = op_family_detail::find("shl."), kShr = op_family_detail::find("shr."),
                          kEq = op_family_detail::find("eq."), kNe = op_family_detail::find("ne."),
                          kLt = op_family_detail::find("lt."), kLe = op_family_detail::find("le."),
                          kNegate = op_family_detail::find("neg."), kNot = op_family_detail::find("not."),
                          kAbs = op_family_detail::find("abs."), kMin = op_family_detail::find("min."),
                          kMax = op_family_detail::find("max."), kSqrt = op_family_detail::find("sqrt."),
                          kIsNan = op_family_detail::find("is_nan."),
                          kI64From = op_family_detail::find("i64.from."),  // any integer → i64
    kFromI64 = op_family_detail::find("", ".from.i64"),                    // i64 → any number
    kF64From = op_family_detail::find("f64.from."), kF32From = op_family_detail::find("f32.from."),
                          kAddImm = op_family_detail::find("add.imm."), kMulImm = op_family_detail::find("mul.imm."),
                          kDivImm = op_family_detail::find("div.imm."), kModImm = op_family_detail::find("mod.imm."),
                          kAndImm = op_family_detail::find("and.imm."), kOrImm = op_family_detail::find("or.imm."),
                          kXorImm = op_family_detail::find("xor.imm."), kShlImm = op_family_detail::find("shl.imm."),
                          kShrImm = op_family_detail::find("shr.imm."),
                          kArrayGet = op_family_detail::find("array.get."),
                          kArraySet = op_family_detail::find("array.set."),
                          kArrayFill = op_family_detail::find("array.fill."),
                          kArrayPart = op_family_detail::find("array.part."),
                          kArrayPut = op_family_detail::find("array.put."),
                          kListGet = op_family_detail::find("list.get."),
                          kListSet = op_family_detail::find("list.set."),
                          kListPush = op_family_detail::find("list.push.");

}  // namespace eyeflow::compiler
