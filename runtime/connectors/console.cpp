#include "runtime/connectors/console.h"

#include <chrono>

namespace eyeflow::runtime {

ConsoleSink::ConsoleSink(std::FILE* out) : out_(out) {
  waiting_.reserve(kConsoleBufferBytes);
  thread_ = std::thread([this] { run(); });
}

ConsoleSink::~ConsoleSink() {
  flush();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ConsoleSink::write(const Message& message) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + message.payload.size() + 1 > kConsoleBufferBytes) {
      ++dropped_;
      return;
    }
    waiting_ += message.payload;
    waiting_ += '\n';
  }
  changed_.notify_all();
}

void ConsoleSink::flush() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(1), [this] { return waiting_.empty() && !writing_; });
}

std::uint64_t ConsoleSink::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void ConsoleSink::run() {
  std::string batch;
  batch.reserve(kConsoleBufferBytes);
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    batch.swap(waiting_);
    writing_ = true;
    lock.unlock();
    std::fwrite(batch.data(), 1, batch.size(), out_);
    std::fflush(out_);
    batch.clear();
    lock.lock();
    writing_ = false;
    changed_.notify_all();
  }
}

}  // namespace eyeflow::runtime
