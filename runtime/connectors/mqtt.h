#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "runtime/connectors/connector.h"
#include "runtime/mqtt/packet.h"
#include "runtime/mqtt/session.h"
#include "runtime/net/stream.h"
#include "runtime/site/site.h"
#include "vm/base/result.h"

namespace eyeflow::runtime {

struct MqttSubscription {
  std::string filter;  // a topic, or a filter with + and #
  SensorId sensor;
  int qos;
};

// One broker: a source and a sink over one connection, on one thread, which reconnects for ever.
//
// While the broker is away, the newest state of each switch and value is held, and the last kMqttHeld rows and alarm
// transitions; all of it goes out in order after the reconnect. A message may arrive twice (at-least-once).
class MqttConnection final : public Source, public Sink {
 public:
  static constexpr std::size_t kMqttHeld = 1000;  // messages while disconnected

  // Reads the password file; connects nothing yet. `client_id` is used when the site gives none.
  static Result<std::unique_ptr<MqttConnection>> make(const Connection& connection, std::string client_id,
                                                      std::vector<MqttSubscription> subscriptions);
  ~MqttConnection() override;

  void start(Receiver& receiver) override;
  void stop() override;
  void write(const Message& message) override;
  void flush() override;
  std::uint64_t dropped() const override { return dropped_.load(std::memory_order_relaxed); }

 private:
  struct Held {
    PortId port;
    bool is_state, retain;
    int qos;
    std::string topic, payload;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  MqttConnection(Connection settings, mqtt::Session::Settings session)
      : settings_(std::move(settings)), session_(std::move(session)) {}

  // Of the connection's thread. Errors say why there is no connection, or none any more.
  void run();
  Result<net::Stream> reach();
  Result<net::Stream> reach(const net::Address& address, mqtt::SteadyTime limit);
  Result<void> wait_for(const net::Stream& stream, bool to_write, mqtt::SteadyTime limit);
  Result<void> work(net::Stream& stream);
  void notice(std::uint32_t events, const net::Stream& stream);
  Result<void> read(net::Stream& stream);
  Result<void> take_packets();
  Result<void> send(net::Stream& stream);
  void take_message(const mqtt::Publish& message);
  bool pause(std::chrono::milliseconds time);  // false: we stop

  void wake();
  bool publish(std::string_view topic, std::string_view payload, int qos, bool retain);  // mutex_ held
  void hold(const Message& message);                                                     // mutex_ held
  void send_held();                                                                      // mutex_ held
  std::string broker() const;

  const Connection settings_;
  Receiver* receiver_ = nullptr;
  std::unordered_map<std::string, std::vector<SensorId>, TextHash, std::equal_to<>> by_topic_;
  struct Filtered {
    std::string filter;  // with wildcards
    std::vector<SensorId> sensors;
  };
  std::vector<Filtered> by_filter_;

  // Of the connection's thread.
  mqtt::PacketReader reader_;
  std::string sending_;       // taken from the session, and on its way
  std::size_t sent_ = 0;      // of it
  bool is_full_ = false;      // the socket takes no more at the moment
  bool has_more_ = false;     // there may be more to read
  bool is_ending_ = false;    // all that is left can be read without waiting, the end of it as well
  bool has_packets_ = false;  // the reader has some
  bool was_connected_ = false;

  std::mutex mutex_;  // of the session, as it says, and of what follows
  std::condition_variable changed_;
  mqtt::Session session_;
  std::list<Held> held_;
  std::unordered_map<PortId, std::list<Held>::iterator> held_states_;  // those of held_ that are states
  bool all_is_sent_ = true;                                            // of what was taken from the session
  std::thread::id loop_thread_;
  std::atomic<bool> stopping_ = false;  // set with mutex_ held
  std::atomic<bool> to_send_ = false;   // the session has something, or somebody wants to be noticed
  std::atomic<std::uint64_t> dropped_ = 0;
  int wake_ = -1, timer_ = -1, epoll_ = -1;  // an eventfd, a timerfd, and what the thread waits on
  std::thread thread_;
};

}  // namespace eyeflow::runtime
