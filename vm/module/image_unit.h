#pragma once

#include <charconv>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

// A field that is an image is an array of u8, its pixels row by row from the top left, with the unit
// "image(640, 480, rgb8)".
namespace eyeflow::vm {

// The numbers are part of the module format: append only.
enum class PixelFormat : std::uint8_t {
  None,   // no image
  Gray8,  // one byte a pixel
  Rgb8,   // red, green, blue
  Bgr8,   // blue, green, red
  Yuyv,   // two pixels in four bytes: Y U Y V, limited range of ITU-R BT.601
};
inline constexpr std::string_view kPixelFormatNames[] = {"", "gray8", "rgb8", "bgr8", "yuyv"};
inline constexpr std::uint32_t kMostPixelsAcross = 8192;

constexpr std::uint32_t pixel_bytes(PixelFormat format) {
  return format == PixelFormat::None ? 0 : format == PixelFormat::Gray8 ? 1 : format == PixelFormat::Yuyv ? 2 : 3;
}
constexpr std::optional<PixelFormat> pixel_format(std::string_view name) {
  for (std::uint8_t n = 1; n < std::size(kPixelFormatNames); ++n)
    if (kPixelFormatNames[n] == name) return static_cast<PixelFormat>(n);
  return std::nullopt;
}

struct ImageForm {
  std::uint32_t width = 0, height = 0;
  PixelFormat format = PixelFormat::None;

  std::uint64_t bytes() const { return std::uint64_t{width} * height * pixel_bytes(format); }
  friend bool operator==(const ImageForm&, const ImageForm&) = default;
};

inline std::string image_unit(const ImageForm& form) {
  return "image(" + std::to_string(form.width) + ", " + std::to_string(form.height) + ", " +
         std::string(kPixelFormatNames[static_cast<std::size_t>(form.format)]) + ")";
}
// Nothing for a unit that is none.
inline std::optional<ImageForm> image_form(std::string_view unit) {
  if (!unit.starts_with("image(") || !unit.ends_with(")")) return std::nullopt;
  ImageForm form;
  const char *at = unit.data() + 6, *const end = unit.data() + unit.size() - 1;
  for (std::uint32_t* number : {&form.width, &form.height}) {
    const auto [stop, error] = std::from_chars(at, end, *number);
    if (error != std::errc{} || end - stop < 2 || *number == 0 || *number > kMostPixelsAcross) return std::nullopt;
    at = stop + 2;
  }
  const auto format = pixel_format({at, end});
  if (!format) return std::nullopt;
  form.format = *format;
  return form;
}

}  // namespace eyeflow::vm
