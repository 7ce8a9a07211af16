#include "runtime/payload/image.h"

#include <csetjmp>
#include <cstdio>
// It needs the names of <cstdio>.
#include <jpeglib.h>

#include "stdlib/images/pnm.h"

namespace eyeflow::runtime {
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
BadReading decode_jpeg(const vm::ImageForm& wanted, std::string_view file, char* out, bool& done) {
  Errors errors;
  jpeg_decompress_struct info;
  info.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = leave;
  errors.manager.emit_message = count_warning;
  done = false;
  if (setjmp(errors.back) != 0) {
    jpeg_destroy_decompress(&info);
    return BadReading::Malformed;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(file.data()), file.size());
  jpeg_read_header(&info, TRUE);
  if (info.image_width != wanted.width || info.image_height != wanted.height) {
    jpeg_destroy_decompress(&info);
    return BadReading::WrongCount;
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
  done = errors.manager.num_warnings == 0;  // a file that breaks off is filled up with gray
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return BadReading::Malformed;
}

}  // namespace

Elements image_of_payload(const vm::ImageForm& wanted, std::string_view payload, std::vector<char>& buffer) {
  if (payload.size() == wanted.bytes()) return payload;
  buffer.clear();
  if (payload.starts_with("\xff\xd8")) {
    if (wanted.format == vm::PixelFormat::Yuyv) return std::unexpected(BadReading::WrongType);
    buffer.resize(wanted.bytes());
    bool done = false;
    const BadReading reason = decode_jpeg(wanted, payload, buffer.data(), done);
    if (!done) return std::unexpected(reason);
    return std::string_view(buffer.data(), buffer.size());
  }
  const auto pnm = stdlib::parse_pnm(payload);
  if (!pnm) return std::unexpected(BadReading::WrongCount);
  if (!stdlib::take_pnm(*pnm, wanted, buffer)) return std::unexpected(BadReading::WrongCount);
  return std::string_view(buffer.data(), buffer.size());
}

}  // namespace eyeflow::runtime
