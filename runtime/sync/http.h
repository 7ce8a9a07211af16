#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/site/url.h"
#include "vm/base/result.h"

// Posting to a far side over HTTPS (RFC 9112), one request at a time.
namespace eyeflow::runtime {

struct HttpOptions {
  HttpUrl url;
  std::filesystem::path ca_file;              // the system's authorities when empty
  std::filesystem::path cert_file, key_file;  // shown to the far side when given
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds silence_timeout{30'000};   // between two bytes, either way
  std::chrono::milliseconds request_timeout{120'000};  // for the whole of a request, however it trickles
};

struct HttpReply {
  int status = 0;
  std::string retry_after;  // the header, as sent
  std::string body;         // at most kMaxReplyBytes; a longer one is an error
};

inline constexpr std::size_t kMaxReplyBytes = 64 * 1024;

// A connection that is made on the first request and kept while both sides want it; a request that a kept one takes no
// more goes over a new one. TLS 1.3, with the peer's certificate and name verified. One thread at a time.
class HttpClient {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  static Result<std::unique_ptr<HttpClient>> make(const HttpOptions& options);
  ~HttpClient();

  // A reply of any status is a reply; an error says why there was none ("connection refused", "certificate …"), and
  // whether the far side got the request is not known then.
  Result<HttpReply> post(const Headers& headers, std::string_view body, std::string_view content_type);

  // From any thread: what runs ends with an error, and so does everything later.
  void stop();

 private:
  struct Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace eyeflow::runtime
