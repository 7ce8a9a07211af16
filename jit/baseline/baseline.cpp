#include "jit/baseline/baseline.h"

#include <asmjit/core.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <utility>

#include "jit/baseline/code_memory.h"
#include "jit/baseline/compiler.h"
#include "jit/baseline/lock.h"
#include "jit/baseline/masm_a64.h"
#include "jit/baseline/masm_x86.h"
#include "jit/baseline/symbols.h"
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

using CodeTable = std::unique_ptr<std::atomic<const void*>[]>;  // by function; nullptr: not made

// What a block is to be made of.
struct Wanted {
  Target target;
  std::span<const FunctionId> functions;           // and all that they call
  const std::atomic<const void*>* made = nullptr;  // by function: code of earlier blocks; nullptr: there are none
  bool metered = false, blind = false, calls_for_arrays = false, unplaced = false, lines = false;
  X86Level x86 = X86Level::Avx2;
};

// Code of a set of functions, not yet at an address.
struct Block {
  struct Made {
    FunctionId id;
    std::uint32_t begin, size;
    std::uint64_t compile_ns;
  };
  asmjit::CodeHolder holder;
  FirstError errors;
  asmjit::Label entry;
  std::vector<asmjit::Label> labels;  // by function; invalid: not in this block
  std::vector<FunctionId> queue;      // what is to be made, in order
  std::vector<Made> made;
  std::vector<CodeLine> lines;
  std::vector<ListedCode> listing;
};

std::uint32_t line_of(const Function& function, std::uint32_t instruction) {
  const auto behind = std::ranges::upper_bound(function.lines, instruction, {}, &LineMark::instruction);
  return behind == function.lines.begin() ? 0 : std::prev(behind)->line;
}

template <typename Masm>
void fill(Block& block, Masm& masm, const VerifiedModule& verified, IntrinsicTable intrinsics, const Wanted& wanted,
          asmjit::StringLogger* logger) {
  const std::vector<Function>& functions = verified.module.functions;
  masm.begin_module(reinterpret_cast<const void*>(wanted.unplaced ? nullptr : &journal_line));
  block.entry = masm.entry();
  block.labels.resize(functions.size());
  const auto label_of = [&](FunctionId id) {
    asmjit::Label& label = block.labels[index(id)];
    if (!label.isValid()) {
      label = masm.new_label();
      block.queue.push_back(id);
    }
    return label;
  };
  for (const FunctionId id : wanted.functions) label_of(id);
  if (logger != nullptr) logger->clear();

  using Driver = Compiler<Masm>;
  Driver compiler(verified, intrinsics,
                  {.metered = wanted.metered,
                   .blind = wanted.blind,
                   .calls_for_arrays = wanted.calls_for_arrays,
                   .unplaced = wanted.unplaced},
                  masm);
  const auto callee_of = [&](FunctionId id) -> typename Driver::Callee {
    if (wanted.made != nullptr)
      if (const void* const code = wanted.made[index(id)].load(std::memory_order_acquire)) return {{}, code};
    return {label_of(id), nullptr};
  };
  for (std::size_t n = 0; n < block.queue.size(); ++n) {  // it grows
    const FunctionId id = block.queue[n];
    const std::uint64_t start = now_ns();
    const std::size_t begin = masm.offset();
    ListedCode current{.function = id, .of = id, .instruction = 0, .text = {}};
    const auto flush = [&] {
      if (logger == nullptr || logger->dataSize() == 0) return;
      current.text.assign(logger->data(), logger->dataSize());
      block.listing.push_back(current);
      logger->clear();
    };
    compiler.compile(id, block.labels[index(id)], callee_of, [&](const Item* item) {
      if (wanted.lines && item != nullptr) {
        const std::uint32_t line = line_of(functions[item->function], item->index);
        if (block.lines.empty() || block.lines.back().line != line || item->action.kind == Kind::Enter)
          block.lines.push_back({static_cast<std::uint32_t>(masm.offset()), line});
      }
      if (logger == nullptr) return;
      flush();
      current.of = item == nullptr ? id : static_cast<FunctionId>(item->function);
      current.instruction =
          item == nullptr ? static_cast<std::uint32_t>(functions[index(id)].code.size()) : item->index;
    });
    flush();
    block.made.push_back({.id = id,
                          .begin = static_cast<std::uint32_t>(begin),
                          .size = static_cast<std::uint32_t>(masm.offset() - begin),
                          .compile_ns = now_ns() - start});
  }
  masm.end_module();
}

Result<void> assemble(Block& block, const VerifiedModule& module, IntrinsicTable intrinsics, const Wanted& wanted,
                      asmjit::StringLogger* logger) {
  const bool x86 = wanted.target == Target::X86_64;
  asmjit::Environment environment(x86 ? asmjit::Arch::kX64 : asmjit::Arch::kAArch64);
  environment.setPlatform(asmjit::Platform::kLinux);
  block.holder.init(environment);
  block.holder.setErrorHandler(&block.errors);
  if (logger != nullptr) block.holder.setLogger(logger);
  if (x86) {
    MasmX86 masm(block.holder, wanted.x86, wanted.blind ? random_key() : 0);
    fill(block, masm, module, intrinsics, wanted, logger);
  } else {
    // Here a number stands in instructions of 16 bits each, which is no choice of instructions: nothing is to be hidden
    // once the constants stay in the task's memory.
    MasmA64 masm(block.holder);
    fill(block, masm, module, intrinsics, wanted, logger);
  }
  block.holder.flatten();
  block.holder.resolveUnresolvedLinks();
  if (!block.errors.error().empty()) return fail("assembling failed: " + block.errors.error());
  return {};
}

// ---- The tier ------------------------------------------------------------------------------------------------------

constexpr std::uint32_t kMostCallDepth = 256;  // deeper ones would need much of the thread's stack

using Entry = std::uint64_t (*)(Context* context, Word* frame, const void* code);

#if defined(__aarch64__)
constexpr std::optional<Target> kHost = Target::AArch64;
#elif defined(__x86_64__)
constexpr std::optional<Target> kHost = Target::X86_64;
#else
constexpr std::optional<Target> kHost;
#endif

X86Level host_level() {
  static const X86Level level = [] {
    if (kHost != Target::X86_64) return X86Level::Sse2;
    const auto& features = asmjit::CpuInfo::host().features().x86();
    return features.hasAVX2() ? X86Level::Avx2 : features.hasAVX() ? X86Level::Avx : X86Level::Sse2;
  }();
  return level;
}

// Handlers, conditions, texts: what nobody calls from within.
std::vector<FunctionId> roots(const Module& module) {
  std::vector<bool> called(module.functions.size());
  for (const Function& function : module.functions)
    for (const Instruction& i : function.code)
      if (action(i.op).kind == Kind::Call) called[i.b] = true;
  std::vector<FunctionId> found;
  for (std::size_t n = 0; n < called.size(); ++n)
    if (!called[n]) found.push_back(static_cast<FunctionId>(n));
  return found;
}

class BaselineCode final : public TierCode {
 public:
  BaselineCode(const VerifiedModule& verified, IntrinsicTable intrinsics, const PrepareOptions& options)
      : verified_(verified), intrinsics_(intrinsics), options_(options), reports_(verified.module.functions.size()) {
    for (CodeTable& table : code_) table = std::make_unique<std::atomic<const void*>[]>(reports_.size());
  }

  // Makes what is made at load.
  Result<void> start() {
    std::size_t instructions = 0;
    for (const Function& function : verified_.module.functions) instructions += function.code.size();
    if (instructions > kWholeInstructions) return add({}, false);  // only to see whether code pages are granted
    std::vector<FunctionId> plain = roots(verified_.module), metered;
    std::erase_if(plain, [&](FunctionId id) {
      const bool above = verified_.bounds[index(id)].fuel > options_.fuel_quota;
      if (above) metered.push_back(id);
      return above;
    });
    if (auto added = add(plain, false); !added || metered.empty()) return added;
    return add(metered, true);
  }

  [[gnu::hot]] Trap run(FunctionId id, Context& context) const override {
    const void* const code = code_[context.metered][index(id)].load(std::memory_order_acquire);
    if (code == nullptr) [[unlikely]]
      return run_first(id, context);
    return enter(id, code, context);
  }

  TierReport report() const override {
    const Lock lock(lock_);
    return {.tier = kBaseline.name, .fallback = fallback_, .code_bytes = code_bytes_};
  }
  FunctionReport report(FunctionId id) const override {
    const Lock lock(lock_);
    FunctionReport report = reports_[index(id)];
    report.tier = report.code_bytes == 0 && gave_up_ ? kInterpreter.name : kBaseline.name;
    return report;
  }

 private:
  struct Sealed {
    CodeMemory memory;
    SymbolRegistration symbols;
  };

  EYEFLOW_CALLS_GENERATED_CODE Trap enter(FunctionId id, const void* code, Context& context) const {
    if (context.metered && !charge(context, verified_.bounds[index(id)].entry_fuel)) [[unlikely]] {
      context.trap_function = static_cast<std::uint16_t>(id);
      context.trap_instruction = 0;
      return Trap::OutOfFuel;
    }
    return static_cast<Trap>(entry_(&context, context.registers, code));
  }

  [[gnu::noinline]] Trap run_first(FunctionId id, Context& context) const {
    const std::atomic<const void*>& place = code_[context.metered][index(id)];
    if (!gave_up_.load(std::memory_order_acquire)) {
      const Lock lock(lock_);
      if (place.load(std::memory_order_relaxed) == nullptr && !gave_up_)
        if (auto added = add({&id, 1}, context.metered); !added) {
          fallback_ = added.error().message;
          interpreter_ = kInterpreter.prepare(verified_, intrinsics_);
          gave_up_.store(true, std::memory_order_release);
        }
    }
    const void* const code = place.load(std::memory_order_acquire);
    return code != nullptr ? enter(id, code, context) : interpreter_->run(id, context);
  }

  // A block of the functions, and of what they call that is not there yet. By one thread at a time.
  Result<void> add(std::span<const FunctionId> wanted, bool metered) const {
    CodeTable& table = code_[metered];
    Block block;
    if (auto made = assemble(block, verified_, intrinsics_,
                             {.target = *kHost,
                              .functions = wanted,
                              .made = table.get(),
                              .metered = metered,
                              .blind = options_.blind_constants,
                              .calls_for_arrays = options_.calls_for_arrays,
                              .lines = symbols_wanted(),
                              .x86 = options_.oldest_cpu ? X86Level::Sse2 : host_level()},
                             nullptr);
        !made)
      return made;
    const std::size_t bytes = block.holder.codeSize();
    auto memory = CodeMemory::allocate(bytes, perf_map_wanted());
    if (!memory) return std::unexpected(memory.error());
    if (block.holder.relocateToBase(reinterpret_cast<std::uint64_t>(memory->code())) != 0 ||
        block.holder.copyFlattenedData(memory->writable().data(), bytes) != 0)
      return fail("the code could not be put in its place: " + block.errors.error());
    if (auto sealed = memory->seal(); !sealed) return sealed;
    const std::byte* const code = memory->code();
    if (entry_ == nullptr)
      entry_ = reinterpret_cast<Entry>(
          reinterpret_cast<std::uintptr_t>(code + block.holder.labelOffsetFromBase(block.entry)));
    code_bytes_ += bytes;
    blocks_.push_back({std::move(*memory), tell_symbols(block, code, bytes)});
    for (const Block::Made& made : block.made) {
      FunctionReport& report = reports_[index(made.id)];
      report.code_bytes += made.size;
      report.compile_time_ns += made.compile_ns;
      table[index(made.id)].store(code + made.begin, std::memory_order_release);
    }
    return {};
  }

  SymbolRegistration tell_symbols(Block& block, const std::byte* code, std::size_t bytes) const {
    if (!symbols_wanted()) return {};
    const Module& module = verified_.module;
    CodeSymbols symbols{
        .code = code, .size_bytes = bytes, .functions = {}, .lines = std::move(block.lines), .source = module.source};
    const std::uint32_t first = block.made.empty() ? static_cast<std::uint32_t>(bytes) : block.made.front().begin;
    symbols.functions.push_back({0, first, symbol_name(module.task, "(entry)")});
    for (const Block::Made& made : block.made)
      symbols.functions.push_back(
          {made.begin, made.size, symbol_name(module.task, module.functions[index(made.id)].name)});
    return SymbolRegistration(symbols);
  }

  const VerifiedModule& verified_;
  IntrinsicTable intrinsics_;
  PrepareOptions options_;

  // What the first call of a function may add to, under the lock; `code_` and `gave_up_` say to others what is there.
  mutable std::atomic_flag lock_ = ATOMIC_FLAG_INIT;
  mutable std::vector<Sealed> blocks_;
  mutable std::vector<FunctionReport> reports_;
  mutable std::uint64_t code_bytes_ = 0;
  mutable std::string fallback_;
  mutable std::unique_ptr<TierCode> interpreter_;
  mutable std::atomic<bool> gave_up_ = false;
  mutable CodeTable code_[2];  // not metered, metered
  mutable Entry entry_ = nullptr;
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

std::unique_ptr<TierCode> prepare(const VerifiedModule& module, IntrinsicTable intrinsics,
                                  const PrepareOptions& options) {
  const auto instead = [&](std::string why) {
    return std::make_unique<Fallback>(kInterpreter.prepare(module, intrinsics), std::move(why));
  };
  if (!kHost) return instead("there is no baseline tier for this CPU");
  for (const FunctionBound& bound : module.bounds)
    if (bound.call_depth > kMostCallDepth) return instead("its functions call each other too deeply for compiled code");
  auto code = std::make_unique<BaselineCode>(module, intrinsics, options);
  if (auto started = code->start(); !started) return instead(started.error().message);
  return code;
}

}  // namespace

Result<CompiledModule> compile(const VerifiedModule& module, IntrinsicTable intrinsics, Target target,
                               const BaselineOptions& options, bool listing) {
  std::vector<FunctionId> all;
  for (std::size_t n = 0; n < module.module.functions.size(); ++n) all.push_back(static_cast<FunctionId>(n));
  Block block;
  asmjit::StringLogger logger;
  logger.addFlags(asmjit::FormatFlags::kMachineCode);
  if (auto made = assemble(block, module, intrinsics,
                           {.target = target,
                            .functions = all,
                            .metered = options.metered,
                            .blind = options.blind_constants,
                            .unplaced = true},
                           listing ? &logger : nullptr);
      !made)
    return std::unexpected(made.error());
  CompiledModule compiled;
  compiled.code.resize(block.holder.codeSize());
  block.holder.relocateToBase(0);
  block.holder.copyFlattenedData(compiled.code.data(), compiled.code.size());
  compiled.listing = std::move(block.listing);
  for (const Block::Made& made : block.made) {  // in order: all were wanted from the start
    compiled.offsets.push_back(made.begin);
    compiled.sizes.push_back(made.size);
  }
  return compiled;
}

const Tier kBaseline{"baseline", &prepare};

}  // namespace eyeflow::jit
