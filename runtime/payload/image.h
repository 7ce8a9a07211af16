#pragma once

#include <string_view>
#include <vector>

#include "runtime/payload/elements.h"
#include "vm/module/image_unit.h"

namespace eyeflow::runtime {

// The pixels of an image in the form that a task declared, from a JPEG file, a portable anymap (P5, P6) or the pixels
// themselves, row by row. An image of another size is a bad reading: a task that wants another size says so by .resize.
// What is given back lies in `payload` or in `buffer`.
Elements image_of_payload(const vm::ImageForm& wanted, std::string_view payload, std::vector<char>& buffer);

}  // namespace eyeflow::runtime
