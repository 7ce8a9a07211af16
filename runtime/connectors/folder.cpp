#include "runtime/connectors/folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <vector>

namespace eyeflow::runtime {

void FolderSource::start(Receiver& receiver) {
  thread_ = std::thread([this, &receiver] { run(receiver); });
}

void FolderSource::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void FolderSource::run(Receiver& receiver) {
  const auto name = folder_.string();
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error))
    if (at->is_regular_file(error) && !at->path().filename().string().starts_with('.')) files.push_back(at->path());
  if (error) {
    receiver.on_state(name, false, fmt::format("cannot list it: {}; check 'file' in the site file", error.message()));
    receiver.on_finished(name, "nothing was replayed");
    return;
  }
  std::ranges::sort(files);
  receiver.on_state(name, true, fmt::format("replaying its {} files", files.size()));
  auto due = std::chrono::steady_clock::now();
  std::string bytes;
  for (const auto& file : files) {
    {
      std::unique_lock lock(mutex_);
      if (speed_ > 0) wake_.wait_until(lock, due, [this] { return stopping_; });
      if (stopping_) return;
    }
    if (speed_ > 0)
      due += std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(period_.count()) / speed_));
    std::ifstream in(file, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
    if (!in.good() && !in.eof()) {
      receiver.on_bad_row(fmt::format("{}: cannot be read", file.string()));
      continue;
    }
    receiver.on_arrival({.sensor = sensor_, .bytes = bytes, .may_wait = speed_ <= 0});
  }
  receiver.on_finished(name, fmt::format("replayed {} files to the end", files.size()));
}

}  // namespace eyeflow::runtime
