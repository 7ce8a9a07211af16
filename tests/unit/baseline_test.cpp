#include "jit/baseline/baseline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "jit/baseline/symbols.h"
#include "tests/unit/denials.h"
#include "vm/assembly/assembly.h"
#include "vm/engine/engine.h"

// The tier as a whole: what is compiled when, what becomes of it where code pages are denied, and what its code shows.
// What compiled code computes is the golden runner's.
namespace eyeflow::jit {
namespace {

using namespace eyeflow::denials;
using namespace eyeflow::vm;

constexpr TimeNs kSecond = 1'000'000'000;

// `count` handlers, the nth of which adds n + 1 to the state's nth word once a second, by a function `one_more` that
// all of them call. `padding` instructions that do nothing make each of them longer.
std::string counting(int count, int padding = 0) {
  const auto pad = [padding](std::string& text) {
    for (int n = 0; n < padding; ++n) text += "  xor.u64 p, p, p\n";
  };
  std::string text = "module counting isa 1\nregion state " + std::to_string((count * 8 + 63) / 64 * 64) + "\n";
  for (int n = 0; n < count; ++n) text += "slot state x" + std::to_string(n) + ": i64 = 0\n";
  text += "function one_more (x: i64, by: i64) -> (i64)\n  registers p: u64\n";
  pad(text);
  for (int n = 0; n < 60; ++n) text += "  xor.u64 p, p, p\n";  // too long to be inlined
  text += "  add.i64 x, x, by\n  return x\nend\n";
  for (int n = 0; n < count; ++n) {
    const std::string number = std::to_string(n);
    text += "function on" + number + "\n  registers x: i64, by: i64, p: u64\n";
    pad(text);
    text += "  load x, state, x" + number + "\n  load.imm by, " + std::to_string(n + 1) +
            "\n  call x, one_more, x\n  store x, x" + number + "\n  return\nend\n";
  }
  for (int n = 0; n < count; ++n) text += "handler every 1000000000 call on" + std::to_string(n) + "\n";
  return text;
}

struct Running {
  explicit Running(const std::string& text, Program::Options options = {.tier = &kBaseline}) {
    auto module = assemble(text, {});
    if (!module) {
      ADD_FAILURE() << module.error().message;
      return;
    }
    auto verified = verify(std::move(*module), {});
    if (!verified) {
      ADD_FAILURE() << verified.error().message;
      return;
    }
    program = Program::make(std::move(*verified), {}, options);
    worker.serve(*program);
    instance.emplace(*program, Instance::Binding{});
    instance->start(worker, 0);
  }
  void second() { instance->advance(worker, ++seconds * kSecond); }
  std::int64_t word(std::size_t n) const {
    std::int64_t value;
    std::memcpy(&value, instance->state().data() + n * 8, sizeof value);
    return value;
  }
  std::uint32_t code_bytes(std::string_view function) const {
    const auto& functions = program->module().functions;
    const auto found = std::ranges::find(functions, function, &Function::name);
    return program->code().report(static_cast<FunctionId>(found - functions.begin())).code_bytes;
  }
  TierReport report() const { return program->code().report(); }

  std::unique_ptr<const Program> program;
  Worker worker;
  std::optional<Instance> instance;
  TimeNs seconds = 0;
};

// ---- What is compiled when -----------------------------------------------------------------------------------------

TEST(Baseline, CompilesASmallModuleAtLoad) {
  Running run(counting(3));
  EXPECT_EQ(run.report().tier, "baseline");
  EXPECT_EQ(run.report().fallback, "");
  for (const char* function : {"one_more", "on0", "on1", "on2"}) EXPECT_GT(run.code_bytes(function), 0u) << function;
  const auto bytes = run.report().code_bytes;
  run.second();
  run.second();
  EXPECT_EQ(run.word(0), 2);
  EXPECT_EQ(run.word(2), 6);
  EXPECT_EQ(run.report().code_bytes, bytes);
}

TEST(Baseline, CompilesALargeOneAsItIsCalled) {
  // Three handlers and their callee are above the limit together; the third is due later than the others.
  std::string text = counting(3, kWholeInstructions / 4);
  text.replace(text.rfind("1000000000"), 10, "3000000000");
  Running run(text);
  EXPECT_EQ(run.report().tier, "baseline");
  for (const char* function : {"one_more", "on0", "on1", "on2"}) EXPECT_EQ(run.code_bytes(function), 0u) << function;
  run.second();
  for (const char* function : {"one_more", "on0", "on1"}) EXPECT_GT(run.code_bytes(function), 0u) << function;
  EXPECT_EQ(run.code_bytes("on2"), 0u);
  const std::uint32_t once = run.code_bytes("one_more");
  run.second();
  run.second();
  EXPECT_GT(run.code_bytes("on2"), 0u);
  EXPECT_EQ(run.code_bytes("one_more"), once) << "it was made again";
  EXPECT_EQ(run.word(0), 3);
  EXPECT_EQ(run.word(1), 6);
  EXPECT_EQ(run.word(2), 3);
}

TEST(Baseline, MakesCodeThatCountsFuelOnlyWhereItIsCounted) {
  const Running plain(counting(3)), metered(counting(3), {.tier = &kBaseline, .fuel_quota = 1});
  const Running both(counting(3), {.tier = &kBaseline, .fuel_quota = 1'000'000});
  EXPECT_EQ(plain.report().code_bytes, both.report().code_bytes);
  EXPECT_GT(metered.report().code_bytes, plain.report().code_bytes);  // it counts, and an empty block is there
  EXPECT_LT(metered.report().code_bytes, 2 * plain.report().code_bytes);
  Running run(counting(3), {.tier = &kBaseline, .fuel_quota = 1});
  run.second();
  EXPECT_EQ(run.worker.faults().size(), 3u);
  EXPECT_EQ(run.word(0), 0);
}

// ---- What compiled code emits --------------------------------------------------------------------------------------

// Rows of every kind of field, from registers and from known numbers, a NaN of its own making among them; then as many
// as there is room for.
constexpr char kEmitting[] = R"(module emitting isa 1
output all: log (a: f64, b: f32, c: i64, d: bool, e: u8, f: u64, g: i32, h: f64)
output none: log (x: bool)
region state 64
slot const chosen: u64 = 18446744073709551557
slot const half: f64 = 0.5
slot state x: f64 = 2.5
slot state y: f32 = 1.5
slot state n: i64 = -7
function rows
  registers a: f64, b: f32, c: i64, d: bool, e: u8, f: u64, g: i32, h: f64, k: i64
  load a, state, x
  load b, state, y
  load c, state, n
  lt.i64 d, c, k
  load.imm k, 200
  u8.from.i64 e, k
  load f, const, chosen
  i32.from.i64 g, c
  load h, const, half
  emit all, a
  sub.f64 a, h, h
  div.f64 a, a, a
  add.f32 b, b, b
  emit all, a
  emit none, d
  return
end
function many
  registers b: bool, n: i64, up: counter(5000)
  load.imm n, 5000
  loop.begin up, n
  loop.enter up, done
again:
  emit none, b
  loop.next up, again
done:
  return
end
handler every 1000000000 call rows
handler every 1000000000 call many
)";

TEST(Baseline, EmitsWhatTheInterpreterEmits) {
  const auto told = [](Program::Options options) {
    Running run(kEmitting, options);
    run.second();
    std::vector<std::string> lines;
    for (const Effect& effect : run.worker.effects()) {
      std::string line = std::to_string(effect.index) + ":";
      for (const std::byte byte : effect.fields) line += " " + std::to_string(std::to_integer<int>(byte));
      lines.push_back(line);
    }
    for (const Fault& fault : run.worker.faults())
      lines.push_back(std::string(describe(fault.trap)) + " at " + std::to_string(fault.instruction));
    return lines;
  };
  const auto expected = told({.tier = &kInterpreter});
  EXPECT_EQ(told({.tier = &kBaseline}), expected);
  EXPECT_EQ(told({.tier = &kBaseline, .blind_constants = true}), expected);
  ASSERT_EQ(expected.size(), 4u);  // three rows, and the fault of the handler that had no room
  EXPECT_TRUE(expected[1].starts_with("0: 0 0 0 0 0 0 248 127 0 0 64 64 ")) << expected[1];
  EXPECT_EQ(expected[0],
            "0: 0 0 0 0 0 0 4 64 0 0 192 63 0 0 0 0 249 255 255 255 255 255 255 255 1 0 0 0 0 0 0 0 200 0 0 0 0 0 "
            "0 0 197 255 255 255 255 255 255 255 249 255 255 255 255 255 255 255 0 0 0 0 0 0 224 63");
}

// ---- Where code pages are denied -----------------------------------------------------------------------------------

TEST(Baseline, RunsWhereNoMappingMayGainRights) {
  const int status = in_child([] {
    if (!deny_write_execute()) return kNotHere;
    Running run(counting(3));
    run.second();
    return run.report().tier == "baseline" && run.report().fallback.empty() && run.word(2) == 3 ? kWorked : kRefused;
  });
  if (status == kNotHere) GTEST_SKIP() << "neither PR_SET_MDWE nor seccomp here";
  EXPECT_EQ(status, kWorked);
}

TEST(Baseline, LeavesTheModuleToTheInterpreterWhereCodePagesAreDenied) {
  const int status = in_child([] {
    if (!refuse({{SYS_mmap, 2, PROT_EXEC}})) return kNotHere;
    Running run(counting(3));
    run.second();
    const bool told =
        run.report().fallback == "code pages are denied: mapping them executable: Operation not permitted";
    return run.report().tier == "interpreter" && told && run.word(2) == 3 ? kWorked : kRefused;
  });
  if (status == kNotHere) GTEST_SKIP() << "no seccomp here";
  EXPECT_EQ(status, kWorked);
}

TEST(Baseline, LeavesTheRestToTheInterpreterWhereTheyAreDeniedLater) {
  const int status = in_child([] {
    std::string text = counting(3, kWholeInstructions / 4);
    text.replace(text.rfind("1000000000"), 10, "3000000000");
    Running run(text);
    run.second();
    if (run.code_bytes("on0") == 0) return 2;
    if (!refuse({{SYS_memfd_create, 0, 0}})) return kNotHere;
    run.second();
    if (!run.report().fallback.empty()) return 3;  // nothing was refused yet
    run.second();
    run.second();
    if (run.report().fallback != "code pages are denied: memfd_create: Operation not permitted") return 4;
    if (run.code_bytes("on2") != 0 || run.word(0) != 4 || run.word(2) != 3) return 5;
    return kWorked;
  });
  if (status == kNotHere) GTEST_SKIP() << "no seccomp here";
  EXPECT_EQ(status, kWorked);
}

// ---- What the code shows -------------------------------------------------------------------------------------------

// A whole and a real number, chosen as an attacker would.
constexpr char kChosen[] = R"(module chosen isa 1
region state 64
slot const whole: i64 = 4919131752989213764
slot const real: f64 = raw 0x4545454546464646
slot state x: i64 = 0
slot state y: f64 = 0
slot state z: i64 = 0
function on
  registers a: i64, b: f64, c: i64, d: f64
  load a, const, whole
  load c, state, z
  add.i64 a, a, c
  store a, x
  load b, const, real
  load d, state, y
  add.f64 d, d, b
  store.f64 d, y
  return
end
handler every 1000000000 call on
)";

bool holds(const std::vector<std::byte>& code, std::uint64_t word) {
  std::byte bytes[8];
  std::memcpy(bytes, &word, sizeof bytes);
  return !std::ranges::search(code, bytes).empty();
}

TEST(Baseline, BlindedConstantsDoNotStandInTheCode) {
  const std::string text = kChosen;
  auto verified = verify(*assemble(text, {}), {});
  ASSERT_TRUE(verified) << verified.error().message;
  for (const Target target : {Target::X86_64, Target::AArch64}) {
    const auto plain = compile(*verified, {}, target),
               blind = compile(*verified, {}, target, {.blind_constants = true});
    ASSERT_TRUE(plain && blind);
    if (target == Target::X86_64) EXPECT_TRUE(holds(plain->code, 4919131752989213764));
    EXPECT_TRUE(holds(plain->code, 0x4545454546464646));
    EXPECT_FALSE(holds(blind->code, 4919131752989213764));
    EXPECT_FALSE(holds(blind->code, 0x4545454546464646));
  }
  Running run(text, {.tier = &kBaseline, .blind_constants = true});
  run.second();
  EXPECT_EQ(run.report().tier, "baseline");
  EXPECT_EQ(run.word(0), 4919131752989213764);
  EXPECT_EQ(run.word(1), 0x4545454546464646);
}

TEST(Baseline, TellsPerfWhatItsFunctionsAreCalled) {
  const int status = in_child([] {
    if (!enable_perf_map()) return 2;
    enable_gdb();
    const Running run(counting(2));
    const std::string path = "/tmp/perf-" + std::to_string(getpid()) + ".map";
    std::ifstream in(path);
    const std::string map{std::istreambuf_iterator<char>(in), {}};
    unlink(path.c_str());
    for (const char* name : {" eyeflow:counting:on0\n", " eyeflow:counting:on1\n", " eyeflow:counting:one_more\n"})
      if (map.find(name) == std::string::npos) return kRefused;
    return kWorked;
  });
  EXPECT_EQ(status, kWorked);
}

// What the two tests below run under gdb and perf: this program again, with one of these alone.
TEST(Baseline, DISABLED_StopsForADebugger) {
  enable_gdb();
  Running run(counting(1));
  raise(SIGTRAP);
}
TEST(Baseline, DISABLED_WorksForAProfiler) {
  ASSERT_TRUE(enable_perf_map());
  Running run(counting(4, 100));
  for (const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(700);
       std::chrono::steady_clock::now() < end;)
    for (int n = 0; n < 1000; ++n) run.second();
}

std::string output_of(const std::string& command) {
  std::string text;
  std::FILE* const pipe = popen(command.c_str(), "r");
  char part[4096];
  while (pipe != nullptr && std::fgets(part, sizeof part, pipe) != nullptr) text += part;
  if (pipe != nullptr) pclose(pipe);
  return text;
}
std::string this_program(const char* test) {
  return std::filesystem::read_symlink("/proc/self/exe").string() +
         " --gtest_also_run_disabled_tests --gtest_filter=Baseline.DISABLED_" + test;
}

TEST(Baseline, GdbNamesATasksFunctions) {
  if (output_of("command -v gdb").empty()) GTEST_SKIP() << "no gdb here";
  const std::string said = output_of("gdb -nx -batch -ex run -ex 'info functions eyeflow:counting' -ex kill --args " +
                                     this_program("StopsForADebugger") + " 2>&1");
  if (said.find("SIGTRAP") == std::string::npos) GTEST_SKIP() << "gdb may not run a program here: " << said;
  EXPECT_NE(said.find("eyeflow:counting:on0"), std::string::npos) << said;
  EXPECT_NE(said.find("eyeflow:counting:one_more"), std::string::npos) << said;
}

TEST(Baseline, PerfNamesATasksFunctions) {
  if (output_of("command -v perf").empty()) GTEST_SKIP() << "no perf here";
  std::string folder = testing::TempDir() + "eyeflow-perf-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string data = folder + "/data", pid = folder + "/pid";
  const std::string recorded = output_of("perf record -o " + data + " sh -c 'echo $$ >" + pid + "; exec " +
                                         this_program("WorksForAProfiler") + "' 2>&1; echo status $?");
  const std::string said = output_of("perf report -i " + data + " --stdio --sort symbol 2>&1");
  std::string number;
  std::ifstream(pid) >> number;
  if (!number.empty()) std::filesystem::remove("/tmp/perf-" + number + ".map");
  std::filesystem::remove_all(folder);
  if (recorded.find("status 0") == std::string::npos) GTEST_SKIP() << "perf may not record here: " << recorded;
  EXPECT_NE(said.find("eyeflow:counting:one_more"), std::string::npos) << said;
}

}  // namespace
}  // namespace eyeflow::jit
