#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "vm/base/result.h"

namespace eyeflow::runtime {

// The client's end of TLS 1.2 or 1.3 over a socket that does not wait. The peer's certificate must lead to an authority
// that is trusted and name the host. One thread at a time.
class TlsClient {
 public:
  struct Settings {
    std::string host;                           // a name, or an address
    std::filesystem::path ca_file;              // empty: the system's authorities
    std::filesystem::path cert_file, key_file;  // PEM; empty: no certificate of our own
    bool only_tls_1_3 = false;
  };
  // Whether the files are there, are what they are said to be, and go together; make() would say the same.
  static Result<void> check_files(const Settings& settings);
  // Reads the files as they are now. The socket stays the caller's and must outlive this.
  static Result<TlsClient> make(const Settings& settings, int socket);
  ~TlsClient();
  TlsClient(TlsClient&&) noexcept;
  TlsClient& operator=(TlsClient&&) noexcept;

  enum class Needs { Nothing, ToRead, ToWrite };  // of the socket, before it can go on
  Result<Needs> shake_hands();                    // until it needs nothing

  // How many bytes; 0: none at the moment. The end of the connection is an error. A peer of TLS 1.3 refuses our
  // certificate only after the handshake, so that here, too, an error may say what to do about it.
  Result<std::size_t> read(std::span<char> into);
  Result<std::size_t> write(std::string_view bytes);
  bool has_more() const;                                        // read() has something without the socket's help
  bool is_waiting_to_write() const { return waits_to_write_; }  // read() goes on when the socket can be written

 private:
  struct Library;
  explicit TlsClient(std::unique_ptr<Library> library);
  Result<std::size_t> result_of(int code, std::string_view what);
  std::string lost(std::string how) const;

  std::unique_ptr<Library> library_;
  bool waits_to_write_ = false;
  bool has_certificate_ = false;  // of our own
  bool has_heard_ = false;        // anything behind the handshake
};

}  // namespace eyeflow::runtime
