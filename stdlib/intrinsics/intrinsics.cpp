#include "stdlib/intrinsics/intrinsics.h"

#include <initializer_list>
#include <iterator>

#include "stdlib/intrinsics/functions.h"

namespace eyeflow::stdlib {
namespace {

using namespace vm::isa_rows;

constexpr vm::IntrinsicDesc row(std::uint16_t id, vm::IntrinsicFunction function, std::string_view name,
                                vm::Scalar result, std::uint32_t cost, std::uint32_t cost_per_four,
                                std::string_view meaning, std::initializer_list<vm::Operand> params) {
  vm::IntrinsicDesc desc{};
  desc.id = id;
  desc.name = name;
  desc.result = result;
  desc.param_count = static_cast<std::uint8_t>(params.size());
  std::size_t n = 0;
  for (const vm::Operand& param : params) desc.params[n++] = param;  // too many do not compile
  desc.cost = cost;
  desc.cost_per_four_elements = cost_per_four;
  desc.function = function;
  desc.meaning = meaning;
  return desc;
}

constexpr vm::IntrinsicDesc kIntrinsics[] = {
#define EYEFLOW_INTRINSIC(Id, function, name, Result, Cost, CostPerFour, meaning, ...) \
  row(Id, functions::function, name, Result, Cost, CostPerFour, meaning, {__VA_ARGS__}),
#include "stdlib/intrinsics/intrinsics.def"
};

constexpr bool ids_dense() {
  for (std::size_t i = 0; i < std::size(kIntrinsics); ++i)
    if (kIntrinsics[i].id != i) return false;
  return true;
}
constexpr bool names_unique() {
  for (std::size_t i = 0; i < std::size(kIntrinsics); ++i)
    for (std::size_t j = i + 1; j < std::size(kIntrinsics); ++j)
      if (kIntrinsics[i].name == kIntrinsics[j].name) return false;
  return true;
}
// What an intrinsic costs by its elements is bounded by the capacity of a reference, so it needs one.
constexpr bool costs_sensible() {
  for (const vm::IntrinsicDesc& desc : kIntrinsics) {
    bool has_reference = false;
    for (const vm::Operand& param : desc.params)
      has_reference |= param.role == vm::Role::Read && param.match != vm::Match::Exact;
    if (desc.cost == 0 || desc.meaning.empty() || (desc.cost_per_four_elements > 0 && !has_reference)) return false;
  }
  return true;
}
static_assert(ids_dense(), "ids are the rows' positions: append at the end");
static_assert(names_unique());
static_assert(costs_sensible());

}  // namespace

vm::IntrinsicTable intrinsics() { return kIntrinsics; }

std::optional<std::uint16_t> find_intrinsic(std::string_view name) {
  for (const vm::IntrinsicDesc& desc : kIntrinsics)
    if (desc.name == name) return desc.id;
  return std::nullopt;
}

}  // namespace eyeflow::stdlib
