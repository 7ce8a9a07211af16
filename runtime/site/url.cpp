#include "runtime/site/url.h"

#include <fmt/format.h>

#include <charconv>

namespace eyeflow::runtime {
namespace {

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host == "127.0.0.1" || host.starts_with("127.");
}

}  // namespace

Result<HttpUrl> parse_url(std::string_view url) {
  HttpUrl parsed;
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
    parsed.tls = false;
    parsed.port = 80;
  } else {
    return fail(fmt::format("'{}' is no URL that rows can go to; write https://HOST/PATH", url));
  }
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash);
  if (slash < rest.size()) parsed.path = rest.substr(slash);
  const bool bracketed = authority.starts_with('[');
  const std::size_t host_end = bracketed ? authority.find(']') : std::min(authority.find(':'), authority.size());
  if (host_end == std::string_view::npos) return fail(fmt::format("'{}': the ']' of the address is missing", url));
  parsed.host = bracketed ? authority.substr(1, host_end - 1) : authority.substr(0, host_end);
  std::string_view port = authority.substr(std::min(host_end + (bracketed ? 1 : 0), authority.size()));
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), parsed.port);
    if (port.front() != ':' || error != std::errc{} || end != port.data() + port.size() || parsed.port == 0) {
      return fail(fmt::format("'{}': '{}' is no port; write a number from 1 to 65535 behind a ':'", url, port));
    }
  }
  if (parsed.host.empty()) return fail(fmt::format("'{}' names no host; write https://HOST/PATH", url));
  if (parsed.host.find('@') != std::string::npos || url.find_first_of(" \t\r\n#") != std::string_view::npos) {
    return fail(fmt::format("'{}': a URL holds no user name, blank or '#' here", url));
  }
  if (!parsed.tls && !is_loopback(parsed.host)) {
    return fail(fmt::format("'{}' is not encrypted; write https://, plain http is for this very machine only", url));
  }
  return parsed;
}

}  // namespace eyeflow::runtime
