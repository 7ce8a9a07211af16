#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "vm/base/result.h"

// gzip (RFC 1952), the form that every HTTP server and every command line reads. The only place that knows zlib.
namespace eyeflow::runtime {

std::string gzip(std::string_view bytes);

// Refuses what unpacks to more than `limit` bytes, is cut short, or has something behind its end.
Result<std::string> gunzip(std::string_view bytes, std::size_t limit);

}  // namespace eyeflow::runtime
