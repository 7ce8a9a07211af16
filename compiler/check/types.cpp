#include "compiler/check/types.h"

#include <algorithm>
#include <array>

#include "compiler/check/typed_tree.h"
#include "compiler/check/units.h"

namespace eyeflow::compiler::typed {

TypeArena::TypeArena() = default;
TypeArena::~TypeArena() = default;

const Type* TypeArena::intern(const Type& type) {
  auto found = std::ranges::find(types_, type);
  return found != types_.end() ? &*found : &types_.emplace_back(type);
}

const UnitInfo* TypeArena::intern_unit(UnitInfo unit) {
  if (stdlib::is_plain(unit.unit)) return nullptr;
  for (const auto& known : units_) {
    if (known->unit.text == unit.unit.text && stdlib::same_unit(known->unit, unit.unit)) return known.get();
  }
  return units_.emplace_back(std::make_unique<UnitInfo>(std::move(unit))).get();
}

std::string unit_text(const Type& type) { return type.unit ? type.unit->unit.text : ""; }

std::string to_string(const Type& type) {
  static constexpr std::array<const char*, 17> kNames = {"error", "nothing",  "bool", "int", "i32", "u8",
                                                         "u16",   "u32",      "u64",  "f32", "f64", "text",
                                                         "time",  "duration", "",     "",    ""};
  switch (type.kind) {
    case TypeKind::Text:
      return "text(" + std::to_string(type.size) + ")";
    case TypeKind::FixedArray:
      if (is_image(type)) return vm::image_unit({type.width, type.height, type.format});
      return "[" + to_string(*type.element) + "; " + std::to_string(type.size) + "]";
    case TypeKind::BoundedArray:
      if (type.element->kind == TypeKind::U8 && !type.element->unit) return "bytes(" + std::to_string(type.size) + ")";
      return "[" + to_string(*type.element) + "; <=" + std::to_string(type.size) + "]";
    case TypeKind::Record:
      return type.record->name;
    case TypeKind::Optional:
      return to_string(*type.element) + "?";
    case TypeKind::Enum:
      return type.enumeration->name;
    default:
      return kNames[static_cast<std::size_t>(type.kind)] + (type.unit ? " " + unit_text(type) : "");
  }
}

std::string_view name(Math function) {
  static constexpr std::string_view kNames[] = {
#define EYEFLOW_MATH(Name, spelling, arity) spelling,
#include "compiler/check/math.def"
  };
  return kNames[static_cast<std::size_t>(function)];
}

std::string point_name(const stdlib::Unit& point) {
  const auto level = stdlib::level_scale(point);
  if (!level) return "a temperature";
  return level->factor == 10           ? "a level of power"
         : level->linear.text == "µPa" ? "a level of sound"
                                       : "a level of voltage";
}

std::string points_name(const stdlib::Unit& point) { return stdlib::level_scale(point) ? "levels" : "temperatures"; }

std::string level_of_all(const stdlib::Unit& point) {
  const auto level = stdlib::level_scale(point);
  if (!level || point_name(point) == "a level of voltage") return "";
  return std::string("; the level of all together is ") + (level->factor == 10 ? "total_power" : "total_sound") +
         "(…) of std.levels";
}

std::string quantity_name(const stdlib::Unit& unit) {
  struct Row {
    const char* unit;
    const char* noun;
  };
  static constexpr Row kRows[] = {
      {"m", "a length"},
      {"kg", "a mass"},
      {"s", "a time"},
      {"A", "a current"},
      {"Pa", "a pressure"},
      {"Hz", "a frequency"},
      {"N", "a force"},
      {"J", "an energy"},
      {"W", "a power"},
      {"V", "a voltage"},
      {"Ohm", "a resistance"},
      {"m/s", "a speed"},
      {"m/s^2", "an acceleration"},
      {"m^2", "an area"},
      {"m^3", "a volume"},
      {"m^3/s", "a flow"},
      {"rad", "an angle"},
      {"rad/s", "an angular speed"},
      {"dB", "a difference of levels"},
      {"kg/m^3", "a density"},
      {"C", "a charge"},
  };
  std::string in = unit.text.empty() ? "" : " (" + unit.text + ")";
  if (stdlib::is_plain(unit)) return "a plain number";
  if (stdlib::is_dimensionless(unit)) return "a ratio" + in;
  if (unit.is_point) return point_name(unit) + in;
  if (auto kelvin = stdlib::parse_unit("K"); kelvin && stdlib::same_dimension(unit, *kelvin)) {
    return "a difference of temperatures" + in;
  }
  for (const Row& row : kRows) {
    auto known = stdlib::parse_unit(row.unit);
    if (known && stdlib::same_dimension(unit, *known)) return row.noun + in;
  }
  return "a quantity in " + unit.text;
}

}  // namespace eyeflow::compiler::typed
