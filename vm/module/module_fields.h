#pragma once

#include "vm/module/module.h"

// What a module's bytes are, in order: one description for both directions. `io` is the writer or the reader; it offers
//   io.number(x)          an integer, or an id, of x's width
//   io.choice(x, n, what) an enumerator below n
//   io.flag(x)            a bool
//   io.text(x)            a string
//   io.list(xs, what)     a vector of structures or strings that have `fields`
//   io.numbers(xs, what)  a vector of integers or ids
//   io.code(xs)           instructions
//   io.image(xs)          what a region starts as, without the zeros at its end
namespace eyeflow::vm::module_format {

inline constexpr int kTypeKindCount = 6, kOutputKindCount = 3, kDropPolicyCount = 2, kPriorityCount = 4,
                     kHandlerKindCount = 8;

// M is Module while reading and const Module while writing, and so for the others.
template <typename T, typename U>
concept OneOf = std::is_same_v<std::remove_const_t<T>, U>;

void fields(auto& io, OneOf<Type> auto& x) {
  io.choice(x.kind, kTypeKindCount, "kind of type");
  io.choice(x.element, kScalarCount, "scalar type");
  io.choice(x.region, kRegionCount, "region");
  io.number(x.capacity);
}

void fields(auto& io, OneOf<Slot> auto& x) {
  io.choice(x.region, kRegionCount, "region");
  io.choice(x.kind, kSlotKindCount, "kind of slot");
  io.number(x.type);
  io.number(x.offset);
  io.number(x.subject);
  io.text(x.name);
}

void fields(auto& io, OneOf<LineMark> auto& x) {
  io.number(x.instruction);
  io.number(x.line);
}

void fields(auto& io, OneOf<Function> auto& x) {
  io.text(x.name);
  io.number(x.param_count);
  io.numbers(x.results, "results");
  io.numbers(x.registers, "registers");
  io.code(x.code);
  io.list(x.lines, "line marks");
}

void fields(auto& io, OneOf<Field> auto& x) {
  io.text(x.name);
  io.number(x.type);
  io.text(x.unit);
}

void fields(auto& io, OneOf<Input> auto& x) {
  fields(io, x.value);
  io.number(x.stale_after_ns);
  io.number(x.period_ns);
  io.number(x.queue);
  io.choice(x.drop, kDropPolicyCount, "drop policy");
}

void fields(auto& io, OneOf<Output> auto& x) {
  io.text(x.name);
  io.choice(x.kind, kOutputKindCount, "kind of output");
  io.list(x.fields, "fields");
  io.flag(x.has_initial);
  io.number(x.initial);
  io.flag(x.to_cloud);
  io.flag(x.driven);
}

void fields(auto& io, OneOf<Param> auto& x) {
  io.text(x.name);
  io.text(x.unit);
  io.choice(x.type, kScalarCount, "scalar type");
  io.number(x.offset);
  io.flag(x.has_range);
  io.number(x.min);
  io.number(x.max);
}

void fields(auto& io, OneOf<Alarm> auto& x) {
  io.text(x.name);
  io.choice(x.priority, kPriorityCount, "priority");
  io.number(x.when);
  io.number(x.clear);
  io.number(x.text);
  io.number(x.when_for_ns);
  io.number(x.clear_for_ns);
  io.flag(x.latch);
  io.number(x.remind_every_ns);
  io.flag(x.reads_state);
  io.flag(x.polled);
  io.numbers(x.needs, "needs");
  io.numbers(x.drives, "drives");
}

void fields(auto& io, OneOf<Window> auto& x) {
  io.number(x.span_ns);
  io.number(x.values);
  io.number(x.step);
  io.number(x.least);
  io.number(x.late_ns);
  io.flag(x.from_start);
}

void fields(auto& io, OneOf<Handler> auto& x) {
  io.choice(x.kind, kHandlerKindCount, "kind of handler");
  io.number(x.input);
  io.number(x.time_ns);
  io.number(x.within_ns);
  io.number(x.condition);
  io.flag(x.reads_state);
  io.flag(x.polled);
  io.numbers(x.needs, "needs");
  fields(io, x.window);
  io.number(x.function);
}

void fields(auto& io, OneOf<Model> auto& x) {
  io.text(x.name);
  fields(io, x.parameter);
  io.number(x.results);
}

void fields(auto& io, OneOf<Module> auto& x) {
  io.number(x.isa_version);
  io.text(x.task);
  io.text(x.doc);
  io.text(x.source);
  io.list(x.types, "types");
  io.list(x.slots, "slots");
  io.list(x.functions, "functions");
  io.list(x.inputs, "inputs");
  io.list(x.outputs, "outputs");
  io.list(x.params, "params");
  io.list(x.alarms, "alarms");
  io.list(x.handlers, "handlers");
  io.image(x.const_image);
  io.image(x.param_image);
  io.image(x.state_image);
  io.number(x.input_bytes);
  io.number(x.scratch_bytes);
  if (x.isa_version >= 4) io.list(x.models, "models");
  if (x.isa_version >= 6)
    for (auto& model : x.models) io.list(model.more, "parameters");
}

}  // namespace eyeflow::vm::module_format
