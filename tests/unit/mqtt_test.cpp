// MQTT 3.1.1 byte by byte. Packets that are written out come from the OASIS Standard of 29 October 2014; the section
// stands beside them.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "runtime/mqtt/packet.h"
#include "runtime/mqtt/session.h"
#include "runtime/mqtt/topic.h"

namespace eyeflow::runtime::mqtt {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace std::string_view_literals;

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text.push_back(static_cast<char>(value));
  return text;
}

std::string hex(std::string_view text) {
  std::string out;
  for (const char c : text) {
    constexpr char kDigits[] = "0123456789abcdef";
    out += {kDigits[static_cast<unsigned char>(c) >> 4], kDigits[c & 15], ' '};
  }
  return out;
}

std::string described(const Packet& packet) {
  return std::to_string(static_cast<int>(packet.type)) + "/" + std::to_string(packet.flags) + " " + hex(packet.body) +
         (packet.left_out > 0 ? "+" + std::to_string(packet.left_out) : "");
}

// Everything in `stream`, brought in pieces of the given sizes (the last one again and again); an error is the last
// line.
std::vector<std::string> read_all(std::string_view stream, std::vector<std::size_t> sizes) {
  PacketReader reader;
  std::vector<std::string> found;
  for (std::size_t at = 0, n = 0; at < stream.size();) {
    const std::size_t wanted = sizes[std::min(n++, sizes.size() - 1)];
    const auto room = reader.room();
    EXPECT_FALSE(room.empty());
    const std::size_t size = std::min({wanted, room.size(), stream.size() - at});
    std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(at), size, room.begin());
    reader.filled(size);
    at += size;
    for (;;) {
      const auto packet = reader.next();
      if (!packet) {
        found.push_back(packet.error());
        return found;
      }
      if (!*packet) break;
      found.push_back(described(**packet));
    }
  }
  return found;
}

const std::string kPublish = bytes({0x32, 0x0B, 0, 3, 'a', '/', 'b', 0, 10, '2', '1', '.', '5'});  // 3.3.2.3
const std::string kSuback = bytes({0x90, 5, 0, 10, 0x00, 0x02, 0x80});                             // 3.9.3

TEST(MqttWire, PacketsAreTheSameHoweverTheirBytesAreSplit) {
  std::string stream = bytes({0x20, 2, 1, 0}) + kPublish + kSuback + bytes({0xD0, 0});
  stream += bytes({0x30, 0xC1, 0x02, 0, 1, 't'}) + std::string(321 - 3, 'x');  // 2.2.3: 321 is 193, 2
  stream += bytes({0x62, 2, 0, 10});
  const auto whole = read_all(stream, {stream.size()});
  ASSERT_EQ(whole.size(), 6u);
  EXPECT_EQ(whole[0], "2/0 01 00 ");
  EXPECT_EQ(whole[1], "3/2 00 03 61 2f 62 00 0a 32 31 2e 35 ");
  EXPECT_EQ(whole[2], "9/0 00 0a 00 02 80 ");
  EXPECT_EQ(whole[3], "13/0 ");
  EXPECT_EQ(whole[5], "6/2 00 0a ");
  for (std::size_t at = 1; at < stream.size(); ++at) EXPECT_EQ(read_all(stream, {at, stream.size()}), whole) << at;
  for (std::size_t size = 1; size < 40; ++size) EXPECT_EQ(read_all(stream, {size}), whole) << size;
}

// Table 2.4: the least and the most of each size.
TEST(MqttWire, RemainingLengths) {
  struct Case {
    std::size_t body;
    std::string length;
  };
  for (const auto& [body, length] :
       {Case{127, bytes({0x7F})}, Case{128, bytes({0x80, 0x01})}, Case{16'383, bytes({0xFF, 0x7F})},
        Case{16'384, bytes({0x80, 0x80, 0x01})}, Case{2'097'151, bytes({0xFF, 0xFF, 0x7F})},
        Case{2'097'152, bytes({0x80, 0x80, 0x80, 0x01})}}) {
    std::string out;
    append_publish(out, {.topic = "t", .payload = std::string(body - 3, 'x')});
    EXPECT_EQ(out.substr(1, length.size()), length) << body;
    EXPECT_EQ(out.size(), 1 + length.size() + body);
    const auto found = read_all(out, {1'000'000});
    ASSERT_EQ(found.size(), 1u) << body;
    EXPECT_EQ(found[0], "3/0 " + hex(std::string_view(out).substr(1 + length.size())));
  }
}

TEST(MqttWire, WhatIsTooLargeIsPassedOver) {
  // 268,435,455 bytes are the most that can be written (table 2.4); nobody has to bring them all here.
  const std::size_t body = PacketReader::kLargestBody + 1;
  std::string stream;
  append_publish(stream, {.topic = "big", .payload = std::string(body - 2 - 3 - 2, 'x'), .qos = 1, .id = 7});
  stream += kPublish;
  PacketReader reader;
  std::vector<std::string> found;
  for (std::size_t at = 0; at < stream.size();) {
    const auto room = reader.room();
    EXPECT_LE(room.size(), 256u << 10);  // nothing of its size is asked for
    const std::size_t size = std::min(room.size(), stream.size() - at);
    std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(at), size, room.begin());
    reader.filled(size);
    at += size;
    while (const auto packet = *reader.next()) {
      const auto message = read_publish(*packet);
      ASSERT_TRUE(message);
      found.push_back(std::string(message->topic) + " " + std::to_string(message->id) + " " +
                      std::to_string(message->payload.size() + message->left_out));
    }
  }
  EXPECT_EQ(found, (std::vector<std::string>{"big 7 " + std::to_string(body - 7), "a/b 10 4"}));
}

TEST(MqttWire, WhatIsNotMqttIsRefusedAndNamed) {
  const auto error = [](const std::string& stream) {
    const auto found = read_all(stream, {1});
    return found.empty() ? "nothing"s : found.back();
  };
  EXPECT_EQ(error(bytes({0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F})), "a remaining length of more than four bytes");
  EXPECT_EQ(error(bytes({0x00})), "a packet of type 0, which no broker sends");
  EXPECT_EQ(error(bytes({0xF0})), "a packet of type 15, which no broker sends");
  EXPECT_EQ(error(bytes({0x10})), "CONNECT, which no broker sends");
  EXPECT_EQ(error(bytes({0x82})), "SUBSCRIBE, which no broker sends");
  EXPECT_EQ(error(bytes({0x60})), "PUBREL with flags 0x0");  // 3.6.1: flags 2
  EXPECT_EQ(error(bytes({0x41})), "PUBACK with flags 0x1");
  EXPECT_EQ(error(bytes({0x40, 0x80, 0x80, 0x08})), "PUBACK of 131072 bytes");

  const auto publish = [](unsigned flags, const std::string& body) {
    const auto read =
        read_publish({.type = PacketType::Publish, .flags = static_cast<std::uint8_t>(flags), .body = body});
    return read ? "read" : read.error();
  };
  EXPECT_EQ(publish(0, ""), "PUBLISH of 0 bytes");
  EXPECT_EQ(publish(6, bytes({0, 1, 'a', 0, 1})), "PUBLISH of QoS 3");
  EXPECT_EQ(publish(0, bytes({0, 2, 'a'})), "PUBLISH that ends within its topic or identifier");
  EXPECT_EQ(publish(2, bytes({0, 1, 'a', 0})), "PUBLISH that ends within its topic or identifier");
  EXPECT_EQ(publish(2, bytes({0, 1, 'a', 0, 0})), "PUBLISH with identifier 0");
  EXPECT_EQ(publish(0, bytes({0, 0})), "PUBLISH to what is no topic");
  EXPECT_EQ(publish(0, bytes({0, 1, '#'})), "PUBLISH to what is no topic");
  EXPECT_EQ(publish(0, bytes({0, 1, 0})), "PUBLISH to what is no topic");
  EXPECT_EQ(publish(0, bytes({0, 2, 0xC0, 0x80})), "PUBLISH to what is no topic");
  EXPECT_EQ(publish(0, bytes({0, 1, 'a'})), "read");  // an empty payload is one

  const auto id = [](const std::string& body) {
    const auto read = read_id({.type = PacketType::Puback, .body = body});
    return read ? std::to_string(*read) : read.error();
  };
  EXPECT_EQ(id(bytes({1, 2})), "258");
  EXPECT_EQ(id(bytes({0, 0})), "PUBACK with identifier 0");
  EXPECT_EQ(id(bytes({1})), "PUBACK of 1 bytes");
  EXPECT_FALSE(read_connack({.type = PacketType::Connack, .body = "\2\0"sv}));
  EXPECT_FALSE(read_connack({.type = PacketType::Connack, .body = "\0"sv}));
  EXPECT_FALSE(read_suback({.type = PacketType::Suback, .body = "\0\1\3"sv}));
  EXPECT_FALSE(read_suback({.type = PacketType::Suback, .body = "\0\1"sv}));
}

TEST(MqttWire, WhatWeSend) {
  std::string out;
  // 3.1.2: the protocol's name and level, flags of user, password and clean session, a keepalive of 10 s (3.1.2.10);
  // 1.5.3: "A" and U+2A6D4 as a text.
  append_connect(
      out, {.client_id = "A\xF0\xAA\x9B\x94", .username = "u", .password = "pw", .clean = true, .keepalive_s = 10});
  EXPECT_EQ(hex(out), hex(bytes({0x10, 24,   0,    4,    'M',  'Q',  'T', 'T', 4,   0xC2, 0, 10,  0,
                                 5,    0x41, 0xF0, 0xAA, 0x9B, 0x94, 0,   1,   'u', 0,    2, 'p', 'w'})));
  out.clear();
  append_connect(out, {.client_id = "c", .password = "alone", .clean = false});  // 3.1.2.9: no password without a name
  EXPECT_EQ(hex(out), hex(bytes({0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 0x00, 0, 0, 0, 1, 'c'})));
  out.clear();
  // 3.1.2.5 to 3.1.2.7, 3.1.3: a will of QoS 1, retained, between the client's name and the user's.
  append_connect(out, {.client_id = "c",
                       .username = "u",
                       .will = Publish{.topic = "t", .payload = "off", .qos = 1, .retain = true},
                       .clean = true});
  EXPECT_EQ(hex(out), hex(bytes({0x10, 24,  0, 4, 'M', 'Q', 'T', 'T', 4,   0xAE, 0, 0, 0,
                                 1,    'c', 0, 1, 't', 0,   3,   'o', 'f', 'f',  0, 1, 'u'})));
  out.clear();
  append_publish(out, {.topic = "a/b", .payload = "21.5", .qos = 1, .id = 10});  // 3.3.2.3
  EXPECT_EQ(hex(out), hex(kPublish));
  mark_repeated(out);
  set_id(out, 0x1234);
  EXPECT_EQ(hex(out.substr(0, 9)), hex(bytes({0x3A, 0x0B, 0, 3, 'a', '/', 'b', 0x12, 0x34})));
  out.clear();
  append_publish(out, {.topic = "t", .payload = "", .qos = 0, .retain = true});
  EXPECT_EQ(hex(out), hex(bytes({0x31, 3, 0, 1, 't'})));
  out.clear();
  const Subscription wanted[] = {{"a/b", 1}, {"c/d", 2}};  // 3.8.3.1
  append_subscribe(out, 10, wanted);
  EXPECT_EQ(hex(out), hex(bytes({0x82, 14, 0, 10, 0, 3, 'a', '/', 'b', 1, 0, 3, 'c', '/', 'd', 2})));
  out.clear();
  append_with_id(out, PacketType::Puback, 10);
  append_with_id(out, PacketType::Pubrel, 10);
  append_empty(out, PacketType::Pingreq);
  append_empty(out, PacketType::Disconnect);
  EXPECT_EQ(hex(out), hex(bytes({0x40, 2, 0, 10, 0x62, 2, 0, 10, 0xC0, 0, 0xE0, 0})));
}

TEST(MqttWire, TopicsAndFilters) {
  for (const auto* good : {"sport/tennis/+", "+", "#", "+/tennis/#", "sport/+/player1", "/", "a//b", "\xC3\xA9/#"})
    EXPECT_TRUE(is_filter(good)) << good;  // 4.7.1
  for (const auto* bad : {"", "sport/tennis#", "sport/tennis/#/ranking", "sport+", "a/b+/c", "##", "+a"})
    EXPECT_FALSE(is_filter(bad)) << bad;
  EXPECT_TRUE(is_topic("a/b"));
  for (const auto bad :
       {""sv, "a/+"sv, "#"sv, "a\0b"sv, "\xC3"sv, "\xED\xA0\x80"sv, "\xF4\x90\x80\x80"sv, "\xE0\x80\x80"sv})
    EXPECT_FALSE(is_topic(bad)) << hex(bad);
  EXPECT_TRUE(is_topic(std::string(65'535, 'x')));
  EXPECT_FALSE(is_topic(std::string(65'536, 'x')));
}

// A session, and what it sends.
struct Talk {
  explicit Talk(Session::Settings settings) : session(std::move(settings)) {}

  std::string sent() { return hex(std::exchange(session.out(), {})); }
  // What take() says of the packets in these bytes; messages are dealt with at once.
  std::string hear(const std::string& stream) {
    PacketReader reader;
    std::string text;
    for (std::size_t at = 0; at < stream.size();) {
      const auto room = reader.room();
      const std::size_t size = std::min(room.size(), stream.size() - at);
      std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(at), size, room.begin());
      reader.filled(size);
      at += size;
      for (;;) {
        const auto packet = reader.next();
        if (!packet) return packet.error();
        if (!*packet) break;
        const auto taken = session.take(**packet);
        if (!taken) return taken.error();
        if (taken->connected) text += "connected ";
        if (!taken->refused.empty()) text += "refused " + taken->refused;
        if (!taken->message) continue;
        if (!taken->repeated)
          text += std::string(taken->message->topic) + "=" + std::string(taken->message->payload) + " ";
        session.done(*taken->message);
      }
    }
    return text;
  }
  void connect(bool session_present = false) {
    session.begin(SteadyTime{});
    session.out().clear();
    EXPECT_EQ(hear(bytes({0x20, 2, session_present, 0})), "connected ");
  }
  Session session;
};

const std::string kAccepted = bytes({0x20, 2, 0, 0});

TEST(MqttSession, ConnectsAndSubscribes) {
  Talk talk({.client_id = "c",
             .username = {},
             .password = {},
             .keepalive = 10s,
             .subscriptions = {{"a/b", 0}, {"c/d", 2}, {"e", 1}}});
  talk.session.begin(SteadyTime{});
  EXPECT_EQ(talk.sent(), hex(bytes({0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 10, 0, 1, 'c'})));
  EXPECT_FALSE(talk.session.publish("t", "x", 0, false));  // not before the broker said yes
  EXPECT_EQ(talk.hear(kAccepted), "connected ");
  EXPECT_EQ(talk.sent(), hex(bytes({0x82, 18, 0, 1, 0, 3, 'a', '/', 'b', 0, 0, 3, 'c', '/', 'd', 2, 0, 1, 'e', 1})));
  EXPECT_EQ(talk.hear(bytes({0x90, 5, 0, 1, 0x00, 0x80, 0x01})), "refused c/d");
  EXPECT_EQ(talk.hear(bytes({0x90, 3, 0, 1, 0})), "SUBACK for what was not subscribed");
  talk.session.leave();
  EXPECT_EQ(talk.sent(), hex(bytes({0xE0, 0})));
}

TEST(MqttSession, SaysThatItIsThereAndThatItLeaves) {
  const auto said = [](std::string_view payload, char id, bool repeated = false) {
    return hex(bytes({static_cast<unsigned char>(repeated ? 0x3B : 0x33),
                      static_cast<unsigned char>(5 + payload.size()), 0, 1, 's', 0, static_cast<unsigned char>(id)}) +
               std::string(payload));
  };
  Talk talk({.client_id = "c",
             .username = {},
             .password = {},
             .keepalive = 10s,
             .subscriptions = {},
             .presence = Session::Settings::Presence{.topic = "s", .online = "on", .offline = "gone"}});
  talk.session.begin(SteadyTime{});
  EXPECT_EQ(
      talk.sent(),
      hex(bytes({0x10, 22, 0, 4, 'M', 'Q', 'T', 'T', 4, 0x2E, 0, 10, 0, 1, 'c', 0, 1, 's', 0, 4, 'g', 'o', 'n', 'e'})));
  EXPECT_EQ(talk.hear(kAccepted), "connected ");
  EXPECT_EQ(talk.sent(), said("on", 1));
  // The connection breaks before the broker has acknowledged it: it is said again, and known as a repetition.
  talk.session.end();
  talk.session.begin(SteadyTime{});
  talk.sent();
  talk.hear(kAccepted);
  EXPECT_EQ(talk.sent(), said("on", 1, true));
  EXPECT_EQ(talk.hear(bytes({0x40, 2, 0, 1})), "");
  EXPECT_TRUE(talk.session.publish("t", "x", 1, false));
  talk.sent();
  talk.session.end();
  talk.session.begin(SteadyTime{});
  talk.sent();
  talk.hear(kAccepted);
  const auto second = talk.sent();
  EXPECT_EQ(second.substr(0, said("on", 3).size()), said("on", 3)) << "2 is on its way; first of all: " << second;
  talk.session.leave();
  EXPECT_EQ(talk.sent(), said("gone", 4) + hex(bytes({0xE0, 0})));
}

TEST(MqttSession, AnEarlySecondOrUnaskedAnswerIsAnError) {
  const auto after = [](const std::string& stream) {
    Talk talk({.client_id = "c", .username = {}, .password = {}, .subscriptions = {}});
    talk.session.begin(SteadyTime{});
    return talk.hear(stream);
  };
  EXPECT_EQ(after(kPublish), "something before CONNACK");
  EXPECT_EQ(after(kAccepted + kAccepted), "a second CONNACK");
  EXPECT_EQ(after(kAccepted + kSuback), "SUBACK for what was not subscribed");
  EXPECT_EQ(after(kAccepted + bytes({0xB0, 2, 0, 1})), "an answer to what was not asked");
  EXPECT_EQ(after(kAccepted + bytes({0xD0, 1, 0})), "PINGRESP with a body");
  EXPECT_EQ(after(bytes({0x20, 2, 0, 5})), "refused: not authorised; check username and password_file");
  EXPECT_EQ(after(bytes({0x20, 2, 0, 1})), "refused: it does not speak MQTT 3.1.1");
}

TEST(MqttSession, MessagesForUsAreAcknowledgedOnceEach) {
  Talk talk({.client_id = "c", .username = {}, .password = {}, .clean = false, .subscriptions = {}});
  talk.connect();
  EXPECT_EQ(talk.hear(bytes({0x30, 4, 0, 1, 't', '0'})), "t=0 ");
  EXPECT_EQ(talk.sent(), "");
  EXPECT_EQ(talk.hear(bytes({0x32, 6, 0, 1, 't', 0, 5, '1'})), "t=1 ");
  EXPECT_EQ(talk.hear(bytes({0x3A, 6, 0, 1, 't', 0, 5, '1'})), "t=1 ");  // at least once
  EXPECT_EQ(talk.sent(), "40 02 00 05 40 02 00 05 ");
  // 4.3.3, figure 4.3: once, also when it is repeated, on this connection or the next of the session.
  const std::string second = bytes({0x34, 6, 0, 1, 't', 0, 6, '2'});
  EXPECT_EQ(talk.hear(second), "t=2 ");
  EXPECT_EQ(talk.hear(second), "");
  EXPECT_EQ(talk.sent(), "50 02 00 06 50 02 00 06 ");
  talk.session.end();
  talk.connect(true);
  EXPECT_EQ(talk.hear(second), "");
  EXPECT_EQ(talk.hear(bytes({0x62, 2, 0, 6})), "");
  EXPECT_EQ(talk.sent(), "50 02 00 06 70 02 00 06 ");
  EXPECT_EQ(talk.hear(second), "t=2 ");  // another one under the same identifier
  talk.sent();
  talk.session.end();
  talk.connect(false);  // the broker has forgotten the session, and with it the identifier
  EXPECT_EQ(talk.hear(second), "t=2 ");
}

TEST(MqttSession, WhatIsNotAcknowledgedGoesOutAgain) {
  Talk talk({.client_id = "c", .username = {}, .password = {}, .subscriptions = {}});
  talk.connect();
  for (const int qos : {0, 1, 2}) EXPECT_TRUE(talk.session.publish("t", "x", qos, false));
  EXPECT_EQ(talk.sent(), "30 04 00 01 74 78 32 06 00 01 74 00 01 78 34 06 00 01 74 00 02 78 ");
  EXPECT_EQ(talk.session.unacknowledged(), 2u);
  talk.session.end();
  talk.connect();
  EXPECT_EQ(talk.sent(), "3a 06 00 01 74 00 01 78 3c 06 00 01 74 00 02 78 ");  // 4.4: with DUP, in order
  EXPECT_EQ(talk.hear(bytes({0x50, 2, 0, 2})), "");
  EXPECT_EQ(talk.sent(), "62 02 00 02 ");
  talk.session.end();
  talk.connect();
  EXPECT_EQ(talk.sent(), "3a 06 00 01 74 00 01 78 62 02 00 02 ");  // released: its message is not sent again
  EXPECT_EQ(talk.hear(bytes({0x70, 2, 0, 1})), "");                // no end of QoS 1
  EXPECT_EQ(talk.hear(bytes({0x40, 2, 0, 2})), "");                // no end of QoS 2
  EXPECT_EQ(talk.session.unacknowledged(), 2u);
  EXPECT_EQ(talk.hear(bytes({0x40, 2, 0, 1, 0x70, 2, 0, 2})), "");
  EXPECT_EQ(talk.session.unacknowledged(), 0u);
  EXPECT_EQ(talk.hear(bytes({0x40, 2, 0, 9, 0x70, 2, 0, 9})), "");  // nothing of ours
  EXPECT_EQ(talk.sent(), "");
  EXPECT_EQ(talk.hear(bytes({0x50, 2, 0, 9})), "");
  EXPECT_EQ(talk.sent(), "62 02 00 09 ");  // the broker waits for it
}

TEST(MqttSession, OnlySoManyAreInFlightAndSoManyWait) {
  Talk talk({.client_id = "c", .username = {}, .password = {}, .subscriptions = {}});
  talk.connect();
  std::size_t taken = 0;
  while (talk.session.publish("t", "x", 1, false)) ++taken;
  EXPECT_EQ(taken, Session::kMostWaiting);
  EXPECT_EQ(talk.session.out().size(), Session::kInFlight * 8);
  talk.sent();
  // The broker acknowledges in order, through all identifiers twice.
  std::uint16_t id = 0;
  for (int n = 0; n < 140'000; ++n) {
    if (++id == 0) ++id;
    talk.hear(bytes({0x40, 2, id >> 8, id & 0xFF}));
    ASSERT_EQ(talk.session.unacknowledged(), Session::kMostWaiting - 1) << n;
    ASSERT_TRUE(talk.session.publish("t", "x", 1, false)) << n;
    if (n % 1000 == 0) talk.sent();
  }
  talk.sent();
  const std::string large(1000, 'x');
  std::size_t bytes_out = 0;
  while (talk.session.publish("t", large, 0, false)) ++bytes_out;
  EXPECT_LE(talk.session.out().size(), Session::kMostUnsent + 2 * large.size());
  EXPECT_GT(bytes_out, 1000u);
}

TEST(MqttSession, AnIdentifierThatIsInUseIsNotGivenAgain) {
  Talk talk({.client_id = "c", .username = {}, .password = {}, .subscriptions = {}});
  talk.connect();
  ASSERT_TRUE(talk.session.publish("t", "stuck", 1, false));
  EXPECT_EQ(talk.sent().substr(0, 24), "32 0a 00 01 74 00 01 73 ");
  for (int n = 0; n < 70'000; ++n) {
    ASSERT_TRUE(talk.session.publish("t", "", 1, false));
    const std::string sent = std::exchange(talk.session.out(), {});
    ASSERT_EQ(sent.size(), 7u);
    const std::string id = sent.substr(5);
    ASSERT_NE(id, bytes({0, 1})) << n;
    ASSERT_NE(id, bytes({0, 0})) << n;
    talk.hear(bytes({0x40, 2}) + id);
    ASSERT_EQ(talk.session.unacknowledged(), 1u) << n;
  }
}

TEST(MqttSession, AsksWhetherTheBrokerIsThere) {
  Talk talk({.client_id = "c", .username = {}, .password = {}, .keepalive = 10s, .subscriptions = {}});
  const auto at = [](int seconds) { return SteadyTime{} + std::chrono::seconds(seconds); };
  talk.session.begin(at(0));
  talk.sent();
  EXPECT_TRUE(talk.session.tick(at(19)));
  EXPECT_EQ(talk.session.tick(at(20)).error(), "it did not answer for 20 s");
  talk.session.end();
  talk.session.begin(at(100));
  talk.sent();
  talk.hear(kAccepted);
  EXPECT_TRUE(talk.session.tick(at(101)));
  EXPECT_TRUE(talk.session.tick(at(109)));
  EXPECT_EQ(talk.sent(), "");
  EXPECT_TRUE(talk.session.tick(at(110)));
  EXPECT_EQ(talk.sent(), "c0 00 ");
  EXPECT_TRUE(talk.session.tick(at(119)));
  talk.hear(bytes({0xD0, 0}));
  EXPECT_TRUE(talk.session.tick(at(120)));
  // Only we are talking.
  for (int second = 121; second < 130; ++second) {
    talk.session.publish("t", "x", 0, false);
    EXPECT_TRUE(talk.session.tick(at(second)));
  }
  EXPECT_EQ(talk.sent().find("c0 00"), std::string::npos);
  talk.session.publish("t", "x", 0, false);
  EXPECT_TRUE(talk.session.tick(at(130)));
  EXPECT_NE(talk.sent().find("c0 00 "), std::string::npos);
  EXPECT_TRUE(talk.session.tick(at(139)));
  EXPECT_EQ(talk.session.tick(at(140)).error(), "it did not answer for 10 s");
}

}  // namespace
}  // namespace eyeflow::runtime::mqtt
