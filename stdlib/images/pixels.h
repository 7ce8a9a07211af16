#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "vm/module/image_unit.h"

// Pixels from one format to another, in whole numbers: the same bits everywhere.
namespace eyeflow::stdlib {

struct Pixel {
  int red, green, blue;
};

// ITU-R BT.601, limited range, in 1/256.
constexpr Pixel of_yuv(int y, int u, int v) {
  const auto clipped = [](int value) { return std::clamp(value >> 8, 0, 255); };
  const int c = 298 * (y - 16) + 128, d = u - 128, e = v - 128;
  return {clipped(c + 409 * e), clipped(c - 100 * d - 208 * e), clipped(c + 516 * d)};
}
// The luma of ITU-R BT.601: 0.299 red + 0.587 green + 0.114 blue, in 1/256, rounded.
constexpr std::uint8_t gray_of(const Pixel& p) {
  return static_cast<std::uint8_t>((77 * p.red + 150 * p.green + 29 * p.blue + 128) >> 8);
}

constexpr Pixel load_pixel(const std::uint8_t* image, std::size_t n, vm::PixelFormat format) {
  switch (format) {
    case vm::PixelFormat::Gray8:
      return {image[n], image[n], image[n]};
    case vm::PixelFormat::Rgb8:
      return {image[3 * n], image[3 * n + 1], image[3 * n + 2]};
    case vm::PixelFormat::Bgr8:
      return {image[3 * n + 2], image[3 * n + 1], image[3 * n]};
    case vm::PixelFormat::Yuyv: {
      const std::uint8_t* pair = image + n / 2 * 4;
      return of_yuv(pair[n % 2 * 2], pair[1], pair[3]);
    }
    case vm::PixelFormat::None:
      break;
  }
  return {0, 0, 0};
}

// `to` is Gray8, Rgb8 or Bgr8. A gray pixel of gray stays what it is.
constexpr void recolor(std::uint8_t* out, vm::PixelFormat to, const std::uint8_t* image, vm::PixelFormat from,
                       std::size_t pixels) {
  for (std::size_t n = 0; n < pixels; ++n) {
    const Pixel p = load_pixel(image, n, from);
    if (to == vm::PixelFormat::Gray8) {
      out[n] = from == vm::PixelFormat::Gray8 ? image[n] : gray_of(p);
      continue;
    }
    const bool is_bgr = to == vm::PixelFormat::Bgr8;
    out[3 * n] = static_cast<std::uint8_t>(is_bgr ? p.blue : p.red);
    out[3 * n + 1] = static_cast<std::uint8_t>(p.green);
    out[3 * n + 2] = static_cast<std::uint8_t>(is_bgr ? p.red : p.blue);
  }
}

}  // namespace eyeflow::stdlib
