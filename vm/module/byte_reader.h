#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "vm/isa/isa.h"
#include "vm/module/module.h"

namespace eyeflow::vm::module_format {

// The reading `io` of what has `fields`: see module_fields.h.
// After the first mistake everything reads as zero or empty, so that `fields` needs no branches of its own.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, std::size_t at) : bytes_(bytes), at_(at) {}

  template <typename T>
  void number(T& x) {
    if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> value;
      number(value);
      x = static_cast<T>(value);
    } else {
      x = 0;
      if (left() < sizeof(T)) return refuse("it ends too early");
      std::uint64_t bits = 0;
      for (std::size_t i = 0; i < sizeof(T); ++i) bits |= std::to_integer<std::uint64_t>(bytes_[at_ + i]) << 8 * i;
      x = static_cast<T>(bits);
      at_ += sizeof(T);
    }
  }
  template <typename E>
  void choice(E& x, int count, const char* what) {
    std::uint8_t value;
    number(value);
    x = static_cast<E>(value < count ? value : 0);
    if (value >= count) refuse("there is no " + std::string(what) + " " + std::to_string(value));
  }
  void flag(bool& x) {
    std::uint8_t value;
    number(value);
    x = value == 1;
    if (value > 1) refuse("a flag is neither 0 nor 1");
  }
  void text(std::string& x) {
    const std::size_t size = count(1, "bytes of a text");
    x.assign(reinterpret_cast<const char*>(bytes_.data()) + at_, size);
    at_ += size;
  }
  // Grown row by row: what a count claims is not allocated before the rows' bytes have been read.
  template <typename T>
  void list(std::vector<T>& xs, const char* what) {
    for (std::size_t n = count(1, what); n > 0 && ok(); --n) fields(*this, xs.emplace_back());
  }
  template <typename T>
  void numbers(std::vector<T>& xs, const char* what) {
    xs.resize(count(sizeof(T), what));
    for (T& x : xs) number(x);
  }
  void code(std::vector<Instruction>& xs) {
    xs.resize(count(sizeof(Instruction), "instructions"));
    for (Instruction& x : xs) {
      number(x.op);
      number(x.a);
      number(x.b);
      number(x.c);
      if (static_cast<std::size_t>(x.op) < kOpCount) continue;
      refuse("instruction number " + std::to_string(static_cast<unsigned>(x.op)) +
             " is not known here: the module needs a newer version of this program");
      x.op = {};
    }
  }
  void image(std::vector<std::byte>& x) {
    std::uint32_t size;
    number(size);
    if (size > kMaxRegionBytes) return refuse("a region of " + std::to_string(size) + " bytes is larger than allowed");
    const std::size_t used = count(1, "bytes of an image");
    if (used > size || (used > 0 && bytes_[at_ + used - 1] == std::byte{0})) return refuse("an image's sizes disagree");
    if (!ok()) return;
    x.resize(size);
    for (std::size_t i = 0; i < used; ++i) x[i] = bytes_[at_ + i];
    at_ += used;
  }

  bool ok() const { return error_.empty(); }
  std::size_t left() const { return bytes_.size() - at_; }
  std::string error() const { return error_ + " (byte " + std::to_string(error_at_) + ")"; }
  void refuse(std::string why) {
    if (!ok()) return;
    error_ = std::move(why);
    error_at_ = at_;
    at_ = bytes_.size();
  }

 private:
  // How many follow, each of at least `bytes_each` bytes; refused, and 0, when there are not as many bytes left.
  std::size_t count(std::size_t bytes_each, const char* what) {
    std::uint32_t n;
    number(n);
    if (n <= left() / bytes_each) return n;
    refuse("it claims " + std::to_string(n) + " " + what + " and has no bytes for them");
    return 0;
  }

  std::span<const std::byte> bytes_;
  std::size_t at_, error_at_ = 0;
  std::string error_;
};

}  // namespace eyeflow::vm::module_format
