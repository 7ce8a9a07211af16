#include "stdlib/images/image_file.h"

#include <csetjmp>
#include <cstdio>
// It needs the names of <cstdio>.
#include <jpeglib.h>

#include <optional>

#include "stdlib/images/png_file.h"
#include "stdlib/images/pnm.h"

namespace eyeflow::stdlib {
namespace {

// The library reports by a call that does not return.
struct Errors {
  jpeg_error_mgr manager;
  std::jmp_buf back;
};
[[noreturn]] void leave(j_common_ptr info) { std::longjmp(reinterpret_cast<Errors*>(info->err)->back, 1); }
// A warning, below 0, is counted and not printed.
void count_warning(j_common_ptr info, int level) {
  if (level < 0) ++info->err->num_warnings;
}

// No object with a destructor lives here, which a jump would leave out.
bool decode_jpeg(const vm::ImageForm& wanted, std::string_view file, char* out, ImageRefusal& refusal) {
  Errors errors;
  jpeg_decompress_struct info;
  info.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = leave;
  errors.manager.emit_message = count_warning;
  if (setjmp(errors.back) != 0) {
    jpeg_destroy_decompress(&info);
    refusal = {ImageFault::Broken};
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(file.data()), file.size());
  jpeg_read_header(&info, TRUE);
  if (info.image_width != wanted.width || info.image_height != wanted.height) {
    refusal = {ImageFault::OtherSize, info.image_width, info.image_height};
    jpeg_destroy_decompress(&info);
    return false;
  }
  info.out_color_space = wanted.format == vm::PixelFormat::Gray8  ? JCS_GRAYSCALE
                         : wanted.format == vm::PixelFormat::Rgb8 ? JCS_EXT_RGB
                                                                  : JCS_EXT_BGR;
  info.dct_method = JDCT_ISLOW;  // the same bits on every CPU
  jpeg_start_decompress(&info);
  const std::size_t row_bytes = std::size_t{wanted.width} * vm::pixel_bytes(wanted.format);
  while (info.output_scanline < info.output_height) {
    auto* row = reinterpret_cast<unsigned char*>(out) + info.output_scanline * row_bytes;
    jpeg_read_scanlines(&info, &row, 1);
  }
  const bool is_whole = errors.manager.num_warnings == 0;  // a file that breaks off is filled up with gray
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  if (!is_whole) refusal = {ImageFault::Broken};
  return is_whole;
}

}  // namespace

std::expected<std::string_view, ImageRefusal> pixels_of_file(const vm::ImageForm& wanted, std::string_view file,
                                                             std::vector<char>& buffer) {
  if (file.size() == wanted.bytes()) return file;
  buffer.clear();
  if (file.starts_with("\xff\xd8")) {
    if (wanted.format == vm::PixelFormat::Yuyv) return std::unexpected(ImageRefusal{ImageFault::OtherFormat});
    buffer.resize(wanted.bytes());
    ImageRefusal refusal{};
    if (!decode_jpeg(wanted, file, buffer.data(), refusal)) return std::unexpected(refusal);
    return std::string_view(buffer.data(), buffer.size());
  }
  std::vector<char> samples;
  std::optional<Pnm> pnm;
  if (file.starts_with(kPngMark)) {
    const auto form = decode_png(wanted, file, samples);
    if (!form) return std::unexpected(form.error());
    pnm = Pnm{*form, {samples.data(), samples.size()}};
  } else {
    pnm = parse_pnm(file);
  }
  if (!pnm) return std::unexpected(ImageRefusal{ImageFault::NoImage});
  if (pnm->form.width != wanted.width || pnm->form.height != wanted.height)
    return std::unexpected(ImageRefusal{ImageFault::OtherSize, pnm->form.width, pnm->form.height});
  if (!take_pnm(*pnm, wanted, buffer)) return std::unexpected(ImageRefusal{ImageFault::OtherFormat});
  return std::string_view(buffer.data(), buffer.size());
}

}  // namespace eyeflow::stdlib
