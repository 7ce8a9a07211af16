#include "runtime/connectors/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>

#include "runtime/connectors/time_text.h"

namespace eyeflow::runtime {
namespace {

using namespace std::chrono_literals;

void append_text(std::string& out, std::string_view text) {
  const bool quoted = text.find_first_of(",\"\r\n") != std::string_view::npos;
  if (quoted) out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  if (quoted) out += '"';
}

std::string header_of(const FileOutput& output) {
  std::string line = "time,instance";
  for (const auto& column : output.columns) {
    line += ',';
    append_text(line, column);
  }
  return line + '\n';
}

}  // namespace

void append_csv(std::string& out, const Datum::Value& value) {
  const auto number = [&](auto n) {
    if (std::isfinite(n)) fmt::format_to(std::back_inserter(out), "{}", n == 0 ? decltype(n){0} : n);
  };
  std::visit(
      [&](const auto& v) {
        using V = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<V, bool>) {
          out += v ? "true" : "false";
        } else if constexpr (std::is_floating_point_v<V>) {
          number(v);
        } else if constexpr (std::is_integral_v<V>) {
          fmt::format_to(std::back_inserter(out), "{}", v);
        } else if constexpr (std::is_same_v<V, std::string_view>) {
          append_text(out, v);
        } else if constexpr (!std::is_same_v<V, std::monostate>) {
          append_time(out, v);
        }
      },
      value);
}

FileSink::FileSink(const Connection& connection, std::vector<FileOutput> outputs)
    : csv_(connection.kind == ConnectionKind::Csv), name_(connection.name), folder_(connection.folder) {
  for (const auto& output : outputs) {
    by_port_.emplace(output.port, outputs_.size());
    outputs_.push_back({.settings = {.path = folder_ / (output.name + (csv_ ? ".csv" : ".jsonl")),
                                     .header = csv_ ? header_of(output) : "",
                                     .max_bytes = connection.max_bytes,
                                     .max_files = connection.max_files}});
  }
}

FileSink::~FileSink() { stop(); }

void FileSink::start(Receiver& receiver) {
  thread_ = std::thread([this, &receiver] { run(receiver); });
}

void FileSink::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void FileSink::write(const Message& message) {
  const auto found = by_port_.find(message.port);
  if (found == by_port_.end()) return;
  const std::lock_guard lock(mutex_);
  std::string& waiting = outputs_[found->second].waiting;
  const std::size_t before = waiting.size();
  if (csv_) {
    append_time(waiting, message.record->time);
    waiting += ',';
    append_text(waiting, message.record->instance);
    for (const Datum& field : message.record->fields) {
      waiting += ',';
      append_csv(waiting, field.value);
    }
  } else {
    waiting += message.payload;
  }
  waiting += '\n';
  const std::size_t size = waiting.size() - before;
  if (stopping_ || held_bytes_ + size > kHeldBytes) {
    waiting.resize(before);
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  held_bytes_ += size;
  // Its thread looks every kGather; only much at once wakes it.
  if (held_bytes_ == size || held_bytes_ > kHeldBytes / 4) changed_.notify_all();
}

void FileSink::flush() {
  std::unique_lock lock(mutex_);
  hurry_ = true;
  changed_.notify_all();
  changed_.wait_for(lock, 1s, [this] { return held_bytes_ == 0 || failing_; });
}

void FileSink::run(Receiver& receiver) {
  // At once: what is torn is cut off, and a folder that cannot be written is known before there is something to lose.
  int at_start = 0;
  for (Output& output : outputs_) {
    if (const int code = write_out(output, receiver)) at_start = code;
  }
  tell(receiver, at_start);
  std::chrono::milliseconds pause = at_start == 0 ? 0ms : kFirstPause;
  std::unique_lock lock(mutex_);
  for (bool last = false; !last;) {
    const bool unsynced = std::ranges::any_of(outputs_, &Output::unsynced);
    const auto awake = [this] { return stopping_ || held_bytes_ > 0; };
    if (pause.count() > 0) {
      changed_.wait_for(lock, pause, [this] { return stopping_; });
    } else if (unsynced) {
      changed_.wait_until(lock, sync_due_, awake);
    } else {
      changed_.wait(lock, awake);
    }
    if (held_bytes_ > 0 && pause.count() == 0) {
      changed_.wait_for(lock, kGather, [this] { return stopping_ || hurry_ || held_bytes_ > kHeldBytes / 4; });
    }
    hurry_ = false;
    last = stopping_;
    for (Output& output : outputs_) {
      if (output.writing.empty()) {
        output.writing.swap(output.waiting);
      } else {
        output.writing += output.waiting;
        output.waiting.clear();
      }
    }
    lock.unlock();
    const int failed = write_all(receiver);
    if (last || Clock::now() >= sync_due_) sync_all();
    tell(receiver, failed);
    lock.lock();
    failing_ = failed != 0;
    held_bytes_ = 0;
    for (const Output& output : outputs_) held_bytes_ += output.writing.size() + output.waiting.size();
    pause = failed == 0 ? 0ms : std::clamp(pause * 2, std::chrono::milliseconds(kFirstPause), kLongestPause);
    changed_.notify_all();
  }
  for (Output& output : outputs_) {
    const auto lines = static_cast<std::uint64_t>(std::ranges::count(output.writing, '\n'));
    dropped_.fetch_add(lines, std::memory_order_relaxed);  // nobody will write them now
    output.writing.clear();
  }
}

int FileSink::write_all(Receiver& receiver) {
  int failed = 0;
  for (Output& output : outputs_) {
    if (output.writing.empty() && output.file) continue;
    if (const int code = write_out(output, receiver)) failed = code;
  }
  return failed;
}

int FileSink::write_out(Output& output, Receiver& receiver) {
  if (output.file && output.file->is_gone()) output.file.reset();
  if (!output.file) {
    auto opened = LineFile::open(output.settings);
    if (!opened) return opened.error();
    output.file.emplace(std::move(*opened));
    if (const auto bytes = output.file->cut_off(); bytes > 0) {
      receiver.on_bad_row(
          fmt::format("{}: its last line was torn ({} bytes) and was cut off", output.settings.path.string(), bytes));
    }
  }
  std::string_view rest = output.writing;
  const int failed = output.file->append(rest);
  output.writing.erase(0, output.writing.size() - rest.size());
  if (failed != 0) output.file.reset();
  if (!output.unsynced && output.file) {
    output.unsynced = true;
    if (std::ranges::count(outputs_, true, &Output::unsynced) == 1) sync_due_ = Clock::now() + kSyncEvery;
  }
  return failed;
}

void FileSink::sync_all() {
  for (Output& output : outputs_) {
    if (output.unsynced && output.file && output.file->sync() != 0) output.file.reset();
    output.unsynced = false;
  }
}

void FileSink::tell(Receiver& receiver, int failed) {
  if (told_ == failed) return;
  if (failed == 0) {
    receiver.on_state(name_, true, fmt::format("writing to {}", folder_.string()));
  } else {
    receiver.on_state(name_, false,
                      fmt::format("{}: {}; lines wait in memory, up to 1 MB, and it is tried again; free some room, or "
                                  "name another folder in [connection.{}]",
                                  folder_.string(), std::strerror(failed), name_));
  }
  told_ = failed;
}

}  // namespace eyeflow::runtime
