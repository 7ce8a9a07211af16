#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace eyeflow::runtime::net {

// How long to leave a peer alone after each failure in a row: `first`, doubled each time up to `longest`, and of that a
// random part from half to all, so that a thousand devices that lost the same peer do not come back in one second.
class Backoff {
 public:
  using milliseconds = std::chrono::milliseconds;

  // 0 ms < first <= longest
  Backoff(milliseconds first, milliseconds longest, std::uint32_t seed = std::random_device{}())
      : first_(first), longest_(longest), random_(seed) {}

  milliseconds after_failure() { return varied(pause_ = std::clamp(pause_ * 2, first_, longest_)); }
  milliseconds after_refusal() { return varied(pause_ = longest_); }  // it will not change its mind soon
  void succeeded() { pause_ = milliseconds(0); }
  bool has_failed() const { return pause_.count() > 0; }  // the last time

 private:
  milliseconds varied(milliseconds pause) {
    return milliseconds(std::uniform_int_distribution<milliseconds::rep>(pause.count() / 2, pause.count())(random_));
  }

  milliseconds first_, longest_, pause_{0};
  std::minstd_rand random_;
};

}  // namespace eyeflow::runtime::net
