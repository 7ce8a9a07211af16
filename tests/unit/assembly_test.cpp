#include "vm/assembly/assembly.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/unit/sample_module.h"
#include "vm/module/verifier.h"

namespace eyeflow::vm {
namespace {

using test::sample_module;

TEST(Assembly, TheTextOfAModuleAssemblesToTheSameBytes) {
  const Module module = sample_module();
  const std::string text = disassemble(module);
  const auto again = assemble(text);
  ASSERT_TRUE(again) << again.error().message << "\n" << text;
  EXPECT_EQ(*again, module) << text;
  EXPECT_EQ(write_module(*again), write_module(module));
  EXPECT_EQ(disassemble(*again), text);
}

}  // namespace
}  // namespace eyeflow::vm

namespace eyeflow::vm {
namespace {

// By hand one writes less: types, offsets and sizes follow.
constexpr std::string_view kByHand = R"(
module by_hand
output out: log (value: i64)
slot state total: i64 = 5
slot const big: i64 = 1000000

function twice (x: i64) -> (i64)
  registers sum: i64
  add.i64 sum, x, x
  return sum
end

function main
  registers t: i64, n: i64, up: counter(4), note: text(8)@scratch, i: i64
  load t, state, total
  load.imm n, 4
  loop.begin up, n
  loop.enter up, done
again:
  loop.index i, up
  add.i64 t, t, i
  loop.next up, again
done:
  call t, twice, t   // its result replaces t
  store t, total
  emit out, t
  return
end

handler start call main
)";

TEST(Assembly, WhatIsLeftOutFollows) {
  const auto module = assemble(kByHand);
  ASSERT_TRUE(module) << module.error().message;
  EXPECT_EQ(module->task, "by_hand");
  EXPECT_EQ(module->state_image.size(), 64u);
  EXPECT_EQ(module->const_image.size(), 8u);
  EXPECT_EQ(module->types.size(), 2u);
  const auto verified = verify(*module, {});
  ASSERT_TRUE(verified) << verified.error().message;
  const Function& main = verified->module.functions[1];
  EXPECT_EQ(main.code[2], (Instruction{Op::LoopBegin, 2, 1, 16}));
  EXPECT_EQ(main.code[3], (Instruction{Op::LoopEnter, 2, 4}));
  EXPECT_EQ(main.code[6], (Instruction{Op::LoopNext, 2, 2}));
  EXPECT_EQ(main.code[7], (Instruction{Op::Call, 0, 0, 0}));
  EXPECT_EQ(main.code[9], (Instruction{Op::Emit, 0, 0}));
}

TEST(Assembly, TheExampleOfTheDocumentsVerifies) {
  std::stringstream page;
  page << std::ifstream(EYEFLOW_SOURCE_DIR "/docs/isa.md").rdbuf();
  const std::string text = page.str();
  const std::size_t begin = text.find("```\nmodule counting");
  ASSERT_NE(begin, std::string::npos);
  const auto module = assemble(text.substr(begin + 4, text.find("```", begin + 4) - begin - 4));
  ASSERT_TRUE(module) << module.error().message;
  const auto verified = verify(*module, {});
  EXPECT_TRUE(verified) << verified.error().message;
}

// A wrong text says where, what stands there and what belongs there.
struct Wrong {
  std::string_view text, message;
};
class AssemblyMistakes : public testing::TestWithParam<Wrong> {};

TEST_P(AssemblyMistakes, AreNamedWithTheirLine) {
  const auto module = assemble(GetParam().text);
  ASSERT_FALSE(module);
  EXPECT_NE(module.error().message.find(GetParam().message), std::string::npos) << module.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Assembly, AssemblyMistakes,
    testing::Values(
        Wrong{"module m\nfunktion f\nend\n", "line 2: 'funktion' is no statement"},
        Wrong{"function f\n  add.i63 a, b, c\nend\n", "line 2: there is no instruction 'add.i63'"},
        Wrong{"function f\n  return\n", "the function 'f' has no `end`"},
        Wrong{"function f\n  registers a: i64\n  add.i64 a, b, a\nend\n", "line 3: there is no register 'b'"},
        Wrong{"function f\n  registers a: i64, a: i64\nend\n", "line 2: there is a register 'a' already"},
        Wrong{"function f\n  registers a: i63\nend\n", "line 2: 'i63' is not a type"},
        Wrong{"function f\n  registers a: i64\n  load.imm a, 32768\nend\n", "between -32768 and 32767"},
        Wrong{"function f\n  jump nowhere\nend\n", "the label 'nowhere' stands nowhere in the function 'f'"},
        Wrong{"function f\nback:\n  jump back\nend\n", "line 3: a branch goes forward"},
        Wrong{"function f\nx:\n  return\nx:\nend\n", "line 4: the label 'x' stands here twice"},
        Wrong{"function f\n  registers a: i64\n  load a, state, count\nend\n", "line 3: there is no slot 'count' here"},
        Wrong{"function f\n  call -, g\nend\n", "line 2: there is no function 'g' here"},
        Wrong{"function f\n  call\nend\n", "line 2: a register belongs here, not the end of the line"},
        Wrong{"function f\nend\nfunction f\nend\nfunction g\n  call -, f\nend\n",
              "there is a function 'f' more than once"},
        Wrong{"function f\n  trap Overflw\nend\n", "line 2: 'Overflw' is not a trap's name"},
        Wrong{"function f\n  return 5\nend\n", "line 2: a register belongs here, not '5'"},
        Wrong{"function f\n  trap Overflow, 3\nend\n", "line 2: the line should end here, before ','"},
        Wrong{"slot state x: i64 = 1.5\n", "line 1: '1.5' is no i64"},
        Wrong{"slot state x: u8 = 256\n", "line 1: '256' is no u8"},
        Wrong{"slot const x: text(2)@const = \"abc\"\n", "the text has 3 bytes, more than text(2)@const holds"},
        Wrong{"slot const x: [u8; 2]@const = [1, 2, 3]\n", "more values than [u8; 2]@const holds"},
        Wrong{"slot input x: i64 = 1\n", "only slots in const, param and state start as something"},
        Wrong{"slot state x: text(8)\n", "line 1: '@' belongs here, not the end of the line"},
        Wrong{"slot stat x: i64\n", "regions are const, param, input, state and scratch"},
        Wrong{"slot state 99999999999: i64\n", "a number from 0 to 4294967295, belongs here, not '99999999999'"},
        Wrong{"slot const x: [f64; 400000000]@const = [1]\n", "a region holds at most 67108864 bytes"},
        Wrong{"doc \"open\n", "line 1: a text must end with"},
        Wrong{"module m $\n", "line 1: the character '$' has no meaning here"},
        Wrong{"handler input t1 call f\n", "line 1: there is no input 't1' here"},
        Wrong{"handler start f\n", "line 1: `call` and a function belong here"},
        Wrong{"output o: swich (o: bool)\n", "'swich' is not a kind of output; there are switch, value, log"}));

}  // namespace
}  // namespace eyeflow::vm
