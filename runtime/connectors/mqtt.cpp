#include "runtime/connectors/mqtt.h"

#include <fmt/format.h>
#include <mosquitto.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

namespace eyeflow::runtime {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstPause = 250ms;
constexpr auto kLongestPause = 30s;
constexpr int kPollMs = 250;  // how soon a stop is noticed while nothing comes in
constexpr auto kHousekeeping = 500ms;
constexpr auto kConnectLimit = 20s;
constexpr std::size_t kFiltersPerPacket = 200;
constexpr int kPacketsPerTurn = 8;  // before what they led to is sent

Result<std::string> read_secret(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string secret;
  if (!std::getline(file, secret)) {
    return fail(fmt::format("{}: cannot read the password file: {}; write the password as its first line",
                            path.string(), errno != 0 ? std::strerror(errno) : "it is empty"));
  }
  while (!secret.empty() && (secret.back() == '\r' || secret.back() == '\n')) secret.pop_back();
  return secret;
}

Result<void> check_readable(const std::filesystem::path& path, std::string_view what) {
  if (path.empty() || std::ifstream(path).good()) return {};
  return fail(fmt::format("{}: cannot read the {}: {}", path.string(), what, std::strerror(errno)));
}

bool has_wildcard(std::string_view filter) { return filter.find_first_of("+#") != std::string_view::npos; }

void start_library() {
  static const int started = mosquitto_lib_init();
  static_cast<void>(started);
}

}  // namespace

bool topic_matches(std::string_view filter, std::string_view topic) {
  if (topic.starts_with('$') && (filter.starts_with('#') || filter.starts_with('+'))) return false;
  std::size_t f = 0, t = 0;
  while (f < filter.size()) {
    if (filter[f] == '#') return true;
    if (filter[f] == '+') {
      while (t < topic.size() && topic[t] != '/') ++t;
      ++f;
    } else if (t < topic.size() && filter[f] == topic[t]) {
      ++f;
      ++t;
    } else {
      // "a/#" means "a", too.
      return t == topic.size() && filter.substr(f) == "/#";
    }
  }
  return t == topic.size();
}

Result<std::unique_ptr<MqttConnection>> MqttConnection::make(const Connection& connection, std::string client_id,
                                                             std::vector<MqttSubscription> subscriptions) {
  start_library();
  std::unique_ptr<MqttConnection> self(new MqttConnection);
  self->settings_ = connection;
  if (!connection.client_id.empty()) client_id = connection.client_id;

  const auto where = [&](std::string_view what) {
    return fail(fmt::format("[connection.{}]: {}", connection.name, what));
  };
  bool reliable = false;
  for (auto& s : subscriptions) {
    if (mosquitto_sub_topic_check(s.filter.c_str()) != MOSQ_ERR_SUCCESS) {
      return where(fmt::format("'{}' is no topic; + and # must stand alone between slashes", s.filter));
    }
    if (connection.subscribe.empty() || s.sensor == kCommands) self->wanted_.emplace_back(s.filter, s.qos);
    reliable |= s.qos > 0;
  }
  int highest = 0;
  for (const auto& s : subscriptions) highest = std::max(highest, s.qos);
  for (const auto& filter : connection.subscribe) {
    if (mosquitto_sub_topic_check(filter.c_str()) != MOSQ_ERR_SUCCESS) {
      return where(fmt::format("'{}' in 'subscribe' is no topic filter", filter));
    }
    self->wanted_.emplace_back(filter, highest);
  }
  std::ranges::sort(self->wanted_);
  self->wanted_.erase(std::ranges::unique(self->wanted_).begin(), self->wanted_.end());
  for (auto& s : subscriptions) {
    if (!has_wildcard(s.filter)) {
      self->by_topic_[s.filter].push_back(s.sensor);
      continue;
    }
    auto found = std::ranges::find(self->by_filter_, s.filter, &Filtered::filter);
    if (found == self->by_filter_.end()) found = self->by_filter_.insert(found, {std::move(s.filter), {}});
    found->sensors.push_back(s.sensor);
  }

  // Two programs of one name would throw each other out; where no session waits at the broker, the name may differ each
  // time.
  if (!reliable && connection.client_id.empty()) client_id += fmt::format("-{:08x}", std::random_device{}());
  // Readings that shall not be lost while we are away wait in a session at the broker, which needs a name that stays.
  self->client_ = mosquitto_new(client_id.c_str(), !reliable, self.get());
  if (self->client_ == nullptr) return where(fmt::format("cannot make an MQTT client: {}", std::strerror(errno)));
  self->wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (self->wake_ < 0) return where(fmt::format("cannot make an eventfd: {}", std::strerror(errno)));
  auto* client = self->client_;
  mosquitto_threaded_set(client, true);
  // Without it an alarm waits for the acknowledgement of the packet before: 40 ms and more.
  mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_max_inflight_messages_set(client, 100);

  if (!connection.username.empty()) {
    std::string password;
    if (!connection.password_file.empty()) {
      auto secret = read_secret(connection.password_file);
      if (!secret) return std::unexpected(secret.error());
      password = std::move(*secret);
    }
    mosquitto_username_pw_set(client, connection.username.c_str(), password.empty() ? nullptr : password.c_str());
    std::fill(password.begin(), password.end(), '\0');
  }
  if (connection.tls) {
    for (const auto& [path, what] :
         {std::pair(&connection.ca_file, "authorities' certificates"),
          std::pair(&connection.cert_file, "client's certificate"), std::pair(&connection.key_file, "client's key")}) {
      if (auto readable = check_readable(*path, what); !readable) return std::unexpected(readable.error());
    }
    const auto or_null = [](const std::filesystem::path& p) { return p.empty() ? nullptr : p.c_str(); };
    const int code =
        mosquitto_tls_set(client, or_null(connection.ca_file), connection.ca_file.empty() ? "/etc/ssl/certs" : nullptr,
                          or_null(connection.cert_file), or_null(connection.key_file), nullptr);
    if (code != MOSQ_ERR_SUCCESS) return where(fmt::format("cannot use TLS: {}", mosquitto_strerror(code)));
  }

  mosquitto_connect_callback_set(client,
                                 [](mosquitto*, void* o, int c) { static_cast<MqttConnection*>(o)->on_connect(c); });
  mosquitto_disconnect_callback_set(
      client, [](mosquitto*, void* o, int c) { static_cast<MqttConnection*>(o)->on_disconnect(c); });
  mosquitto_message_callback_set(
      client, [](mosquitto*, void* o, const mosquitto_message* m) { static_cast<MqttConnection*>(o)->on_message(*m); });
  mosquitto_publish_callback_set(client,
                                 [](mosquitto*, void* o, int id) { static_cast<MqttConnection*>(o)->on_publish(id); });
  return self;
}

MqttConnection::~MqttConnection() {
  stop();
  if (client_ != nullptr) mosquitto_destroy(client_);
  if (wake_ >= 0) close(wake_);
}

void MqttConnection::start(Receiver& receiver) {
  receiver_ = &receiver;
  thread_ = std::thread([this] { run(); });
}

void MqttConnection::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (!thread_.joinable()) return;
  mosquitto_disconnect(client_);
  wake();
  thread_.join();
  const std::lock_guard lock(mutex_);
  dropped_.fetch_add(held_.size(), std::memory_order_relaxed);  // nobody will send them now
  held_.clear();
  held_states_.clear();
}

// The library's own waiting does not notice a TCP connection that fails before TLS begins: it would try to write for
// ever.
int MqttConnection::wait_for_socket() {
  const auto limit = std::chrono::steady_clock::now() + kConnectLimit;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return ECANCELED;
    }
    pollfd waiting{.fd = mosquitto_socket(client_), .events = POLLOUT, .revents = 0};
    if (poll(&waiting, 1, kPollMs) > 0) {
      int reason = 0;
      socklen_t size = sizeof reason;
      getsockopt(waiting.fd, SOL_SOCKET, SO_ERROR, &reason, &size);
      if (reason == 0 && (waiting.revents & (POLLERR | POLLHUP)) != 0) return ECONNREFUSED;
      return reason;
    }
    if (std::chrono::steady_clock::now() > limit) return ETIMEDOUT;
  }
}

std::string MqttConnection::why_down(int code, int reason) {
  const std::lock_guard lock(error_mutex_);
  if (!error_.empty()) return error_;
  if (code == MOSQ_ERR_ERRNO) return std::strerror(reason);
  if (code == MOSQ_ERR_EAI) return "its name cannot be resolved";
  if (code == MOSQ_ERR_CONN_LOST) return "the connection was lost";
  return mosquitto_strerror(code);
}

// Waits for the broker or for write(), takes what has come, and sends what is to go: an answer leaves in the turn of
// what it answers, where the library's own loop would wait once more in between.
int MqttConnection::turn(bool is_connected) {
  int code = MOSQ_ERR_SUCCESS;
  if (settings_.tls || !is_connected) {
    code = mosquitto_loop(client_, kPollMs, 1);  // it knows of bytes that TLS has read and not given out yet
  } else {
    pollfd waiting[] = {{mosquitto_socket(client_), POLLIN, 0}, {wake_, POLLIN, 0}};
    if (mosquitto_want_write(client_)) waiting[0].events |= POLLOUT;
    poll(waiting, 2, kPollMs);
    if (waiting[1].revents != 0) {
      eventfd_t count = 0;
      eventfd_read(wake_, &count);
    }
    if ((waiting[0].revents & ~POLLOUT) != 0) {
      for (int packets = 0; packets < kPacketsPerTurn && code == MOSQ_ERR_SUCCESS; ++packets) {
        errno = 0;
        code = mosquitto_loop_read(client_, 1);
        if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      }
    }
    // Pings and their limits: nothing that a moment changes.
    if (const auto now = std::chrono::steady_clock::now(); code == MOSQ_ERR_SUCCESS && now >= housekeeping_) {
      code = mosquitto_loop_misc(client_);
      housekeeping_ = now + kHousekeeping;
    }
  }
  if (code == MOSQ_ERR_SUCCESS && mosquitto_want_write(client_)) code = mosquitto_loop_write(client_, 1);
  return code;
}

void MqttConnection::wake() { eventfd_write(wake_, 1); }

void MqttConnection::run() {
  {
    const std::lock_guard lock(mutex_);
    loop_thread_ = std::this_thread::get_id();
  }
  std::minstd_rand random(std::random_device{}());
  auto pause = std::chrono::milliseconds(kFirstPause);
  const auto broker = fmt::format("{}:{}", settings_.host, settings_.port);
  const auto keepalive = static_cast<int>(settings_.keepalive.count());
  std::string told;
  for (;;) {
    {
      const std::lock_guard lock(error_mutex_);
      error_.clear();
    }
    listen_for_errors(true);
    errno = 0;
    int code = mosquitto_connect_async(client_, settings_.host.c_str(), settings_.port, keepalive);
    int reason = errno;
    if (code == MOSQ_ERR_SUCCESS) {
      reason = wait_for_socket();
      if (reason != 0)
        code = MOSQ_ERR_ERRNO;
      else if (settings_.tls)
        code = mosquitto_loop_read(client_, 1);  // says hello
    }
    bool was_connected = false;
    while (code == MOSQ_ERR_SUCCESS) {
      errno = 0;
      code = turn(was_connected);
      reason = errno;
      was_connected |= connected_;
      if (stopping_ && !connected_) break;
    }
    std::unique_lock lock(mutex_);
    connected_ = false;
    unreliable_sent_ = 0;
    if (stopping_) return;
    if (was_connected) pause = kFirstPause;
    lock.unlock();
    if (auto why = why_down(code, reason); was_connected || why != told) {
      receiver_->on_state(settings_.name, false,
                          fmt::format("broker {}: {}; trying again until it answers", broker, why));
      told = std::move(why);
    }
    lock.lock();
    // Half to three halves of the pause, so that a hall full of devices does not come back in one blow.
    const auto jittered = pause / 2 + std::chrono::milliseconds(random() % static_cast<unsigned>(pause.count() + 1));
    if (changed_.wait_for(lock, jittered, [this] { return stopping_.load(); })) return;
    pause = std::min(pause * 2, std::chrono::milliseconds(kLongestPause));
  }
}

void MqttConnection::on_connect(int code) {
  if (code != 0) {
    const std::lock_guard lock(error_mutex_);
    error_ = fmt::format("refused: {}", mosquitto_connack_string(code));
    return;
  }
  listen_for_errors(false);
  receiver_->on_state(settings_.name, true, fmt::format("connected to broker {}:{}", settings_.host, settings_.port));
  subscribe();
  const std::lock_guard lock(mutex_);
  connected_ = true;
  send_held();
}

void MqttConnection::listen_for_errors(bool on) {
  if (!on) return mosquitto_log_callback_set(client_, nullptr);
  mosquitto_log_callback_set(client_, [](mosquitto*, void* o, int level, const char* text) {
    auto& self = *static_cast<MqttConnection*>(o);
    const std::lock_guard lock(self.error_mutex_);
    if (level == MOSQ_LOG_ERR) self.error_ = text;
  });
}

void MqttConnection::subscribe() {
  for (std::size_t begin = 0; begin < wanted_.size(); begin += kFiltersPerPacket) {
    const auto count = std::min(kFiltersPerPacket, wanted_.size() - begin);
    std::vector<char*> filters;
    int qos = 0;
    for (std::size_t i = begin; i < begin + count; ++i) {
      filters.push_back(wanted_[i].first.data());
      qos = std::max(qos, wanted_[i].second);  // the call has one for all
    }
    mosquitto_subscribe_multiple(client_, nullptr, static_cast<int>(count), filters.data(), qos, 0, nullptr);
  }
}

void MqttConnection::on_disconnect(int) {
  const std::lock_guard lock(mutex_);
  connected_ = false;
  unreliable_sent_ = 0;
  changed_.notify_all();
}

void MqttConnection::on_message(const mosquitto_message& message) {
  const std::string_view topic(message.topic);
  const std::string_view payload(static_cast<const char*>(message.payload),
                                 static_cast<std::size_t>(message.payloadlen));
  bool known = false;
  const auto arrive = [&](const std::vector<SensorId>& sensors) {
    known = true;
    for (const auto sensor : sensors)
      receiver_->on_arrival({.sensor = sensor, .bytes = payload, .is_kept = message.retain});
  };
  if (!by_topic_.empty()) {
    if (const auto found = by_topic_.find(topic); found != by_topic_.end()) arrive(found->second);
  }
  for (const auto& filtered : by_filter_) {
    if (topic_matches(filtered.filter, topic)) arrive(filtered.sensors);
  }
  if (!known) receiver_->on_unknown(topic);
}

void MqttConnection::on_publish(int message_id) {
  const std::lock_guard lock(mutex_);
  auto& count = reliable_[static_cast<std::uint16_t>(message_id)] ? reliable_sent_ : unreliable_sent_;
  if (count > 0) --count;
  reliable_[static_cast<std::uint16_t>(message_id)] = false;
  send_held();
  changed_.notify_all();
}

bool MqttConnection::publish(std::string_view topic, std::string_view payload, int qos, bool retain) {
  if (!connected_ || reliable_sent_ + unreliable_sent_ >= kMqttOutstanding) return false;
  // The library wants its topic with an end; topics are short and usually fit the string's own buffer.
  const std::string name(topic);
  int id = 0;
  const int code =
      mosquitto_publish(client_, &id, name.c_str(), static_cast<int>(payload.size()), payload.data(), qos, retain);
  if (code != MOSQ_ERR_SUCCESS) return false;
  reliable_[static_cast<std::uint16_t>(id)] = qos > 0;
  ++(qos > 0 ? reliable_sent_ : unreliable_sent_);
  return true;
}

void MqttConnection::write(const Message& message) {
  const std::lock_guard lock(mutex_);
  // Behind what is held already, or the order would change.
  if (held_.empty() && publish(message.topic, message.payload, message.qos, message.retain)) {
    if (std::this_thread::get_id() != loop_thread_) wake();
    return;
  }
  hold(message);
}

void MqttConnection::hold(const Message& message) {
  if (message.is_state) {
    if (const auto older = held_states_.find(message.port); older != held_states_.end()) {
      held_.erase(older->second);
      held_states_.erase(older);
    }
  } else if (held_.size() - held_states_.size() >= kMqttHeld) {
    // States are as many as there are ports; of the events the oldest goes.
    held_.erase(std::ranges::find_if(held_, [](const Held& h) { return !h.is_state; }));
    dropped_.fetch_add(1, std::memory_order_relaxed);
  }
  held_.push_back({message.port, message.is_state, message.retain, message.qos, std::string(message.topic),
                   std::string(message.payload)});
  if (message.is_state) held_states_[message.port] = std::prev(held_.end());
}

void MqttConnection::send_held() {
  while (!held_.empty()) {
    const auto& h = held_.front();
    if (!publish(h.topic, h.payload, h.qos, h.retain)) return;
    if (h.is_state) held_states_.erase(h.port);
    held_.pop_front();
  }
}

void MqttConnection::flush() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, 1s,
                    [this] { return !connected_ || (held_.empty() && reliable_sent_ == 0 && unreliable_sent_ == 0); });
}

}  // namespace eyeflow::runtime
