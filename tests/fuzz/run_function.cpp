#include "tests/fuzz/run_function.h"

#include <algorithm>
#include <cstring>

#include "vm/base/check.h"

namespace eyeflow::vm::test {
namespace {

// As the engine would: the readings are there when the flags say so.
std::vector<std::byte> input_region(const Module& module, bool ready) {
  std::vector<std::byte> bytes(module.input_bytes);
  for (const Slot& slot : module.slots)
    if (slot.region == Region::Input && slot.kind == SlotKind::InputReady && ready) bytes[slot.offset] = std::byte{1};
  return bytes;
}

struct Layouts {
  explicit Layouts(const Module& module) {
    std::size_t fields = 0;
    for (const Output& output : module.outputs) fields += output.fields.size();
    types.reserve(fields);
    for (const Output& output : module.outputs) {
      rows.push_back({types.data() + types.size(), static_cast<std::uint32_t>(output.fields.size())});
      for (const Field& field : output.fields) types.push_back(*module.type(field.type));
    }
  }
  std::vector<Type> types;
  std::vector<OutputLayout> rows;
};

}  // namespace

Outcome run_function(const VerifiedModule& verified, IntrinsicTable intrinsics, FunctionId id,
                     const RunOptions& options) {
  const Module& m = verified.module;
  const FunctionBound& bound = verified.bounds[index(id)];
  Outcome outcome;
  outcome.state = m.state_image;
  outcome.scratch.resize(m.scratch_bytes);
  std::vector<std::byte> constants = m.const_image, params = m.param_image,
                         input = input_region(m, options.inputs_ready);
  const Layouts layouts(m);

  const std::size_t lines = outcome.state.size() / kLineBytes;
  std::vector<std::uint64_t> seen((lines + 63) / 64);
  std::vector<std::uint32_t> numbers(lines);
  std::vector<std::byte> saved(outcome.state.size());
  Journal journal{.seen = seen.data(), .line_numbers = numbers.data(), .saved_lines = saved.data()};
  outcome.output.resize(std::min<std::uint64_t>(bound.output_bytes, options.output_bytes));
  OutputBuffer output{.data = outcome.output.data(), .capacity = static_cast<std::uint32_t>(outcome.output.size())};
  // Results may need more than the frame; dirty, since tiers clear their frames themselves.
  const std::size_t results = m.functions[index(id)].results.size();
  std::vector<Word> registers(std::max<std::size_t>(bound.frame_words, results), 0xDEADDEADDEADDEAD);
  std::vector<CallRecord> calls(bound.call_depth + std::size_t{1});

  Context context;
  context.base[static_cast<int>(Region::Const)] = constants.data();
  context.base[static_cast<int>(Region::Param)] = params.data();
  context.base[static_cast<int>(Region::Input)] = input.data();
  context.base[static_cast<int>(Region::State)] = outcome.state.data();
  context.base[static_cast<int>(Region::Scratch)] = outcome.scratch.data();
  context.references = verified.references.data();
  context.outputs = layouts.rows.data();
  context.intrinsics = intrinsics;
  context.journal = &journal;
  context.output = &output;
  context.registers = registers.data();
  context.calls = calls.data();
  context.metered = options.metered;
  context.fuel = options.metered ? options.fuel : 0;

  const std::vector<std::byte> input_before = input;
  outcome.trap = options.tier->prepare(verified, intrinsics)->run(id, context);
  EYEFLOW_CHECK(constants == m.const_image && params == m.param_image && input == input_before);
  if (outcome.trap == Trap::None)
    outcome.results.assign(registers.begin(), registers.begin() + static_cast<std::ptrdiff_t>(results));
  else
    outcome.trap_function = context.trap_function, outcome.trap_instruction = context.trap_instruction;
  outcome.fuel_used = options.metered ? options.fuel - context.fuel : 0;
  outcome.output.resize(output.used);
  return outcome;
}

bool state_holds_values(const VerifiedModule& verified, IntrinsicTable intrinsics, const Outcome& outcome) {
  Module module = verified.module;
  module.functions.clear();
  module.handlers.clear();
  module.alarms.clear();
  std::erase_if(module.slots, [](const Slot& slot) {
    return slot.kind >= SlotKind::AlarmActive && slot.kind != SlotKind::OutputLast &&
           slot.kind != SlotKind::OutputCount;
  });
  module.state_image = outcome.state;
  // What a text or a list held before may stand behind its end.
  constexpr VerifyRule kGap = VerifyRule::ImageGap;
  return verify(std::move(module), intrinsics, &kGap).has_value();
}

}  // namespace eyeflow::vm::test
