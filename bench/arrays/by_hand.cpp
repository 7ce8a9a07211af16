// Compiled with -march=native, unlike everything else of the house.
#include "bench/arrays/by_hand.h"

#include <cmath>
#include <cstdint>
#include <limits>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace eyeflow::bench::by_hand {
namespace {

#if defined(__AVX512F__)
using V = __m512;
constexpr std::size_t kLanes = 16;
V load(const float* x) { return _mm512_loadu_ps(x); }
void store(float* x, V v) { _mm512_storeu_ps(x, v); }
V all(float x) { return _mm512_set1_ps(x); }
V plus(V a, V b) { return _mm512_add_ps(a, b); }
V times(V a, V b) { return _mm512_mul_ps(a, b); }
V root(V a) { return _mm512_sqrt_ps(a); }
V larger(V p, V x) { return _mm512_max_ps(x, p); }  // p < x ? x : p
bool any_nan(V a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q) != 0; }
#elif defined(__AVX2__)
using V = __m256;
constexpr std::size_t kLanes = 8;
V load(const float* x) { return _mm256_loadu_ps(x); }
void store(float* x, V v) { _mm256_storeu_ps(x, v); }
V all(float x) { return _mm256_set1_ps(x); }
V plus(V a, V b) { return _mm256_add_ps(a, b); }
V times(V a, V b) { return _mm256_mul_ps(a, b); }
V root(V a) { return _mm256_sqrt_ps(a); }
V larger(V p, V x) { return _mm256_max_ps(x, p); }
bool any_nan(V a) { return _mm256_movemask_ps(_mm256_cmp_ps(a, a, _CMP_UNORD_Q)) != 0; }
#elif defined(__aarch64__)
using V = float32x4_t;
constexpr std::size_t kLanes = 4;
V load(const float* x) { return vld1q_f32(x); }
void store(float* x, V v) { vst1q_f32(x, v); }
V all(float x) { return vdupq_n_f32(x); }
V plus(V a, V b) { return vaddq_f32(a, b); }
V times(V a, V b) { return vmulq_f32(a, b); }
V root(V a) { return vsqrtq_f32(a); }
V larger(V p, V x) { return vbslq_f32(vcltq_f32(p, x), x, p); }
bool any_nan(V a) { return vminvq_u32(vceqq_f32(a, a)) == 0; }
#else
using V = float;
constexpr std::size_t kLanes = 1;
V load(const float* x) { return *x; }
void store(float* x, V v) { *x = v; }
V all(float x) { return x; }
V plus(V a, V b) { return a + b; }
V times(V a, V b) { return a * b; }
V root(V a) { return std::sqrt(a); }
V larger(V p, V x) { return p < x ? x : p; }
bool any_nan(V a) { return a != a; }
#endif

constexpr std::size_t kPartials = 32, kVectors = kPartials / kLanes;

template <typename Element>
void each(float* to, std::size_t n, Element element) {
  for (std::size_t i = 0; i < n; i += 4 * kLanes) {
    const V a = element(i), b = element(i + kLanes), c = element(i + 2 * kLanes), d = element(i + 3 * kLanes);
    store(to + i, a);
    store(to + i + kLanes, b);
    store(to + i + 2 * kLanes, c);
    store(to + i + 3 * kLanes, d);
  }
}

template <typename Term, typename Step>
float reduce(std::size_t n, float start, Term term, Step step) {
  V partials[kVectors];
  for (V& p : partials) p = all(start);
  for (std::size_t i = 0; i < n; i += kPartials)
    for (std::size_t k = 0; k < kVectors; ++k) partials[k] = step(partials[k], term(i + k * kLanes));
  float lanes[kPartials];
  for (std::size_t k = 0; k < kVectors; ++k) store(lanes + k * kLanes, partials[k]);
  for (std::size_t half = kPartials / 2; half >= kLanes; half /= 2)
    for (std::size_t k = 0; k < half; k += kLanes) store(lanes + k, step(load(lanes + k), load(lanes + k + half)));
  for (std::size_t half = kLanes / 2; half > 0; half /= 2)
    for (std::size_t k = 0; k < half; ++k) {
      float pair[2 * kLanes] = {lanes[k]};
      pair[kLanes] = lanes[k + half];
      float both[kLanes];
      store(both, step(load(pair), load(pair + kLanes)));
      lanes[k] = both[0];
    }
  return lanes[0];
}

}  // namespace

void add(float* to, const float* x, const float* y, std::size_t n) {
  each(to, n, [&](std::size_t i) { return plus(load(x + i), load(y + i)); });
}
void multiply(float* to, const float* x, float y, std::size_t n) {
  const V factor = all(y);
  each(to, n, [&](std::size_t i) { return times(load(x + i), factor); });
}
void square_root(float* to, const float* x, std::size_t n) {
  each(to, n, [&](std::size_t i) { return root(load(x + i)); });
}
float sum(const float* x, std::size_t n) {
  return reduce(n, 0, [&](std::size_t i) { return load(x + i); }, plus);
}
float dot(const float* x, const float* y, std::size_t n) {
  return reduce(n, 0, [&](std::size_t i) { return times(load(x + i), load(y + i)); }, plus);
}
float rms(const float* x, std::size_t n) { return std::sqrt(dot(x, x, n) / static_cast<float>(n)); }
float greatest(const float* x, std::size_t n) {
  bool nan = false;
  const float most = reduce(
      n, -std::numeric_limits<float>::infinity(),
      [&](std::size_t i) {
        const V v = load(x + i);
        nan |= any_nan(v);
        return v;
      },
      larger);
  return nan ? std::numeric_limits<float>::quiet_NaN() : most;
}

void matmul(float* to, const float* a, const float* b, std::size_t side) {
  constexpr std::size_t kRows = 4, kWide = 2;
  for (std::size_t row = 0; row < side; row += kRows)
    for (std::size_t column = 0; column < side; column += kWide * kLanes) {
      V sums[kRows][kWide];
      for (auto& some : sums)
        for (V& one : some) one = all(0);
      for (std::size_t k = 0; k < side; ++k) {
        V right[kWide];
        for (std::size_t w = 0; w < kWide; ++w) right[w] = load(b + k * side + column + w * kLanes);
        for (std::size_t r = 0; r < kRows; ++r) {
          const V left = all(a[(row + r) * side + k]);
          for (std::size_t w = 0; w < kWide; ++w) sums[r][w] = plus(sums[r][w], times(left, right[w]));
        }
      }
      for (std::size_t r = 0; r < kRows; ++r)
        for (std::size_t w = 0; w < kWide; ++w) store(to + (row + r) * side + column + w * kLanes, sums[r][w]);
    }
}

float dot_any_order(const float* x, const float* y, std::size_t n) {
  V sums[8];
  for (V& s : sums) s = all(0);
  for (std::size_t i = 0; i < n; i += 8 * kLanes)
    for (std::size_t k = 0; k < 8; ++k)
      sums[k] = plus(sums[k], times(load(x + i + k * kLanes), load(y + i + k * kLanes)));
  for (std::size_t k = 1; k < 8; ++k) sums[0] = plus(sums[0], sums[k]);
  float lanes[kLanes], total = 0;
  store(lanes, sums[0]);
  for (const float lane : lanes) total += lane;
  return total;
}

}  // namespace eyeflow::bench::by_hand
