#pragma once

// The Fourier transform of real numbers as stdlib/kernels/fft.h describes it, for even counts whose half is a product
// of 4, 2 and 5, in C: loops over columns that the compiler turns into vector code.

#include "bench/kernels/arrays.h"

// sin and cos of πx for 0 <= x <= 1/4, in double, by their series.
static double series(double angle, double first, int from) {
  double sum = first, term = first;
  for (int n = from; n < from + 26; n += 2) {
    term = -term * angle * angle / ((double)n * (double)(n + 1));
    sum += term;
  }
  return sum;
}
// e^(-2πi k/n): the angle is brought into an eighth of the circle as a fraction of whole numbers.
static void fft_root(int64_t k, int64_t n, float* re, float* im) {
  const int64_t eighths = k % n * 8, octant = eighths / n, rest = eighths % n;
  const double angle = 3.14159265358979323846 * ((double)(octant % 2 ? n - rest : rest) / (double)(4 * n));
  double c = series(angle, 1.0, 1), s = series(angle, angle, 2);
  if (octant % 2) {
    const double swap = c;
    c = s;
    s = swap;
  }
  const double cosines[] = {c, -s, -c, s}, sines[] = {s, c, -s, -c};
  *re = (float)(cosines[octant / 2] + 0.0);
  *im = (float)(-sines[octant / 2] + 0.0);
}

static void fft_prepare(int64_t n, const int* radices, float* table, float* roots) {
  const int64_t points = n / 2;
  for (int64_t m = points, stage = 0; m > 1; ++stage) {
    const int64_t length = m, radix = radices[stage];
    m /= radix;
    for (int64_t k = 1; m > 1 && k < radix; ++k, table += 2 * m)
      for (int64_t p = 0; p < m; ++p) fft_root(k * p, length, &table[p], &table[m + p]);
  }
  for (int64_t k = 0; k <= points / 2; ++k) fft_root(k, n, &roots[k], &roots[points / 2 + 1 + k]);
}

// One stage: columns of `stride` beside each other, m groups of them. The first stage goes over groups instead.
#define FFT_LOOPS(...)                       \
  if (stride == 1) {                         \
    for (int64_t p = 0; p < m; ++p) {        \
      const int64_t q = 0;                   \
      __VA_ARGS__                            \
    }                                        \
  } else {                                   \
    for (int64_t p = 0; p < m; ++p) {        \
      for (int64_t q = 0; q < stride; ++q) { \
        __VA_ARGS__                          \
      }                                      \
    }                                        \
  }
#define FFT_IN(j) const float r##j = fr[q + stride * (p + (j) * m)], i##j = fi[q + stride * (p + (j) * m)];
#define FFT_OUT(k, radix, re, im)                                               \
  {                                                                             \
    const float or_ = re, oi_ = im;                                             \
    const int64_t at = q + stride * ((radix) * p + (k));                        \
    if ((k) == 0 || m == 1) {                                                   \
      tr[at] = or_;                                                             \
      ti[at] = oi_;                                                             \
    } else {                                                                    \
      const float wr = w[(2 * (k) - 2) * m + p], wi = w[(2 * (k) - 1) * m + p]; \
      tr[at] = or_ * wr - oi_ * wi;                                             \
      ti[at] = or_ * wi + oi_ * wr;                                             \
    }                                                                           \
  }

static inline void fft_stage(int radix, const float* restrict fr, const float* restrict fi, float* restrict tr,
                             float* restrict ti, const float* restrict w, int64_t m, int64_t stride) {
  if (radix == 2) {
    FFT_LOOPS(FFT_IN(0) FFT_IN(1) FFT_OUT(0, 2, r0 + r1, i0 + i1) FFT_OUT(1, 2, r0 - r1, i0 - i1))
  } else if (radix == 4) {
    FFT_LOOPS(FFT_IN(0) FFT_IN(1) FFT_IN(2) FFT_IN(3) const float ar = r0 + r2, ai = i0 + i2, br = r0 - r2,
              bi = i0 - i2;
              const float cr = r1 + r3, ci = i1 + i3, dr = r1 - r3, di = i1 - i3; FFT_OUT(0, 4, ar + cr, ai + ci)
                  FFT_OUT(1, 4, br + di, bi - dr) FFT_OUT(2, 4, ar - cr, ai - ci) FFT_OUT(3, 4, br - di, bi + dr))
  } else {
    const float c1 = 0.30901699437494742410f, c2 = -0.80901699437494742410f;
    const float s1 = 0.95105651629515357212f, s2 = 0.58778525229247312917f;
    FFT_LOOPS(FFT_IN(0) FFT_IN(1) FFT_IN(2) FFT_IN(3) FFT_IN(4) const float ar = r1 + r4, ai = i1 + i4, dr = r1 - r4,
              di = i1 - i4;
              const float br = r2 + r3, bi = i2 + i3, er = r2 - r3, ei = i2 - i3;
              const float m1r = r0 + ar * c1 + br * c2, m1i = i0 + ai * c1 + bi * c2;
              const float m2r = r0 + ar * c2 + br * c1, m2i = i0 + ai * c2 + bi * c1;
              const float n1r = dr * s1 + er * s2, n1i = di * s1 + ei * s2;
              const float n2r = dr * s2 - er * s1, n2i = di * s2 - ei * s1;
              FFT_OUT(0, 5, r0 + (ar + br), i0 + (ai + bi)) FFT_OUT(1, 5, m1r + n1i, m1i - n1r) FFT_OUT(
                  2, 5, m2r + n2i, m2i - n2r) FFT_OUT(3, 5, m2r - n2i, m2i + n2r) FFT_OUT(4, 5, m1r - n1i, m1i + n1r))
  }
}

// n numbers at x, n/2 + 1 pairs at `to`, 2 n numbers of scratch.
static void fft_real(int64_t n, const int* radices, const float* table, const float* roots, const float* restrict x,
                     float* restrict to, float* restrict scratch) {
  const int64_t points = n / 2, end = (points + 1) / 2;
  float *fr = scratch, *fi = fr + points, *tr = fi + points, *ti = tr + points;
  for (int64_t k = 0; k < points; ++k) {
    fr[k] = x[2 * k];
    fi[k] = x[2 * k + 1];
  }
  for (int64_t m = points, stride = 1, stage = 0; m > 1; ++stage) {
    const int radix = radices[stage];
    m /= radix;
    fft_stage(radix, fr, fi, tr, ti, table, m, stride);
    table += 2 * (radix - 1) * m;
    stride *= radix;
    float *swap_r = fr, *swap_i = fi;
    fr = tr, fi = ti, tr = swap_r, ti = swap_i;
  }
  const float* restrict wr = roots;
  const float* restrict wi = roots + points / 2 + 1;
  to[0] = fr[0] + fi[0], to[1] = 0;
  to[2 * points] = fr[0] - fi[0], to[2 * points + 1] = 0;
  if (points % 2 == 0) {
    to[points] = fr[points / 2];
    to[points + 1] = -fi[points / 2];
  }
  float* restrict low = to;
  float* restrict high = to + 2 * points;
  for (int64_t k = 1; k < end; ++k) {
    const float ar = fr[k], ai = fi[k], br = fr[points - k], bi = fi[points - k];
    const float even_r = (ar + br) * 0.5f, even_i = (ai - bi) * 0.5f;
    const float xr = (ai + bi) * 0.5f, xi = (br - ar) * 0.5f;
    const float odd_r = xr * wr[k] - xi * wi[k], odd_i = xr * wi[k] + xi * wr[k];
    low[2 * k] = even_r + odd_r;
    low[2 * k + 1] = even_i + odd_i;
    high[-2 * k] = even_r - odd_r;
    high[-2 * k + 1] = odd_i - even_i;
  }
}
