#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "jit/baseline/baseline.h"
#include "stdlib/intrinsics/intrinsics.h"
#include "tests/fuzz/scenario.h"
#include "vm/assembly/assembly.h"
#include "vm/isa/direct_call.h"

// The faults that compilers of other machines have had, one test a class: what compiled code gives is held against what
// is written down here, and against the interpreter.
namespace eyeflow::vm::test {
namespace {

using Words = std::vector<Word>;

struct Given {
  Trap trap = Trap::None;
  Words results;
};

class Task {
 public:
  explicit Task(const std::string& text, IntrinsicTable intrinsics = stdlib::intrinsics())
      : interpreter_(kInterpreter), compiled_(jit::kBaseline) {
    Result<Module> module = assemble("module faults isa 2\n" + text, intrinsics);
    if (!module) {
      ADD_FAILURE() << module.error().message;
      return;
    }
    Result<VerifiedModule> verified = verify(std::move(*module), intrinsics);
    if (!verified) {
      ADD_FAILURE() << verified.error().message;
      return;
    }
    program_ = std::move(*verified);
    interpreter_.load(program_, intrinsics, Against::End);
    compiled_.load(program_, intrinsics, Against::End);
    EXPECT_EQ(compiled_.report().fallback, "");
  }

  // What compiled code gives, which must be what the interpreter gives; so once more with fuel.
  Given run(const std::string& function, const Words& arguments = {}) {
    const Module& m = program_.module;
    const auto id =
        static_cast<std::size_t>(std::ranges::find(m.functions, function, &Function::name) - m.functions.begin());
    if (id >= m.functions.size()) {
      ADD_FAILURE() << "there is no function " << function;
      return {};
    }
    const FunctionBound& bound = program_.bounds[id];
    Event event{.function = static_cast<FunctionId>(id),
                .arguments = arguments,
                .output_bytes = static_cast<std::uint32_t>(bound.output_bytes),
                .input = Words(m.input_bytes / 8)};
    run_both(event);
    Given given{compiled_.outcome().trap, {compiled_.results().begin(), compiled_.results().end()}};
    event.fuel = bound.fuel;
    run_both(event);
    return given;
  }
  void gives(const std::string& function, const Words& arguments, Word result) {
    const Given given = run(function, arguments);
    EXPECT_EQ(given.trap, Trap::None) << function << ": " << name(given.trap);
    if (given.trap == Trap::None) EXPECT_EQ(given.results.at(0), result) << function;
  }
  void traps(const std::string& function, const Words& arguments, Trap trap) {
    const Given given = run(function, arguments);
    EXPECT_EQ(name(given.trap), name(trap)) << function;
  }
  Word state(std::size_t word) const {
    Word value;
    std::memcpy(&value, compiled_.state().data() + word * 8, 8);
    return value;
  }

 private:
  void run_both(const Event& event) {
    interpreter_.run(event);
    compiled_.run(event);
    if (const auto different = difference(program_.module, event, interpreter_, compiled_)) ADD_FAILURE() << *different;
  }

  VerifiedModule program_;
  Machine interpreter_, compiled_;
};

std::string times(std::size_t count, const std::string& text) {
  std::string all;
  all.reserve(count * text.size());
  for (std::size_t n = 0; n < count; ++n) all += text;
  return all;
}
Word signed_word(std::int64_t value) { return to_word(value); }
constexpr std::int64_t kMin64 = std::numeric_limits<std::int64_t>::min();
constexpr std::int32_t kMin32 = std::numeric_limits<std::int32_t>::min();

// ---- Address width
// ---------------------------------------------------------------------------------------------------

// An index is compared as the unsigned word that it is, and an address is computed in 64 bits.
TEST(JitFaults, IndicesOfAnyWidth) {
  constexpr std::int64_t kCount = 20'000'000;
  std::string text = "type [u64; 2500000]@scratch\nregion scratch 20000000\nslot scratch 0 a: [u64; 2500000]@scratch\n";
  for (const char* type : {"i64", "i32", "u8", "u16", "u32", "u64"})
    text += "function by_" + std::string(type) + " (n: " + type +
            ") -> (u64)\n  registers a: [u64; 2500000]@scratch, v: u64\n  ref a, a\n  not.u64 v, v\n"
            "  array.set.u64 a, n, v\n  array.get.u64 v, a, n\n  return v\nend\n";
  Task task(text);
  for (const std::int64_t n : {std::int64_t{0}, kCount / 8 - 1}) {
    task.gives("by_i64", {signed_word(n)}, ~Word{0});
    task.gives("by_i32", {signed_word(n)}, ~Word{0});
    task.gives("by_u32", {static_cast<Word>(n)}, ~Word{0});
    task.gives("by_u64", {static_cast<Word>(n)}, ~Word{0});
  }
  task.gives("by_u8", {255}, ~Word{0});
  task.gives("by_u16", {65535}, ~Word{0});
  for (const std::int64_t n : {kCount / 8, std::int64_t{-1}, std::int64_t{1} << 32, (std::int64_t{1} << 32) + 5,
                               -(std::int64_t{1} << 32), std::int64_t{1} << 61, kMin64, kMin64 + 1, ~kMin64}) {
    task.traps("by_i64", {signed_word(n)}, Trap::IndexOutOfRange);
    task.traps("by_u64", {static_cast<Word>(n)}, Trap::IndexOutOfRange);
  }
  for (const std::int32_t n : {-1, kMin32, ~kMin32}) task.traps("by_i32", {signed_word(n)}, Trap::IndexOutOfRange);
  for (const Word n : {0xFFFFFFFFu, 0x80000000u, 2'500'000u}) task.traps("by_u32", {n}, Trap::IndexOutOfRange);
}

// Displacements beyond what an instruction of any width has room for.
TEST(JitFaults, SlotsFarFromTheRegionsStart) {
  for (const std::uint32_t pad : {96u, 120u, 128u, 4080u, 4096u, 32760u, 32768u, 65528u, 65536u, 262144u, 523520u}) {
    const std::string at = std::to_string(pad), array = std::to_string(pad + 8), list = std::to_string(pad + 48);
    Task task("type [u8; " + at + "]@state\ntype [i32; 9]@state\ntype [f64; <=3]@state\nregion state " +
              std::to_string((pad + 80 + 63) / 64 * 64) + "\nslot state 0 pad: [u8; " + at + "]@state\nslot state " +
              at + " x: i64\nslot state " + array + " a: [i32; 9]@state\nslot state " + list +
              " l: [f64; <=3]@state\n" + R"(
function f (n: i64, v: i32, w: f64) -> (i64)
  registers a: [i32; 9]@state, l: [f64; <=3]@state, x: i64, y: i64, b: i32, g: f64
  store n, x
  ref a, a
  ref l, l
  array.set.i32 a, n, v
  list.push.f64 l, w
  list.push.f64 l, w
  array.get.i32 b, a, n
  list.get.f64 g, l, n
  i64.trunc y, g
  i64.from.i32 x, b
  add.i64 x, x, y
  load y, state, x
  add.i64 x, x, y
  list.len y, l
  add.i64 x, x, y
  list.clear l
  return x
end
)");
    task.gives("f", {1, signed_word(-7), to_word(30.0)}, 30 - 7 + 1 + 2);
  }
}

// ---- Branches
// --------------------------------------------------------------------------------------------------------

// Every way to branch, over bodies whose code is short, just too long for a short branch, and far too long for any
// conditional one of AArch64 (32 KB, 1 MB).
const char* const kBranches[] = {"jump_if L, b",
                                 "jump_unless L, b",
                                 "jump_if.lt.i64 L, x, y",
                                 "jump_if.eq.imm.i64 L, x, 0",
                                 "jump_if.ne.imm.i64 L, x, 0",
                                 "jump_unless.lt.imm.i64 L, x, 1",
                                 "jump_unless.le.f64 L, f, g",
                                 "jump_if.eq.f64 L, f, g"};

std::string branches_over(const std::string& body) {
  std::string text;
  for (std::size_t n = 0; n < std::size(kBranches); ++n)
    text += "function b" + std::to_string(n) +
            " (b: bool, x: i64, y: i64, f: f64, g: f64) -> (u64)\n  registers p: u64, q: u64, a: [u64; 4]@state\n"
            "  load.imm y, 5\n  u64.from.i64 q, y\n  ref a, a\n  " +
            kBranches[n] + "\n" + body + "  add.u64 p, p, q\nL:\n  add.u64 p, p, q\n  return p\nend\n";
  return text;
}
constexpr const char* kArray = "type [u64; 4]@state\nregion state 64\nslot state 0 a: [u64; 4]@state\n";

void take_all_branches(Task& task) {
  for (std::size_t n = 0; n < std::size(kBranches); ++n)
    for (const Word b : {0, 1})
      for (const std::int64_t x : {0, 1, 9})
        for (const double f : {1.0, 3.0, std::numeric_limits<double>::quiet_NaN()})
          task.run("b" + std::to_string(n), {b, signed_word(x), 0, to_word(f), to_word(1.0)});
}

TEST(JitFaults, BranchesOverBodiesOfEveryShortLength) {
  for (std::size_t length = 0; length < 64; ++length) {
    Task task(kArray + branches_over(times(length, "  xor.u64 p, p, q\n")));
    take_all_branches(task);
  }
}
TEST(JitFaults, BranchesOverBodiesThatAreLong) {
  for (const std::size_t length : {2'000u, 9'000u}) {
    Task task(kArray + branches_over(times(length, "  xor.u64 p, p, q\n")));
    take_all_branches(task);
  }
}
TEST(JitFaults, AHandlerLargerThanABranchReaches) {
  const std::string body = times(50'000, "  array.set.u64 a, y, p\n");
  const std::string text = std::string(kArray) + "type counter(3)\n" + R"(
function f (b: bool, y: i64, d: i64) -> (u64)
  registers p: u64, a: [u64; 4]@state, e: i64, i: i64, c: counter(3), w: counter(3)
  ref a, a
  div.i64 e, y, d
  jump_if L, b
)" + body + "L:\n  not.u64 p, p\n  return p\nend\n" +
                           R"(
function looped (t: i64, y: i64) -> (u64)
  registers p: u64, q: u64, a: [u64; 4]@state, i: i64, c: counter(3)
  ref a, a
  not.u64 q, q
  loop.begin c, t
  loop.enter c, out
again:
)" + body + R"(
  sub.u64 p, p, q
  loop.step c, again, i
out:
  return p
end
function repeated (t: i64, y: i64) -> (u64)
  registers p: u64, q: u64, a: [u64; 4]@state, i: i64, c: counter(3), one: i64
  ref a, a
  not.u64 q, q
  load.imm one, 1
  while.enter c
again:
)" + body + R"(
  sub.u64 p, p, q
  add.i64 i, i, one
  while.repeat_if.lt.i64 again, i, t
  return p
end
)";
  Task task(text);
  task.gives("f", {0, 3, 1}, ~Word{0});
  task.gives("f", {1, 9, 1}, ~Word{0});
  task.traps("f", {0, 3, 0}, Trap::DivideByZero);
  task.traps("f", {0, 4, 1}, Trap::IndexOutOfRange);
  task.gives("looped", {0, 3}, 0);
  task.gives("looped", {3, 3}, 3);
  task.traps("looped", {4, 3}, Trap::TripLimit);
  task.traps("looped", {2, 4}, Trap::IndexOutOfRange);
  task.gives("repeated", {3, 0}, 3);
  task.traps("repeated", {4, 0}, Trap::WhileLimit);
}

// Operations that are made in place for each of many elements: fewer instructions of the bytecode, as far to branch.
TEST(JitFaults, AHandlerOfManyWholeArrays) {
  Task task(
      "type [i64; 32]@state\nregion state 512\nslot state 0 a: [i64; 32]@state\nslot state 256 b: [i64; 32]@state\n" +
      std::string(R"(
function f (over: bool, first: i64) -> (i64)
  registers n: i64, one: i64, a: [i64; 32]@state, b: [i64; 32]@state
  ref a, a
  ref b, b
  load.imm one, 1
  array.fill.i64 b, one
  array.set.i64 a, n, first
  jump_if L, over
)") + times(4'500, "  array.add.i64 a, a, b\n") +
      "L:\n  array.get.i64 n, a, n\n  return n\nend\n");
  task.gives("f", {1, 5}, 5);
  task.gives("f", {0, 5}, 4505);
  task.gives("f", {0, signed_word(std::numeric_limits<std::int64_t>::max() - 4500)},
             signed_word(std::numeric_limits<std::int64_t>::max()));
  task.traps("f", {0, signed_word(std::numeric_limits<std::int64_t>::max() - 4499)}, Trap::Overflow);
}

// ---- Much code
// -------------------------------------------------------------------------------------------------------

// Many megabytes of it, in one module: calls reach from end to end.
TEST(JitFaults, CodeThatOutgrowsEveryBuffer) {
  constexpr int kFunctions = 6;
  std::string text = kArray;
  const std::string body = times(30'000, "  array.set.u64 a, y, p\n");
  for (int n = 0; n < kFunctions; ++n) {
    text += "function f" + std::to_string(n) + " (y: i64) -> (u64)\n  registers p: u64, q: u64, a: [u64; 4]@state\n";
    if (n > 0) text += "  call p, f" + std::to_string(n - 1) + ", y\n";
    text += "  ref a, a\n  load.imm y, 1\n  u64.from.i64 q, y\n" + body + "  add.u64 p, p, q\n  return p\nend\n";
  }
  Task task(text);
  for (int n = 0; n < kFunctions; ++n) task.gives("f" + std::to_string(n), {0}, static_cast<Word>(n) + 1);
}

// ---- Shifts
// ----------------------------------------------------------------------------------------------------------

TEST(JitFaults, ShiftsMaskTheirCount) {
  constexpr std::int16_t kCounts[] = {0,  1,  7,  8,  9,   15,  16,  17,  31,    32,     33,
                                      63, 64, 65, 71, 127, 128, 129, 255, 32767, -32768, -1};
  for (const int width : {8, 16, 32, 64}) {
    const std::string t = "u" + std::to_string(width);
    const Word mask = width == 64 ? ~Word{0} : (Word{1} << width) - 1;
    std::string text;
    for (const std::string op : {"shl", "shr"}) {
      text += "function " + op + " (x: " + t + ", n: " + t + ") -> (" + t + ")\n  " + op + "." + t +
              " x, x, n\n  return x\nend\n";
      for (const std::int16_t n : kCounts) {
        const std::string count = std::to_string(n), called = std::to_string(static_cast<std::uint16_t>(n));
        text += "function " + op + "_imm" + called + " (x: " + t + ") -> (" + t + ")\n  " + op + ".imm." + t +
                " x, x, " + count + "\n  return x\nend\nfunction " + op + "_known" + called + " (x: " + t + ") -> (" +
                t + ")\n  registers i: i64, n: " + t + "\n  load.imm i, " + count + "\n  " + t + ".from.i64 n, i\n  " +
                op + "." + t + " x, x, n\n  return x\nend\n";
      }
    }
    Task task(text);
    for (const Word x : {Word{1}, Word{0x80}, Word{0x8001800180018001} & mask, mask}) {
      const auto expected = [&](bool left, Word count) {
        const Word by = count % static_cast<Word>(width);
        return left ? x << by & mask : x >> by;
      };
      for (Word n = 0; n <= std::min<Word>(mask, 300); ++n)
        for (const bool left : {true, false}) task.gives(left ? "shl" : "shr", {x, n}, expected(left, n));
      for (const std::int16_t n : kCounts)
        for (const bool left : {true, false})
          for (const char* kind : {"_imm", "_known"})
            task.gives((left ? "shl" : "shr") + std::string(kind) + std::to_string(static_cast<std::uint16_t>(n)), {x},
                       expected(left, static_cast<Word>(std::int64_t{n})));
    }
  }
}

// ---- Narrow numbers in wide registers
// ----------------------------------------------------------------------------------

TEST(JitFaults, NarrowNumbersKeepTheirSign) {
  Task task(R"(
type [i32; 2]@state
type [u32; 2]@state
type [u8; 4]@state
region state 64
slot state 0 signed: [i32; 2]@state = [-5, -2147483648]
slot state 8 unsigned: [u32; 2]@state = [4294967291, 2147483648]
slot state 16 bytes: [u8; 4]@state = [255, 128, 0, 1]
function sum (a: i32, b: i32) -> (i64)
  registers w: i64
  add.i32 a, a, b
  i64.from.i32 w, a
  return w
end
function product (a: i32, b: i32) -> (i64)
  registers w: i64
  mul.i32 a, a, b
  i64.from.i32 w, a
  return w
end
function negated (a: i32) -> (i64)
  registers w: i64
  neg.i32 a, a
  i64.from.i32 w, a
  return w
end
function wrapped (a: u32, b: u32) -> (i64)
  registers w: i64
  sub.u32 a, a, b
  i64.from.u32 w, a
  return w
end
function inverted (a: u8) -> (i64)
  registers w: i64
  not.u8 a, a
  i64.from.u8 w, a
  return w
end
function low (a: i64) -> (i64)
  registers n: u16
  u16.from.i64 n, a
  i64.from.u16 a, n
  return a
end
function signed (n: i64) -> (i64)
  registers a: [i32; 2]@state, v: i32
  ref a, signed
  array.get.i32 v, a, n
  i64.from.i32 n, v
  return n
end
function unsigned (n: i64) -> (i64)
  registers a: [u32; 2]@state, v: u32
  ref a, unsigned
  array.get.u32 v, a, n
  i64.from.u32 n, v
  return n
end
function bytes (n: i64) -> (i64)
  registers a: [u8; 4]@state, v: u8
  ref a, bytes
  array.get.u8 v, a, n
  i64.from.u8 n, v
  return n
end
function less (a: i32, b: i32) -> (bool)
  registers c: bool
  lt.i32 c, a, b
  return c
end
function less_than_one (a: u32) -> (i64)
  registers w: i64
  jump_if.lt.imm.u32 L, a, -1
  load.imm w, 1
L:
  return w
end
)");
  task.gives("sum", {signed_word(-3), signed_word(-4)}, signed_word(-7));
  task.gives("sum", {signed_word(kMin32), 5}, signed_word(std::int64_t{kMin32} + 5));
  task.traps("sum", {signed_word(kMin32), signed_word(-1)}, Trap::Overflow);
  task.traps("sum", {0x7fffffff, 1}, Trap::Overflow);
  task.gives("product", {signed_word(-46340), 46340}, signed_word(-46340ll * 46340));
  task.traps("product", {65536, 32768}, Trap::Overflow);
  task.gives("negated", {0x7fffffff}, signed_word(-0x7fffffffll));
  task.traps("negated", {signed_word(kMin32)}, Trap::Overflow);
  task.gives("wrapped", {0, 1}, 0xFFFFFFFF);
  task.gives("inverted", {0}, 255);
  task.gives("low", {signed_word(-1)}, 65535);
  task.gives("signed", {0}, signed_word(-5));
  task.gives("signed", {1}, signed_word(kMin32));
  task.gives("unsigned", {0}, 4294967291);
  task.gives("unsigned", {1}, 2147483648);
  task.gives("bytes", {0}, 255);
  task.gives("bytes", {1}, 128);
  task.gives("less", {signed_word(-1), 0}, 1);
  task.gives("less", {0x7fffffff, signed_word(kMin32)}, 0);
  task.gives("less_than_one", {0xFFFFFFFF}, 1);
  task.gives("less_than_one", {0xFFFFFFFE}, 0);
}

// ---- Division
// --------------------------------------------------------------------------------------------------------

// The one quotient that does not fit stops processors of one kind and wraps on others; its remainder is 0 on none.
TEST(JitFaults, DivisionByMinusOne) {
  for (const int width : {64, 32}) {
    const std::string t = "i" + std::to_string(width);
    const std::int64_t least = width == 64 ? kMin64 : kMin32;
    std::string text = "region const 8\nslot const 0 minus_one: " + t + " = -1\n";
    for (const std::string op : {"div", "mod"})
      text += "function " + op + " (x: " + t + ", y: " + t + ") -> (" + t + ")\n  " + op + "." + t +
              " x, x, y\n  return x\nend\nfunction " + op + "_imm (x: " + t + ") -> (" + t + ")\n  " + op + ".imm." +
              t + " x, x, -1\n  return x\nend\nfunction " + op + "_known (x: " + t + ") -> (" + t +
              ")\n  registers y: " + t + "\n  load y, const, minus_one\n  " + op + "." + t +
              " x, x, y\n  return x\nend\n";
    Task task(text);
    for (const std::string kind : {"", "_imm", "_known"}) {
      const Words by = kind.empty() ? Words{signed_word(-1)} : Words{};
      const auto with = [&](std::int64_t x) {
        Words arguments{signed_word(x)};
        arguments.insert(arguments.end(), by.begin(), by.end());
        return arguments;
      };
      task.traps("div" + kind, with(least), Trap::Overflow);
      task.gives("mod" + kind, with(least), 0);
      for (const std::int64_t x :
           {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{7}, ~least, least + 1}) {
        task.gives("div" + kind, with(x), signed_word(-x));
        task.gives("mod" + kind, with(x), 0);
      }
    }
    for (const char* op : {"div", "mod"}) task.traps(op, {signed_word(least), 0}, Trap::DivideByZero);
  }
}

// ---- Calls
// -----------------------------------------------------------------------------------------------------------

// More values than registers of any kind live across calls of each kind, in and outside a loop.
TEST(JitFaults, ValuesSurviveCalls) {
  constexpr int kEach = 40;
  const std::string calls[] = {"  call y, other, y\n", "  intrinsic g, math.sin.f64, g\n", "  text.append t, t\n",
                               "  emit rows, y\n"};
  std::string text =
      "type text(9)@scratch\ntype counter(3)\noutput rows: log (y: i64)\nregion scratch 64\n"
      "slot scratch 0 t: text(9)@scratch\n"
      "function other (x: i64) -> (i64)\n  registers c: counter(3), one: i64\n  load.imm one, 1\n  loop.begin c, one\n"
      "  loop.enter c, out\nagain:\n  add.i64 x, x, one\n  loop.next c, again\nout:\n  return x\nend\n";
  std::string registers = "  registers t: text(9)@scratch, g: f64, f: f64, sum: i64, c: counter(3), y: i64, three: i64";
  std::string set, add;
  Word expected = 0;
  for (int n = 0; n < kEach; ++n) {
    const std::string i = "i" + std::to_string(n), f = "f" + std::to_string(n);
    registers += ", " + i + ": i64, " + f + ": f64";
    set += "  add.imm.i64 " + i + ", x, " + std::to_string(n) + "\n  f64.from.i64 " + f + ", " + i + "\n";
    add += "  add.i64 sum, sum, " + i + "\n  add.f64 f, f, " + f + "\n";
    expected += 2 * static_cast<Word>(100 + n);
  }
  for (int loop = 0; loop < 2; ++loop)
    for (int n = 0; n < 5; ++n) {
      std::string body = n < 4 ? calls[n] : calls[0] + calls[1] + calls[2] + calls[3];
      if (loop == 1)
        body = "  load.imm three, 3\n  loop.begin c, three\n  loop.enter c, out\nagain:\n" + body +
               "  loop.next c, again\nout:\n";
      text += "function f" + std::to_string(loop) + std::to_string(n) + " (x: i64) -> (i64)\n" + registers +
              "\n  ref t, t\n" + set + body + add + "  i64.trunc y, f\n  add.i64 sum, sum, y\n  return sum\nend\n";
    }
  Task task(text);
  for (int loop = 0; loop < 2; ++loop)
    for (int n = 0; n < 5; ++n) task.gives("f" + std::to_string(loop) + std::to_string(n), {100}, expected);
}

std::int64_t is_aligned() {
#if defined(__x86_64__)
  // rbp as a prologue leaves it: the return address and the old one were pushed onto an aligned stack.
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) % 16 == 0;
#else
  std::uintptr_t sp;
  asm volatile("mov %0, sp" : "=r"(sp));
  return sp % 16 == 0;
#endif
}

// However many registers the callers have to save, at any depth, the stack is aligned where C code begins.
TEST(JitFaults, TheStackIsAlignedAtCalls) {
  const IntrinsicDesc table[] = {{.id = 0,
                                  .name = "direct",
                                  .result = Scalar::I64,
                                  .function = &WordCall<false, &is_aligned>::call,
                                  .meaning = "1",
                                  .direct = reinterpret_cast<DirectFunction>(&is_aligned)},
                                 {.id = 1,
                                  .name = "by_words",
                                  .result = Scalar::I64,
                                  .function = &WordCall<false, &is_aligned>::call,
                                  .meaning = "1"}};
  const IntrinsicTable intrinsics(table, *stdlib::intrinsics().arrays);
  std::string text = "type counter(1)\n";
  constexpr int kMostLive = 14;
  for (int live = 0; live <= kMostLive; ++live) {
    std::string registers = "  registers x: i64, y: i64, c: counter(1)", set, add;
    for (int n = 0; n < live; ++n) {
      const std::string i = "i" + std::to_string(n);
      registers += ", " + i + ": i64";
      set += "  add.imm.i64 " + i + ", p, " + std::to_string(n) + "\n";
      add += "  add.i64 p, p, " + i + "\n";
    }
    // Loops keep it from being inlined.
    const std::string number = std::to_string(live);
    text += "function f" + number + " (p: i64) -> (i64)\n" + registers + "\n" + set +
            "  loop.begin c, x\n  loop.enter c, out\nagain:\n  loop.next c, again\nout:\n";
    if (live > 0) text += "  call x, f" + std::to_string(live - 1) + ", p\n";
    text += "  intrinsic y, direct\n  add.i64 x, x, y\n  intrinsic y, by_words\n  add.i64 x, x, y\n" + add +
            "  return x\nend\n";
  }
  Task task(text, intrinsics);
  for (int live = 0; live <= kMostLive; ++live)
    task.gives("f" + std::to_string(live), {1}, static_cast<Word>(2 * (live + 1)));
}

// ---- Floats
// ----------------------------------------------------------------------------------------------------------

// The bits of a NaN depend on processor and operand order; none but one gets where they can be seen.
TEST(JitFaults, OneNanReachesMemory) {
  Task task(R"(
type [f64; 3]@state
type [f32; 2]@state
type [f64; <=2]@state
output rows: log (x: f64, y: f32)
region state 128
slot state 0 x: f64
slot state 8 y: f32
slot state 16 a: [f64; 3]@state
slot state 40 b: [f32; 2]@state
slot state 48 l: [f64; <=2]@state
function f (p: f64, q: f32, r: f64)
  registers a: [f64; 3]@state, b: [f32; 2]@state, l: [f64; <=2]@state, n: i64, s: f64, t: f32
  store.f64 p, x
  store.f32 q, y
  ref a, a
  ref b, b
  ref l, l
  list.clear l
  add.f64 s, p, r
  array.fill.f64 a, s
  load.imm n, 1
  neg.f64 s, p
  array.set.f64 a, n, s
  mul.f32 t, q, q
  array.set.f32 b, n, t
  abs.f64 s, p
  list.push.f64 l, s
  sub.f64 s, r, r
  list.push.f64 l, s
  emit rows, p
  return
end
)");
  constexpr Word kNan64 = 0x7ff8000000000000, kNan32 = 0x7fc00000;
  constexpr Word kInfinity = 0x7ff0000000000000;
  for (const auto& [p, q] : {std::pair<Word, Word>{0xfff8000000000000, 0xffc00000},
                             {0x7ff0000000000001, 0x7f800001},
                             {0xffffffffffffffff, 0xffffffff},
                             {0x7ff8000000001234, 0x7fc01234}}) {
    const Given given = task.run("f", {p, q, kInfinity});
    EXPECT_EQ(given.trap, Trap::None);
    EXPECT_EQ(task.state(0), kNan64);
    EXPECT_EQ(task.state(1), kNan32);
    for (const std::size_t word : {2, 3, 4, 7, 8}) EXPECT_EQ(task.state(word), kNan64) << word;
    EXPECT_EQ(task.state(5), kNan32 << 32);
  }
}

// What stays NaN, and what becomes of the signs of zeros, in each lane of an operation on a whole array; every line
// that it writes is undone after a trap, also where the array is a parameter.
TEST(JitFaults, LanesAreElements) {
  const std::string calm = times(30, "  add.f64 x, x, x\n");  // too long to stand in its caller
  Task task(R"(
type [f64; 9]@state
type [i32; 21]@state
region state 384
slot state 0 x: f64
slot state 8 a: [f64; 9]@state = [0.0, -0.0, nan, inf, -inf, 5e-324, 1.0, -1.0, 2.0]
slot state 80 b: [f64; 9]@state = [-0.0, 0.0, 1.0, -inf, 1.0, 5e-324, nan, -1.0, 3.0]
slot state 152 c: [f64; 9]@state
slot state 224 d: [f64; 9]@state
slot state 296 i: [i32; 21]@state
function both ()
  registers a: [f64; 9]@state, b: [f64; 9]@state, c: [f64; 9]@state, d: [f64; 9]@state
  ref a, a
  ref b, b
  ref c, c
  ref d, d
  array.add.f64 c, a, b
  array.min.f64 d, b, a
  array.neg.f64 d, d
  return
end
function through (i: [i32; 21]@state, by: i32)
  registers n: i64, x: f64
)" + calm + R"(
  array.add_scalar.i32 i, i, by
  return
end
function counted (by: i32)
  registers i: [i32; 21]@state, by2: i32
  ref i, i
  move by2, by
  call -, through, i
  return
end
)");
  EXPECT_EQ(task.run("both").trap, Trap::None);
  constexpr Word kNan = 0x7ff8000000000000, kMinusZero = Word{1} << 63;
  const auto bits = [](double x) { return to_word(x); };
  const double infinity = std::numeric_limits<double>::infinity();
  const Word sums[] = {0, 0, kNan, kNan, bits(-infinity), 2, kNan, bits(-2.0), bits(5.0)};
  // Minus what is less, which is b where neither is.
  const Word least[] = {0,    kMinusZero, bits(-1.0), bits(infinity), bits(infinity), kMinusZero | 1,
                        kNan, bits(1.0),  bits(-2.0)};
  for (std::size_t n = 0; n < 9; ++n) {
    EXPECT_EQ(task.state(19 + n), sums[n]) << n;
    EXPECT_EQ(task.state(28 + n), least[n]) << n;
  }
  EXPECT_EQ(task.run("counted", {7}).trap, Trap::None);  // twice
  constexpr Word kTwo = Word{14} | Word{14} << 32;
  for (const std::size_t n : {37, 46}) EXPECT_EQ(task.state(n), kTwo);
  EXPECT_EQ(task.state(47), 14u);
  task.traps("counted", {0x7fffffff}, Trap::Overflow);
  for (const std::size_t n : {37, 46}) EXPECT_EQ(task.state(n), kTwo);
  EXPECT_EQ(task.state(47), 14u);
}

std::uint64_t float_control() {
#if defined(__x86_64__)
  std::uint32_t control;
  asm volatile("stmxcsr %0" : "=m"(control));
  return control & ~0x3Fu;  // without the flags of what has happened
#else
  std::uint64_t control;
  asm volatile("mrs %0, fpcr" : "=r"(control));
  return control;
#endif
}

// The smallest numbers are numbers: not flushed, neither going in nor coming out, and the processor's state is left
// alone.
TEST(JitFaults, DenormalsAreNumbers) {
  Task task(R"(
type [f64; 4]@state
region state 64
slot state 0 a: [f64; 4]@state
function add (x: f64, y: f64) -> (f64)
  add.f64 x, x, y
  return x
end
function mul (x: f64, y: f64) -> (f64)
  mul.f64 x, x, y
  return x
end
function div (x: f64, y: f64) -> (f64)
  div.f64 x, x, y
  return x
end
function root (x: f64) -> (f64)
  sqrt.f64 x, x
  return x
end
function add32 (x: f32, y: f32) -> (f32)
  add.f32 x, x, y
  return x
end
function half32 (x: f32, y: f32) -> (f32)
  mul.f32 x, x, y
  return x
end
function narrow (x: f64) -> (f32)
  registers y: f32
  f32.from.f64 y, x
  return y
end
function wide (x: f32) -> (f64)
  registers y: f64
  f64.from.f32 y, x
  return y
end
function above_zero (x: f64) -> (bool)
  registers z: f64, b: bool
  lt.f64 b, z, x
  return b
end
function sum (x: f64) -> (f64)
  registers a: [f64; 4]@state
  ref a, a
  array.fill.f64 a, x
  array.add.f64 a, a, a
  array.sum.f64 x, a
  return x
end
)");
  const std::uint64_t before = float_control();
  // The nth denormal has the bits n.
  task.gives("add", {1, 1}, 2);
  task.gives("add", {0x000fffffffffffff, 1}, 0x0010000000000000);
  task.gives("mul", {0x0010000000000000, to_word(0.5)}, 0x0008000000000000);
  task.gives("mul", {3, to_word(0.5)}, 2);  // 1.5 of the least, to even
  task.gives("mul", {to_word(-0.0), 1}, to_word(-0.0));
  task.gives("div", {0x0010000000000000, to_word(4.0)}, 0x0004000000000000);
  task.gives("root", {4}, 0x1e70000000000000);  // 2^-1072 → 2^-536
  task.gives("add32", {1, 1}, 2);
  task.gives("half32", {0x00800000, to_word(0.5f)}, 0x00400000);
  task.gives("narrow", {to_word(0x1p-149)}, 1);
  task.gives("wide", {1}, to_word(0x1p-149));
  task.gives("above_zero", {1}, 1);
  task.gives("sum", {1}, 8);
  EXPECT_EQ(float_control(), before);
}

}  // namespace
}  // namespace eyeflow::vm::test
