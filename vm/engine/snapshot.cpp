#include "vm/engine/snapshot.h"

#include <algorithm>
#include <cstring>

#include "vm/base/utf8.h"
#include "vm/engine/parts.h"

namespace eyeflow::vm {
namespace {

constexpr std::uint8_t kLayoutMagic[] = {0x89, 'E', 'F', 'S', 'L', 2};  // the last is the version
constexpr std::uint64_t kMostBytes = std::uint64_t{kMaxRegionBytes} * 4;

template <typename T>
void append(std::vector<std::byte>& bytes, const T& value) {
  const auto raw = std::as_bytes(std::span(&value, 1));
  bytes.insert(bytes.end(), raw.begin(), raw.end());
}

void append_text(std::vector<std::byte>& bytes, const std::string& text) {
  append(bytes, static_cast<std::uint32_t>(text.size()));
  const auto raw = std::as_bytes(std::span(text));
  bytes.insert(bytes.end(), raw.begin(), raw.end());
}

// The readings, then by time a bit a place, by count the readings' times.
std::uint64_t window_memory(const SnapshotField& field) {
  const std::uint64_t capacity = field.type.capacity;
  return slot_size_bytes(field.type) + (field.period > 0 ? (capacity + 63) / 64 * 8 : capacity * 8);
}

std::uint64_t size_of(const SnapshotField& field) {
  const std::uint64_t value = has_value(field) ? slot_size_bytes(field.type) : 0;
  switch (field.kind) {
    case SnapshotKind::State:
      return value;
    case SnapshotKind::Input:
      return InputWords::kValue + value;
    case SnapshotKind::Alarm:
      return AlarmWords::kEnd;
    case SnapshotKind::Output:
      return OutputWords::kText + (field.type.kind == TypeKind::Text ? value : 0);
    case SnapshotKind::Condition:
      return AlarmWords::kEnd;
    case SnapshotKind::Window:
      return WindowWords::kMemory + window_memory(field);
    case SnapshotKind::Timer:
    case SnapshotKind::TimeOfDay:
    case SnapshotKind::Poll:
      return 8;
  }
  return 0;
}

// False when the snapshot would be larger than any module can ask for.
bool place(std::vector<SnapshotField>& fields, std::uint64_t& end) {
  end = SnapshotHead::kEnd;
  for (SnapshotField& field : fields) {
    field.offset = static_cast<std::uint32_t>(end);
    field.size = static_cast<std::uint32_t>(size_of(field));
    end += size_of(field);
    if (end > kMostBytes) return false;
  }
  return true;
}

// The slot of that kind for each input or output; null where the module has none.
std::vector<const Slot*> slots_of(const Module& module, SlotKind kind, std::size_t subjects) {
  std::vector<const Slot*> found(subjects, nullptr);
  for (const Slot& slot : module.slots)
    if (slot.kind == kind && slot.subject < subjects) found[slot.subject] = &slot;
  return found;
}

std::vector<SnapshotField> fields_of(const Plan& plan) {
  const Module& module = plan.module();
  std::vector<SnapshotField> fields;
  const auto number = [](std::size_t n) { return static_cast<std::uint32_t>(n); };
  for (std::size_t n = 0; n < module.slots.size(); ++n) {
    const Slot& slot = module.slots[n];
    if (slot.region == Region::State)
      fields.push_back(
          {.kind = SnapshotKind::State, .type = *module.type(slot.type), .name = slot.name, .subject = number(n)});
  }
  const auto values = slots_of(module, SlotKind::InputValue, module.inputs.size());
  for (std::size_t n = 0; n < module.inputs.size(); ++n) {
    const Field& declared = module.inputs[n].value;
    // Arrays may be large, and are there anew with the next reading.
    const Type* type = values[n] != nullptr ? module.type(values[n]->type) : nullptr;
    const bool is_kept = type != nullptr && (type->kind == TypeKind::Scalar || type->kind == TypeKind::Text);
    fields.push_back({.kind = SnapshotKind::Input,
                      .type = is_kept ? *type : Type{},
                      .name = declared.name,
                      .unit = declared.unit,
                      .subject = number(n)});
  }
  for (std::size_t n = 0; n < module.alarms.size(); ++n)
    fields.push_back({.kind = SnapshotKind::Alarm, .name = module.alarms[n].name, .subject = number(n)});
  const auto lasts = slots_of(module, SlotKind::OutputLast, module.outputs.size());
  for (std::size_t n = 0; n < module.outputs.size(); ++n) {
    const Output& output = module.outputs[n];
    if (output.kind == OutputKind::Log) continue;
    const Type* type = module.type(output.fields[0].type);
    if (type->kind == TypeKind::Text) type = lasts[n] != nullptr ? module.type(lasts[n]->type) : nullptr;
    if (type != nullptr && type->kind != TypeKind::Scalar && type->kind != TypeKind::Text) type = nullptr;
    fields.push_back({.kind = SnapshotKind::Output,
                      .type = type != nullptr ? *type : Type{},
                      .name = output.name,
                      .unit = output.fields[0].unit,
                      .subject = number(n)});
  }
  for (std::size_t n = 0; n < plan.timers.size(); ++n) {
    const HandlerPlan& timer = plan.handlers[plan.timers[n]];
    fields.push_back({.kind = SnapshotKind::Timer,
                      .name = module.functions[index(timer.function.id)].name,
                      .period = timer.time,
                      .subject = number(n)});
  }
  if (plan.poll_deadline != kNowhere) fields.push_back({.kind = SnapshotKind::Poll});
  const auto name_of = [&](std::uint16_t handler) {
    return module.functions[index(plan.handlers[handler].function.id)].name;
  };
  for (std::size_t n = plan.alarm_count; n < plan.alarms.size(); ++n)
    fields.push_back({.kind = SnapshotKind::Condition, .name = name_of(plan.alarms[n].handler), .subject = number(n)});
  for (std::size_t n = 0; n < plan.times_of_day.size(); ++n)
    fields.push_back({.kind = SnapshotKind::TimeOfDay,
                      .name = name_of(plan.times_of_day[n]),
                      .period = plan.handlers[plan.times_of_day[n]].time,
                      .subject = number(plan.timers.size() + n)});
  for (std::size_t n = 0; n < plan.windows.size(); ++n) {
    const WindowPlan& window = plan.windows[n];
    fields.push_back({.kind = SnapshotKind::Window,
                      .type = {.kind = TypeKind::Array,
                               .element = window.element,
                               .capacity = static_cast<std::uint32_t>(window.capacity)},
                      .name = name_of(window.handler),
                      .unit = module.inputs[window.input].value.unit,
                      .period = window.shape.span_ns,
                      .subject = number(n)});
  }
  return fields;
}

// Takes a layout's bytes apart; every length is checked against what is left.
class LayoutReader {
 public:
  explicit LayoutReader(std::span<const std::byte> bytes) : left_(bytes) {}

  bool at_end() const { return left_.empty(); }
  template <typename T>
  bool take(T& value) {
    if (left_.size() < sizeof value) return false;
    std::memcpy(&value, left_.data(), sizeof value);
    left_ = left_.subspan(sizeof value);
    return true;
  }
  bool take_text(std::string& text) {
    std::uint32_t length = 0;
    if (!take(length) || length > left_.size()) return false;
    text.assign(reinterpret_cast<const char*>(left_.data()), length);
    left_ = left_.subspan(length);
    return is_utf8(text);
  }
  bool take_field(SnapshotField& field) {
    std::uint8_t kind = 0, type = 0, element = 0;
    if (!take(kind) || !take(type) || !take(element) || !take(field.type.capacity) || !take(field.period)) return false;
    if (kind >= kSnapshotKindCount || type >= static_cast<std::uint8_t>(TypeKind::Counter) || element >= kScalarCount ||
        field.type.capacity > kMaxCapacity)
      return false;
    field.kind = static_cast<SnapshotKind>(kind);
    field.type.kind = static_cast<TypeKind>(type);
    field.type.element = static_cast<Scalar>(element);
    return take_text(field.name) && take_text(field.unit);
  }

 private:
  std::span<const std::byte> left_;
};

}  // namespace

std::uint64_t hash_of(std::span<const std::byte> bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a: it tells versions apart, it protects from nothing
  for (const std::byte byte : bytes) hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3;
  return hash;
}

std::vector<std::byte> key_of(const SnapshotField& field) {
  std::vector<std::byte> bytes;
  append(bytes, field.kind);
  append(bytes, field.type.kind);
  append(bytes, field.type.element);
  append(bytes, field.type.capacity);
  append(bytes, field.period);
  append_text(bytes, field.name);
  append_text(bytes, field.unit);
  return bytes;
}

std::vector<std::byte> write_layout(const std::vector<SnapshotField>& fields) {
  std::vector<std::byte> bytes;
  append(bytes, kLayoutMagic);
  for (const SnapshotField& field : fields) {
    const auto key = key_of(field);
    bytes.insert(bytes.end(), key.begin(), key.end());
  }
  return bytes;
}

Result<std::vector<SnapshotField>> read_layout(std::span<const std::byte> bytes) {
  const auto magic = std::as_bytes(std::span(kLayoutMagic));
  if (bytes.size() < magic.size() || !std::ranges::equal(bytes.first(magic.size()), magic))
    return fail("the layout of the snapshot is none of this version; the instance starts afresh");
  LayoutReader reader(bytes.subspan(magic.size()));
  std::vector<SnapshotField> fields;
  while (!reader.at_end())
    if (!reader.take_field(fields.emplace_back()))
      return fail("the layout of the snapshot is damaged; the instance starts afresh");
  std::uint64_t size = 0;
  if (!place(fields, size)) return fail("the layout of the snapshot is too large; the instance starts afresh");
  return fields;
}

void plan_snapshot(Plan& plan) {
  plan.snapshot = fields_of(plan);
  std::uint64_t size = 0;
  EYEFLOW_CHECK(place(plan.snapshot, size));  // the regions are bounded, and there are fewer than 2^16 of each row
  plan.snapshot_bytes = static_cast<std::uint32_t>(size);
  plan.snapshot_layout = write_layout(plan.snapshot);
  plan.snapshot_hash = hash_of(plan.snapshot_layout);
}

namespace {

void save_window(const WindowPlan& plan, const InstanceMemory& memory, std::byte* at, std::size_t bytes) {
  const WindowState& window = memory.windows[&plan - memory.plan->windows.data()];
  store(at + WindowWords::kOpen, window.open);
  store(at + WindowWords::kOrigin, to_word(window.origin));
  store(at + WindowWords::kPhase, to_word(window.phase));
  store(at + WindowWords::kNewest, to_word(window.newest));
  store(at + WindowWords::kNewestAt, to_word(window.newest_at));
  store(at + WindowWords::kHeard, to_word(window.heard));
  store(at + WindowWords::kFirstAt, to_word(window.first_at));
  store(at + WindowWords::kEndAt, to_word(window.end));
  store(at + WindowWords::kCount, to_word(window.count));
  store(at + WindowWords::kSkipped, window.skipped);
  store(at + WindowWords::kLate, window.late);
  std::memcpy(at + WindowWords::kMemory, memory.window + plan.ring, bytes);
}

}  // namespace

std::size_t Instance::snapshot_bytes() const { return memory_->plan->snapshot_bytes; }

void Instance::save(std::span<std::byte> into) const {
  const InstanceMemory& memory = *memory_;
  const Plan& plan = *memory.plan;
  EYEFLOW_CHECK(memory.started && into.size() == plan.snapshot_bytes);
  store(into.data() + SnapshotHead::kVersion, kSnapshotVersion);
  store(into.data() + SnapshotHead::kLayout, plan.snapshot_hash);
  store(into.data() + SnapshotHead::kNow, to_word(memory.now));
  for (const SnapshotField& field : plan.snapshot) {
    std::byte* const at = into.data() + field.offset;
    const auto copy = [&](std::byte* to, const std::byte* from) {
      if (has_value(field)) std::memcpy(to, from, slot_size_bytes(field.type));
    };
    switch (field.kind) {
      case SnapshotKind::State:
        copy(at, memory.state + plan.module().slots[field.subject].offset);
        break;
      case SnapshotKind::Input: {
        const InputPlan& input = plan.inputs[field.subject];
        const bool is_bad = input.takes_bad && load(memory.input + input.bad) != 0;
        store(at + InputWords::kReady, load(memory.input + input.ready) | (is_bad ? InputWords::kLastWasBad : 0));
        store(at + InputWords::kTime, load(memory.input + input.time));
        copy(at + InputWords::kValue, memory.input + input.value);
        break;
      }
      case SnapshotKind::Condition:
      case SnapshotKind::Alarm: {
        const AlarmState& alarm = memory.alarms[field.subject];
        store(at + AlarmWords::kActive, alarm.active);
        store(at + AlarmWords::kRaised, to_word(alarm.raised));
        store(at + AlarmWords::kSince, to_word(alarm.since));
        store(at + AlarmWords::kAcknowledged, alarm.acknowledged);
        store(at + AlarmWords::kTold, alarm.told);
        store(at + AlarmWords::kOver, alarm.over);
        store(at + AlarmWords::kHolds, alarm.holds);
        store(at + AlarmWords::kBegan, to_word(alarm.began));
        store(at + AlarmWords::kEnded, to_word(alarm.ended));
        store(at + AlarmWords::kShelvedUntil, to_word(alarm.shelved_until));
        store(at + AlarmWords::kRemindAt, to_word(alarm.remind_at));
        break;
      }
      case SnapshotKind::Output: {
        const OutputState& output = memory.outputs[field.subject];
        store(at + OutputWords::kKnown, output.known);
        store(at + OutputWords::kValue, output.value);
        if (field.type.kind == TypeKind::Text)
          copy(at + OutputWords::kText, memory.input + plan.outputs[field.subject].last);
        break;
      }
      case SnapshotKind::Timer:
      case SnapshotKind::TimeOfDay:
        store(at, to_word(memory.deadlines[field.subject]));
        break;
      case SnapshotKind::Window:
        save_window(plan.windows[field.subject], memory, at, field.size - WindowWords::kMemory);
        break;
      case SnapshotKind::Poll:
        store(at, to_word(memory.deadlines[plan.poll_deadline]));
        break;
    }
  }
}

}  // namespace eyeflow::vm
