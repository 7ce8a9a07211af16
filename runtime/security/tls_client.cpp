#include "runtime/security/tls_client.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

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

// What a peer's alert (RFC 8446, 6.2) says about us, and what to do about it. Empty: it is none of those.
std::string_view advice(int alert, bool has_certificate) {
  constexpr std::string_view kNone = "it wants a client's certificate, and we have none; name cert_file and key_file";
  switch (alert) {
    case SSL_AD_CERTIFICATE_REQUIRED:
      return kNone;
    case SSL_AD_HANDSHAKE_FAILURE:  // how TLS 1.2 says it
      return has_certificate
                 ? ""
                 : "it breaks off the handshake: if it wants a client's certificate, name cert_file and key_file";
    case SSL_AD_UNKNOWN_CA:
      return "it does not know who signed our certificate; cert_file must be signed by an authority that it trusts, "
             "and "
             "hold the certificates in between";
    case SSL_AD_CERTIFICATE_EXPIRED:
      return "our certificate has expired, or is not valid yet; renew cert_file, and check its clock and ours";
    case SSL_AD_CERTIFICATE_REVOKED:
      return "our certificate has been revoked; get another cert_file and key_file";
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_ACCESS_DENIED:
      return has_certificate ? "it does not accept our certificate; check that cert_file is one for clients, from an "
                               "authority that it trusts"
                             : kNone;
    case SSL_AD_PROTOCOL_VERSION:
      return "it does not speak this version of TLS; it needs 1.2 at least, where rows go to 1.3";
    default:
      return "";
  }
}

std::unexpected<Error> cannot_use(const std::filesystem::path& file, std::string_view as) {
  const std::string why = complaint();  // of a file that cannot be opened the library says nothing
  return fail(fmt::format("{}: cannot be used as {}: {}", file.string(), as,
                          access(file.c_str(), R_OK) != 0 ? std::strerror(errno) : why.c_str()));
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

Result<void> TlsClient::check_files(const Settings& settings) {
  start_library();
  ERR_clear_error();
  const std::unique_ptr<SSL_CTX, FreeContext> context(SSL_CTX_new(TLS_client_method()));
  if (!context) return fail(fmt::format("cannot use TLS: {}", complaint()));
  return read_files(context.get(), settings);
}

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
  TlsClient client(std::move(library));
  client.has_certificate_ = !settings.cert_file.empty();
  return client;
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
      return fail(lost("the connection was closed"));
    case SSL_ERROR_SYSCALL:
      return fail(lost(errno != 0 ? std::strerror(errno) : "the connection was lost"));
    default:
      break;
  }
  if (const long verified = SSL_get_verify_result(connection); verified != X509_V_OK) {
    ERR_clear_error();
    return fail(fmt::format("its certificate is not accepted: {}; check ca_file, and the host's name and clock",
                            X509_verify_cert_error_string(verified)));
  }
  const auto error = ERR_peek_error();
  if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    ERR_clear_error();
    return fail(lost("the connection was lost"));
  }
  // Where the library names a peer's alert, it is its number and an offset.
  const int alert = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET : -1;
  const auto what_to_do = advice(alert, has_certificate_);
  if (what_to_do.empty()) return fail(fmt::format("{} failed: {}", what, complaint()));
  return fail(fmt::format("{} ({})", what_to_do, complaint()));
}

// Some peers go without a word where they do not like our certificate.
std::string TlsClient::lost(std::string how) const {
  if (has_heard_ || SSL_is_init_finished(library_->connection.get()) == 0) return how;
  return how + (has_certificate_
                    ? " before it said anything; check that it accepts the certificate in cert_file"
                    : " before it said anything; if it wants a client's certificate, name cert_file and key_file");
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
    has_heard_ = true;
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
  // A peer that is gone may have said why.
  if (char byte; !result && !has_heard_) {
    if (auto last_word = read({&byte, 1}); !last_word) return last_word;
  }
  return result;
}

bool TlsClient::has_more() const { return SSL_pending(library_->connection.get()) > 0; }

}  // namespace eyeflow::runtime
