#include "tests/fuzz/machine.h"

#include <algorithm>
#include <cstring>

#include "vm/base/check.h"

namespace eyeflow::vm::test {
namespace {

// An empty vector may have no address.
void copy(std::byte* to, const std::vector<std::byte>& from) {
  if (!from.empty()) std::memcpy(to, from.data(), from.size());
}
bool is(const std::byte* here, const void* expected, std::size_t bytes) {
  return bytes == 0 || std::memcmp(here, expected, bytes) == 0;
}

Word canonical_word(const Type& type, Word word) {
  if (type.kind != TypeKind::Scalar) return word;
  if (type.element == Scalar::F64) return to_word(canonical(from_word<double>(word)));
  if (type.element == Scalar::F32 && word <= 0xFFFFFFFF) return to_word(canonical(from_word<float>(word)));
  return word;
}

}  // namespace

void Machine::load(const VerifiedModule& verified, IntrinsicTable intrinsics, Against side,
                   const PrepareOptions& options) {
  code_.reset();
  verified_ = &verified;
  side_ = side;
  const Module& m = verified.module;
  for (int n = 0; n < kRegionCount; ++n) {
    sizes_[n] = static_cast<std::size_t>(m.region_bytes(static_cast<Region>(n)));
    context_.base[n] = regions_[n].place(sizes_[n], side);
  }
  copy(context_.base[static_cast<int>(Region::Const)], m.const_image);
  copy(context_.base[static_cast<int>(Region::Param)], m.param_image);
  copy(context_.base[static_cast<int>(Region::State)], m.state_image);

  std::size_t fields = 0;
  for (const Output& output : m.outputs) fields += output.fields.size();
  field_types_.clear();
  field_types_.reserve(fields);
  layouts_.clear();
  for (const Output& output : m.outputs) {
    layouts_.push_back({.fields = field_types_.data() + field_types_.size(),
                        .field_count = static_cast<std::uint32_t>(output.fields.size()),
                        .scalars_only = true});
    for (const Field& field : output.fields) {
      field_types_.push_back(*m.type(field.type));
      layouts_.back().scalars_only &= field_types_.back().kind == TypeKind::Scalar;
    }
  }

  const std::size_t lines = sizes_[static_cast<int>(Region::State)] / kLineBytes, words = (lines + 63) / 64;
  journal_ = {.seen = seen_.place_array<std::uint64_t>(words, side),
              .line_numbers = line_numbers_.place_array<std::uint32_t>(lines, side),
              .saved_lines = saved_lines_.place(lines * kLineBytes, side)};
  std::fill_n(journal_.seen, words, 0);

  context_.references = verified.references.data();
  context_.outputs = layouts_.data();
  context_.intrinsics = intrinsics;
  context_.journal = &journal_;
  context_.output = &output_;
  context_.texts_cut = 0;
  code_ = tier_.prepare(verified, intrinsics, options);
}

void Machine::run(const Event& event) {
  const Module& m = verified_->module;
  const FunctionBound& bound = verified_->bounds[index(event.function)];
  std::byte* const input = context_.base[static_cast<int>(Region::Input)];
  EYEFLOW_CHECK(event.input.size() * sizeof(Word) == sizes_[static_cast<int>(Region::Input)]);
  if (!event.input.empty()) std::memcpy(input, event.input.data(), event.input.size() * sizeof(Word));
  std::memset(context_.base[static_cast<int>(Region::Scratch)], 0, sizes_[static_cast<int>(Region::Scratch)]);
  const std::byte* state = context_.base[static_cast<int>(Region::State)];
  state_before_.assign(state, state + sizes_[static_cast<int>(Region::State)]);

  // Dirty: a tier clears its frames itself.
  const std::vector<TypeId>& results = m.functions[index(event.function)].results;
  const std::size_t words = std::max<std::size_t>(bound.frame_words, results.size());
  registers_ = frame_.place_array<Word>(words, side_);
  std::fill_n(registers_, words, 0xDEADDEADDEADDEAD);
  std::ranges::copy(event.arguments, registers_);
  context_.registers = registers_;
  context_.calls = calls_.place_array<CallRecord>(bound.call_depth + std::size_t{1}, side_);
  output_ = {.data = rows_.place(event.output_bytes, side_), .capacity = event.output_bytes};
  context_.metered = event.fuel.has_value();
  context_.fuel = event.fuel.value_or(0);

  outcome_ = {.trap = code_->run(event.function, context_)};
  outcome_.fuel_used = event.fuel.value_or(0) - context_.fuel;
  outcome_.texts_cut = context_.texts_cut;
  EYEFLOW_CHECK(is(context_.base[static_cast<int>(Region::Const)], m.const_image.data(), m.const_image.size()));
  EYEFLOW_CHECK(is(context_.base[static_cast<int>(Region::Param)], m.param_image.data(), m.param_image.size()));
  EYEFLOW_CHECK(is(input, event.input.data(), event.input.size() * sizeof(Word)));
  if (outcome_.trap != Trap::None) {
    outcome_.trap_function = context_.trap_function;
    outcome_.trap_instruction = context_.trap_instruction;
    return undo(bound);
  }
  journal_.commit();
  result_count_ = results.size();
  for (std::size_t n = 0; n < result_count_; ++n) registers_[n] = canonical_word(*m.type(results[n]), registers_[n]);
}

// As the engine does, with no more than what the verifier and the journal say.
void Machine::undo(const FunctionBound& bound) {
  std::byte* const state = context_.base[static_cast<int>(Region::State)];
  journal_.roll_back(state);
  for (const std::uint32_t offset : bound.stores) std::memcpy(state + offset, state_before_.data() + offset, 8);
  EYEFLOW_CHECK(is(state, state_before_.data(), state_before_.size()));
}

}  // namespace eyeflow::vm::test
