#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "vm/base/check.h"
#include "vm/isa/isa.h"

namespace eyeflow::vm::module_format {

// The writing `io` of what has `fields`: see module_fields.h.
struct Writer {
  std::vector<std::byte> bytes;

  template <typename T>
  void number(T x) {
    if constexpr (std::is_enum_v<T>) {
      number(std::to_underlying(x));
    } else {
      const auto bits = static_cast<std::make_unsigned_t<T>>(x);
      for (std::size_t i = 0; i < sizeof(T); ++i) bytes.push_back(static_cast<std::byte>(bits >> (8 * i)));
    }
  }
  void count(std::size_t n) {
    EYEFLOW_CHECK(n <= 0xFFFFFFFFu);
    number(static_cast<std::uint32_t>(n));
  }
  template <typename E>
  void choice(E x, int, const char*) {
    number(static_cast<std::uint8_t>(x));
  }
  void flag(bool x) { number(static_cast<std::uint8_t>(x)); }
  void text(const std::string& x) {
    count(x.size());
    for (const char c : x) bytes.push_back(static_cast<std::byte>(c));
  }
  void list(const auto& xs, const char*) {
    count(xs.size());
    for (const auto& x : xs) fields(*this, x);
  }
  void numbers(const auto& xs, const char*) {
    count(xs.size());
    for (const auto x : xs) number(x);
  }
  void code(const std::vector<Instruction>& xs) {
    count(xs.size());
    for (const Instruction& x : xs) {
      number(x.op);
      number(x.a);
      number(x.b);
      number(x.c);
    }
  }
  void image(const std::vector<std::byte>& x) {
    std::size_t used = x.size();
    while (used > 0 && x[used - 1] == std::byte{0}) --used;
    count(x.size());
    count(used);
    bytes.insert(bytes.end(), x.begin(), x.begin() + static_cast<std::ptrdiff_t>(used));
  }
};

}  // namespace eyeflow::vm::module_format
