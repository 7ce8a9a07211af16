#include "runtime/connectors/gpio.h"

#include <fmt/format.h>
#include <gpiod.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
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

int request_type(PinEdge edge) {
  switch (edge) {
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
  return is_number ? gpiod_chip_get_line(chip, static_cast<unsigned>(std::stoul(line)))
                   : gpiod_chip_find_line(chip, line.c_str());
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

bool Debouncer::see(bool level, Time now) {
  seen_ = level;
  if (settle_.count() > 0) {
    // Each edge starts the wait anew, also one back to where it stood.
    deadline_ = now + std::chrono::duration_cast<Time::duration>(settle_);
    return false;
  }
  const bool changed = level != level_;
  level_ = level;
  return changed;
}

bool Debouncer::due(Time now) {
  if (!deadline_ || now < *deadline_) return false;
  deadline_.reset();
  const bool changed = seen_ != level_;
  level_ = seen_;
  return changed;
}

// The chip, open, with its lines.
struct GpioChip::Lines {
  struct Input {
    gpiod_line* line;
    const GpioInput* of;
    Debouncer debouncer;
  };
  ChipHandle chip;
  std::vector<Input> inputs;
  std::map<std::string, gpiod_line*, std::less<>> outputs;

  static std::expected<Lines, std::string> open(const std::string& name, const std::vector<GpioInput>& inputs,
                                                const std::vector<GpioOutput>& outputs,
                                                const std::map<std::string, bool, std::less<>>& wanted);
};

std::expected<GpioChip::Lines, std::string> GpioChip::Lines::open(
    const std::string& name, const std::vector<GpioInput>& inputs, const std::vector<GpioOutput>& outputs,
    const std::map<std::string, bool, std::less<>>& wanted) {
  Lines lines;
  lines.chip.reset(gpiod_chip_open_lookup(name.c_str()));
  if (!lines.chip) return std::unexpected(fmt::format("chip '{}': {}", name, reason(errno, nullptr)));
  for (const GpioOutput& output : outputs) {
    const auto line = request(lines.chip.get(), output.pin.line, output.pin, GPIOD_LINE_REQUEST_DIRECTION_OUTPUT,
                              wanted.find(output.pin.line)->second);
    if (!line) return std::unexpected(line.error());
    lines.outputs.emplace(output.pin.line, *line);
  }
  for (const GpioInput& input : inputs) {
    const auto line = request(lines.chip.get(), input.pin.line, input.pin, request_type(input.pin.edge), false);
    if (!line) return std::unexpected(line.error());
    const int level = gpiod_line_get_value(*line);
    if (level < 0) return std::unexpected(fmt::format("line '{}': {}", input.pin.line, std::strerror(errno)));
    lines.inputs.push_back({*line, &input, Debouncer(input.pin.debounce, level == 1)});
  }
  return lines;
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
  // A chip that was pulled out is noticed by its thread; until it is back, the wish waits in wanted_.
  static_cast<void>(gpiod_line_set_value(line->second, on ? 1 : 0));
}

void GpioChip::run(Receiver& receiver) {
  auto pause = kFirstPause;
  bool told_down = false;
  for (;;) {
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    auto lines = Lines::open(chip_, inputs_, outputs_, wanted_);
    if (lines) {
      lines_ = &*lines;
      lock.unlock();
      receiver.on_state(chip_, true, fmt::format("{} inputs, {} outputs", inputs_.size(), outputs_.size()));
      pause = kFirstPause;
      told_down = false;
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

// Until stop() or a fault of the chip.
void GpioChip::watch(Lines& lines, Receiver& receiver) {
  const auto tell = [&](const Lines::Input& input, bool level) {
    receiver.on_arrival({.sensor = input.of->sensor, .form = Arrival::Form::Bare, .bytes = level ? "true" : "false"});
  };
  std::vector<pollfd> fds{{wake_, POLLIN, 0}};
  for (const auto& input : lines.inputs) {
    fds.push_back({gpiod_line_event_get_fd(input.line), POLLIN, 0});
    if (input.of->pin.edge == PinEdge::Both) tell(input, input.debouncer.level());  // a level; an edge is an event
  }
  for (;;) {
    std::optional<Clock::time_point> next;
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
      const bool edges_only = input.of->pin.edge != PinEdge::Both;
      const auto revents = fds[i + 1].revents;
      if ((revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return;
      if ((revents & POLLIN) != 0) {
        gpiod_line_event events[16];
        const int count = gpiod_line_event_read_multiple(input.line, events, std::size(events));
        if (count < 0) return;
        const auto now = Clock::now();
        for (int n = 0; n < count; ++n) {
          const bool level = events[n].event_type == GPIOD_LINE_EVENT_RISING_EDGE;
          if (input.debouncer.see(level, now) || (edges_only && !input.debouncer.deadline())) tell(input, level);
        }
        // The kernel keeps sixteen edges; of a storm the last ones are lost, and the level tells how it ended.
        const int level = gpiod_line_get_value(input.line);
        if (level < 0) return;
        if (!edges_only && input.debouncer.see(level == 1, now)) tell(input, level == 1);
      }
      if (edges_only && input.debouncer.deadline() && Clock::now() >= *input.debouncer.deadline()) {
        static_cast<void>(input.debouncer.due(Clock::now()));
        tell(input, input.of->pin.edge == PinEdge::Rising);  // one for all the edges of a bouncing contact
      } else if (input.debouncer.due(Clock::now())) {
        tell(input, input.debouncer.level());
      }
    }
  }
}

}  // namespace eyeflow::runtime
