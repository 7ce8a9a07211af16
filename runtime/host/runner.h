#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "runtime/host/actor.h"
#include "runtime/host/clock.h"
#include "runtime/host/counters.h"
#include "runtime/host/outputs.h"
#include "runtime/host/timers.h"
#include "runtime/payload/decoder.h"

namespace eyeflow::runtime {

// What one thread needs to decode and to run any instance.
struct Lane {
  vm::Worker worker;
  Decoder decoder;
  Buffer scratch;
  std::vector<char> bytes;  // of a reading that waited
  Keeper::Scratch keeping;
  std::uint64_t texts_cut_before = 0;
};

// Brings readings and timers to instances. The rule that all of it keeps: an instance is run by one thread at a time.
// A small handler runs at once on the thread that brought the reading if the instance is idle; everything else goes
// through the instance's queue to a pool of low-priority threads.
class Runner {
 public:
  // A handler of at most this fuel runs inline: about 100 µs in the interpreter.
  static constexpr std::uint64_t kInlineFuel = 20'000;
  static constexpr std::chrono::seconds kStopLimit{2};

  Runner(const HostClock& clock, Outputs& outputs, Counters& counters, std::vector<std::unique_ptr<TaskInfo>> tasks,
         const Deployment& deployment, std::function<void()> on_earlier_timer);
  ~Runner() { stop(); }

  // Before the instances start. What they leave is kept from then on.
  void keep_with(Keeper& keeper, const Site& site, const Deployment& deployment);
  // Instead, where nothing can be kept: what the site wants kept of it is counted as lost.
  void keep_nothing(const Site& site, const Deployment& deployment);

  std::unique_ptr<Lane> make_lane() const;
  // Before any other thread. Instances of which something was kept go on, the others begin.
  void start_instances(Lane& lane, const Site& site, const Deployment& deployment);
  void start_pool(unsigned threads);
  // After the sources. What waits in queues is still handled, for kStopLimit; the rest is dropped and counted, because
  // switches must come to `safe` before whoever asked us to stop loses patience.
  void stop();
  void stop_instances(Lane& lane);  // after that: what tasks do at their end

  void deliver(Lane& lane, Actor& actor, std::span<const Reading> readings);  // in this order
  void command(Lane& lane, AlarmCommand command);                             // what an operator does
  // It cannot be done: `text` says why, in the log and to whoever asked.
  void refuse(const AlarmCommand& command, std::string_view text);
  void run_due_timers(Lane& lane);
  // Keeps every instance to which something happened: those that are idle now, the others before they become idle.
  void keep_all(Lane& lane);
  vm::TimeNs next_timer() const { return timers_.next(); }

  std::vector<std::unique_ptr<Actor>>& actors() { return actors_; }
  const std::vector<std::unique_ptr<TaskInfo>>& tasks() const { return tasks_; }

 private:
  void deliver_one(Lane& lane, Actor& actor, const Reading& reading);
  bool is_small(const Actor& actor, const Reading& reading) const;
  void handle(Lane& lane, Actor& actor, std::span<const Reading> readings);
  bool react(Lane& lane, Actor& actor, const Reading& reading, vm::TimeNs now);
  void advance(Lane& lane, Actor& actor, vm::TimeNs until);
  void keep_if_due(Lane& lane, Actor& actor, bool may_wait);
  void operate(Lane& lane, Actor& actor, const AlarmCommand& command);
  bool emit_effects(Lane& lane, Actor& actor);  // true when one raised an alarm
  void tell_faults(Lane& lane, Actor& actor);
  void count_what_waits(Actor& actor);
  void tell_late(Actor& actor, std::chrono::nanoseconds took, vm::TimeNs within_ns);
  void update_deadline(Actor& actor);
  void enter(Actor& actor, vm::TimeNs at);
  void finish(Lane& lane, Actor& actor, int budget);
  void schedule(Actor& actor);
  void pool_thread();

  const HostClock& clock_;
  Outputs& outputs_;
  Counters& counters_;
  std::vector<std::unique_ptr<TaskInfo>> tasks_;
  std::vector<std::unique_ptr<Actor>> actors_;
  Timers timers_;
  Keeper* keeper_ = nullptr;
  std::function<void()> on_earlier_timer_;

  std::mutex pool_mutex_;
  std::condition_variable pool_wake_, pool_ended_;
  std::vector<Actor*> waiting_;  // a ring; each actor stands in it at most once
  std::size_t waiting_head_ = 0, waiting_size_ = 0;
  std::atomic<bool> stopping_ = false;
  std::size_t pool_running_ = 0;
  std::atomic<bool> abandoning_ = false;  // readings that wait are not handled any more
  std::vector<std::thread> pool_;
};

}  // namespace eyeflow::runtime
