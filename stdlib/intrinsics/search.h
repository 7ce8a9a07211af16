#pragma once

#include <algorithm>
#include <string_view>

namespace eyeflow::stdlib {

// Whether `needle` stands in `text`, in time linear in both and without memory: the fuel of text.contains is a bound,
// and a search that goes back would break it. Two-way string matching: M. Crochemore, D. Perrin, J. ACM 38 (1991).
class TwoWaySearch {
 public:
  explicit TwoWaySearch(std::string_view needle) : needle_(needle), size_(static_cast<long>(needle.size())) {
    const auto [last_up, period_up] = maximal_suffix([](unsigned char a, unsigned char b) { return a < b; });
    const auto [last_down, period_down] = maximal_suffix([](unsigned char a, unsigned char b) { return a > b; });
    cut_ = std::max(last_up, last_down);
    period_ = last_up > last_down ? period_up : period_down;
    // The suffix behind the cut is at least one period long, so this stays inside the needle.
    periodic_ = std::equal(needle.begin(), needle.begin() + cut_ + 1, needle.begin() + period_);
    if (!periodic_) period_ = std::max(cut_ + 1, size_ - cut_ - 1) + 1;
  }

  bool found_in(std::string_view text) const {
    const long last = static_cast<long>(text.size()) - size_;
    long known = -1;  // up to here the needle is known to match, from the period before
    for (long at = 0; at <= last;) {
      long i = std::max(cut_, known) + 1;
      while (i < size_ && same(text, at, i)) ++i;
      if (i < size_) {
        at += i - cut_;
        known = -1;
        continue;
      }
      for (i = cut_; i > known && same(text, at, i);) --i;
      if (i <= known) return true;
      at += period_;
      known = periodic_ ? size_ - period_ - 1 : -1;
    }
    return false;
  }

 private:
  struct Suffix {
    long last_before, period;
  };
  // The greatest suffix in the order `before`: the position before it, and its period.
  template <typename Before>
  Suffix maximal_suffix(Before before) const {
    long start = -1, candidate = 0, offset = 1, period = 1;
    while (candidate + offset < size_) {
      const auto a = static_cast<unsigned char>(needle_[static_cast<std::size_t>(candidate + offset)]);
      const auto b = static_cast<unsigned char>(needle_[static_cast<std::size_t>(start + offset)]);
      if (before(a, b)) {
        candidate += offset;
        offset = 1;
        period = candidate - start;
      } else if (a == b) {
        if (offset != period)
          ++offset;
        else
          candidate += period, offset = 1;
      } else {
        start = candidate++;
        offset = period = 1;
      }
    }
    return {start, period};
  }
  bool same(std::string_view text, long at, long i) const {
    return needle_[static_cast<std::size_t>(i)] == text[static_cast<std::size_t>(at + i)];
  }

  std::string_view needle_;
  long size_, cut_ = -1, period_ = 1;
  bool periodic_ = false;
};

inline bool contains(std::string_view text, std::string_view needle) {
  return needle.empty() || (needle.size() <= text.size() && TwoWaySearch(needle).found_in(text));
}

}  // namespace eyeflow::stdlib
