#pragma once

#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "vm/engine/engine.h"

// Builds modules instruction by instruction, for tests that must not depend on the compiler.
namespace eyeflow::vm::test {

inline constexpr TimeNs kSecond = 1'000'000'000;

class TaskBuilder {
 public:
  TaskBuilder() { module.task = "test", module.source = "test.eft"; }

  Module module;

  TypeId type(Type wanted) {
    for (std::size_t n = 0; n < module.types.size(); ++n)
      if (module.types[n] == wanted) return static_cast<TypeId>(kFirstModuleType + n);
    module.types.push_back(wanted);
    return static_cast<TypeId>(kFirstModuleType + module.types.size() - 1);
  }
  TypeId text(Region region, std::uint32_t capacity) { return type({TypeKind::Text, Scalar::Void, region, capacity}); }

  // Adds a slot at the end of its region; gives its offset in words, as instructions name it.
  std::uint16_t slot(Region region, TypeId of, SlotKind kind = SlotKind::Plain, std::uint16_t subject = 0,
                     std::string name = {}) {
    const std::uint64_t offset = module.region_bytes(region);
    const std::uint64_t end = offset + slot_size_bytes(*module.type(of));
    std::size_t at = 0;
    while (at < module.slots.size() && module.slots[at].region <= region) ++at;
    module.slots.insert(module.slots.begin() + static_cast<std::ptrdiff_t>(at),
                        Slot{region, kind, of, static_cast<std::uint32_t>(offset), subject, std::move(name)});
    switch (region) {
      case Region::Const:
        module.const_image.resize(end);
        break;
      case Region::Param:
        module.param_image.resize(end);
        break;
      case Region::Input:
        module.input_bytes = static_cast<std::uint32_t>(end);
        break;
      case Region::State:
        module.state_image.resize(end);
        break;
      case Region::Scratch:
        module.scratch_bytes = static_cast<std::uint32_t>(end);
        break;
    }
    return static_cast<std::uint16_t>(offset / 8);
  }
  std::uint16_t constant(Scalar scalar, Word value) {
    const std::uint16_t at = slot(Region::Const, type_id(scalar));
    std::memcpy(module.const_image.data() + at * 8, &value, 8);
    return at;
  }
  std::uint16_t constant(std::string_view words) {
    const auto length = static_cast<std::uint32_t>(words.size());
    const std::uint16_t at = slot(Region::Const, text(Region::Const, length));
    std::memcpy(module.const_image.data() + at * 8, &length, 4);
    std::memcpy(module.const_image.data() + at * 8 + 4, words.data(), words.size());
    return at;
  }
  std::uint16_t state(Scalar scalar, Word initial, std::string name) {
    const std::uint16_t at = slot(Region::State, type_id(scalar), SlotKind::Plain, 0, std::move(name));
    std::memcpy(module.state_image.data() + at * 8, &initial, 8);
    return at;
  }

  struct InputSlots {
    InputId id;
    std::uint16_t value, time, ready;
  };
  InputSlots input(std::string name, TypeId of, TimeNs stale_after = 0) {
    const auto id = static_cast<std::uint16_t>(module.inputs.size());
    module.inputs.push_back({.value = {std::move(name), of, ""}, .stale_after_ns = stale_after});
    const std::uint16_t value = slot(Region::Input, of, SlotKind::InputValue, id);
    const std::uint16_t time = slot(Region::Input, type_id(Scalar::I64), SlotKind::InputTime, id);
    const std::uint16_t ready = slot(Region::Input, type_id(Scalar::Bool), SlotKind::InputReady, id);
    return {InputId{id}, value, time, ready};
  }
  OutputId output(Output output) {
    module.outputs.push_back(std::move(output));
    return static_cast<OutputId>(module.outputs.size() - 1);
  }
  OutputId value_output(std::string name, Scalar scalar) {
    return output({.name = name, .kind = OutputKind::Value, .fields = {{name, type_id(scalar), ""}}});
  }
  OutputId switch_output(std::string name, bool driven, bool has_initial = false, Word initial = 0) {
    return output({.name = name,
                   .kind = OutputKind::Switch,
                   .fields = {{name, type_id(Scalar::Bool), ""}},
                   .has_initial = has_initial,
                   .initial = initial,
                   .driven = driven});
  }

  // Finishes the function begun last and takes it over; jumps are given as distances.
  std::vector<TypeId> registers;
  std::vector<Instruction> code;
  std::uint16_t reg(Scalar scalar) { return reg(type_id(scalar)); }
  std::uint16_t reg(TypeId of) {
    registers.push_back(of);
    return static_cast<std::uint16_t>(registers.size() - 1);
  }
  void add(Op op, int a = 0, int b = 0, int c = 0) {
    code.push_back({op, static_cast<std::uint16_t>(a), static_cast<std::uint16_t>(b), static_cast<std::uint16_t>(c)});
  }
  FunctionId function(std::string name, std::vector<TypeId> results = {}, std::vector<LineMark> lines = {}) {
    module.functions.push_back({.name = std::move(name),
                                .results = std::move(results),
                                .registers = std::move(registers),
                                .code = std::move(code),
                                .lines = std::move(lines)});
    registers.clear();
    code.clear();
    return static_cast<FunctionId>(module.functions.size() - 1);
  }
  // Loads the scalar at a slot into a new register.
  std::uint16_t load(Region region, Scalar scalar, int slot) {
    const std::uint16_t r = reg(scalar);
    add(Op::Load, r, static_cast<int>(region), slot);
    return r;
  }
  std::uint16_t reading(const InputSlots& input, Scalar scalar) {
    const std::uint16_t r = reg(scalar);
    add(Op::LoadReading, r, input.ready, input.value);
    return r;
  }
  std::uint16_t number(int value) {
    const std::uint16_t r = reg(Scalar::I64);
    add(Op::LoadImm, r, value);
    return r;
  }
  FunctionId condition(std::string name, std::uint16_t result) {
    add(Op::Return, result);
    return function(std::move(name), {type_id(Scalar::Bool)});
  }
  FunctionId constant_text(std::string_view words) {
    const std::uint16_t slot = constant(words);
    const TypeId of = text(Region::Const, static_cast<std::uint32_t>(words.size()));
    const std::uint16_t r = reg(of);
    add(Op::Ref, r, of, slot);
    add(Op::Return, r);
    return function("text", {of});
  }
  // `when` the input's reading is above the limit.
  FunctionId above(const InputSlots& input, double limit) {
    const std::uint16_t value = reading(input, Scalar::F64);
    const std::uint16_t bound = load(Region::Const, Scalar::F64, constant(Scalar::F64, to_word(limit)));
    const std::uint16_t result = reg(Scalar::Bool);
    add(Op::LtF64, result, bound, value);
    return condition("above", result);
  }
  FunctionId below(const InputSlots& input, double limit) {
    const std::uint16_t value = reading(input, Scalar::F64);
    const std::uint16_t bound = load(Region::Const, Scalar::F64, constant(Scalar::F64, to_word(limit)));
    const std::uint16_t result = reg(Scalar::Bool);
    add(Op::LtF64, result, value, bound);
    return condition("below", result);
  }
  void on(const InputSlots& input, FunctionId function) {
    module.handlers.push_back({.kind = HandlerKind::Input, .input = input.id, .function = function});
  }
  void every(TimeNs period, FunctionId function) {
    module.handlers.push_back({.kind = HandlerKind::Every, .time_ns = period, .function = function});
  }
};

}  // namespace eyeflow::vm::test
