#include "vm/engine/plan.h"

namespace eyeflow::vm {

Program::Program(std::unique_ptr<const Plan> plan) : plan_(std::move(plan)) {}
Program::~Program() = default;

std::unique_ptr<const Program> Program::make(VerifiedModule module, IntrinsicTable intrinsics, Options options) {
  return std::unique_ptr<const Program>(new Program(make_plan(std::move(module), intrinsics, options)));
}
std::unique_ptr<const Program> Program::make(VerifiedModule module, IntrinsicTable intrinsics) {
  return make(std::move(module), intrinsics, Options{});
}

const VerifiedModule& Program::verified() const { return plan_->verified; }

const TierCode& Program::code() const { return *plan_->code; }

std::span<const std::byte> Program::snapshot_layout() const { return plan_->snapshot_layout; }

bool Program::is_metered(FunctionId function) const {
  return plan_->verified.bounds[index(function)].fuel > plan_->options.fuel_quota;
}

}  // namespace eyeflow::vm
