#include "tests/golden/runner/bench.h"

#include <algorithm>
#include <cstring>

#include "tests/golden/runner/values.h"
#include "vm/base/check.h"
#include "vm/isa/memory_ops.h"

namespace eyeflow::golden {

using namespace eyeflow::vm;

namespace {

constexpr std::uint32_t kOutputBytes = 1024;  // small, so that a file can show what happens when it is full

Word load(const std::byte* place, std::size_t bytes) {
  Word word = 0;
  std::memcpy(&word, place, bytes);
  return word;
}

Word element_at(Scalar type, const std::byte* place) {
  const Word raw = load(place, static_cast<std::size_t>(size_bytes(type)));
  return type == Scalar::I32 ? to_word(static_cast<std::int32_t>(raw)) : raw;
}

std::string write_elements(Scalar type, const std::byte* place, std::uint64_t count) {
  std::string text = "[";
  for (std::uint64_t n = 0; n < count; ++n) {
    if (n != 0) text += ", ";
    text += write_value(type, element_at(type, place + n * static_cast<std::size_t>(size_bytes(type))));
  }
  return text + "]";
}

}  // namespace

namespace {

float sum_of(std::span<const std::byte> bytes) {
  float sum = 0;
  for (const std::byte byte : bytes) sum += static_cast<float>(std::to_integer<int>(byte));
  return sum;
}

}  // namespace

vm::Trap ModelsOfTests::give(std::int64_t model, std::int64_t argument, vm::Scalar, std::span<const std::byte> value) {
  if (model != 0) return vm::Trap::ModelFailed;
  given_ += static_cast<float>(argument) * sum_of(value);
  return vm::Trap::None;
}

vm::Trap ModelsOfTests::ask(std::int64_t model, vm::Scalar, std::span<const std::byte> argument,
                            std::span<std::byte> result) {
  if (model == 1) return vm::Trap::ModelLate;
  if (model != 0) return vm::Trap::ModelFailed;
  float next = sum_of(argument) + std::exchange(given_, 0.0f);
  for (std::size_t at = 0; at < result.size(); at += sizeof next, next += 1)
    std::memcpy(result.data() + at, &next, sizeof next);
  return vm::Trap::None;
}

Bench::Bench(const VerifiedModule& verified, IntrinsicTable intrinsics, const Tier& tier, test::Against side)
    : verified_(verified), code_(tier.prepare(verified, intrinsics)) {
  // A tier that leaves the module to the interpreter would prove nothing.
  EYEFLOW_CHECK(code_->report().fallback.empty());
  const Module& module = verified.module;
  std::uint64_t frame_words = 1, call_depth = 0;
  for (const FunctionBound& bound : verified.bounds) {
    frame_words = std::max<std::uint64_t>(frame_words, bound.frame_words);
    call_depth = std::max<std::uint64_t>(call_depth, bound.call_depth);
  }
  registers_.resize(frame_words);
  calls_.resize(call_depth + 1);

  std::size_t field_count = 0;
  for (const Output& output : module.outputs) field_count += output.fields.size();
  field_types_.reserve(field_count);
  for (const Output& output : module.outputs) {
    const auto is_scalar = [&](const Field& field) { return module.type(field.type)->kind == TypeKind::Scalar; };
    layouts_.push_back({.fields = field_types_.data() + field_types_.size(),
                        .field_count = static_cast<std::uint32_t>(output.fields.size()),
                        .scalars_only = std::ranges::all_of(output.fields, is_scalar)});
    for (const Field& field : output.fields) field_types_.push_back(*module.type(field.type));
  }
  output_bytes_.resize(kOutputBytes);

  for (int n = 0; n < kRegionCount; ++n) {
    sizes_[n] = static_cast<std::size_t>(module.region_bytes(static_cast<Region>(n)));
    context_.base[n] = regions_[n].place(sizes_[n], side);
  }
  reset();
  const std::size_t lines = region(Region::State).size() / kLineBytes;
  seen_.resize(lines / 64 + 1);
  line_numbers_.resize(lines);
  saved_lines_.resize(lines * kLineBytes);
  journal_ = {seen_.data(), line_numbers_.data(), saved_lines_.data(), 0};

  context_.references = verified.references.data();
  context_.outputs = layouts_.data();
  context_.intrinsics = intrinsics;
  context_.journal = &journal_;
  context_.output = &output_;
  context_.registers = registers_.data();
  context_.calls = calls_.data();
  context_.model_host = &models_;
}

void Bench::reset() {
  const Module& module = verified_.module;
  const auto fill = [&](Region which, const std::vector<std::byte>& image) {
    std::fill(std::copy(image.begin(), image.end(), region(which).begin()), region(which).end(), std::byte{0});
  };
  fill(Region::Const, module.const_image);
  fill(Region::Param, module.param_image);
  fill(Region::Input, {});
  fill(Region::State, module.state_image);
  fill(Region::Scratch, {});
}

Trap Bench::run(FunctionId function, const std::vector<Word>& arguments, std::optional<std::uint64_t> fuel) {
  std::ranges::fill(registers_, 0xDEADDEADDEADDEAD);  // the tier has to clear the frame
  std::ranges::copy(arguments, registers_.begin());
  output_ = {output_bytes_.data(), kOutputBytes, 0};
  context_.metered = fuel.has_value();
  context_.fuel = fuel_given_ = fuel.value_or(0);
  state_before_.assign(region(Region::State).begin(), region(Region::State).end());
  return code_->run(function, context_);
}

std::optional<std::string> Bench::roll_back() {
  std::byte* state = region(Region::State).data();
  journal_.roll_back(state);
  for (const Slot& slot : verified_.module.slots) {
    if (slot.region != Region::State) continue;
    const Type& type = *verified_.module.type(slot.type);
    if (type.kind == TypeKind::Scalar) continue;  // the handler's caller saves those
    if (std::memcmp(state + slot.offset, state_before_.data() + slot.offset, slot_size_bytes(type)) != 0)
      return "state." + slot.name + " was written without the journal: rolling back leaves it changed";
  }
  return std::nullopt;
}

std::string write_slot(const Module& module, const Slot& slot, const std::byte* place) {
  const Type& type = *module.type(slot.type);
  switch (type.kind) {
    case TypeKind::Scalar:
      return write_value(type.element, load(place, 8));
    case TypeKind::Text:
      return write_quoted({reinterpret_cast<const char*>(place) + 4, static_cast<std::size_t>(load(place, 4))});
    case TypeKind::Array:
      return write_elements(type.element, place, type.capacity);
    case TypeKind::List:
      return write_elements(type.element, place + 8, load(place, 8));
    case TypeKind::Counter:
    case TypeKind::View:
      break;
  }
  return "a counter, which has no place";
}

std::vector<std::string> write_rows(const Module& module, const OutputBuffer& output) {
  std::vector<std::string> rows;
  for (std::uint32_t at = 0; at < output.used;) {
    const std::byte* row = output.data + at;
    if (load(row + 2, 2) == semantics::kAcknowledges) {
      rows.push_back("acknowledge " + module.alarms[load(row, 2)].name);
      at += 8;
      continue;
    }
    const Output& target = module.outputs[load(row, 2)];
    std::string text = target.name + "(";
    const std::byte* field = row + 8;
    for (std::size_t n = 0; n < target.fields.size(); ++n) {
      const Type& type = *module.type(target.fields[n].type);
      if (n != 0) text += ", ";
      const Word word = load(field, 8);
      field += 8;
      if (type.kind != TypeKind::Scalar) {
        const std::string_view bytes(reinterpret_cast<const char*>(field), static_cast<std::size_t>(word));
        text += type.kind == TypeKind::Text ? write_quoted(bytes) : write_elements(type.element, bytes);
        field += (word + 7) / 8 * 8;
      } else {
        text += write_value(type.element, word);
      }
    }
    rows.push_back("emit " + text + ")");
    at += 8 + static_cast<std::uint32_t>(load(row + 4, 4));
  }
  return rows;
}

}  // namespace eyeflow::golden
