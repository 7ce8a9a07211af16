#include <functional>
#include <limits>

#include "stdlib/intrinsics/functions.h"

namespace eyeflow::stdlib::functions {
namespace {

using vm::Context;
using vm::Reference;
using vm::Word;

constexpr int kPartials = 32;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// The one order of a reduction: element i goes to partial i mod 32, then the upper half is folded onto the lower until
// one is left. Kernels of any width up to 32 lanes give the same bits.
template <typename Combine, typename Map = std::identity>
double reduce(Context& context, Reference array, double start, Combine combine, Map map = {}) {
  double partials[kPartials];
  for (double& p : partials) p = start;
  const std::byte* place = context.at(array);
  for (std::uint32_t n = 0; n < array.capacity(); ++n, place += sizeof(double)) {
    double x;
    std::memcpy(&x, place, sizeof x);
    partials[n % kPartials] = combine(partials[n % kPartials], map(x));
  }
  for (int half = kPartials / 2; half > 0; half /= 2)
    for (int n = 0; n < half; ++n) partials[n] = combine(partials[n], partials[n + half]);
  return partials[0];
}

bool has_nan(Context& context, Reference array) {
  const std::byte* place = context.at(array);
  for (std::uint32_t n = 0; n < array.capacity(); ++n, place += sizeof(double)) {
    double x;
    std::memcpy(&x, place, sizeof x);
    if (x != x) return true;
  }
  return false;
}

double length(Reference array) { return static_cast<double>(array.capacity()); }

}  // namespace

double mean_f64(Context& context, Word a) {
  const Reference array{a};
  return vm::canonical(reduce(context, array, 0.0, std::plus<>()) / length(array));
}

double min_f64(Context& context, Word a) {
  const Reference array{a};
  if (array.capacity() == 0 || has_nan(context, array)) return kNan;
  constexpr double kStart = std::numeric_limits<double>::infinity();
  return vm::canonical(reduce(context, array, kStart, [](double p, double x) { return x < p ? x : p; }));
}
double max_f64(Context& context, Word a) {
  const Reference array{a};
  if (array.capacity() == 0 || has_nan(context, array)) return kNan;
  constexpr double kStart = -std::numeric_limits<double>::infinity();
  return vm::canonical(reduce(context, array, kStart, [](double p, double x) { return p < x ? x : p; }));
}

double rms_f64(Context& context, Word a) {
  const Reference array{a};
  const double squares = reduce(context, array, 0.0, std::plus<>(), [](double x) { return x * x; });
  return vm::canonical(__builtin_sqrt(squares / length(array)));
}

}  // namespace eyeflow::stdlib::functions
