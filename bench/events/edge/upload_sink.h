#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace eyeflow::bench {

// Calls `each` with every N of `"seq":N` in a text. The numbers that rows of an EyeFlow batch have themselves
// (docs/sync.md), which stand first in their lines, are no event's.
void for_each_seq(std::string_view text, const std::function<void(std::uint32_t)>& each);

// Where peers post their batches to: an HTTP/1.1 server that answers 200 to every POST. On a thread of its own.
class UploadSink {
 public:
  // `on_body` is called on that thread. Throws when the port is taken.
  UploadSink(std::uint16_t port, std::function<void(std::string_view body)> on_body);
  ~UploadSink();
  std::uint64_t posts() const { return posts_; }

 private:
  void run();
  bool answer(int socket, std::string& received);

  std::function<void(std::string_view)> on_body_;
  int listener_ = -1;
  std::atomic<std::uint64_t> posts_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace eyeflow::bench
