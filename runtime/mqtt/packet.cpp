#include "runtime/mqtt/packet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "runtime/mqtt/topic.h"
#include "vm/base/check.h"

namespace eyeflow::runtime::mqtt {
namespace {

constexpr std::size_t kMostHeader = 5;  // a byte of type and flags, four of the remaining length

// Fixed header: its size and the remaining length (2.2.3); nothing: it is not whole yet.
struct Header {
  std::size_t size = 0, body = 0;
};
std::expected<std::optional<Header>, std::string> read_header(std::string_view bytes) {
  Header header;
  for (std::size_t n = 1; n < kMostHeader; ++n) {
    if (n >= bytes.size()) return std::nullopt;
    const auto byte = static_cast<unsigned char>(bytes[n]);
    header.body |= std::size_t{byte & 0x7Fu} << (7 * (n - 1));
    if (byte < 0x80) {
      header.size = n + 1;
      return header;
    }
  }
  return Malformed("a remaining length of more than four bytes");
}

std::uint16_t read_u16(std::string_view bytes) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[0]) << 8 | static_cast<unsigned char>(bytes[1]));
}

constexpr const char* kNames[] = {"a packet of type 0",
                                  "CONNECT",
                                  "CONNACK",
                                  "PUBLISH",
                                  "PUBACK",
                                  "PUBREC",
                                  "PUBREL",
                                  "PUBCOMP",
                                  "SUBSCRIBE",
                                  "SUBACK",
                                  "UNSUBSCRIBE",
                                  "UNSUBACK",
                                  "PINGREQ",
                                  "PINGRESP",
                                  "DISCONNECT",
                                  "a packet of type 15"};

// What a broker may send, and the flags that it must have (2.2.2); of PUBLISH they mean something.
std::optional<std::string> refusal_of(unsigned first) {
  const auto type = static_cast<PacketType>(first >> 4);
  const unsigned flags = first & 0xF;
  switch (type) {
    case PacketType::Publish:
      return std::nullopt;
    case PacketType::Connack:
    case PacketType::Puback:
    case PacketType::Pubrec:
    case PacketType::Pubcomp:
    case PacketType::Suback:
    case PacketType::Unsuback:
    case PacketType::Pingresp:
      if (flags == 0) return std::nullopt;
      break;
    case PacketType::Pubrel:
      if (flags == 2) return std::nullopt;
      break;
    default:
      return fmt::format("{}, which no broker sends", kNames[first >> 4]);
  }
  return fmt::format("{} with flags {:#x}", kNames[first >> 4], flags);
}

void append_u16(std::string& out, std::size_t value) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value));
}

[[gnu::hot]] void append_text(std::string& out, std::string_view text) {
  EYEFLOW_CHECK(text.size() <= 0xFFFF);
  append_u16(out, text.size());
  out.append(text);
}

void append_header(std::string& out, PacketType type, unsigned flags, std::size_t body) {
  out.push_back(static_cast<char>(static_cast<unsigned>(type) << 4 | flags));
  do {
    const std::size_t low = body & 0x7F;
    body >>= 7;
    out.push_back(static_cast<char>(low | (body > 0 ? 0x80 : 0)));
  } while (body > 0);
}

std::unexpected<std::string> wrong_size(const Packet& packet) {
  return Malformed(
      fmt::format("{} of {} bytes", kNames[static_cast<unsigned>(packet.type)], packet.body.size() + packet.left_out));
}

}  // namespace

[[gnu::hot]] std::expected<Publish, std::string> read_publish(const Packet& packet) {
  Publish message{.qos = (packet.flags >> 1) & 3, .retain = (packet.flags & 1) != 0, .left_out = packet.left_out};
  if (message.qos == 3) return Malformed("PUBLISH of QoS 3");
  std::string_view rest = packet.body;
  if (rest.size() < 2) return wrong_size(packet);
  const std::size_t size = read_u16(rest);
  const std::size_t head = 2 + size + (message.qos > 0 ? 2 : 0);
  if (rest.size() < head) return Malformed("PUBLISH that ends within its topic or identifier");
  message.topic = rest.substr(2, size);
  if (!is_topic(message.topic)) return Malformed("PUBLISH to what is no topic");
  if (message.qos > 0) {
    message.id = read_u16(rest.substr(2 + size));
    if (message.id == 0) return Malformed("PUBLISH with identifier 0");
  }
  message.payload = rest.substr(head);
  return message;
}

std::expected<PacketId, std::string> read_id(const Packet& packet) {
  if (packet.body.size() != 2) return wrong_size(packet);
  const PacketId id = read_u16(packet.body);
  if (id == 0) return Malformed(fmt::format("{} with identifier 0", kNames[static_cast<unsigned>(packet.type)]));
  return id;
}

std::expected<Connack, std::string> read_connack(const Packet& packet) {
  if (packet.body.size() != 2) return wrong_size(packet);
  const auto flags = static_cast<unsigned char>(packet.body[0]);
  if (flags > 1) return Malformed(fmt::format("CONNACK with acknowledge flags {:#x}", flags));
  return Connack{.session_present = flags == 1, .code = static_cast<unsigned char>(packet.body[1])};
}

std::string_view describe_refusal(int code) {
  switch (code) {  // 3.2.2.3
    case 1:
      return "it does not speak MQTT 3.1.1";
    case 2:
      return "it does not allow this client_id";
    case 3:
      return "it is not available";
    case 4:
      return "bad user name or password";
    case 5:
      return "not authorised; check username and password_file";
    default:
      return "for a reason that MQTT 3.1.1 does not know";
  }
}

std::expected<Suback, std::string> read_suback(const Packet& packet) {
  if (packet.body.size() < 3) return wrong_size(packet);
  const Suback suback{.id = read_u16(packet.body), .codes = packet.body.substr(2)};
  if (suback.id == 0) return Malformed("SUBACK with identifier 0");
  for (const char code : suback.codes)
    if ((code < 0 || code > 2) && code != kRefused)
      return Malformed(fmt::format("SUBACK with return code {:#x}", static_cast<unsigned char>(code)));
  return suback;
}

[[gnu::hot]] std::span<char> PacketReader::room() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (bytes_.size() > kKept) bytes_ = {};
  } else if (begin_ > 0) {
    std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  // A length that a peer only claims takes no memory: the buffer grows as bytes come.
  if (bytes_.empty()) bytes_.resize(kUsual);
  if (end_ == bytes_.size()) bytes_.resize(std::min(2 * bytes_.size(), std::max(wanted_, end_ + kUsual)));
  return std::span(bytes_).subspan(end_);
}

[[gnu::hot]] void PacketReader::filled(std::size_t bytes) {
  end_ += bytes;
  EYEFLOW_CHECK(end_ <= bytes_.size());
}

[[gnu::hot]] std::expected<std::optional<Packet>, std::string> PacketReader::next() {
  wanted_ = 0;
  const std::size_t passed = std::min(pass_over_, end_ - begin_);
  pass_over_ -= passed;
  begin_ += passed;
  const std::string_view bytes(bytes_.data() + begin_, end_ - begin_);
  if (bytes.empty()) return std::nullopt;
  const unsigned first = static_cast<unsigned char>(bytes[0]);
  if (auto refusal = refusal_of(first)) return std::unexpected(std::move(*refusal));
  const auto header = read_header(bytes);
  if (!header) return std::unexpected(header.error());
  if (!*header) return std::nullopt;
  Packet packet{.type = static_cast<PacketType>(first >> 4), .flags = static_cast<std::uint8_t>(first & 0xF)};
  const auto [head, body] = **header;
  if (packet.type != PacketType::Publish && body > kHead)
    return Malformed(fmt::format("{} of {} bytes", kNames[first >> 4], body));
  const std::size_t kept = body > kLargestBody ? kHead : body;
  wanted_ = head + kept;
  if (bytes.size() < wanted_) return std::nullopt;
  packet.body = bytes.substr(head, kept);
  packet.left_out = pass_over_ = body - kept;
  begin_ += wanted_;
  wanted_ = 0;
  return packet;
}

void PacketReader::reset() {
  begin_ = end_ = wanted_ = pass_over_ = 0;
  bytes_ = {};
}

void append_connect(std::string& out, const Connect& connect) {
  const bool has_user = !connect.username.empty(), has_password = has_user && connect.password.has_value();
  std::string body;
  append_text(body, "MQTT");
  body.push_back(4);  // protocol level of 3.1.1
  unsigned flags = (has_user ? 0x80 : 0) | (has_password ? 0x40 : 0) | (connect.clean ? 0x02 : 0);
  if (const auto& will = connect.will)
    flags |= 0x04 | static_cast<unsigned>(will->qos) << 3 | (will->retain ? 0x20 : 0);
  body.push_back(static_cast<char>(flags));
  append_u16(body, connect.keepalive_s);
  append_text(body, connect.client_id);
  if (const auto& will = connect.will) {
    append_text(body, will->topic);
    append_text(body, will->payload);
  }
  if (has_user) append_text(body, connect.username);
  if (has_password) append_text(body, *connect.password);
  append_header(out, PacketType::Connect, 0, body.size());
  out += body;
  std::ranges::fill(body, '\0');
}

[[gnu::hot]] void append_publish(std::string& out, const Publish& message) {
  const std::size_t id_bytes = message.qos > 0 ? 2 : 0;
  append_header(out, PacketType::Publish, static_cast<unsigned>(message.qos) << 1 | (message.retain ? 1 : 0),
                2 + message.topic.size() + id_bytes + message.payload.size());
  append_text(out, message.topic);
  if (id_bytes > 0) append_u16(out, message.id);
  out.append(message.payload);
}

void append_subscribe(std::string& out, PacketId id, std::span<const Subscription> wanted) {
  std::size_t body = 2;
  for (const auto& subscription : wanted) body += 2 + subscription.filter.size() + 1;
  append_header(out, PacketType::Subscribe, 2, body);
  append_u16(out, id);
  for (const auto& [filter, qos] : wanted) {
    append_text(out, filter);
    out.push_back(static_cast<char>(qos));
  }
}

void append_with_id(std::string& out, PacketType type, PacketId id) {
  append_header(out, type, type == PacketType::Pubrel ? 2 : 0, 2);
  append_u16(out, id);
}

void append_empty(std::string& out, PacketType type) { append_header(out, type, 0, 0); }

void mark_repeated(std::string& publish) { publish[0] = static_cast<char>(publish[0] | 0x08); }

void set_id(std::string& publish, PacketId id) {
  const std::size_t topic = (*read_header(publish))->size;
  const std::size_t at = topic + 2 + read_u16(std::string_view(publish).substr(topic));
  publish[at] = static_cast<char>(id >> 8);
  publish[at + 1] = static_cast<char>(id);
}

}  // namespace eyeflow::runtime::mqtt
