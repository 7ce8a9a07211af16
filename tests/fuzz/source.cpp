// Any bytes are a source: reading them ends in diagnostics that point into the text and can be shown, or in modules
// that verify and run: whatever they do, it ends in effects or faults.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/lower/lower.h"
#include "compiler/modules/load.h"
#include "stdlib/intrinsics/intrinsics.h"
#include "vm/base/check.h"
#include "vm/engine/engine.h"

namespace {

using namespace eyeflow;

constexpr std::uint64_t kFuelQuota = 20'000;
constexpr vm::TimeNs kSecond = 1'000'000'000;

void check_diagnostics(const compiler::Diagnostics& diagnostics, const compiler::SourceMap& sources) {
  for (const compiler::Diagnostic& diagnostic : diagnostics.all()) {
    EYEFLOW_CHECK(diagnostic.span.end() <= sources.text().size());
    EYEFLOW_CHECK(!diagnostic.message.empty());
  }
  const std::string shown = compiler::render_all(diagnostics, sources);
  EYEFLOW_CHECK(shown.empty() == diagnostics.all().empty());
}

void deliver(vm::Instance& instance, vm::Worker& worker, const vm::Module& module, std::size_t input, vm::TimeNs now) {
  const vm::InputId id{static_cast<std::uint16_t>(input)};
  const vm::Type& type = *module.type(module.inputs[input].value.type);
  if (type.kind == vm::TypeKind::Text) return instance.deliver_text(worker, id, "", now, now);
  if (type.kind == vm::TypeKind::List) return instance.deliver_elements(worker, id, {}, now, now);
  if (type.kind == vm::TypeKind::Array) {
    const std::vector<std::byte> zeros(std::size_t{type.capacity} * static_cast<std::size_t>(size_bytes(type.element)));
    return instance.deliver_elements(worker, id, zeros, now, now);
  }
  const bool is_f64 = type.element == vm::Scalar::F64;
  instance.deliver(worker, id, is_f64 ? vm::to_word(85.5) : vm::Word{1}, now, now);
}

void run(vm::VerifiedModule verified) {
  if (verified.module.region_bytes(vm::Region::State) + verified.module.scratch_bytes > 1 << 20) return;
  const auto program = vm::Program::make(std::move(verified), stdlib::intrinsics(), {.fuel_quota = kFuelQuota});
  const vm::Module& module = program->module();
  vm::Worker worker;
  worker.serve(*program);
  vm::Instance::Binding binding;
  binding.params.resize(module.params.size());
  binding.input_names.resize(module.inputs.size(), "t");
  vm::Instance instance(*program, binding);
  instance.start(worker, 0);
  for (int second = 1; second <= 3; ++second) {
    const vm::TimeNs now = second * kSecond;
    for (std::size_t input = 0; input < module.inputs.size(); ++input) deliver(instance, worker, module, input, now);
    // Periods may be nanoseconds: only so many of them.
    for (int n = 0; n < 20 && instance.next_deadline() && *instance.next_deadline() <= now; ++n)
      instance.advance(worker, *instance.next_deadline());
    instance.advance(worker, now, vm::CatchUp::Latest);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Golden files are seeds: what stands behind their first part is taken for a file of test data.
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::string_view source = all.substr(0, all.find("\n=== "));
  compiler::ModuleFinder finder;
  finder.read_data = [&](std::string_view) -> Result<compiler::ModuleText> {
    const std::size_t rest = all.find('\n', source.size() + 1);
    return compiler::ModuleText{"data.csv", std::string(rest < all.size() ? all.substr(rest + 1) : "")};
  };
  finder.read_fed = [&](std::string_view path) -> Result<compiler::FedFiles> {
    const bool is_folder = path.find('.') == std::string_view::npos;
    const std::string bytes(all.substr(std::min(all.size(), source.size() + 1)));
    return compiler::FedFiles{.is_folder = is_folder, .files = {is_folder ? 2u : 1u, {"fed", bytes}}};
  };
  compiler::Loaded loaded = compiler::load(source, "fuzz.eft", finder);
  const auto& program = loaded.program;
  EYEFLOW_CHECK(program.has_value() != loaded.diagnostics.has_errors());
  for (std::size_t task = 0; program && task < program->tasks.size(); ++task) {
    auto lowered = compiler::lower(*program, task, {.source_name = "fuzz.eft", .with_tests = true}, loaded.diagnostics);
    EYEFLOW_CHECK(lowered.has_value() || loaded.diagnostics.has_errors());
    if (lowered) run(std::move(lowered->verified));
  }
  check_diagnostics(loaded.diagnostics, loaded.sources);
  return 0;
}
