#pragma once

#include <bitset>
#include <chrono>
#include <cstddef>
#include <deque>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/mqtt/packet.h"

namespace eyeflow::runtime::mqtt {

using SteadyTime = std::chrono::steady_clock::time_point;

// A client's side of MQTT 3.1.1, without sockets, threads and clocks: packets come in by take(), bytes to send gather
// in out(). It outlives connections: what was published with QoS 1 or 2 and is not acknowledged goes out again.
//
// Not for two threads at a time. The one exception: take() of a PUBLISH reads nothing that publish() and out() change,
// so that the thread that reads needs its owner's lock for other packets, and for done() of QoS 1 and 2.
class Session {
 public:
  static constexpr std::size_t kInFlight = 100;             // of QoS 1 and 2, sent and not acknowledged
  static constexpr std::size_t kMostWaiting = 10'000;       // those included
  static constexpr std::size_t kMostUnsent = 1u << 20;      // bytes in out(), beyond which nothing more is published
  static constexpr std::chrono::seconds kConnectLimit{20};  // from begin() to the broker's answer

  struct Settings {
    std::string client_id, username;
    std::optional<std::string> password;
    bool clean = true;  // no session waits for us at the broker
    std::chrono::seconds keepalive{30};
    std::vector<Subscription> subscriptions;
    // Whether we are there, as the broker keeps it for everyone: `online` once it has accepted us, `offline` when we
    // leave, or are gone. Each part has at most 65,535 bytes, and the topic is one.
    struct Presence {
      std::string topic, online, offline;
    };
    std::optional<Presence> presence{};
  };
  explicit Session(Settings settings) : settings_(std::move(settings)) {}

  // A connection stands and nothing has been sent on it.
  void begin(SteadyTime now);
  // It is gone. What out() holds is gone with it.
  void end();
  // We leave in order: the broker forgets us, or keeps what we have subscribed.
  void leave();

  struct Taken {
    std::optional<Publish> message{};  // for us; after it has been dealt with, done()
    bool repeated = false;             // it was dealt with before; done() is all that is left
    bool connected = false;            // the broker has accepted us just now
    std::string refused{};             // a filter that it does not let us subscribe
  };
  // Why the connection must end: the broker has refused us, or what it sent is not MQTT.
  std::expected<Taken, std::string> take(const Packet& packet);
  void done(const Publish& message);

  // False: not now. The topic is one (is_topic()).
  bool publish(std::string_view topic, std::string_view payload, int qos, bool retain);

  // Every second or so: asks whether the broker is still there. Why the connection must end: it did not answer.
  std::expected<void, std::string> tick(SteadyTime now);

  std::string& out() { return out_; }  // whoever takes bytes from it sends them
  bool is_connected() const { return connected_; }
  std::size_t unacknowledged() const { return outgoing_.size(); }

 private:
  struct Outgoing {
    enum class State { Waiting, Published, Released };  // Released: of QoS 2, PUBREL is sent
    PacketId id = 0;                                    // of what is not Waiting
    State state = State::Waiting;
    int qos = 1;
    std::string packet{};  // empty once it is Released
  };
  std::expected<Taken, std::string> connected(const Packet& packet);
  std::expected<Taken, std::string> message(const Packet& packet);
  std::expected<Taken, std::string> subscribed(const Packet& packet);
  std::expected<void, std::string> acknowledged(const Packet& packet);
  void send_waiting();
  void say_online();
  PacketId next_id();

  Settings settings_;
  std::string out_;
  bool connected_ = false;
  std::deque<Outgoing> outgoing_;  // in the order of publish(); those that wait stand behind the others
  std::size_t in_flight_ = 0;
  PacketId last_id_ = 0;
  std::bitset<65'536> used_;           // identifiers of ours: of outgoing_, and of subscriptions that are not answered
  std::bitset<65'536> received_;       // the broker's: of QoS 2, given out and not yet released
  std::optional<PacketId> online_id_;  // of `online`, until the broker has it
  struct Asked {
    PacketId id;
    std::size_t first, count;  // of Settings::subscriptions
  };
  std::vector<Asked> asked_;

  bool heard_ = false, told_ = false;  // since the last tick
  SteadyTime last_heard_{}, last_told_{};
  std::optional<SteadyTime> pinged_;  // not answered yet
};

}  // namespace eyeflow::runtime::mqtt
