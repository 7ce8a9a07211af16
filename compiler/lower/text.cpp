#include "compiler/lower/body.h"
#include "vm/base/check.h"

namespace eyeflow::compiler::lowering {
namespace {

struct Printer {
  std::string_view intrinsic;
  vm::Scalar takes;
  bool with_digits = false;
};

Printer printer_of(typed::TypeKind kind) {
  switch (kind) {
    case typed::TypeKind::Bool:
      return {"text.append.bool", vm::Scalar::Bool};
    case typed::TypeKind::U64:
      return {"text.append.u64", vm::Scalar::U64};
    case typed::TypeKind::F32:
      return {"text.append.f32", vm::Scalar::F32, true};
    case typed::TypeKind::F64:
      return {"text.append.f64", vm::Scalar::F64, true};
    case typed::TypeKind::Time:
      return {"text.append.time", vm::Scalar::I64};
    case typed::TypeKind::Duration:
      return {"text.append.duration", vm::Scalar::I64};
    default:
      return {"text.append.i64", vm::Scalar::I64};
  }
}

constexpr std::int64_t kShortest = -1;  // as few digits as read back the same

}  // namespace

void Body::append_text(SlotId to, SlotId text, bool is_first) {
  const Temp a = reference(to);
  const Temp b = reference(text);
  code_.emit(is_first ? vm::Op::TextCopy : vm::Op::TextAppend, index(a.reg()), index(b.reg()));
}

void Body::append_value(SlotId to, const typed::FormatPart& part) {
  const vm::Scalar scalar = scalar_of(part.value->type.kind);
  const Printer printer = printer_of(part.value->type.kind);
  std::vector<vm::TypeId> types = {reference_type(to), vm::type_id(printer.takes)};
  if (printer.with_digits) types.push_back(vm::type_id(vm::Scalar::I64));
  const std::vector<Temp> run = code_.take_run(types);
  if (scalar == printer.takes) {
    eval(*part.value, run[1].reg());
  } else {
    convert(eval(*part.value), scalar, printer.takes, run[1].reg());
  }
  if (printer.with_digits) {
    const std::int64_t digits = part.precision ? *part.precision : kShortest;
    load_constant(vm::Scalar::I64, vm::to_word(digits), run[2].reg());
  }
  reference_into(to, run[0].reg());
  code_.emit(vm::Op::CallIntrinsic, 0, task_.intrinsic(printer.intrinsic).id, index(run[0].reg()));
}

// The name of the enum's value: one jump a value. A number that is none, in a state kept by another version of the
// task, prints as the last.
void Body::append_enum(SlotId to, const typed::Expr& value) {
  const std::vector<std::string>& names = value.type.enumeration->values;
  const Temp number = eval(value);
  const Label end = code_.new_label();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Label next = code_.new_label();
    if (i + 1 < names.size()) {
      Temp wanted = load_constant(vm::Scalar::I64, i);
      const Temp is = binary(vm::Op::EqI64, Temp::borrowed(number.reg()), std::move(wanted), vm::Scalar::Bool, {});
      code_.jump_if(false, is.reg(), next);
    }
    LeafConstant name{.type = text_leaf(0), .text = names[i]};
    append_text(to, task_.module.constant(name), false);
    if (i + 1 < names.size()) code_.jump(end);
    code_.bind(next);
  }
  code_.bind(end);
}

// The first piece replaces what was there, if it is a text.
void Body::interpolate(SlotId to, const typed::Interpolate& node) {
  bool is_first = true;
  for (const typed::FormatPart& part : node.parts) {
    if (!part.literal.empty()) {
      LeafConstant literal{.type = text_leaf(0), .text = part.literal};
      append_text(to, task_.module.constant(literal), is_first);
      is_first = false;
    }
    if (!part.value) continue;
    if (part.value->type.kind == typed::TypeKind::Text) {
      const Place text = place(*part.value);
      append_text(to, text.leaves[0].slot, is_first);
    } else {
      if (is_first) code_.emit(vm::Op::TextClear, index(reference(to).reg()));
      if (part.value->type.kind == typed::TypeKind::Enum)
        append_enum(to, *part.value);
      else
        append_value(to, part);
    }
    is_first = false;
  }
  if (is_first) code_.emit(vm::Op::TextClear, index(reference(to).reg()));
}

}  // namespace eyeflow::compiler::lowering
