#include "runtime/connectors/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <vector>

#include "runtime/payload/decoder.h"
#include "runtime/payload/number.h"

namespace eyeflow::runtime {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kCsvShape = "write time_ms,input,value as in 1500,t1,79.5";

Result<std::vector<std::string>> split_csv(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted) {
      if (c != '"') {
        fields.back() += c;
      } else if (i + 1 < line.size() && line[i + 1] == '"') {
        fields.back() += line[++i];
      } else {
        quoted = false;
      }
    } else if (c == '"' && fields.back().empty()) {
      quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  if (quoted) return fail(fmt::format("a quote is not closed; {}", kCsvShape));
  return fields;
}

bool is_json_lines(const std::filesystem::path& file) {
  return file.extension() == ".jsonl" || file.extension() == ".ndjson";
}

}  // namespace

Result<ReplayRow> parse_csv_row(std::string_view line) {
  auto fields = split_csv(line);
  if (!fields) return std::unexpected(fields.error());
  if (fields->size() != 3) return fail(fmt::format("{} columns instead of 3; {}", fields->size(), kCsvShape));
  const auto time = parse_number((*fields)[0]);
  if (!time || !(time->as_real() >= 0)) return fail(fmt::format("'{}' is no time in ms; {}", (*fields)[0], kCsvShape));
  return ReplayRow{time->as_real(), std::string(trimmed((*fields)[1])), std::move((*fields)[2])};
}

void ReplaySource::start(Receiver& receiver) {
  thread_ = std::thread([this, &receiver] { run(receiver); });
}

void ReplaySource::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ReplaySource::run(Receiver& receiver) {
  const auto name = file_.string();
  std::ifstream in(file_);
  if (!in) {
    receiver.on_state(name, false,
                      fmt::format("cannot read it: {}; check 'file' in the site file", std::strerror(errno)));
    receiver.on_finished(name, "nothing was replayed");
    return;
  }
  receiver.on_state(name, true,
                    speed_ > 0 ? fmt::format("replaying at {} times the recorded speed", speed_)
                               : std::string("replaying as fast as it is handled"));
  const bool json = is_json_lines(file_);
  JsonRowReader reader;
  ReplayRow row;
  std::string line;
  std::uint64_t number = 0;
  double first_ms = NAN;
  const auto begin = Clock::now();
  while (std::getline(in, line)) {
    ++number;
    const auto text = trimmed(line);
    if (text.empty() || (number == 1 && !json && text == "time_ms,input,value")) continue;
    if (json) {
      const auto parsed = reader.read(text);
      if (!parsed) {
        receiver.on_bad_row(fmt::format("{}:{}: {}", name, number, parsed.error().message));
        continue;
      }
      row.time_ms = parsed->time_ms;
      row.input = parsed->input;
      row.value = parsed->value;
    } else {
      auto parsed = parse_csv_row(text);
      if (!parsed) {
        receiver.on_bad_row(fmt::format("{}:{}: {}", name, number, parsed.error().message));
        continue;
      }
      row = std::move(*parsed);
    }
    const auto sensor = sensors_.find(row.input);
    if (sensor == sensors_.end()) {
      receiver.on_unknown(fmt::format("{}:{}: input '{}'", name, number, row.input));
      continue;
    }
    if (std::isnan(first_ms)) first_ms = row.time_ms;
    std::unique_lock lock(mutex_);
    if (speed_ > 0) {
      // A time that goes back is due at once; far beyond any file's end the clock's own range would overflow.
      const double ahead_ms = std::min((row.time_ms - first_ms) / speed_, 1e12);
      const auto due = begin + std::chrono::nanoseconds(static_cast<std::int64_t>(ahead_ms * 1e6));
      wake_.wait_until(lock, due, [this] { return stopping_; });
    }
    if (stopping_) return;
    lock.unlock();
    receiver.on_arrival(
        {.sensor = sensor->second, .form = Arrival::Form::Bare, .bytes = row.value, .may_wait = speed_ <= 0});
  }
  receiver.on_finished(name, fmt::format("replayed {} lines to the end", number));
}

}  // namespace eyeflow::runtime
