#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "runtime/connectors/connector.h"
#include "runtime/connectors/line_file.h"
#include "runtime/site/site.h"

namespace eyeflow::runtime {

// An output that is written to a file of its own.
struct FileOutput {
  PortId port;
  std::string name;                  // of the file, without its ending
  std::vector<std::string> columns;  // CSV: of its records, behind time and instance
};

// Records in a folder, a file for each output: CSV or JSON lines. On one thread, which gathers lines for a moment and
// writes them in one call; on disk kSyncEvery later. While it cannot be written (a full disk), the newest kHeldBytes of
// lines are held; what does not fit is dropped and counted.
class FileSink final : public Source, public Sink {
 public:
  static constexpr std::size_t kHeldBytes = 1u << 20;
  static constexpr std::chrono::milliseconds kGather{200};
  static constexpr std::chrono::seconds kSyncEvery{5};
  static constexpr std::chrono::milliseconds kFirstPause{500}, kLongestPause{30'000};

  FileSink(const Connection& connection, std::vector<FileOutput> outputs);
  ~FileSink() override;

  // As a source it only tells of the folder's state.
  void start(Receiver& receiver) override;
  void stop() override;

  Takes takes() const override { return csv_ ? Takes::Records : Takes::Json; }
  void write(const Message& message) override;
  void flush() override;
  std::uint64_t dropped() const override { return dropped_.load(std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Output {
    LineFileSettings settings;
    std::optional<LineFile> file{};  // of the thread
    bool unsynced = false;           // of the thread
    std::string writing{};           // of the thread
    std::string waiting{};           // mutex_ held
  };

  void run(Receiver& receiver);
  int write_all(Receiver& receiver);
  int write_out(Output& output, Receiver& receiver);
  void sync_all();
  void tell(Receiver& receiver, int failed);

  const bool csv_;
  std::string name_;
  std::filesystem::path folder_;
  std::vector<Output> outputs_;
  std::unordered_map<PortId, std::size_t> by_port_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t held_bytes_ = 0;  // waiting, and being written
  bool stopping_ = false, hurry_ = false, failing_ = false;
  std::atomic<std::uint64_t> dropped_ = 0;
  std::optional<int> told_;  // of the thread: what was said last, 0: all is well
  Clock::time_point sync_due_{};
  std::thread thread_;
};

// Fields of a line of CSV (RFC 4180). A line break in a text becomes a blank, so that a record is a line.
void append_csv(std::string& out, const Datum::Value& value);

}  // namespace eyeflow::runtime
