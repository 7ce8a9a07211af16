#pragma once

#include <cstdint>
#include <expected>
#include <string_view>
#include <vector>

#include "vm/module/image_unit.h"

namespace eyeflow::stdlib {

enum class ImageFault : std::uint8_t {
  NoImage,      // neither one of these files nor as many bytes as the pixels have
  Broken,       // a JPEG or PNG file that breaks off or is damaged
  OtherSize,    // a task that wants another size says so by .resize
  OtherFormat,  // from files there is no yuyv
};
struct ImageRefusal {
  ImageFault fault;
  std::uint32_t width = 0, height = 0;  // OtherSize: those of the file
};

// The pixels of an image in the form that a task declared, from a JPEG or PNG file, a portable anymap (P5, P6) or the
// pixels themselves, row by row. They lie in `file` or in `buffer`. The same file gives the same bits everywhere.
std::expected<std::string_view, ImageRefusal> pixels_of_file(const vm::ImageForm& wanted, std::string_view file,
                                                             std::vector<char>& buffer);

}  // namespace eyeflow::stdlib
