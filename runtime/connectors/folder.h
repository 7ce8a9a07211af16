#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "runtime/connectors/connector.h"

namespace eyeflow::runtime {

// Plays the files of a folder, images as a rule, in the order of their names: each is the payload of one reading,
// `period` after the one before, `speed` times as fast; at speed 0 as fast as they can be handled.
class FolderSource final : public Source {
 public:
  FolderSource(std::filesystem::path folder, SensorId sensor, std::chrono::nanoseconds period, double speed)
      : folder_(std::move(folder)), sensor_(sensor), period_(period), speed_(speed) {}
  ~FolderSource() override { stop(); }
  void start(Receiver& receiver) override;
  void stop() override;

 private:
  void run(Receiver& receiver);

  std::filesystem::path folder_;
  SensorId sensor_;
  std::chrono::nanoseconds period_;
  double speed_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace eyeflow::runtime
