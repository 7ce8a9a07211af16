#include "runtime/connectors/gpio.h"

#include <fmt/format.h>
#include <gpiod.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <expected>

namespace eyeflow::runtime {
namespace {

using Clock = std::chrono::steady_clock;
constexpr const char* kConsumer = "eyeflow";
constexpr std::chrono::seconds kFirstPause{1}, kLongestPause{30};

struct CloseChip {
  void operator()(gpiod_chip* chip) const { gpiod_chip_close(chip); }  // gives the lines back, too
};
using ChipHandle = std::unique_ptr<gpiod_chip, CloseChip>;

int request_flags(const PinSettings& pin) {
  int flags = 0;
  if (pin.active_low) flags |= GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW;
  switch (pin.bias) {
    case PinBias::AsIs:
      break;
    case PinBias::Off:
      flags |= GPIOD_LINE_REQUEST_FLAG_BIAS_DISABLE;
      break;
    case PinBias::PullUp:
      flags |= GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP;
      break;
    case PinBias::PullDown:
      flags |= GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_DOWN;
      break;
  }
  if (pin.drive == PinDrive::OpenDrain) flags |= GPIOD_LINE_REQUEST_FLAG_OPEN_DRAIN;
  if (pin.drive == PinDrive::OpenSource) flags |= GPIOD_LINE_REQUEST_FLAG_OPEN_SOURCE;
  return flags;
}

// With debounce both edges are wanted: how long a level stands is told by the next one, whichever it is.
int request_type(const PinSettings& pin) {
  if (pin.debounce.count() > 0) return GPIOD_LINE_REQUEST_EVENT_BOTH_EDGES;
  switch (pin.edge) {
    case PinEdge::Rising:
      return GPIOD_LINE_REQUEST_EVENT_RISING_EDGE;
    case PinEdge::Falling:
      return GPIOD_LINE_REQUEST_EVENT_FALLING_EDGE;
    case PinEdge::Both:
      break;
  }
  return GPIOD_LINE_REQUEST_EVENT_BOTH_EDGES;
}

std::string reason(int error, gpiod_line* line) {
  if (error == EBUSY && line != nullptr && gpiod_line_consumer(line) != nullptr) {
    return fmt::format("'{}' holds it", gpiod_line_consumer(line));
  }
  if (error == EACCES || error == EPERM) return "not permitted; add this user to the group that owns the chip (gpio)";
  return std::strerror(error);
}

gpiod_line* find_line(gpiod_chip* chip, const std::string& line) {
  const bool is_number = std::ranges::all_of(line, [](unsigned char c) { return std::isdigit(c) != 0; });
  if (!is_number) return gpiod_chip_find_line(chip, line.c_str());
  unsigned offset = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), offset);
  return error == std::errc{} ? gpiod_chip_get_line(chip, offset) : nullptr;
}

std::expected<gpiod_line*, std::string> request(gpiod_chip* chip, const std::string& number, const PinSettings& pin,
                                                int type, bool value) {
  gpiod_line* const line = find_line(chip, number);
  if (line == nullptr) return std::unexpected(fmt::format("the chip has no line '{}'", number));
  const gpiod_line_request_config config{.consumer = kConsumer, .request_type = type, .flags = request_flags(pin)};
  if (gpiod_line_request(line, &config, value ? 1 : 0) != 0) {
    return std::unexpected(fmt::format("line '{}': {}", number, reason(errno, line)));
  }
  return line;
}

}  // namespace

std::optional<bool> Debouncer::told(bool level) const {
  if (edge_ == PinEdge::Both || level == (edge_ == PinEdge::Rising)) return level;
  return std::nullopt;
}

std::optional<bool> Debouncer::see(bool level, Time at) {
  if (settle_.count() > 0) {
    const auto stood = due(at);
    // Each edge starts the wait anew, also one back to where it stood.
    seen_ = level;
    deadline_ = at + std::chrono::duration_cast<Time::duration>(settle_);
    return stood;
  }
  const bool news = level != seen_ || edge_ != PinEdge::Both;  // of one edge alone the other one is not seen
  level_ = seen_ = level;
  return news ? told(level) : std::nullopt;
}

std::optional<bool> Debouncer::due(Time now) {
  if (!deadline_ || now < *deadline_) return std::nullopt;
  deadline_.reset();
  if (seen_ == level_) return std::nullopt;
  level_ = seen_;
  return told(level_);
}

// The chip, open, with those of its lines that could be had.
struct GpioChip::Lines {
  struct Input {
    gpiod_line* line;  // null: not had yet
    const GpioInput* of;
    Debouncer debouncer;
  };
  ChipHandle chip;
  std::vector<Input> inputs;
  std::map<std::string, gpiod_line*, std::less<>> outputs;
  std::string missing;  // the lines that could not be had, a clause each

  static std::expected<Lines, std::string> open(const std::string& name, const std::vector<GpioInput>& inputs);
  void request_missing(const std::vector<GpioOutput>& of, const std::map<std::string, bool, std::less<>>& wanted);
  std::size_t inputs_had() const { return inputs.size() - std::ranges::count(inputs, nullptr, &Input::line); }
};

std::expected<GpioChip::Lines, std::string> GpioChip::Lines::open(const std::string& name,
                                                                  const std::vector<GpioInput>& inputs) {
  Lines lines;
  lines.chip.reset(gpiod_chip_open_lookup(name.c_str()));
  if (!lines.chip) return std::unexpected(fmt::format("chip '{}': {}", name, reason(errno, nullptr)));
  for (const GpioInput& input : inputs) lines.inputs.push_back({nullptr, &input, Debouncer(input.pin, false)});
  return lines;
}

// Each by itself: a line that another program holds, or that the chip has not, takes no siren with it.
void GpioChip::Lines::request_missing(const std::vector<GpioOutput>& of,
                                      const std::map<std::string, bool, std::less<>>& wanted) {
  missing.clear();
  const auto miss = [this](const std::string& why) { (missing += missing.empty() ? "" : "; ") += why; };
  for (const GpioOutput& output : of) {
    if (outputs.contains(output.pin.line)) continue;
    const auto line = request(chip.get(), output.pin.line, output.pin, GPIOD_LINE_REQUEST_DIRECTION_OUTPUT,
                              wanted.find(output.pin.line)->second);
    if (line)
      outputs.emplace(output.pin.line, *line);
    else
      miss(line.error());
  }
  for (Input& input : inputs) {
    if (input.line != nullptr) continue;
    const PinSettings& pin = input.of->pin;
    const auto line = request(chip.get(), pin.line, pin, request_type(pin), false);
    if (!line) {
      miss(line.error());
      continue;
    }
    const int level = gpiod_line_get_value(*line);
    if (level < 0) {
      miss(fmt::format("line '{}': {}", pin.line, std::strerror(errno)));
      gpiod_line_release(*line);
      continue;
    }
    input.line = *line;
    input.debouncer = Debouncer(pin, level == 1);
  }
}

GpioChip::GpioChip(std::string chip, std::vector<GpioInput> inputs, std::vector<GpioOutput> outputs)
    : chip_(std::move(chip)), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {
  for (const GpioOutput& output : outputs_) wanted_.emplace(output.pin.line, output.safe);
}

GpioChip::~GpioChip() { stop(); }

void GpioChip::start(Receiver& receiver) {
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  thread_ = std::thread([this, &receiver] { run(receiver); });
}

void GpioChip::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  stopped_.notify_all();
  if (wake_ >= 0) eventfd_write(wake_, 1);
  if (thread_.joinable()) thread_.join();
  if (wake_ >= 0) close(wake_);
}

void GpioChip::write(const Message& message) {
  const auto output =
      std::ranges::find(outputs_, message.topic, [](const GpioOutput& o) { return std::string_view(o.pin.line); });
  if (output == outputs_.end()) return;
  const bool on = message.payload == output->on_text;
  const std::lock_guard lock(mutex_);
  wanted_.find(message.topic)->second = on;
  if (lines_ == nullptr) return;  // set when the chip opens
  const auto line = lines_->outputs.find(message.topic);
  if (line == lines_->outputs.end()) return;  // set when it can be had
  // A chip that was pulled out is noticed by its thread; until it is back, the wish waits in wanted_.
  static_cast<void>(gpiod_line_set_value(line->second, on ? 1 : 0));
}

void GpioChip::run(Receiver& receiver) {
  auto pause = kFirstPause;
  bool told_down = false;
  for (;;) {
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    auto lines = Lines::open(chip_, inputs_);
    if (lines) {
      lines->request_missing(outputs_, wanted_);
      lines_ = &*lines;
      lock.unlock();
      tell_lines(*lines, receiver);
      pause = kFirstPause;
      watch(*lines, receiver);
      lock.lock();
      lines_ = nullptr;
      if (stopping_) return;
      lock.unlock();
      receiver.on_state(chip_, false, "the chip is gone; trying again");
      told_down = true;
      lock.lock();
    } else if (!told_down) {
      told_down = true;
      lock.unlock();
      receiver.on_state(chip_, false, fmt::format("{}; trying again", lines.error()));
      lock.lock();
    }
    if (stopped_.wait_for(lock, pause, [this] { return stopping_; })) return;
    pause = std::min(pause * 2, kLongestPause);
  }
}

void GpioChip::tell_lines(const Lines& lines, Receiver& receiver) {
  const std::size_t inputs = lines.inputs_had(), outputs = lines.outputs.size();
  std::string text = fmt::format("{} inputs, {} outputs", inputs, outputs);
  if (!lines.missing.empty()) text += fmt::format("; {}; trying again", lines.missing);
  receiver.on_state(chip_, lines.missing.empty() || inputs + outputs > 0, text);
}

// Until stop() or a fault of the chip.
void GpioChip::watch(Lines& lines, Receiver& receiver) {
  const auto tell = [&](const Lines::Input& input, bool level) {
    receiver.on_arrival({.sensor = input.of->sensor, .form = Arrival::Form::Bare, .bytes = level ? "true" : "false"});
  };
  std::vector<pollfd> fds{{wake_, POLLIN, 0}};
  for (std::size_t i = 0; i < lines.inputs.size(); ++i) fds.push_back({-1, POLLIN, 0});  // poll passes -1 over
  const auto watch_new = [&] {
    for (std::size_t i = 0; i < lines.inputs.size(); ++i) {
      const auto& input = lines.inputs[i];
      if (input.line == nullptr || fds[i + 1].fd >= 0) continue;
      fds[i + 1].fd = gpiod_line_event_get_fd(input.line);
      if (input.of->pin.edge == PinEdge::Both) tell(input, input.debouncer.level());  // a level; an edge is an event
    }
  };
  watch_new();
  auto pause = kFirstPause;
  auto retry = Clock::now() + pause;
  for (;;) {
    std::optional<Clock::time_point> next;
    if (!lines.missing.empty()) next = retry;
    for (const auto& input : lines.inputs) {
      if (const auto deadline = input.debouncer.deadline(); deadline && (!next || *deadline < *next)) next = deadline;
    }
    timespec wait{};
    if (next) {
      const auto left = std::max<std::int64_t>(0, std::chrono::nanoseconds(*next - Clock::now()).count());
      wait = {left / 1'000'000'000, left % 1'000'000'000};
    }
    if (ppoll(fds.data(), fds.size(), next ? &wait : nullptr, nullptr) < 0 && errno != EINTR) return;
    if (fds[0].revents != 0) return;
    for (std::size_t i = 0; i < lines.inputs.size(); ++i) {
      auto& input = lines.inputs[i];
      Debouncer& contact = input.debouncer;
      const auto revents = fds[i + 1].revents;
      const auto see = [&](bool level, Clock::time_point at) {
        if (const auto news = contact.see(level, at)) tell(input, *news);
      };
      if ((revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return;
      if ((revents & POLLIN) != 0) {
        gpiod_line_event events[16];
        const int count = gpiod_line_event_read_multiple(input.line, events, std::size(events));
        if (count < 0) return;
        const auto now = Clock::now();
        for (int n = 0; n < count; ++n) {
          // On the monotonic clock since Linux 5.7, before it on that of the day, which is ahead of it.
          const auto stamp = std::chrono::seconds(events[n].ts.tv_sec) + std::chrono::nanoseconds(events[n].ts.tv_nsec);
          see(events[n].event_type == GPIOD_LINE_EVENT_RISING_EDGE, std::min(now, Clock::time_point(stamp)));
        }
        // The kernel keeps sixteen edges; of a storm the last ones are lost, and the level tells how it ended.
        const bool sees_both = input.of->pin.edge == PinEdge::Both || input.of->pin.debounce.count() > 0;
        const int level = gpiod_line_get_value(input.line);
        if (level < 0) return;
        if (sees_both && contact.seen() != (level == 1)) see(level == 1, now);
      }
      if (const auto news = contact.due(Clock::now())) tell(input, *news);
    }
    if (lines.missing.empty() || Clock::now() < retry) continue;
    const std::string told = lines.missing;
    {
      const std::lock_guard lock(mutex_);
      lines.request_missing(outputs_, wanted_);
    }
    if (lines.missing != told) tell_lines(lines, receiver);
    watch_new();
    pause = std::min(pause * 2, kLongestPause);
    retry = Clock::now() + pause;
  }
}

}  // namespace eyeflow::runtime
