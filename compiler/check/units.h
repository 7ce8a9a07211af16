#pragma once

#include <string>

#include "compiler/check/types.h"
#include "stdlib/units/units.h"

namespace eyeflow::compiler::typed {

// What Type::unit points to.
struct UnitInfo {
  stdlib::Unit unit;
};

inline const stdlib::Unit& plain_unit() {
  static const stdlib::Unit plain = stdlib::parse_unit("").value_or(stdlib::Unit{});
  return plain;
}
inline const stdlib::Unit& unit_of(const Type& type) { return type.unit ? type.unit->unit : plain_unit(); }
inline bool is_point(const Type& type) { return type.unit && type.unit->unit.is_point; }

// What a point is, without its unit: "a temperature", "a level of power"; and several of them: "temperatures",
// "levels".
std::string point_name(const stdlib::Unit& point);
std::string points_name(const stdlib::Unit& point);

// What makes the level of all sources together, for a hint behind another; nothing where nothing does.
std::string level_of_all(const stdlib::Unit& point);

// "a temperature (°C)", "a pressure (kPa)", "a plain number", "a quantity in kg*m".
std::string quantity_name(const stdlib::Unit& unit);

}  // namespace eyeflow::compiler::typed
