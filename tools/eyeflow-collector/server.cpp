#include "tools/eyeflow-collector/server.h"

#include <fmt/format.h>
#include <httplib.h>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "runtime/sync/batch.h"
#include "runtime/sync/compress.h"

namespace eyeflow::collector {
namespace {

std::optional<std::vector<std::byte>> from_hex(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  if (text.size() % 2 != 0) return std::nullopt;
  std::vector<std::byte> bytes(text.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes[i] = static_cast<std::byte>(high * 16 + low);
  }
  return bytes;
}

bool is_loopback(std::string_view address) {
  return address == "localhost" || address == "::1" || address.starts_with("127.");
}

// Whether a list of digests has that of the body.
bool has_digest(std::string_view digests, std::string_view body) {
  const auto digest = runtime::sha256(std::as_bytes(std::span(body)));
  for (std::size_t at = 0, count = 0; at <= digests.size() && count < runtime::kMostDigests; ++count) {
    const auto end = std::min(digests.find(',', at), digests.size());
    const auto listed = from_hex(digests.substr(at, end - at));
    if (listed && std::ranges::equal(*listed, digest)) return true;
    at = end + 1;
  }
  return false;
}

// Nothing: the request may go on.
std::optional<Answer> refuse_sender(const ServerOptions& options, const Request& request) {
  const std::string_view device = request.device;
  if (device.empty()) return Answer{400, "the header EyeFlow-Device is missing\n"};
  const auto known = options.devices.find(device);
  if (known == options.devices.end()) {
    if (options.allow_unsigned) return std::nullopt;
    return Answer{
        403,
        fmt::format("no key of device '{}' is known here; put its public key into the folder of keys, as {}.pub: it is "
                    "read when the device tries again\n",
                    device, device)};
  }
  const auto bytes = from_hex(request.signature);
  if (!bytes || bytes->empty()) return Answer{401, "the header EyeFlow-Signature is missing or not in hex\n"};
  const std::string message =
      request.digests.empty() ? runtime::signed_message(request.body) : runtime::signed_digests(request.digests);
  if (!runtime::verify(known->second, std::as_bytes(std::span(message)), *bytes)) {
    return Answer{401, fmt::format("the signature is not of device '{}'\n", device)};
  }
  if (!request.digests.empty() && !has_digest(request.digests, request.body)) {
    return Answer{401, "the digest of the body is not among those of EyeFlow-Digests\n"};
  }
  return std::nullopt;
}

Result<runtime::PublicKey> load_device(const std::filesystem::path& file) {
  return runtime::load_public_key(
      file, fmt::format("a device keeps its own as {} in its folder of data", file.filename().string()));
}

}  // namespace

Result<std::map<std::string, runtime::PublicKey, std::less<>>> load_devices(const std::filesystem::path& folder) {
  std::map<std::string, runtime::PublicKey, std::less<>> devices;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".pub") continue;
    auto key = load_device(entry.path());
    if (!key) return std::unexpected(key.error());
    devices.emplace(entry.path().stem().string(), std::move(*key));
  }
  if (error)
    return fail(fmt::format("{}: {}; it holds one file NAME.pub for each device", folder.string(), error.message()));
  return devices;
}

Answer take_batch(Database& database, const ServerOptions& options, const Request& request,
                  const std::function<void(std::string)>& note) {
  if (auto refused = refuse_sender(options, request)) return *refused;
  const std::string_view device = request.device;
  std::string_view body = request.body;
  std::string text;
  if (request.packed) {
    auto unpacked = runtime::gunzip(body, kMaxBatchBytes);
    if (!unpacked) return {400, unpacked.error().message + "\n"};
    text = std::move(*unpacked);
    body = text;
  }
  const auto head = runtime::decode_batch(body, [](const runtime::BatchHead&, const runtime::BatchRow&) {});
  if (!head) return {400, head.error().message + "\n"};
  if (head->device != device) {
    return {400, fmt::format("line 1: the rows are of device '{}', the request is of '{}'\n", head->device, device)};
  }
  const auto taken = database.take(device, body);
  if (!taken) {
    note(taken.error().message);
    return {503, "the rows could not be stored; try again later\n"};
  }
  if (taken->other != 0) {
    return {409,
            fmt::format("number {} of epoch {} is another row here: do two devices have the name {} and one key, as "
                        "cards that were cloned? Give each its own\n",
                        taken->other, head->epoch, device)};
  }
  if (taken->missing > 0) {
    note(fmt::format("{}: {} numbers before {} of epoch {} never came here", device, taken->missing, head->first,
                     head->epoch));
  }
  return {200, runtime::encode_reply({std::string(device), head->epoch, taken->stored})};
}

namespace {

void tell(std::string_view line) { fmt::print(stderr, "eyeflow-collector: {}\n", line); }

}  // namespace

struct Server::Impl {
  Impl(ServerOptions o, Database d) : options(std::move(o)), database(std::move(d)) {}

  ServerOptions options;
  std::mutex mutex;  // of the database: SQLite would only let writers wait for each other
  Database database;
  std::unique_ptr<httplib::Server> http;
  std::uint16_t port = 0;

  void routes();
  bool look_again(const std::string& device);
};

// A device that came after the start, or has a new key. True: it is another one than before.
bool Server::Impl::look_again(const std::string& device) {
  if (options.devices_folder.empty() || device.empty() || device.front() == '.' || device.contains('/')) return false;
  const auto file = options.devices_folder / (device + ".pub");
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return false;
  auto key = load_device(file);
  if (!key) {
    tell(key.error().message);
    return false;
  }
  const auto known = options.devices.find(device);
  if (known != options.devices.end() && known->second.id == key->id) return false;
  tell(fmt::format("{}: the key of device '{}' was read", file.string(), device));
  options.devices.insert_or_assign(device, std::move(*key));
  return true;
}

void Server::Impl::routes() {
  http->Post("/v1/rows", [this](const httplib::Request& request, httplib::Response& response) {
    const std::string type = request.get_header_value("Content-Type");
    const bool packed = type == runtime::kPackedContentType;
    if (!packed && type != runtime::kBatchContentType) {
      response.status = 415;
      response.set_content(
          fmt::format("rows come as {} or {}\n", runtime::kPackedContentType, runtime::kBatchContentType),
          "text/plain");
      return;
    }
    const std::lock_guard lock(mutex);
    const std::string device = request.get_header_value("EyeFlow-Device"),
                      signature = request.get_header_value("EyeFlow-Signature"),
                      digests = request.get_header_value("EyeFlow-Digests");
    const Request rows{
        .device = device, .signature = signature, .digests = digests, .packed = packed, .body = request.body};
    Answer answer = take_batch(database, options, rows, tell);
    if ((answer.status == 401 || answer.status == 403) && look_again(device))
      answer = take_batch(database, options, rows, tell);
    response.status = answer.status;
    response.set_content(answer.body, answer.status == 200 ? "application/json" : "text/plain");
    if (answer.status == 503) response.set_header("Retry-After", "5");
    if (answer.status != 200) {
      tell(fmt::format("{} {}: {}", request.remote_addr, answer.status,
                       std::string_view(answer.body).substr(0, answer.body.find('\n'))));
    }
  });
  http->Get("/health", [](const httplib::Request&, httplib::Response& response) {
    response.set_content("{\"ready\":true}\n", "application/json");
  });
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::make(ServerOptions options, Database database) {
  const bool tls = !options.cert_file.empty();
  if (tls != !options.key_file.empty()) return fail("--cert and --key go together");
  if (!tls && !is_loopback(options.address)) {
    return fail(fmt::format("plain HTTP is for loopback addresses only; give --cert and --key to listen on {}",
                            options.address));
  }
  auto impl = std::make_unique<Impl>(std::move(options), std::move(database));
  const ServerOptions& o = impl->options;
  if (tls) {
    for (const auto& file : {o.cert_file, o.key_file}) {
      if (access(file.c_str(), R_OK) != 0) return fail(fmt::format("{}: {}", file.string(), std::strerror(errno)));
    }
    auto server = std::make_unique<httplib::SSLServer>(o.cert_file.c_str(), o.key_file.c_str());
    if (!server->is_valid()) {
      return fail(fmt::format("{} and {} are no certificate and the key that belongs to it (PEM, without a passphrase)",
                              o.cert_file.string(), o.key_file.string()));
    }
    SSL_CTX_set_min_proto_version(server->ssl_context(), TLS1_3_VERSION);
    impl->http = std::move(server);
  } else {
    impl->http = std::make_unique<httplib::Server>();
  }
  impl->http->set_payload_max_length(kMaxBodyBytes);
  impl->http->set_tcp_nodelay(true);
  impl->http->set_keep_alive_timeout(60);
  impl->http->set_keep_alive_max_count(1'000'000);
  impl->routes();
  const int port = o.port == 0 ? impl->http->bind_to_any_port(o.address)
                               : (impl->http->bind_to_port(o.address, o.port) ? o.port : -1);
  if (port <= 0) return fail(fmt::format("cannot listen on {}:{}; is the port taken?", o.address, o.port));
  impl->port = static_cast<std::uint16_t>(port);
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const { return impl_->port; }
void Server::run() { impl_->http->listen_after_bind(); }

// A device keeps its connection, and the library waits on each for another request until keep_alive_timeout. It gives
// none of them away, so that those of this process are looked up: nothing more is read from them, a request at work is
// answered.
void Server::stop() {
  impl_->http->stop();
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    int fd = -1;
    const std::string name = entry.path().filename().string();
    if (std::from_chars(name.data(), name.data() + name.size(), fd).ec == std::errc{}) shutdown(fd, SHUT_RD);
  }
}

}  // namespace eyeflow::collector
