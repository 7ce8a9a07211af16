#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "vm/base/result.h"

// gzip (RFC 1952), the form that every HTTP server and every command line reads. The only place that knows zlib.
namespace eyeflow::runtime {

std::string gzip(std::string_view bytes);

// For several texts, one after the other: what zlib takes for its work (a quarter of a megabyte) is taken once.
class Gzip {
 public:
  Gzip();
  ~Gzip();
  std::string pack(std::string_view bytes);  // as gzip(), whatever came before

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

// Refuses what unpacks to more than `limit` bytes, is cut short, or has something behind its end.
Result<std::string> gunzip(std::string_view bytes, std::size_t limit);

}  // namespace eyeflow::runtime
