// What a broker sends, behind a byte that says in pieces of which size. It ends in packets, each within its bytes, or
// in an error; pieces of another size lead to the same; what we send to it is bounded by what it sent.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/mqtt/packet.h"
#include "runtime/mqtt/session.h"
#include "vm/base/check.h"

namespace {

using namespace eyeflow::runtime;

// A digest of everything that was taken, and of how it ended.
std::string run(std::string_view stream, std::size_t piece) {
  mqtt::Session session(
      {.client_id = "fuzz", .username = {}, .password = {}, .clean = false, .subscriptions = {{"a/b", 2}, {"c/#", 1}}});
  session.begin({});
  for (const int qos : {1, 2, 2}) session.publish("t", "x", qos, false);
  session.out().clear();
  mqtt::PacketReader reader;
  std::string story;
  std::size_t packets = 0;
  for (std::size_t at = 0; at < stream.size();) {
    const auto room = reader.room();
    EYEFLOW_CHECK(!room.empty());
    const std::size_t size = std::min({piece, room.size(), stream.size() - at});
    std::copy_n(stream.data() + at, size, room.data());
    reader.filled(size);
    at += size;
    for (;;) {
      const auto packet = reader.next();
      if (!packet) return story + packet.error();
      if (!*packet) break;
      ++packets;
      const auto taken = session.take(**packet);
      if (!taken) return story + taken.error();
      if (taken->connected) {
        story += "connected ";
        for (const int qos : {0, 1, 2}) EYEFLOW_CHECK(session.publish("t", "x", qos, false));
      }
      story += taken->refused;
      if (!taken->message) continue;
      const auto& message = *taken->message;
      EYEFLOW_CHECK(!message.topic.empty() && message.topic.find('\0') == message.topic.npos);
      EYEFLOW_CHECK(message.qos == 0 || message.id != 0);
      story.append(message.topic).append("=").append(message.payload);
      story += taken->repeated ? " again " : " ";
      session.done(message);
    }
    EYEFLOW_CHECK(session.out().size() <= 200 + 4 * packets);
  }
  return story + session.out();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = run(stream, stream.size());
  EYEFLOW_CHECK(run(stream, data[0] + std::size_t{1}) == whole);
  return 0;
}
