#pragma once

#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/connectors/connector.h"
#include "vm/base/result.h"

namespace eyeflow::runtime {

// Plays a file of readings: CSV with the columns time_ms,input,value (a first line with these names may stand there) or
// JSON lines {"time_ms": 0, "input": "t1", "value": 79}; *.jsonl and *.ndjson are the latter. `input` is the sensor's
// name. Rows arrive spaced as their times are, `speed` times as fast; at speed 0 as fast as they can be handled.
class ReplaySource final : public Source {
 public:
  ReplaySource(std::filesystem::path file, double speed, std::map<std::string, SensorId, std::less<>> sensors)
      : file_(std::move(file)), speed_(speed), sensors_(std::move(sensors)) {}
  ~ReplaySource() override { stop(); }
  void start(Receiver& receiver) override;
  void stop() override;

 private:
  void run(Receiver& receiver);

  std::filesystem::path file_;
  double speed_;
  std::map<std::string, SensorId, std::less<>> sensors_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

struct ReplayRow {
  double time_ms = 0;
  std::string input;
  std::string value;
};

// One line of a CSV replay. A field may stand in double quotes, where "" is one quote.
Result<ReplayRow> parse_csv_row(std::string_view line);

}  // namespace eyeflow::runtime
