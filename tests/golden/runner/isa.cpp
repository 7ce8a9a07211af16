// isa/*.eva: assembly above; below, calls of its functions with what they give in every tier.

#include <cstring>

#include "stdlib/intrinsics/intrinsics.h"
#include "tests/golden/runner/bench.h"
#include "tests/golden/runner/calls.h"
#include "tests/golden/runner/kind.h"
#include "tests/golden/runner/values.h"
#include "vm/assembly/assembly.h"
#include "vm/assembly/text.h"
#include "vm/module/verifier.h"

namespace eyeflow::golden {

namespace {

using namespace eyeflow::vm;

const Slot* find_slot(const Module& module, std::string_view name) {
  for (const Slot& slot : module.slots)
    if (std::string(vm::name(slot.region)) + "." + assembly::label(module, slot) == name) return &slot;
  return nullptr;
}

Result<void> set_slot(const Module& module, Bench& bench, const std::string& name, const std::string& value) {
  const Slot* slot = find_slot(module, name);
  if (slot == nullptr) return fail("there is no slot " + name);
  const Type& type = *module.type(slot->type);
  if (type.kind == TypeKind::Scalar) {
    const std::optional<Word> word = read_value(type.element, value);
    if (!word) return fail(value + " is no " + std::string(vm::name(type.element)));
    std::memcpy(bench.at(*slot), &*word, sizeof *word);
    return {};
  }
  if (type.kind != TypeKind::Text || value.size() < 2 || value.front() != '"' || value.back() != '"' ||
      value.size() - 2 > type.capacity)
    return fail(name + " = " + value + ": only scalars and quoted texts that fit can be set");
  const auto length = static_cast<std::uint32_t>(value.size() - 2);
  std::memcpy(bench.at(*slot), &length, sizeof length);
  std::memcpy(bench.at(*slot) + sizeof length, value.data() + 1, length);
  return {};
}

Result<FunctionId> find_function(const Module& module, const std::string& name) {
  for (std::size_t n = 0; n < module.functions.size(); ++n)
    if (module.functions[n].name == name) return FunctionId{static_cast<std::uint16_t>(n)};
  return fail("there is no function " + name);
}

Result<std::vector<Word>> read_arguments(const Module& module, const Function& function, const CallLine& call) {
  if (call.arguments.size() != function.param_count)
    return fail(function.name + " takes " + std::to_string(function.param_count) + " arguments");
  std::vector<Word> words;
  for (std::size_t n = 0; n < call.arguments.size(); ++n) {
    const Type& type = *module.type(function.registers[n]);
    const std::optional<Word> word =
        type.kind == TypeKind::Scalar ? read_value(type.element, call.arguments[n]) : std::nullopt;
    if (!word) return fail("argument " + std::to_string(n + 1) + ", " + call.arguments[n] + ", has not that type");
    words.push_back(*word);
  }
  return words;
}

// The bits of a NaN in a register are the CPU's affair; in memory there is one.
Word in_memory(Scalar type, Word word) {
  if (type == Scalar::F64) return to_word(canonical(from_word<double>(word)));
  if (type == Scalar::F32 && word <= 0xFFFFFFFF) return to_word(canonical(from_word<float>(word)));
  return word;
}

// The results; behind each `;` one thing more that the call did: what changed in state, a row sent, the fuel charged.
std::string describe_run(const Module& module, const Function& function, Trap trap, Bench& bench,
                         const std::vector<std::byte>& state_before) {
  if (trap != Trap::None) {
    const Context& context = bench.context();
    const std::string& where = module.functions[context.trap_function].name;
    return "trap " + std::string(name(trap)) + " in " + where + " at " + std::to_string(context.trap_instruction);
  }
  std::string text;
  for (std::size_t n = 0; n < function.results.size(); ++n) {
    const Type& type = *module.type(function.results[n]);
    if (n != 0) text += ", ";
    text += type.kind == TypeKind::Scalar ? write_value(type.element, in_memory(type.element, bench.results()[n]))
                                          : "a reference";
  }
  if (text.empty()) text = "()";
  for (const Slot& slot : module.slots) {
    if (slot.region != Region::State) continue;
    const std::string before = write_slot(module, slot, state_before.data() + slot.offset);
    const std::string after = write_slot(module, slot, bench.at(slot));
    if (before != after) text += "; state." + slot.name + " = " + after;
  }
  for (const std::string& row : write_rows(module, bench.output())) text += "; " + row;
  return text;
}

class CallRunner {
 public:
  CallRunner(const VerifiedModule& verified, const Tier& tier, test::Against side)
      : verified_(verified), bench_(verified, stdlib::intrinsics(), tier, side) {}

  Result<std::string> run(const CallLine& call) {
    const Module& module = verified_.module;
    const Result<FunctionId> id = find_function(module, call.function);
    if (!id) return std::unexpected(id.error());
    const Function& function = module.functions[index(*id)];
    const Result<std::vector<Word>> arguments = read_arguments(module, function, call);
    if (!arguments) return std::unexpected(arguments.error());

    // Metering must change nothing but the fuel, and the bound must hold.
    const std::uint64_t bound = verified_.bounds[index(*id)].fuel;
    const Result<std::string> plain = once(*id, call, *arguments, std::nullopt);
    const Result<std::string> metered = once(*id, call, *arguments, call.fuel.value_or(bound));
    if (!plain || !metered) return plain ? metered : plain;
    if (call.fuel) return *metered + "; fuel " + std::to_string(bench_.fuel_charged());
    if (*plain != *metered) return fail("it gives " + *plain + ", but metered " + *metered);
    return plain;
  }

 private:
  Result<std::string> once(FunctionId id, const CallLine& call, const std::vector<Word>& arguments,
                           std::optional<std::uint64_t> fuel) {
    bench_.reset();
    for (const auto& [name, value] : call.settings)
      if (Result<void> set = set_slot(verified_.module, bench_, name, value); !set) return std::unexpected(set.error());
    const std::vector<std::byte> state_before(bench_.region(Region::State).begin(), bench_.region(Region::State).end());
    const Trap trap = bench_.run(id, arguments, fuel);
    std::string text =
        describe_run(verified_.module, verified_.module.functions[index(id)], trap, bench_, state_before);
    if (const std::optional<std::string> left = bench_.roll_back()) return fail(*left);
    return text;
  }

  const VerifiedModule& verified_;
  Bench bench_;
};

Result<std::string> run_calls(const VerifiedModule& verified, const Tier& tier, const std::string& section) {
  CallRunner runner(verified, tier, test::Against::End), other(verified, tier, test::Against::Start);
  std::string text;
  for (const std::string_view line : lines_of(section)) {
    const Result<std::optional<CallLine>> call = read_call(line);
    if (!call) return std::unexpected(call.error());
    if (!*call) {
      text.append(line).push_back('\n');
      continue;
    }
    const Result<std::string> result = runner.run(**call), again = other.run(**call);
    if (result && again && *result != *again)
      return fail("calls: " + (*call)->given + "\n       where its memory lies elsewhere it gives " + *again);
    if (!result) return fail("calls: " + (*call)->given + "\n       " + result.error().message);
    text += (*call)->given + " -> " + *result + "\n";
  }
  return text;
}

std::string describe_bounds(const VerifiedModule& verified) {
  std::string text;
  for (std::size_t n = 0; n < verified.bounds.size(); ++n) {
    const FunctionBound& bound = verified.bounds[n];
    text += verified.module.functions[n].name + ": fuel " + std::to_string(bound.fuel) + ", frame " +
            std::to_string(bound.frame_words) + " words, " + std::to_string(bound.call_depth) + " calls deep, output " +
            std::to_string(bound.output_bytes) + " bytes\n";
  }
  return text;
}

}  // namespace

Result<std::vector<Section>> run_isa(const GoldenFile& file, const Environment& environment) {
  Result<Module> module = assemble(file.source(), stdlib::intrinsics());
  if (!module) return std::unexpected(module.error());
  Result<VerifiedModule> verified = verify(std::move(*module), stdlib::intrinsics());

  std::vector<Section> made{file.sections.front()};
  if (!verified) {
    if (file.find("calls") != nullptr) return std::unexpected(verified.error());
    made.push_back({"refused", verified.error().message + "\n"});
    return made;
  }
  for (const Section& section : file.sections) {
    if (section.title == "bounds") made.push_back({"bounds", describe_bounds(*verified)});
    if (section.title != "calls") continue;
    Result<std::string> calls = run_calls(*verified, *environment.tier, section.text);
    if (!calls) return std::unexpected(calls.error());
    made.push_back({"calls", std::move(*calls)});
  }
  if (made.size() == 1) return fail(file.name + ": it has no section `=== calls` with the calls to make");
  return made;
}

}  // namespace eyeflow::golden
