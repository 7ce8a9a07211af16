#include "stdlib/images/pnm.h"

#include <charconv>

#include "stdlib/images/pixels.h"

namespace eyeflow::stdlib {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The next number of the head, behind blanks and comments (# to the end of the line).
std::optional<std::uint32_t> take_number(std::string_view& left) {
  while (!left.empty() && (is_space(left[0]) || left[0] == '#')) {
    const std::size_t behind = left[0] == '#' ? left.find('\n') : 0;
    if (behind == std::string_view::npos) return std::nullopt;
    left.remove_prefix(behind + 1);
  }
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(left.data(), left.data() + left.size(), number);
  if (error != std::errc{}) return std::nullopt;
  left.remove_prefix(static_cast<std::size_t>(end - left.data()));
  return number;
}

}  // namespace

std::optional<Pnm> parse_pnm(std::string_view file) {
  const bool is_gray = file.starts_with("P5");
  if (!is_gray && !file.starts_with("P6")) return std::nullopt;
  file.remove_prefix(2);
  const auto width = take_number(file), height = take_number(file), most = take_number(file);
  if (!width || !height || most != 255u || *width == 0 || *height == 0 || *width > vm::kMostPixelsAcross ||
      *height > vm::kMostPixelsAcross || file.empty() || !is_space(file[0]))
    return std::nullopt;
  file.remove_prefix(1);
  Pnm image{{*width, *height, is_gray ? vm::PixelFormat::Gray8 : vm::PixelFormat::Rgb8}, {}};
  if (file.size() < image.form.bytes()) return std::nullopt;
  image.samples = file.substr(0, image.form.bytes());
  return image;
}

bool take_pnm(const Pnm& image, const vm::ImageForm& wanted, std::vector<char>& out) {
  if (image.form.width != wanted.width || image.form.height != wanted.height ||
      wanted.format == vm::PixelFormat::Yuyv || wanted.format == vm::PixelFormat::None)
    return false;
  const std::size_t at = out.size();
  out.resize(at + wanted.bytes());
  recolor(reinterpret_cast<std::uint8_t*>(out.data()) + at, wanted.format,
          reinterpret_cast<const std::uint8_t*>(image.samples.data()), image.form.format,
          std::size_t{wanted.width} * wanted.height);
  return true;
}

}  // namespace eyeflow::stdlib
