#include <fmt/format.h>

#include "runtime/payload/decoder.h"
#include "vm/module/enum_unit.h"

namespace eyeflow::runtime {
namespace {

using vm::Scalar;

Result<stdlib::Unit> unit_of(std::string_view text, std::string_view whose) {
  auto unit = stdlib::parse_unit(text.empty() ? "1" : text);
  if (!unit) return fail(fmt::format("the unit of {}: {}", whose, unit.error().message));
  return unit;
}

Result<stdlib::Conversion> conversion_to(const SensorSettings& sensor, const vm::Field& wanted) {
  if (sensor.unit == wanted.unit) return stdlib::Conversion{};
  const auto to = unit_of(wanted.unit, fmt::format("input '{}'", wanted.name));
  if (!to) return std::unexpected(to.error());
  if (sensor.unit.empty()) {
    return fail(
        fmt::format("input '{}' is in {}, and the sensor has no unit; add unit = \"{}\" (or what its payloads "
                    "are in) to [sensor.\"{}\"]",
                    wanted.name, wanted.unit, wanted.unit, sensor.written));
  }
  const auto from = unit_of(sensor.unit, fmt::format("[sensor.\"{}\"]", sensor.written));
  if (!from) return std::unexpected(from.error());
  if (wanted.unit.empty() && !stdlib::is_dimensionless(*from)) {
    return fail(
        fmt::format("input '{}' is a number without unit, and the sensor's is {}; remove unit = \"{}\" from "
                    "[sensor.\"{}\"], or declare the input in {}",
                    wanted.name, sensor.unit, sensor.unit, sensor.written, sensor.unit));
  }
  const auto conversion = stdlib::convert(*from, *to);
  if (!conversion) {
    const auto hint = stdlib::mixing_hint(*from, *to);
    return fail(
        fmt::format("input '{}' is in {}, and the sensor's unit {} is of another dimension{}{}; write the unit "
                    "that payloads are in, or bind another sensor",
                    wanted.name, wanted.unit, sensor.unit, hint.empty() ? "" : ": ", hint));
  }
  return *conversion;
}

}  // namespace

Result<DecodePlan> make_plan(const SensorSettings& sensor, const vm::Module& module, const vm::Input& input) {
  const auto* type = module.type(input.value.type);
  if (type == nullptr) return fail(fmt::format("input '{}' has no type", input.value.name));
  if (sensor.pin && (type->kind != vm::TypeKind::Scalar || type->element != Scalar::Bool)) {
    return fail(
        fmt::format("input '{}' is no bool, and [sensor.\"{}\"] is a pin; declare it as 'input {}: bool', or bind "
                    "another sensor",
                    input.value.name, sensor.written, input.value.name));
  }
  const bool is_number = type->kind != vm::TypeKind::Text && type->element != Scalar::Bool &&
                         input.value.unit != "time" && !vm::is_enum_unit(input.value.unit);
  if ((sensor.scale != 1 || sensor.offset != 0) && !is_number) {
    return fail(
        fmt::format("input '{}' is no number, and [sensor.\"{}\"] has a scale; remove scale and offset, or bind "
                    "another sensor",
                    input.value.name, sensor.written));
  }
  DecodePlan plan{.field = sensor.field, .time = sensor.time, .time_unit = sensor.time_unit};
  if (type->kind == vm::TypeKind::Text) {
    if (!sensor.unit.empty()) {
      return fail(fmt::format("input '{}' is a text, which has no unit; remove unit = \"{}\" from [sensor.\"{}\"]",
                              input.value.name, sensor.unit, sensor.written));
    }
    plan.meaning = Meaning::Text;
    plan.capacity = type->capacity;
    return plan;
  }
  plan.type = type->element;
  plan.encoding = sensor.encoding;
  if (type->kind != vm::TypeKind::Scalar) {
    plan.meaning = Meaning::Elements;
    plan.capacity = type->capacity;
    plan.is_list = type->kind == vm::TypeKind::List;
    if (const auto image = vm::image_form(input.value.unit); image && image->bytes() == type->capacity) {
      plan.meaning = Meaning::Image;
      plan.image = *image;
      if (!sensor.unit.empty() || sensor.scale != 1 || sensor.offset != 0) {
        return fail(
            fmt::format("input '{}' is an image, which has no unit and no scale; remove them from [sensor.\"{}\"]",
                        input.value.name, sensor.written));
      }
      return plan;
    }
    const bool digits = plan.encoding == Encoding::Hex || plan.encoding == Encoding::Base64;
    if (digits && plan.type != Scalar::U8) {
      return fail(
          fmt::format("input '{}' is no bytes, and [sensor.\"{}\"] has encoding = \"{}\"; write "
                      "\"little-endian\" or \"big-endian\", or remove it where payloads are lists of numbers",
                      input.value.name, sensor.written, name(plan.encoding)));
    }
  } else if (plan.encoding != Encoding::ByType) {
    return fail(
        fmt::format("input '{}' is one value, and [sensor.\"{}\"] has encoding = \"{}\", which is for arrays; "
                    "remove it, or bind another sensor",
                    input.value.name, sensor.written, name(plan.encoding)));
  }
  plan.scale = sensor.scale;
  plan.offset = sensor.offset;
  if (input.value.unit == "time") {
    plan.meaning = Meaning::Time;
    return plan;
  }
  if (input.value.unit == "duration") {
    plan.meaning = Meaning::Duration;
    const auto unit = stdlib::parse_unit(sensor.unit);
    const auto ns = unit ? stdlib::nanoseconds(*unit) : std::nullopt;
    if (!ns) {
      return fail(
          fmt::format("input '{}' is a duration; add unit = \"s\" (or ms, min, h: what its payloads are in) to "
                      "[sensor.\"{}\"]",
                      input.value.name, sensor.written));
    }
    plan.conversion.multiply = static_cast<double>(*ns);
    return plan;
  }
  if (vm::is_enum_unit(input.value.unit)) {
    if (!sensor.unit.empty()) {
      return fail(fmt::format("input '{}' is one of {}, which has no unit; remove unit = \"{}\" from [sensor.\"{}\"]",
                              input.value.name, input.value.unit.substr(4), sensor.unit, sensor.written));
    }
    plan.meaning = Meaning::Enum;
    plan.names = input.value.unit;
    return plan;
  }
  auto conversion = conversion_to(sensor, input.value);
  if (!conversion) return std::unexpected(conversion.error());
  plan.conversion = *conversion;
  return plan;
}

}  // namespace eyeflow::runtime
