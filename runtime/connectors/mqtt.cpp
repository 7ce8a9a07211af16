#include "runtime/connectors/mqtt.h"

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "runtime/mqtt/topic.h"
#include "runtime/net/backoff.h"

namespace eyeflow::runtime {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kFirstPause = 250ms;
constexpr auto kLongestPause = 30s;
constexpr int kPollMs = 250;  // how soon a stop is noticed where only a limit is waited for
constexpr itimerspec kHousekeeping{.it_interval = {1, 0}, .it_value = {1, 0}};  // to look whether the broker is there
constexpr auto kConnectLimit = 20s;      // of all that comes before the first packet
constexpr auto kAddressLimit = 5s;       // of an address that is not the last one of its name
constexpr int kMessagesPerTurn = 16;     // before what they led to is sent
constexpr int kSendsPerTurn = 4;         // before we read again
constexpr std::size_t kKept = 64 << 10;  // of the buffer to send from; what a burst took beyond goes back

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

std::unexpected<Error> stopped() { return fail("stopped"); }

}  // namespace

Result<std::unique_ptr<MqttConnection>> MqttConnection::make(const Connection& connection, std::string client_id,
                                                             std::vector<MqttSubscription> subscriptions) {
  const auto where = [&](std::string_view what) {
    return fail(fmt::format("[connection.{}]: {}", connection.name, what));
  };
  mqtt::Session::Settings session{.client_id = connection.client_id.empty() ? client_id : connection.client_id,
                                  .username = connection.username,
                                  .password = {},
                                  .keepalive = connection.keepalive,
                                  .subscriptions = {}};
  auto& wanted = session.subscriptions;
  int highest = 0;
  for (const auto& s : subscriptions) {
    if (!mqtt::is_filter(s.filter)) {
      return where(fmt::format("'{}' is no topic; + and # must stand alone between slashes", s.filter));
    }
    if (connection.subscribe.empty() || s.sensor == kCommands) wanted.push_back({s.filter, s.qos});
    highest = std::max(highest, s.qos);
  }
  for (const auto& filter : connection.subscribe) {
    if (!mqtt::is_filter(filter)) return where(fmt::format("'{}' in 'subscribe' is no topic filter", filter));
    wanted.push_back({filter, highest});
  }
  std::ranges::sort(wanted);
  wanted.erase(std::ranges::unique(wanted).begin(), wanted.end());

  // Readings that shall not be lost while we are away wait in a session at the broker, which needs a name that stays.
  session.clean = highest == 0;
  // Two programs of one name would throw each other out; where no session waits at the broker, the name may differ each
  // time.
  if (session.clean && connection.client_id.empty())
    session.client_id += fmt::format("-{:08x}", std::random_device{}());
  if (!connection.username.empty() && !connection.password_file.empty()) {
    auto secret = read_secret(connection.password_file);
    if (!secret) return std::unexpected(secret.error());
    session.password = std::move(*secret);
  }
  for (const auto* text : {&session.client_id, &session.username})
    if (text->size() > 0xFFFF) return where("a client_id or username has at most 65535 bytes");
  if (session.password && session.password->size() > 0xFFFF) return where("a password has at most 65535 bytes");
  if (!connection.status.empty()) {
    if (!mqtt::is_topic(connection.status))
      return where(fmt::format("'{}' in 'status' is no topic", connection.status));
    if (std::max(connection.online.size(), connection.offline.size()) > 0xFFFF)
      return where("'online' and 'offline' have at most 65535 bytes");
    session.presence.emplace(connection.status, connection.online, connection.offline);
  }
  if (connection.tls) {
    for (const auto& [path, what] :
         {std::pair(&connection.ca_file, "authorities' certificates"),
          std::pair(&connection.cert_file, "client's certificate"), std::pair(&connection.key_file, "client's key")}) {
      if (auto readable = check_readable(*path, what); !readable) return std::unexpected(readable.error());
    }
  }

  std::unique_ptr<MqttConnection> self(new MqttConnection(connection, std::move(session)));
  for (auto& s : subscriptions) {
    if (!mqtt::has_wildcard(s.filter)) {
      self->by_topic_[s.filter].push_back(s.sensor);
      continue;
    }
    auto found = std::ranges::find(self->by_filter_, s.filter, &Filtered::filter);
    if (found == self->by_filter_.end()) found = self->by_filter_.insert(found, {std::move(s.filter), {}});
    found->sensors.push_back(s.sensor);
  }
  self->wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  self->timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  self->epoll_ = epoll_create1(EPOLL_CLOEXEC);
  // At their edge: nobody has to read the eventfd.
  bool good = timerfd_settime(self->timer_, 0, &kHousekeeping, nullptr) == 0;
  for (const int fd : {self->wake_, self->timer_}) {
    epoll_event at_its_edge{.events = EPOLLIN | EPOLLET, .data = {.fd = fd}};
    good = good && epoll_ctl(self->epoll_, EPOLL_CTL_ADD, fd, &at_its_edge) == 0;
  }
  if (!good) return where(fmt::format("cannot make an eventfd, a timer or epoll: {}", std::strerror(errno)));
  return self;
}

MqttConnection::~MqttConnection() {
  stop();
  for (const int fd : {wake_, timer_, epoll_})
    if (fd >= 0) close(fd);
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
  wake();
  thread_.join();
  const std::lock_guard lock(mutex_);
  dropped_.fetch_add(held_.size(), std::memory_order_relaxed);  // nobody will send them now
  held_.clear();
  held_states_.clear();
}

void MqttConnection::wake() {
  if (!to_send_.exchange(true)) eventfd_write(wake_, 1);
}

std::string MqttConnection::broker() const { return fmt::format("{}:{}", settings_.host, settings_.port); }

// ---- the way to a connection

void MqttConnection::run() {
  // TLS writes to its socket as to a file.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  {
    const std::lock_guard lock(mutex_);
    loop_thread_ = std::this_thread::get_id();
  }
  net::Backoff backoff(kFirstPause, kLongestPause);
  std::string told;
  for (;;) {
    was_connected_ = false;
    std::string why;
    if (auto stream = reach())
      why = work(*stream).error().message;
    else
      why = stream.error().message;
    if (stopping_) return;
    if (was_connected_) backoff.succeeded();
    if (was_connected_ || why != told) {
      receiver_->on_state(settings_.name, false,
                          fmt::format("broker {}: {}; trying again until it answers", broker(), why));
      told = std::move(why);
    }
    if (!pause(backoff.after_failure())) return;
  }
}

bool MqttConnection::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [this] { return stopping_.load(); });
}

Result<net::Stream> MqttConnection::reach() {
  const auto limit = Clock::now() + kConnectLimit;
  net::Lookup lookup(settings_.host, settings_.port);
  auto addresses = lookup.wait(0ms);
  while (!addresses) {
    if (stopping_) return stopped();
    if (Clock::now() > limit) return fail("its name cannot be resolved: no name server answers");
    addresses = lookup.wait(std::chrono::milliseconds(kPollMs));
  }
  if (!*addresses) return std::unexpected(addresses->error());
  Result<net::Stream> stream = fail("its name has no address");
  for (std::size_t n = 0; n < (*addresses)->size(); ++n) {
    const bool is_last = n + 1 == (*addresses)->size();
    stream = reach((**addresses)[n], is_last ? limit : std::min(limit, Clock::now() + kAddressLimit));
    if (stream || stopping_) break;
  }
  return stream;
}

Result<net::Stream> MqttConnection::reach(const net::Address& address, mqtt::SteadyTime limit) {
  auto stream = net::Stream::open(address);
  if (!stream) return stream;
  if (auto waited = wait_for(*stream, true, limit); !waited) return std::unexpected(waited.error());
  if (auto connected = stream->connected(); !connected) return std::unexpected(connected.error());
  if (!settings_.tls) return stream;
  auto secured = stream->secure({.host = settings_.host,
                                 .ca_file = settings_.ca_file,
                                 .cert_file = settings_.cert_file,
                                 .key_file = settings_.key_file});
  if (!secured) return std::unexpected(secured.error());
  for (;;) {
    const auto needs = stream->shake_hands();
    if (!needs) return std::unexpected(needs.error());
    if (*needs == TlsClient::Needs::Nothing) return stream;
    if (auto waited = wait_for(*stream, *needs == TlsClient::Needs::ToWrite, limit); !waited)
      return std::unexpected(waited.error());
  }
}

Result<void> MqttConnection::wait_for(const net::Stream& stream, bool to_write, mqtt::SteadyTime limit) {
  for (;;) {
    if (stopping_) return stopped();
    pollfd waiting{.fd = stream.socket(), .events = static_cast<short>(to_write ? POLLOUT : POLLIN), .revents = 0};
    if (poll(&waiting, 1, kPollMs) > 0) return {};
    if (Clock::now() > limit) return fail(std::strerror(ETIMEDOUT));
  }
}

// ---- at work

// Until the connection is over, which is an error always.
[[gnu::hot]] Result<void> MqttConnection::work(net::Stream& stream) {
  reader_.reset();
  sending_.clear();
  sent_ = 0;
  is_full_ = has_more_ = has_packets_ = is_ending_ = false;
  {
    const std::lock_guard lock(mutex_);
    session_.begin(Clock::now());
    to_send_ = true;
  }
  // A wait tells only what is new: each read takes what there is, or remembers that there is more. What TLS keeps back
  // it does not know; there, what was left is told again.
  const std::uint32_t usual = EPOLLIN | EPOLLRDHUP | (stream.is_secure() ? 0u : EPOLLET);
  Result<void> going;
  std::uint32_t watched = 0;
  while (going) {
    if (to_send_.load(std::memory_order_relaxed) || (sent_ < sending_.size() && !is_full_)) going = send(stream);
    if (!going) break;
    if (stopping_) {
      going = stopped();
      break;
    }
    const std::uint32_t events = usual | (is_full_ || stream.is_waiting_to_write() ? EPOLLOUT : 0u);
    if (events != watched) {
      epoll_event of_socket{.events = events, .data = {.fd = stream.socket()}};
      epoll_ctl(epoll_, watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, stream.socket(), &of_socket);
      watched = events;
    }
    epoll_event happened[3];
    const int count = epoll_wait(epoll_, happened, std::size(happened), has_more_ || has_packets_ || to_send_ ? 0 : -1);
    bool is_time = false;
    for (int n = 0; n < count; ++n) {
      is_time |= happened[n].data.fd == timer_;
      if (happened[n].data.fd == stream.socket()) notice(happened[n].events, stream);
    }
    if (has_more_ || has_packets_) going = read(stream);
    // Read, or it would not go on.
    if (std::uint64_t times = 0; going && is_time && ::read(timer_, &times, sizeof times) > 0) {
      const std::lock_guard lock(mutex_);
      if (auto alive = session_.tick(Clock::now()); !alive) going = fail(alive.error());
      to_send_ = true;
    }
  }
  const std::lock_guard lock(mutex_);
  if (stopping_) {
    session_.leave();
    // As far as it goes without waiting: whoever stops us has waited in flush().
    sending_.erase(0, sent_);
    sending_ += session_.out();
    static_cast<void>(stream.write(sending_));
  }
  session_.end();
  all_is_sent_ = true;
  changed_.notify_all();
  return going;
}

void MqttConnection::notice(std::uint32_t events, const net::Stream& stream) {
  if ((events & EPOLLOUT) != 0) is_full_ = false;
  has_more_ |= (events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0 || stream.is_waiting_to_write();
  is_ending_ |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
}

// One turn's worth: what it leads to goes out before the next.
[[gnu::hot]] Result<void> MqttConnection::read(net::Stream& stream) {
  if (!std::exchange(has_packets_, false)) {
    const auto room = reader_.room();
    const auto size = stream.read(room);
    if (!size) return std::unexpected(size.error());
    reader_.filled(*size);
    has_more_ = *size == room.size() || stream.has_more() || is_ending_;
  }
  return take_packets();
}

[[gnu::hot]] Result<void> MqttConnection::take_packets() {
  for (int messages = 0;;) {
    if (messages == kMessagesPerTurn) {
      has_packets_ = true;
      return {};
    }
    const auto packet = reader_.next();
    if (!packet) return fail("it sends what is not MQTT 3.1.1: " + packet.error());
    if (!*packet) return {};
    if ((**packet).type == mqtt::PacketType::Publish) {
      const auto taken = session_.take(**packet);
      if (!taken) return fail("it sends what is not MQTT 3.1.1: " + taken.error());
      if (!taken->repeated) take_message(*taken->message);
      if (taken->message->qos > 0) {
        const std::lock_guard lock(mutex_);
        session_.done(*taken->message);
        to_send_ = true;
      }
      ++messages;
      continue;
    }
    std::unique_lock lock(mutex_);
    const auto taken = session_.take(**packet);
    if (!taken) return fail(taken.error());
    send_held();
    to_send_ = true;
    if (session_.unacknowledged() == 0) changed_.notify_all();
    lock.unlock();
    if (taken->connected) {
      was_connected_ = true;
      receiver_->on_state(settings_.name, true, fmt::format("connected to broker {}", broker()));
    }
    if (!taken->refused.empty()) {
      receiver_->on_state(settings_.name, true,
                          fmt::format("broker {} does not let us subscribe {}; check what it allows this user",
                                      broker(), taken->refused));
    }
  }
}

[[gnu::hot]] void MqttConnection::take_message(const mqtt::Publish& message) {
  if (message.left_out > 0) {
    return receiver_->on_bad_row(fmt::format("a message of {} bytes from '{}' is too large and was dropped",
                                             message.payload.size() + message.left_out, message.topic));
  }
  bool known = false;
  const auto arrive = [&](const std::vector<SensorId>& sensors) {
    known = true;
    receiver_->on_arrivals(sensors, {.bytes = message.payload, .is_kept = message.retain});
  };
  if (!by_topic_.empty()) {
    if (const auto found = by_topic_.find(message.topic); found != by_topic_.end()) arrive(found->second);
  }
  for (const auto& filtered : by_filter_) {
    if (mqtt::topic_matches(filtered.filter, message.topic)) arrive(filtered.sensors);
  }
  if (!known) receiver_->on_unknown(message.topic);
}

// Whatever there is, by one call for all of it.
[[gnu::hot]] Result<void> MqttConnection::send(net::Stream& stream) {
  to_send_ = false;
  for (int calls = 0;;) {
    if (sent_ == sending_.size()) {
      sending_.clear();
      sent_ = 0;
      if (sending_.capacity() > kKept) sending_ = {};
      const std::lock_guard lock(mutex_);
      std::swap(sending_, session_.out());
      all_is_sent_ = sending_.empty();
      if (all_is_sent_) {
        send_held();  // what had no room before
        if (session_.out().empty()) {
          changed_.notify_all();
          return {};
        }
        continue;
      }
    }
    if (++calls > kSendsPerTurn) {
      to_send_ = true;
      return {};
    }
    const auto size = stream.write(std::string_view(sending_).substr(sent_));
    if (!size) return std::unexpected(size.error());
    sent_ += *size;
    is_full_ = *size == 0;
    if (is_full_) return {};
  }
}

// ---- what is to go out

[[gnu::hot]] bool MqttConnection::publish(std::string_view topic, std::string_view payload, int qos, bool retain) {
  if (!session_.publish(topic, payload, qos, retain)) return false;
  all_is_sent_ = false;
  return true;
}

[[gnu::hot]] void MqttConnection::write(const Message& message) {
  const std::lock_guard lock(mutex_);
  // Behind what is held already, or the order would change.
  if (held_.empty() && publish(message.topic, message.payload, message.qos, message.retain)) {
    if (std::this_thread::get_id() == loop_thread_)
      to_send_.store(true, std::memory_order_relaxed);  // it sends before it waits
    else
      wake();
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
  changed_.wait_for(lock, 1s, [this] {
    return !session_.is_connected() || (held_.empty() && all_is_sent_ && session_.unacknowledged() == 0);
  });
}

}  // namespace eyeflow::runtime
