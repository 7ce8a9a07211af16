#include "jit/baseline/analysis.h"

#include <algorithm>

#include "vm/base/check.h"

// A function as a list of items, with small callees inlined, and its registers taken apart into values.
namespace eyeflow::jit {

using namespace eyeflow::vm;

namespace {

constexpr std::size_t kMostInlinedInstructions = 24;  // of a callee
constexpr std::uint32_t kInlineBudget = 1500;         // of all that is inlined into a function
constexpr std::uint32_t kNeverJumpedTo = 0xFFFFFFFF;

std::size_t intrinsic_results(const IntrinsicDesc& desc) { return desc.result == Scalar::Void ? 0 : 1; }

}  // namespace

void Analysis::run(FunctionId function) {
  items_.clear();
  runs_.clear();
  values_.clear();
  parent_.clear();
  defs_.clear();
  order_.clear();
  types_.clear();
  open_loops_ = 0;
  frame_words_ = 0;
  array_pieces_ = 0;
  inline_budget_ = kInlineBudget;
  const auto number = static_cast<std::uint16_t>(function);
  const Function& f = verified_.module.functions[number];
  Item& enter = add({}, {Kind::Enter}, number, 0, 0);
  enter.result_count = static_cast<std::uint32_t>(f.registers.size());
  flatten(number, 0, nullptr);
  split();
  measure();
  find_copies();
  assign_pins();
}

// ---- Items ---------------------------------------------------------------------------------------------------------

// Made in its place: what is copied right after it was put together waits for the memory.
Item& Analysis::add(Instruction i, Action action, std::uint16_t function, std::uint32_t index, std::uint32_t base) {
  Item& item = items_.emplace_back();
  item.i = i;
  item.action = action;
  item.function = function;
  item.index = index;
  item.base = base;
  item.run = static_cast<std::uint32_t>(runs_.size());
  return item;
}

void Analysis::add_run(std::uint32_t first, std::uint32_t count) {
  for (std::uint32_t n = 0; n < count; ++n) runs_.push_back(first + n);
}

void Analysis::add_move(std::uint16_t function, std::uint32_t index, std::uint32_t base, std::uint32_t to,
                        std::uint32_t from) {
  Item& item = add({.op = Op::Move}, {Kind::Move}, function, index, base);
  item.value[0] = to;
  item.value[1] = from;
}

// Small functions without loops that call only such: where most of the time would go into the call itself.
bool Analysis::is_inlined(const Function& callee) const {
  if (callee.code.size() > kMostInlinedInstructions || callee.code.size() > inline_budget_) return false;
  return std::ranges::none_of(callee.code, [](const Instruction& i) { return fields(i.op).loops; });
}

void Analysis::flatten(std::uint16_t function, std::uint32_t base, const Item* call) {
  const Function& f = verified_.module.functions[function];
  const auto words = static_cast<std::uint32_t>(f.registers.size());
  frame_words_ = std::max(frame_words_, base + words);
  // Of this function, behind those of the ones that it is inlined into.
  const std::size_t first_item = first_item_.size(), branches = branches_.size(), exits = exits_.size();
  first_item_.resize(first_item + f.code.size() + 1);
  for (std::uint32_t n = 0; n < f.code.size(); ++n) {
    const Instruction& i = f.code[n];
    first_item_[first_item + n] = static_cast<std::uint32_t>(items_.size());
    if (i.op == Op::Call) {
      const Function& callee = verified_.module.functions[i.b];
      if (is_inlined(callee)) {
        inline_budget_ -= static_cast<std::uint32_t>(callee.code.size());
        Item& enter = add(i, {Kind::InlinedCall}, function, n, base + words);
        enter.result_count = static_cast<std::uint32_t>(callee.registers.size() - callee.param_count);
        add_run(base + words + callee.param_count, enter.result_count);
        for (std::uint32_t p = 0; p < callee.param_count; ++p) {
          add_move(function, n, base + words, base + words + p, base + i.c + p);
          items_.back().action.detail = kArgument;
        }
        const Item caller{.i = i, .function = function, .index = n, .base = base};
        flatten(i.b, base + words, &caller);
        continue;
      }
    }
    if (i.op == Op::Return && call != nullptr) {
      for (std::uint32_t r = 0; r < f.results.size(); ++r)
        add_move(function, n, base, call->base + call->i.a + r, base + i.a + r);
      if (n + 1 == f.code.size()) continue;
      exits_.push_back(static_cast<std::uint32_t>(items_.size()));
      add(i, {Kind::Jump}, function, n, base);
      continue;
    }
    add_instruction(function, n, base);
    const Fields& row = fields(i.op);
    const std::uint8_t field = std::min(row.target, row.back_target);
    if (field == Fields::kNone) continue;
    const std::uint16_t distance = field == 0 ? i.a : field == 1 ? i.b : i.c;
    items_.back().target = row.target != Fields::kNone ? n + distance : n - distance;
    branches_.push_back(static_cast<std::uint32_t>(items_.size() - 1));
  }
  const auto end = static_cast<std::uint32_t>(items_.size());
  first_item_.back() = end;
  for (std::size_t n = branches; n < branches_.size(); ++n) {
    std::uint32_t& target = items_[branches_[n]].target;
    target = first_item_[first_item + target];
  }
  for (std::size_t n = exits; n < exits_.size(); ++n) items_[exits_[n]].target = end;
  first_item_.resize(first_item);
  branches_.resize(branches);
  exits_.resize(exits);
}

namespace {
bool is_plain_row(const Module& module, const Output& output) {
  return output.fields.size() <= kMostEmittedFields && std::ranges::all_of(output.fields, [&](const Field& field) {
           return module.type(field.type)->kind == TypeKind::Scalar;
         });
}
}  // namespace

// Whether an array's length is known only when it runs.
bool Analysis::has_view(const Item& item) const {
  const Function& f = verified_.module.functions[item.function];
  const OpInfo& row = info(item.i.op);
  const std::uint16_t fields[] = {item.i.a, item.i.b, item.i.c};
  for (std::size_t n = 0; n < 3; ++n)
    if (row.operands[n].role == Role::Read && verified_.module.type(f.registers[fields[n]])->kind == TypeKind::View)
      return true;
  return false;
}

// Whether an operation on whole arrays is made in place.
bool Analysis::is_short(const Item& item) {
  const Function& f = verified_.module.functions[item.function];
  const bool sum = item.action.kind == Kind::ArraySum;
  const Type& type = *verified_.module.type(f.registers[sum ? item.i.b : item.i.a]);
  const std::uint64_t bytes = std::uint64_t{type.capacity} * static_cast<std::uint64_t>(size_bytes(type.element));
  const bool moves = item.action.kind == Kind::ArrayFill || item.i.op == Op::ArrayCopy;
  const bool is_float = type.element == Scalar::F64 || type.element == Scalar::F32;
  const bool mul = item.action.kind != Kind::ArraySum && item.action.detail == static_cast<int>(ArrayOp::Mul);
  const bool by_vector = moves || is_float || (arrays_.integer_vectors && !sum && !mul);
  if (by_vector ? bytes > arrays_.vector_bytes : type.capacity > (mul ? arrays_.products : arrays_.elements))
    return false;
  array_pieces_ += bytes / 16 + 1;
  return true;
}

void Analysis::add_instruction(std::uint16_t function, std::uint32_t index, std::uint32_t base) {
  const Module& module = verified_.module;
  const Instruction& i = module.functions[function].code[index];
  Item& item = add(i, action(i.op), function, index, base);
  const Fields& row = fields(i.op);
  if (item.action.kind == Kind::Emit && !is_plain_row(module, module.outputs[i.a])) item.action = {};
  const bool on_array = is_array_op(item) || item.action.kind == Kind::ArrayGet || item.action.kind == Kind::ArraySet;
  if (on_array && (has_view(item) || (is_array_op(item) && !is_short(item)))) item.action = {};
  if ((row.registers & 1) != 0) item.value[0] = base + i.a;
  if ((row.registers & 2) != 0) item.value[1] = base + i.b;
  if ((row.registers & 4) != 0) item.value[2] = base + i.c;
  switch (row.block) {
    case Block::None:
      return;
    case Block::Results:
      item.run_count = static_cast<std::uint32_t>(module.functions[function].results.size());
      break;
    case Block::OutputFields:
      item.run_count = static_cast<std::uint32_t>(module.outputs[i.a].fields.size());
      break;
    case Block::CalleeParams:
      item.run_count = module.functions[i.b].param_count;
      item.result_count = static_cast<std::uint32_t>(module.functions[i.b].results.size());
      break;
    case Block::IntrinsicParams:
      item.run_count = intrinsics_[i.b].param_count;
      item.result_count = static_cast<std::uint32_t>(intrinsic_results(intrinsics_[i.b]));
      break;
    case Block::CalleeResults:
    case Block::IntrinsicResult:
      EYEFLOW_CHECK(false);
  }
  const std::uint16_t numbers[] = {i.a, i.b, i.c};
  add_run(base + numbers[row.block_field], item.run_count);
  add_run(base + i.a, item.result_count);
}

// ---- Values --------------------------------------------------------------------------------------------------------

bool Analysis::is_counter(TypeId type) const {
  return type >= kFirstModuleType && verified_.module.type(type)->kind == TypeKind::Counter;
}

std::uint32_t Analysis::new_value(std::uint32_t reg) {
  const auto id = static_cast<std::uint32_t>(values_.size());
  Value& value = values_.emplace_back();
  value.reg = reg;
  value.type = types_[reg];
  if (reg >= frame_words_) {
    value.reg = reg - frame_words_;
    value.type = type_id(Scalar::U32);
    value.is_limit = true;
  } else {
    value.is_float = value.type == type_id(Scalar::F32) || value.type == type_id(Scalar::F64);
    value.is_counter = is_counter(value.type);
  }
  parent_.push_back(id);
  return id;
}

void Analysis::merge(std::uint32_t a, std::uint32_t b) {
  a = find(a);
  b = find(b);
  if (a == b) return;
  if (b < a) std::swap(a, b);
  parent_[b] = a;
  values_[a].first = std::min(values_[a].first, values_[b].first);
  values_[a].last = std::max(values_[a].last, values_[b].last);
}

// Branches only go forward: a value that was written after `source` may have been jumped over at this label.
void Analysis::join(std::uint32_t source) {
  while (!order_.empty() && order_.back().at > source) {
    defs_[order_.back().def].pending = true;
    order_.pop_back();
  }
}

std::uint32_t Analysis::read(std::uint32_t reg, std::uint32_t at) {
  Def& def = defs_[current_[reg]];
  std::uint32_t start = def.start;
  if (def.pending) {
    std::uint32_t n = current_[reg];
    do {
      n = defs_[n].previous;
      merge(def.value, defs_[n].value);
    } while (defs_[n].pending);
    def.previous = n;  // all between are one with it now
    start = defs_[n].start;
  }
  const std::uint32_t id = find(def.value);
  values_[id].last = std::max(values_[id].last, 2 * at);
  values_[id].first = std::min(values_[id].first, 2 * at);
  for (std::size_t n = open_loops_; n > 0 && start < loops_[n - 1].header; --n) {
    std::vector<LiveIn>& live_in = loops_[n - 1].live_in;
    if (live_in.empty() || live_in.back().reg != reg) live_in.push_back({reg, id});
  }
  return id;
}

std::uint32_t Analysis::write(std::uint32_t reg, std::uint32_t at) {
  const std::uint32_t id = new_value(reg);
  values_[id].first = values_[id].last = 2 * at + 1;
  const auto def = static_cast<std::uint32_t>(defs_.size());
  defs_.push_back({id, at, current_[reg], false});
  current_[reg] = def;
  order_.push_back({at, def});
  return id;
}

// What a loop reads from before it may come from its own last trip.
void Analysis::close_loop(std::uint32_t at) {
  OpenLoop& loop = loops_[--open_loops_];
  for (std::size_t n = 0; n < loop.live_in.size(); ++n) {
    const LiveIn live = loop.live_in[n];
    const std::uint32_t now = read(live.reg, at);
    merge(live.value, now);
    Value& value = values_[find(now)];
    value.last = std::max(value.last, 2 * at + 1);
  }
}

void Analysis::split() {
  const std::size_t counters = verified_.module.functions[items_[0].function].registers.size();
  types_.assign(frame_words_ + counters, type_id(Scalar::U64));
  current_.assign(types_.size(), 0);
  earliest_.assign(items_.size() + 1, kNeverJumpedTo);
  const auto own_types = [&](const Function& f, std::uint32_t base) {
    std::copy(f.registers.begin(), f.registers.end(), types_.begin() + base);
  };
  for (std::uint32_t at = 0; at < items_.size(); ++at) {
    Item& item = items_[at];
    if (earliest_[at] != kNeverJumpedTo) {
      item.is_label = true;
      join(earliest_[at]);
    }
    const Kind kind = item.action.kind;
    if (kind == Kind::Enter) {  // what all registers start with
      own_types(verified_.module.functions[item.function], 0);
      item.run = static_cast<std::uint32_t>(runs_.size());
      for (std::uint32_t reg = 0; reg < types_.size(); ++reg) {
        if (reg >= frame_words_ && !is_counter(types_[reg - frame_words_])) continue;  // it has no limit
        const std::uint32_t id = write(reg, at);
        defs_.back().previous = current_[reg];
        if (reg < item.result_count) runs_.push_back(id);
      }
      order_.clear();
      continue;
    }
    if (kind == Kind::InlinedCall) own_types(verified_.module.functions[item.i.b], item.base);
    if (kind == Kind::WhileNext) item.value[0] = kNoValue;  // it only goes back
    std::uint32_t writes = fields(item.i.op).writes;
    constexpr Kinds kBeginsCounting{Kind::LoopBegin, Kind::WhileBegin, Kind::WhileEnter};
    if (kBeginsCounting.has(kind)) writes |= 1;
    if (kCountersOfLoops.has(kind)) item.value[3] = frame_words_ + item.value[0];
    std::uint32_t written[3] = {kNoValue, kNoValue, kNoValue};
    for (std::size_t n = 0; n < 3; ++n) {
      if (item.value[n] == kNoValue) continue;
      if ((writes >> n & 1) != 0)
        written[n] = item.value[n];
      else
        item.value[n] = read(item.value[n], at);
    }
    if (kRepeats.has(kind))
      item.value[3] = read(values_[items_[item.target - 1].value[0]].reg, at);
    else if (item.value[3] != kNoValue && kind != Kind::LoopBegin)
      item.value[3] = read(item.value[3], at);
    for (std::uint32_t n = 0; n < item.run_count; ++n) runs_[item.run + n] = read(runs_[item.run + n], at);
    for (std::size_t n = 0; n < 3; ++n)
      if (written[n] != kNoValue) item.value[n] = write(written[n], at);
    if (kind == Kind::LoopBegin) item.value[3] = write(item.value[3], at);
    for (std::uint32_t n = item.run_count; n < item.run_count + item.result_count; ++n)
      runs_[item.run + n] = write(runs_[item.run + n], at);

    if (begins_loop(item)) {
      if (loops_.size() == open_loops_) loops_.emplace_back();
      loops_[open_loops_].header = at + 1;
      loops_[open_loops_].live_in.clear();
      ++open_loops_;
      items_[at + 1].is_label = true;
    }
    if (ends_loop(item)) {
      close_loop(at);
    } else if (kGoesForward.has(kind)) {
      earliest_[item.target] = std::min(earliest_[item.target], at);
    }
  }
}

}  // namespace eyeflow::jit
