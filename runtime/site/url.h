#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "vm/base/result.h"

namespace eyeflow::runtime {

struct HttpUrl {
  bool tls = true;
  std::string host;
  std::uint16_t port = 443;
  std::string path = "/";
};

// https://HOST[:PORT][/PATH]. Plain http:// is taken for loopback addresses only: what leaves the device is encrypted.
Result<HttpUrl> parse_url(std::string_view url);

}  // namespace eyeflow::runtime
