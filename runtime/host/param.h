#pragma once

#include <string>

#include "runtime/site/site.h"
#include "vm/base/result.h"
#include "vm/module/module.h"

namespace eyeflow::runtime {

// A param as the site writes it ("75 °C", "3", "true", "5 min") as a word of the param's type and unit, inside its
// range. The error is a clause that says what to write.
Result<vm::Word> parse_param(const vm::Param& param, std::string_view text);

// The same backwards, for messages: "80 °C".
std::string param_text(const vm::Param& param, vm::Word value);

}  // namespace eyeflow::runtime
