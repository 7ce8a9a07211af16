#include "runtime/host/keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "runtime/host/render.h"
#include "vm/engine/snapshot.h"

namespace eyeflow::runtime {
namespace {

constexpr std::string_view kClock = "clock", kLayout = "layout ";

// The host's clock as it stood, and whether it could be believed.
struct KeptClock {
  vm::TimeNs time = 0;
  std::uint64_t believed = 0;
};

vm::Word word_at(std::span<const std::byte> bytes, std::size_t at) {
  vm::Word word = 0;
  if (bytes.size() >= at + sizeof word) std::memcpy(&word, bytes.data() + at, sizeof word);
  return word;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// Rows of one task's instance as JSON.
void write_rows(const vm::Module& module, const Keepsake& keepsake, Keeper::Scratch& scratch, Count& too_long) {
  keepsake.rows.for_each([&](std::uint16_t output, vm::TimeNs time, std::span<const std::byte> values) {
    scratch.row.clear();
    append_row(scratch.row, module, output, values);
    if (scratch.row.size() > kMaxRowBytes) return add(too_long);
    scratch.changes.row(*keepsake.streams[output], time,
                        std::as_bytes(std::span(scratch.row.data(), scratch.row.size())));
  });
}

std::size_t parts_of(std::size_t snapshot_bytes) { return snapshot_bytes / Keeper::kPartBytes + 1; }

}  // namespace

StoreOptions store_options(const Site& site) {
  const auto& settings = *site.storage;
  return {.folder = settings.folder,
          .key_file = settings.key_file,
          .device = site.device,
          .commit = settings.commit,
          .history_bytes = settings.history_bytes,
          .outbox_bytes = settings.outbox_bytes,
          .reserve_bytes = settings.reserve_bytes,
          .queue_bytes = settings.memory_bytes,
          .when_full = settings.drop_new ? WhenFull::DropNew : WhenFull::DropOldest,
          .on_notice = [](std::string_view line) { log()->warn("{}", line); }};
}

StreamSettings wish_of(const Site& site, const Deployment& deployment, const Deployment::Instance& planned,
                       std::span<const vm::Output> outputs, std::size_t output) {
  if (outputs[output].kind != OutputKind::Log) return {};
  const auto& port = deployment.ports[static_cast<std::size_t>(planned.outputs[output])];
  const auto& settings = site.settings(site.outputs[port.output]);
  return {.keep = settings.keep, .sync = settings.sync && outputs[output].to_cloud};
}

std::expected<std::unique_ptr<Keeper>, OpenFailure> Keeper::open(const Site& site, HostClock& clock, Counters& counters,
                                                                 std::function<void()> on_commit) {
  StoreOptions options = store_options(site);
  options.on_commit = std::move(on_commit);
  auto store = Store::open(std::move(options));
  if (!store) return std::unexpected(store.error());
  std::unique_ptr<Keeper> keeper(new Keeper(std::move(*store), clock, counters));
  keeper->clock_slot_ = keeper->store_.slot(SlotKind::Host, "", kClock);
  keeper->read_past();
  return keeper;
}

void Keeper::read_past() {
  was_clean_ = store_.report().last_run == StoreReport::LastRun::InOrder;
  for (auto& kept : store_.take_kept()) {
    if (kept.kind == SlotKind::State) {
      std::uint32_t number = 0;
      const auto end = kept.name.data() + kept.name.size();
      if (std::from_chars(kept.name.data(), end, number).ptr != end) continue;
      if (number == 0) {
        past_.time = std::max(past_.time, static_cast<vm::TimeNs>(word_at(kept.value, vm::SnapshotHead::kNow)));
      }
      past_.parts[kept.owner][number] = std::move(kept.value);
    } else if (kept.kind == SlotKind::Host && kept.name.starts_with(kLayout)) {
      past_.layouts[vm::hash_of(kept.value)] = std::move(kept.value);
    } else if (kept.kind == SlotKind::Host && kept.name == kClock && kept.value.size() == sizeof(KeptClock)) {
      KeptClock clock;
      std::memcpy(&clock, kept.value.data(), sizeof clock);
      past_.time = std::max(past_.time, clock.time);
      past_.clock_believed = clock.believed != 0;
    }
  }
}

[[gnu::hot]] void GatheredRows::add(std::uint16_t output, vm::TimeNs time, std::span<const std::byte> values) {
  const Head head{.time = time, .size = static_cast<std::uint32_t>(values.size()), .output = output};
  const auto append_bytes = [this](const void* from, std::size_t size) {
    const auto* const bytes = static_cast<const char*>(from);
    bytes_.append(bytes, bytes + size);
  };
  append_bytes(&head, sizeof head);
  append_bytes(values.data(), values.size());
}

std::unique_ptr<Keepsake> Keeper::begin(const Site& site, const Deployment& deployment,
                                        const Deployment::Instance& planned, const vm::Instance& instance) {
  auto keepsake = std::make_unique<Keepsake>();
  const auto& module = instance.program().module();
  for (std::size_t i = 0; i < module.outputs.size(); ++i) {
    auto& stream = keepsake->streams.emplace_back();
    auto wish = wish_of(site, deployment, planned, module.outputs, i);
    if (!wish.keep && !wish.sync) continue;
    wish.schema = schema_of(module, module.outputs[i]);
    stream = store_.stream(planned.name, module.outputs[i].name, wish);
  }
  const std::size_t bytes = instance.snapshot_bytes();
  for (std::size_t n = 0; n < parts_of(bytes); ++n) {
    keepsake->parts.push_back(store_.slot(SlotKind::State, planned.name, fmt::format("{}", n)));
  }
  if (keepsake->parts.size() > 1) keepsake->last.resize(bytes);
  const auto layout = instance.program().snapshot_layout();
  const auto hash = vm::hash_of(layout);
  if (layouts_.insert(hash).second && !past_.layouts.contains(hash)) {
    // Before any snapshot that is read by it.
    Changes changes;
    changes.keep(store_.slot(SlotKind::Host, "", fmt::format("{}{:016x}", kLayout, hash)), layout);
    store_.submit(changes);
  }
  return keepsake;
}

Keeper::Outcome Keeper::restore(const Site& site, const Deployment& deployment, const Deployment::Instance& planned,
                                vm::Instance& instance, vm::TimeNs now) {
  const auto found = past_.parts.find(planned.name);
  if (found == past_.parts.end()) return {};
  // The first part that is not full is the last.
  std::vector<std::byte> snapshot;
  std::uint32_t next = 0;
  bool whole = false;
  for (const auto& [number, bytes] : found->second) {
    if (number != next++) break;
    snapshot.insert(snapshot.end(), bytes.begin(), bytes.end());
    if ((whole = bytes.size() < kPartBytes)) break;
  }
  const auto layout = past_.layouts.find(word_at(snapshot, vm::SnapshotHead::kLayout));
  if (!whole || layout == past_.layouts.end()) {
    log()->error("{}: a part of its state is lost; it starts afresh", planned.name);
    return {};
  }
  const bool counts = past_.clock_believed && clock_.is_believed() && now >= past_.time;
  const auto restored = instance.restore(layout->second, snapshot, {.then = counts ? now : past_.time, .now = now});
  if (!restored) {
    log()->error("{}: {}", planned.name, restored.error().message);
    return {};
  }
  if (!restored->same_layout) {
    log()->info("{}: another version of the task goes on where the last one was{}", planned.name,
                restored->dropped.empty() ? "" : "; it has no " + joined(restored->dropped));
  }
  const auto& outputs = instance.program().module().outputs;
  for (std::uint16_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].kind != OutputKind::Switch || outputs[i].driven) continue;
    const auto& port = deployment.ports[static_cast<std::size_t>(planned.outputs[i])];
    const auto& settings = site.settings(site.outputs[port.output]);
    const bool as_it_was =
        settings.restart == Restart::Restore || (settings.restart == Restart::AfterCleanStop && was_clean_);
    if (!as_it_was) instance.assume(vm::OutputId{i}, settings.safe);
  }
  return {.resumed = true, .gone = restored->gone};
}

void Keeper::forget_past() {
  past_.parts.clear();
  past_.layouts.clear();
}

void Keeper::keep(const std::string& name, const vm::Instance& instance, Keepsake& keepsake, Scratch& scratch,
                  bool may_wait) {
  keepsake.is_dirty.store(false, std::memory_order_relaxed);
  Changes& changes = scratch.changes;
  changes.clear();
  write_rows(instance.program().module(), keepsake, scratch, counters_.rows_too_long);
  keepsake.rows.clear();
  const std::size_t bytes = instance.snapshot_bytes();
  if (scratch.snapshot.size() < bytes) scratch.snapshot.resize(bytes);
  const auto snapshot = std::span(scratch.snapshot).first(bytes);
  instance.save(snapshot);
  for (std::size_t n = 0; n < keepsake.parts.size(); ++n) {
    const auto part = snapshot.subspan(n * kPartBytes, std::min(kPartBytes, bytes - n * kPartBytes));
    if (!keepsake.last.empty()) {
      const auto before = std::span(keepsake.last).subspan(n * kPartBytes, part.size());
      if (keepsake.was_kept && std::memcmp(before.data(), part.data(), part.size()) == 0) continue;
      std::memcpy(before.data(), part.data(), part.size());
    }
    changes.keep(keepsake.parts[n], part);
  }
  keepsake.was_kept = true;
  if (keepsake.urgent) changes.commit_at_once();
  keepsake.urgent = false;
  if (!store_.submit(changes, may_wait).complete) {
    if (const auto more = refused_log_.pass()) {
      log()->warn("{}: {} {} dropped, the disk is behind{}", name, changes.rows(),
                  changes.rows() == 1 ? "row was" : "rows were", and_more(*more));
    }
  }
}

void Keeper::commit(vm::TimeNs now) {
  const KeptClock clock{.time = now, .believed = clock_.is_believed()};
  Changes changes;
  changes.keep(clock_slot_, std::as_bytes(std::span(&clock, 1)));
  changes.commit_at_once();
  store_.submit(changes);
}

void Keeper::expire(vm::TimeNs now) {
  if (clock_.is_believed()) store_.expire(now);
}

}  // namespace eyeflow::runtime
