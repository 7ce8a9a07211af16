#include <algorithm>
#include <cstring>
#include <set>
#include <tuple>

#include "vm/base/utf8.h"
#include "vm/module/verify_internal.h"

// Everything but code: what the tables say must be safe to index with and to lay memory out by.
namespace eyeflow::vm::verify_detail {
namespace {

constexpr std::size_t kMaxRows = 65'535;  // index 65,535 stands for "none"

bool is_scalar(const Type* type) { return type != nullptr && type->kind == TypeKind::Scalar; }
bool is_text(const Type* type) { return type != nullptr && type->kind == TypeKind::Text; }

bool is_plain_text(std::string_view text, bool lines_allowed) {
  return is_utf8(text) && std::ranges::all_of(text, [&](char c) {
           return (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) || (lines_allowed && (c == '\n' || c == '\t'));
         });
}

// ---- Counts and names
// ------------------------------------------------------------------------------------------------

bool check_counts(Check& check) {
  const Module& m = check.module;
  const auto fits = [&](std::size_t count, const char* what) {
    return check.demand(Rule::Counts, count <= kMaxRows, [&] { return std::to_string(count) + " " + what; });
  };
  return fits(m.types.size() + kFirstModuleType, "types") && fits(m.functions.size(), "functions") &&
         fits(m.inputs.size(), "inputs") && fits(m.outputs.size(), "outputs") && fits(m.params.size(), "params") &&
         fits(m.alarms.size(), "alarms") && fits(m.handlers.size(), "handlers") && fits(m.models.size(), "models");
}

bool check_name(Check& check, std::string_view name, const char* what) {
  return check.demand(Rule::NameText, is_plain_text(name, false),
                      [&] { return std::string("the name of ") + what + " is not plain text"; });
}

template <typename Rows, typename NameOf>
bool check_names(Check& check, const Rows& rows, const char* what, NameOf name_of) {
  std::set<std::string_view> seen;
  for (const auto& row : rows) {
    const std::string_view name = name_of(row);
    if (!check_name(check, name, what)) return false;
    if (!check.demand(Rule::NamesDiffer, !name.empty() && seen.insert(name).second,
                      [&] { return "the name '" + std::string(name) + "' of " + what + " is empty or used before"; }))
      return false;
  }
  return true;
}

bool check_all_names(Check& check) {
  const Module& m = check.module;
  if (!check.demand(Rule::NameText, is_plain_text(m.doc, true), [] { return "the task's doc is not plain text"; }))
    return false;
  if (!check_name(check, m.task, "the task") || !check_name(check, m.source, "the source")) return false;
  for (const Slot& slot : m.slots)
    if (!check_name(check, slot.name, "a slot")) return false;
  for (const Function& function : m.functions)
    if (!check_name(check, function.name, "a function")) return false;
  for (const Input& input : m.inputs)
    if (!check_name(check, input.value.unit, "an input's unit")) return false;
  for (const Param& param : m.params)
    if (!check_name(check, param.unit, "a param's unit")) return false;
  for (const Output& output : m.outputs)
    for (const Field& field : output.fields)
      if (!check_name(check, field.name, "an output's field") || !check_name(check, field.unit, "an output's unit"))
        return false;
  for (const Model& model : m.models)
    for (std::size_t n = 0; n <= model.more.size(); ++n) {
      const Field& parameter = n == 0 ? model.parameter : model.more[n - 1];
      if (!check_name(check, parameter.name, "a model's parameter") ||
          !check_name(check, parameter.unit, "a model's unit"))
        return false;
    }
  const auto own_name = [](const auto& row) -> std::string_view { return row.name; };
  return check_names(check, m.inputs, "an input", [](const Input& i) -> std::string_view { return i.value.name; }) &&
         check_names(check, m.outputs, "an output", own_name) && check_names(check, m.params, "a param", own_name) &&
         check_names(check, m.alarms, "an alarm", own_name) && check_names(check, m.models, "a model", own_name);
}

// ---- Types
// -----------------------------------------------------------------------------------------------------------

bool is_type_row(const Type& type) {
  switch (type.kind) {
    case TypeKind::Scalar:
      return false;  // the first numbers of all modules
    case TypeKind::Text:
      return type.element == Scalar::Void;
    case TypeKind::Array:
    case TypeKind::List:
    case TypeKind::View:
      return type.element != Scalar::Void;
    case TypeKind::Counter:
      return type.element == Scalar::Void && type.region == Region::Const;
  }
  return false;
}

bool check_types(Check& check) {
  std::set<std::tuple<TypeKind, Scalar, Region, std::uint32_t>> seen;
  for (std::size_t n = 0; n < check.module.types.size(); ++n) {
    const Type& type = check.module.types[n];
    const auto where = [&] { return "type " + std::to_string(n + kFirstModuleType); };
    if (!check.demand(Rule::TypeRow, is_type_row(type), where)) return false;
    const std::uint32_t least = type.kind == TypeKind::Text ? 0 : 1;
    if (!check.demand(Rule::TypeCapacity, type.capacity >= least && type.capacity <= kMaxCapacity, where)) return false;
    const bool is_new = seen.emplace(type.kind, type.element, type.region, type.capacity).second;
    if (!check.demand(Rule::TypeTwice, is_new, where)) return false;
  }
  return true;
}

// ---- Memory
// ----------------------------------------------------------------------------------------------------------

bool check_regions(Check& check) {
  for (int n = 0; n < kRegionCount; ++n) {
    const auto region = static_cast<Region>(n);
    const std::uint64_t bytes = check.module.region_bytes(region);
    const std::uint64_t grain = is_writable(region) ? 64 : 8;
    if (!check.demand(Rule::RegionSize, bytes <= kMaxRegionBytes && bytes % grain == 0,
                      [&] { return "region " + std::string(name(region)) + ", " + std::to_string(bytes) + " bytes"; }))
      return false;
  }
  return true;
}

// The slot's type is the declared one, wherever that would be.
bool holds_field(const Module& m, const Slot& slot, TypeId declared) {
  const Type *type = m.type(slot.type), *wanted = m.type(declared);
  if (type == nullptr || wanted == nullptr) return false;
  if (is_scalar(wanted)) return slot.type == declared;
  return type->kind == wanted->kind && type->element == wanted->element && type->capacity == wanted->capacity;
}

// The array of a window: as many elements as it has values, of the input's type.
bool holds_window(const Module& m, const Slot& slot, const Handler& handler) {
  const Type* type = m.type(slot.type);
  return type != nullptr && type->kind == TypeKind::Array && index(handler.input) < m.inputs.size() &&
         type_id(type->element) == m.inputs[index(handler.input)].value.type && type->capacity == handler.window.values;
}

bool fits_kind(const Module& m, const Slot& slot) {
  if (slot.kind == SlotKind::Plain) return slot.subject == 0;
  if (slot.region != Region::Input) return false;
  const bool is_i64 = slot.type == type_id(Scalar::I64), is_bool = slot.type == type_id(Scalar::Bool);
  const bool of_input = slot.subject < m.inputs.size(), of_alarm = slot.subject < m.alarms.size(),
             of_output = slot.subject < m.outputs.size(),
             of_window = slot.subject < m.handlers.size() && m.handlers[slot.subject].kind == HandlerKind::Window;
  switch (slot.kind) {
    case SlotKind::Plain:
      return true;
    case SlotKind::Now:
    case SlotKind::EventTime:
      return is_i64 && slot.subject == 0;
    case SlotKind::InputValue:
      return of_input && holds_field(m, slot, m.inputs[slot.subject].value.type);
    case SlotKind::InputTime:
      return of_input && is_i64;
    case SlotKind::InputReady:
    case SlotKind::InputBad:
      return of_input && is_bool;
    case SlotKind::InputName:
      return of_input && is_text(m.type(slot.type));
    case SlotKind::AlarmActive:
      return of_alarm && is_bool;
    case SlotKind::AlarmRaised:
      return of_alarm && is_i64;
    case SlotKind::OutputLast:
      return of_output && m.outputs[slot.subject].kind != OutputKind::Log && !m.outputs[slot.subject].fields.empty() &&
             holds_field(m, slot, m.outputs[slot.subject].fields[0].type);
    case SlotKind::OutputCount:
      return of_output && is_i64;
    case SlotKind::AlarmAcknowledged:
    case SlotKind::AlarmShelved:
      return of_alarm && is_bool;
    case SlotKind::WindowValues:
      return of_window && holds_window(m, slot, m.handlers[slot.subject]);
    case SlotKind::WindowStart:
    case SlotKind::WindowEnd:
    case SlotKind::WindowCount:
      return of_window && is_i64;
  }
  return false;
}

bool check_slots(Check& check) {
  const Module& m = check.module;
  std::set<std::pair<SlotKind, std::uint16_t>> seen;
  Region region = Region::Const;
  std::uint64_t end = 0;  // of the slot before, in its region
  for (std::size_t n = 0; n < m.slots.size(); ++n) {
    const Slot& slot = m.slots[n];
    const auto where = [&] {
      return "slot " + std::to_string(n) + " '" + slot.name + "' at byte " + std::to_string(slot.offset) + " of " +
             std::string(name(slot.region)) + ", " + check.describe(slot.type);
    };
    const Type* type = m.type(slot.type);
    const bool fits =
        type != nullptr && (type->kind == TypeKind::Scalar || (has_place(type->kind) && type->region == slot.region));
    if (!check.demand(Rule::SlotType, fits, where)) return false;

    if (slot.region > region) end = 0;
    const std::uint64_t slot_end = slot.offset + (type != nullptr ? slot_size_bytes(*type) : 0);
    const bool in_place =
        slot.region >= region && slot.offset % 8 == 0 && slot.offset >= end && slot_end <= m.region_bytes(slot.region);
    if (!check.demand(Rule::SlotPlace, in_place, where)) return false;
    region = slot.region;
    end = slot_end;

    if (!check.demand(Rule::SlotKind, fits_kind(m, slot), where)) return false;
    const bool is_new = slot.kind == SlotKind::Plain || seen.emplace(slot.kind, slot.subject).second;
    if (!check.demand(Rule::SlotTwice, is_new, where)) return false;
  }
  return true;
}

// ---- Images
// ----------------------------------------------------------------------------------------------------------

using Bytes = std::span<const std::byte>;

bool all_zero(Bytes bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

bool check_image(Check& check, Region region, const std::vector<std::byte>& image) {
  const Bytes bytes(image);
  std::size_t at = 0;
  const auto gap_is_zero = [&](std::size_t to) {
    return check.demand(Rule::ImageGap, to < at || to > bytes.size() || all_zero(bytes.subspan(at, to - at)), [&] {
      return "bytes " + std::to_string(at) + " to " + std::to_string(to) + " of " + std::string(name(region));
    });
  };
  for (const Slot& slot : check.module.slots) {
    if (slot.region != region) continue;
    const Type* type = check.module.type(slot.type);
    const std::uint64_t size = type != nullptr ? slot_size_bytes(*type) : 0;
    if (size == 0 || slot.offset + size > bytes.size()) continue;  // only when SlotType or SlotPlace is switched off
    if (!gap_is_zero(slot.offset)) return false;
    std::size_t used = size;
    if (!check.demand(Rule::ImageValue, is_value(*type, bytes.subspan(slot.offset, size), used), [&] {
          return "what the slot '" + slot.name + "' at byte " + std::to_string(slot.offset) + " of " +
                 std::string(name(region)) + " starts as is no " + check.describe(slot.type);
        }))
      return false;
    at = slot.offset + std::min<std::size_t>(used, size);
  }
  return gap_is_zero(bytes.size());
}

// ---- What crosses the border
// -----------------------------------------------------------------------------------------

bool is_field_type(const Module& m, TypeId id) {
  const Type* type = m.type(id);
  return type != nullptr && has_place(type->kind);
}

bool check_span(Check& check, TimeNs span, const std::string& what) {
  return check.demand(Rule::TimeSpan, span >= 0 && span <= kMaxSpanNs,
                      [&] { return what + " has a span of " + std::to_string(span) + " ns"; });
}

bool check_inputs(Check& check) {
  for (const Input& input : check.module.inputs) {
    const std::string where = "input '" + input.value.name + "'";
    if (!check.demand(Rule::InputType, is_field_type(check.module, input.value.type), [&] { return where; }))
      return false;
    if (!check_span(check, input.stale_after_ns, where) || !check_span(check, input.period_ns, where)) return false;
  }
  return true;
}

bool check_outputs(Check& check) {
  const Module& m = check.module;
  for (const Output& output : m.outputs) {
    const auto where = [&] { return "output '" + output.name + "'"; };
    bool good = output.kind == OutputKind::Log || output.fields.size() == 1;
    for (const Field& field : output.fields) good = good && is_field_type(m, field.type);
    if (output.kind == OutputKind::Switch) good = good && output.fields[0].type == type_id(Scalar::Bool);
    if (!check.demand(Rule::OutputFields, good, where)) return false;

    const Type* type = output.fields.empty() ? nullptr : m.type(output.fields[0].type);
    const bool initial_fits = output.has_initial ? output.kind != OutputKind::Log && is_scalar(type) &&
                                                       is_canonical(type->element, output.initial)
                                                 : output.initial == 0;
    if (!check.demand(Rule::OutputInitial, initial_fits, where)) return false;
    if (!check.demand(Rule::OutputDriven, !output.driven || output.kind == OutputKind::Switch, where)) return false;
  }
  return true;
}

bool check_models(Check& check) {
  for (const Model& model : check.module.models) {
    const auto is_taken = [&](const Field& parameter) {
      const Type* type = check.module.type(parameter.type);
      return type != nullptr && type->kind == TypeKind::Array &&
             (type->element == Scalar::U8 || type->element == Scalar::F32);
    };
    const bool fits = is_taken(model.parameter) && std::ranges::all_of(model.more, is_taken) &&
                      model.more.size() < kMostModelParameters &&
                      (model.more.empty() || check.module.isa_version >= 6) && model.results >= 1 &&
                      model.results <= kMaxCapacity;
    if (!check.demand(Rule::ModelShape, fits, [&] { return "model '" + model.name + "'"; })) return false;
  }
  return true;
}

bool check_params(Check& check) {
  for (const Param& param : check.module.params) {
    const auto where = [&] { return "param '" + param.name + "'"; };
    const Slot* slot = check.module.slot(Region::Param, param.offset);
    const bool has_slot = slot != nullptr && slot->type == type_id(param.type);
    if (!check.demand(Rule::ParamSlot, has_slot, where)) return false;
    const bool ends_fit = param.has_range ? is_canonical(param.type, param.min) && is_canonical(param.type, param.max)
                                          : param.min == 0 && param.max == 0;
    if (!check.demand(Rule::ParamRange, ends_fit, where)) return false;
  }
  return true;
}

}  // namespace

bool check_tables(Check& check) {
  const Module& m = check.module;
  const bool known = m.isa_version >= 1 && m.isa_version <= kIsaVersion;
  if (!check.demand(Rule::IsaVersion, known, [&] {
        return "the module needs instruction set " + std::to_string(m.isa_version) + ", this program knows 1 to " +
               std::to_string(kIsaVersion) + ": update it";
      }))
    return false;
  return check_counts(check) && check_all_names(check) && check_types(check) && check_regions(check) &&
         check_slots(check) && check_image(check, Region::Const, m.const_image) &&
         check_image(check, Region::Param, m.param_image) && check_image(check, Region::State, m.state_image) &&
         check_inputs(check) && check_outputs(check) && check_models(check) && check_params(check);
}

}  // namespace eyeflow::vm::verify_detail
