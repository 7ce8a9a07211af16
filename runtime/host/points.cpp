#include "runtime/host/points.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <condition_variable>
#include <map>
#include <mutex>

#include "runtime/host/connect.h"
#include "runtime/host/render.h"
#include "runtime/payload/decoder.h"
#include "runtime/site/pattern.h"

namespace eyeflow::runtime {
namespace {

using Clock = std::chrono::steady_clock;

// A reading of which no task says when it is stale.
constexpr vm::TimeNs kOldAnyway = 86'400'000'000'000;

vm::TimeNs wall_now() { return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count(); }

// What a point's payloads are read as, and when they are too old.
struct Reader {
  DecodePlan plan;
  bool is_known = false;  // a task says what it is; else a number, or a bool, or a text
  vm::TimeNs stale_after_ns = 0;
};

// Heard of one point so far.
struct Heard {
  bool any = false, kept = false, bad = false;
  std::string value, why;
  bool is_number = false;
  vm::TimeNs time = 0;
};

std::string text_of(const DecodePlan& plan, const Decoded& decoded, bool& is_number) {
  is_number = false;
  if (plan.meaning == Meaning::Text) return std::string(decoded.text);
  Buffer out;
  if (plan.meaning == Meaning::Image) {
    append(out, vm::image_unit(plan.image));
  } else if (plan.meaning == Meaning::Elements) {
    append_elements(out, plan.type, std::as_bytes(std::span(decoded.text)), Style::Plain);
  } else if (plan.meaning == Meaning::Time) {
    append_time(out, static_cast<vm::TimeNs>(decoded.value));
  } else if (plan.type == vm::Scalar::Bool) {
    append(out, decoded.value != 0 ? "true" : "false");
  } else if (plan.type == vm::Scalar::F64) {
    is_number = true;
    fmt::format_to(std::back_inserter(out), "{}", std::bit_cast<double>(decoded.value));
  } else if (plan.type == vm::Scalar::F32) {
    is_number = true;
    fmt::format_to(std::back_inserter(out), "{}", std::bit_cast<float>(static_cast<std::uint32_t>(decoded.value)));
  } else {
    is_number = true;
    const bool is_signed = plan.type == vm::Scalar::I64 || plan.type == vm::Scalar::I32;
    is_signed ? fmt::format_to(std::back_inserter(out), "{}", static_cast<std::int64_t>(decoded.value))
              : fmt::format_to(std::back_inserter(out), "{}", decoded.value);
  }
  return {out.data(), out.size()};
}

// Payloads of strangers, safe to show on a terminal.
std::string shown(std::string_view bytes) {
  std::string text;
  for (const char c : bytes.substr(0, 60)) text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '.' : c;
  return bytes.size() > 60 ? text + "…" : text;
}

class Listener final : public Receiver {
 public:
  Listener(std::vector<Reader> readers, std::size_t outputs)
      : readers_(std::move(readers)), heard_(readers_.size() + outputs), awaited_(heard_.size(), false) {}

  void on_arrival(const Arrival& arrival) override {
    const std::lock_guard lock(mutex_);
    const auto at = static_cast<std::size_t>(arrival.sensor);
    Heard& heard = heard_[at];
    heard.any = true;
    heard.kept = arrival.is_kept;
    heard.time = wall_now();
    at < readers_.size() ? read(readers_[at], arrival, heard) : void(heard.value = shown(arrival.bytes));
    changed_.notify_all();
  }
  void on_unknown(std::string_view) override {}
  void on_bad_row(std::string_view) override {}
  void on_state(std::string_view connector, bool up, std::string_view detail) override {
    const std::lock_guard lock(mutex_);
    states_[std::string(connector)] = up ? "" : std::string(detail);
  }
  void on_finished(std::string_view, std::string_view) override {}

  void await(std::size_t point) { awaited_[point] = true; }
  void listen(std::chrono::nanoseconds span) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, span, [this] {
      for (std::size_t i = 0; i < heard_.size(); ++i)
        if (awaited_[i] && !heard_[i].any) return false;
      return true;
    });
  }
  // Once nobody calls any more.
  const Heard& heard(std::size_t point) const { return heard_[point]; }
  const Reader& reader(std::size_t sensor) const { return readers_[sensor]; }
  std::string trouble(const std::string& connector) const {
    const auto found = states_.find(connector);
    return found != states_.end() ? found->second : "";
  }

 private:
  DecodeResult decode(const DecodePlan& plan, const Arrival& arrival, vm::TimeNs now) {
    if (arrival.form == Arrival::Form::Number) return decode_number(plan, arrival.number, now);
    if (arrival.form == Arrival::Form::Bare) return decoder_.decode_bare(plan, arrival.bytes, now);
    return decoder_.decode(plan, arrival.bytes, now);
  }

  void read(Reader& reader, const Arrival& arrival, Heard& heard) {
    const vm::TimeNs now = heard.time;
    auto decoded = decode(reader.plan, arrival, now);
    if (!decoded && !reader.is_known) {
      // What it is shows itself: the first of these that fits stays.
      for (const auto& [meaning, type] :
           {std::pair(Meaning::Number, vm::Scalar::Bool), std::pair(Meaning::Text, vm::Scalar::F64)}) {
        DecodePlan other = reader.plan;
        other.meaning = meaning;
        other.type = type;
        other.capacity = 60;
        auto again = decode(other, arrival, now);
        if (!again) continue;
        reader.plan = std::move(other);
        decoded = again;
        break;
      }
    }
    heard.bad = !decoded;
    if (!decoded) {
      heard.why =
          fmt::format("{}: '{}'", describe(decoded.error()),
                      arrival.form == Arrival::Form::Number ? fmt::format("{}", arrival.number) : shown(arrival.bytes));
      return;
    }
    heard.value = shown(text_of(reader.plan, *decoded, heard.is_number));
    heard.time = decoded->time;
    if (!reader.plan.time.empty()) heard.kept = false;  // it says itself how old it is
  }

  std::vector<Reader> readers_;
  Decoder decoder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Heard> heard_;
  std::vector<bool> awaited_;
  std::map<std::string, std::string> states_;  // by connector: why it is down
};

// In the sensor's own unit, as the payload has it.
Reader reader_of(const Site& site, const Deployment& deployment, std::uint32_t sensor) {
  const auto& settings = site.settings(site.sensors[sensor]);
  Reader reader{.plan = {.field = settings.field, .time = settings.time, .time_unit = settings.time_unit}};
  if (settings.pin) {
    reader.plan.type = vm::Scalar::Bool;
    reader.is_known = true;
  }
  for (const auto& instance : deployment.instances) {
    for (const auto& route : instance.inputs) {
      if (static_cast<std::uint32_t>(route.sensor) != sensor) continue;
      const auto& input = deployment.tasks[instance.task].program->module().inputs[vm::index(route.input)];
      if (input.stale_after_ns > 0 && (reader.stale_after_ns == 0 || input.stale_after_ns < reader.stale_after_ns))
        reader.stale_after_ns = input.stale_after_ns;
      if (reader.is_known) continue;
      reader.plan.meaning = route.plan.meaning == Meaning::Duration ? Meaning::Number : route.plan.meaning;
      reader.plan.type = route.plan.meaning == Meaning::Duration ? vm::Scalar::F64 : route.plan.type;
      reader.plan.capacity = route.plan.capacity;
      reader.plan.is_list = route.plan.is_list;
      reader.plan.encoding = route.plan.encoding;
      reader.plan.image = route.plan.image;
      // A converted number may be whole where the payload's is not.
      if (!stdlib::is_identity(route.plan.conversion) && route.plan.meaning != Meaning::Elements)
        reader.plan.type = vm::Scalar::F64;
      reader.is_known = true;
    }
  }
  return reader;
}

std::string filled(const std::string& topic, const std::string& name, const Site& site) {
  const std::pair<std::string_view, std::string_view> fill[] = {{"name", name}, {"device", site.device}};
  return fill_in(topic, fill).value_or(topic);
}

std::string pin_text(const PinSettings& pin) { return fmt::format("{} line {}", pin.chip, pin.line); }

std::string where_is(const Site& site, const Sensor& sensor) {
  const auto& s = site.settings(sensor);
  if (s.pin) return pin_text(*s.pin);
  if (s.from.text == "replay") return fmt::format("replay: {}", s.file.string());
  if (s.from.text == "simulate") return "simulated";
  std::string text = fmt::format("{}: {}", s.from.text, filled(s.topic, sensor.name, site));
  if (!s.field.empty()) text += fmt::format(", field {}", s.field);
  return text;
}

std::string where_is(const Site& site, const Output& output) {
  const auto& s = site.settings(output);
  if (s.pin) return pin_text(*s.pin);
  const auto* connection = site.connection(s.to.text);
  if (connection == nullptr) {
    std::string text = s.to.text == "none" && (s.keep || s.sync) ? "" : s.to.text;
    if (s.keep) text += text.empty() ? "history" : ", history";
    if (s.sync) text += text.empty() ? "cloud" : ", cloud";
    return text;
  }
  switch (connection->kind) {
    case ConnectionKind::Mqtt:
      return fmt::format("{}: {}", s.to.text, filled(s.topic, output.name, site));
    case ConnectionKind::Influx:
      return fmt::format("{}: {}", s.to.text, connection->url);
    case ConnectionKind::Csv:
      return fmt::format("{}: {}", s.to.text, (connection->folder / (output.name + ".csv")).string());
    case ConnectionKind::Jsonl:
      return fmt::format("{}: {}", s.to.text, (connection->folder / (output.name + ".jsonl")).string());
  }
  return s.to.text;
}

bool can_be_heard(const Site& site, const Output& output) {
  const auto* connection = site.connection(site.settings(output).to.text);
  return connection != nullptr && connection->kind == ConnectionKind::Mqtt;
}

// What its connector calls itself in on_state().
std::string connector_of(const SensorSettings& settings) {
  if (settings.pin) return settings.pin->chip;
  return settings.from.text == "replay" ? settings.file.string() : settings.from.text;
}

void take(const Heard& heard, vm::TimeNs now, Point& point) {
  point.value = heard.value;
  point.is_number = heard.is_number;
  if (!heard.kept) point.age = std::chrono::nanoseconds(std::max<vm::TimeNs>(0, now - heard.time));
}

}  // namespace

std::string_view name_of(Quality quality) {
  switch (quality) {
    case Quality::Good:
      return "good";
    case Quality::Stale:
      return "stale";
    case Quality::Bad:
      return "bad";
    case Quality::Missing:
      return "no reading";
    case Quality::Unwatched:
      return "not watched";
  }
  return "";
}

Result<std::vector<Point>> look_at_points(const Site& site, const Deployment& deployment,
                                          std::chrono::nanoseconds span) {
  std::vector<Reader> readers;
  for (std::uint32_t i = 0; i < site.sensors.size(); ++i) readers.push_back(reader_of(site, deployment, i));
  Listener listener(std::move(readers), site.outputs.size());
  for (std::size_t i = 0; i < site.sensors.size(); ++i) listener.await(i);
  for (std::size_t i = 0; i < site.outputs.size(); ++i)
    if (can_be_heard(site, site.outputs[i])) listener.await(site.sensors.size() + i);
  auto connectors = make_observers(site);
  if (!connectors) return std::unexpected(connectors.error());
  for (auto& named : connectors->sources) named.source->start(listener);
  listener.listen(span);
  for (auto& named : connectors->sources) named.source->stop();
  const vm::TimeNs now = wall_now();

  std::vector<Point> points;
  for (std::uint32_t i = 0; i < site.sensors.size(); ++i) {
    const auto& sensor = site.sensors[i];
    const auto& settings = site.settings(sensor);
    Point point{.kind = "sensor", .name = sensor.name, .where = where_is(site, sensor), .unit = settings.unit};
    for (const auto& instance : deployment.instances) {
      if (std::ranges::any_of(instance.inputs, [&](const auto& route) { return route.sensor == SensorId{i}; }))
        point.used_by.push_back(instance.name);
    }
    const Heard& heard = listener.heard(i);
    take(heard, now, point);
    const auto stale_after = listener.reader(i).stale_after_ns;
    if (!heard.any) {
      point.age.reset();
      point.why = listener.trouble(connector_of(settings));
    } else if (heard.bad) {
      point.quality = Quality::Bad;
      point.why = heard.why;
    } else if (heard.kept) {
      point.quality = Quality::Stale;
      point.why = "the broker kept it; nobody knows how old it is";
    } else if (stale_after > 0 && now - heard.time > stale_after) {
      point.quality = Quality::Stale;
    } else if (stale_after == 0 && now - heard.time > kOldAnyway) {
      point.quality = Quality::Stale;
      point.why = "no task says how old it may be; is its clock right?";
    } else {
      point.quality = Quality::Good;
    }
    points.push_back(std::move(point));
  }
  for (std::uint32_t i = 0; i < site.outputs.size(); ++i) {
    const auto& output = site.outputs[i];
    const auto& settings = site.settings(output);
    Point point{.kind = std::string(name_of(settings.kind)),
                .name = output.name,
                .where = where_is(site, output),
                .unit = settings.unit};
    for (const auto& instance : deployment.instances) {
      if (std::ranges::any_of(instance.outputs,
                              [&](PortId id) { return deployment.ports[static_cast<std::size_t>(id)].output == i; }))
        point.used_by.push_back(instance.name);
    }
    const Heard& heard = listener.heard(site.sensors.size() + i);
    if (!can_be_heard(site, output)) {
      point.quality = Quality::Unwatched;
      if (settings.pin) point.why = "to look at the pin would be to take it over and set it";
    } else if (heard.any) {
      take(heard, now, point);
      point.quality = Quality::Good;
    } else {
      point.why = listener.trouble(settings.to.text);
    }
    points.push_back(std::move(point));
  }
  return points;
}

}  // namespace eyeflow::runtime
