#include "runtime/storage/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "runtime/storage/group.h"
#include "runtime/storage/writer.h"
#include "vm/base/check.h"

namespace eyeflow::runtime {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kTryAgain = std::chrono::milliseconds(200);
constexpr int kLastAttempts = 3;

}  // namespace

struct Store::Impl {
  Impl(StoreOptions with, FolderLock folder_lock, const DeviceKey& key)
      : options(std::move(with)), lock(std::move(folder_lock)), writer(options, key, counters) {}

  void work();
  void commit_next(std::unique_lock<std::mutex>& held);
  bool is_due(Clock::time_point now) const;
  bool is_waiting() const { return !filling.empty() || !acknowledged.empty(); }
  Clock::time_point deadline() const;
  void sleep(std::unique_lock<std::mutex>& held);
  template <typename F>
  void on_thread(F&& job);

  const StoreOptions options;
  std::optional<FolderLock> lock;
  StoreCounters counters;
  StoreReport report;
  std::vector<KeptValue> kept;

  // Names; any thread.
  std::mutex names_mutex;
  std::vector<SlotInfo> slots;
  std::vector<StreamInfo> streams;
  std::map<std::pair<std::string, std::string>, SlotId, std::less<>> slot_ids;
  std::map<std::pair<std::string, std::string>, StreamId, std::less<>> stream_ids;
  std::uint64_t names_version = 0;

  // What waits for the store's thread; any thread.
  mutable std::mutex mutex;
  std::condition_variable wake;        // of the store's thread
  std::condition_variable room;        // a group was taken up
  std::condition_variable progressed;  // committed has moved, or the thread ended
  std::condition_variable answered;    // a job is done
  Group filling;
  Clock::time_point filling_since{};
  Clock::time_point next_beat{};  // a commit after the last one, where there are rows all the time
  Clock::time_point sleeps_until = Clock::time_point::min();  // the store's thread; earlier than all: it is awake
  std::uint64_t submitted = 0;
  std::atomic<std::uint64_t> committed = 0;
  std::uint64_t wanted = 0;  // somebody waits until this ticket is committed
  // Up to where the far side has rows, an entry an epoch: what the next commit is to tell, and what is not committed
  // yet, with the last of all.
  std::vector<RowNumber> acknowledged, told;
  std::deque<std::function<void()>> jobs;
  bool stopping = false, ended = false, ended_well = false;

  // Of the store's thread.
  Writer writer;
  Writer::Task task;
  bool is_behind = false;  // the task could not be committed and waits to be tried again
  Clock::time_point try_again{};
  std::vector<SlotInfo> known_slots;
  std::vector<StreamInfo> known_streams;
  std::uint64_t known_version = 0;

  std::thread thread;
};

// Who is woken must not find the mutex taken: on one core that costs two changes of threads more. So the mutex is given
// up before, here and below.

// Runs a job on the store's thread and waits for it. Not at all once the thread is to end.
template <typename F>
void Store::Impl::on_thread(F&& job) {
  std::unique_lock held(mutex);
  if (stopping) return;
  bool is_over = false;
  jobs.push_back([&] {
    job();
    {
      const std::scoped_lock lock(mutex);
      is_over = true;
    }
    answered.notify_all();
  });
  held.unlock();
  wake.notify_one();
  held.lock();
  answered.wait(held, [&] { return is_over; });
}

// When what waits is to be committed, if nothing makes it urgent. The mutex is held, as below.
//
// Rows that keep coming are committed in a beat, to which the thread sleeps without being woken by the first of them.
Clock::time_point Store::Impl::deadline() const {
  return filling_since < next_beat ? next_beat : filling_since + options.commit;
}

bool Store::Impl::is_due(Clock::time_point now) const {
  if (is_behind) return now >= try_again;
  if (!is_waiting()) return false;
  return filling.is_urgent() || wanted > committed || filling.row_bytes() >= options.queue_bytes / 2 ||
         now >= deadline();
}

void Store::Impl::sleep(std::unique_lock<std::mutex>& held) {
  const auto now = Clock::now();
  sleeps_until = is_behind         ? try_again
                 : is_waiting()    ? deadline()
                 : now < next_beat ? next_beat
                                   : Clock::time_point::max();
  if (sleeps_until == Clock::time_point::max()) {
    wake.wait(held);
  } else {
    wake.wait_until(held, sleeps_until);
  }
  sleeps_until = Clock::time_point::min();
}

void Store::Impl::work() {
  std::unique_lock held(mutex);
  while (true) {
    if (!jobs.empty()) {
      const auto job = std::move(jobs.front());
      jobs.pop_front();
      held.unlock();
      job();
      held.lock();
      continue;
    }
    if (stopping) break;
    const auto now = Clock::now();
    is_due(now) ? commit_next(held) : sleep(held);
  }
  for (int i = 0; i < kLastAttempts && (is_behind || is_waiting()); ++i) {
    commit_next(held);
    if (!is_behind) i = -1;  // what came meanwhile has its own attempts
  }
  const bool all = !is_behind && filling.empty();
  counters.rows_unwritten += filling.row_count() + (is_behind ? task.group.row_count() : 0);
  held.unlock();
  const bool good = writer.finish() && all;
  held.lock();
  ended = true;
  ended_well = good;
  progressed.notify_all();
  room.notify_all();
}

// The mutex is held, and given up while the disk works.
void Store::Impl::commit_next(std::unique_lock<std::mutex>& held) {
  if (!is_behind) {
    std::swap(task.group, filling);
    filling.clear();
    filling_since = Clock::now();
    next_beat = filling_since + options.commit;
    task.acknowledged = std::exchange(acknowledged, {});
    room.notify_all();
  }
  held.unlock();
  {
    const std::scoped_lock names(names_mutex);
    if (known_version != names_version) {
      known_slots = slots;
      known_streams = streams;
      known_version = names_version;
    }
  }
  is_behind = !writer.commit(task, known_streams, known_slots);
  if (is_behind) {
    try_again = Clock::now() + std::min<std::chrono::nanoseconds>(kTryAgain, options.commit);
  } else {
    const auto last = static_cast<std::uint64_t>(task.group.last());
    task.group.clear();
    if (last > committed) committed = last;
    if (options.on_commit) options.on_commit();
  }
  held.lock();
  if (!is_behind && !told.empty()) told = acknowledged.empty() ? std::vector{told.back()} : acknowledged;
  progressed.notify_all();
}

std::expected<Store, OpenFailure> Store::open(StoreOptions options) {
  // A disk that fails once is no reason to run without storage.
  const auto insist = [](auto&& work) {
    auto outcome = work();
    for (int i = 1; i < kLastAttempts && !outcome; ++i) outcome = work();
    return outcome;
  };
  std::optional<FolderLock> lock;
  bool in_use = false;
  const auto locked = insist([&] {
    auto taken = FolderLock::take(options.folder, in_use);
    if (taken) lock.emplace(std::move(*taken));
    return taken ? Result<void>{} : std::unexpected(taken.error());
  });
  if (!locked) return std::unexpected(OpenFailure{locked.error(), in_use});
  if (options.key_file.empty()) options.key_file = options.folder / "device.key";
  auto key = insist([&] { return load_or_make_device_key(options.key_file); });
  if (!key) return std::unexpected(OpenFailure{key.error()});
  if (!key->notice.empty() && options.on_notice) options.on_notice(key->notice);
  auto impl = std::make_unique<Impl>(std::move(options), std::move(*lock), key->key);
  if (const auto opened = impl->writer.open(impl->report, impl->kept); !opened) {
    return std::unexpected(OpenFailure{opened.error()});
  }
  impl->thread = std::thread([&store = *impl] { store.work(); });
  return Store(std::move(impl));
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&& other) noexcept {
  stop();
  impl_ = std::move(other.impl_);
  return *this;
}
Store::~Store() { stop(); }

const StoreReport& Store::report() const { return impl_->report; }
std::vector<KeptValue> Store::take_kept() { return std::exchange(impl_->kept, {}); }

SlotId Store::slot(SlotKind kind, std::string_view owner, std::string_view name) {
  const std::scoped_lock lock(impl_->names_mutex);
  const auto [at, is_new] = impl_->slot_ids.try_emplace(std::pair(std::string(owner), slot_name(kind, name)),
                                                        SlotId{static_cast<std::uint32_t>(impl_->slots.size())});
  if (is_new) {
    impl_->slots.push_back({at->first.first, at->first.second});
    ++impl_->names_version;
  }
  return at->second;
}

StreamId Store::stream(std::string_view owner, std::string_view log, const StreamSettings& settings) {
  const std::scoped_lock lock(impl_->names_mutex);
  const auto [at, is_new] =
      impl_->stream_ids.try_emplace(std::pair(std::string(owner), stream_name(log, settings.schema)),
                                    StreamId{static_cast<std::uint32_t>(impl_->streams.size())});
  if (is_new) impl_->streams.push_back({at->first.first, at->first.second, {}});
  impl_->streams[static_cast<std::size_t>(at->second)].settings = settings;
  ++impl_->names_version;
  return at->second;
}

Submitted Store::submit(const Changes& changes, bool may_wait) {
  Impl& s = *impl_;
  std::unique_lock held(s.mutex);
  if (changes.empty()) return {Ticket{s.submitted}, true};
  bool has_room = s.filling.has_room(changes, s.options.queue_bytes);
  if (!has_room && may_wait) {
    s.counters.waits.fetch_add(1, std::memory_order_relaxed);
    s.wake.notify_one();
    s.room.wait_for(held, kLongestWait, [&] { return s.ended || s.filling.has_room(changes, s.options.queue_bytes); });
    has_room = !s.ended && s.filling.has_room(changes, s.options.queue_bytes);
  }
  if (!has_room) s.counters.rows_refused.fetch_add(changes.rows(), std::memory_order_relaxed);
  const Ticket ticket{++s.submitted};
  const bool was_empty = s.filling.empty();
  const bool was_small = s.filling.row_bytes() < s.options.queue_bytes / 2;
  s.filling.take(changes, has_room, ticket);
  const bool is_first = was_empty && s.acknowledged.empty();
  if (is_first) s.filling_since = Clock::now();
  // Only for what changes when the thread has to act.
  const bool is_large = was_small && s.filling.row_bytes() >= s.options.queue_bytes / 2;
  const bool is_sooner = changes.is_urgent() || is_large || (is_first && s.deadline() < s.sleeps_until);
  held.unlock();
  if (is_sooner) s.wake.notify_one();
  return {ticket, has_room};
}

Ticket Store::submitted() const {
  const std::scoped_lock lock(impl_->mutex);
  return Ticket{impl_->submitted};
}

Ticket Store::committed() const { return Ticket{impl_->committed.load()}; }

bool Store::wait_until_committed(Ticket ticket, std::chrono::nanoseconds limit) {
  Impl& s = *impl_;
  std::unique_lock held(s.mutex);
  s.wanted = std::max(s.wanted, std::min(static_cast<std::uint64_t>(ticket), s.submitted));
  s.wake.notify_one();
  const auto is_there = [&] { return s.committed >= static_cast<std::uint64_t>(ticket); };
  s.progressed.wait_for(held, limit, [&] { return s.ended || is_there(); });
  return is_there();
}

Result<PrivateKey> Store::signing_key() const { return impl_->writer.key().signing_key(); }

OutboxBatch Store::outbox(std::size_t max_rows, std::size_t max_bytes, RowNumber after) {
  OutboxBatch batch;
  impl_->on_thread([&] {
    std::vector<RowNumber> told;
    {
      const std::scoped_lock lock(impl_->mutex);
      told = impl_->told;
    }
    batch = impl_->writer.outbox({.rows = max_rows, .bytes = max_bytes, .after = after, .told = told});
  });
  return batch;
}

void Store::acknowledge(std::uint64_t epoch, std::uint64_t sequence) {
  {
    const std::scoped_lock lock(impl_->mutex);
    const bool is_first = !impl_->is_waiting();
    if (is_first) impl_->filling_since = Clock::now();
    for (auto* list : {&impl_->acknowledged, &impl_->told}) {
      if (list->empty() || list->back().epoch != epoch) list->emplace_back().epoch = epoch;
      list->back().sequence = sequence;
    }
    if (!is_first || impl_->deadline() >= impl_->sleeps_until) return;
  }
  impl_->wake.notify_one();
}

HistoryRows Store::history(const HistoryQuery& query) { return impl_->writer.history(query); }

void Store::expire(vm::TimeNs now) {
  std::vector<StreamInfo> streams;
  {
    const std::scoped_lock lock(impl_->names_mutex);
    streams = impl_->streams;
  }
  impl_->writer.expire(now, std::move(streams));
}

StoreStats Store::stats() const {
  const StoreCounters& c = impl_->counters;
  return {.commits = c.commits,
          .commit_failures = c.commit_failures,
          .rows_kept = c.rows_kept,
          .rows_queued = c.rows_queued,
          .rows_acknowledged = c.rows_acknowledged,
          .rows_refused = c.rows_refused,
          .rows_unwritten = c.rows_unwritten,
          .rows_dropped_history = c.rows_dropped_history,
          .rows_dropped_outbox = c.rows_dropped_outbox,
          .rows_dropped_early = c.rows_dropped_early,
          .rows_expired = c.rows_expired,
          .waits = c.waits,
          .outbox_rows = c.outbox_rows,
          .outbox_bytes = c.outbox_bytes,
          .history_bytes = c.history_bytes,
          .damaged_files = c.damaged_files,
          .lost_values = c.lost_values,
          .lost_rows = c.lost_rows,
          .disk_full = c.disk_full,
          .longest_commit = std::chrono::nanoseconds(c.longest_commit_ns.load())};
}

bool Store::stop() {
  if (!impl_) return true;
  Impl& s = *impl_;
  {
    const std::scoped_lock lock(s.mutex);
    s.stopping = true;
    s.wake.notify_one();
  }
  if (s.thread.joinable()) s.thread.join();
  s.lock.reset();
  return s.ended_well;
}

}  // namespace eyeflow::runtime
