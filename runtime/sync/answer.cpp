#include "runtime/sync/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "runtime/sync/batch.h"

namespace eyeflow::runtime {
namespace {

// What the far side gives as its reason, cut to a line.
std::string first_line(std::string_view body) {
  std::string line(body.substr(0, std::min<std::size_t>(body.find_first_of("\r\n"), 200)));
  std::ranges::replace_if(line, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return line.empty() ? line : fmt::format(": {}", line);
}

// Seconds only; a date would need a clock that can be trusted.
std::optional<std::chrono::seconds> retry_after(std::string_view header) {
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), seconds);
  if (header.empty() || error != std::errc{} || end != header.data() + header.size()) return std::nullopt;
  return std::chrono::seconds(std::min(seconds, 3600u));
}

}  // namespace

Verdict judge(const HttpReply& reply, Acknowledge acknowledge, const std::string& device, std::uint64_t epoch,
              std::uint64_t first, std::uint64_t last) {
  using enum Verdict::Kind;
  const int status = reply.status;
  if (status == 413) return {TooLarge, 0, {}, fmt::format("finds the batch too large (413){}", first_line(reply.body))};
  if (status == 408 || status == 425 || status == 429 || status >= 500) {
    return {Retry, 0, retry_after(reply.retry_after), fmt::format("answers {}{}", status, first_line(reply.body))};
  }
  if (status < 200 || status > 299) {
    return {Refused, 0, {}, fmt::format("refuses the rows with {}{}", status, first_line(reply.body))};
  }
  if (acknowledge == Acknowledge::Status) return {Stored, last};
  const auto answer = decode_reply(reply.body);
  if (!answer || answer->device != device || answer->epoch != epoch) {
    return {
        Refused,
        0,
        {},
        fmt::format("answers {}, but not as a receiver of this device's rows does: is the URL right, or a login page "
                    "in between?",
                    status)};
  }
  // More than was sent is no news of this batch: somebody else's numbers, or a lie.
  if (answer->stored > last && answer->stored - last > (1u << 30)) {
    return {Refused, 0, {}, fmt::format("says it stored number {}, which was never sent", answer->stored)};
  }
  if (answer->stored < first) {
    return {Retry, 0, {}, fmt::format("took the rows from {} on and stored none of them", first)};
  }
  return {Stored, std::min(answer->stored, last)};
}

}  // namespace eyeflow::runtime
