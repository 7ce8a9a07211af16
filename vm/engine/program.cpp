#include "vm/engine/plan.h"

namespace eyeflow::vm {

TimeNs Calendar::next_in_utc(const void*, TimeNs after, TimeNs since_midnight) {
  const TimeNs day = after >= 0 ? after / kDayNs : (after - kDayNs + 1) / kDayNs;
  TimeNs next;
  if (__builtin_add_overflow(day * kDayNs, since_midnight, &next)) return kNever;
  return next > after || !__builtin_add_overflow(next, kDayNs, &next) ? next : kNever;
}

Program::Program(std::unique_ptr<const Plan> plan) : plan_(std::move(plan)) {}
Program::~Program() = default;

std::unique_ptr<const Program> Program::make(VerifiedModule module, IntrinsicTable intrinsics, Options options) {
  return std::unique_ptr<const Program>(new Program(make_plan(std::move(module), intrinsics, options)));
}
std::unique_ptr<const Program> Program::make(VerifiedModule module, IntrinsicTable intrinsics) {
  return make(std::move(module), intrinsics, Options{});
}

const VerifiedModule& Program::verified() const { return plan_->verified; }

std::uint64_t Program::calls(FunctionId function) const {
  std::uint64_t sum = 0;
  for (const CallCounts* counts = plan_->counts.load(std::memory_order_acquire); counts != nullptr;
       counts = counts->next)
    sum += counts->calls[index(function)].load(std::memory_order_relaxed);
  return sum;
}

const TierCode& Program::code() const { return *plan_->code; }

std::span<const std::byte> Program::snapshot_layout() const { return plan_->snapshot_layout; }

bool Program::is_metered(FunctionId function) const {
  return plan_->verified.bounds[index(function)].fuel > plan_->options.fuel_quota;
}

}  // namespace eyeflow::vm
