#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "runtime/sync/http.h"

// What a far side's answer means.
namespace eyeflow::runtime {

// What counts as "stored".
enum class Acknowledge {
  Reply,   // an answer that names the device, the epoch and the number up to which everything is stored
  Status,  // any status from 200 to 299: receivers that know nothing of rows
};

// What an answer means for the batch that it is about.
struct Verdict {
  enum class Kind { Stored, Retry, Refused, TooLarge } kind;
  std::uint64_t stored = 0;                     // Stored: up to this number
  std::optional<std::chrono::seconds> pause{};  // Retry: the far side asks for at least that
  std::string detail{};                         // for the log
};
Verdict judge(const HttpReply& reply, Acknowledge acknowledge, const std::string& device, std::uint64_t epoch,
              std::uint64_t first, std::uint64_t last);

}  // namespace eyeflow::runtime
