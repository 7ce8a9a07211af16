#pragma once

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/connectors/connector.h"

namespace eyeflow::runtime {

// Lines on a terminal or into a pipe. A thread of its own writes them, so that a reader who stopped reading stops
// nobody else; lines beyond kConsoleBufferBytes are dropped and counted.
class ConsoleSink final : public Sink {
 public:
  static constexpr std::size_t kConsoleBufferBytes = 256 * 1024;

  explicit ConsoleSink(std::FILE* out);
  ~ConsoleSink() override;
  void write(const Message& message) override;
  void flush() override;
  std::uint64_t dropped() const override;

 private:
  void run();

  std::FILE* out_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string waiting_;
  bool writing_ = false;
  bool stopping_ = false;
  std::uint64_t dropped_ = 0;
  std::thread thread_;
};

}  // namespace eyeflow::runtime
