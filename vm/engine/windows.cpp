#include <algorithm>
#include <bit>

#include "vm/engine/step.h"

// Windows. A reading is put into its place once, and a window is gathered when it closes. Neither is a part of any
// handler's transaction: what a sensor said stays said, so nothing here is ever undone.
namespace eyeflow::vm {
namespace {

using Wide = __int128;

std::int64_t floor_of(Wide a, std::int64_t b) {
  const Wide quotient = a / b;
  return static_cast<std::int64_t>(quotient - (a % b < 0));
}

// Readings in a row that are older than all that is kept, after which the source's clock is taken to have been set
// back.
constexpr std::uint32_t kMostStrays = 16;

// One window of an instance with its memory; without (nullptr) it still knows its times.
class Ring {
 public:
  Ring(const WindowPlan& plan, WindowState& state, std::byte* memory)
      : plan_(plan), shape_(plan.shape), state_(state), memory_(memory) {}

  std::byte* value(std::int64_t at) const { return memory_ + plan_.ring + place(at) * plan_.value_bytes; }
  // `count` of them, one after the other.
  void copy(std::int64_t from, std::int64_t count, std::byte* to) const {
    const std::int64_t first = std::min(count, plan_.capacity - static_cast<std::int64_t>(place(from)));
    const std::size_t bytes = static_cast<std::size_t>(first) * plan_.value_bytes;
    std::memcpy(to, value(from), bytes);
    std::memcpy(to + bytes, memory_ + plan_.ring, static_cast<std::size_t>(count - first) * plan_.value_bytes);
  }
  std::byte* time(std::int64_t at) const { return memory_ + plan_.marks + place(at) * 8; }
  void put(std::int64_t at, Word word) const { std::memcpy(value(at), &word, plan_.value_bytes); }

  // ---- By time
  bool is_taken(std::int64_t at) const { return load(mark(at)) >> (place(at) % 64) & 1; }
  void take(std::int64_t at) const { store(mark(at), load(mark(at)) | Word{1} << (place(at) % 64)); }
  std::int64_t count_between(std::int64_t from, std::int64_t to) const {
    std::int64_t count = 0;
    while (from < to) {
      const std::size_t bit = place(from) % 64;
      const auto in_word =
          static_cast<std::int64_t>(std::min<std::size_t>(64, static_cast<std::size_t>(plan_.capacity)) - bit);
      const std::int64_t bits = std::min(in_word, to - from);
      const Word of_them = bits == 64 ? ~Word{0} : (Word{1} << bits) - 1;
      count += std::popcount(load(mark(from)) >> bit & of_them);
      from += bits;
    }
    return count;
  }
  void free_between(std::int64_t from, std::int64_t to) const {
    for (std::int64_t at = std::max(from, to - plan_.capacity); at < to; ++at)
      store(mark(at), load(mark(at)) & ~(Word{1} << (place(at) % 64)));
  }

  TimeNs time_of(std::int64_t at) const { return state_.origin - floor_of(-Wide{at} * shape_.span_ns, shape_.values); }
  std::int64_t place_of(TimeNs time) const {
    return floor_of((Wide{time} - state_.origin) * shape_.values, shape_.span_ns);
  }
  // The place for a reading that stands where readings usually do, give or take half a part: one that jitters around
  // the border of two parts is not taken for its neighbour.
  std::int64_t usual_place_of(TimeNs time) const {
    const Wide after = Wide{time} - state_.phase - state_.end_time;
    constexpr TimeNs kNear = TimeNs{1} << 42;  // times 2^20 values it fits 64 bits
    if (after > -kNear && after < kNear) [[likely]] {
      const std::int64_t scaled = static_cast<std::int64_t>(after) * shape_.values + shape_.span_ns / 2;
      return state_.end + scaled / shape_.span_ns - (scaled % shape_.span_ns < 0);
    }
    return state_.end + floor_of(after * shape_.values + shape_.span_ns / 2, shape_.span_ns);
  }
  void end_at(std::int64_t end) const {
    state_.end = end;
    state_.end_time = time_of(end);
  }
  // The first window that ends behind this place.
  void end_behind(std::int64_t at) const { end_at((floor_of(at, shape_.step) + 1) * shape_.step); }
  std::int64_t begin() const { return state_.end - shape_.values; }
  bool has_open_window() const { return state_.open && state_.newest_at >= begin(); }

  // When the window closes: the newest reading's time, and between readings the clock, has passed its end by the
  // declared lateness.
  TimeNs deadline() const {
    if (!has_open_window()) return kNever;
    TimeNs wait, deadline;
    if (__builtin_sub_overflow(state_.end_time, state_.newest, &wait) ||
        __builtin_add_overflow(wait, shape_.late_ns, &wait) || __builtin_add_overflow(state_.heard, wait, &deadline))
      return kNever;
    return std::max(deadline, state_.heard);
  }

 private:
  std::size_t place(std::int64_t at) const {
    return static_cast<std::size_t>(at & (plan_.capacity - 1));  // a power of two
  }
  std::byte* mark(std::int64_t at) const { return memory_ + plan_.marks + place(at) / 64 * 8; }

  const WindowPlan& plan_;
  const Window& shape_;
  WindowState& state_;
  std::byte* memory_;
};

// What stands between two readings, `part` of `parts` from a to b: floats on the line, others like the one before.
void interpolate(Scalar element, const std::byte* a, const std::byte* b, std::int64_t part, std::int64_t parts,
                 std::byte* to) {
  const auto line = [&]<typename T>(T) {
    T from, until;
    std::memcpy(&from, a, sizeof from);
    std::memcpy(&until, b, sizeof until);
    const double share = static_cast<double>(part) / static_cast<double>(parts);
    const double value = static_cast<double>(from) * (1.0 - share) + static_cast<double>(until) * share;
    const T rounded = canonical(static_cast<T>(value));
    std::memcpy(to, &rounded, sizeof rounded);
  };
  if (element == Scalar::F64)
    line(double{});
  else if (element == Scalar::F32)
    line(float{});
  else
    std::memcpy(to, a, static_cast<std::size_t>(size_bytes(element)));
}

}  // namespace

bool take_places(const WindowPlan& plan, WindowState& window) {
  const Window& shape = plan.shape;
  const auto lies_in = [](std::int64_t number, Wide least, Wide most) { return number >= least && number <= most; };
  if (shape.span_ns == 0)
    return lies_in(window.count, 1, std::int64_t{1} << 62) &&
           lies_in(window.end, Wide{window.count} + 1, Wide{window.count} + std::max(shape.values, shape.step));
  const Ring ring(plan, window, nullptr);
  const TimeNs part = shape.span_ns / shape.values + 1;
  const Wide newest_at = ring.place_of(window.newest);
  if (!lies_in(window.phase, -part, 2 * Wide{part}) || !lies_in(window.newest_at, newest_at - 3, newest_at + 3) ||
      !lies_in(window.first_at, INT64_MIN / 2, newest_at + 3) ||
      !lies_in(window.end, newest_at - plan.capacity, newest_at + 3 + shape.values + shape.step) ||
      window.end % shape.step != 0)
    return false;
  ring.end_at(window.end);
  return true;
}

TimeNs window_deadline(const WindowPlan& plan, WindowState& window) { return Ring(plan, window, nullptr).deadline(); }

void Step::add_to_windows(const InputPlan& input, Word value, TimeNs event_time) {
  for (const std::uint16_t window : input.windows)
    plan_.windows[window].shape.span_ns > 0 ? add_by_time(window, value, event_time)
                                            : add_by_count(window, value, event_time);
}

void Step::add_by_time(std::size_t window, Word value, TimeNs event_time) {
  const WindowPlan& plan = plan_.windows[window];
  WindowState& state = memory_.windows[window];
  const Ring ring(plan, state, memory_.window);
  if (!state.open) {
    const std::int64_t at = ring.place_of(event_time);
    state.phase = event_time - ring.time_of(at);
    state.open = true;
    state.first_at = state.newest_at = at;
    state.newest = event_time;
    ring.free_between(at, at + plan.capacity);
    ring.end_behind(at);
  }
  const std::int64_t at = ring.usual_place_of(event_time);
  if (at + plan.capacity <= state.newest_at) {
    if (++state.strays < kMostStrays) {
      ++state.late;
      return;
    }
    state.open = false;  // from here on as if it were the first
    state.strays = 0;
    return add_by_time(window, value, event_time);
  }
  state.strays = 0;
  if (at >= state.end && !ring.has_open_window()) ring.end_behind(at);
  if (at >= ring.begin() + plan.capacity) {  // far ahead: what it overwrites can no longer be handed over
    ++state.skipped;
    ring.end_behind(at);
  }
  if (at < ring.begin() && at < state.newest_at) {
    ++state.late;
    return;
  }
  if (at > state.newest_at) ring.free_between(state.newest_at + 1, at + 1);
  ring.put(at, value);
  ring.take(at);
  if (event_time < state.newest) return;
  // The phase follows the readings slowly; one part further is the same phase of the next part.
  const TimeNs part = std::max<TimeNs>(plan.shape.span_ns / plan.shape.values, 1);
  state.phase += (event_time - ring.time_of(at) - state.phase) / 8;
  if (state.phase >= part + part / 2) state.phase -= part;
  if (state.phase < -(part / 2)) state.phase += part;
  state.newest = event_time;
  state.newest_at = std::max(state.newest_at, at);
  state.heard = now_;
  memory_.deadlines[plan.deadline] = ring.deadline();
}

void Step::add_by_count(std::size_t window, Word value, TimeNs event_time) {
  const WindowPlan& plan = plan_.windows[window];
  WindowState& state = memory_.windows[window];
  if (!state.open) {
    state.open = true;
    state.end = plan.shape.values;
  }
  const Ring ring(plan, state, memory_.window);
  ring.put(state.count, value);
  store(ring.time(state.count), to_word(event_time));
  ++state.count;
}

void Step::close_by_count(const InputPlan& input, TimeNs event_time) {
  for (const std::uint16_t number : input.windows) {
    const WindowPlan& plan = plan_.windows[number];
    WindowState& state = memory_.windows[number];
    if (plan.shape.span_ns > 0 || state.count != state.end) continue;
    const Ring ring(plan, state, memory_.window);
    const std::int64_t begin = state.count - plan.shape.values;
    if (plan.values != kNowhere) ring.copy(begin, plan.shape.values, input_at(plan.values));
    state.end += plan.shape.step;
    hand_over(plan, from_word<TimeNs>(load(ring.time(begin))), event_time, plan.shape.values);
  }
}

// Each window that has come to its end, once an instant: the next one of the same is due at once when it is late too.
void Step::close_due_windows() {
  for (const std::uint16_t number : plan_.windows_by_time) {
    const WindowPlan& plan = plan_.windows[number];
    if (memory_.deadlines[plan.deadline] > now_) continue;
    WindowState& state = memory_.windows[number];
    const Ring ring(plan, state, memory_.window);
    const std::int64_t end = state.end;
    const std::int64_t count = ring.count_between(ring.begin(), std::min(end, state.newest_at + 1));
    const bool is_full = count >= plan.shape.least;
    const bool from_the_start = ring.begin() >= state.first_at;
    const TimeNs start = ring.time_of(ring.begin()), end_time = state.end_time;
    if (is_full)
      gather(number, count);
    else if (count > 0 && from_the_start)
      ++state.skipped;
    ring.end_at(end + plan.shape.step);
    memory_.deadlines[plan.deadline] = ring.deadline();
    if (is_full) hand_over(plan, start, end_time, count);
  }
}

// The values of the window that ends now, gaps filled: between two readings by what lies between them, at the ends by
// the nearest one.
void Step::gather(std::size_t window, std::int64_t count) {
  const WindowPlan& plan = plan_.windows[window];
  if (plan.values == kNowhere) return;
  WindowState& state = memory_.windows[window];
  const Ring ring(plan, state, memory_.window);
  std::byte* const to = input_at(plan.values);
  const std::size_t bytes = plan.value_bytes;
  const std::int64_t begin = ring.begin(), end = state.end;
  if (count == plan.shape.values) return ring.copy(begin, count, to);
  std::int64_t before = begin - 1;  // the last reading so far; begin - 1: none
  const auto value_at = [&](std::int64_t at) { return to + static_cast<std::size_t>(at - begin) * bytes; };
  for (std::int64_t at = begin; at < end; ++at) {
    if (at > state.newest_at || !ring.is_taken(at)) continue;
    std::memcpy(value_at(at), ring.value(at), bytes);
    for (std::int64_t gap = before + 1; gap < at; ++gap) {
      if (before < begin)
        std::memcpy(value_at(gap), value_at(at), bytes);
      else
        interpolate(plan.element, value_at(before), value_at(at), gap - before, at - before, value_at(gap));
    }
    before = at;
  }
  for (std::int64_t gap = before + 1; gap < end; ++gap) std::memcpy(value_at(gap), value_at(before), bytes);
}

void Step::hand_over(const WindowPlan& plan, TimeNs start, TimeNs end, std::int64_t count) {
  const Word event_time = load(input_at(plan_.event_time));
  store(input_at(plan.start), to_word(start));
  store(input_at(plan.end), to_word(end));
  store(input_at(plan.count), to_word(count));
  store(input_at(plan_.event_time), to_word(end));
  run_and_mark(plan_.handlers[plan.handler]);
  store(input_at(plan_.event_time), event_time);
}

}  // namespace eyeflow::vm
