#pragma once

#include <string>
#include <vector>

#include "vm/module/verifier.h"

// Between the verifier's own files.
namespace eyeflow::vm::verify_detail {

using Rule = VerifyRule;

inline constexpr std::uint64_t kFuelLimit = 1ull << 63;
inline constexpr std::uint32_t kMaxFrameWords = 65'536, kMaxCallDepth = 256, kMaxLoopDepth = 64, kMaxCode = 1u << 24;
inline constexpr std::size_t kMaxStoreEntries = 1u << 20;
inline constexpr TimeNs kMaxSpanNs = TimeNs{100} * 365 * 86'400 * 1'000'000'000;

constexpr std::uint64_t add_saturated(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum;
  return __builtin_add_overflow(a, b, &sum) || sum > kFuelLimit ? kFuelLimit : sum;
}
constexpr std::uint64_t multiply_saturated(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product;
  return __builtin_mul_overflow(a, b, &product) || product > kFuelLimit ? kFuelLimit : product;
}

// What is being checked, and the first refusal.
class Check {
 public:
  Check(const Module& module, IntrinsicTable intrinsics, const VerifyRule* without)
      : module(module), intrinsics(intrinsics), without_(without) {}

  const Module& module;
  IntrinsicTable intrinsics;
  std::vector<FunctionBound> bounds;  // of the functions checked so far
  std::size_t store_entries = 0;      // in all of them

  // Notes a refusal when `holds` is false, and then gives false, unless the rule is switched off. After a true the
  // caller must still be prepared for what the rule forbids. `describe` says where and what; only called to refuse.
  template <typename Describe>
  bool demand(Rule rule, bool holds, Describe describe) {
    if (holds) return true;
    if (without_ != nullptr && *without_ == rule) {
      let_through_ = true;
      return true;
    }
    refuse(rule, describe());
    return false;
  }

  // Something forbidden passed because its rule was off: what is derived from it cannot be trusted.
  bool let_through() const { return let_through_; }
  const std::string& refusal() const { return refusal_; }

  // "i64", "text(20) in scratch", "counter(10)"; for messages.
  std::string describe(TypeId id) const;

 private:
  void refuse(Rule rule, const std::string& what);

  const VerifyRule* without_;
  bool let_through_ = false;
  std::string refusal_;
};

// A loop of a function: its head at `begin`, its end at `next`; its inside is (begin, next].
struct Loop {
  std::uint32_t begin, next, test;  // test: of a while loop
  std::uint32_t parent;             // index of the loop around it, or kNoLoop
  std::uint16_t counter;
};
inline constexpr std::uint32_t kNoLoop = 0xFFFFFFFF;

// What the check of a function's code found out on its way.
struct CodeFacts {
  std::vector<Loop> loops;             // by their heads' places
  std::vector<std::uint32_t> loop_of;  // by instruction: the innermost loop that it is inside of
};

bool check_tables(Check& check);                   // types, slots, images, inputs, outputs, params
bool check_function(Check& check, FunctionId id);  // appends its bound
bool check_tasks(Check& check);                    // handlers and alarms, when the functions' bounds are known
bool check_code(Check& check, FunctionId id, CodeFacts& facts, FunctionBound& bound);
void compute_fuel(const Check& check, FunctionId id, const CodeFacts& facts, FunctionBound& bound);

// Whether a register of this type may stand where an operand demands Exact … Text; SameAsA and LikeA compare with `a`.
bool matches(const Operand& operand, TypeId id, const Type& type, TypeId a_id, const Type* a);

// Fuel of a row or an intrinsic on references of up to this capacity.
constexpr std::uint64_t cost_of(std::uint32_t base, std::uint32_t per_four_elements, std::uint32_t capacity) {
  return base + std::uint64_t{per_four_elements} * ((std::uint64_t{capacity} + 3) / 4);
}

}  // namespace eyeflow::vm::verify_detail
