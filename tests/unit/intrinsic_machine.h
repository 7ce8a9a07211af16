#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <string_view>
#include <vector>

#include "stdlib/intrinsics/intrinsics.h"
#include "vm/isa/context.h"

namespace eyeflow::stdlib {

using vm::Context;
using vm::Reference;
using vm::Region;
using vm::Scalar;
using vm::Word;

inline const vm::IntrinsicDesc& intrinsic(std::string_view name) {
  const auto id = find_intrinsic(name);
  EXPECT_TRUE(id) << name;
  return intrinsics()[id.value_or(0)];
}

// A task's memory with one scratch region, and intrinsics called on it by name.
class Machine {
 public:
  Machine() { context_.base[static_cast<int>(Region::Scratch)] = reinterpret_cast<std::byte*>(memory_.data()); }

  template <typename... T>
  Word call(std::string_view name, T... arguments) {
    const vm::IntrinsicDesc& desc = intrinsic(name);
    EXPECT_EQ(desc.param_count, sizeof...(T)) << name;
    const Word words[] = {vm::to_word(arguments)...};
    Word result = 0xDEAD;
    EXPECT_EQ(desc.function(context_, words, &result), vm::Trap::None);
    if (desc.result == Scalar::Void) EXPECT_EQ(result, 0xDEAD);
    return result;
  }
  Reference text(std::uint32_t capacity, std::string_view content) {
    const Reference reference = take((4 + capacity + 7) / 8 * 8, capacity);
    context_.set_text(reference, 0, content);
    return reference;
  }
  Reference array(const std::vector<double>& values) { return array_of(values); }
  template <typename T>
  Reference array_of(const std::vector<T>& values) {
    const Reference reference =
        take((values.size() * sizeof(T) + 7) / 8 * 8, static_cast<std::uint32_t>(values.size()));
    if (!values.empty()) std::memcpy(context_.at(reference), values.data(), values.size() * sizeof(T));
    return reference;
  }
  template <typename T>
  std::vector<T> elements(Reference reference) {
    std::vector<T> values(reference.capacity());
    if (!values.empty()) std::memcpy(values.data(), context_.at(reference), values.size() * sizeof(T));
    return values;
  }
  std::string_view read(Reference reference) { return context_.text(reference); }
  std::uint64_t texts_cut() const { return context_.texts_cut; }

 private:
  Reference take(std::size_t bytes, std::uint32_t capacity) {
    const Reference reference = Reference::make(Region::Scratch, used_, capacity);
    used_ += static_cast<std::uint32_t>(bytes);
    EXPECT_LE(used_, memory_.size() * 8);
    return reference;
  }
  std::vector<Word> memory_ = std::vector<Word>(8192);
  std::uint32_t used_ = 0;
  Context context_;
};

}  // namespace eyeflow::stdlib
