#include "jit/baseline/baseline.h"

#include <asmjit/core.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>

#include "jit/baseline/code_memory.h"
#include "jit/baseline/compiler.h"
#include "jit/baseline/masm_a64.h"
#include "jit/baseline/masm_x86.h"
#include "vm/interpreter/code.h"

namespace eyeflow::jit {

using namespace eyeflow::vm;

namespace {

// Remembers the first mistake of the assembler.
class FirstError final : public asmjit::ErrorHandler {
 public:
  void handleError(asmjit::Error error, const char* message, asmjit::BaseEmitter*) override {
    if (error_.empty()) error_ = std::string(message) + " (asmjit error " + std::to_string(error) + ")";
  }
  const std::string& error() const { return error_; }

 private:
  std::string error_;
};

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

// Code of a set of functions, not yet at an address.
struct Block {
  asmjit::CodeHolder holder;
  FirstError errors;
  asmjit::Label entry;
  std::vector<asmjit::Label> labels;         // by function
  std::vector<std::uint32_t> sizes;          // by function
  std::vector<std::uint64_t> compile_times;  // by function, ns
  std::vector<ListedCode> listing;
};

template <typename Masm>
void fill(Block& block, Masm& masm, const VerifiedModule& module, IntrinsicTable intrinsics, BaselineOptions options,
          asmjit::StringLogger* logger) {
  const std::size_t count = module.module.functions.size();
  masm.begin_module(reinterpret_cast<const void*>(&journal_line));
  block.entry = masm.entry();
  block.labels.resize(count);
  block.sizes.resize(count);
  block.compile_times.resize(count);
  for (asmjit::Label& label : block.labels) label = masm.new_label();
  if (logger != nullptr) logger->clear();
  Compiler<Masm> compiler(module, intrinsics, {.metered = options.metered}, masm);
  const auto label_of = [&](FunctionId id) { return block.labels[index(id)]; };
  for (std::size_t n = 0; n < count; ++n) {
    const auto id = static_cast<FunctionId>(n);
    const std::uint64_t start = now_ns();
    const std::size_t begin = masm.offset();
    ListedCode current{.function = id, .of = id, .instruction = 0, .text = {}};
    const auto flush = [&] {
      if (logger == nullptr || logger->dataSize() == 0) return;
      current.text.assign(logger->data(), logger->dataSize());
      block.listing.push_back(current);
      logger->clear();
    };
    compiler.compile(id, label_of, [&](const Item& item) {
      if (logger == nullptr) return;
      flush();
      current.of = static_cast<FunctionId>(item.function);
      current.instruction = item.index;
    });
    flush();
    block.sizes[n] = static_cast<std::uint32_t>(masm.offset() - begin);
    block.compile_times[n] = now_ns() - start;
  }
  masm.end_module();
}

Result<void> assemble(Block& block, const VerifiedModule& module, IntrinsicTable intrinsics, Target target,
                      BaselineOptions options, asmjit::StringLogger* logger) {
  const bool x86 = target == Target::X86_64;
  asmjit::Environment environment(x86 ? asmjit::Arch::kX64 : asmjit::Arch::kAArch64);
  environment.setPlatform(asmjit::Platform::kLinux);
  block.holder.init(environment);
  block.holder.setErrorHandler(&block.errors);
  if (logger != nullptr) block.holder.setLogger(logger);
  if (x86) {
    const auto& features = asmjit::CpuInfo::host().features();
    const bool avx = asmjit::Environment::host().arch() != asmjit::Arch::kX64 || features.x86().hasAVX();
    MasmX86 masm(block.holder, avx);
    fill(block, masm, module, intrinsics, options, logger);
  } else {
    MasmA64 masm(block.holder);
    fill(block, masm, module, intrinsics, options, logger);
  }
  block.holder.flatten();
  block.holder.resolveUnresolvedLinks();
  if (!block.errors.error().empty()) return std::unexpected(Error{"assembling failed: " + block.errors.error()});
  return {};
}

// ---- The tier
// --------------------------------------------------------------------------------------------------------

constexpr std::uint32_t kMostCallDepth = 256;  // deeper ones would need much of the thread's stack

using Entry = std::uint64_t (*)(Context* context, Word* frame, const void* code);

// All functions of a module, once with fuel and once without.
struct CodeSet {
  CodeMemory memory;
  Entry entry = nullptr;
  std::vector<const void*> functions;
  std::vector<std::uint32_t> sizes;
  std::vector<std::uint64_t> compile_times;
  std::size_t bytes = 0;
};

#if defined(__aarch64__)
constexpr std::optional<Target> kHost = Target::AArch64;
#elif defined(__x86_64__)
constexpr std::optional<Target> kHost = Target::X86_64;
#else
constexpr std::optional<Target> kHost;
#endif

Result<CodeSet> make_set(const VerifiedModule& module, IntrinsicTable intrinsics, bool metered) {
  Block block;
  if (auto made = assemble(block, module, intrinsics, *kHost, {.metered = metered}, nullptr); !made)
    return std::unexpected(made.error());
  CodeSet set;
  set.bytes = block.holder.codeSize();
  auto memory = CodeMemory::allocate(set.bytes);
  if (!memory) return std::unexpected(memory.error());
  set.memory = std::move(*memory);
  const auto base = reinterpret_cast<std::uint64_t>(set.memory.code());
  if (block.holder.relocateToBase(base) != 0 ||
      block.holder.copyFlattenedData(set.memory.writable().data(), set.bytes) != 0)
    return std::unexpected(Error{"the code could not be put in its place: " + block.errors.error()});
  if (auto sealed = set.memory.seal(); !sealed) return std::unexpected(sealed.error());
  const auto at = [&](const asmjit::Label& label) {
    return set.memory.code() + block.holder.labelOffsetFromBase(label);
  };
  set.entry = reinterpret_cast<Entry>(reinterpret_cast<std::uintptr_t>(at(block.entry)));
  for (const asmjit::Label& label : block.labels) set.functions.push_back(at(label));
  set.sizes = std::move(block.sizes);
  set.compile_times = std::move(block.compile_times);
  return set;
}

class BaselineCode final : public TierCode {
 public:
  BaselineCode(const VerifiedModule& module, IntrinsicTable intrinsics, CodeSet plain, CodeSet metered)
      : module_(module), intrinsics_(intrinsics), plain_(std::move(plain)), metered_(std::move(metered)) {}

  Trap run(FunctionId id, Context& context) const override {
    context.function = static_cast<std::uint16_t>(id);
    const CodeSet& set = context.metered ? metered_ : plain_;
    if (context.metered && !charge(context, module_.bounds[index(id)].entry_fuel)) {
      context.trap_function = static_cast<std::uint16_t>(id);
      context.trap_instruction = 0;
      return Trap::OutOfFuel;
    }
    return static_cast<Trap>(set.entry(&context, context.registers, set.functions[index(id)]));
  }
  TierReport report() const override {
    return {.tier = kBaseline.name, .fallback = {}, .code_bytes = plain_.bytes + metered_.bytes};
  }
  FunctionReport report(FunctionId id) const override {
    return {.tier = kBaseline.name,
            .code_bytes = plain_.sizes[index(id)],
            .compile_time_ns = plain_.compile_times[index(id)]};
  }

 private:
  const VerifiedModule& module_;
  IntrinsicTable intrinsics_;
  CodeSet plain_, metered_;
};

// The interpreter in the baseline's place.
class Fallback final : public TierCode {
 public:
  Fallback(std::unique_ptr<TierCode> code, std::string why) : code_(std::move(code)), why_(std::move(why)) {}
  Trap run(FunctionId id, Context& context) const override { return code_->run(id, context); }
  TierReport report() const override { return {.tier = kInterpreter.name, .fallback = why_}; }
  FunctionReport report(FunctionId id) const override { return code_->report(id); }

 private:
  std::unique_ptr<TierCode> code_;
  std::string why_;
};

std::unique_ptr<TierCode> prepare(const VerifiedModule& module, IntrinsicTable intrinsics) {
  const auto instead = [&](std::string why) {
    return std::make_unique<Fallback>(kInterpreter.prepare(module, intrinsics), std::move(why));
  };
  if (!kHost) return instead("there is no baseline tier for this CPU");
  for (const FunctionBound& bound : module.bounds)
    if (bound.call_depth > kMostCallDepth) return instead("its functions call each other too deeply for compiled code");
  auto plain = make_set(module, intrinsics, false);
  if (!plain) return instead(plain.error().message);
  auto metered = make_set(module, intrinsics, true);
  if (!metered) return instead(metered.error().message);
  return std::make_unique<BaselineCode>(module, intrinsics, std::move(*plain), std::move(*metered));
}

}  // namespace

Result<CompiledModule> compile(const VerifiedModule& module, IntrinsicTable intrinsics, Target target,
                               const BaselineOptions& options, bool listing) {
  Block block;
  asmjit::StringLogger logger;
  if (auto made = assemble(block, module, intrinsics, target, options, listing ? &logger : nullptr); !made)
    return std::unexpected(made.error());
  CompiledModule compiled;
  compiled.code.resize(block.holder.codeSize());
  block.holder.relocateToBase(0);
  block.holder.copyFlattenedData(compiled.code.data(), compiled.code.size());
  for (const asmjit::Label& label : block.labels)
    compiled.offsets.push_back(static_cast<std::uint32_t>(block.holder.labelOffsetFromBase(label)));
  compiled.sizes = std::move(block.sizes);
  compiled.listing = std::move(block.listing);
  return compiled;
}

const Tier kBaseline{"baseline", &prepare};

}  // namespace eyeflow::jit
