#pragma once

#include <atomic>
#include <bitset>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "runtime/connectors/connector.h"
#include "runtime/site/site.h"
#include "vm/base/result.h"

struct mosquitto;
struct mosquitto_message;

namespace eyeflow::runtime {

struct MqttSubscription {
  std::string filter;  // a topic, or a filter with + and #
  SensorId sensor;
  int qos;
};

// Whether a topic is one of those that a filter means; both well-formed. '#' and '+' in front leave out topics that
// begin with '$' (MQTT 3.1.1, 4.7).
bool topic_matches(std::string_view filter, std::string_view topic);

// One broker: a source and a sink over one connection, on one thread, which reconnects for ever.
//
// While the broker is away, the newest state of each switch and value is held, and the last kMqttHeld rows and alarm
// transitions; all of it goes out in order after the reconnect. A message may arrive twice (at-least-once).
class MqttConnection final : public Source, public Sink {
 public:
  static constexpr std::size_t kMqttHeld = 1000;           // messages while disconnected
  static constexpr std::size_t kMqttOutstanding = 10'000;  // handed to the library, not yet taken by the broker

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

  MqttConnection() = default;
  void run();
  int turn(bool is_connected);  // one round of the connection; the library's code
  void wake();                  // out of turn()'s wait
  int wait_for_socket();        // an errno; 0 when it is connected, ECANCELED when we stop
  void on_connect(int code);
  void on_disconnect(int code);
  void on_message(const mosquitto_message& message);
  void on_publish(int message_id);
  // The library's error lines say more than its codes ("A TLS error occurred"). Only until it is connected: each line
  // costs an allocation, and it writes one for every packet.
  void listen_for_errors(bool on);
  std::string why_down(int code, int reason);
  void subscribe();
  bool publish(std::string_view topic, std::string_view payload, int qos, bool retain);  // mutex_ held
  void hold(const Message& message);                                                     // mutex_ held
  void send_held();                                                                      // mutex_ held

  Connection settings_;
  mosquitto* client_ = nullptr;
  Receiver* receiver_ = nullptr;
  std::unordered_map<std::string, std::vector<SensorId>, TextHash, std::equal_to<>> by_topic_;
  struct Filtered {
    std::string filter;  // with wildcards
    std::vector<SensorId> sensors;
  };
  std::vector<Filtered> by_filter_;
  std::vector<std::pair<std::string, int>> wanted_;  // what to subscribe: filter and QoS

  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Held> held_;
  std::unordered_map<PortId, std::list<Held>::iterator> held_states_;  // those of held_ that are states
  std::bitset<65536> reliable_;                                        // by message id: QoS 1 or 2
  std::size_t reliable_sent_ = 0;        // not yet acknowledged; the library keeps them across reconnects
  std::size_t unreliable_sent_ = 0;      // not yet written; a disconnect forgets them
  std::atomic<bool> connected_ = false;  // set with mutex_ held
  std::atomic<bool> stopping_ = false;   // likewise
  std::mutex error_mutex_;               // its own: the library may complain while mutex_ is held
  std::string error_;                    // why broker or TLS said no to the attempt at hand
  std::atomic<std::uint64_t> dropped_ = 0;
  std::thread::id loop_thread_;                           // mutex_ held
  int wake_ = -1;                                         // an eventfd
  std::chrono::steady_clock::time_point housekeeping_{};  // when the library is asked next what it has to do
  std::thread thread_;
};

}  // namespace eyeflow::runtime
