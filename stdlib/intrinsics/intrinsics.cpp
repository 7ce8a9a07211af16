#include "stdlib/intrinsics/intrinsics.h"

#include <array>
#include <iterator>

#include "stdlib/intrinsics/functions.h"
#include "stdlib/kernels/kernels.h"

namespace eyeflow::stdlib {
namespace {

using namespace vm::isa_rows;

template <bool MayTrap, vm::Scalar Result, vm::Operand... Params>
struct Row {
  using Signature = vm::DirectSignature<MayTrap, Result, Params...>;

  template <typename Signature::type* Function>
  static constexpr vm::IntrinsicDesc make(std::uint16_t id, std::string_view name, std::uint32_t cost,
                                          std::uint32_t cost_per_four, std::string_view meaning) {
    return {.id = id,
            .name = name,
            .result = Result,
            .param_count = sizeof...(Params),
            .params = {Params...},  // too many do not compile
            .cost = cost,
            .cost_per_four_elements = cost_per_four,
            .function = vm::WordCall<MayTrap, Function>::call,
            .meaning = meaning,
            .direct = nullptr,  // no constant expression has it
            .takes_context = Signature::kTakesContext,
            .may_trap = MayTrap};
  }
};

#define EYEFLOW_INTRINSIC(Id, function, name, Result, Cost, CostPerFour, meaning, ...) \
  Row<false, Result, __VA_ARGS__>::make<functions::function>(Id, name, Cost, CostPerFour, meaning),
#define EYEFLOW_HOST_CALL(Id, function, name, Result, Cost, CostPerFour, meaning, ...) \
  Row<true, Result, __VA_ARGS__>::make<functions::function>(Id, name, Cost, CostPerFour, meaning),
constexpr vm::IntrinsicDesc kRows[] = {
#include "stdlib/intrinsics/intrinsics.def"
};

constexpr bool ids_dense() {
  for (std::size_t i = 0; i < std::size(kRows); ++i)
    if (kRows[i].id != i) return false;
  return true;
}
constexpr bool names_unique() {
  for (std::size_t i = 0; i < std::size(kRows); ++i)
    for (std::size_t j = i + 1; j < std::size(kRows); ++j)
      if (kRows[i].name == kRows[j].name) return false;
  return true;
}
// What an intrinsic costs by its elements is bounded by the capacity of a reference, so it needs one.
constexpr bool costs_sensible() {
  for (const vm::IntrinsicDesc& desc : kRows) {
    bool has_reference = false;
    for (const vm::Operand& param : desc.params) has_reference |= vm::is_reference(param);
    if (desc.cost == 0 || desc.meaning.empty() || (desc.cost_per_four_elements > 0 && !has_reference)) return false;
  }
  return true;
}
static_assert(ids_dense(), "ids are the rows' positions: append at the end");
static_assert(names_unique());
static_assert(costs_sensible());

}  // namespace

vm::IntrinsicTable intrinsics() {
#define EYEFLOW_INTRINSIC(Id, function, ...) reinterpret_cast<vm::DirectFunction>(&functions::function),
  static const auto table = [] {
    const vm::DirectFunction kDirect[] = {
#include "stdlib/intrinsics/intrinsics.def"
    };
    std::array<vm::IntrinsicDesc, std::size(kRows)> rows;
    for (std::size_t n = 0; n < rows.size(); ++n) {
      rows[n] = kRows[n];
      rows[n].direct = kDirect[n];
    }
    return rows;
  }();
  return {table, kernels().arrays};
}

std::optional<std::uint16_t> find_intrinsic(std::string_view name) {
  for (const vm::IntrinsicDesc& desc : kRows)
    if (desc.name == name) return desc.id;
  return std::nullopt;
}

}  // namespace eyeflow::stdlib
