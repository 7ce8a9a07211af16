#pragma once

#include <cstdint>
#include <iterator>
#include <string_view>

namespace eyeflow::vm {

// Why a handler stopped before its end. It travels as a value: no signal, no exception.
enum class Trap : std::uint8_t {
#define EYEFLOW_TRAP(Name, text) Name,
#include "vm/isa/traps.def"
};

inline constexpr std::string_view kTrapNames[] = {
#define EYEFLOW_TRAP(Name, text) #Name,
#include "vm/isa/traps.def"
};
inline constexpr std::string_view kTrapTexts[] = {
#define EYEFLOW_TRAP(Name, text) text,
#include "vm/isa/traps.def"
};
inline constexpr int kTrapCount = static_cast<int>(std::size(kTrapNames));

constexpr std::string_view name(Trap trap) { return kTrapNames[static_cast<int>(trap)]; }
constexpr std::string_view describe(Trap trap) { return kTrapTexts[static_cast<int>(trap)]; }

}  // namespace eyeflow::vm
