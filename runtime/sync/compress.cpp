#include "runtime/sync/compress.h"

#include <fmt/format.h>
#include <zlib.h>

#include "vm/base/check.h"

namespace eyeflow::runtime {
namespace {

constexpr int kGzip = 16 + MAX_WBITS;  // zlib's way to say "with gzip's header"

// zlib promises not to write to what it reads.
Bytef* input_of(std::string_view bytes) { return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data())); }

}  // namespace

struct Gzip::Stream : z_stream {
  Stream() : z_stream{} {
    EYEFLOW_CHECK(deflateInit2(this, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  }
  ~Stream() { deflateEnd(this); }
};

Gzip::Gzip() : stream_(std::make_unique<Stream>()) {}
Gzip::~Gzip() = default;

std::string Gzip::pack(std::string_view bytes) {
  Stream& stream = *stream_;
  EYEFLOW_CHECK(deflateReset(&stream) == Z_OK);
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = input_of(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EYEFLOW_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  return out;
}

std::string gzip(std::string_view bytes) { return Gzip().pack(bytes); }

Result<std::string> gunzip(std::string_view bytes, std::size_t limit) {
  z_stream stream{};
  EYEFLOW_CHECK(inflateInit2(&stream, kGzip) == Z_OK);
  std::string out;
  stream.next_in = input_of(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  int state = Z_OK;
  while (state == Z_OK && out.size() <= limit) {
    const std::size_t had = out.size();
    out.resize(std::min(limit + 1, std::max<std::size_t>(had * 2, 4096)));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + had);
    stream.avail_out = static_cast<uInt>(out.size() - had);
    state = inflate(&stream, Z_NO_FLUSH);
    out.resize(stream.total_out);
  }
  const bool all = stream.avail_in == 0;
  inflateEnd(&stream);
  if (out.size() > limit) return fail(fmt::format("it unpacks to more than {} bytes", limit));
  if (state != Z_STREAM_END) return fail("it is not gzip, damaged or cut short");
  if (!all) return fail("something stands behind the end of the gzip data");
  return out;
}

}  // namespace eyeflow::runtime
