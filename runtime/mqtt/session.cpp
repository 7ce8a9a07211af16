#include "runtime/mqtt/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "vm/base/check.h"

namespace eyeflow::runtime::mqtt {
namespace {

constexpr std::size_t kFiltersPerPacket = 200;

// What is said of our presence; QoS 1, so that it also reaches who is away from the broker for a while.
Publish presence(std::string_view topic, std::string_view payload, PacketId id) {
  return {.topic = topic, .payload = payload, .qos = 1, .retain = true, .id = id};
}

}  // namespace

void Session::begin(SteadyTime now) {
  EYEFLOW_CHECK(!connected_ && out_.empty());
  last_heard_ = last_told_ = now;
  heard_ = told_ = false;
  pinged_.reset();
  std::optional<Publish> will;
  if (const auto& p = settings_.presence) will = presence(p->topic, p->offline, 0);
  append_connect(out_, {.client_id = settings_.client_id,
                        .username = settings_.username,
                        .password = settings_.password,
                        .will = will,
                        .clean = settings_.clean,
                        .keepalive_s = static_cast<std::uint16_t>(settings_.keepalive.count())});
}

void Session::end() {
  connected_ = false;
  out_.clear();
  for (const auto& asked : asked_) used_[asked.id] = false;
  asked_.clear();
}

void Session::leave() {
  if (!connected_) return;
  // It takes back the will.
  if (const auto& p = settings_.presence) append_publish(out_, presence(p->topic, p->offline, next_id()));
  append_empty(out_, PacketType::Disconnect);
}

[[gnu::hot]] std::expected<Session::Taken, std::string> Session::take(const Packet& packet) {
  heard_ = true;
  if (packet.type == PacketType::Connack) return connected(packet);
  if (!connected_) return Malformed("something before CONNACK");
  switch (packet.type) {
    case PacketType::Publish:
      return message(packet);
    case PacketType::Puback:
    case PacketType::Pubrec:
    case PacketType::Pubcomp:
      if (auto done = acknowledged(packet); !done) return std::unexpected(std::move(done.error()));
      return Taken{};
    case PacketType::Pubrel: {
      const auto id = read_id(packet);
      if (!id) return std::unexpected(id.error());
      received_[*id] = false;
      append_with_id(out_, PacketType::Pubcomp, *id);
      return Taken{};
    }
    case PacketType::Suback:
      return subscribed(packet);
    case PacketType::Pingresp:
      if (!packet.body.empty()) return Malformed("PINGRESP with a body");
      pinged_.reset();
      return Taken{};
    default:
      return Malformed("an answer to what was not asked");  // UNSUBACK
  }
}

std::expected<Session::Taken, std::string> Session::connected(const Packet& packet) {
  if (connected_) return Malformed("a second CONNACK");
  const auto connack = read_connack(packet);
  if (!connack) return std::unexpected(connack.error());
  if (connack->code != 0) return std::unexpected(fmt::format("refused: {}", describe_refusal(connack->code)));
  connected_ = true;
  if (!connack->session_present) received_.reset();
  say_online();
  const auto& wanted = settings_.subscriptions;
  for (std::size_t first = 0; first < wanted.size(); first += kFiltersPerPacket) {
    const auto count = std::min(kFiltersPerPacket, wanted.size() - first);
    asked_.push_back({next_id(), first, count});
    append_subscribe(out_, asked_.back().id, std::span(wanted).subspan(first, count));
  }
  // 4.4: what was sent and is not acknowledged goes out again, as it was.
  for (auto& outgoing : outgoing_) {
    if (outgoing.state == Outgoing::State::Waiting) break;
    if (outgoing.state == Outgoing::State::Released) {
      append_with_id(out_, PacketType::Pubrel, outgoing.id);
    } else {
      mark_repeated(outgoing.packet);
      out_ += outgoing.packet;
    }
  }
  send_waiting();
  return Taken{.connected = true};
}

void Session::say_online() {
  if (!settings_.presence) return;
  const bool is_repeated = online_id_.has_value();
  if (!is_repeated) online_id_ = next_id();
  std::string packet;
  append_publish(packet, presence(settings_.presence->topic, settings_.presence->online, *online_id_));
  if (is_repeated) mark_repeated(packet);
  out_ += packet;
}

[[gnu::hot]] std::expected<Session::Taken, std::string> Session::message(const Packet& packet) {
  auto message = read_publish(packet);
  if (!message) return std::unexpected(std::move(message.error()));
  // 4.3.3: of QoS 2 it is given out when it comes first; its identifier says until PUBREL that it was.
  return Taken{.message = *message, .repeated = message->qos == 2 && received_[message->id]};
}

void Session::done(const Publish& message) {
  if (message.qos == 0) return;
  if (message.qos == 2) received_[message.id] = true;
  append_with_id(out_, message.qos == 1 ? PacketType::Puback : PacketType::Pubrec, message.id);
}

std::expected<Session::Taken, std::string> Session::subscribed(const Packet& packet) {
  const auto suback = read_suback(packet);
  if (!suback) return std::unexpected(suback.error());
  const auto asked = std::ranges::find(asked_, suback->id, &Asked::id);
  if (asked == asked_.end() || asked->count != suback->codes.size())
    return Malformed("SUBACK for what was not subscribed");
  Taken taken;
  for (std::size_t n = 0; n < asked->count; ++n) {
    if (suback->codes[n] != kRefused) continue;
    taken.refused += (taken.refused.empty() ? "" : ", ") + settings_.subscriptions[asked->first + n].filter;
  }
  used_[asked->id] = false;
  asked_.erase(asked);
  return taken;
}

std::expected<void, std::string> Session::acknowledged(const Packet& packet) {
  const auto id = read_id(packet);
  if (!id) return std::unexpected(id.error());
  if (packet.type == PacketType::Puback && *id == online_id_) {
    used_[*std::exchange(online_id_, {})] = false;
    return {};
  }
  const auto found = std::ranges::find_if(
      outgoing_, [&](const Outgoing& o) { return o.state != Outgoing::State::Waiting && o.id == *id; });
  const bool is_known = found != outgoing_.end();
  if (packet.type == PacketType::Pubrec) {
    // Also for what we do not know (any more): the broker waits for it.
    if (is_known && found->qos == 2) {
      found->state = Outgoing::State::Released;
      found->packet = {};
    }
    append_with_id(out_, PacketType::Pubrel, *id);
    return {};
  }
  // A PUBACK for QoS 2, or a PUBCOMP before PUBREC, is no end of it.
  const bool ends =
      is_known && (packet.type == PacketType::Puback ? found->qos == 1 : found->state == Outgoing::State::Released);
  if (!ends) return {};
  used_[*id] = false;
  outgoing_.erase(found);
  --in_flight_;
  send_waiting();
  return {};
}

[[gnu::hot]] bool Session::publish(std::string_view topic, std::string_view payload, int qos, bool retain) {
  if (!connected_ || out_.size() > kMostUnsent) return false;
  const Publish message{.topic = topic, .payload = payload, .qos = qos, .retain = retain};
  told_ = true;
  if (qos == 0) {
    append_publish(out_, message);
    return true;
  }
  if (outgoing_.size() >= kMostWaiting) return false;
  auto& outgoing = outgoing_.emplace_back(Outgoing{.qos = qos});
  append_publish(outgoing.packet, message);
  send_waiting();
  return true;
}

void Session::send_waiting() {
  while (in_flight_ < std::min(kInFlight, outgoing_.size())) {
    Outgoing& next = outgoing_[in_flight_++];
    next.id = next_id();
    next.state = Outgoing::State::Published;
    set_id(next.packet, next.id);
    out_ += next.packet;
  }
}

PacketId Session::next_id() {
  do {
    if (++last_id_ == 0) ++last_id_;
  } while (used_[last_id_]);
  used_[last_id_] = true;
  return last_id_;
}

std::expected<void, std::string> Session::tick(SteadyTime now) {
  const auto silent = [&](SteadyTime since, std::chrono::seconds limit) { return now - since >= limit; };
  if (std::exchange(heard_, false)) last_heard_ = now;
  if (std::exchange(told_, false)) last_told_ = now;
  if (!connected_) {
    if (!silent(last_told_, kConnectLimit)) return {};
    return std::unexpected(fmt::format("it did not answer for {} s", kConnectLimit.count()));
  }
  if (pinged_) {
    if (!silent(*pinged_, settings_.keepalive)) return {};
    return std::unexpected(fmt::format("it did not answer for {} s", settings_.keepalive.count()));
  }
  // Also when only we are talking: a broker that is gone takes what we send for as long as there is room.
  if (silent(last_told_, settings_.keepalive) || silent(last_heard_, settings_.keepalive)) {
    append_empty(out_, PacketType::Pingreq);
    pinged_ = now;
    told_ = true;
  }
  return {};
}

}  // namespace eyeflow::runtime::mqtt
