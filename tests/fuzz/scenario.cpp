#include "tests/fuzz/scenario.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "tests/fuzz/generate.h"
#include "tests/golden/runner/bench.h"
#include "tests/golden/runner/values.h"
#include "vm/assembly/assembly.h"
#include "vm/assembly/text.h"
#include "vm/base/check.h"

namespace eyeflow::vm::test {
namespace {

// ---- Events
// ----------------------------------------------------------------------------------------------------------

// As a register may hold it: of a NaN any bits.
Word any_word(Random& random, Scalar type) {
  if (random.chance(15)) {
    if (type == Scalar::F64) return 0x7ff0000000000001 | random.next() << 63 | (random.next() & 0xfffffffffffff);
    if (type == Scalar::F32) return (0x7f800001 | random.next() << 31 | (random.next() & 0x7fffff)) & 0xffffffff;
  }
  return random_value(random, type);
}

std::vector<Word> any_input(Random& random, const Module& m) {
  std::vector<Word> words(m.input_bytes / 8);
  const bool ready = random.chance(85);
  for (const Slot& slot : m.slots) {
    if (slot.region != Region::Input) continue;
    const Type& type = *m.type(slot.type);
    Word& word = words[slot.offset / 8];
    if (slot.kind == SlotKind::InputReady)
      word = ready || random.chance(50);
    else if (type.kind == TypeKind::Scalar)
      word = any_word(random, type.element);
    else if (type.kind == TypeKind::Text && type.capacity >= 3)
      word = 3 | Word{'a'} << 32 | Word{0xC3} << 40 | Word{0xA9} << 48;  // "aé"
  }
  return words;
}

// Enough, or too little: at the entry, or somewhere behind it.
std::uint64_t any_fuel(Random& random, const FunctionBound& bound) {
  if (random.chance(85)) return bound.fuel;
  const auto below = [&](std::uint64_t most) {
    return random.below(static_cast<std::uint32_t>(std::min<std::uint64_t>(most, 1u << 30)) + 1);
  };
  if (random.chance(10)) return below(bound.entry_fuel);
  return bound.entry_fuel + below((bound.fuel - bound.entry_fuel) >> random.below(8));
}

bool takes_scalars(const Module& m, const Function& f) {
  return std::all_of(f.registers.begin(), f.registers.begin() + f.param_count,
                     [&](TypeId type) { return m.type(type)->kind == TypeKind::Scalar; });
}

// ---- Text
// ------------------------------------------------------------------------------------------------------------

std::string one_outcome(const Module& m, const Machine& machine) {
  const Machine::Outcome& outcome = machine.outcome();
  std::string text;
  if (outcome.trap == Trap::None) {
    for (const Word word : machine.results()) text += (text.empty() ? "gives " : ", ") + std::to_string(word);
    if (text.empty()) text = "ends";
  } else {
    text = "trap " + std::string(name(outcome.trap)) + " in " + m.functions[outcome.trap_function].name + " at " +
           std::to_string(outcome.trap_instruction);
  }
  return text + "; fuel used " + std::to_string(outcome.fuel_used) + "; texts cut " + std::to_string(outcome.texts_cut);
}

std::string first_unequal_slot(const Module& m, Region region, const Machine& one, const Machine& other,
                               std::span<const std::byte> here, std::span<const std::byte> there) {
  const std::string where(name(region));
  for (const Slot& slot : m.slots) {
    const auto bytes = static_cast<std::size_t>(slot_size_bytes(*m.type(slot.type)));
    if (slot.region != region || std::memcmp(&here[slot.offset], &there[slot.offset], bytes) == 0) continue;
    const std::string label = slot.name.empty() ? std::to_string(slot.offset) : slot.name;
    return where + "." + label + ": " + std::string(one.tier().name) + " " +
           golden::write_slot(m, slot, &here[slot.offset]) + ", " + std::string(other.tier().name) + " " +
           golden::write_slot(m, slot, &there[slot.offset]);
  }
  return where + ": bytes that belong to no slot";
}

std::string rows(const Module& m, std::span<const std::byte> output) {
  std::string text;
  const OutputBuffer buffer{const_cast<std::byte*>(output.data()), static_cast<std::uint32_t>(output.size()),
                            static_cast<std::uint32_t>(output.size())};
  for (const std::string& row : golden::write_rows(m, buffer)) text += (text.empty() ? "" : "; ") + row;
  return text.empty() ? "no rows" : text;
}

std::string write_event(const Module& m, const Event& event) {
  const Function& f = m.functions[index(event.function)];
  std::string text = f.name + "(", with;
  for (std::size_t n = 0; n < event.arguments.size(); ++n)
    text += (n == 0 ? "" : ", ") + golden::write_value(m.type(f.registers[n])->element, event.arguments[n]);
  for (const Slot& slot : m.slots) {
    if (slot.region != Region::Input || event.input[slot.offset / 8] == 0) continue;
    with += (with.empty() ? " with input." : ", input.") + assembly::label(m, slot) + " = " +
            golden::write_slot(m, slot, reinterpret_cast<const std::byte*>(&event.input[slot.offset / 8]));
  }
  if (event.fuel) with += (with.empty() ? " with fuel = " : ", fuel = ") + std::to_string(*event.fuel);
  return text + ")" + with;
}

bool same(std::span<const std::byte> one, std::span<const std::byte> other) {
  return one.size() == other.size() && (one.empty() || std::memcmp(one.data(), other.data(), one.size()) == 0);
}

}  // namespace

Scenario generate_scenario(std::uint64_t seed, IntrinsicTable intrinsics) {
  Result<VerifiedModule> verified = verify(generate_module(seed, intrinsics), intrinsics);
  EYEFLOW_CHECK(verified);
  Scenario scenario{.program = std::move(*verified)};
  Random random(seed ^ 0x5DEECE66D);
  scenario.side = random.chance(50) ? Against::Start : Against::End;
  // All that is called unmetered is made at load, or all that is called metered; the rest when it is called.
  if (random.chance(50)) scenario.options.fuel_quota = 0;
  scenario.options.blind_constants = random.chance(25);
  scenario.options.oldest_cpu = random.chance(25);
  scenario.options.calls_for_arrays = random.chance(10);
  const Module& m = scenario.program.module;
  std::vector<FunctionId> callable;
  for (std::size_t n = 0; n < m.functions.size(); ++n)
    if (takes_scalars(m, m.functions[n])) callable.push_back(static_cast<FunctionId>(n));
  for (std::uint32_t n = 2 + random.below(4); n > 0; --n) {
    const FunctionId id = random.chance(60) ? random.one_of(m.handlers).function : random.one_of(callable);
    const Function& f = m.functions[index(id)];
    const FunctionBound& bound = scenario.program.bounds[index(id)];
    Event event{.function = id, .input = any_input(random, m)};
    for (std::size_t r = 0; r < f.param_count; ++r)
      event.arguments.push_back(any_word(random, m.type(f.registers[r])->element));
    if (random.chance(50)) event.fuel = any_fuel(random, bound);
    const auto most = static_cast<std::uint32_t>(std::min<std::uint64_t>(bound.output_bytes, 64 * 1024));
    event.output_bytes = random.chance(90) ? most : random.below(most / 8 + 1) * 8;
    scenario.events.push_back(std::move(event));
  }
  return scenario;
}

std::optional<std::string> Comparison::difference(const Scenario& scenario, IntrinsicTable intrinsics) {
  digest_ = 0;
  bool all_whole = true;
  one_.load(scenario.program, intrinsics, scenario.side, scenario.options);
  other_.load(scenario.program, intrinsics, scenario.side, scenario.options);
  // A tier that leaves the module to another one would prove nothing.
  EYEFLOW_CHECK(one_.report().fallback.empty() && other_.report().fallback.empty());
  for (std::size_t n = 0; n < scenario.events.size(); ++n) {
    one_.run(scenario.events[n]);
    other_.run(scenario.events[n]);
    ++ends_[static_cast<std::size_t>(one_.outcome().trap)];
    all_whole &= one_.outcome().trap == Trap::None;
    if (auto different = test::difference(scenario.program.module, scenario.events[n], one_, other_))
      return "event " + std::to_string(n) + ", " + *different;
    digest_event();
  }
  whole_ += all_whole;
  return std::nullopt;
}

std::optional<std::string> difference(const Module& m, const Event& event, const Machine& one, const Machine& other) {
  const bool outcomes = one.outcome() == other.outcome() && std::ranges::equal(one.results(), other.results());
  const bool output = same(one.output(), other.output());
  const bool state = same(one.state(), other.state()), scratch = same(one.scratch(), other.scratch());
  if (outcomes && output && state && scratch) return std::nullopt;
  std::string text = write_event(m, event) + "\n";
  for (const Machine* machine : {&one, &other})
    text += "  " + std::string(machine->tier().name) + ": " + one_outcome(m, *machine) + "\n";
  if (!outcomes) return text;
  if (!state) text += "  " + first_unequal_slot(m, Region::State, one, other, one.state(), other.state()) + "\n";
  if (!scratch)
    text += "  " + first_unequal_slot(m, Region::Scratch, one, other, one.scratch(), other.scratch()) + "\n";
  if (!output)
    for (const Machine* machine : {&one, &other})
      text += "  " + std::string(machine->tier().name) + " emits " + rows(m, machine->output()) + "\n";
  return text;
}

void Comparison::digest_event() {
  const auto add = [&](Word word) { digest_ = std::rotl((digest_ ^ word) * 0x9E3779B97F4A7C15, 29); };
  const auto add_bytes = [&](std::span<const std::byte> bytes) {
    add(bytes.size());
    for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
      Word word;
      std::memcpy(&word, &bytes[at], 8);
      add(word);
    }
  };
  const Machine::Outcome& outcome = one_.outcome();
  add(static_cast<Word>(outcome.trap) | Word{outcome.trap_function} << 16 | Word{outcome.trap_instruction} << 32);
  add(outcome.fuel_used);
  add(outcome.texts_cut);
  for (const Word word : one_.results()) add(word);
  add_bytes(one_.output());
  add_bytes(one_.scratch());
  add_bytes(one_.state());
}

std::string write_scenario(const Scenario& scenario, IntrinsicTable intrinsics) {
  const Module& m = scenario.program.module;
  std::string text = disassemble(m, {.intrinsics = intrinsics}) + "=== calls\n";
  if (scenario.options.blind_constants) text += "// with blinded constants\n";
  if (scenario.options.oldest_cpu) text += "// with what every CPU has\n";
  for (const Event& event : scenario.events) text += write_event(m, event) + " -> \n";
  return text;
}

std::string play(const Scenario& scenario, const Tier& tier, IntrinsicTable intrinsics) {
  const Module& m = scenario.program.module;
  Machine machine(tier);
  machine.load(scenario.program, intrinsics, scenario.side, scenario.options);
  std::string text;
  for (const Event& event : scenario.events) {
    machine.run(event);
    text += write_event(m, event) + "\n  " + one_outcome(m, machine) + "\n  " + rows(m, machine.output()) + "\n";
    for (const Slot& slot : m.slots) {
      const bool scratch = slot.region == Region::Scratch;
      const std::span<const std::byte> bytes = scratch ? machine.scratch() : machine.state();
      if (!is_writable(slot.region) || bytes.empty()) continue;
      text += "  " + std::string(name(slot.region)) + "." + slot.name + " = " +
              golden::write_slot(m, slot, &bytes[slot.offset]) + "\n";
    }
  }
  return text;
}

}  // namespace eyeflow::vm::test
