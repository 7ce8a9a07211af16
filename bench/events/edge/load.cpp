// Load for a relay, and what comes of it: publishes events to a broker, hears the alarms, takes the uploads.
//
//   edge_load --mode latency --port 18883 --seconds 3 --rate 1000 --hot 20 --pid PEER
//   edge_load --mode window  --port 18883 --seconds 2 --window 50 --hot 10 --pid PEER
//   edge_load --mode first   --port 18883
//
// `latency` publishes at a rate; `window` as fast as alarms come back, with at most so many outstanding; `first` prints
// "ready" and then publishes hot events until the first alarm, told in ns of CLOCK_MONOTONIC. One JSON object on
// stdout. A latency is from just before publish() of a hot event to the alarm with its number.
#include <fmt/format.h>
#include <mosquitto.h>
#include <poll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/events/edge/upload_sink.h"

namespace eyeflow::bench {
namespace {

constexpr std::uint32_t kMaxEvents = 1u << 22;
constexpr std::uint32_t kSensors = 100;
constexpr int kUploadPort = 18080;
constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * kSecond + t.tv_nsec;
}

void sleep_until(std::int64_t at) {
  const timespec t{at / kSecond, at % kSecond};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr);
}

struct Options {
  std::string mode = "latency";
  int port = 18883, qos = 0, window = 50;
  double seconds = 3, rate = 1000, hot = 20;  // hot: percent of the events that raise an alarm
  pid_t peer = 0;
};

// What has become of each event, by its number. Filled from three threads.
struct Book {
  std::vector<std::int64_t> sent = std::vector<std::int64_t>(kMaxEvents), alarmed = sent;
  std::vector<std::uint8_t> uploaded = std::vector<std::uint8_t>(kMaxEvents);
  std::atomic<std::uint64_t> alarms = 0, duplicates = 0, uploads = 0;
  std::atomic<std::int64_t> last_alarm = 0;

  void alarm(std::uint32_t seq, std::int64_t at) {
    if (seq >= kMaxEvents) return;
    if (alarmed[seq] != 0) {
      ++duplicates;
      return;
    }
    alarmed[seq] = at;
    last_alarm = at;
    ++alarms;
  }
  void upload(std::uint32_t seq) {
    if (seq < kMaxEvents && std::exchange(uploaded[seq], 1) == 0) ++uploads;
  }
};

class Client {
 public:
  Client(const char* id, int port, void* user) : client_(mosquitto_new(id, true, user)) {
    mosquitto_int_option(client_, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_max_inflight_messages_set(client_, 0);
    for (int tries = 0; mosquitto_connect(client_, "127.0.0.1", port, 60) != MOSQ_ERR_SUCCESS; ++tries) {
      if (tries == 1000) throw std::runtime_error("no broker on port " + std::to_string(port));
      usleep(5000);
    }
  }
  ~Client() { mosquitto_destroy(client_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  mosquitto* get() const { return client_; }

 private:
  mosquitto* client_;
};

// Hears alarms on a thread of its own.
class Listener {
 public:
  Listener(const Options& options, Book& book) : book_(book), client_("edge-listener", options.port, this) {
    mosquitto_message_callback_set(client_.get(), [](mosquitto*, void* self, const mosquitto_message* message) {
      const std::int64_t at = now_ns();
      for_each_seq({static_cast<const char*>(message->payload), static_cast<std::size_t>(message->payloadlen)},
                   [&](std::uint32_t seq) { static_cast<Listener*>(self)->book_.alarm(seq, at); });
    });
    mosquitto_subscribe_callback_set(client_.get(), [](mosquitto*, void* self, int, int, const int*) {
      static_cast<Listener*>(self)->ready_ = true;
    });
    mosquitto_subscribe(client_.get(), nullptr, "alarm/#", options.qos);
    thread_ = std::thread([this] {
      prctl(PR_SET_TIMERSLACK, 1);
      while (!stopping_) mosquitto_loop(client_.get(), 100, 1);
    });
    for (int tries = 0; !ready_ && tries < 5000; ++tries) usleep(1000);
    if (!ready_) throw std::runtime_error("the broker does not answer");
  }
  ~Listener() {
    stopping_ = true;
    thread_.join();
  }

 private:
  Book& book_;
  Client client_;
  std::atomic<bool> ready_ = false, stopping_ = false;
  std::thread thread_;
};

class Publisher {
 public:
  Publisher(const Options& options, Book& book)
      : options_(options), book_(book), client_("edge-publisher", options.port, nullptr) {}

  void publish(bool hot) {
    const std::uint32_t seq = next_++;
    // Any deterministic scatter does: temperatures on both sides of the limit, never on it.
    std::uint32_t r = seq * 747796405u + 2891336453u;
    r ^= r >> 15;
    const double temp = hot ? 81.5 + (r % 1500) / 100.0 : 20.0 + (r % 5500) / 100.0;
    book_.sent[seq] = now_ns();
    const int size = std::snprintf(payload_, sizeof payload_,
                                   "{\"id\":%u,\"seq\":%u,\"ts\":%lld,\"temp\":%.2f,\"hum\":%.1f,\"vib\":%.4f,"
                                   "\"site\":\"plant-07/line-3\",\"fw\":\"1.4.2\"}",
                                   seq % kSensors, seq, static_cast<long long>(book_.sent[seq]), temp,
                                   30 + (r % 400) / 10.0, (r % 997) / 10000.0);
    std::snprintf(topic_, sizeof topic_, "sensors/%u/env", seq % kSensors);
    if (hot) ++hot_sent_;
    mosquitto_publish(client_.get(), nullptr, topic_, size, payload_, options_.qos, false);
    if (options_.qos > 0 || mosquitto_want_write(client_.get()) || seq % 64 == 0) service(0);
  }
  void publish() { publish(next_is_hot()); }

  void service(int wait_ms) {
    pollfd socket{mosquitto_socket(client_.get()), POLLIN, 0};
    if (mosquitto_want_write(client_.get())) socket.events |= POLLOUT;
    if (poll(&socket, 1, wait_ms) > 0) {
      if ((socket.revents & POLLIN) != 0) mosquitto_loop_read(client_.get(), 64);
      if ((socket.revents & POLLOUT) != 0) mosquitto_loop_write(client_.get(), 64);
    }
    mosquitto_loop_misc(client_.get());
  }
  std::uint32_t next() const { return next_; }
  std::uint64_t hot_sent() const { return hot_sent_; }
  bool has_room() const { return next_ + 16 < kMaxEvents; }

 private:
  bool next_is_hot() const {
    return ((next_ * 2654435761u) >> 12) % 1000 < static_cast<std::uint32_t>(options_.hot * 10);
  }

  const Options& options_;
  Book& book_;
  Client client_;
  std::uint32_t next_ = 1;
  std::uint64_t hot_sent_ = 0;
  char payload_[256], topic_[64];
};

// The publisher's own lateness, which is in every latency: what the machine adds.
std::vector<std::int64_t> publish_paced(Publisher& publisher, double rate, double seconds) {
  std::vector<std::int64_t> late;
  const std::int64_t begin = now_ns();
  const auto count = static_cast<std::int64_t>(rate * seconds);
  for (std::int64_t i = 0; i < count && publisher.has_room(); ++i) {
    const std::int64_t due = begin + static_cast<std::int64_t>(static_cast<double>(i) * 1e9 / rate);
    if (now_ns() < due) sleep_until(due);
    late.push_back(now_ns() - due);
    publisher.publish();
  }
  return late;
}

// Keeps `window` alarms outstanding; what does not come within 300 ms is lost and written off.
void publish_in_window(Publisher& publisher, Book& book, int window, double seconds) {
  const std::int64_t end = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
  std::uint64_t written_off = publisher.hot_sent() - book.alarms, seen = book.alarms;
  for (std::int64_t moved = now_ns(); now_ns() < end && publisher.has_room();) {
    if (publisher.hot_sent() - book.alarms - written_off < static_cast<std::uint64_t>(window)) {
      publisher.publish();
    } else {
      publisher.service(1);
    }
    if (book.alarms != seen) {
      seen = book.alarms;
      moved = now_ns();
    } else if (now_ns() - moved > 300'000'000) {
      written_off = publisher.hot_sent() - book.alarms;
      moved = now_ns();
    }
  }
}

template <typename F>
void wait_while(Publisher& publisher, double seconds, F&& condition) {
  const std::int64_t end = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
  while (now_ns() < end && condition()) publisher.service(5);
}

double cpu_seconds(pid_t process) {
  clockid_t clock{};
  timespec t{};
  if (process == 0 || clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &t) != 0) return 0;
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

double percentile(std::vector<std::int64_t>& sorted_ns, double share) {
  if (sorted_ns.empty()) return -1;
  const auto at = static_cast<std::size_t>(share * static_cast<double>(sorted_ns.size() - 1) + 0.5);
  return static_cast<double>(sorted_ns[at]) / 1000.0;
}

void first_alarm(Publisher& publisher, Book& book) {
  fmt::print("ready\n");
  std::fflush(stdout);
  std::int64_t next = now_ns();
  for (const std::int64_t end = next + 30 * kSecond; book.alarms == 0 && next < end; next += 1'000'000) {
    publisher.publish(true);
    publisher.service(0);
    sleep_until(next);
  }
  std::int64_t first = 0;
  for (const std::int64_t at : book.alarmed)
    if (at != 0 && (first == 0 || at < first)) first = at;
  fmt::print("{{\"first_alarm_ns\":{}}}\n", first);
}

void measure(const Options& options, Publisher& publisher, Book& book) {
  publish_paced(publisher, 500, 0.5);  // warm, and not counted
  wait_while(publisher, 1, [&] { return book.alarms < publisher.hot_sent(); });
  wait_while(publisher, 2, [&] { return book.uploads + 1 < publisher.next(); });

  const std::uint32_t first = publisher.next();
  const std::uint64_t hot = publisher.hot_sent(), alarms = book.alarms;
  const double cpu = cpu_seconds(options.peer);
  const std::int64_t begin = now_ns();
  std::vector<std::int64_t> late;
  if (options.mode == "latency") {
    late = publish_paced(publisher, options.rate, options.seconds);
  } else {
    publish_in_window(publisher, book, options.window, options.seconds);
  }
  wait_while(publisher, 2, [&] { return book.alarms - alarms < publisher.hot_sent() - hot; });
  const double took = static_cast<double>(std::max<std::int64_t>(book.last_alarm, begin + 1) - begin) * 1e-9;
  const std::uint32_t events = publisher.next() - first;
  // With all of them uploaded: a peer that puts work off has not saved it.
  const auto uploaded = [&] {
    return std::count(book.uploaded.begin() + first, book.uploaded.begin() + publisher.next(), std::uint8_t{1});
  };
  wait_while(publisher, 5, [&] { return uploaded() < events; });
  const double used = cpu_seconds(options.peer) - cpu;

  std::vector<std::int64_t> latencies;
  for (std::uint32_t seq = first; seq < publisher.next(); ++seq)
    if (book.alarmed[seq] != 0) latencies.push_back(book.alarmed[seq] - book.sent[seq]);
  std::ranges::sort(latencies);
  std::ranges::sort(late);
  fmt::print(
      "{{\"events\":{},\"hot\":{},\"alarms\":{},\"duplicates\":{},\"uploaded\":{},\"per_second\":{:.0f},"
      "\"p50_us\":{:.1f},\"p90_us\":{:.1f},\"p99_us\":{:.1f},\"late_p99_us\":{:.1f},\"cpu_us\":{:.3f}}}\n",
      events, publisher.hot_sent() - hot, book.alarms - alarms, book.duplicates.load(), uploaded(), events / took,
      percentile(latencies, 0.5), percentile(latencies, 0.9), percentile(latencies, 0.99), percentile(late, 0.99),
      used * 1e6 / events);
}

std::optional<Options> read_options(int argc, char** argv) {
  Options o;
  const std::map<std::string_view, double*> numbers{{"--seconds", &o.seconds}, {"--rate", &o.rate}, {"--hot", &o.hot}};
  const std::map<std::string_view, int*> integers{
      {"--port", &o.port}, {"--qos", &o.qos}, {"--window", &o.window}, {"--pid", &o.peer}};
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view key = argv[i];
    if (key == "--mode") {
      o.mode = argv[i + 1];
    } else if (numbers.contains(key)) {
      *numbers.at(key) = std::atof(argv[i + 1]);
    } else if (integers.contains(key)) {
      *integers.at(key) = std::atoi(argv[i + 1]);
    } else {
      return std::nullopt;
    }
  }
  if (argc % 2 == 0 || (o.mode != "latency" && o.mode != "window" && o.mode != "first")) return std::nullopt;
  return o;
}

}  // namespace
}  // namespace eyeflow::bench

int main(int argc, char** argv) {
  using namespace eyeflow::bench;
  const auto options = read_options(argc, argv);
  if (!options) {
    fmt::print(stderr,
               "usage: edge_load --mode latency|window|first [--port N] [--qos N] [--seconds S] [--rate N] "
               "[--hot PERCENT] [--window N] [--pid PEER]\n");
    return 2;
  }
  prctl(PR_SET_TIMERSLACK, 1);
  mosquitto_lib_init();
  try {
    Book book;
    const UploadSink sink(
        kUploadPort, [&](std::string_view body) { for_each_seq(body, [&](std::uint32_t seq) { book.upload(seq); }); });
    const Listener listener(*options, book);
    Publisher publisher(*options, book);
    options->mode == "first" ? first_alarm(publisher, book) : measure(*options, publisher, book);
  } catch (const std::exception& error) {
    fmt::print(stderr, "edge_load: {}\n", error.what());
    return 1;
  }
  return 0;
}
