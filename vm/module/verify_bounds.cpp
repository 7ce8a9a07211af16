#include <algorithm>

#include "vm/module/verify_internal.h"

// What a function costs at most: the longest path through code whose loops are known to nest. One pass; each loop is a
// level of its own, whose longest path counts as often as the loop can turn.
namespace eyeflow::vm::verify_detail {
namespace {

struct Cost {
  std::uint64_t full = 0;   // fuel, loops and callees included
  std::uint64_t own = 0;    // fuel outside inner loops and callees
  std::uint64_t bytes = 0;  // of output
  std::uint64_t rows = 0;   // of logs

  Cost operator+(const Cost& more) const {
    return {add_saturated(full, more.full), add_saturated(own, more.own), add_saturated(bytes, more.bytes),
            add_saturated(rows, more.rows)};
  }
  // The parts may stem from different paths: each is a bound by itself.
  void raise_to(const Cost& other) {
    full = std::max(full, other.full);
    own = std::max(own, other.own);
    bytes = std::max(bytes, other.bytes);
    rows = std::max(rows, other.rows);
  }
};

// The cost of the ways to a place, from the start of its level; `reached` is false where no way leads.
struct Arrival {
  Cost cost;
  bool reached = false;

  void join(const Arrival& other) {
    if (!other.reached) return;
    if (reached)
      cost.raise_to(other.cost);
    else
      *this = other;
  }
};

// The function, or a loop while it is open.
struct Level {
  std::uint32_t loop = kNoLoop;
  Arrival before;  // at the loop's begin, in the level around it
  Cost longest{};  // path inside
  Cost last{};     // of a while loop: the way to its test, which is gone once more than the trips
};

class FuelCount {
 public:
  FuelCount(const Check& check, FunctionId id, const CodeFacts& facts, FunctionBound& bound)
      : check_(check),
        m_(check.module),
        f_(m_.functions[index(id)]),
        facts_(facts),
        bound_(bound),
        arrivals_(f_.code.size()),
        exits_(facts.loops.size()) {}

  void run() {
    bound_.trip_fuel.assign(f_.registers.size(), 0);
    levels_.push_back({});
    now_.reached = true;
    for (at_ = 0; at_ < f_.code.size(); ++at_) step(f_.code[at_]);
    bound_.fuel = levels_[0].longest.full;
    bound_.entry_fuel = levels_[0].longest.own;
    bound_.output_bytes = levels_[0].longest.bytes;
    bound_.log_rows = levels_[0].longest.rows;
  }

 private:
  void step(const Instruction& i) {
    const OpInfo& row = info(i.op);
    now_.join(arrivals_[at_]);
    now_.cost = now_.cost + cost(i, row);
    Level& level = levels_.back();
    if (now_.reached) level.longest.raise_to(now_.cost);
    switch (i.op) {
      case Op::LoopEnter:
      case Op::WhileBegin:
      case Op::WhileEnter:
        open();
        break;
      case Op::WhileTest:
        level.last = level.longest;
        break;
      case Op::LoopBegin:
        break;
      default:
        if (row.has(Loops)) close(i.op);
    }
    for (std::size_t n = 0; n < row.operands.size(); ++n)
      if (row.operands[n].role == Role::Target) branch(at_ + (n == 0 ? i.a : n == 1 ? i.b : i.c));
    if (row.has(Ends)) now_ = {};
  }

  void branch(std::uint32_t target) {
    const std::uint32_t to = facts_.loop_of[target];
    std::uint32_t from = facts_.loop_of[at_];
    if (from == to) return arrivals_[target].join(now_);
    // It leaves loops: it counts as if the outermost of them had made all its trips.
    while (facts_.loops[from].parent != to) from = facts_.loops[from].parent;
    exits_[from].push_back(target);
  }

  void open() {
    levels_.push_back({.loop = facts_.loop_of[at_ + 1], .before = now_});
    now_.cost = {};
  }

  void close(Op op) {
    const Level inner = levels_.back();
    levels_.pop_back();
    const std::uint16_t counter = facts_.loops[inner.loop].counter;
    const std::uint64_t trips = m_.type(f_.registers[counter])->capacity;
    bound_.trip_fuel[counter] = inner.longest.own;
    const Cost all{inner.last.full + multiply_saturated(inner.longest.full, trips), inner.last.own,
                   inner.last.bytes + multiply_saturated(inner.longest.bytes, trips),
                   inner.last.rows + multiply_saturated(inner.longest.rows, trips)};
    const bool falls_through = now_.reached && op != Op::WhileNext;
    now_ = {inner.before.cost + all, inner.before.reached};
    if (now_.reached) levels_.back().longest.raise_to(now_.cost);
    for (const std::uint32_t target : exits_[inner.loop]) arrivals_[target].join(now_);
    now_.reached = now_.reached && falls_through;
  }

  Cost cost(const Instruction& i, const OpInfo& row) const {
    const bool least = row.has(PerLeast);
    std::uint32_t capacity = least ? kMaxCapacity : 0;
    const auto see = [&](std::uint32_t reg) {
      const Type* type = m_.type(f_.registers[reg]);
      if (!is_reference(type->kind)) return;
      capacity = least ? std::min(capacity, type->capacity) : std::max(capacity, type->capacity);
    };
    for (std::size_t n = 0; n < row.operands.size(); ++n)
      if (row.operands[n].role == Role::Read) see(n == 0 ? i.a : n == 1 ? i.b : i.c);
    const std::uint64_t base = cost_of(row.cost, row.cost_per_four_elements(), capacity);
    Cost sum{base, base};
    if (i.op == Op::Call) {
      const FunctionBound& callee = check_.bounds[i.b];
      sum = sum + Cost{callee.fuel, 0, callee.output_bytes, callee.log_rows};
    } else if (i.op == Op::CallIntrinsic) {
      const IntrinsicDesc& desc = check_.intrinsics[i.b];
      for (std::uint32_t n = 0; n < desc.param_count; ++n) see(i.c + n);
      const std::uint64_t work = cost_of(desc.cost, desc.cost_per_four_elements, capacity);
      sum = sum + Cost{work, work};
    } else if (i.op == Op::Emit) {
      sum.bytes = row_bytes(i);
      sum.rows = m_.outputs[i.a].kind == OutputKind::Log ? 1 : 0;
    } else if (i.op == Op::AlarmAck) {
      sum.bytes = 8;
    }
    return sum;
  }

  std::uint64_t row_bytes(const Instruction& i) const {
    std::uint64_t bytes = 8;
    for (std::size_t n = 0; n < m_.outputs[i.a].fields.size(); ++n) {
      const Type* type = m_.type(f_.registers[i.b + n]);
      if (type->kind == TypeKind::Scalar) {
        bytes += 8;
        continue;
      }
      const auto size = static_cast<std::uint64_t>(type->kind == TypeKind::Text ? 1 : size_bytes(type->element));
      bytes += 8 + (type->capacity * size + 7) / 8 * 8;
    }
    return bytes;
  }

  const Check& check_;
  const Module& m_;
  const Function& f_;
  const CodeFacts& facts_;
  FunctionBound& bound_;
  std::uint32_t at_ = 0;
  Arrival now_;
  std::vector<Level> levels_;
  std::vector<Arrival> arrivals_;                  // by instruction, over branches of its own level
  std::vector<std::vector<std::uint32_t>> exits_;  // by loop: targets in the level around it
};

}  // namespace

void compute_fuel(const Check& check, FunctionId id, const CodeFacts& facts, FunctionBound& bound) {
  FuelCount(check, id, facts, bound).run();
}

}  // namespace eyeflow::vm::verify_detail
