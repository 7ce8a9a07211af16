#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "vm/base/result.h"
#include "vm/module/module.h"

namespace eyeflow::runtime {

// The local time of a place, from the system's time zone files (TZif, RFC 9636), with no state of the process in it.
// Past the last change that a file lists its rule goes on until 2200.
class TimeZone {
 public:
  // "Europe/Berlin", as under /usr/share/zoneinfo. An error says what to write.
  static Result<std::shared_ptr<const TimeZone>> load(std::string_view name);
  static Result<TimeZone> parse(std::span<const std::byte> file);

  // The first instant after `after` that is `since_midnight` of a day. An hour that clocks skip: it is the instant at
  // which they are put forward. An hour that comes twice: the first time. So each day has it once.
  vm::TimeNs next(vm::TimeNs after, vm::TimeNs since_midnight) const;

  // For vm::Calendar; `zone` is a TimeZone.
  static vm::TimeNs next_of(const void* zone, vm::TimeNs after, vm::TimeNs since_midnight) {
    return static_cast<const TimeZone*>(zone)->next(after, since_midnight);
  }

 private:
  struct Change {
    std::int64_t at;      // seconds since 1970
    std::int64_t offset;  // seconds ahead of UTC from then on
  };
  std::int64_t offset_at(std::int64_t time) const;
  std::int64_t first_instant(std::int64_t local) const;

  std::int64_t before_ = 0;  // the offset before the first change
  std::vector<Change> changes_;
};

}  // namespace eyeflow::runtime
