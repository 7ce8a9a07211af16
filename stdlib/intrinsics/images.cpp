#include <algorithm>
#include <cmath>
#include <cstring>

#include "stdlib/images/pixels.h"
#include "stdlib/intrinsics/array_access.h"
#include "stdlib/intrinsics/functions.h"

// Images: pixels row by row, in whole numbers. Where sizes do not belong together, nothing is done: the compiler makes
// no such call, and a module of somebody else's making reaches nothing beyond its arrays by one.
namespace eyeflow::stdlib::functions {
namespace {

using vm::Context;
using vm::Word;
using Bytes = const std::uint8_t*;

// How a line of `from` cells lies under one of `to`: cell n of the latter covers the cells first to last of the former,
// each by `to` units but for the ends. Units are such that a cell of `to` has `from` of them.
struct Cover {
  std::uint64_t first, last, first_part, last_part;
};
Cover cover(std::uint64_t n, std::uint64_t from, std::uint64_t to) {
  const std::uint64_t begin = n * from, end = begin + from;
  Cover c{begin / to, (end - 1) / to, 0, 0};
  c.first_part = std::min(end, (c.first + 1) * to) - begin;
  c.last_part = end - c.last * to;
  return c;
}

}  // namespace

// Each sample is the mean of what lies under it, exact, halves rounded up.
void image_resize(Context& context, Word to, Word image, std::int64_t width, std::int64_t to_width,
                  std::int64_t samples) {
  constexpr std::int64_t kMost = vm::kMostPixelsAcross;
  if (to == image || width < 1 || width > kMost || to_width < 1 || to_width > kMost || samples < 1 || samples > 3)
    return;
  const auto w = static_cast<std::uint64_t>(width), out_w = static_cast<std::uint64_t>(to_width),
             c = static_cast<std::uint64_t>(samples);
  const std::uint64_t h = length(image) / (w * c), out_h = length(to) / (out_w * c);
  if (h * w * c != length(image) || out_h * out_w * c != length(to) || h == 0 || out_h == 0) return;
  const Bytes from = elements<std::uint8_t>(context, image);
  auto* out = writable<std::uint8_t>(context, to);
  const std::uint64_t area = w * h;
  for (std::uint64_t y = 0; y < out_h; ++y) {
    const Cover rows = cover(y, h, out_h);
    for (std::uint64_t x = 0; x < out_w; ++x) {
      const Cover columns = cover(x, w, out_w);
      std::uint64_t sums[3] = {};
      for (std::uint64_t row = rows.first; row <= rows.last; ++row) {
        const std::uint64_t height = row == rows.first ? rows.first_part : row == rows.last ? rows.last_part : out_h;
        std::uint64_t line[3] = {};
        for (std::uint64_t column = columns.first; column <= columns.last; ++column) {
          const std::uint64_t part = column == columns.first  ? columns.first_part
                                     : column == columns.last ? columns.last_part
                                                              : out_w;
          const Bytes pixel = from + (row * w + column) * c;
          for (std::uint64_t s = 0; s < c; ++s) line[s] += part * pixel[s];
        }
        for (std::uint64_t s = 0; s < c; ++s) sums[s] += height * line[s];
      }
      for (std::uint64_t s = 0; s < c; ++s) *out++ = static_cast<std::uint8_t>((2 * sums[s] + area) / (2 * area));
    }
  }
}

void image_recolor(Context& context, Word to, Word image, std::int64_t formats) {
  const auto from_format = static_cast<vm::PixelFormat>(formats & 15),
             to_format = static_cast<vm::PixelFormat>(formats >> 4 & 15);
  if (to == image || from_format == vm::PixelFormat::None || from_format > vm::PixelFormat::Yuyv ||
      to_format == vm::PixelFormat::None || to_format >= vm::PixelFormat::Yuyv)
    return;
  const std::size_t pixels = length(image) / vm::pixel_bytes(from_format);
  const bool is_even = from_format != vm::PixelFormat::Yuyv || pixels % 2 == 0;
  if (pixels * vm::pixel_bytes(from_format) != length(image) || pixels * vm::pixel_bytes(to_format) != length(to) ||
      !is_even)
    return;
  recolor(writable<std::uint8_t>(context, to), to_format, elements<std::uint8_t>(context, image), from_format, pixels);
}

void image_crop(Context& context, Word to, Word image, std::int64_t x, std::int64_t y, std::int64_t shape) {
  const auto width = static_cast<std::size_t>(shape & 0xFFFF),
             to_width = static_cast<std::size_t>(shape >> 16 & 0xFFFF),
             pixel = static_cast<std::size_t>(shape >> 32 & 15);
  if (to == image || width == 0 || to_width == 0 || pixel == 0 || x < 0 || y < 0) return;
  const std::size_t height = length(image) / (width * pixel), to_height = length(to) / (to_width * pixel);
  const auto left = static_cast<std::size_t>(x), top = static_cast<std::size_t>(y);
  if (height * width * pixel != length(image) || to_height * to_width * pixel != length(to)) return;
  if (left > width || width - left < to_width || top > height || height - top < to_height) return;
  const Bytes from = elements<std::uint8_t>(context, image);
  auto* out = writable<std::uint8_t>(context, to);
  for (std::size_t row = 0; row < to_height; ++row)
    std::memcpy(out + row * to_width * pixel, from + ((top + row) * width + left) * pixel, to_width * pixel);
}

namespace {

// The samples of an image: as they are, or of yuyv as they would be in rgb8, pair by pair.
struct AsTheyAre {
  static constexpr std::size_t count(std::size_t bytes) { return bytes; }
  template <typename Take>
  static void each(Bytes image, std::size_t bytes, const Take& take) {
    for (std::size_t n = 0; n < bytes; ++n) take(image[n]);
  }
};
struct OfYuyv {
  static constexpr std::size_t count(std::size_t bytes) { return bytes / 4 * 6; }
  template <typename Take>
  static void each(Bytes image, std::size_t bytes, const Take& take) {
    for (std::size_t n = 0; n < bytes / 4 * 2; ++n) {
      const Pixel p = load_pixel(image, n, vm::PixelFormat::Yuyv);
      for (const int sample : {p.red, p.green, p.blue}) take(static_cast<std::uint8_t>(sample));
    }
  }
};

// Sums of so many samples are exact in an f64, and the quotients rounded once. Of none they are 0.
template <typename Samples>
double mean_of(Context& context, Word image) {
  std::uint64_t sum = 0;
  Samples::each(elements<std::uint8_t>(context, image), length(image), [&](std::uint8_t s) { sum += s; });
  const std::size_t count = Samples::count(length(image));
  return count == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(count);
}
template <typename Samples>
double stddev_of(Context& context, Word image) {
  std::uint64_t sum = 0, squares = 0;
  Samples::each(elements<std::uint8_t>(context, image), length(image), [&](std::uint8_t s) {
    sum += s;
    squares += std::uint64_t{s} * s;
  });
  const auto count = static_cast<double>(Samples::count(length(image)));
  if (count == 0) return 0;
  const double mean = static_cast<double>(sum) / count;
  return std::sqrt(std::max(0.0, static_cast<double>(squares) / count - mean * mean));
}
template <typename Samples>
Word least_of(Context& context, Word image) {
  std::uint8_t least = 255;
  Samples::each(elements<std::uint8_t>(context, image), length(image),
                [&](std::uint8_t s) { least = std::min(least, s); });
  return vm::to_word(least);
}
template <typename Samples>
Word greatest_of(Context& context, Word image) {
  std::uint8_t greatest = 0;
  Samples::each(elements<std::uint8_t>(context, image), length(image),
                [&](std::uint8_t s) { greatest = std::max(greatest, s); });
  return vm::to_word(greatest);
}
template <typename Samples>
void histogram_of(Context& context, Word bins, Word image) {
  auto* out = writable<std::int64_t>(context, bins);
  const std::size_t n = length(bins);
  std::fill_n(out, n, 0);
  Samples::each(elements<std::uint8_t>(context, image), length(image), [&](std::uint8_t s) { ++out[s * n / 256]; });
}

}  // namespace

double image_mean(Context& context, Word image) { return mean_of<AsTheyAre>(context, image); }
double image_mean_of_yuyv(Context& context, Word image) { return mean_of<OfYuyv>(context, image); }
double image_stddev(Context& context, Word image) { return stddev_of<AsTheyAre>(context, image); }
double image_stddev_of_yuyv(Context& context, Word image) { return stddev_of<OfYuyv>(context, image); }
Word image_min(Context& context, Word image) { return least_of<AsTheyAre>(context, image); }
Word image_min_of_yuyv(Context& context, Word image) { return least_of<OfYuyv>(context, image); }
Word image_max(Context& context, Word image) { return greatest_of<AsTheyAre>(context, image); }
Word image_max_of_yuyv(Context& context, Word image) { return greatest_of<OfYuyv>(context, image); }
void image_histogram(Context& context, Word bins, Word image) { histogram_of<AsTheyAre>(context, bins, image); }
void image_histogram_of_yuyv(Context& context, Word bins, Word image) { histogram_of<OfYuyv>(context, bins, image); }

Word image_sample_of_yuyv(Context& context, Word image, std::int64_t pixel, std::int64_t sample) {
  if (pixel < 0 || static_cast<std::uint64_t>(pixel) >= length(image) / 4 * 2 || sample < 0 || sample > 2) return 0;
  const Pixel p =
      load_pixel(elements<std::uint8_t>(context, image), static_cast<std::size_t>(pixel), vm::PixelFormat::Yuyv);
  return vm::to_word(static_cast<std::uint8_t>(sample == 0 ? p.red : sample == 1 ? p.green : p.blue));
}

double image_difference(Context& context, Word a, Word b) {
  const Bytes x = elements<std::uint8_t>(context, a), y = elements<std::uint8_t>(context, b);
  const std::size_t count = std::min(length(a), length(b));
  std::uint64_t sum = 0;
  for (std::size_t n = 0; n < count; ++n) sum += static_cast<std::uint64_t>(x[n] < y[n] ? y[n] - x[n] : x[n] - y[n]);
  return static_cast<double>(sum) / static_cast<double>(count);
}

double image_difference_of_yuyv(Context& context, Word a, Word b) {
  const Bytes x = elements<std::uint8_t>(context, a), y = elements<std::uint8_t>(context, b);
  const std::size_t pixels = std::min(length(a), length(b)) / 4 * 2;
  std::uint64_t sum = 0;
  const auto add = [&](int s, int t) { sum += static_cast<std::uint64_t>(s < t ? t - s : s - t); };
  for (std::size_t n = 0; n < pixels; ++n) {
    const Pixel p = load_pixel(x, n, vm::PixelFormat::Yuyv), q = load_pixel(y, n, vm::PixelFormat::Yuyv);
    add(p.red, q.red);
    add(p.green, q.green);
    add(p.blue, q.blue);
  }
  return pixels == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(3 * pixels);
}

}  // namespace eyeflow::stdlib::functions
