#include "vm/engine/plan.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <utility>

#include "vm/base/check.h"
#include "vm/engine/dependencies.h"

namespace eyeflow::vm {
namespace {

class Builder {
 public:
  Builder(Plan& plan) : plan_(plan), module_(plan.verified.module) {}

  void build() {
    for (const Function& function : module_.functions) reads_.push_back(reads_of(module_, function, reads_));
    for (const Alarm& alarm : module_.alarms)
      dependencies_.push_back(dependencies_of(module_, alarm.when, alarm.clear, alarm.needs, reads_));
    for (const Handler& handler : module_.handlers)
      if (handler.kind == HandlerKind::Condition)
        dependencies_.push_back(dependencies_of(module_, handler.condition, kNoFunction, handler.needs, reads_));
    sizes();
    outputs();
    handlers();
    inputs();
    alarms();
    conditions();
    windows();
    places();
    triggers();
    deadlines();
    needs();
  }

 private:
  FunctionPlan function(FunctionId id) const {
    const FunctionBound& bound = plan_.verified.bounds[index(id)];
    return {.id = id,
            .metered = bound.fuel > plan_.options.fuel_quota,
            .uses_scratch = reads_[index(id)].scratch,
            .fuel = bound.fuel};
  }

  ConditionPlan condition(FunctionId id) const {
    ConditionPlan plan{.function = function(id), .quick = {}};
    plan.is_quick = !plan.function.metered && !plan_.options.tier->runs_all &&
                    find_quick(module_, module_.functions[index(id)], plan.quick);
    return plan;
  }

  void sizes() {
    const auto up_to = [](std::uint64_t bytes, std::uint64_t unit) {
      return static_cast<std::uint32_t>((bytes + unit - 1) / unit * unit);
    };
    spare_ = up_to(module_.input_bytes, 8);
    plan_.param_bytes = up_to(module_.param_image.size(), 8);
    plan_.input_bytes = spare_ + 8;
    for (std::size_t n = 0; n < module_.inputs.size(); ++n) {
      own_.push_back(plan_.input_bytes);
      plan_.input_bytes += 16;
    }
    plan_.state_bytes = up_to(module_.state_image.size(), kLineBytes);
    plan_.scratch_bytes = up_to(module_.scratch_bytes, kLineBytes);
    for (const FunctionBound& bound : plan_.verified.bounds) {
      plan_.frame_words = std::max(plan_.frame_words, bound.frame_words);
      plan_.call_depth = std::max(plan_.call_depth, bound.call_depth);
      plan_.most_stores = std::max(plan_.most_stores, static_cast<std::uint32_t>(bound.stores.size()));
    }
  }

  void outputs() {
    std::size_t fields = 0;
    for (const Output& output : module_.outputs) fields += output.fields.size();
    plan_.layout_types.reserve(fields);
    for (const Output& output : module_.outputs) {
      const auto is_scalar = [&](const Field& field) { return module_.type(field.type)->kind == TypeKind::Scalar; };
      plan_.layouts.push_back({.fields = plan_.layout_types.data() + plan_.layout_types.size(),
                               .field_count = static_cast<std::uint32_t>(output.fields.size()),
                               .scalars_only = std::ranges::all_of(output.fields, is_scalar)});
      for (const Field& field : output.fields) plan_.layout_types.push_back(*module_.type(field.type));
      const bool is_scalar_output = output.kind != OutputKind::Value || is_scalar(output.fields[0]);
      if (output.driven) plan_.driven.push_back(static_cast<std::uint16_t>(plan_.outputs.size()));
      plan_.outputs.push_back({.kind = output.kind,
                               .driven = output.driven,
                               .has_initial = output.has_initial,
                               .is_scalar = is_scalar_output,
                               .initial = output.initial,
                               .last = spare_,
                               .count = kNowhere,
                               .last_type = {}});
    }
  }

  bool acknowledges() const {
    return std::ranges::any_of(module_.functions, [](const Function& f) {
      return std::ranges::any_of(f.code, [](const Instruction& i) { return i.op == Op::AlarmAck; });
    });
  }

  void handlers() {
    std::uint64_t smallest_row = acknowledges() ? 8 : UINT64_MAX;  // that has no fields
    for (const OutputLayout& layout : plan_.layouts)
      smallest_row = std::min(smallest_row, 8 + 8 * std::uint64_t{layout.field_count});
    const auto wanted = [&](const Handler& handler) {
      return std::min<std::uint64_t>(plan_.verified.bounds[index(handler.function)].output_bytes, kMaxOutputBytes);
    };
    std::uint64_t in_all = 0;
    for (const Handler& handler : module_.handlers) in_all += wanted(handler);
    const std::uint64_t most =
        in_all <= kMaxModuleOutputBytes ? kMaxOutputBytes : kMaxModuleOutputBytes / module_.handlers.size();
    for (const Handler& handler : module_.handlers) {
      const auto number = static_cast<std::uint16_t>(plan_.handlers.size());
      const FunctionBound& bound = plan_.verified.bounds[index(handler.function)];
      const auto bytes = static_cast<std::uint32_t>(std::min(wanted(handler), most) / 8 * 8);
      plan_.handlers.push_back({.function = function(handler.function),
                                .stores = bound.stores.data(),
                                .store_count = static_cast<std::uint32_t>(bound.stores.size()),
                                .output_bytes = bytes,
                                .most_rows = static_cast<std::uint32_t>(bytes / smallest_row),
                                .time = handler.time_ns,
                                .within = handler.within_ns,
                                .after = {}});
      if (handler.kind == HandlerKind::Start) plan_.starts.push_back(number);
      if (handler.kind == HandlerKind::Stop) plan_.stops.push_back(number);
      if (handler.kind == HandlerKind::TimeOfDay) plan_.times_of_day.push_back(number);
      if (handler.kind == HandlerKind::Every) {
        EYEFLOW_CHECK(handler.time_ns > 0);
        plan_.timers.push_back(number);
      }
    }
  }

  void inputs() {
    plan_.input_count = static_cast<std::uint32_t>(module_.inputs.size());
    for (std::size_t n = 0; n < module_.inputs.size(); ++n) {
      InputPlan plan{.value = kNowhere,
                     .time = own_[n] + 8,
                     .ready = own_[n],
                     .bad = spare_,
                     .type = *module_.type(module_.inputs[n].value.type),
                     .stale_after = module_.inputs[n].stale_after_ns,
                     .handlers = {},
                     .windows = {},
                     .on_stale = {},
                     .before = {},
                     .after = {},
                     .conditions = {},
                     .stale = {}};
      if (plan.type.kind == TypeKind::Scalar) plan.value = spare_;
      plan_.inputs.push_back(std::move(plan));
    }
    for (std::size_t h = 0; h < module_.handlers.size(); ++h) {
      const Handler& handler = module_.handlers[h];
      const auto number = static_cast<std::uint16_t>(h);
      if (handler.kind == HandlerKind::Input) plan_.inputs[index(handler.input)].handlers.push_back(number);
      if (handler.kind == HandlerKind::Stale) plan_.inputs[index(handler.input)].on_stale.push_back(number);
    }
  }

  void alarms() {
    for (const Alarm& alarm : module_.alarms) {
      AlarmPlan plan{.when = condition(alarm.when),
                     .clear = {},
                     .text = function(alarm.text),
                     .has_clear = alarm.clear != kNoFunction,
                     .when_for = alarm.when_for_ns,
                     .clear_for = alarm.clear_for_ns,
                     .remind = alarm.remind_every_ns,
                     .latch = alarm.latch,
                     .urgent = alarm.priority >= Priority::High,
                     .active = spare_,
                     .raised = spare_,
                     .acknowledged = spare_,
                     .shelved = spare_,
                     .needs = {},
                     .seen_inputs = {},
                     .drives = {},
                     .dependents = {}};
      if (plan.has_clear) plan.clear = condition(alarm.clear);
      plan.is_plain = plan.when.is_quick && (!plan.has_clear || plan.clear.is_quick);
      const Type& text = *module_.type(module_.functions[index(alarm.text)].results.front());
      // Room for the fallback as well: the alarm's name and the explanation of a trap.
      const std::size_t wanted = (std::max<std::size_t>(text.capacity, alarm.name.size() + 128) + 7) / 8 * 8;
      const std::size_t most =
          std::clamp<std::size_t>((std::size_t{1} << 20) / module_.alarms.size() / 8 * 8, 64, kMaxAlarmTextBytes);
      plan.text_room = static_cast<std::uint32_t>(std::min(wanted, most));
      for (const OutputId output : alarm.drives) plan.drives.push_back(static_cast<std::uint16_t>(output));
      plan_.alarms.push_back(std::move(plan));
    }
  }

  void conditions() {
    plan_.alarm_count = static_cast<AlarmIndex>(plan_.alarms.size());
    for (std::size_t h = 0; h < module_.handlers.size(); ++h) {
      const Handler& handler = module_.handlers[h];
      if (handler.kind != HandlerKind::Condition) continue;
      AlarmPlan plan{.when = condition(handler.condition),
                     .clear = {},
                     .text = {},
                     .when_for = handler.time_ns,
                     .handler = static_cast<std::uint16_t>(h),
                     .active = spare_,
                     .raised = spare_,
                     .acknowledged = spare_,
                     .shelved = spare_,
                     .needs = {},
                     .seen_inputs = {},
                     .drives = {},
                     .dependents = {}};
      plan.is_plain = plan.when.is_quick;
      plan_.alarms.push_back(std::move(plan));
    }
  }

  void windows() {
    window_of_handler_.resize(module_.handlers.size(), kNoWindow);
    for (std::size_t h = 0; h < module_.handlers.size(); ++h) {
      const Handler& handler = module_.handlers[h];
      if (handler.kind != HandlerKind::Window) continue;
      const auto number = static_cast<std::uint16_t>(plan_.windows.size());
      window_of_handler_[h] = number;
      const Scalar element = plan_.inputs[index(handler.input)].type.element;
      const auto bytes = static_cast<std::uint32_t>(size_bytes(element));
      const std::uint64_t capacity = window_capacity(handler.window);
      const std::uint64_t all = window_bytes(handler.window, element), values = (capacity * bytes + 7) / 8 * 8;
      plan_.windows.push_back({.shape = handler.window,
                               .handler = static_cast<std::uint16_t>(h),
                               .input = static_cast<std::uint16_t>(index(handler.input)),
                               .element = element,
                               .value_bytes = bytes,
                               .capacity = static_cast<std::int64_t>(capacity),
                               .ring = plan_.window_bytes,
                               .marks = static_cast<std::uint32_t>(plan_.window_bytes + values),
                               .start = spare_,
                               .end = spare_,
                               .count = spare_});
      plan_.window_bytes += static_cast<std::uint32_t>(all);
      plan_.inputs[index(handler.input)].windows.push_back(number);
      if (handler.window.span_ns > 0) plan_.windows_by_time.push_back(number);
    }
  }

  WindowPlan& window_of(std::uint16_t handler) {
    EYEFLOW_CHECK(handler < window_of_handler_.size() && window_of_handler_[handler] != kNoWindow);
    return plan_.windows[window_of_handler_[handler]];
  }

  void places() {
    plan_.now = plan_.event_time = spare_;
    for (const Slot& slot : module_.slots) {
      if (slot.region != Region::Input) continue;
      switch (slot.kind) {
        case SlotKind::Plain:
        case SlotKind::InputName:
          break;
        case SlotKind::Now:
          plan_.now = slot.offset;
          break;
        case SlotKind::EventTime:
          plan_.event_time = slot.offset;
          break;
        case SlotKind::InputValue: {
          // The slot's own capacity counts: it is what may be written.
          plan_.inputs[slot.subject].value = slot.offset;
          plan_.inputs[slot.subject].type = *module_.type(slot.type);
          break;
        }
        case SlotKind::InputTime:
          plan_.inputs[slot.subject].time = slot.offset;
          break;
        case SlotKind::InputReady:
          plan_.inputs[slot.subject].ready = slot.offset;
          break;
        case SlotKind::InputBad:
          plan_.inputs[slot.subject].bad = slot.offset;
          plan_.inputs[slot.subject].takes_bad = true;
          break;
        case SlotKind::AlarmActive:
          plan_.alarms[slot.subject].active = slot.offset;
          break;
        case SlotKind::AlarmRaised:
          plan_.alarms[slot.subject].raised = slot.offset;
          break;
        case SlotKind::OutputLast:
          plan_.outputs[slot.subject].last = slot.offset;
          plan_.outputs[slot.subject].last_type = *module_.type(slot.type);
          break;
        case SlotKind::AlarmAcknowledged:
          plan_.alarms[slot.subject].acknowledged = slot.offset;
          break;
        case SlotKind::AlarmShelved:
          plan_.alarms[slot.subject].shelved = slot.offset;
          break;
        case SlotKind::WindowValues:
          window_of(slot.subject).values = slot.offset;
          break;
        case SlotKind::WindowStart:
          window_of(slot.subject).start = slot.offset;
          break;
        case SlotKind::WindowEnd:
          window_of(slot.subject).end = slot.offset;
          break;
        case SlotKind::WindowCount:
          window_of(slot.subject).count = slot.offset;
          break;
        case SlotKind::OutputCount:
          plan_.outputs[slot.subject].count = slot.offset;
          break;
      }
    }
    for (std::size_t n = 0; n < module_.alarms.size(); ++n)
      for (const InputId input : module_.alarms[n].needs)
        plan_.alarms[n].needs.push_back(plan_.inputs[index(input)].ready);
    for (std::size_t n = 0; n < plan_.alarm_count; ++n) {
      plan_.alarms[n].seen = plan_.seen_words;
      for (const InputId input : module_.alarms[n].needs) {
        if (plan_.inputs[index(input)].type.kind != TypeKind::Scalar) continue;
        plan_.alarms[n].seen_inputs.push_back(static_cast<std::uint16_t>(input));
        plan_.seen_words += 2;
      }
    }
    for (std::size_t n = plan_.alarm_count; n < plan_.alarms.size(); ++n)
      for (const InputId input : module_.handlers[plan_.alarms[n].handler].needs)
        plan_.alarms[n].needs.push_back(plan_.inputs[index(input)].ready);
  }

  // The handlers by what running them can change: of alarms and handlers there may be tens of thousands, and not each
  // pair of them is to be looked at.
  struct Writers {
    std::vector<std::uint32_t> of_references{}, all{};
    std::vector<std::pair<std::uint32_t, std::uint32_t>> of_scalars{};  // (offset, handler), ascending
  };
  Writers writers() const {
    Writers found;
    for (std::uint32_t h = 0; h < module_.handlers.size(); ++h) {
      const FunctionBound& bound = plan_.verified.bounds[index(module_.handlers[h].function)];
      found.all.push_back(h);
      if (bound.writes_references) found.of_references.push_back(h);
      for (const std::uint32_t offset : bound.stores) found.of_scalars.emplace_back(offset, h);
    }
    std::ranges::sort(found.of_scalars);
    return found;
  }
  // Those that can change what the alarm looks at, ascending and each once.
  static std::vector<std::uint32_t> touching(const Writers& writers, const Dependencies& alarm) {
    if (alarm.every_event || alarm.outputs) return writers.all;
    std::vector<std::uint32_t> found;
    if (alarm.state_references) found = writers.of_references;
    for (const std::uint32_t offset : alarm.state_scalars) {
      const auto of_offset =
          std::ranges::equal_range(writers.of_scalars, offset, {}, &std::pair<std::uint32_t, std::uint32_t>::first);
      for (const auto& [at, handler] : of_offset) found.push_back(handler);
    }
    merge(found, {});
    return found;
  }

  bool polled(AlarmIndex alarm) const {
    return alarm < plan_.alarm_count ? module_.alarms[alarm].polled
                                     : module_.handlers[plan_.alarms[alarm].handler].polled;
  }

  // Each alarm and condition goes into the lists of what can change it. A condition is always looked at behind the
  // handlers of its instant.
  void triggers() {
    const Writers by_what = writers();
    for (std::size_t n = 0; n < plan_.alarms.size(); ++n) {
      const auto alarm = static_cast<AlarmIndex>(n);
      const bool is_condition = n >= plan_.alarm_count;
      const Dependencies& looks_at = dependencies_[n];
      const bool after = is_condition || module_.alarms[n].reads_state || looks_at.outputs;
      plan_.after_handlers.push_back(after);
      if (polled(alarm)) plan_.polled.push_back(alarm);
      std::vector<std::uint32_t> inputs = looks_at.inputs;
      for (const std::uint32_t h : touching(by_what, looks_at)) {
        if (module_.handlers[h].kind == HandlerKind::Input)
          inputs.push_back(static_cast<std::uint32_t>(module_.handlers[h].input));
        else
          plan_.handlers[h].after.push_back(alarm);
      }
      if (looks_at.every_event || looks_at.outputs) {
        inputs.resize(plan_.inputs.size());
        std::iota(inputs.begin(), inputs.end(), 0u);
      }
      merge(inputs, {});
      for (const std::uint32_t i : inputs) {
        InputPlan& input = plan_.inputs[i];
        (is_condition ? input.conditions : after ? input.after : input.before).push_back(alarm);
      }
      for (const std::uint32_t i : looks_at.input_times)
        if (plan_.inputs[i].stale_after > 0) plan_.inputs[i].stale.push_back(alarm);
      for (const std::uint32_t other : looks_at.alarms)
        if (other != n) plan_.alarms[other].dependents.push_back(alarm);
    }
    for (InputPlan& input : plan_.inputs)
      input.has_more = !input.conditions.empty() || !input.windows.empty() || !input.after.empty();
    const auto has_dependents = [](const AlarmPlan& alarm) { return !alarm.dependents.empty(); };
    plan_.looked_at_again = std::ranges::any_of(plan_.alarms, has_dependents) || !plan_.windows.empty() ||
                            plan_.alarms.size() > plan_.alarm_count || !plan_.stops.empty();
  }

  void deadlines() {
    auto next = static_cast<std::uint32_t>(plan_.timers.size() + plan_.times_of_day.size());
    for (std::size_t n = 0; n < plan_.inputs.size(); ++n) {
      if (plan_.inputs[n].stale.empty() && plan_.inputs[n].on_stale.empty()) continue;
      plan_.inputs[n].stale_deadline = next++;
      plan_.stale_inputs.push_back(static_cast<std::uint16_t>(n));
    }
    plan_.first_delay = next;
    for (std::size_t n = 0; n < plan_.alarms.size(); ++n) {
      if (plan_.alarms[n].when_for <= 0 && plan_.alarms[n].clear_for <= 0) continue;
      plan_.alarms[n].is_plain = false;
      plan_.alarms[n].delay = next++;
      plan_.delayed.push_back(static_cast<AlarmIndex>(n));
    }
    if (!plan_.polled.empty()) plan_.poll_deadline = next++;
    for (const std::uint16_t window : plan_.windows_by_time) plan_.windows[window].deadline = next++;
    if (plan_.alarm_count > 0) plan_.alarm_deadline = next++;
    plan_.deadline_count = next;
  }

  static Need sum(Need a, Need b) { return {a.effects + b.effects, a.bytes + b.bytes, a.faults + b.faults}; }
  static Need larger(Need a, Need b) {
    return {std::max(a.effects, b.effects), std::max(a.bytes, b.bytes), std::max(a.faults, b.faults)};
  }
  Need of_handlers(const std::vector<std::uint16_t>& handlers) const {
    Need need;
    for (const std::uint16_t h : handlers)
      need = sum(need, {plan_.handlers[h].most_rows, plan_.handlers[h].output_bytes, 1});
    return need;
  }

  // At one instant each alarm is looked at once, and once more when another one changed; each look changes it at most
  // once and may fault in its condition and in its text, or that of a condition in its handler. Then each driven switch
  // changes at most once.
  void needs() {
    Need alarms{static_cast<std::uint32_t>(plan_.driven.size()), 8 * static_cast<std::uint32_t>(plan_.driven.size()),
                0};
    for (const AlarmPlan& alarm : plan_.alarms) {
      // Unshelved, told, reminded of, raised, acknowledged by a handler, and cleared twice.
      alarms = sum(alarms, {7, 3 * alarm.text_room + 8, 5});
      if (alarm.handler != kNoHandler) alarms = sum(alarms, of_handlers({alarm.handler, alarm.handler}));
    }
    const auto initial = static_cast<std::uint32_t>(plan_.outputs.size());
    plan_.at_start = sum(sum(of_handlers(plan_.starts), alarms), {initial, 8 * initial, 0});
    plan_.at_instant = sum(sum(of_handlers(plan_.timers), of_handlers(plan_.times_of_day)), alarms);
    for (const InputPlan& input : plan_.inputs) plan_.at_instant = sum(plan_.at_instant, of_handlers(input.on_stale));
    for (const std::uint16_t window : plan_.windows_by_time)
      plan_.at_instant = sum(plan_.at_instant, of_handlers({plan_.windows[window].handler}));
    plan_.most = larger(larger(plan_.at_start, plan_.at_instant), sum(of_handlers(plan_.stops), alarms));
    for (const InputPlan& input : plan_.inputs) {
      Need need = sum(of_handlers(input.handlers), alarms);
      for (const std::uint16_t window : input.windows)
        if (plan_.windows[window].shape.span_ns == 0) need = sum(need, of_handlers({plan_.windows[window].handler}));
      plan_.most = larger(plan_.most, need);
    }
  }

  Plan& plan_;
  const Module& module_;
  std::uint32_t spare_ = 0;
  std::vector<std::uint32_t> own_;  // by input: two words for modules that have no slots for the flag and the time
  std::vector<Reads> reads_;
  std::vector<Dependencies> dependencies_;
  static constexpr std::uint16_t kNoWindow = 0xFFFF;
  std::vector<std::uint16_t> window_of_handler_;
};

std::atomic<std::uint64_t> last_id = 0;

}  // namespace

Plan::~Plan() {
  for (CallCounts* count = counts.load(); count != nullptr;) delete std::exchange(count, count->next);
}

std::unique_ptr<const Plan> make_plan(VerifiedModule verified, IntrinsicTable intrinsics, Program::Options options) {
  auto plan = std::make_unique<Plan>();
  plan->id = ++last_id;
  plan->verified = std::move(verified);
  plan->intrinsics = intrinsics;
  plan->options = options;
  plan->code = options.tier->prepare(plan->verified, intrinsics,
                                     {.fuel_quota = options.fuel_quota, .blind_constants = options.blind_constants});
  Builder(*plan).build();
  plan_snapshot(*plan);
  return plan;
}

}  // namespace eyeflow::vm
