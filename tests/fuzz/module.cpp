// Bytes that claim to be a module. Whatever reads back has exactly those bytes; whatever verifies runs within the
// memory that the verifier has counted, gives the same when run again, and never charges more fuel than it was given.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "stdlib/intrinsics/intrinsics.h"
#include "tests/fuzz/generate.h"
#include "tests/fuzz/run_function.h"
#include "vm/assembly/assembly.h"
#include "vm/base/check.h"
#include "vm/engine/engine.h"

namespace {

using namespace eyeflow;

constexpr std::uint64_t kFuel = 20'000, kMostMemory = 1 << 20;

bool is_small(const vm::Module& module) {
  for (int n = 0; n < vm::kRegionCount; ++n)
    if (module.region_bytes(static_cast<vm::Region>(n)) > kMostMemory) return false;
  return true;
}

void run_functions(const vm::VerifiedModule& verified, vm::IntrinsicTable intrinsics) {
  for (std::size_t n = 0; n < verified.module.functions.size(); ++n) {
    if (verified.module.functions[n].param_count != 0) continue;
    vm::test::RunOptions options{.metered = true, .fuel = kFuel};
    // What it may cost without being asked again must be small: a single instruction can fill a large array.
    if (verified.bounds[n].entry_fuel > kFuel) continue;
    options.inputs_ready = n % 2 == 0;
    const auto id = static_cast<vm::FunctionId>(n);
    const auto once = vm::test::run_function(verified, intrinsics, id, options);
    EYEFLOW_CHECK(once.fuel_used <= kFuel);
    EYEFLOW_CHECK(vm::test::state_holds_values(verified, intrinsics, once));
    EYEFLOW_CHECK(once == vm::test::run_function(verified, intrinsics, id, options));
  }
}

void run_instance(vm::VerifiedModule verified, vm::IntrinsicTable intrinsics) {
  const auto program =
      vm::Program::make(std::move(verified), intrinsics, {.tier = &vm::kInterpreter, .fuel_quota = kFuel});
  vm::Worker worker;
  worker.serve(*program);
  vm::Instance instance(*program, {});
  instance.start(worker, 0);
  for (std::size_t n = 0; n < program->module().inputs.size() && n < 4; ++n) {
    const auto now = static_cast<vm::TimeNs>(n + 1) * 1'000'000'000;
    const auto input = static_cast<vm::InputId>(n);
    const vm::Type& type = *program->module().type(program->module().inputs[n].value.type);
    if (type.kind == vm::TypeKind::Text)
      instance.deliver_text(worker, input, "a text é", now, now);
    else
      instance.deliver(worker, input, 1, now, now);
  }
  for (int n = 0; n < 10 && instance.next_deadline(); ++n) instance.advance(worker, *instance.next_deadline());
}

std::uint16_t bool_register(const vm::Function& function) {
  const auto found = std::ranges::find(function.registers, vm::type_id(vm::Scalar::Bool));
  return static_cast<std::uint16_t>(found == function.registers.end() ? 0 : found - function.registers.begin());
}

// Random bytes hardly ever verify. So most mutations change one thing of a module that reads, such that its shape
// stays: what is wrong with it then is the verifier's to find.
void mutate(vm::Module& module, vm::test::Random& random) {
  const auto pick = [&](auto& rows) -> auto& { return rows[random.below(static_cast<std::uint32_t>(rows.size()))]; };
  const auto nudge = [&](std::uint16_t& number) {
    const std::uint32_t how = random.below(4);
    number = static_cast<std::uint16_t>(how == 0   ? number + 1
                                        : how == 1 ? number - 1
                                        : how == 2 ? random.below(64)
                                                   : random.next());
  };
  if (module.functions.empty()) return;
  vm::Function& function = pick(module.functions);
  if (random.chance(15) && !function.registers.empty()) return nudge(pick(function.registers));
  if (random.chance(10) && !module.types.empty()) {
    vm::Type& type = pick(module.types);
    type.capacity = random.chance(50) ? random.below(20) : static_cast<std::uint32_t>(random.next() >> 34);
    return;
  }
  if (random.chance(10) && !module.slots.empty()) return nudge(pick(module.slots).type);
  if (function.code.empty()) return;
  vm::Instruction& instruction = pick(function.code);
  // In place, so that branches still go where they went.
  switch (random.below(8)) {
    case 0:
      instruction.op = static_cast<vm::Op>(random.below(vm::kOpCount));
      return;
    case 1:
      return nudge(instruction.a);
    case 2:
      return nudge(instruction.b);
    case 3:
      return nudge(instruction.c);
    case 4:
      instruction = pick(function.code);
      return;
    case 5:
      instruction = {vm::Op::Jump, static_cast<std::uint16_t>(1 + random.below(8))};
      return;
    default:
      // Over what follows, or not: by a register that is most likely there.
      instruction = {random.chance(50) ? vm::Op::JumpIf : vm::Op::JumpUnless,
                     static_cast<std::uint16_t>(1 + random.below(8)), bool_register(function)};
  }
}

std::size_t copy_out(const std::vector<std::byte>& bytes, std::uint8_t* data) {
  std::memcpy(data, bytes.data(), bytes.size());
  return bytes.size();
}

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  vm::test::Random random(seed);
  auto module = vm::read_module({reinterpret_cast<const std::byte*>(data), size});
  if (random.chance(10)) return LLVMFuzzerMutate(data, size, max_size);
  if (!module || random.chance(2)) module = vm::test::generate_module(random.below(10'000), stdlib::intrinsics());
  mutate(*module, random);
  const auto bytes = vm::write_module(*module);
  return bytes.size() <= max_size ? copy_out(bytes, data) : LLVMFuzzerMutate(data, size, max_size);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  auto module = vm::read_module(bytes);
  if (!module) return 0;
  const auto again = vm::write_module(*module);
  EYEFLOW_CHECK(std::ranges::equal(again, bytes));
  const auto intrinsics = stdlib::intrinsics();
  const std::string text = vm::disassemble(*module, {.intrinsics = intrinsics});
  if (!is_small(*module)) return 0;
  auto verified = vm::verify(std::move(*module), intrinsics);
  if (!verified) return 0;
  const auto assembled = vm::assemble(text, intrinsics);
  EYEFLOW_CHECK(assembled && *assembled == verified->module);
  run_functions(*verified, intrinsics);
  run_instance(std::move(*verified), intrinsics);
  return 0;
}
