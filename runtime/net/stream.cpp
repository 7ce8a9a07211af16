#include "runtime/net/stream.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "vm/base/check.h"

namespace eyeflow::runtime::net {
namespace {

std::string describe(int error) { return std::strerror(error); }

const sockaddr* sockaddr_of(const Address& address) { return reinterpret_cast<const sockaddr*>(address.data()); }

Result<std::vector<Address>> addresses_of(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_flags = flags | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (code != 0) return fail(std::string("its name cannot be resolved: ") + gai_strerror(code));
  std::vector<Address> addresses;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    const auto* bytes = reinterpret_cast<const std::byte*>(at->ai_addr);
    addresses.emplace_back(bytes, bytes + at->ai_addrlen);
  }
  freeaddrinfo(found);
  return addresses;
}

}  // namespace

struct Lookup::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Result<std::vector<Address>>> result;
};

Lookup::Lookup(const std::string& host, std::uint16_t port) : shared_(std::make_shared<Shared>()) {
  // An address needs nobody to be asked.
  if (auto numeric = addresses_of(host, port, AI_NUMERICHOST)) {
    shared_->result = std::move(numeric);
    return;
  }
  std::thread([shared = shared_, host, port] {
    auto result = addresses_of(host, port, AI_ADDRCONFIG);
    const std::lock_guard lock(shared->mutex);
    shared->result = std::move(result);
    shared->changed.notify_all();
  }).detach();
}

std::optional<Result<std::vector<Address>>> Lookup::wait(std::chrono::milliseconds limit) {
  std::unique_lock lock(shared_->mutex);
  shared_->changed.wait_for(lock, limit, [this] { return shared_->result.has_value(); });
  return shared_->result;
}

Result<Stream> Stream::open(const Address& address) {
  const int family = sockaddr_of(address)->sa_family;
  Stream stream(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (stream.socket_ < 0) return fail(describe(errno));
  // Without it an alarm waits for the acknowledgement of the packet before: 40 ms and more.
  const int yes = 1;
  setsockopt(stream.socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (connect(stream.socket_, sockaddr_of(address), static_cast<socklen_t>(address.size())) != 0 &&
      errno != EINPROGRESS)
    return fail(describe(errno));
  return stream;
}

Stream::Stream(Stream&& other) noexcept : socket_(std::exchange(other.socket_, -1)), tls_(std::move(other.tls_)) {}

Stream& Stream::operator=(Stream&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(tls_, other.tls_);
  return *this;
}

Stream::~Stream() {
  tls_.reset();
  if (socket_ >= 0) close(socket_);
}

Result<void> Stream::connected() const {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return fail(describe(error));
  return {};
}

Result<void> Stream::secure(const TlsClient::Settings& settings) {
  auto made = TlsClient::make(settings, socket_);
  if (!made) return std::unexpected(made.error());
  tls_ = std::move(*made);
  return {};
}

[[gnu::hot]] Result<std::size_t> Stream::read(std::span<char> into) {
  if (tls_) return tls_->read(into);
  const ssize_t size = recv(socket_, into.data(), into.size(), 0);
  if (size > 0) return static_cast<std::size_t>(size);
  if (size == 0) return fail("the connection was lost");
  if (errno == EAGAIN || errno == EINTR) return 0;
  return fail(describe(errno));
}

[[gnu::hot]] Result<std::size_t> Stream::write(std::string_view bytes, std::string_view more) {
  if (tls_) return tls_->write(bytes.empty() ? more : bytes);
  iovec parts[] = {{const_cast<char*>(bytes.data()), bytes.size()}, {const_cast<char*>(more.data()), more.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  const ssize_t size =
      more.empty() ? send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) : sendmsg(socket_, &message, MSG_NOSIGNAL);
  if (size >= 0) return static_cast<std::size_t>(size);
  if (errno == EAGAIN || errno == EINTR) return 0;
  return fail(describe(errno));
}

}  // namespace eyeflow::runtime::net
