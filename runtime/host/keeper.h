#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/host/clock.h"
#include "runtime/host/counters.h"
#include "runtime/host/deployment.h"
#include "runtime/host/render.h"
#include "runtime/site/site.h"
#include "runtime/storage/store.h"
#include "vm/engine/engine.h"

namespace eyeflow::runtime {

// How the site wants its store ([storage] is there).
StoreOptions store_options(const Site& site);

// What the site and the task want of the rows of an instance's output; of what is no log, nothing.
StreamSettings wish_of(const Site& site, const Deployment& deployment, const Deployment::Instance& planned,
                       std::span<const vm::Output> outputs, std::size_t output);

// Rows as the task gave them. They become JSON when they are kept, many at a time: the code that writes numbers is not
// fetched for each event. It stops allocating once it has seen the most.
class GatheredRows {
 public:
  // `values` as the engine lays them out.
  void add(std::uint16_t output, vm::TimeNs time, std::span<const std::byte> values);
  std::size_t bytes() const { return bytes_.size(); }
  void clear() { bytes_.clear(); }

  template <typename F>
  void for_each(F&& use) const {  // in order: (output, time, values)
    for (std::size_t at = 0; at < bytes_.size();) {
      Head head;
      std::memcpy(&head, bytes_.data() + at, sizeof head);
      at += sizeof head;
      use(head.output, head.time, std::as_bytes(std::span(bytes_.data() + at, head.size)));
      at += head.size;
    }
  }

 private:
  struct Head {
    vm::TimeNs time;
    std::uint32_t size;
    std::uint16_t output;
  };
  Buffer bytes_;
};

// What an instance leaves to be kept. Of whoever runs the instance.
struct Keepsake {
  GatheredRows rows;                             // since it was kept last
  std::vector<std::optional<StreamId>> streams;  // by output; nothing: its rows are not kept
  std::vector<SlotId> parts;                     // of the snapshot
  std::vector<std::byte> last;                   // the snapshot as it was kept last; empty when it is one part
  bool was_kept = false;                         // by this run
  bool urgent = false;                           // a switch or an alarm changed: it is kept at once
  std::atomic<bool> is_dirty = false;            // something happened since it was kept last
};

// What the host keeps over a power cut, and takes back at a start: of each instance its rows and, in parts, its
// snapshot, always both of the same moment; the layouts that snapshots are read by; and the clock.
//
// Rows are gathered with the instance and nothing is saved until the instance is kept: at once when a switch or an
// alarm changed, when its rows are many, else every `commit`. So an event costs a copy of its rows, however large the
// state.
class Keeper {
 public:
  // A snapshot is compared and kept in parts of so many bytes: each fills a page of the database.
  static constexpr std::size_t kPartBytes = 3968;
  // An instance with rows of so many bytes, as its task gave them, is kept.
  static constexpr std::size_t kRowBytes = 16u << 10;

  // `on_commit` is called on a thread of the store.
  static std::expected<std::unique_ptr<Keeper>, OpenFailure> open(const Site& site, HostClock& clock,
                                                                  Counters& counters, std::function<void()> on_commit);

  Store& store() { return store_; }
  const Store& store() const { return store_; }

  // Before the instances start, and not later: it searches and allocates.
  std::unique_ptr<Keepsake> begin(const Site& site, const Deployment& deployment, const Deployment::Instance& planned,
                                  const vm::Instance& instance);
  // True: the instance goes on where it was, resume() is next. False: there is nothing of it, or nothing that can be
  // read (told in the log); start() is next.
  struct Outcome {
    bool resumed = false;
    std::vector<std::string> gone;  // alarms that stood and that this version of the task does not have
  };
  Outcome restore(const Site& site, const Deployment& deployment, const Deployment::Instance& planned,
                  vm::Instance& instance, vm::TimeNs now);
  void forget_past();  // what was found and not taken back stays on disk

  // Saves the instance with its rows; the buffers are the calling thread's. The source may wait for a slow disk.
  struct Scratch {
    std::vector<std::byte> snapshot;
    Buffer row;
    Changes changes;
  };
  void keep(const std::string& name, const vm::Instance& instance, Keepsake& keepsake, Scratch& scratch, bool may_wait);
  // All instances have been kept: it is committed now, with the clock.
  void commit(vm::TimeNs now);
  // Rows that are older than their log wants them go, if the clock can be believed.
  void expire(vm::TimeNs now);

 private:
  Keeper(Store store, HostClock& clock, Counters& counters)
      : store_(std::move(store)), clock_(clock), counters_(counters) {}
  void read_past();

  struct Past {
    std::map<std::string, std::map<std::uint32_t, std::vector<std::byte>>> parts;  // by instance, in order
    std::map<std::uint64_t, std::vector<std::byte>> layouts;                       // by their hash
    vm::TimeNs time = 0;          // the last that is known to have passed
    bool clock_believed = false;  // the clock was right then
  };
  Store store_;
  HostClock& clock_;
  Counters& counters_;
  Past past_;
  std::set<std::uint64_t> layouts_;  // that stand in the store
  SlotId clock_slot_{};
  bool was_clean_ = false;
  RateLimit refused_log_;
};

}  // namespace eyeflow::runtime
