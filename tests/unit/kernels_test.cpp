// The kernels of every vector width that this CPU has, against plain loops: the same bits for all lengths, places and
// values.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/kernel_data.h"

namespace eyeflow::stdlib {
namespace {

constexpr std::size_t kLengths[] = {0,  1,  2,  3,  4,  5,  7,  8,  9,  15, 16, 17,  31,  32,  33,  47,
                                    48, 49, 63, 64, 65, 66, 67, 95, 96, 97, 99, 127, 128, 160, 255, 1000};

TEST(Kernels, ElementWiseIsAsThePlainLoops) {
  on_each_target([](const Kernels& k, const std::string& target) {
    std::mt19937_64 random(1);
    for (const std::size_t n : kLengths) {
      for (int kind = 0; kind < 4; ++kind) {
#define EYEFLOW_PREPARE(T)                                                         \
  using E = vm::CppType<vm::Scalar::T>;                                            \
  const Row<E> b = some_row<E>(random, n, kind), c = some_row<E>(random, n, kind); \
  const E scalar = some_value<E>(random, kind);                                    \
  (void)c, (void)scalar;                                                           \
  Row<E> expected = b, got = b, in_place = b;
#define EYEFLOW_COMPARE(Name, T)                                   \
  EXPECT_EQ(given, fits) << #Name #T << ' ' << n << ' ' << target; \
  if (fits) EXPECT_TRUE(got == expected) << #Name #T << ' ' << n << ' ' << kind << ' ' << target;
#define EYEFLOW_ARRAY_ONE(T, Name, Element)                                            \
  {                                                                                    \
    EYEFLOW_PREPARE(T)                                                                 \
    const bool fits = vm::kPlainArrayKernels.Name##T(expected.data(), b.data(), n);    \
    const bool given = k.arrays.Name##T(got.data(), b.data(), n);                      \
    EYEFLOW_COMPARE(Name, T)                                                           \
    k.arrays.Name##T(in_place.data(), in_place.data(), n);                             \
    if (fits) EXPECT_TRUE(in_place == expected) << #Name #T << " in place " << target; \
  }
#define EYEFLOW_ARRAY_PAIR(T, Name, Element)                                                  \
  {                                                                                           \
    EYEFLOW_PREPARE(T)                                                                        \
    const bool fits = vm::kPlainArrayKernels.Name##T(expected.data(), b.data(), c.data(), n); \
    const bool given = k.arrays.Name##T(got.data(), b.data(), c.data(), n);                   \
    EYEFLOW_COMPARE(Name, T)                                                                  \
    k.arrays.Name##T(in_place.data(), in_place.data(), c.data(), n);                          \
    if (fits) EXPECT_TRUE(in_place == expected) << #Name #T << " in place " << target;        \
  }
#define EYEFLOW_ARRAY_WITH(T, Name, Element)                                                \
  {                                                                                         \
    EYEFLOW_PREPARE(T)                                                                      \
    const bool fits = vm::kPlainArrayKernels.Name##T(expected.data(), b.data(), scalar, n); \
    const bool given = k.arrays.Name##T(got.data(), b.data(), scalar, n);                   \
    EYEFLOW_COMPARE(Name, T)                                                                \
    k.arrays.Name##T(in_place.data(), in_place.data(), scalar, n);                          \
    if (fits) EXPECT_TRUE(in_place == expected) << #Name #T << " in place " << target;      \
  }
#define EYEFLOW_ARRAY_FROM(T, Name, Element) EYEFLOW_ARRAY_WITH(T, Name, Element)
#include "vm/isa/array_ops.def"
      }
    }
  });
}

template <typename T>
void sums_as_the_plain_loop(vm::SumKernel<T> kernel, vm::SumKernel<T> plain, const std::string& target) {
  std::mt19937_64 random(2);
  int unfit = 0;
  for (const std::size_t n : kLengths)
    for (int kind = 0; kind < 4; ++kind) {
      const Row<T> x = some_row<T>(random, n, kind);
      T expected{}, got{};
      const bool fits = plain(&expected, x.data(), n);
      EXPECT_EQ(kernel(&got, x.data(), n), fits) << n << ' ' << target;
      unfit += !fits;
      if (fits) EXPECT_EQ(std::memcmp(&got, &expected, sizeof got), 0) << n << ' ' << kind << ' ' << target;
    }
  EXPECT_EQ(unfit > 0, std::is_integral_v<T>);
}
TEST(Kernels, SumsAreAsThePlainLoops) {
  on_each_target([](const Kernels& k, const std::string& target) {
    sums_as_the_plain_loop(k.arrays.SumF64, vm::kPlainArrayKernels.SumF64, target);
    sums_as_the_plain_loop(k.arrays.SumF32, vm::kPlainArrayKernels.SumF32, target);
    sums_as_the_plain_loop(k.arrays.SumI64, vm::kPlainArrayKernels.SumI64, target);
    sums_as_the_plain_loop(k.arrays.SumI32, vm::kPlainArrayKernels.SumI32, target);
  });
}

// ---- Figures of whole arrays, by the one order, on scalars
// -----------------------------------------------------------

template <typename T, typename Term, typename Step>
T in_order(std::size_t n, T start, Term term, Step step) {
  T partials[vm::kPartials];
  for (T& p : partials) p = start;
  for (std::size_t i = 0; i < n; ++i) partials[i % vm::kPartials] = step(partials[i % vm::kPartials], term(i));
  for (int half = vm::kPartials / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) partials[i] = step(partials[i], partials[i + half]);
  return partials[0];
}

template <typename T>
struct Reference {
  static T add(T p, T x) { return p + x; }
  static T mean(const T* x, std::size_t n) {
    return in_order<T>(n, 0, [&](std::size_t i) { return x[i]; }, add) / static_cast<T>(n);
  }
  // Equal elements have themselves as their mean, whatever their sum was rounded to.
  static T center(const T* x, std::size_t n) {
    const bool equal = n > 0 && std::all_of(x, x + n, [&](T value) { return value == x[0]; });
    return equal ? x[0] : mean(x, n);
  }
  static T extreme(const T* x, std::size_t n, bool least) {
    for (std::size_t i = 0; i < n; ++i)
      if (std::isnan(x[i])) return x[i];
    if (n == 0) return std::numeric_limits<T>::quiet_NaN();
    constexpr T kInf = std::numeric_limits<T>::infinity();
    return in_order<T>(
        n, least ? kInf : -kInf, [&](std::size_t i) { return x[i]; },
        [&](T p, T v) { return least ? (v < p ? v : p) : (p < v ? v : p); });
  }
  static T rms(const T* x, std::size_t n) {
    return std::sqrt(in_order<T>(n, 0, [&](std::size_t i) -> T { return x[i] * x[i]; }, add) / static_cast<T>(n));
  }
  static T variance(const T* x, std::size_t n) {
    const T m = center(x, n);
    const auto square = [&](std::size_t i) -> T {
      const T d = x[i] - m;
      return d * d;
    };
    return in_order<T>(n, 0, square, add) / static_cast<T>(n);
  }
  static T kurtosis(const T* x, std::size_t n) {
    const T m = center(x, n), v = variance(x, n);
    const auto fourth = [&](std::size_t i) -> T {
      const T d = x[i] - m;
      const T square = d * d;
      return square * square;
    };
    return in_order<T>(n, 0, fourth, add) / static_cast<T>(n) / (v * v);
  }
  static T dot(const T* x, const T* y, std::size_t n) {
    return in_order<T>(n, 0, [&](std::size_t i) -> T { return x[i] * y[i]; }, add);
  }
  static T covariance(const T* x, const T* y, std::size_t n) {
    const T a = center(x, n), b = center(y, n);
    return in_order<T>(n, 0, [&](std::size_t i) -> T { return (x[i] - a) * (y[i] - b); }, add) / static_cast<T>(n);
  }
};

template <typename T>
void figures_as_the_reference(const Reductions<T>& k, const std::string& target) {
  std::mt19937_64 random(3);
  for (const std::size_t n : kLengths)
    for (int kind = 0; kind < 5; ++kind) {
      const Row<T> x = kind < 4 ? some_row<T>(random, n, kind) : Row<T>(std::vector<T>(n, T(0.1)));
      const Row<T> y = some_row<T>(random, n, kind % 4);
      const std::string where = " of " + std::to_string(n) + " kind " + std::to_string(kind) + " " + target;
      expect_bits(k.mean(x.data(), n), Reference<T>::mean(x.data(), n), "mean" + where);
      expect_bits(k.min(x.data(), n), Reference<T>::extreme(x.data(), n, true), "min" + where);
      expect_bits(k.max(x.data(), n), Reference<T>::extreme(x.data(), n, false), "max" + where);
      expect_bits(k.rms(x.data(), n), Reference<T>::rms(x.data(), n), "rms" + where);
      expect_bits(k.variance(x.data(), n), Reference<T>::variance(x.data(), n), "variance" + where);
      expect_bits(k.kurtosis(x.data(), n), Reference<T>::kurtosis(x.data(), n), "kurtosis" + where);
      expect_bits(k.dot(x.data(), y.data(), n), Reference<T>::dot(x.data(), y.data(), n), "dot" + where);
      expect_bits(k.covariance(x.data(), y.data(), n), Reference<T>::covariance(x.data(), y.data(), n),
                  "covariance" + where);
    }
}
TEST(Kernels, FiguresHaveTheOneOrder) {
  on_each_target([](const Kernels& k, const std::string& target) {
    figures_as_the_reference(k.f64, target);
    figures_as_the_reference(k.f32, target);
  });
}

template <typename T>
void products_as_the_reference(const Reductions<T>& k, const std::string& target) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 60; ++round) {
    const std::size_t rows = random() % 11, inner = random() % 13, columns = random() % 37;
    const Row<T> a = some_row<T>(random, rows * inner, round % 4), b = some_row<T>(random, inner * columns, round % 4);
    Row<T> got = some_row<T>(random, rows * columns, 0), expected = got;
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j) {
        T sum = 0;
        for (std::size_t l = 0; l < inner; ++l) {
          const T product = a.data()[i * inner + l] * b.data()[l * columns + j];
          sum += product;
        }
        expected.data()[i * columns + j] = vm::canonical(sum);
      }
    k.matmul(got.data(), a.data(), b.data(), rows, inner, columns);
    EXPECT_TRUE(got == expected) << rows << 'x' << inner << 'x' << columns << ' ' << target;
  }
}
TEST(Kernels, ProductsOfMatricesAddInOrder) {
  on_each_target([](const Kernels& k, const std::string& target) {
    products_as_the_reference(k.f64, target);
    products_as_the_reference(k.f32, target);
  });
}

// ---- Spectra and filters
// -----------------------------------------------------------------------------------------------------

template <typename T>
void signals_as_the_reference(const Signals<T>& k, const std::string& target) {
  std::mt19937_64 random(5);
  for (const std::size_t n : kLengths)
    for (int kind = 0; kind < 4; ++kind) {
      const Row<T> pairs = some_row<T>(random, 2 * n, kind), start = some_row<T>(random, n, 0);
      const T scale = some_value<T>(random, 0);
      Row<T> sizes = start, squares = start, got = start;
      for (std::size_t i = 0; i < n; ++i) {
        const T re = pairs.data()[2 * i] * pairs.data()[2 * i], im = pairs.data()[2 * i + 1] * pairs.data()[2 * i + 1];
        const T sum = re + im;
        sizes.data()[i] = vm::canonical(std::sqrt(sum) * scale);
        squares.data()[i] = vm::canonical(sum * scale);
      }
      k.magnitudes(got.data(), pairs.data(), scale, n);
      EXPECT_TRUE(got == sizes) << "magnitudes " << n << ' ' << kind << ' ' << target;
      k.powers(got.data(), pairs.data(), scale, n);
      EXPECT_TRUE(got == squares) << "powers " << n << ' ' << kind << ' ' << target;
      for (std::size_t count = 1; count <= 4; ++count) {
        const Row<T> x = some_row<T>(random, n + count - 1, kind), taps = some_row<T>(random, count, 0);
        Row<T> expected = start, filtered = start;
        for (std::size_t i = 0; i < n; ++i) {
          T sum = start.data()[i];
          for (std::size_t j = 0; j < count; ++j) {
            const T product = x.data()[i + count - 1 - j] * taps.data()[j];
            sum = sum + product;
          }
          expected.data()[i] = vm::canonical(sum);
        }
        k.fir(filtered.data(), x.data(), taps.data(), count, n);
        EXPECT_TRUE(filtered == expected) << "fir " << n << ' ' << count << ' ' << kind << ' ' << target;
      }
    }
}
TEST(Kernels, SpectraAndFiltersAreAsPlainLoops) {
  on_each_target([](const Kernels& k, const std::string& target) {
    signals_as_the_reference(k.f64_signals, target);
    signals_as_the_reference(k.f32_signals, target);
  });
}

}  // namespace
}  // namespace eyeflow::stdlib
