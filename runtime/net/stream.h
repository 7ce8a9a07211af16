#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/security/tls_client.h"
#include "vm/base/result.h"

// The bytes beneath a protocol: a TCP connection, with TLS or without. Nothing here waits; errors are clauses for the
// log.
namespace eyeflow::runtime::net {

// An address that can be connected to: a sockaddr with its size.
using Address = std::vector<std::byte>;

// The addresses of a name. A resolver may take half a minute where no name server answers, and cannot be interrupted:
// it is asked on a thread that nobody waits for.
class Lookup {
 public:
  Lookup(const std::string& host, std::uint16_t port);
  // Waits for at most so long. Nothing: not known yet. Not empty.
  std::optional<Result<std::vector<Address>>> wait(std::chrono::milliseconds limit);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

class Stream {
 public:
  // Begins to connect; writable means that connected() can tell.
  static Result<Stream> open(const Address& address);
  ~Stream();
  Stream(Stream&& other) noexcept;
  Stream& operator=(Stream&& other) noexcept;

  int socket() const { return socket_; }
  Result<void> connected() const;
  // Then TLS, if it is wanted: shake_hands() until it needs nothing.
  Result<void> secure(const TlsClient::Settings& settings);
  Result<TlsClient::Needs> shake_hands() { return tls_->shake_hands(); }

  // How many bytes; 0: none at the moment. The end of the connection is an error.
  Result<std::size_t> read(std::span<char> into);
  Result<std::size_t> write(std::string_view bytes, std::string_view more = {});
  bool is_secure() const { return tls_.has_value(); }
  bool has_more() const { return tls_ && tls_->has_more(); }  // without the socket's help
  bool is_waiting_to_write() const { return tls_ && tls_->is_waiting_to_write(); }

 private:
  explicit Stream(int socket) : socket_(socket) {}
  int socket_;
  std::optional<TlsClient> tls_;
};

}  // namespace eyeflow::runtime::net
