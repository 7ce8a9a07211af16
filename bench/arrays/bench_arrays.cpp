// The kernels on whole arrays beside loops of intrinsics written by hand, our Fourier transform beside KissFFT, and,
// for the reader, FFTW and OpenBLAS (those that are installed).
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "bench/arrays/by_hand.h"
#include "stdlib/kernels/kernels.h"

#ifdef EYEFLOW_HAS_KISSFFT
#include <kiss_fftr.h>
#endif
#ifdef EYEFLOW_HAS_FFTW
#include <fftw3.h>
#endif
#ifdef EYEFLOW_HAS_OPENBLAS
#include <cblas.h>
#endif

namespace eyeflow::bench {
namespace {

using stdlib::kernels;
constexpr std::size_t kCount = 4096, kSide = 64;

struct alignas(64) Floats {
  float data[kCount + 16];
  explicit Floats(unsigned seed) {
    std::mt19937 random(seed);
    for (float& x : data) x = static_cast<float>(random() >> 8) / 16777216.0f + 0.5f;
  }
};
const Floats a(1), b(2);
Floats to(3), other(4);

[[noreturn]] void differ(const char* what) {
  std::fprintf(stderr, "%s: by hand and by kernel differ, there is nothing to compare\n", what);
  std::exit(1);
}
void same(const char* what, float x, float y) {
  if (std::memcmp(&x, &y, sizeof x) != 0) differ(what);
}
void same_arrays(const char* what) {
  if (std::memcmp(to.data, other.data, kCount * sizeof(float)) != 0) differ(what);
}

// `body` under GROUP/VARIANT.
template <typename Body>
void add(const std::string& name, Body body) {
  benchmark::RegisterBenchmark(name.c_str(), [body](benchmark::State& state) {
    for (auto _ : state) {
      body();
      benchmark::ClobberMemory();
    }
  });
}

template <typename Hand, typename Kernel>
void add_arrays(const char* group, Hand hand, Kernel kernel) {
  hand(other.data), kernel(to.data);
  same_arrays(group);
  add(std::string(group) + "/by_hand", [=] { hand(other.data); });
  add(std::string(group) + "/kernel", [=] { kernel(to.data); });
}
template <typename Hand, typename Kernel>
void add_figures(const char* group, Hand hand, Kernel kernel) {
  same(group, hand(), kernel());
  add(std::string(group) + "/by_hand", [=] { benchmark::DoNotOptimize(hand()); });
  add(std::string(group) + "/kernel", [=] { benchmark::DoNotOptimize(kernel()); });
}

void add_loops() {
  const auto& k = kernels();
  add_arrays(
      "add_4096", [](float* t) { by_hand::add(t, a.data, b.data, kCount); },
      [&k](float* t) { k.arrays.AddF32(t, a.data, b.data, kCount); });
  add_arrays(
      "multiply_4096", [](float* t) { by_hand::multiply(t, a.data, 1.5f, kCount); },
      [&k](float* t) { k.arrays.MulScalarF32(t, a.data, 1.5f, kCount); });
  add_arrays(
      "sqrt_4096", [](float* t) { by_hand::square_root(t, a.data, kCount); },
      [&k](float* t) { k.arrays.SqrtF32(t, a.data, kCount); });
  add_figures(
      "sum_4096", [] { return by_hand::sum(a.data, kCount); },
      [&k] {
        float sum;
        k.arrays.SumF32(&sum, a.data, kCount);
        return sum;
      });
  add_figures(
      "dot_4096", [] { return by_hand::dot(a.data, b.data, kCount); },
      [&k] { return k.f32.dot(a.data, b.data, kCount); });
  add("dot_4096/any_order", [] { benchmark::DoNotOptimize(by_hand::dot_any_order(a.data, b.data, kCount)); });
  add_figures("rms_4096", [] { return by_hand::rms(a.data, kCount); }, [&k] { return k.f32.rms(a.data, kCount); });
  add_figures("max_4096", [] { return by_hand::greatest(a.data, kCount); }, [&k] { return k.f32.max(a.data, kCount); });
  add_arrays(
      "matmul_64", [](float* t) { by_hand::matmul(t, a.data, b.data, kSide); },
      [&k](float* t) { k.f32.matmul(t, a.data, b.data, kSide, kSide, kSide); });
#ifdef EYEFLOW_HAS_OPENBLAS
  openblas_set_num_threads(1);
  add("matmul_64/openblas", [] {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, kSide, kSide, kSide, 1.0f, a.data, kSide, b.data, kSide,
                0.0f, other.data, kSide);
  });
#endif
}

struct Transform {
  stdlib::FftShape shape;
  std::vector<float> table = stdlib::fft_table<float>(shape), scratch = std::vector<float>(shape.scratch_numbers()),
                     bins = std::vector<float>(2 * shape.bins());
};

void add_transform(int n) {
  const std::string group = "fft_" + std::to_string(n);
  auto* ours = new Transform{stdlib::fft_shape(static_cast<std::uint64_t>(n))};  // as long as the program
  const auto run = [ours] {
    kernels().f32_signals.fft(ours->shape, ours->bins.data(), a.data, ours->table.data(), ours->scratch.data());
  };
  run();
  add(group + "/kernel", run);
  // Another way to the same values is close, not equal.
  [[maybe_unused]] const auto close = [ours, n](const float* bins, const char* what) {
    for (std::size_t k = 0; k < ours->bins.size(); ++k)
      if (!(std::abs(bins[k] - ours->bins[k]) < 1e-5f * static_cast<float>(n))) differ(what);
  };
#ifdef EYEFLOW_HAS_KISSFFT
  static std::vector<kiss_fft_cpx> kiss(kCount);
  const kiss_fftr_cfg config = kiss_fftr_alloc(n, 0, nullptr, nullptr);
  kiss_fftr(config, a.data, kiss.data());
  close(&kiss[0].r, "KissFFT");
  add(group + "/kissfft", [config] { kiss_fftr(config, a.data, kiss.data()); });
#endif
#ifdef EYEFLOW_HAS_FFTW
  static auto* in = fftwf_alloc_real(kCount);
  static auto* out = fftwf_alloc_complex(kCount);
  const fftwf_plan plan = fftwf_plan_dft_r2c_1d(n, in, out, FFTW_MEASURE);
  std::memcpy(in, a.data, static_cast<std::size_t>(n) * sizeof(float));
  fftwf_execute(plan);
  close(&out[0][0], "FFTW");
  add(group + "/fftw", [plan] { fftwf_execute(plan); });
#endif
}

}  // namespace
}  // namespace eyeflow::bench

int main(int argc, char** argv) {
  eyeflow::bench::add_loops();
  for (const int n : {1000, 1024}) eyeflow::bench::add_transform(n);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
