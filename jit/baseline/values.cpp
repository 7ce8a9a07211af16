#include <algorithm>
#include <cmath>
#include <span>

#include "jit/baseline/analysis.h"
#include "vm/isa/memory_ops.h"

// What values hold, and where they live.
namespace eyeflow::jit {

using namespace eyeflow::vm;

namespace {

constexpr int kMostDepth = 6;          // deeper loops weigh the same
constexpr double kBaseWorthAPin = 10;  // a use in a loop; for a few outside of loops a base is loaded as they come
constexpr int kSeen = kRegionCount;

bool is_reference(const Module& module, TypeId id) {
  if (id < kFirstModuleType) return false;
  const Type& type = *module.type(id);
  return type.kind != TypeKind::Scalar && type.kind != TypeKind::Counter;
}

// A conversion between types whose canonical words are the same for every value that both can hold.
bool keeps_the_word(Op op) {
  switch (op) {
    case Op::Move:
    case Op::I64FromBool:
    case Op::I64FromI32:
    case Op::I64FromU8:
    case Op::I64FromU16:
    case Op::I64FromU32:
    case Op::U64FromI64:
      return true;
    default:
      return false;
  }
}

}  // namespace

void Analysis::use(std::uint32_t id, std::uint32_t at, bool writes) {
  Value& value = values_[find(id)];
  value.weight += item_weight_[at];
  ++(writes ? value.defs : value.reads);
}

inline void Analysis::follow_loops(std::uint32_t at) {
  if (begins_loop(items_[at])) headers_.push_back(at + 1);
  if (ends_loop(items_[at])) headers_.pop_back();
}

void Analysis::define(std::uint32_t id, Known known, Word bits) {
  Value& value = values_[find(id)];
  if (value.known == Known::Unset) {
    value.known = known;
    value.bits = bits;
    value.starts_known = known == Known::Constant;
    value.starts_in = headers_.empty() ? 0 : headers_.back();
  } else if (value.known != known || value.bits != bits) {
    value.known = Known::Nothing;
  }
}

void Analysis::define_constants(const Item& item, std::uint32_t at) {
  const Module& module = verified_.module;
  for (std::uint32_t n = item.run_count; n < item.run_count + item.result_count; ++n) {
    const std::uint32_t id = runs_[item.run + n];
    const bool starts = item.action.kind == Kind::Enter || item.action.kind == Kind::InlinedCall;
    if (starts && is_reference(module, value(id).type)) continue;  // never read before it is set
    const bool param = item.action.kind == Kind::Enter && n < module.functions[item.function].param_count;
    define(id, starts && !param && !value(id).is_counter ? Known::Constant : Known::Nothing);
    ++values_[find(id)].defs;
    if (!starts || param) values_[find(id)].weight += item_weight_[at];
  }
}

void Analysis::note_uses_of_memory(const Item& item) {
  const double weight = item_weight_[&item - items_.data()];
  const auto used = [&](Region region) { base_weight_[static_cast<int>(region)] += weight; };
  const auto through = [&](std::uint32_t id, bool writes) {
    const Region region = verified_.module.type(value(id).type)->region;
    used(region);
    if (writes && region == Region::State) base_weight_[kSeen] += weight;
  };
  switch (item.action.kind) {
    case Kind::Load:
      if (value(item.value[0]).known != Known::Constant) used(static_cast<Region>(item.i.b));
      return;
    case Kind::LoadReading:
      return used(Region::Input);
    case Kind::Store:
      return used(Region::State);
    case Kind::ArrayGet:
    case Kind::ListGet:
    case Kind::ListLen:
      return through(item.value[1], false);
    case Kind::ArraySum:
      return through(item.value[1], false);
    case Kind::ArraySet:
    case Kind::ListSet:
    case Kind::ArrayFill:
      return through(item.value[0], true);
    case Kind::ArrayEach:
    case Kind::ArrayFrom:
      through(item.value[0], true);
      for (std::size_t n = 1; n < 3; ++n)
        if (item.value[n] != kNoValue && is_reference(verified_.module, value(item.value[n]).type))
          through(item.value[n], false);
      return;
    default:
      return;
  }
}

void Analysis::measure_item(std::uint32_t at) {
  const Item& item = items_[at];
  const Module& module = verified_.module;
  const Kind kind = item.action.kind;
  const Fields& row = fields(item.i.op);
  if (kind == Kind::Enter || kind == Kind::InlinedCall) return define_constants(item, at);
  const bool begins = kind == Kind::LoopBegin || kind == Kind::WhileBegin || kind == Kind::WhileEnter;
  const std::uint32_t changes = row.updates | (kind == Kind::LoopEnter ? 0 : row.counters);
  const std::uint32_t reads = row.reads | row.updates | (begins ? 0 : row.counters), writes = row.writes | changes;
  for (std::size_t n = 0; n < 3; ++n) {
    if (item.value[n] == kNoValue) continue;
    if ((reads >> n & 1) != 0) use(item.value[n], at, false);
    if ((writes >> n & 1) != 0) use(item.value[n], at, true);
    if ((changes >> n & 1) != 0) define(item.value[n], Known::Nothing);
  }
  if (item.value[3] != kNoValue) {
    const bool counts = kRepeats.has(kind);
    if (kind != Kind::LoopBegin) use(item.value[3], at, false);
    if (kind == Kind::LoopBegin || counts) {
      use(item.value[3], at, true);
      define(item.value[3], Known::Nothing);
    }
  }
  for (std::uint32_t n = 0; n < item.run_count; ++n) use(runs_[item.run + n], at, false);
  define_constants(item, at);
  switch (kind) {
    case Kind::LoadImm:
      define(item.value[0], Known::Constant, to_word(std::int64_t{static_cast<std::int16_t>(item.i.b)}));
      return;
    case Kind::Load:
      if (static_cast<Region>(item.i.b) == Region::Const && !blind_)
        return define(item.value[0], Known::Constant,
                      semantics::load_word(module.const_image.data() + std::size_t{item.i.c} * 8));
      return define(item.value[0], Known::Nothing);
    case Kind::Ref:
      return define(item.value[0], Known::Reference, slot_offset(item.i));
    case Kind::LoopNext:
    case Kind::LoopStep:
      values_[find(item.value[0])].next_at = at;
      return;
    default:
      break;
  }
  for (std::size_t n = 0; n < 3; ++n)
    if (item.value[n] != kNoValue && (row.writes >> n & 1) != 0) define(item.value[n], Known::Nothing);
}

void Analysis::measure() {
  item_weight_.resize(items_.size());
  calls_before_.resize(items_.size() + 1);
  call_weight_before_.resize(items_.size() + 1);
  std::fill(std::begin(base_weight_), std::end(base_weight_), 0.0);
  double weights[kMostDepth + 1] = {1};
  for (int n = 1; n <= kMostDepth; ++n) weights[n] = weights[n - 1] * 10;
  headers_.clear();
  calls_before_[0] = 0;
  call_weight_before_[0] = 0;
  for (std::uint32_t at = 0; at < items_.size(); ++at) {
    const double weight = weights[std::min(static_cast<int>(headers_.size()), kMostDepth)];
    item_weight_[at] = weight;
    const bool call = calls_out(items_[at]);
    calls_before_[at + 1] = calls_before_[at] + (call ? 1 : 0);
    call_weight_before_[at + 1] = call_weight_before_[at] + (call ? weight : 0);
    measure_item(at);
    follow_loops(at);
  }
}

// Values that need no place of their own: what a copy of a known value holds is known; a copy of what does not change
// while the copy is read lives where the original does.
void Analysis::find_copies() {
  headers_.clear();
  for (std::uint32_t at = 0; at < items_.size(); follow_loops(at++)) {
    const Item& item = items_[at];
    if (item.action.kind == Kind::LoopBegin) {
      const Value& wanted = value(item.value[1]);
      Value& limit = values_[find(item.value[3])];
      const std::uint32_t most = Reference{verified_.references[item.i.c]}.capacity();
      if (wanted.known == Known::Constant && limit.defs == 1) {
        const auto trips = std::max<std::int64_t>(0, from_word<std::int64_t>(wanted.bits));
        if (trips <= most) {
          limit.known = Known::Constant;
          limit.bits = static_cast<Word>(trips);
        }
      }
      continue;
    }
    if (item.action.kind == Kind::LoopStep) {
      // An index that starts at a known number each time the loop is entered, and that nothing else writes, stays below
      // what the counter's type allows; where the trips are known, it counts them itself.
      Value& stepped = values_[find(item.value[2])];
      Value& counter = values_[find(item.value[0])];
      const Value& limit = value(item.value[3]);
      constexpr std::uint32_t kReadsOfItsFrame = 2;
      const std::uint32_t around = headers_.size() < 2 ? 0 : headers_[headers_.size() - 2];
      if (stepped.defs != 2 || !stepped.starts_known || stepped.starts_in != around || stepped.bits > kMaxCapacity)
        continue;
      const bool limit_known = limit.known == Known::Constant && limit.bits >= 1;
      stepped.end = stepped.bits + (limit_known ? limit.bits : Word{verified_.module.type(counter.type)->capacity});
      stepped.next_at = at;
      if (limit_known && counter.reads == kReadsOfItsFrame && counter.defs == 2) {
        counter.known = Known::Constant;
        counter.bits = 0;
      }
      continue;
    }
    if (item.action.kind == Kind::LoopIndex) {
      Value& to = values_[find(item.value[0])];
      const std::uint32_t counter_id = find(item.value[1]);
      Value& counter = values_[counter_id];
      if (to.defs != 1 || to.known == Known::Constant || counter.next_at == kNoValue || to.last > 2 * counter.next_at)
        continue;
      if (at < items_[counter.next_at].target) continue;  // asked before its loop: it will be another one's by then
      to.same_as = counter_id;
      counter.weight += to.weight;
      continue;
    }
    if (!keeps_the_word(item.i.op) || item.value[0] == kNoValue || item.action.kind == Kind::InlinedCall) continue;
    const std::uint32_t from_id = find(item.value[1]);
    Value& to = values_[find(item.value[0])];
    Value& from = values_[from_id];
    if (to.defs != 1 || find(item.value[0]) == from_id) continue;
    if (from.known == Known::Constant || from.known == Known::Reference) {
      to.known = from.known;
      to.bits = from.bits;
    } else if (item.action.detail == kArgument) {  // the caller's registers rest while an inlined callee runs
      const std::uint32_t origin = from.same_as != kNoValue ? find(from.same_as) : from_id;
      to.same_as = origin;
      values_[origin].weight += to.weight;
      values_[origin].reads += to.reads;
      values_[origin].last = std::max(values_[origin].last, to.last);
    }
  }
  for (const Item& item : items_) note_uses_of_memory(item);
}

// Gives the value one of these pins that is free over its span.
bool Analysis::try_pins(std::uint32_t id, Value& value, int from, int to) {
  const bool fpr = value.is_float;
  const std::size_t first = value.first / 64, last = value.last / 64;
  std::uint64_t head = ~0ull << (value.first % 64), tail = ~0ull >> (63 - value.last % 64);
  if (first == last) head = tail = head & tail;
  for (int pin = from; pin < to; ++pin) {
    std::vector<std::uint64_t>& busy = (fpr ? fpr_busy_ : gpr_busy_)[static_cast<std::size_t>(pin)];
    bool is_free = ((busy[first] & head) | (busy[last] & tail)) == 0;
    for (std::size_t word = first + 1; is_free && word < last; ++word) is_free = busy[word] == 0;
    if (!is_free) continue;
    busy[first] |= head;
    busy[last] |= tail;
    for (std::size_t word = first + 1; word < last; ++word) busy[word] = ~0ull;
    (fpr ? fpr_spans_ : gpr_spans_)[static_cast<std::size_t>(pin)].push_back({value.first, value.last, id});
    value.pin = static_cast<std::int16_t>(pin);
    if (pin < (fpr ? pins_.kept_fprs : pins_.kept_gprs)) (fpr ? used_kept_fprs_ : used_kept_gprs_) |= 1u << pin;
    return true;
  }
  return false;
}

void Analysis::assign_pins() {
  const std::size_t words = (2 * items_.size() + 2) / 64 + 1;
  const auto reset = [&](auto& busy, auto& spans, int count) {
    busy.resize(static_cast<std::size_t>(count));
    spans.resize(static_cast<std::size_t>(count));
    for (auto& bits : busy) bits.assign(words, 0);
    for (auto& list : spans) list.clear();
  };
  reset(gpr_busy_, gpr_spans_, pins_.gprs);
  reset(fpr_busy_, fpr_spans_, pins_.fprs);
  used_kept_gprs_ = used_kept_fprs_ = 0;

  const auto end = static_cast<std::uint32_t>(2 * items_.size() - 1);
  const auto first_base = static_cast<std::uint32_t>(values_.size());
  order_by_weight_.clear();
  for (std::uint32_t id = 0; id < first_base; ++id) {
    const Value& v = values_[id];
    if (parent_[id] != id || v.reads == 0 || v.same_as != kNoValue) continue;
    if (v.known == Known::Constant || v.known == Known::Reference) continue;
    order_by_weight_.push_back({v.weight, id});
  }
  for (int n = 0; n <= kRegionCount; ++n) {
    base_pins_[n] = -1;
    // Values of no register, held from the start to the end.
    values_.push_back({.known = Known::Nothing, .first = 0, .last = end, .weight = base_weight_[n]});
    parent_.push_back(static_cast<std::uint32_t>(values_.size() - 1));
    if (base_weight_[n] >= kBaseWorthAPin)
      order_by_weight_.push_back({base_weight_[n], first_base + static_cast<std::uint32_t>(n)});
  }
  std::ranges::sort(order_by_weight_, [](const Weighed& a, const Weighed& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.id < b.id;
  });

  for (const auto& [weight, id] : order_by_weight_) {
    Value& v = values_[id];
    const bool fpr = v.is_float;
    const int count = fpr ? pins_.fprs : pins_.gprs, kept = fpr ? pins_.kept_fprs : pins_.kept_gprs;
    // Calls within its span, those that read it last or write it first apart.
    const std::uint32_t after = v.first / 2 + 1, before = (v.last + 1) / 2;
    const bool crosses = after < before && calls_before_[before] != calls_before_[after];
    const double cost = crosses ? 2 * (call_weight_before_[before] - call_weight_before_[after]) : 0;
    const auto try_range = [&](int from, int to) { return try_pins(id, v, from, to); };
    if (crosses ? (weight > 2 && try_range(0, kept)) || (weight > cost && try_range(kept, count))
                : try_range(kept, count) || (weight > 2 && try_range(0, kept)))
      if (id >= first_base) base_pins_[id - first_base] = v.pin;
  }
  // In the order of the code, for what is saved around calls.
  if (calls_before_.back() == 0) return;
  const auto sort = [](std::vector<std::vector<PinSpan>>& spans, int kept) {
    for (auto& list : std::span(spans).subspan(static_cast<std::size_t>(kept)))
      std::ranges::sort(list, {}, &PinSpan::first);
  };
  sort(gpr_spans_, pins_.kept_gprs);
  sort(fpr_spans_, pins_.kept_fprs);
}

}  // namespace eyeflow::jit
