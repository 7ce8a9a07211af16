#include "runtime/site/time_zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>

namespace eyeflow::runtime {
namespace {

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kFarthest = std::int64_t{1} << 33;  // seconds: the range of nanoseconds since 1970
constexpr int kLastYear = 2200;
constexpr const char* kFolder = "/usr/share/zoneinfo/";

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0); }

// ---- Days of the civil calendar, counted from 1970-01-01

bool is_leap(std::int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }
std::int64_t days_before_year(std::int64_t year) {
  const std::int64_t y = year - 1;
  return y * 365 + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) - 719'162;
}
std::int64_t days_before_month(std::int64_t year, int month) {
  static constexpr int kDays[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
  return kDays[month - 1] + (month > 2 && is_leap(year));
}
std::int64_t year_of(std::int64_t time) {
  std::int64_t year = 1970 + floor_div(time, 366 * kDay);
  while (days_before_year(year + 1) * kDay <= time) ++year;
  return year;
}

// ---- The rule behind the last change: "CET-1CEST,M3.5.0,M10.5.0/3"

class RuleReader {
 public:
  explicit RuleReader(std::string_view text) : text_(text) {}

  bool take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool at_end() const { return text_.empty(); }
  bool skip_name() {
    const bool quoted = take('<');
    std::size_t length = 0;
    while (length < text_.size() && (quoted ? text_[length] != '>' : is_letter(text_[length]))) ++length;
    text_.remove_prefix(length);
    return length >= 3 && (!quoted || take('>'));
  }
  std::optional<int> number(int most) {
    int value = 0;
    std::size_t digits = 0;
    while (digits < text_.size() && digits < 4 && text_[digits] >= '0' && text_[digits] <= '9')
      value = value * 10 + (text_[digits++] - '0');
    text_.remove_prefix(digits);
    return digits > 0 && value <= most ? std::optional(value) : std::nullopt;
  }
  // [+-]hh[:mm[:ss]] in seconds.
  std::optional<std::int64_t> time() {
    const bool negative = take('-');
    if (!negative) take('+');
    const auto hours = number(167);
    std::optional<int> minutes = 0, seconds = 0;
    if (take(':')) minutes = number(59);
    if (minutes && take(':')) seconds = number(59);
    if (!hours || !minutes || !seconds) return std::nullopt;
    const std::int64_t sum = (std::int64_t{*hours} * 60 + *minutes) * 60 + *seconds;
    return negative ? -sum : sum;
  }

 private:
  static bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
  std::string_view text_;
};

// On which day of a year and when, by the local clock until then.
struct YearlyChange {
  enum class By : std::uint8_t { Week, DayWithoutLeap, Day } by = By::Day;
  int month = 0, week = 0, day = 0;
  std::int64_t time = 2 * 3600;

  std::int64_t local(std::int64_t year) const {
    const std::int64_t first = days_before_year(year);
    if (by == By::Day) return (first + day) * kDay + time;
    if (by == By::DayWithoutLeap) return (first + day - 1 + (is_leap(year) && day >= 60)) * kDay + time;
    const std::int64_t of_month = first + days_before_month(year, month);
    const std::int64_t weekday = ((of_month + 4) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
    std::int64_t at = of_month + (day - weekday + 7) % 7 + (week - 1) * 7;
    const std::int64_t end = month == 12 ? days_before_year(year + 1) : first + days_before_month(year, month + 1);
    if (at >= end) at -= 7;  // week 5: the last one
    return at * kDay + time;
  }
};

std::optional<YearlyChange> read_change(RuleReader& in) {
  YearlyChange change;
  std::optional<int> a, b, c;
  if (!in.take(',')) return std::nullopt;
  if (in.take('M')) {
    change.by = YearlyChange::By::Week;
    a = in.number(12);
    if (in.take('.')) b = in.number(5);
    if (in.take('.')) c = in.number(6);
    if (!a || !b || !c || *a == 0 || *b == 0) return std::nullopt;
    change.month = *a, change.week = *b, change.day = *c;
  } else {
    if (in.take('J')) change.by = YearlyChange::By::DayWithoutLeap;
    a = in.number(365);
    if (!a || (*a == 0 && change.by == YearlyChange::By::DayWithoutLeap)) return std::nullopt;
    change.day = *a;
  }
  if (in.take('/')) {
    const auto time = in.time();
    if (!time) return std::nullopt;
    change.time = *time;
  }
  return change;
}

// ---- The file

class FileReader {
 public:
  explicit FileReader(std::span<const std::byte> bytes) : left_(bytes) {}

  bool ok() const { return ok_; }
  std::span<const std::byte> take(std::size_t size) {
    if (size > left_.size()) {
      ok_ = false;
      left_ = {};
      return {};
    }
    const auto taken = left_.first(size);
    left_ = left_.subspan(size);
    return taken;
  }
  std::int64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (const std::byte b : take(bytes)) value = value << 8 | std::to_integer<std::uint64_t>(b);
    return bytes == 4 ? static_cast<std::int32_t>(value) : static_cast<std::int64_t>(value);
  }
  std::string_view rest() const { return {reinterpret_cast<const char*>(left_.data()), left_.size()}; }

 private:
  std::span<const std::byte> left_;
  bool ok_ = true;
};

struct Head {
  int version = 0;
  std::size_t is_ut, is_standard, leaps, times, types, characters;
};

Head read_head(FileReader& in) {
  Head head{};
  const auto magic = in.take(4);
  const bool good = magic.size() == 4 && std::to_integer<char>(magic[0]) == 'T' &&
                    std::to_integer<char>(magic[1]) == 'Z' && std::to_integer<char>(magic[2]) == 'i' &&
                    std::to_integer<char>(magic[3]) == 'f';
  const auto version = in.take(16);
  if (!good || version.empty()) return in.take(SIZE_MAX), head;
  head.version = std::to_integer<int>(version[0]) == 0 ? 1 : std::to_integer<int>(version[0]) - '0';
  for (std::size_t* count : {&head.is_ut, &head.is_standard, &head.leaps, &head.times, &head.types, &head.characters})
    *count = static_cast<std::size_t>(static_cast<std::uint32_t>(in.number(4)));
  return head;
}

Error broken() { return {"the time zone's file is damaged; install the package tzdata again"}; }

}  // namespace

Result<TimeZone> TimeZone::parse(std::span<const std::byte> file) {
  FileReader in(file);
  Head head = read_head(in);
  std::size_t width = 4;
  if (head.version >= 2) {  // the first half is for readers that know 32 bits only
    in.take(head.times * 5 + head.types * 6 + head.characters + head.leaps * 8 + head.is_standard + head.is_ut);
    head = read_head(in);
    width = 8;
  }
  if (!in.ok() || head.types == 0 || head.types > 256 || head.times > 100'000) return std::unexpected(broken());
  if (head.leaps != 0) return fail("a time zone with leap seconds is none of this system's; take one without 'right/'");
  TimeZone zone;
  std::vector<std::int64_t> times(head.times), offsets(head.types);
  for (std::int64_t& time : times) time = in.number(width);
  const auto kinds = in.take(head.times);
  for (std::int64_t& offset : offsets) {
    offset = in.number(4);
    in.take(2);
    if (offset <= -2 * kDay || offset >= 2 * kDay) return std::unexpected(broken());
  }
  in.take(head.characters + head.is_standard + head.is_ut);
  if (!in.ok()) return std::unexpected(broken());
  zone.before_ = offsets[0];
  for (std::size_t n = 0; n < times.size(); ++n) {
    const std::size_t kind = std::to_integer<std::size_t>(kinds[n]);
    if (kind >= offsets.size() || (n > 0 && times[n] <= times[n - 1])) return std::unexpected(broken());
    if (times[n] > kFarthest) break;
    if (times[n] < -kFarthest)
      zone.before_ = offsets[kind];
    else
      zone.changes_.push_back({times[n], offsets[kind]});
  }
  std::string_view footer = in.rest();
  if (footer.size() < 2 || footer.front() != '\n' || footer.find('\n', 1) == std::string_view::npos) return zone;
  RuleReader rule(footer.substr(1, footer.find('\n', 1) - 1));
  if (rule.at_end()) return zone;
  std::optional<std::int64_t> standard, summer;
  if (rule.skip_name()) standard = rule.time();  // counted west of Greenwich
  if (!standard) return std::unexpected(broken());
  if (rule.at_end()) return zone;
  if (!rule.skip_name()) return std::unexpected(broken());
  RuleReader peek = rule;
  summer = peek.take(',') ? std::optional(*standard - 3600) : rule.time();
  const auto begin = read_change(rule), end = read_change(rule);
  if (!summer || !begin || !end || !rule.at_end()) return std::unexpected(broken());
  const std::int64_t last = zone.changes_.empty() ? 0 : zone.changes_.back().at;
  std::vector<Change> more;
  for (std::int64_t year = year_of(last); year <= kLastYear; ++year) {
    more.push_back({begin->local(year) + *standard, -*summer});
    more.push_back({end->local(year) + *summer, -*standard});
  }
  std::ranges::sort(more, {}, &Change::at);
  for (const Change& change : more)
    if (zone.changes_.empty() || change.at > zone.changes_.back().at) zone.changes_.push_back(change);
  return zone;
}

Result<std::shared_ptr<const TimeZone>> TimeZone::load(std::string_view name) {
  const bool plain = !name.empty() && name.front() != '/' && name.find("..") == std::string_view::npos &&
                     std::ranges::all_of(name, [](char c) {
                       return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
                              c == '+' || c == '-' || c == '/';
                     });
  if (!plain) return fail(fmt::format("'{}' is no time zone; write one such as \"Europe/Berlin\" or \"UTC\"", name));
  const std::filesystem::path path = kFolder + std::string(name);
  std::string bytes;
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored)) {  // reading a folder, such as "Europe", would throw
    std::ifstream file(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  if (bytes.empty())
    return fail(
        fmt::format("there is no time zone '{}' in {}; write one such as \"Europe/Berlin\", and see that the "
                    "package tzdata is installed",
                    name, kFolder));
  auto zone = parse(std::as_bytes(std::span(bytes)));
  if (!zone) return std::unexpected(zone.error());
  return std::make_shared<const TimeZone>(std::move(*zone));
}

std::int64_t TimeZone::offset_at(std::int64_t time) const {
  const auto behind = std::ranges::upper_bound(changes_, time, {}, &Change::at);
  return behind == changes_.begin() ? before_ : std::prev(behind)->offset;
}

// The first instant at which the local clock shows this time or, where it skips it, a later one.
std::int64_t TimeZone::first_instant(std::int64_t local) const {
  auto next = std::ranges::upper_bound(changes_, local - 2 * kDay, {}, &Change::at);
  std::int64_t begin = INT64_MIN, offset = next == changes_.begin() ? before_ : std::prev(next)->offset;
  for (; next != changes_.end() && local >= next->at + offset; ++next) begin = next->at, offset = next->offset;
  return std::max(begin, local - offset);
}

vm::TimeNs TimeZone::next(vm::TimeNs after, vm::TimeNs since_midnight) const {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t rest = since_midnight % kSecond, seconds = since_midnight / kSecond;
  const std::int64_t time = floor_div(after, kSecond);
  for (std::int64_t day = floor_div(time + offset_at(time), kDay) - 1;; ++day) {
    const std::int64_t at = first_instant(day * kDay + seconds);
    if (at > kFarthest || at < -kFarthest) return INT64_MAX;
    if (at * kSecond + rest > after) return at * kSecond + rest;
  }
}

}  // namespace eyeflow::runtime
