#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "runtime/connectors/connector.h"
#include "runtime/site/site.h"
#include "runtime/sync/http.h"
#include "vm/base/result.h"

namespace eyeflow::runtime {

// Records into an InfluxDB, by its line protocol over HTTP(S): measurement = the output's name, tags device, task and
// instance. On one thread: a batch every kGather, or when kBatchLines wait. While the database is away, kHeldBytes of
// lines are held and sent with growing pauses; beyond, the oldest are dropped and counted. A batch may arrive twice,
// which InfluxDB makes good by itself: the same series and time is the same point.
class InfluxSink final : public Source, public Sink {
 public:
  static constexpr std::size_t kBatchLines = 1000;
  static constexpr std::size_t kHeldBytes = 4u << 20;
  static constexpr std::chrono::milliseconds kGather{1000}, kFirstPause{1000}, kLongestPause{60'000};

  // Reads the password or token; connects nothing yet.
  static Result<std::unique_ptr<InfluxSink>> make(const Connection& connection, const std::string& device);
  ~InfluxSink() override;

  // As a source it only tells of the database's state.
  void start(Receiver& receiver) override;
  void stop() override;

  Takes takes() const override { return Takes::Records; }
  void write(const Message& message) override;
  void flush() override;
  std::uint64_t dropped() const override { return dropped_.load(std::memory_order_relaxed); }

 private:
  struct Batch {
    std::string text;
    std::size_t lines = 0;
  };
  enum class Outcome { Done, Again, TooLarge };

  InfluxSink(const Connection& connection, const std::string& device);
  void run(Receiver& receiver);
  Outcome send(const Batch& batch, Receiver& receiver);
  void drop_oldest();  // mutex_ held
  std::int64_t time_of(const Record& record, PortId port);
  void tell(Receiver& receiver, bool up, std::string detail);

  std::string name_, origin_, device_tag_;
  HttpClient::Headers headers_;
  std::unique_ptr<HttpClient> client_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Batch> held_;  // oldest first; the last is being filled
  std::size_t held_bytes_ = 0;
  std::unordered_map<std::string, std::int64_t> last_time_;  // by series: no two records have one time
  std::string series_;
  bool sending_ = false, stopping_ = false, hurry_ = false;
  bool up_ = true;  // until a try fails
  std::atomic<std::uint64_t> dropped_ = 0;
  std::chrono::milliseconds asked_{0};  // of the thread: what the database asked for
  std::string told_;                    // of the thread
  std::thread thread_;
};

// One line of the protocol, with its end. A record without any value gives none. `device_tag` is escaped already.
void append_influx_line(std::string& out, std::string_view device_tag, const Record& record, std::int64_t time_ns);

// A name or a tag's value, escaped. Line breaks, which neither can hold, become blanks.
void append_influx_name(std::string& out, std::string_view text, bool is_measurement);

}  // namespace eyeflow::runtime
