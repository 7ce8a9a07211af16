#include "tests/system/broker.h"

#include <mosquitto.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <thread>

namespace eyeflow::test {

using namespace std::chrono_literals;

namespace {

bool accepts_connections(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

// Debian puts servers where a user's PATH does not look.
std::string mosquitto_program() {
  return access("/usr/sbin/mosquitto", X_OK) == 0 ? "/usr/sbin/mosquitto" : "mosquitto";
}

}  // namespace

Broker::Broker(const TemporaryFolder& folder)
    : config_(folder / "mosquitto.conf"), log_(folder / "mosquitto.log"), port_(free_port()) {
  write_file(config_, "listener " + std::to_string(port_) +
                          " 127.0.0.1\n"
                          "allow_anonymous true\n"
                          "persistence false\n"
                          "set_tcp_nodelay true\n"
                          "max_inflight_messages 0\n"
                          "max_queued_messages 100000\n");
  start();
}

void Broker::stop() {
  process_->signal(SIGKILL);
  process_->wait(3s);
  process_.reset();
}

void Broker::start() {
  process_ = std::make_unique<Process>(std::vector<std::string>{mosquitto_program(), "-c", config_.string()}, log_);
  for (int tries = 0; tries < 500; ++tries) {
    if (accepts_connections(port_)) return;
    if (!process_->is_running()) break;
    std::this_thread::sleep_for(20ms);
  }
  throw std::runtime_error("mosquitto did not start: " + read_file(log_));
}

struct MqttProbe::Callbacks {
  static void connected(mosquitto* client, void* self, int) {
    mosquitto_subscribe(client, nullptr, static_cast<MqttProbe*>(self)->filter_.c_str(), 1);
  }
  static void subscribed(mosquitto*, void* self, int, int, const int*) {
    auto& probe = *static_cast<MqttProbe*>(self);
    const std::lock_guard lock(probe.mutex_);
    probe.subscribed_ = true;
    probe.arrived_.notify_all();
  }
  static void message(mosquitto*, void* self, const mosquitto_message* message) {
    auto& probe = *static_cast<MqttProbe*>(self);
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(probe.mutex_);
    probe.messages_.push_back(
        {message->topic, std::string(static_cast<const char*>(message->payload), message->payloadlen), now});
    probe.arrived_.notify_all();
  }
};

MqttProbe::MqttProbe(int port, std::string filter) : filter_(std::move(filter)) {
  mosquitto_lib_init();
  client_ = mosquitto_new(nullptr, true, this);
  mosquitto_int_option(client_, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_max_inflight_messages_set(client_, 0);
  mosquitto_connect_callback_set(client_, &Callbacks::connected);
  mosquitto_subscribe_callback_set(client_, &Callbacks::subscribed);
  mosquitto_message_callback_set(client_, &Callbacks::message);
  mosquitto_reconnect_delay_set(client_, 1, 1, false);
  if (mosquitto_connect(client_, "127.0.0.1", port, 30) != MOSQ_ERR_SUCCESS) throw std::runtime_error("no broker");
  mosquitto_loop_start(client_);
  std::unique_lock lock(mutex_);
  if (!arrived_.wait_for(lock, 10s, [&] { return subscribed_; })) throw std::runtime_error("no subscription");
}

MqttProbe::~MqttProbe() {
  mosquitto_disconnect(client_);
  mosquitto_loop_stop(client_, true);
  mosquitto_destroy(client_);
}

void MqttProbe::publish(const std::string& topic, const std::string& payload, bool retain) {
  mosquitto_publish(client_, nullptr, topic.c_str(), static_cast<int>(payload.size()), payload.data(), 1, retain);
}

std::vector<Message> MqttProbe::heard() const {
  const std::lock_guard lock(mutex_);
  return messages_;
}

}  // namespace eyeflow::test
