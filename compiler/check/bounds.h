#pragma once

#include <cstdint>
#include <functional>
#include <limits>

#include "compiler/check/typed_tree.h"

// How large a whole number can be, as far as its types and constants tell. Loops take their bounds from here.
namespace eyeflow::compiler::check_detail {

struct Range {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();

  bool has_min() const { return min != std::numeric_limits<std::int64_t>::min(); }
  bool has_max() const { return max != std::numeric_limits<std::int64_t>::max(); }
};

struct RangeSource {
  std::function<Range(typed::LocalId)> local;
  std::function<const typed::Param&(typed::ParamId)> param;
};

// Of an expression of any whole type; everything for what is not known.
Range range_of(const typed::Expr& expr, const RangeSource& source);

}  // namespace eyeflow::compiler::check_detail
