#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "vm/module/image_unit.h"

// Portable anymaps, the plainest image files: P5 (gray) and P6 (red, green, blue), 8 bits a sample, binary.
namespace eyeflow::stdlib {

struct Pnm {
  vm::ImageForm form;        // Gray8 or Rgb8
  std::string_view samples;  // of the file, as many as the form says
};
// Nothing for what is no such file, or breaks off.
std::optional<Pnm> parse_pnm(std::string_view file);

// The image in another format of the same size, appended to `out`; false where the size differs or the format is Yuyv.
bool take_pnm(const Pnm& image, const vm::ImageForm& wanted, std::vector<char>& out);

}  // namespace eyeflow::stdlib
