#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/system/process.h"

struct mosquitto;

namespace eyeflow::test {

// A mosquitto of the test's own on a free loopback port; it can be stopped and come back on the same port.
class Broker {
 public:
  explicit Broker(const TemporaryFolder& folder);
  int port() const { return port_; }
  void stop();   // SIGKILL: the connections break
  void start();  // and waits until it accepts connections

 private:
  std::filesystem::path config_, log_;
  int port_;
  std::unique_ptr<Process> process_;
};

struct Message {
  std::string topic, payload;
  std::chrono::steady_clock::time_point at;
};

// A client that publishes and keeps what it hears. Its callbacks run on a thread of the library's.
class MqttProbe {
 public:
  MqttProbe(int port, std::string filter);
  ~MqttProbe();
  MqttProbe(const MqttProbe&) = delete;
  MqttProbe& operator=(const MqttProbe&) = delete;

  void publish(const std::string& topic, const std::string& payload, bool retain = false);
  std::vector<Message> heard() const;
  // Waits until `enough(messages so far)` holds; false when it does not within `limit`.
  template <typename Predicate>
  bool wait_for(Predicate enough, std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    return arrived_.wait_for(lock, limit, [&] { return enough(messages_); });
  }

 private:
  struct Callbacks;
  std::string filter_;
  mosquitto* client_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Message> messages_;
  bool subscribed_ = false;
};

}  // namespace eyeflow::test
