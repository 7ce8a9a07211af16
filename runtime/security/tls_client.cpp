#include "runtime/security/tls_client.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "runtime/security/library.h"

namespace eyeflow::runtime {
namespace {

constexpr const char* kSystemAuthorities = "/etc/ssl/certs";

struct FreeContext {
  void operator()(SSL_CTX* c) const { SSL_CTX_free(c); }
};
struct FreeConnection {
  void operator()(SSL* s) const { SSL_free(s); }
};

// The library's own words for what it complained of first.
std::string complaint() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return reason != nullptr ? reason : "no reason given";
}

std::unexpected<Error> cannot_use(const std::filesystem::path& file, std::string_view as) {
  return fail(fmt::format("{}: cannot be used as {}: {}", file.string(), as, complaint()));
}

Result<void> read_files(SSL_CTX* context, const TlsClient::Settings& settings) {
  const bool own = !settings.ca_file.empty();
  if (SSL_CTX_load_verify_locations(context, own ? settings.ca_file.c_str() : nullptr,
                                    own ? nullptr : kSystemAuthorities) != 1)
    return cannot_use(own ? settings.ca_file : kSystemAuthorities, "authorities' certificates");
  if (settings.cert_file.empty()) return {};
  // A key with a passphrase would ask the terminal for it.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
  if (SSL_CTX_use_certificate_chain_file(context, settings.cert_file.c_str()) != 1)
    return cannot_use(settings.cert_file, "the client's certificate");
  if (SSL_CTX_use_PrivateKey_file(context, settings.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1)
    return cannot_use(settings.key_file, "the client's key");
  return {};
}

}  // namespace

struct TlsClient::Library {
  std::unique_ptr<SSL_CTX, FreeContext> context;
  std::unique_ptr<SSL, FreeConnection> connection;
};

TlsClient::TlsClient(std::unique_ptr<Library> library) : library_(std::move(library)) {}
TlsClient::~TlsClient() = default;
TlsClient::TlsClient(TlsClient&&) noexcept = default;
TlsClient& TlsClient::operator=(TlsClient&&) noexcept = default;

Result<TlsClient> TlsClient::make(const Settings& settings, int socket) {
  start_library();
  ERR_clear_error();
  auto library = std::make_unique<Library>();
  library->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = library->context.get();
  if (context == nullptr) return fail(fmt::format("cannot use TLS: {}", complaint()));
  SSL_CTX_set_min_proto_version(context, settings.only_tls_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  if (auto read = read_files(context, settings); !read) return std::unexpected(read.error());
  library->connection.reset(SSL_new(context));
  SSL* const connection = library->connection.get();
  if (connection == nullptr || SSL_set_fd(connection, socket) != 1)
    return fail(fmt::format("cannot use TLS: {}", complaint()));
  // An address is looked for among the certificate's addresses, a name among its names, and only a name is told (SNI).
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection), settings.host.c_str()) != 1) {
    SSL_set_hostflags(connection, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (SSL_set1_host(connection, settings.host.c_str()) != 1 ||
        SSL_set_tlsext_host_name(connection, settings.host.c_str()) != 1)
      return fail(fmt::format("'{}' is no name for TLS: {}", settings.host, complaint()));
  }
  ERR_clear_error();
  SSL_set_connect_state(connection);
  return TlsClient(std::move(library));
}

Result<std::size_t> TlsClient::result_of(int code, std::string_view what) {
  SSL* const connection = library_->connection.get();
  waits_to_write_ = false;
  switch (SSL_get_error(connection, code)) {
    case SSL_ERROR_WANT_READ:
      return 0;
    case SSL_ERROR_WANT_WRITE:
      waits_to_write_ = true;
      return 0;
    case SSL_ERROR_ZERO_RETURN:
      return fail("the connection was closed");
    case SSL_ERROR_SYSCALL:
      if (errno != 0) return fail(std::strerror(errno));
      return fail("the connection was lost");
    default:
      break;
  }
  if (const long verified = SSL_get_verify_result(connection); verified != X509_V_OK) {
    ERR_clear_error();
    return fail(fmt::format("its certificate is not accepted: {}; check ca_file, and the host's name and clock",
                            X509_verify_cert_error_string(verified)));
  }
  return fail(fmt::format("{} failed: {}", what, complaint()));
}

Result<TlsClient::Needs> TlsClient::shake_hands() {
  errno = 0;
  ERR_clear_error();
  const int code = SSL_do_handshake(library_->connection.get());
  if (code == 1) return Needs::Nothing;
  const auto waiting = result_of(code, "TLS");
  if (!waiting) return std::unexpected(waiting.error());
  return std::exchange(waits_to_write_, false) ? Needs::ToWrite : Needs::ToRead;
}

Result<std::size_t> TlsClient::read(std::span<char> into) {
  errno = 0;
  ERR_clear_error();
  const int size =
      SSL_read(library_->connection.get(), into.data(), static_cast<int>(std::min<std::size_t>(into.size(), INT_MAX)));
  if (size > 0) {
    waits_to_write_ = false;
    return static_cast<std::size_t>(size);
  }
  return result_of(size, "reading by TLS");
}

Result<std::size_t> TlsClient::write(std::string_view bytes) {
  errno = 0;
  ERR_clear_error();
  const int size = SSL_write(library_->connection.get(), bytes.data(),
                             static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX)));
  if (size > 0) return static_cast<std::size_t>(size);
  const bool reading = waits_to_write_;
  auto result = result_of(size, "writing by TLS");
  waits_to_write_ = reading;
  return result;
}

bool TlsClient::has_more() const { return SSL_pending(library_->connection.get()) > 0; }

}  // namespace eyeflow::runtime
