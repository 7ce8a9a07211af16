#pragma once

#include <expected>
#include <string>
#include <utility>

namespace eyeflow {

// What went wrong with a file, a peer or the system: one sentence that names the place, what was found there and what
// to do next. It is written for the person who reads it on a terminal at night.
struct Error {
  std::string message;
};

template <typename T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(std::string message) { return std::unexpected(Error{std::move(message)}); }

}  // namespace eyeflow
