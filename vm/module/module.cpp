#include "vm/module/module.h"

#include <algorithm>
#include <bit>
#include <tuple>

namespace eyeflow::vm {
namespace {

constexpr Type kScalarTypes[kScalarCount] = {
    {.element = Scalar::Void}, {.element = Scalar::Bool}, {.element = Scalar::I64}, {.element = Scalar::I32},
    {.element = Scalar::U8},   {.element = Scalar::U16},  {.element = Scalar::U32}, {.element = Scalar::U64},
    {.element = Scalar::F32},  {.element = Scalar::F64}};

}  // namespace

[[gnu::hot]] const Type* Module::type(TypeId id) const {
  if (id >= kFirstModuleType) {
    const std::size_t row = id - kFirstModuleType;
    return row < types.size() ? &types[row] : nullptr;
  }
  return id != type_id(Scalar::Void) && id < kScalarCount ? &kScalarTypes[id] : nullptr;
}

const Slot* Module::slot(Region region, std::uint32_t offset) const {
  const auto place = [](const Slot& slot) { return std::tuple(slot.region, slot.offset); };
  const auto found = std::ranges::lower_bound(slots, std::tuple(region, offset), {}, place);
  return found != slots.end() && place(*found) == std::tuple(region, offset) ? &*found : nullptr;
}

std::uint64_t Module::region_bytes(Region region) const {
  switch (region) {
    case Region::Const:
      return const_image.size();
    case Region::Param:
      return param_image.size();
    case Region::Input:
      return input_bytes;
    case Region::State:
      return state_image.size();
    case Region::Scratch:
      return scratch_bytes;
  }
  return 0;
}

std::uint64_t window_capacity(const Window& window) {
  if (window.span_ns == 0) return std::bit_ceil(std::uint64_t{window.values});
  using Wide = unsigned __int128;
  const auto span = static_cast<Wide>(window.span_ns);
  const Wide late = (static_cast<Wide>(window.late_ns) * window.values + span - 1) / span;
  return std::bit_ceil(2 * std::uint64_t{window.values} + static_cast<std::uint64_t>(std::min(late, Wide{1} << 40)) +
                       2);
}

std::uint64_t window_bytes(const Window& window, Scalar element) {
  const std::uint64_t capacity = window_capacity(window);
  const auto words = [](std::uint64_t bits) { return (bits + 63) / 64 * 8; };
  const std::uint64_t values = words(capacity * static_cast<std::uint64_t>(size_bytes(element)) * 8);
  return values + (window.span_ns == 0 ? capacity * 8 : words(capacity));
}

}  // namespace eyeflow::vm
