#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/security/keys.h"
#include "tools/eyeflow-collector/database.h"

namespace eyeflow::collector {

inline constexpr std::size_t kMaxBodyBytes = 16u << 20;
inline constexpr std::size_t kMaxBatchBytes = 64u << 20;  // unpacked

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8443;                  // 0: any free one
  std::filesystem::path cert_file, key_file;  // none: plain HTTP, for a loopback address only
  std::map<std::string, runtime::PublicKey, std::less<>> devices;
  std::filesystem::path devices_folder;  // looked at again for a device whose key is not known, or another one
  bool allow_unsigned = false;           // take rows of devices without a key, too
};

// What a request comes to.
struct Answer {
  int status;
  std::string body;
};

// A device's public key from a folder with one file NAME.pub for each.
Result<std::map<std::string, runtime::PublicKey, std::less<>>> load_devices(const std::filesystem::path& folder);

// A request, as its headers and its body have it.
struct Request {
  std::string_view device, signature;
  std::string_view digests;  // of earlier versions: empty, and the signature is over the body
  bool packed = false;
  std::string_view body;
};
// The signature is looked at before anything of the body is.
Answer take_batch(Database& database, const ServerOptions& options, const Request& request,
                  const std::function<void(std::string)>& note);

class Server {
 public:
  static Result<std::unique_ptr<Server>> make(ServerOptions options, Database database);
  ~Server();

  std::uint16_t port() const;
  // Serves until stop() is called, from any thread or a signal's.
  void run();
  void stop();

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace eyeflow::collector
