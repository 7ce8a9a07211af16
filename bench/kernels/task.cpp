#include "bench/kernels/task.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "compiler/check/check.h"
#include "compiler/lower/lower.h"
#include "compiler/parse/parse.h"
#include "stdlib/intrinsics/intrinsics.h"

namespace eyeflow::bench {
namespace {

using namespace eyeflow::vm;

[[noreturn]] void stop(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

std::vector<std::byte> sized(std::vector<std::byte> image, std::uint64_t bytes) {
  image.resize((bytes + kLineBytes - 1) / kLineBytes * kLineBytes);
  return image;
}

}  // namespace

VerifiedModule compile_task(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) stop(path + " cannot be read");
  return compile_text({std::istreambuf_iterator<char>(in), {}}, path);
}

VerifiedModule compile_text(const std::string& source, const std::string& path) {
  compiler::ParseResult parsed = compiler::parse(source, path);
  const auto program = compiler::check(parsed.file, source, parsed.diagnostics, parsed.broken);
  auto lowered = program ? compiler::lower(*program, 0, {.source_name = path}, parsed.diagnostics) : std::nullopt;
  if (!lowered) stop(compiler::render_all(parsed.diagnostics, source, path));
  return std::move(lowered->verified);
}

Task::Task(const VerifiedModule& verified, const Tier& tier)
    : verified_(verified), code_(tier.prepare(verified, stdlib::intrinsics())) {
  const Module& module = verified.module;
  std::uint64_t frame_words = 1, call_depth = 0, stores = 0, output_bytes = 0;
  for (const FunctionBound& bound : verified.bounds) {
    frame_words = std::max<std::uint64_t>(frame_words, bound.frame_words);
    call_depth = std::max<std::uint64_t>(call_depth, bound.call_depth);
    stores = std::max<std::uint64_t>(stores, bound.stores.size());
    output_bytes = std::max(output_bytes, std::min<std::uint64_t>(bound.output_bytes, 1 << 20));
  }
  registers_.resize(frame_words);
  saved_.resize(stores);
  calls_.resize(call_depth + 1);
  output_bytes_.resize(output_bytes);

  std::size_t fields = 0;
  for (const Output& output : module.outputs) fields += output.fields.size();
  field_types_.reserve(fields);
  for (const Output& output : module.outputs) {
    layouts_.push_back({field_types_.data() + field_types_.size(), static_cast<std::uint32_t>(output.fields.size())});
    for (const Field& field : output.fields) field_types_.push_back(*module.type(field.type));
  }
  for (int n = 0; n < kRegionCount; ++n) {
    regions_[n] = sized({}, module.region_bytes(static_cast<Region>(n)));
    context_.base[n] = regions_[n].data();
  }
  const std::size_t state_bytes = regions_[static_cast<int>(Region::State)].size(), lines = state_bytes / kLineBytes;
  seen_.resize(lines / 64 + 1);
  line_numbers_.resize(lines);
  saved_lines_.resize(state_bytes);
  journal_ = {seen_.data(), line_numbers_.data(), saved_lines_.data(), 0};
  context_.references = verified.references.data();
  context_.outputs = layouts_.data();
  context_.intrinsics = stdlib::intrinsics();
  context_.journal = &journal_;
  context_.output = &output_;
  context_.registers = registers_.data();
  context_.calls = calls_.data();
}

void Task::start_anew() {
  const Module& module = verified_.module;
  const auto fill = [&](Region region, const std::vector<std::byte>& image) {
    auto& bytes = regions_[static_cast<int>(region)];
    std::ranges::fill(bytes, std::byte{});
    std::ranges::copy(image, bytes.begin());
  };
  fill(Region::Const, module.const_image);
  fill(Region::Param, module.param_image);
  fill(Region::State, module.state_image);
  for (const Handler& handler : module.handlers)
    if (handler.kind == HandlerKind::Start) run(HandlerKind::Start);
}

// As the engine runs a handler: scalars that it may store are copied first, what the journal saved is forgotten after,
// and fuel is counted where the bound is above the quota.
void Task::run(HandlerKind kind) {
  const auto& handlers = verified_.module.handlers;
  const auto handler = std::ranges::find(handlers, kind, &Handler::kind);
  if (handler == handlers.end()) stop("task " + verified_.module.task + " lacks a handler that its kernel needs");
  const std::byte* state = context_.base[static_cast<int>(Region::State)];
  Word* saved = saved_.data();
  for (const std::uint32_t offset : verified_.bounds[index(handler->function)].stores)
    std::memcpy(saved++, state + offset, sizeof(Word));
  output_ = {output_bytes_.data(), static_cast<std::uint32_t>(output_bytes_.size()), 0};
  context_.metered = verified_.bounds[index(handler->function)].fuel > fuel_quota_;
  context_.fuel = fuel_quota_;
  const Trap trap = code_->run(handler->function, context_);
  if (trap != Trap::None)
    stop("task " + verified_.module.task + " traps: " + std::string(name(trap)) + " at instruction " +
         std::to_string(context_.trap_instruction));
  journal_.commit();
}

bool Task::is_metered() const {
  for (const Handler& handler : verified_.module.handlers)
    if (handler.kind == HandlerKind::Every) return verified_.bounds[index(handler.function)].fuel > fuel_quota_;
  return false;
}

std::span<const std::byte> Task::state(std::string_view name) const {
  for (const Slot& slot : verified_.module.slots) {
    if (slot.region != Region::State || slot.name != name) continue;
    const Type& type = *verified_.module.type(slot.type);
    const std::byte* place = context_.base[static_cast<int>(Region::State)] + slot.offset;
    std::uint64_t bytes = slot_size_bytes(type);
    if (type.kind == TypeKind::Scalar) bytes = static_cast<std::uint64_t>(size_bytes(type.element));
    if (type.kind == TypeKind::Array) bytes = type.capacity * static_cast<std::uint64_t>(size_bytes(type.element));
    if (type.kind == TypeKind::Text) bytes = 4 + type.capacity;
    return {place, bytes};
  }
  stop("task " + verified_.module.task + " has no state '" + std::string(name) + "', which its C kernel compares");
}

}  // namespace eyeflow::bench
