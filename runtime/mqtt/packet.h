#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// MQTT 3.1.1 on the wire (OASIS Standard of 29 October 2014; sections are that document's).
namespace eyeflow::runtime::mqtt {

enum class PacketType : std::uint8_t {
  Connect = 1,
  Connack,
  Publish,
  Puback,
  Pubrec,
  Pubrel,
  Pubcomp,
  Subscribe,
  Suback,
  Unsubscribe,
  Unsuback,
  Pingreq,
  Pingresp,
  Disconnect,
};

using PacketId = std::uint16_t;  // never 0

// Why a peer's bytes are not MQTT; a clause for the log.
using Malformed = std::unexpected<std::string>;

struct Packet {
  PacketType type{};
  std::uint8_t flags = 0;    // the low half of the first byte
  std::string_view body{};   // behind the fixed header
  std::size_t left_out = 0;  // bytes at the end of the body that are not in `body`: it was too large
};

// A message on its way to us. Views are those of the packet.
struct Publish {
  std::string_view topic{}, payload{};
  int qos = 0;
  bool retain = false;
  PacketId id = 0;           // of QoS 1 and 2
  std::size_t left_out = 0;  // bytes of the payload that are not there
};

std::expected<Publish, std::string> read_publish(const Packet& packet);
// Of PUBACK, PUBREC, PUBREL, PUBCOMP and UNSUBACK, which have nothing else.
std::expected<PacketId, std::string> read_id(const Packet& packet);

struct Connack {
  bool session_present = false;
  int code = 0;  // 0: accepted
};
std::expected<Connack, std::string> read_connack(const Packet& packet);
std::string_view describe_refusal(int code);  // of a CONNACK

struct Suback {
  PacketId id = 0;
  std::string_view codes{};  // by filter: 0 to 2, or kRefused
};
inline constexpr char kRefused = '\x80';
std::expected<Suback, std::string> read_suback(const Packet& packet);

// Cuts what a connection brings into packets, however the bytes were split.
class PacketReader {
 public:
  // A body beyond is not kept: the packet comes with its first kHead bytes, and the rest is passed over. A peer that
  // has such a message for us keeps it for ever otherwise, and sends it again after every reconnect.
  static constexpr std::size_t kLargestBody = 16u << 20;
  static constexpr std::size_t kHead = 2 + 65'535 + 2;  // the longest topic with its size, and an id

  std::span<char> room();  // for the next bytes, never empty; makes the views of the last packet invalid
  void filled(std::size_t bytes);
  // Nothing: more bytes are needed. The packet's views are valid until room() is called.
  std::expected<std::optional<Packet>, std::string> next();
  void reset();  // for another connection

 private:
  static constexpr std::size_t kUsual = 16u << 10;  // of the buffer
  static constexpr std::size_t kKept = 1u << 20;    // when it has grown beyond, it goes back as soon as it is empty

  std::vector<char> bytes_;
  std::size_t begin_ = 0, end_ = 0;  // of what has come and was not given out
  std::size_t wanted_ = 0;           // how long the packet at begin_ is at least
  std::size_t pass_over_ = 0;        // bytes that belong to a packet that was too large
};

// ---- what we send, behind what stands in `out`

struct Connect {
  std::string_view client_id;
  std::string_view username{};                 // empty: none
  std::optional<std::string_view> password{};  // only with a username
  std::optional<Publish> will{};               // what the broker says for us when we are gone without a DISCONNECT
  bool clean = true;
  std::uint16_t keepalive_s = 0;
};
struct Subscription {
  std::string filter;
  int qos = 0;
  auto operator<=>(const Subscription&) const = default;
};

void append_connect(std::string& out, const Connect& connect);
void append_publish(std::string& out, const Publish& message);
void append_subscribe(std::string& out, PacketId id, std::span<const Subscription> wanted);
void append_with_id(std::string& out, PacketType type, PacketId id);  // PUBACK, PUBREC, PUBREL, PUBCOMP
void append_empty(std::string& out, PacketType type);                 // PINGREQ, DISCONNECT

// Says of an encoded PUBLISH that it may have come before (DUP, 3.3.1.1).
void mark_repeated(std::string& publish);
// Gives an encoded PUBLISH of QoS 1 or 2 its identifier.
void set_id(std::string& publish, PacketId id);

}  // namespace eyeflow::runtime::mqtt
