#include "runtime/sync/http.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

#include "runtime/net/stream.h"
#include "vm/base/check.h"

namespace eyeflow::runtime {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t kMaxHeadBytes = 64u << 10;
constexpr std::size_t kReadBytes = 4096;

constexpr std::string_view kBrokeOff = "the answer did not come, or broke off";

bool is_same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

template <typename T>
bool read_number(std::string_view text, T& value, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

// What stands in front of an answer's body.
struct ReplyHead {
  int status = 0;
  std::string retry_after;
  std::optional<std::size_t> length;  // of the body
  bool is_chunked = false;
  bool stays_open = true;
};

// `text` without the empty line at its end. Nothing: it is no head (RFC 9112).
std::optional<ReplyHead> read_head(std::string_view text) {
  const auto line = text.substr(0, text.find("\r\n"));
  ReplyHead head;
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ' ||
      !read_number(line.substr(9, 3), head.status))
    return std::nullopt;
  head.stays_open = line[7] != '0';
  for (std::size_t at = line.size() + 2; at < text.size();) {
    const auto end = std::min(text.find("\r\n", at), text.size());
    const auto field = text.substr(at, end - at);
    at = end + 2;
    const auto colon = field.find(':');
    if (colon == field.npos) return std::nullopt;
    const auto name = field.substr(0, colon), value = trimmed(field.substr(colon + 1));
    if (is_same(name, "content-length")) {
      std::size_t length = 0;
      if (!read_number(value, length) || (head.length && *head.length != length)) return std::nullopt;
      head.length = length;
    } else if (is_same(name, "transfer-encoding")) {
      if (!is_same(value, "chunked")) return std::nullopt;
      head.is_chunked = true;
    } else if (is_same(name, "connection")) {
      if (is_same(value, "close")) head.stays_open = false;
    } else if (is_same(name, "retry-after")) {
      head.retry_after = value;
    }
  }
  if (head.status == 204 || head.status == 304) head.length = 0;
  return head;
}

}  // namespace

struct HttpClient::Impl {
  explicit Impl(HttpOptions o) : options(std::move(o)), stop_signal(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    const HttpUrl& url = options.url;
    const bool v6 = url.host.find(':') != std::string::npos;
    head = fmt::format("POST {} HTTP/1.1\r\nHost: {}{}{}:{}\r\nContent-Type: ", url.path, v6 ? "[" : "", url.host,
                       v6 ? "]" : "", url.port);
  }
  ~Impl() {
    if (stop_signal >= 0) close(stop_signal);
  }

  Result<HttpReply> exchange(std::string_view body);
  Result<void> connect();
  Result<net::Stream> reach(const net::Address& address, Clock::time_point limit);
  Result<void> wait(const net::Stream& at, bool to_write, Clock::time_point limit, std::string_view late);
  Result<void> send(std::string_view body);
  Result<void> receive();
  Result<std::size_t> receive_head();
  Result<void> receive_body(ReplyHead& head, std::string& body);
  Result<void> receive_chunks(std::string& body);
  Result<std::string_view> receive_line();
  Result<void> take(std::size_t size, std::string& body);
  std::unexpected<Error> broke_off() const { return fail(fmt::format("{}: {}", kBrokeOff, how)); }

  const HttpOptions options;
  const int stop_signal;
  std::atomic<bool> stopped = false;
  std::optional<net::Stream> stream;
  std::string head;  // what every request begins with
  std::string request;
  std::string received;  // and not used yet from `at` on
  std::size_t at = 0;
  bool has_ended = false;  // the connection, by the far side, and …
  std::string how;         // … how
  Clock::time_point deadline{};
};

Result<void> HttpClient::Impl::wait(const net::Stream& on, bool to_write, Clock::time_point limit,
                                    std::string_view late) {
  pollfd watched[] = {{on.socket(), static_cast<short>(to_write ? POLLOUT : POLLIN), 0}, {stop_signal, POLLIN, 0}};
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit - Clock::now());
    const int ready = left <= 0ms ? 0 : poll(watched, 2, static_cast<int>(std::min(left, 86'400'000ms).count()));
    if (ready < 0 && errno == EINTR) continue;
    if (stopped || watched[1].revents != 0) return fail("stopping");
    if (ready > 0) return {};
    if (ready == 0) return fail(std::string(late));
    return fail("the system cannot wait for it");
  }
}

// Each address of the name in turn.
Result<void> HttpClient::Impl::connect() {
  constexpr std::string_view late = "no connection within the time limit";
  const auto limit = std::min(deadline, Clock::now() + options.connect_timeout);
  net::Lookup lookup(options.url.host, options.url.port);
  std::optional<Result<std::vector<net::Address>>> addresses;
  while (!(addresses = lookup.wait(50ms))) {
    if (stopped) return fail("stopping");
    if (Clock::now() >= limit) return fail(std::string(late));
  }
  if (!*addresses) return fail(fmt::format("nobody answers there: {}", addresses->error().message));
  Result<net::Stream> reached = fail("nobody answers there: its name has no address");
  for (const net::Address& address : **addresses) {
    reached = reach(address, limit);
    if (reached || stopped || Clock::now() >= limit) break;
  }
  if (!reached) return std::unexpected(reached.error());
  stream.emplace(std::move(*reached));
  received.clear();
  at = 0;
  has_ended = false;
  return {};
}

Result<net::Stream> HttpClient::Impl::reach(const net::Address& address, Clock::time_point limit) {
  constexpr std::string_view late = "no connection within the time limit";
  auto opened = net::Stream::open(address);
  if (!opened) return fail(fmt::format("nobody answers there: {}", opened.error().message));
  if (auto waited = wait(*opened, true, limit, late); !waited) return std::unexpected(waited.error());
  if (auto connected = opened->connected(); !connected)
    return fail(fmt::format("nobody answers there: {}", connected.error().message));
  if (!options.url.tls) return opened;
  auto secured = opened->secure({.host = options.url.host,
                                 .ca_file = options.ca_file,
                                 .cert_file = options.cert_file,
                                 .key_file = options.key_file,
                                 .only_tls_1_3 = true});
  if (!secured) return std::unexpected(secured.error());
  while (true) {
    const auto needs = opened->shake_hands();
    if (!needs) return fail(fmt::format("no TLS 1.3 with it: {}", needs.error().message));
    if (*needs == TlsClient::Needs::Nothing) return opened;
    if (auto waited = wait(*opened, *needs == TlsClient::Needs::ToWrite, limit, late); !waited)
      return std::unexpected(waited.error());
  }
}

Result<void> HttpClient::Impl::send(std::string_view body) {
  for (std::string_view rest = request; !rest.empty() || !body.empty();) {
    const auto sent = stream->write(rest, body);
    if (!sent) {
      has_ended = true;
      return fail(fmt::format("the connection broke while sending: {}", sent.error().message));
    }
    const auto of_head = std::min(*sent, rest.size());
    rest.remove_prefix(of_head);
    body.remove_prefix(*sent - of_head);
    if (*sent > 0) continue;
    const auto limit = std::min(deadline, Clock::now() + options.silence_timeout);
    if (auto waited = wait(*stream, true, limit, "given up: the request could not be sent in time"); !waited)
      return waited;
  }
  return {};
}

// At least one byte, or has_ended.
Result<void> HttpClient::Impl::receive() {
  if (at > 0) {
    received.erase(0, at);
    at = 0;
  }
  if (Clock::now() >= deadline) return fail("given up: the answer took too long");  // one that never ends
  const auto had = received.size();
  while (true) {
    received.resize(had + kReadBytes);
    const auto got = stream->read(std::span(received).subspan(had));
    received.resize(had + (got ? *got : 0));
    if (!got) {
      has_ended = true;
      how = got.error().message;
      return {};
    }
    if (*got > 0) return {};
    const auto limit = std::min(deadline, Clock::now() + options.silence_timeout);
    const auto late = limit == deadline ? "given up: the answer took too long" : kBrokeOff;
    if (auto waited = wait(*stream, stream->is_waiting_to_write(), limit, late); !waited) return waited;
  }
}

// Until the empty line; gives the bytes in front of it. The answer "go on" (1xx) is passed over.
Result<std::size_t> HttpClient::Impl::receive_head() {
  for (std::size_t seen = at;;) {
    const auto end = received.find("\r\n\r\n", seen);
    if (end != received.npos) return end - at;
    if (received.size() - at > kMaxHeadBytes) return fail("given up: the answer is too large");
    if (has_ended) return broke_off();
    seen = received.size() - at < 3 ? 0 : received.size() - at - 3;
    if (auto got = receive(); !got) return std::unexpected(got.error());
  }
}

Result<void> HttpClient::Impl::take(std::size_t size, std::string& body) {
  if (size > kMaxReplyBytes - body.size()) return fail("given up: the answer is too large");
  while (true) {
    const auto some = std::min(size, received.size() - at);
    body.append(received, at, some);
    at += some;
    size -= some;
    if (size == 0) return {};
    if (has_ended) return broke_off();
    if (auto got = receive(); !got) return got;
  }
}

Result<std::string_view> HttpClient::Impl::receive_line() {
  while (true) {
    const auto end = received.find("\r\n", at);
    if (end != received.npos) {
      const auto line = std::string_view(received).substr(at, end - at);
      at = end + 2;
      return line;
    }
    if (received.size() - at > kMaxHeadBytes) return fail("given up: the answer is too large");
    if (has_ended) return broke_off();
    if (auto got = receive(); !got) return std::unexpected(got.error());
  }
}

Result<void> HttpClient::Impl::receive_chunks(std::string& body) {
  while (true) {
    const auto line = receive_line();
    if (!line) return std::unexpected(line.error());
    std::size_t size = 0;
    if (!read_number(trimmed(line->substr(0, line->find(';'))), size, 16)) return fail("its answer is not HTTP");
    if (size == 0) break;
    if (auto taken = take(size, body); !taken) return taken;
    if (const auto end = receive_line(); !end || !end->empty()) return fail("its answer is not HTTP");
  }
  while (true) {  // fields behind the body, up to an empty line
    const auto line = receive_line();
    if (!line) return std::unexpected(line.error());
    if (line->empty()) return {};
  }
}

Result<void> HttpClient::Impl::receive_body(ReplyHead& head, std::string& body) {
  if (head.is_chunked) return receive_chunks(body);
  if (head.length) return take(*head.length, body);
  head.stays_open = false;
  while (!has_ended) {
    if (auto taken = take(received.size() - at, body); !taken) return taken;
    if (auto got = receive(); !got) return got;
  }
  return take(received.size() - at, body);
}

Result<HttpReply> HttpClient::Impl::exchange(std::string_view body) {
  if (auto sent = send(body); !sent) return std::unexpected(sent.error());
  ReplyHead head;
  do {
    const auto size = receive_head();
    if (!size) return std::unexpected(size.error());
    auto read = read_head(std::string_view(received).substr(at, *size));
    if (!read) return fail("its answer is not HTTP");
    at += *size + 4;
    head = std::move(*read);
  } while (head.status < 200);
  HttpReply reply{.status = head.status, .retry_after = std::move(head.retry_after), .body = {}};
  if (auto got = receive_body(head, reply.body); !got) return std::unexpected(got.error());
  if (!head.stays_open || at != received.size()) stream.reset();
  received.clear();
  at = 0;
  return reply;
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::make(const HttpOptions& options) {
  auto impl = std::make_unique<Impl>(options);
  if (impl->stop_signal < 0) return fail("the system has no more files to open");
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

Result<HttpReply> HttpClient::post(const Headers& headers, std::string_view body, std::string_view content_type) {
  Impl& impl = *impl_;
  if (impl.stopped) return fail("stopping");
  std::string& request = impl.request;
  request.assign(impl.head).append(content_type).append("\r\nContent-Length: ");
  char digits[24];
  request.append(digits, std::to_chars(std::begin(digits), std::end(digits), body.size()).ptr).append("\r\n");
  for (const auto& [name, value] : headers) ((request += name) += ": ").append(value) += "\r\n";
  request += "\r\n";
  if (impl.options.url.tls) request += std::exchange(body, {});  // one record
  impl.deadline = Clock::now() + impl.options.request_timeout;
  // One that was kept may have been closed meanwhile: then not a byte comes back, and the request goes once more.
  const bool was_kept = impl.stream.has_value();
  if (!was_kept) {
    if (auto connected = impl.connect(); !connected) return std::unexpected(connected.error());
  }
  auto reply = impl.exchange(body);
  if (!reply && was_kept && impl.has_ended && impl.received.empty()) {
    impl.stream.reset();
    if (auto connected = impl.connect(); !connected) return std::unexpected(connected.error());
    reply = impl.exchange(body);
  }
  if (!reply) impl.stream.reset();
  return reply;
}

void HttpClient::stop() {
  impl_->stopped = true;
  const std::uint64_t one = 1;
  EYEFLOW_CHECK(write(impl_->stop_signal, &one, sizeof one) == sizeof one);
}

}  // namespace eyeflow::runtime
