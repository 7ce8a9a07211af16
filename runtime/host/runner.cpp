#include "runtime/host/runner.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "vm/base/check.h"

namespace eyeflow::runtime {
namespace {

using Clock = std::chrono::steady_clock;

// How many waiting readings a thread handles before it lets another instance have its turn.
constexpr int kTurn = 16;
constexpr int kShortWaits = 1000;          // of 20 µs, for an instance that others keep short
constexpr std::size_t kMostCommands = 64;  // that may wait for an instance
constexpr int kPoolNice = 10;

// Whatever may happen to it, its handlers take so little that any thread may run them.
bool is_short(const Actor& actor) { return actor.task.most_fuel <= Runner::kInlineFuel; }

}  // namespace

Runner::Runner(const HostClock& clock, Outputs& outputs, Counters& counters,
               std::vector<std::unique_ptr<TaskInfo>> tasks, const Deployment& deployment,
               std::function<void()> on_earlier_timer)
    : clock_(clock),
      outputs_(outputs),
      counters_(counters),
      tasks_(std::move(tasks)),
      timers_(deployment.instances.size()),
      on_earlier_timer_(std::move(on_earlier_timer)) {
  actors_.reserve(deployment.instances.size());
  for (const auto& planned : deployment.instances) {
    const auto number = static_cast<std::uint32_t>(actors_.size());
    actors_.push_back(std::make_unique<Actor>(number, *tasks_[planned.task], planned));
  }
  waiting_.resize(std::max<std::size_t>(1, actors_.size()));
}

std::unique_ptr<Lane> Runner::make_lane() const {
  auto lane = std::make_unique<Lane>();
  for (const auto& task : tasks_) lane->worker.serve(*task->program);
  return lane;
}

void Runner::keep_with(Keeper& keeper, const Site& site, const Deployment& deployment) {
  keeper_ = &keeper;
  for (const auto& actor : actors_) {
    actor->kept = keeper.begin(site, deployment, deployment.instances[actor->number], actor->instance);
    actor->writer.kept = actor->kept.get();
  }
}

void Runner::keep_nothing(const Site& site, const Deployment& deployment) {
  for (const auto& actor : actors_) {
    const auto& outputs = actor->writer.module->outputs;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const auto wish = wish_of(site, deployment, deployment.instances[actor->number], outputs, i);
      actor->writer.lost.push_back(wish.keep || wish.sync);
    }
  }
}

void Runner::start_instances(Lane& lane, const Site& site, const Deployment& deployment) {
  const auto now = clock_.now();  // one for all: delays of different instances keep their order
  for (const auto& actor : actors_) {
    Keeper::Outcome past;
    if (keeper_ != nullptr) {
      past = keeper_->restore(site, deployment, deployment.instances[actor->number], actor->instance, now);
    }
    if (past.resumed) {
      const auto& alarms = actor->writer.module->alarms;
      for (std::uint16_t i = 0; i < alarms.size(); ++i) {
        if (actor->instance.is_active(vm::AlarmId{i})) outputs_.recall_alarm(actor->writer, alarms[i], now);
      }
      for (const auto& name : past.gone) outputs_.drop_alarm(actor->writer, name, now);
      actor->skipped_before = actor->instance.windows_skipped();  // an earlier run has counted those
      actor->late_before = actor->instance.readings_late();
      actor->instance.resume(lane.worker, now);
    } else {
      actor->instance.start(lane.worker, now);
    }
    emit_effects(lane, *actor);
    tell_faults(lane, *actor);
    update_deadline(*actor);
    if (actor->kept) keeper_->keep(actor->writer.name, actor->instance, *actor->kept, lane.keeping, true);
  }
  if (keeper_ != nullptr) {
    keeper_->forget_past();
    keeper_->commit(now);
  }
}

void Runner::keep_all(Lane& lane) {
  if (keeper_ == nullptr) return;
  bool any = false;
  for (const auto& owned : actors_) {
    Actor& actor = *owned;
    if (!actor.kept->is_dirty.load(std::memory_order_relaxed)) continue;
    any = true;
    {
      const std::lock_guard lock(actor.mutex);
      if (actor.state != Actor::State::Idle) {
        actor.keep_due = true;  // whoever runs it looks before it leaves
        continue;
      }
      actor.state = Actor::State::Running;
    }
    keeper_->keep(actor.writer.name, actor.instance, *actor.kept, lane.keeping, false);
    finish(lane, actor, is_short(actor) ? kTurn : 0);
  }
  if (any) keeper_->commit(clock_.now());
}

// After an event, when the world has been told: the disk comes last.
[[gnu::hot]] void Runner::keep_if_due(Lane& lane, Actor& actor, bool may_wait) {
  if (!actor.kept) return;
  if (actor.kept->urgent || actor.kept->rows.bytes() >= Keeper::kRowBytes) {
    keeper_->keep(actor.writer.name, actor.instance, *actor.kept, lane.keeping, may_wait);
  } else {
    actor.kept->is_dirty.store(true, std::memory_order_relaxed);
  }
}

void Runner::start_pool(unsigned threads) {
  pool_running_ = threads;
  for (unsigned i = 0; i < threads; ++i) pool_.emplace_back([this] { pool_thread(); });
}

void Runner::stop() {
  {
    std::unique_lock lock(pool_mutex_);
    stopping_ = true;
    pool_wake_.notify_all();
    if (!pool_ended_.wait_for(lock, kStopLimit, [this] { return pool_running_ == 0; })) {
      abandoning_ = true;
      for (const auto& actor : actors_)
        if (actor->models) actor->models->stop();  // one whose answer is waited for would hold the end up
    }
  }
  for (auto& thread : pool_) thread.join();
  pool_.clear();
}

void Runner::stop_instances(Lane& lane) {
  for (const auto& actor : actors_) {
    if (!actor->task.has_stop) continue;
    actor->instance.stop(lane.worker, clock_.now());
    emit_effects(lane, *actor);
    tell_faults(lane, *actor);
    if (actor->kept) actor->kept->is_dirty.store(true, std::memory_order_relaxed);
  }
}

[[gnu::hot]] void Runner::deliver(Lane& lane, Actor& actor, std::span<const Reading> readings) {
  bool is_ours = false;
  {
    const std::lock_guard lock(actor.mutex);
    is_ours = actor.state == Actor::State::Idle &&
              std::ranges::all_of(readings, [&](const Reading& reading) { return is_small(actor, reading); });
    if (is_ours) actor.state = Actor::State::Running;
  }
  if (!is_ours) {
    for (const auto& reading : readings) deliver_one(lane, actor, reading);
    return;
  }
  handle(lane, actor, readings);
  finish(lane, actor, kTurn);
}

// Whether it may be handled on the thread that brought it. Timers that are due by now come first, on the same thread.
[[gnu::hot]] bool Runner::is_small(const Actor& actor, const Reading& reading) const {
  return actor.task.reading_fuel[vm::index(reading.input)] <= kInlineFuel &&
         (actor.task.timer_fuel <= kInlineFuel ||
          actor.deadline.load(std::memory_order_relaxed) > clock_.at(reading.arrived));
}

void Runner::deliver_one(Lane& lane, Actor& actor, const Reading& reading) {
  {
    std::unique_lock lock(actor.mutex);
    // Where all that can happen is short, nobody waits for the pool, whose threads come last when the processor is
    // short of time; and a full queue is behind something short.
    int patience = reading.may_wait ? INT_MAX : is_short(actor) ? kShortWaits : 0;
    bool is_ours = false;
    for (;;) {
      if (is_short(actor) && actor.state == Actor::State::Scheduled) {
        actor.state = Actor::State::Running;
        is_ours = true;
        for (auto left = actor.queue.size(); left > 0; --left) {
          const Reading before = actor.queue.pop(lane.bytes);
          lock.unlock();
          handle(lane, actor, {&before, 1});
          lock.lock();
        }
        break;
      }
      if (actor.state == Actor::State::Idle || actor.queue.has_room(reading.input) || patience-- <= 0) break;
      lock.unlock();
      std::this_thread::sleep_for(std::chrono::microseconds(20));
      lock.lock();
    }
    if (!is_ours && (actor.state != Actor::State::Idle || !is_small(actor, reading))) {
      if (!actor.queue.push(reading)) {
        add(counters_.queue_drops);
        add(actor.task.counters.dropped);
        if (const auto more = counters_.drop_log.pass()) {
          log()->warn("{}: a reading of '{}' was dropped, its queue is full{}; the task is slower than its sensor",
                      actor.writer.name, actor.writer.module->inputs[vm::index(reading.input)].value.name,
                      and_more(*more));
        }
      }
      if (actor.state == Actor::State::Idle) {
        actor.state = Actor::State::Scheduled;
        schedule(actor);
      }
      return;
    }
    actor.state = Actor::State::Running;
  }
  handle(lane, actor, {&reading, 1});
  finish(lane, actor, kTurn);
}

// What came together. The clock is read once for all of it, when it is done.
[[gnu::hot]] void Runner::handle(Lane& lane, Actor& actor, std::span<const Reading> readings) {
  const SteadyTime arrived = readings.front().arrived;
  bool raised = false;
  for (const auto& reading : readings) raised |= react(lane, actor, reading, clock_.at(arrived));
  const auto took = Clock::now() - arrived;
  counters_.reading_latency.record(took, static_cast<std::uint32_t>(readings.size()));
  if (raised) counters_.alarm_latency.record(took);
  add(actor.task.counters.readings, readings.size());
  count_what_waits(actor);
  keep_if_due(lane, actor, readings.front().may_wait);
}

// True when it raised an alarm.
[[gnu::hot]] bool Runner::react(Lane& lane, Actor& actor, const Reading& reading, vm::TimeNs now) {
  // What was due before the reading came happened before it. What is due by now, but was not when it came, has to wait:
  // an instance that is behind would call its sensor silent while readings of it stand in the queue.
  if (actor.deadline.load(std::memory_order_relaxed) <= now) advance(lane, actor, now);
  const auto input = vm::index(reading.input);
  const auto event_time =
      reading.event_time == kAgeUnknown ? actor.instance.reading_time(reading.input) : reading.event_time;
  const vm::TypeKind kind = actor.writer.module->type(actor.writer.module->inputs[input].value.type)->kind;
  if (reading.is_bad) {
    actor.instance.deliver_bad(lane.worker, reading.input, event_time, now);
  } else if (kind == vm::TypeKind::Text) {
    actor.instance.deliver_text(lane.worker, reading.input, reading.bytes, event_time, now);
  } else if (kind != vm::TypeKind::Scalar) {
    actor.instance.deliver_elements(lane.worker, reading.input, std::as_bytes(std::span(reading.bytes)), event_time,
                                    now);
  } else {
    actor.instance.deliver(lane.worker, reading.input, reading.value, event_time, now);
  }
  const bool raised = emit_effects(lane, actor);
  if (const auto within = lane.worker.declared_within(); within > 0) [[unlikely]] {
    const auto took = Clock::now() - reading.arrived;
    if (took > std::chrono::nanoseconds(within)) tell_late(actor, took, within);
  }
  tell_faults(lane, actor);
  update_deadline(actor);
  return raised;
}

void Runner::advance(Lane& lane, Actor& actor, vm::TimeNs until) {
  const auto due = actor.deadline.load(std::memory_order_relaxed);
  const auto missed_before = actor.instance.missed_periods();
  vm::TimeNs within = 0;
  for (auto next = actor.instance.next_deadline(); next && *next <= until; next = actor.instance.next_deadline()) {
    actor.instance.advance(lane.worker, until, vm::CatchUp::Latest);
    if (const auto declared = lane.worker.declared_within(); declared > 0 && (within == 0 || declared < within))
      within = declared;
    emit_effects(lane, actor);
    tell_faults(lane, actor);
  }
  if (const auto missed = actor.instance.missed_periods() - missed_before; missed > 0)
    add(counters_.missed_periods, missed);
  const auto took = std::chrono::nanoseconds(clock_.now() - due);
  if (due != kNever && due <= until && within > 0 && took > std::chrono::nanoseconds(within))
    tell_late(actor, took, within);
  count_what_waits(actor);
  update_deadline(actor);
  keep_if_due(lane, actor, false);
}

void Runner::refuse(const AlarmCommand& command, std::string_view text) {
  log()->warn("a command for alarms: {}", text);
  outputs_.answer(command, false, text, clock_.now());
}

void Runner::command(Lane& lane, AlarmCommand command) {
  const auto found = std::ranges::find_if(actors_, [&](const auto& a) { return a->writer.name == command.instance; });
  if (found == actors_.end()) return refuse(command, fmt::format("there is no instance '{}'", command.instance));
  Actor& actor = **found;
  {
    std::unique_lock lock(actor.mutex);
    if (actor.commands.size() >= kMostCommands) {
      lock.unlock();
      return refuse(command, fmt::format("{} has {} that wait; try again", command.instance, kMostCommands));
    }
    actor.commands.push_back(std::move(command));
    if (actor.state != Actor::State::Idle) return;  // whoever runs it looks before it leaves
    actor.state = Actor::State::Running;
  }
  finish(lane, actor, kTurn);
}

void Runner::operate(Lane& lane, Actor& actor, const AlarmCommand& command) {
  const auto& alarms = actor.writer.module->alarms;
  const auto found = std::ranges::find(alarms, command.alarm, &vm::Alarm::name);
  if (found == alarms.end())
    return refuse(command, fmt::format("{} has no alarm '{}'", actor.writer.name, command.alarm));
  const vm::AlarmId alarm{static_cast<std::uint16_t>(found - alarms.begin())};
  const vm::TimeNs now = clock_.now();
  if (actor.deadline.load(std::memory_order_relaxed) <= now) advance(lane, actor, now);
  bool done = true;
  std::string text;
  if (command.only_asks) {
    text = vm::describe(*actor.writer.module, actor.instance.story(alarm), now);
  } else {
    static constexpr const char* kDone[] = {"acknowledged", "shelved", "unshelved"};
    done = actor.instance.act(lane.worker,
                              {.kind = command.kind,
                               .alarm = alarm,
                               .until = now + command.shelve_for.count(),
                               .by = command.by,
                               .why = command.why},
                              now);
    emit_effects(lane, actor);
    tell_faults(lane, actor);
    update_deadline(actor);
    keep_if_due(lane, actor, false);
    text = fmt::format("{} {} by {}{}{}", done ? "is" : "was already, or cannot be,",
                       kDone[static_cast<std::size_t>(command.kind)], command.by, command.why.empty() ? "" : ": ",
                       command.why);
  }
  log()->info("{}: alarm {}{} {}", actor.writer.name, command.alarm, command.only_asks ? ":" : "", text);
  outputs_.answer(command, done, text, now);
}

[[gnu::hot]] bool Runner::emit_effects(Lane& lane, Actor& actor) {
  bool raised = false, changed = false;
  for (const auto& effect : lane.worker.effects()) {
    outputs_.emit(actor.writer, effect, lane.scratch);
    raised |= effect.kind == vm::EffectKind::AlarmRaised;
    changed |= effect.kind != vm::EffectKind::Value && effect.kind != vm::EffectKind::Log;
  }
  if (changed && actor.kept) actor.kept->urgent = true;
  if (const auto cut = lane.worker.texts_cut(); cut != lane.texts_cut_before) {
    add(counters_.texts_cut, cut - lane.texts_cut_before);
    lane.texts_cut_before = cut;
  }
  return raised;
}

[[gnu::hot]] void Runner::tell_faults(Lane& lane, Actor& actor) {
  for (const auto& fault : lane.worker.faults()) {
    add(counters_.traps);
    add(actor.task.counters.traps);
    const auto more = counters_.trap_log.pass();
    if (!more) continue;
    const auto& module = *actor.writer.module;
    const auto& function = module.functions[vm::index(fault.function)];
    const auto place = fault.line == 0 ? std::string() : fmt::format(" ({}:{})", module.source, fault.line);
    log()->error("{}: {} in '{}'{}; what it had done is undone, the task goes on{}", actor.writer.name,
                 vm::describe(fault.trap), function.name, place, and_more(*more));
  }
}

// What instances count for themselves becomes the host's: of any thread, and over all of them.
[[gnu::hot]] void Runner::count_what_waits(Actor& actor) {
  const auto more = [](Count& total, std::uint64_t now, std::uint64_t& before) {
    if (now != before) add(total, now - std::exchange(before, now));
  };
  more(counters_.alarms_held_back, actor.instance.alarms_held_back(), actor.held_back_before);
  if (!actor.task.has_windows) return;
  more(counters_.windows_skipped, actor.instance.windows_skipped(), actor.skipped_before);
  more(counters_.readings_late, actor.instance.readings_late(), actor.late_before);
}

void Runner::tell_late(Actor& actor, std::chrono::nanoseconds took, vm::TimeNs within_ns) {
  add(counters_.deadlines_missed);
  add(actor.task.counters.deadlines_missed);
  if (const auto more = counters_.deadline_log.pass()) {
    log()->warn("{}: took {:.3f} ms, declared within {:.3f} ms{}", actor.writer.name,
                static_cast<double>(took.count()) / 1e6, static_cast<double>(within_ns) / 1e6, and_more(*more));
  }
}

[[gnu::hot]] void Runner::update_deadline(Actor& actor) {
  const auto next = actor.instance.next_deadline().value_or(kNever);
  actor.deadline.store(next, std::memory_order_relaxed);
  if (next < actor.entered.load(std::memory_order_relaxed)) enter(actor, next);
}

void Runner::enter(Actor& actor, vm::TimeNs at) {
  actor.entered.store(at, std::memory_order_relaxed);
  if (timers_.enter(actor.number, at)) on_earlier_timer_();
}

// Leaves the Running state: to Idle when nothing waits, to Scheduled when a turn is over.
[[gnu::hot]] void Runner::finish(Lane& lane, Actor& actor, int budget) {
  std::unique_lock lock(actor.mutex);
  for (;; --budget) {
    if (abandoning_.load(std::memory_order_relaxed)) {
      const auto left = actor.queue.clear();
      add(counters_.queue_drops, left);
      add(actor.task.counters.dropped, left);
    }
    // A sensor whose source we closed is not silent.
    if (stopping_.load(std::memory_order_relaxed)) actor.timer_due = false;
    if (std::exchange(actor.keep_due, false)) {
      lock.unlock();
      actor.kept->urgent = true;  // the others of its group are on disk already
      keep_if_due(lane, actor, false);
      lock.lock();
    }
    const bool has_work = actor.timer_due || !actor.queue.empty() || !actor.commands.empty();
    if (!has_work) {
      actor.state = Actor::State::Idle;
      return;
    }
    if (budget <= 0) {
      actor.state = Actor::State::Scheduled;
      schedule(actor);
      return;
    }
    if (!actor.commands.empty()) {
      const AlarmCommand command = std::move(actor.commands.front());
      actor.commands.erase(actor.commands.begin());
      lock.unlock();
      operate(lane, actor, command);
      lock.lock();
      continue;
    }
    // Readings first: each brings along the timers that were due when it came.
    if (!actor.queue.empty()) {
      const Reading reading = actor.queue.pop(lane.bytes);
      lock.unlock();
      handle(lane, actor, {&reading, 1});
    } else {
      actor.timer_due = false;
      lock.unlock();
      advance(lane, actor, clock_.now());
    }
    lock.lock();
  }
}

void Runner::run_due_timers(Lane& lane) {
  std::uint32_t number = 0;
  while (timers_.take_due(clock_.now(), number)) {
    Actor& actor = *actors_[number];
    actor.entered.store(kNever, std::memory_order_relaxed);
    std::unique_lock lock(actor.mutex);
    if (actor.state != Actor::State::Idle) {
      actor.timer_due = true;  // whoever runs it looks before it leaves
      continue;
    }
    if (const auto deadline = actor.deadline.load(std::memory_order_relaxed); deadline > clock_.now()) {
      lock.unlock();
      if (deadline != kNever) enter(actor, deadline);
      continue;
    }
    if (actor.task.timer_fuel <= kInlineFuel) {
      actor.state = Actor::State::Running;
      lock.unlock();
      advance(lane, actor, clock_.now());
      finish(lane, actor, is_short(actor) ? kTurn : 0);
    } else {
      actor.timer_due = true;
      actor.state = Actor::State::Scheduled;
      schedule(actor);
    }
  }
}

// The actor's mutex is held.
void Runner::schedule(Actor& actor) {
  if (std::exchange(actor.is_listed, true)) return;
  {
    const std::lock_guard lock(pool_mutex_);
    EYEFLOW_CHECK(waiting_size_ < waiting_.size());
    waiting_[(waiting_head_ + waiting_size_) % waiting_.size()] = &actor;
    ++waiting_size_;
  }
  pool_wake_.notify_one();
}

void Runner::pool_thread() {
  // Handlers that take long give way to the threads that decode. Where the system forbids it, all are equal.
  static_cast<void>(setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kPoolNice));
  const auto lane = make_lane();
  std::unique_lock lock(pool_mutex_);
  for (;;) {
    pool_wake_.wait(lock, [this] { return stopping_ || waiting_size_ > 0; });
    if (waiting_size_ == 0) {
      --pool_running_;
      pool_ended_.notify_one();
      return;
    }
    Actor& actor = *waiting_[waiting_head_];
    waiting_head_ = (waiting_head_ + 1) % waiting_.size();
    --waiting_size_;
    lock.unlock();
    bool is_due = false;
    {
      const std::lock_guard actor_lock(actor.mutex);
      actor.is_listed = false;
      is_due = actor.state == Actor::State::Scheduled;  // or somebody was quicker
      if (is_due) actor.state = Actor::State::Running;
    }
    if (is_due) finish(*lane, actor, kTurn);
    lock.lock();
  }
}

}  // namespace eyeflow::runtime
