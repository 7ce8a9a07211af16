#include "runtime/host/outputs.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "runtime/site/pattern.h"

namespace eyeflow::runtime {
namespace {

vm::Word first_word(const vm::Effect& effect) {
  vm::Word word = 0;
  std::memcpy(&word, effect.fields.data(), sizeof word);
  return word;
}

}  // namespace

OutputWriter::OutputWriter(std::string instance, const vm::Module& of, std::vector<PortId> to,
                           std::vector<std::uint8_t> told)
    : name(std::move(instance)), module(&of), ports(std::move(to)), wishes(std::move(told)) {
  Buffer text;
  append(text, ",\"task\":");
  append_json_text(text, of.task);
  append(text, ",\"instance\":");
  append_json_text(text, name);
  head = fmt::to_string(text);
}

Outputs::Outputs(const Site& site, const Deployment& deployment, const SinkOf& sinks, Counters& counters)
    : site_(site), sinks_(sinks), counters_(counters) {
  const auto sink_of = [&](std::string_view to) {
    const auto found = sinks.find(to);
    return found != sinks.end() ? found->second : nullptr;
  };
  for (const auto& planned : deployment.ports) {
    auto& port = ports_.emplace_back();
    port.output = &site.outputs[planned.output];
    port.settings = &site.settings(*port.output);
    port.topic = planned.topic;
    port.conversion = planned.conversion;
    port.unit = planned.unit;
    port.writers = planned.writers;
    port.on_console = port.settings->to.text == "console";
    port.sink = sink_of(port.settings->to.text);
    if (port.sink != nullptr) port.takes = port.sink->takes();
  }
  alarm_port_ = PortId{static_cast<std::uint32_t>(ports_.size())};
  alarm_sink_ = sink_of(site.alarms.to.text);
  const std::pair<std::string_view, std::string_view> fill[] = {{"device", site.device}};
  answers_ = fill_in(site.alarms.answers, fill).value_or(site.alarms.answers);
  std::random_device random;
  id_ = fmt::format("{{\"id\":\"{:08x}{:08x}-", random(), random());
  device_ = fmt::format("\",\"device\":\"{}\"", site.device);
}

[[gnu::hot]] void Outputs::emit(OutputWriter& writer, const vm::Effect& effect, Buffer& scratch) {
  scratch.clear();
  if (vm::is_of_alarm(effect.kind)) {
    const auto& alarm = writer.module->alarms[effect.index];
    AlarmNews news{.told = {.time = effect.time,
                            .instance = writer.name,
                            .alarm = alarm.name,
                            .text = std::string(effect.text),
                            .priority = alarm.priority,
                            .raised = effect.kind == vm::EffectKind::AlarmRaised},
                   .kind = effect.kind,
                   .by = effect.by};
    if (effect.kind == vm::EffectKind::AlarmShelved) news.until = static_cast<vm::TimeNs>(first_word(effect));
    return write_alarm(writer, news, scratch);
  }
  const auto id = writer.ports[effect.index];
  auto& port = ports_[static_cast<std::size_t>(id)];
  switch (effect.kind) {
    case vm::EffectKind::Switch:
      return write_switch(writer, effect, port, id, scratch);
    case vm::EffectKind::Value:
      return write_value(writer, effect, port, id, scratch);
    default:
      return write_row(writer, effect, port, id, scratch);
  }
}

void Outputs::write_switch(OutputWriter& writer, const vm::Effect& effect, Port& port, PortId id, Buffer& out) {
  const bool wish = first_word(effect) != 0;
  auto& before = writer.wishes[effect.index];
  const std::lock_guard lock(port.mutex);
  if (wish && before == 0) ++port.wanting;
  if (!wish && before != 0) --port.wanting;
  before = wish;
  if (port.over) return;
  bool on = wish;
  if (port.settings->combine == Combine::Any) on = port.wanting > 0;
  if (port.settings->combine == Combine::All) on = port.wanting == port.writers;
  if (port.state == static_cast<int>(on)) return;
  tell_switch(port, id, on, effect.time, &writer, out);
}

// port.mutex is held: of two threads that drive one switch, the one that decided last also speaks last.
void Outputs::tell_switch(Port& port, PortId id, bool on, vm::TimeNs time, const OutputWriter* writer, Buffer& out) {
  port.state = on;
  add(counters_.switch_changes);
  if (port.sink == nullptr) return;
  if (port.takes == Sink::Takes::Records) {
    const Datum value{"value", on};
    return send_record(*port.sink, id, port.output->name, writer, time, std::span(&value, 1));
  }
  const auto& text = on ? port.settings->on_text : port.settings->off_text;
  if (port.on_console) {
    append_clock(out, time);
    fmt::format_to(std::back_inserter(out), "  switch  {} {}", port.output->name, on ? "on" : "off");
  } else if (is_json(port)) {
    open_json(out, writer, time);
    append(out, ",\"output\":");
    append_json_text(out, port.output->name);
    append(out, on ? ",\"value\":true}" : ",\"value\":false}");
  } else {
    append(out, text);
  }
  send(port, id, out, true);
}

void Outputs::write_value(OutputWriter& writer, const vm::Effect& effect, Port& port, PortId id, Buffer& out) {
  const auto& field = writer.module->outputs[effect.index].fields.front();
  add(counters_.values);
  if (port.sink == nullptr) return;
  if (port.takes == Sink::Takes::Records) {
    Datum value;
    Buffer array;
    datum_of(*writer.module, field, effect.fields, port.conversion, value, array);
    value.name = "value";
    return send_record(*port.sink, id, port.output->name, &writer, effect.time, std::span(&value, 1));
  }
  if (port.on_console) {
    append_clock(out, effect.time);
    fmt::format_to(std::back_inserter(out), "  value   {} ", port.output->name);
    append_value(out, *writer.module, field, effect.fields, Style::Plain, port.conversion);
    if (!port.unit.empty() && port.unit != "time")
      fmt::format_to(std::back_inserter(out), " {}", port.unit == "duration" ? "s" : port.unit);
  } else if (is_json(port)) {
    open_json(out, &writer, effect.time);
    append(out, ",\"output\":");
    append_json_text(out, port.output->name);
    append(out, ",\"value\":");
    append_value(out, *writer.module, field, effect.fields, Style::Json, port.conversion);
    if (!port.unit.empty()) {
      append(out, ",\"unit\":");
      append_json_text(out, port.unit);
    }
    out.push_back('}');
  } else {
    append_value(out, *writer.module, field, effect.fields, Style::Payload, port.conversion);
  }
  send(port, id, out, true);
}

[[gnu::hot]] void Outputs::write_row(OutputWriter& writer, const vm::Effect& effect, Port& port, PortId id,
                                     Buffer& out) {
  add(counters_.rows);
  if (writer.kept != nullptr && writer.kept->streams[effect.index]) {
    writer.kept->rows.add(effect.index, effect.time, effect.fields);
  } else if (!writer.lost.empty() && writer.lost[effect.index]) {
    add(counters_.rows_not_kept);
  }
  if (port.sink == nullptr) return;
  const auto& fields = writer.module->outputs[effect.index].fields;
  auto rest = effect.fields;
  if (port.takes == Sink::Takes::Records) {
    writer.fields.resize(fields.size());
    if (writer.arrays.size() < fields.size()) writer.arrays.resize(fields.size());
    for (std::size_t i = 0; i < fields.size(); ++i) {
      rest = rest.subspan(datum_of(*writer.module, fields[i], rest, {}, writer.fields[i], writer.arrays[i]));
    }
    return send_record(*port.sink, id, port.output->name, &writer, effect.time, writer.fields);
  }
  if (port.on_console) {
    append_clock(out, effect.time);
    fmt::format_to(std::back_inserter(out), "  row     {} {}", port.output->name, writer.name);
    for (const auto& field : fields) {
      fmt::format_to(std::back_inserter(out), " {}=", field.name);
      rest = rest.subspan(append_value(out, *writer.module, field, rest, Style::Plain));
    }
  } else {
    open_json(out, &writer, effect.time);
    append(out, ",\"log\":");
    append_json_text(out, port.output->name);
    append(out, ",\"row\":");
    append_row(out, *writer.module, effect.index, effect.fields);
    out.push_back('}');
  }
  send(port, id, out, false);
}

void Outputs::remember(AlarmTransition transition) {
  const std::lock_guard lock(transitions_mutex_);
  if (transitions_.size() >= kTransitionsKept) transitions_.pop_front();
  transitions_.push_back(std::move(transition));
}

void Outputs::recall_alarm(const OutputWriter& writer, const vm::Alarm& alarm, vm::TimeNs now) {
  add(counters_.alarms_recalled);
  remember({now, writer.name, alarm.name, "stood before the restart", alarm.priority, true});
}

void Outputs::drop_alarm(const OutputWriter& writer, const std::string& name, vm::TimeNs now) {
  add(counters_.alarms_recalled);
  Buffer out;
  write_alarm(writer, {.told = {.time = now, .instance = writer.name, .alarm = name, .text = {}, .raised = false}},
              out);
}

namespace {

// What the engine's effects of alarms are called, in the order of EffectKind.
constexpr std::string_view kStates[] = {"raised", "cleared", "acknowledged", "shelved", "unshelved", "reminded"};
constexpr std::string_view kLabels[] = {"ALARM  ", "clear  ", "ack    ", "shelve ", "unshelf", "REMIND "};

}  // namespace

void Outputs::write_alarm(const OutputWriter& writer, const AlarmNews& news, Buffer& out) {
  const AlarmTransition& told = news.told;
  const auto kind = static_cast<std::size_t>(news.kind) - static_cast<std::size_t>(vm::EffectKind::AlarmRaised);
  if (told.raised || news.kind == vm::EffectKind::AlarmCleared) {
    add(told.raised ? counters_.alarms_raised : counters_.alarms_cleared);
    remember(told);
  }
  if (alarm_sink_ == nullptr) return;
  const bool has_text = told.raised || news.kind == vm::EffectKind::AlarmReminded;  // of its own; otherwise why
  // "Ann: known, valve ordered": who did it and why, as far as they say.
  std::string doer(news.by);
  if (!has_text && !told.text.empty()) doer += (doer.empty() ? "" : ": ") + told.text;
  if (alarm_sink_->takes() == Sink::Takes::Records) {
    const Datum fields[] = {{"alarm", std::string_view(told.alarm)},
                            {"state", kStates[kind]},
                            {"priority", priority_name(told.priority)},
                            {"text", has_text ? std::string_view(told.text) : std::string_view(doer)}};
    return send_record(*alarm_sink_, alarm_port_, kAlarmRecords, &writer, told.time, fields);
  }
  std::string topic;
  if (site_.alarms.to.text == "console") {
    append_clock(out, told.time);
    fmt::format_to(std::back_inserter(out), "  {} {} {}", kLabels[kind], writer.name, told.alarm);
    if (has_text)
      fmt::format_to(std::back_inserter(out), ": {}", told.text);
    else if (!doer.empty())
      fmt::format_to(std::back_inserter(out), " ({})", doer);
    if (has_text && told.priority >= vm::Priority::High)
      fmt::format_to(std::back_inserter(out), " [{}]", priority_name(told.priority));
  } else {
    const std::pair<std::string_view, std::string_view> fill[] = {
        {"name", writer.name}, {"alarm", told.alarm}, {"device", site_.device}};
    topic = fill_in(site_.alarms.topic, fill).value_or(site_.alarms.topic);
    open_json(out, &writer, told.time);
    append(out, ",\"alarm\":");
    append_json_text(out, told.alarm);
    fmt::format_to(std::back_inserter(out), ",\"state\":\"{}\",\"priority\":\"{}\"", kStates[kind],
                   priority_name(told.priority));
    const auto add_text = [&](std::string_view key, std::string_view text) {
      fmt::format_to(std::back_inserter(out), ",\"{}\":", key);
      append_json_text(out, text);
    };
    if (told.raised || !told.text.empty()) add_text(has_text ? "text" : "why", told.text);
    if (!news.by.empty()) add_text("by", news.by);
    if (news.until != 0) {
      append(out, ",\"until\":\"");
      append_time(out, news.until);
      out.push_back('"');
    }
    out.push_back('}');
  }
  alarm_sink_->write({.port = alarm_port_,
                      .topic = topic,
                      .payload = {out.data(), out.size()},
                      .qos = site_.alarms.qos,
                      .retain = site_.alarms.retain});
}

void Outputs::answer(const AlarmCommand& command, bool done, std::string_view text, vm::TimeNs now) {
  if (answers_.empty() || alarm_sink_ == nullptr) return;
  Buffer out;
  open_json(out, nullptr, now);
  const auto add_text = [&](std::string_view key, std::string_view value) {
    if (value.empty()) return;
    fmt::format_to(std::back_inserter(out), ",\"{}\":", key);
    append_json_text(out, value);
  };
  add_text("to", command.id);
  add_text("instance", command.instance);
  add_text("alarm", command.alarm);
  add_text("do", command.action);
  add_text("by", command.by);
  append(out, done ? ",\"done\":true" : ",\"done\":false");
  add_text("text", text);
  out.push_back('}');
  alarm_sink_->write(
      {.port = alarm_port_, .topic = answers_, .payload = {out.data(), out.size()}, .qos = site_.alarms.qos});
}

[[gnu::hot]] void Outputs::open_json(Buffer& out, const OutputWriter* writer, vm::TimeNs time) {
  append(out, id_);
  const fmt::format_int number(next_id_.fetch_add(1, std::memory_order_relaxed));
  append(out, {number.data(), number.size()});
  append(out, device_);
  if (writer != nullptr) append(out, writer->head);
  append(out, ",\"time\":\"");
  append_time(out, time);
  out.push_back('"');
}

[[gnu::hot]] void Outputs::send(Port& port, PortId id, const Buffer& out, bool is_state) {
  port.sink->write({.port = id,
                    .topic = port.topic,
                    .payload = {out.data(), out.size()},
                    .qos = port.settings->qos,
                    .retain = port.settings->retain,
                    .is_state = is_state});
}

void Outputs::send_record(Sink& sink, PortId id, std::string_view name, const OutputWriter* writer, vm::TimeNs time,
                          std::span<const Datum> fields) {
  const Record record{.name = name,
                      .task = writer != nullptr ? std::string_view(writer->module->task) : std::string_view{},
                      .instance = writer != nullptr ? std::string_view(writer->name) : std::string_view{},
                      .time = time_point(time),
                      .fields = fields};
  sink.write({.port = id, .record = &record});
}

void Outputs::make_safe(vm::TimeNs now) {
  Buffer out;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    auto& port = ports_[i];
    if (port.settings->kind != OutputKind::Switch) continue;
    const std::lock_guard lock(port.mutex);
    port.over = true;
    if (port.state == static_cast<int>(port.settings->safe)) continue;
    out.clear();
    tell_switch(port, PortId{static_cast<std::uint32_t>(i)}, port.settings->safe, now, nullptr, out);
  }
}

void Outputs::make_refused_safe(const Deployment& deployment, vm::TimeNs now) {
  Buffer out;
  for (const auto refused : deployment.outputs_of_refused) {
    const auto* output = &site_.outputs[refused];
    // A port that was planned for it before its run was refused, or one that is made to speak once.
    auto found = std::ranges::find(ports_, output, &Port::output);
    if (found == ports_.end()) {
      auto& port = ports_.emplace_back();
      port.output = output;
      port.settings = &site_.settings(*output);
      const std::pair<std::string_view, std::string_view> fill[] = {{"name", output->name}, {"device", site_.device}};
      port.topic = fill_in(port.settings->topic, fill).value_or("");
      port.on_console = port.settings->to.text == "console";
      const auto sink = sinks_.find(port.settings->to.text);
      port.sink = sink != sinks_.end() ? sink->second : nullptr;
      if (port.sink != nullptr) port.takes = port.sink->takes();
      found = std::prev(ports_.end());
    }
    if (found->writers > 0 || found->state >= 0) continue;  // driven by another run; told already
    out.clear();
    auto number = static_cast<std::uint32_t>(found - ports_.begin());
    if (number >= static_cast<std::uint32_t>(alarm_port_)) ++number;  // the alarms' stands at the planned end
    tell_switch(*found, PortId{number}, found->settings->safe, now, nullptr, out);
  }
}

std::vector<AlarmTransition> Outputs::transitions() const {
  const std::lock_guard lock(transitions_mutex_);
  return {transitions_.begin(), transitions_.end()};
}

}  // namespace eyeflow::runtime
