#pragma once

#include <expected>
#include <optional>

#include "compiler/check/typed_tree.h"
#include "compiler/diagnostics/diagnostics.h"

// Arithmetic on constants, by the very instructions that the machine runs. What they would trap on is an error here.
namespace eyeflow::compiler::check_detail {

// Whole numbers wider than any type, so that a literal is only judged when it meets its type.
using Wide = __int128;

std::string to_string(Wide value);

// Operands have one kind (see typed::BinaryOp for the exceptions); the result has `type`.
std::expected<typed::Constant, Code> fold_binary(typed::BinaryOp op, const typed::Type& type,
                                                 const typed::Constant& left, const typed::Constant& right);
std::expected<typed::Constant, Code> fold_unary(typed::UnaryOp op, const typed::Constant& operand);
std::expected<typed::Constant, Code> fold_convert(typed::ConvertOp op, const typed::Type& type,
                                                  const typed::Constant& operand);
// By the machine's own intrinsics, which give the same bits on every CPU.
std::expected<typed::Constant, Code> fold_math(typed::Math function, const typed::Type& type,
                                               const std::vector<const typed::Constant*>& arguments);

bool fits(Wide value, typed::TypeKind kind);
Wide whole(const typed::Constant& constant);  // of an integer, time or duration
typed::Constant make_whole(const typed::Type& type, Wide value);
typed::Constant make_float(const typed::Type& type, double value);  // rounds to f32 where that is the type
inline typed::Constant make_bool(const typed::Type& type, bool value) { return {type, value}; }

}  // namespace eyeflow::compiler::check_detail
