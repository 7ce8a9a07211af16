#include "runtime/sync/http.h"

#include <fmt/format.h>
#include <httplib.h>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

namespace eyeflow::runtime {
namespace {

std::string why(httplib::Error error, long verify_result) {
  switch (error) {
    case httplib::Error::Connection:
      return "nobody answers there (refused, unreachable, or the name is not known)";
    case httplib::Error::ConnectionTimeout:
      return "no connection within the time limit";
    case httplib::Error::Read:
      return "the answer did not come, or broke off";
    case httplib::Error::Write:
      return "the connection broke while sending";
    case httplib::Error::Canceled:
      return "given up: the answer took too long or was too large";
    case httplib::Error::SSLConnection:
      return "the TLS handshake failed (TLS 1.3 is required)";
    case httplib::Error::SSLLoadingCerts:
      return "the authorities' certificates cannot be read; see ca_file";
    case httplib::Error::SSLServerVerification:
      return fmt::format("its certificate is not trusted: {}", verify_result != X509_V_OK
                                                                   ? X509_verify_cert_error_string(verify_result)
                                                                   : "it is for another name");
    default:
      return httplib::to_string(error);
  }
}

// Calls `give_up` when a request runs past its time: a peer that sends a byte now and then resets every other limit.
// Its thread is woken for the first of many requests only: it sleeps to a deadline that has passed away, and looks
// again.
class Watchdog {
 public:
  explicit Watchdog(std::function<void()> give_up)
      : give_up_(std::move(give_up)), thread_([this](const std::stop_token& stop) { watch(stop); }) {}

  void begin(std::chrono::steady_clock::time_point deadline) { set(deadline); }
  void end() { set(std::chrono::steady_clock::time_point::max()); }

 private:
  using Time = std::chrono::steady_clock::time_point;

  void set(Time deadline) {
    bool is_sooner = false;
    {
      const std::lock_guard lock(mutex_);
      deadline_ = deadline;
      is_sooner = deadline < awake_at_;
    }
    if (is_sooner) changed_.notify_one();
  }
  void watch(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      awake_at_ = deadline_;
      const auto is_sooner = [this] { return deadline_ < awake_at_; };
      if (awake_at_ == Time::max()) {
        changed_.wait(lock, stop, is_sooner);
        continue;
      }
      if (changed_.wait_until(lock, stop, awake_at_, is_sooner) || stop.stop_requested()) continue;
      if (deadline_ > std::chrono::steady_clock::now()) continue;
      deadline_ = Time::max();
      lock.unlock();
      give_up_();
      lock.lock();
    }
  }

  std::function<void()> give_up_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  Time deadline_ = Time::max();
  Time awake_at_ = Time::max();  // when the thread looks next
  std::jthread thread_;
};

}  // namespace

struct HttpClient::Impl {
  explicit Impl(const HttpOptions& o, const std::string& origin)
      : options(o), client(origin, o.cert_file.string(), o.key_file.string()), watchdog([this] {
          given_up = true;
          client.stop();
        }) {}

  HttpOptions options;
  httplib::Client client;
  std::atomic<bool> given_up = false, stopped = false;
  Watchdog watchdog;  // last: it calls the client
};

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::make(const HttpOptions& options) {
  const HttpUrl& url = options.url;
  const bool v6 = url.host.find(':') != std::string::npos;
  const std::string origin =
      fmt::format("{}://{}{}{}:{}", url.tls ? "https" : "http", v6 ? "[" : "", url.host, v6 ? "]" : "", url.port);
  try {
    auto impl = std::make_unique<Impl>(options, origin);
    httplib::Client& client = impl->client;
    if (!client.is_valid()) {
      return fail(fmt::format("{}: the client cannot be made; are cert_file and key_file a pair?", origin));
    }
    if (url.tls) {
      client.enable_server_certificate_verification(true);
      if (!options.ca_file.empty()) client.set_ca_cert_path(options.ca_file.string());
      if (SSL_CTX_set_min_proto_version(client.ssl_context(), TLS1_3_VERSION) != 1) {
        return fail("this machine's OpenSSL has no TLS 1.3");
      }
    }
    client.set_keep_alive(true);
    client.set_tcp_nodelay(true);
    client.set_follow_location(false);  // rows go where the site says and nowhere else
    client.set_connection_timeout(options.connect_timeout);
    client.set_read_timeout(options.silence_timeout);
    client.set_write_timeout(options.silence_timeout);
    return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
  } catch (const std::exception& error) {
    return fail(fmt::format("{}: {}", origin, error.what()));
  }
}

Result<HttpReply> HttpClient::post(const Headers& headers, std::string_view body, const std::string& content_type) {
  Impl& impl = *impl_;
  if (impl.stopped) return fail("stopping");
  HttpReply reply;
  httplib::Request request;
  request.method = "POST";
  request.path = impl.options.url.path;
  for (const auto& [name, value] : headers) request.headers.emplace(name, value);
  request.headers.emplace("Content-Type", content_type);
  request.body = body;
  request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
    if (reply.body.size() + size > kMaxReplyBytes) return false;
    reply.body.append(data, size);
    return true;
  };
  impl.given_up = false;
  impl.watchdog.begin(std::chrono::steady_clock::now() + impl.options.request_timeout);
  try {
    const httplib::Result result = impl.client.send(request);
    impl.watchdog.end();
    if (!result || impl.given_up) {
      const auto error = impl.given_up ? httplib::Error::Canceled : result.error();
      return fail(why(error, impl.options.url.tls ? impl.client.get_openssl_verify_result() : X509_V_OK));
    }
    reply.status = result->status;
    reply.retry_after = result->get_header_value("Retry-After");
    return reply;
  } catch (const std::exception& error) {
    impl.watchdog.end();
    return fail(error.what());
  }
}

void HttpClient::stop() {
  impl_->stopped = true;
  impl_->client.stop();
}

}  // namespace eyeflow::runtime
