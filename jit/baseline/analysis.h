#pragma once

#include <vector>

#include "jit/baseline/actions.h"
#include "vm/isa/intrinsic.h"
#include "vm/module/verifier.h"

namespace eyeflow::jit {

// How many pins a machine has; of the first `kept` ones calls preserve the contents.
struct PinCounts {
  int gprs, kept_gprs, fprs, kept_fprs;
};

inline constexpr std::uint32_t kNoValue = 0xFFFFFFFF;

// One step of a function: an instruction of it or of a callee that is inlined, or one that the analysis adds.
struct Item {
  vm::Instruction i = {};
  Action action = {};
  std::uint16_t function = 0;  // whose instruction it is
  std::uint32_t index = 0;     // its number there
  std::uint32_t base = 0;      // where that function's registers begin, in words from the frame's start
  std::uint32_t target = 0;    // of branches: an item
  // Of fields a, b, c; then a counted loop's limit, or the counter that a while loop's end counts on.
  std::uint32_t value[4] = {kNoValue, kNoValue, kNoValue, kNoValue};
  std::uint32_t run = 0;           // first of its values in Analysis::runs (arguments, results, fields, new registers)
  std::uint32_t run_count = 0;     // of those that are read
  std::uint32_t result_count = 0;  // then those that are written
  bool is_label = false;
};

enum class Known : std::uint8_t { Nothing, Unset, Constant, Reference };

// What the registers hold is taken apart into values, see README.md.
struct Value {
  std::uint32_t reg = 0;    // its register's word in the frame
  vm::TypeId type = 0;      // as the function declares it
  bool is_limit = false;    // the number of trips of the counter in `reg`: the upper half of its word
  bool is_counter = false;  // trips made so far: the lower half
  bool is_float = false;
  Known known = Known::Unset;
  std::int16_t pin = -1;
  std::uint32_t defs = 0, reads = 0;
  std::uint32_t first = 0xFFFFFFFF, last = 0;  // its span: reads of item n at 2n, writes at 2n + 1
  std::uint32_t next_at = kNoValue;            // of a counted loop's index: the item that counts it up
  bool starts_known = false;                   // its first write is the constant `bits` …
  std::uint32_t starts_in = 0;                 // … in the loop that begins with this item; 0: in none
  Word end = 0;                                // of an index that a loop steps from `bits` on: it stays below this
  std::uint32_t same_as = kNoValue;            // holds what this other value holds, wherever it is read
  double weight = 0;
  Word bits = 0;  // of a constant; the offset of a known reference
};

// A pin's owner over a span.
struct PinSpan {
  std::uint32_t first, last, value;
};

// Works on one function at a time; its memory is reused.
class Analysis {
 public:
  // `blind`: what the task's constants are is not looked at.
  Analysis(const vm::VerifiedModule& verified, vm::IntrinsicTable intrinsics, PinCounts pins, ArrayLimits arrays,
           bool blind)
      : verified_(verified), intrinsics_(intrinsics), pins_(pins), arrays_(arrays), blind_(blind) {}

  void run(vm::FunctionId function);

  const std::vector<Item>& items() const { return items_; }
  // The value that stands for `id`: values that flow together are one.
  std::uint32_t find(std::uint32_t id) const {
    while (parent_[id] != id) id = parent_[id] = parent_[parent_[id]];  // ways get shorter: they may be long ones
    return id;
  }
  const Value& value(std::uint32_t id) const { return values_[find(id)]; }
  std::uint32_t run_value(std::size_t n) const { return runs_[n]; }
  const std::vector<PinSpan>& gpr_spans(int pin) const { return gpr_spans_[static_cast<std::size_t>(pin)]; }
  const std::vector<PinSpan>& fpr_spans(int pin) const { return fpr_spans_[static_cast<std::size_t>(pin)]; }
  // The pin that holds a region's base throughout, or -1; and the one that holds Journal::seen.
  int base_pin(Region region) const { return base_pins_[static_cast<int>(region)]; }
  int seen_pin() const { return base_pins_[vm::kRegionCount]; }
  std::uint32_t used_kept_gprs() const { return used_kept_gprs_; }
  std::uint32_t used_kept_fprs() const { return used_kept_fprs_; }
  int float_pins() const {  // those that hold anything are the first ones
    int count = pins_.fprs;
    while (count > 0 && fpr_spans_[static_cast<std::size_t>(count - 1)].empty()) --count;
    return count;
  }
  // As many instructions as the machine code is long: those on whole arrays count by what they are made of.
  std::size_t length() const { return items_.size() + array_pieces_; }

 private:
  struct Def {
    std::uint32_t value, start, previous;
    bool pending;  // a branch may have jumped over it
  };
  struct Place {
    std::uint32_t at, def;
  };
  struct LiveIn {
    std::uint32_t reg, value;
  };
  struct Weighed {
    double weight;
    std::uint32_t id;
  };
  struct OpenLoop {
    std::uint32_t header;
    std::vector<LiveIn> live_in;
  };

  // Flattening (analysis.cpp)
  void flatten(std::uint16_t function, std::uint32_t base, const Item* call);
  bool is_inlined(const vm::Function& callee) const;
  Item& add(vm::Instruction i, Action action, std::uint16_t function, std::uint32_t index, std::uint32_t base);
  void add_move(std::uint16_t function, std::uint32_t index, std::uint32_t base, std::uint32_t to, std::uint32_t from);
  void add_instruction(std::uint16_t function, std::uint32_t index, std::uint32_t base);
  void add_run(std::uint32_t first, std::uint32_t count);
  bool has_view(const Item& item) const;
  bool is_short(const Item& item);

  // Values
  void split();
  std::uint32_t read(std::uint32_t reg, std::uint32_t at);
  std::uint32_t write(std::uint32_t reg, std::uint32_t at);
  void join(std::uint32_t source);
  void merge(std::uint32_t a, std::uint32_t b);
  std::uint32_t new_value(std::uint32_t reg);
  bool is_counter(vm::TypeId type) const;
  void close_loop(std::uint32_t at);

  // What is known (values.cpp)
  void measure();
  void measure_item(std::uint32_t at);
  void use(std::uint32_t id, std::uint32_t at, bool writes);
  void define(std::uint32_t id, Known known, Word bits = 0);
  void define_constants(const Item& item, std::uint32_t at);
  void find_copies();
  void follow_loops(std::uint32_t at);
  void assign_pins();
  bool try_pins(std::uint32_t id, Value& value, int from, int to);
  void note_uses_of_memory(const Item& item);

  const vm::VerifiedModule& verified_;
  vm::IntrinsicTable intrinsics_;
  PinCounts pins_;
  ArrayLimits arrays_;
  bool blind_;

  // While a function is flattened: the item that each instruction begins with; the items whose targets are numbers of
  // instructions, and of returns.
  std::vector<std::uint32_t> first_item_, branches_, exits_;

  std::vector<Item> items_;
  std::vector<std::uint32_t> runs_;
  std::vector<Value> values_;
  mutable std::vector<std::uint32_t> parent_;

  // By register (a word of the frame; counters' limits behind them).
  std::vector<vm::TypeId> types_;
  std::vector<std::uint16_t> type_of_function_;
  std::vector<std::uint32_t> limits_, current_;
  std::uint32_t frame_words_ = 0, inline_budget_ = 0;
  std::size_t array_pieces_ = 0;

  std::vector<Def> defs_;
  std::vector<Place> order_;
  std::vector<std::uint32_t> earliest_;  // by item: the first branch that goes there
  std::vector<OpenLoop> loops_;
  std::size_t open_loops_ = 0;
  std::vector<std::uint32_t> headers_;  // of the loops around an item, innermost last

  std::vector<double> item_weight_;
  std::vector<std::uint32_t> calls_before_;
  std::vector<double> call_weight_before_;
  double base_weight_[vm::kRegionCount + 1] = {};
  int base_pins_[vm::kRegionCount + 1] = {};
  std::vector<std::vector<std::uint64_t>> gpr_busy_, fpr_busy_;
  std::vector<std::vector<PinSpan>> gpr_spans_, fpr_spans_;
  std::vector<Weighed> order_by_weight_;
  std::uint32_t used_kept_gprs_ = 0, used_kept_fprs_ = 0;
};

// Whether an item calls out of the compiled code, so that pins that are not kept are lost.
inline bool calls_out(const Item& item) { return kCallsOut.has(item.action.kind); }
inline bool is_array_op(const Item& item) { return kArrayOps.has(item.action.kind); }  // on a whole array
inline bool begins_loop(const Item& item) {
  return kBeginsLoop.has(item.action.kind);
}  // the next item: where it goes back to
inline bool ends_loop(const Item& item) { return kEndsLoop.has(item.action.kind); }

}  // namespace eyeflow::jit
