#pragma once

#include <expected>
#include <string_view>
#include <vector>

#include "stdlib/images/image_file.h"
#include "vm/module/image_unit.h"

// PNG files (ISO/IEC 15948).
namespace eyeflow::stdlib {

// As far as it goes without decoding: every PNG file begins like this, and no other does.
inline constexpr std::string_view kPngMark = "\x89PNG\r\n\x1a\n";

// The samples of a file of this size, gray or red, green, blue, 8 bits each: palettes become colours, fewer bits are
// spread, 16 are rounded to 8. Transparency, gamma and colour profiles are left out: the samples are as they stand in
// the file. The form says which.
std::expected<vm::ImageForm, ImageRefusal> decode_png(const vm::ImageForm& wanted, std::string_view file,
                                                      std::vector<char>& samples);

}  // namespace eyeflow::stdlib
