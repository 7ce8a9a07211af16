// A site file from anyone's editor: a site, or an error that says where. Patterns must not make it large.

#include <cstdint>
#include <string_view>

#include "runtime/site/site.h"
#include "vm/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eyeflow;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<runtime::Site> site = runtime::parse_site(text, "site.toml", "/nowhere");
  if (!site) EYEFLOW_CHECK(site.error().message.find("site.toml") != std::string::npos);
  return 0;
}
