#include "stdlib/images/png_file.h"

#include <png.h>

#include <csetjmp>
#include <cstring>

namespace eyeflow::stdlib {
namespace {

// What no picture of a camera needs more of, in one chunk beside its pixels.
constexpr png_alloc_size_t kMostOfAChunk = 1u << 20;

struct Source {
  const char* at;
  std::size_t left;
};
void take(png_structp png, png_bytep to, std::size_t size) {
  auto& source = *static_cast<Source*>(png_get_io_ptr(png));
  if (size > source.left) png_error(png, "it breaks off");
  std::memcpy(to, source.at, size);
  source.at += size;
  source.left -= size;
}
[[noreturn]] void leave(png_structp png, png_const_charp) { png_longjmp(png, 1); }
void ignore(png_structp, png_const_charp) {}

struct File {
  explicit File(Source* source) {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, leave, ignore);
    if (png == nullptr) return;
    info = png_create_info_struct(png);
    png_set_read_fn(png, source, take);
    png_set_chunk_malloc_max(png, kMostOfAChunk);
  }
  ~File() { png_destroy_read_struct(&png, &info, nullptr); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  png_structp png = nullptr;
  png_infop info = nullptr;
};

// The library reports by a call that does not return: no object with a destructor lives in these two.
bool read_head(png_structp png, png_infop info, vm::ImageForm& form, int& passes) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_read_info(png, info);
  form.width = png_get_image_width(png, info);
  form.height = png_get_image_height(png, info);
  png_set_expand(png);
  png_set_scale_16(png);
  png_set_strip_alpha(png);
  passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  const bool is_color = (png_get_color_type(png, info) & PNG_COLOR_MASK_COLOR) != 0;
  form.format = is_color ? vm::PixelFormat::Rgb8 : vm::PixelFormat::Gray8;
  return true;
}
bool read_rows(png_structp png, png_infop info, const vm::ImageForm& form, int passes, char* out) {
  const std::size_t row_bytes = png_get_rowbytes(png, info);
  if (row_bytes != std::size_t{form.width} * vm::pixel_bytes(form.format)) return false;
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  for (int pass = 0; pass < passes; ++pass)
    for (std::size_t y = 0; y < form.height; ++y)
      png_read_row(png, reinterpret_cast<png_bytep>(out + y * row_bytes), nullptr);
  png_read_end(png, nullptr);  // what stands behind the pixels is whole, too
  return true;
}

}  // namespace

std::expected<vm::ImageForm, ImageRefusal> decode_png(const vm::ImageForm& wanted, std::string_view file,
                                                      std::vector<char>& samples) {
  const auto broken = std::unexpected(ImageRefusal{ImageFault::Broken});
  Source source{file.data(), file.size()};
  File png(&source);
  vm::ImageForm form;
  int passes = 0;
  if (png.info == nullptr || !read_head(png.png, png.info, form, passes)) return broken;
  if (form.width != wanted.width || form.height != wanted.height)
    return std::unexpected(ImageRefusal{ImageFault::OtherSize, form.width, form.height});
  samples.resize(form.bytes());
  if (!read_rows(png.png, png.info, form, passes, samples.data())) return broken;
  return form;
}

}  // namespace eyeflow::stdlib
