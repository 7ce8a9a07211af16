#include "bench/events/edge/upload_sink.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <stdexcept>
#include <vector>

namespace eyeflow::bench {

void for_each_seq(std::string_view text, const std::function<void(std::uint32_t)>& each) {
  static constexpr std::string_view kKey = "\"seq\":";
  for (std::size_t at = text.find(kKey); at != std::string_view::npos; at = text.find(kKey, at + kKey.size())) {
    if (at >= 1 && text[at - 1] == '{' && at >= 2 && text[at - 2] == '\n') continue;
    std::size_t begin = at + kKey.size();
    while (begin < text.size() && text[begin] == ' ') ++begin;
    std::uint32_t seq = 0;
    if (std::from_chars(text.data() + begin, text.data() + text.size(), seq).ec == std::errc{}) each(seq);
  }
}

UploadSink::UploadSink(std::uint16_t port, std::function<void(std::string_view)> on_body)
    : on_body_(std::move(on_body)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listener_, 64) != 0)
    throw std::runtime_error("port " + std::to_string(port) + " for uploads is taken");
  thread_ = std::thread([this] { run(); });
}

UploadSink::~UploadSink() {
  stopping_ = true;
  thread_.join();
  close(listener_);
}

void UploadSink::run() {
  std::map<int, std::string> open;  // by socket: what came and is no whole request yet
  std::vector<char> buffer(1 << 18);
  while (!stopping_) {
    std::vector<pollfd> watched{{listener_, POLLIN, 0}};
    for (const auto& [socket, received] : open) watched.push_back({socket, POLLIN, 0});
    if (poll(watched.data(), watched.size(), 100) <= 0) continue;
    for (const pollfd& one : watched) {
      if (one.revents == 0) continue;
      if (one.fd == listener_) {
        const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket < 0) continue;
        const int yes = 1;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        open.emplace(socket, "");
        continue;
      }
      const ssize_t got = read(one.fd, buffer.data(), buffer.size());
      auto& received = open[one.fd];
      if (got > 0) received.append(buffer.data(), static_cast<std::size_t>(got));
      if (got > 0 && answer(one.fd, received)) continue;
      close(one.fd);
      open.erase(one.fd);
    }
  }
  for (const auto& [socket, received] : open) close(socket);
}

// Every whole request in what was received; false when the peer cannot be answered.
bool UploadSink::answer(int socket, std::string& received) {
  static constexpr std::string_view kEnd = "\r\n\r\n", kLength = "content-length:";
  static constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok";
  for (;;) {
    const auto end = received.find(kEnd);
    if (end == std::string::npos) return true;
    std::string head = received.substr(0, end);
    std::ranges::transform(head, head.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    std::size_t length = 0;
    if (const auto at = head.find(kLength); at != std::string::npos) {
      const auto digits = std::min(head.find_first_not_of(' ', at + kLength.size()), head.size());
      std::from_chars(head.data() + digits, head.data() + head.size(), length);
    }
    const std::size_t whole = end + kEnd.size() + length;
    if (received.size() < whole) return true;
    on_body_(std::string_view(received).substr(end + kEnd.size(), length));
    ++posts_;
    received.erase(0, whole);
    if (send(socket, kOk.data(), kOk.size(), MSG_NOSIGNAL) < 0) return false;
  }
}

}  // namespace eyeflow::bench
