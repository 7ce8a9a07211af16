#include <gtest/gtest.h>

#include <string>

#include "vm/assembly/assembly.h"
#include "vm/module/verifier.h"

// Bounds that the verifier computes, against sums made by hand from the costs in opcodes.def.
namespace eyeflow::vm {
namespace {

using enum Scalar;

constexpr IntrinsicDesc kIntrinsics[] = {
    {0, "test.half", F64, 1, {isa_rows::S(F64)}, 10, 0, nullptr, "a = b / 2"},
    {1, "test.print", Void, 2, {isa_rows::TextOut, isa_rows::S(F64)}, 5, 1, nullptr, "a = b as text"},
};

constexpr std::string_view kAround = R"(
output rows: log (value: i64, note: text(4)@state)
slot state n: i64
slot state x: f64
slot state a: [f64; 10]@state
slot state t: text(4)@state
slot scratch s: text(8)@scratch
function store_x (x: f64) -> (f64)
  store.f64 x, x
  return x
end
function get -> (i64)
  registers n: i64
  load n, state, n
  return n
end
function fill (a: [f64; 10]@state, x: f64)
  array.fill.f64 a, x
  return
end
)";

struct Bounded {
  FunctionBound bound;
  std::string error;
};

// Of the function with this text behind `function f`.
Bounded bound_of(const std::string& text) {
  auto module = assemble(std::string(kAround) + "function f" + text + "\nend\n", kIntrinsics);
  if (!module) return {{}, module.error().message};
  const auto verified = verify(std::move(*module), kIntrinsics);
  if (!verified) return {{}, verified.error().message};
  return {verified->bounds.back(), ""};
}

struct Expected {
  std::string text;
  std::uint64_t fuel, entry;
  std::vector<std::uint64_t> trips;  // by counter register
};

TEST(VerifierBounds, FuelIsTheLongestPath) {
  const Expected cases[] = {
      {"\nregisters n: i64\nadd.i64 n, n, n\nreturn", 2, 2, {}},
      // The longer branch: 1 + (8 + 1) + 1 against 1 + 1 + 1.
      {"\nregisters n: i64, b: bool\njump_unless less, b\ndiv.i64 n, n, n\njump both\nless:\nadd.i64 n, n, "
       "n\nboth:\nreturn",
       11,
       11,
       {}},
      // What follows a return counts only when a branch leads there.
      {"\nregisters n: i64\nreturn\ndiv.i64 n, n, n\nreturn", 1, 1, {}},
      // begin 2, enter 1, ten times (add 1, next 1), return 1.
      {"\nregisters n: i64, c: counter(10)\nloop.begin c, n\nloop.enter c, out\nback:\nadd.i64 n, n, n\nloop.next c, "
       "back\nout:\nreturn",
       24,
       4,
       {2}},
      // Inner loop: 2 + 1 + 4 * (8 + 1) = 39; outer: 3 times (39 + next 1); around: 2 + 1 + 1.
      {"\nregisters n: i64, c: counter(3), d: counter(4)\nloop.begin c, n\nloop.enter c, out\nback:\nloop.begin d, "
       "n\nloop.enter d, out2\nback2:\ndiv.i64 n, n, n\nloop.next d, back2\nout2:\nloop.next c, back\nout:\nreturn",
       124,
       4,
       {4, 9}},
      // A way out that is longer than a whole trip: max(jump_if 1 + div 8 + jump 1, jump_if 1 + next 1) = 10 a trip.
      {"\nregisters n: i64, b: bool, c: counter(10)\nloop.begin c, n\nloop.enter c, out\nback:\njump_if leave, "
       "b\nloop.next "
       "c, back\njump out\nleave:\ndiv.i64 n, n, n\nout:\nreturn",
       // after the loop 3 + 10 * 2; then leave: div 8; return 1
       32,
       12,
       {2}},
      // An inner loop whose only ways out leave both loops. Inner: 2 + 1 + 4 * (div 8 + return 1) = 39; 2 + 1 + 3 * 39
      // + 1.
      {"\nregisters n: i64, c: counter(3), d: counter(4)\nloop.begin c, n\nloop.enter c, out\nback:\nloop.begin d, "
       "n\nloop.enter d, out\nback2:\ndiv.i64 n, n, n\nreturn\nloop.next d, back2\nloop.next c, back\nout:\nreturn",
       121,
       4,
       {3, 9}},
      // begin 1; the way to the test once more than the trips: lt 1, test 1; five times (2 + add 1 + next 1); return 1.
      {"\nregisters n: i64, b: bool, c: counter(5)\nwhile.begin c\nback:\nlt.i64 b, n, n\nwhile.test c, b, "
       "out\nadd.i64 n, n, "
       "n\nwhile.next c, back\nout:\nreturn",
       24,
       4,
       {4}},
      // call 4 + (store 1 + return 1) + return 1; metered, the callee charges its own entry.
      {"\nregisters x: f64\ncall x, store_x, x\nreturn", 7, 5, {}},
      // ref 1, fill 4 + ceil(10 / 4), return 1.
      {"\nregisters a: [f64; 10]@state, x: f64\nref a, a\narray.fill.f64 a, x\nreturn", 9, 9, {}},
      // intrinsic 4 + its 10, return 1.
      {"\nregisters x: f64\nintrinsic x, test.half, x\nreturn", 15, 15, {}},
      // ref 1, intrinsic 4 + its 5 + ceil(8 / 4), return 1.
      {"\nregisters s: text(8)@scratch, x: f64\nref s, s\nintrinsic -, test.print, s\nreturn", 13, 13, {}},
  };
  for (const Expected& expected : cases) {
    const Bounded got = bound_of(expected.text);
    ASSERT_EQ(got.error, "") << expected.text;
    EXPECT_EQ(got.bound.fuel, expected.fuel) << expected.text;
    EXPECT_EQ(got.bound.entry_fuel, expected.entry) << expected.text;
    std::vector<std::uint64_t> trips;
    for (const std::uint64_t fuel : got.bound.trip_fuel)
      if (fuel != 0) trips.push_back(fuel);
    EXPECT_EQ(trips, expected.trips) << expected.text;
  }
}

TEST(VerifierBounds, FuelSaturates) {
  std::string head = "\nregisters n: i64", open, close;
  for (int d = 0; d < 4; ++d) {
    const std::string c = "c" + std::to_string(d);
    // Of different lengths, since equal types stand in the table once and each register is one loop's.
    head += ", " + c + ": counter(" + std::to_string(kMaxCapacity - static_cast<unsigned>(d)) + ")";
    open += "loop.begin " + c + ", n\nloop.enter " + c + ", out" + c + "\nback" + c + ":\n";
    close = "loop.next " + c + ", back" + c + "\nout" + c + ":\n" + close;
  }
  const Bounded got = bound_of(head + "\n" + open + close + "return");
  ASSERT_EQ(got.error, "");
  EXPECT_EQ(got.bound.fuel, 1ull << 63);
  EXPECT_EQ(got.bound.entry_fuel, 4u);
}

TEST(VerifierBounds, FramesAndDepthFollowTheDeepestCall) {
  const Bounded leaf = bound_of("\nregisters n: i64\nreturn");
  EXPECT_EQ(leaf.bound.frame_words, 1u);
  EXPECT_EQ(leaf.bound.call_depth, 0u);
  const Bounded caller =
      bound_of("\nregisters a: [f64; 10]@state, x: f64\nref a, a\ncall -, fill, a\ncall x, store_x, x\nreturn");
  ASSERT_EQ(caller.error, "");
  EXPECT_EQ(caller.bound.frame_words, 4u) << "its two, and the two of `fill`";
  EXPECT_EQ(caller.bound.call_depth, 1u);
}

TEST(VerifierBounds, OutputIsCountedInWholeWords) {
  // A row: its header 8, the i64 8, the text its length 8 and 4 bytes in a word.
  const Bounded once = bound_of("\nregisters n: i64, t: text(4)@state\nref t, t\nemit rows, n\nreturn");
  ASSERT_EQ(once.error, "");
  EXPECT_EQ(once.bound.output_bytes, 32u);
  EXPECT_EQ(once.bound.log_rows, 1u);
  EXPECT_TRUE(once.bound.emits);
  const Bounded thrice = bound_of(
      "\nregisters n: i64, t: text(4)@state, c: counter(3)\nref t, t\nloop.begin c, n\nloop.enter c, out\nback:\nemit "
      "rows, n\nloop.next c, back\nout:\nreturn");
  EXPECT_EQ(thrice.bound.output_bytes, 96u) << thrice.error;
  EXPECT_EQ(thrice.bound.log_rows, 3u);
}

TEST(VerifierBounds, EffectsAreThoseOfTheCalleesToo) {
  const Bounded none = bound_of("\nregisters n: i64\nadd.i64 n, n, n\nreturn");
  EXPECT_TRUE(none.bound.stores.empty() && !none.bound.reads_state && !none.bound.writes_references &&
              !none.bound.emits);

  const Bounded stores = bound_of("\nregisters n: i64, x: f64\nstore n, n\ncall x, store_x, x\nstore n, n\nreturn");
  EXPECT_EQ(stores.bound.stores, (std::vector<std::uint32_t>{0, 8})) << stores.error;
  EXPECT_FALSE(stores.bound.reads_state) << "what is only written is not read";

  EXPECT_TRUE(bound_of("\nregisters n: i64\nload n, state, n\nreturn").bound.reads_state);
  EXPECT_TRUE(bound_of("\nregisters n: i64\ncall n, get\nreturn").bound.reads_state);
  const Bounded fills = bound_of("\nregisters a: [f64; 10]@state, x: f64\nref a, a\ncall -, fill, a\nreturn");
  EXPECT_TRUE(fills.bound.writes_references) << fills.error;
  const Bounded scratch = bound_of("\nregisters s: text(8)@scratch\nref s, s\ntext.clear s\nreturn");
  EXPECT_FALSE(scratch.bound.writes_references) << "scratch is no state" << scratch.error;
}

TEST(VerifierBounds, ReferencesBeginAtTheirRegion) {
  auto module = assemble(std::string(kAround) + "function f\nregisters c: counter(7)\nreturn\nend\n", kIntrinsics);
  const auto verified = verify(std::move(*module), kIntrinsics);
  ASSERT_TRUE(verified) << verified.error().message;
  ASSERT_EQ(verified->references.size(), kFirstModuleType + verified->module.types.size());
  EXPECT_EQ(verified->references[type_id(F64)], 0u);
  for (std::size_t n = 0; n < verified->module.types.size(); ++n) {
    const Reference reference{verified->references[kFirstModuleType + n]};
    EXPECT_EQ(reference.capacity(), verified->module.types[n].capacity);
    EXPECT_EQ(reference.region(), verified->module.types[n].region);
    EXPECT_EQ(reference.offset(), 0u);
  }
}

// What is right but looks wrong.
TEST(Verifier, AcceptsWhatIsSafe) {
  const char* const bodies[] = {
      // A reference that is set again behind the join.
      "\nregisters s: text(8)@scratch, b: bool\njump_if skip, b\nref s, s\ntext.clear s\nskip:\nref s, s\ntext.clear "
      "s\nreturn",
      // Set before a branch, read behind it and inside a loop.
      "\nregisters s: text(8)@scratch, b: bool, n: i64, c: counter(2)\nref s, s\njump_if skip, b\nload.imm n, "
      "2\nskip:\nloop.begin c, n\nloop.enter c, out\nback:\ntext.clear s\nloop.next c, back\nout:\ntext.clear "
      "s\nreturn",
      // A parameter is always set; a result of reference type sets.
      " (s: text(8)@scratch) -> (text(8)@scratch)\ntext.clear s\nreturn s",
      // break out of two loops, continue, and a short-circuit condition before a while's test.
      "\nregisters n: i64, b: bool, c: counter(2), d: counter(3)\nloop.begin c, n\nloop.enter c, "
      "out\nback:\nwhile.begin "
      "d\nagain:\njump_unless test, b\nnot.bool b, b\ntest:\nwhile.test d, b, next\njump_if out, b\njump_if more, "
      "b\nload.imm n, 1\nmore:\nwhile.next d, again\nnext:\nloop.next c, back\nout:\nreturn",
      // A loop without a body, and the index of a loop that is over.
      "\nregisters n: i64, c: counter(2)\nloop.begin c, n\nloop.enter c, out\nback:\nloop.next c, "
      "back\nout:\nloop.index n, "
      "c\nreturn",
      // Code that nothing reaches.
      "\nregisters n: i64\nreturn\nload.imm n, 1\nreturn",
  };
  for (const char* body : bodies) EXPECT_EQ(bound_of(body).error, "") << body;
}

}  // namespace
}  // namespace eyeflow::vm
