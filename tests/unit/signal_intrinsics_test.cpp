// Spectra, filters, curves and statistics of two arrays, against published values, and such that were worked out with
// fractions or by hand.
#include <cmath>
#include <limits>

#include "stdlib/kernels/fft.h"
#include "tests/unit/intrinsic_machine.h"

namespace eyeflow::stdlib {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double f64(Word word) { return vm::from_word<double>(word); }
float f32(Word word) { return vm::from_word<float>(word); }
std::int64_t i64(Word word) { return vm::from_word<std::int64_t>(word); }

template <typename T>
std::vector<T> transform(Machine& machine, const std::vector<T>& x, const char* name) {
  const FftShape shape = fft_shape(x.size());
  const Reference to = machine.array_of(std::vector<T>(2 * shape.bins())), from = machine.array_of(x),
                  table = machine.array_of(fft_table<T>(shape)),
                  scratch = machine.array_of(std::vector<T>(shape.scratch_numbers()));
  machine.call(name, to, from, table, scratch);
  return machine.elements<T>(to);
}

TEST(Signals, FourierTransform) {
  Machine machine;
  EXPECT_EQ(transform<double>(machine, {1, 2, 3, 4}, "signal.fft.f64"), (std::vector<double>{10, 0, -2, 2, -2, 0}));
  EXPECT_EQ(transform<float>(machine, {1, 2, 3, 4}, "signal.fft.f32"), (std::vector<float>{10, 0, -2, 2, -2, 0}));
  EXPECT_EQ(transform<double>(machine, {1, 0, 0, 0, 0}, "signal.fft.f64"), (std::vector<double>{1, 0, 1, 0, 1, 0}));
  EXPECT_EQ(transform<double>(machine, {3, 5}, "signal.fft.f64"), (std::vector<double>{8, 0, -2, 0}));
  // What does not belong together, and what is one and the same, is left alone.
  const Reference to = machine.array({7, 7, 7, 7, 7, 7}), x = machine.array({1, 2, 3, 4});
  const Reference table = machine.array(fft_table<double>(fft_shape(4)));
  const Reference scratch = machine.array(std::vector<double>(fft_shape(4).scratch_numbers()));
  machine.call("signal.fft.f64", to, x, table, table);
  machine.call("signal.fft.f64", to, x, table, to);
  machine.call("signal.fft.f64", x, to, table, scratch);
  EXPECT_EQ(machine.elements<double>(to), std::vector<double>(6, 7));
  EXPECT_EQ(machine.elements<double>(x), (std::vector<double>{1, 2, 3, 4}));
}

TEST(Signals, Sizes) {
  Machine machine;
  const Reference pairs = machine.array({3, 4, -5, 12, 8, 0}), to = machine.array({0, 0, 0});
  machine.call("signal.magnitudes.f64", to, pairs, 2.0, std::int64_t{0});
  EXPECT_EQ(machine.elements<double>(to), (std::vector<double>{10, 26, 16}));
  machine.call("signal.magnitudes.f64", to, pairs, 2.0, std::int64_t{1});
  EXPECT_EQ(machine.elements<double>(to), (std::vector<double>{5, 26, 16}));
  machine.call("signal.powers.f64", to, pairs, 2.0, std::int64_t{2});
  EXPECT_EQ(machine.elements<double>(to), (std::vector<double>{25, 338, 64}));
  const Reference narrow = machine.array_of<float>({3, 4}), one = machine.array_of<float>({0});
  machine.call("signal.magnitudes.f32", one, narrow, 1.0f, std::int64_t{0});
  EXPECT_EQ(machine.elements<float>(one)[0], 5.0f);
  machine.call("signal.powers.f32", one, narrow, 1.0f, std::int64_t{0});
  EXPECT_EQ(machine.elements<float>(one)[0], 25.0f);
  machine.call("signal.powers.f64", to, to, 1.0, std::int64_t{0});  // not twice as long
  EXPECT_EQ(machine.elements<double>(to), (std::vector<double>{25, 338, 64}));
}

TEST(Signals, BandAddsTheBinsInside) {
  Machine machine;
  const Reference a = machine.array({1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048});
  // 1.1 / 0.1 is a little above 11 in f64, and 0.3 / 0.1 a little below 3.
  EXPECT_EQ(f64(machine.call("signal.band.f64", a, 0.1, 0.3, 1.1)), (8 + 16 + 32 + 64 + 128 + 256 + 512 + 1024) * 0.1);
  EXPECT_EQ(f64(machine.call("signal.band.f64", a, 0.5, -3.0, 1.0)), 1.5);
  EXPECT_EQ(f64(machine.call("signal.band.f64", a, 1.0, 10.5, 1e300)), 2048);
  EXPECT_EQ(f64(machine.call("signal.band.f64", a, 1.0, 5.0, 5.0)), 0);
  EXPECT_EQ(f64(machine.call("signal.band.f64", a, 1.0, 7.0, 2.0)), 0);
  EXPECT_TRUE(std::isnan(f64(machine.call("signal.band.f64", a, 0.0, 1.0, 2.0))));
  EXPECT_TRUE(std::isnan(f64(machine.call("signal.band.f64", a, 1.0, kNan, 2.0))));
  constexpr double kInf = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(std::isnan(f64(machine.call("signal.band.f64", a, kInf, kInf, kInf))));
  EXPECT_EQ(f64(machine.call("signal.band.f64", a, 1.0, -kInf, kInf)), 4095);
  EXPECT_EQ(f32(machine.call("signal.band.f32", machine.array_of<float>({1, 2, 4}), 2.0f, 2.0f, 6.0f)), 12.0f);
}

// y[i] = Σ taps[j] x[i + k-1 - j], worked out by hand.
TEST(Signals, FilterOfFiniteLength) {
  Machine machine;
  const Reference x = machine.array({1, 2, 3, 4, 5, 6, 7}), taps = machine.array({1, 0.5, 0.25, 0, 2}),
                  to = machine.array({9, 9, 9});
  machine.call("signal.fir.f64", to, x, taps, std::int64_t{0});
  machine.call("signal.fir.f64", to, x, taps, std::int64_t{4});
  EXPECT_EQ(machine.elements<double>(to), (std::vector<double>{9.75, 13.5, 17.25}));
  machine.call("signal.fir.f64", to, x, taps, std::int64_t{5});
  machine.call("signal.fir.f64", to, x, taps, std::int64_t{-1});
  machine.call("signal.fir.f64", to, taps, x, std::int64_t{0});
  EXPECT_EQ(machine.elements<double>(to), (std::vector<double>{9.75, 13.5, 17.25}));
  const Reference narrow = machine.array_of<float>({1, 2, 4}), two = machine.array_of<float>({1, -1}),
                  difference = machine.array_of<float>({0, 0});
  machine.call("signal.fir.f32", difference, narrow, two, std::int64_t{0});
  EXPECT_EQ(machine.elements<float>(difference), (std::vector<float>{1, 2}));
}

TEST(Signals, CurvesAreStraightBetweenTheirPoints) {
  Machine machine;
  const Reference xs = machine.array({1, 2, 4}), ys = machine.array({10, 20, 0});
  const auto at = [&](double x) { return f64(machine.call("signal.interpolate.f64", xs, ys, x)); };
  EXPECT_EQ(at(0), 10);
  EXPECT_EQ(at(1), 10);
  EXPECT_EQ(at(1.25), 12.5);
  EXPECT_EQ(at(2), 20);
  EXPECT_EQ(at(3.5), 5);
  EXPECT_EQ(at(1e9), 0);
  EXPECT_TRUE(std::isnan(at(kNan)));
  EXPECT_EQ(f32(machine.call("signal.interpolate.f32", machine.array_of<float>({0, 4}), machine.array_of<float>({0, 1}),
                             1.0f)),
            0.25f);
  const Reference to = machine.array({0, 0, 0, 0, 0}), fewer = machine.array({0, 0}), one = machine.array({0});
  machine.call("signal.resample.f64", to, machine.array({1, 2, 4}));
  EXPECT_EQ(machine.elements<double>(to), (std::vector<double>{1, 1.5, 2, 3, 4}));
  machine.call("signal.resample.f64", fewer, to);
  EXPECT_EQ(machine.elements<double>(fewer), (std::vector<double>{1, 4}));
  machine.call("signal.resample.f64", one, to);
  EXPECT_EQ(machine.elements<double>(one), (std::vector<double>{1}));
  machine.call("signal.resample.f64", to, one);
  EXPECT_EQ(machine.elements<double>(to), std::vector<double>(5, 1));
  const Reference narrow = machine.array_of<float>({0, 0, 0});
  machine.call("signal.resample.f32", narrow, machine.array_of<float>({1, 4}));
  EXPECT_EQ(machine.elements<float>(narrow), (std::vector<float>{1, 2.5, 4}));
}

TEST(Statistics, Percentiles) {
  Machine machine;
  const Reference a = machine.array({9, 4, 2, 5, 4, 7, 5, 4}), scratch = machine.array(std::vector<double>(8));
  const auto at = [&](double percent) { return f64(machine.call("stats.percentile.f64", a, scratch, percent)); };
  EXPECT_EQ(at(0), 2);
  EXPECT_EQ(at(25), 4);  // element 1.75 of 2 4 4 4 5 5 7 9
  EXPECT_EQ(at(50), 4.5);
  EXPECT_NEAR(at(90), 7.6, 1e-14);  // element 6.3
  EXPECT_EQ(at(100), 9);
  EXPECT_TRUE(std::isnan(at(-0.5)));
  EXPECT_TRUE(std::isnan(at(100.5)));
  EXPECT_TRUE(std::isnan(at(kNan)));
  EXPECT_EQ(machine.elements<double>(a), (std::vector<double>{9, 4, 2, 5, 4, 7, 5, 4}));
  const Reference holes = machine.array({1, kNan}), two = machine.array({0, 0});
  EXPECT_TRUE(std::isnan(f64(machine.call("stats.percentile.f64", holes, two, 50.0))));
  EXPECT_TRUE(std::isnan(f64(machine.call("stats.percentile.f64", a, two, 50.0))));
  const Reference signs = machine.array({5, -1, 0, -0.0, -7}), five = machine.array(std::vector<double>(5));
  EXPECT_TRUE(std::signbit(f64(machine.call("stats.percentile.f64", signs, five, 50.0))));  // -0 is below 0
  EXPECT_EQ(f64(machine.call("stats.percentile.f64", signs, five, 12.5)), -4);
  const Reference narrow = machine.array_of<float>({3, -1, 2}), three = machine.array_of<float>({0, 0, 0});
  EXPECT_EQ(f32(machine.call("stats.percentile.f32", narrow, three, 75.0f)), 2.5f);
}

// Deviations of 9 4 2 5 4 7 5 4 from 5: their squares have the mean 4, their fourth powers 44.5.
TEST(Statistics, Kurtosis) {
  Machine machine;
  EXPECT_EQ(f64(machine.call("stats.kurtosis.f64", machine.array({9, 4, 2, 5, 4, 7, 5, 4}))), 44.5 / 16);
  EXPECT_EQ(f32(machine.call("stats.kurtosis.f32", machine.array_of<float>({1, -1, 1, -1}))), 1.0f);
  EXPECT_TRUE(std::isnan(f64(machine.call("stats.kurtosis.f64", machine.array({3, 3})))));
}

TEST(Statistics, OfTwoArrays) {
  Machine machine;
  const Reference x = machine.array({1, 2, 3, 4}), y = machine.array({2, 4, 5, 9});
  EXPECT_EQ(f64(machine.call("stats.covariance.f64", x, y)), 2.75);
  EXPECT_EQ(f64(machine.call("stats.slope.f64", x, y)), 2.2);
  EXPECT_NEAR(f64(machine.call("stats.correlation.f64", x, y)), 0.9647638212377322, 1e-15);
  const Reference flat = machine.array({3, 3, 3, 3});
  EXPECT_TRUE(std::isnan(f64(machine.call("stats.slope.f64", flat, y))));
  EXPECT_TRUE(std::isnan(f64(machine.call("stats.correlation.f64", x, flat))));
  const Reference a = machine.array_of<float>({0, 2}), b = machine.array_of<float>({6, 2});
  EXPECT_EQ(f32(machine.call("stats.covariance.f32", a, b)), -2.0f);
  EXPECT_EQ(f32(machine.call("stats.slope.f32", a, b)), -2.0f);
  EXPECT_EQ(f32(machine.call("stats.correlation.f32", a, b)), -1.0f);
}

// NIST, Statistical Reference Datasets, Norris: the certified slope and R².
TEST(Statistics, NorrisOfNist) {
  Machine machine;
  const Reference y = machine.array({0.1, 338.8, 118.1, 888.0, 9.2,   228.1, 668.5, 998.5, 449.1, 778.9, 559.2, 0.3,
                                     0.1, 778.1, 668.8, 339.3, 448.9, 10.8,  557.7, 228.3, 998.0, 888.8, 119.6, 0.3,
                                     0.6, 557.6, 339.3, 888.0, 998.5, 778.9, 10.2,  117.6, 228.9, 668.4, 449.2, 0.2});
  const Reference x = machine.array({0.2, 337.4, 118.2, 884.6, 10.1,  226.5, 666.3, 996.3, 448.6, 777.0, 558.2, 0.4,
                                     0.6, 775.5, 666.9, 338.0, 447.5, 11.6,  556.0, 228.1, 995.8, 887.6, 120.2, 0.3,
                                     0.3, 556.8, 339.1, 887.2, 999.0, 779.0, 11.1,  118.3, 229.2, 669.1, 448.9, 0.5});
  EXPECT_NEAR(f64(machine.call("stats.slope.f64", x, y)), 1.00211681802045, 1e-13);
  const double r = f64(machine.call("stats.correlation.f64", x, y));
  EXPECT_NEAR(r * r, 0.999993745883712, 1e-13);
}

TEST(Statistics, PlacesOfExtremes) {
  Machine machine;
  const Reference a = machine.array({3, 9, -2, 9, -2});
  EXPECT_EQ(i64(machine.call("stats.argmax.f64", a)), 1);
  EXPECT_EQ(i64(machine.call("stats.argmin.f64", a)), 2);
  const Reference holes = machine.array({3, kNan, 9, kNan});
  EXPECT_EQ(i64(machine.call("stats.argmax.f64", holes)), 1);
  EXPECT_EQ(i64(machine.call("stats.argmin.f64", holes)), 1);
  const Reference narrow = machine.array_of<float>({1, -1, 1});
  EXPECT_EQ(i64(machine.call("stats.argmax.f32", narrow)), 0);
  EXPECT_EQ(i64(machine.call("stats.argmin.f32", narrow)), 1);
  const Reference whole = machine.array_of<std::int64_t>({5, 5, 7}), small = machine.array_of<std::int32_t>({5, -9, 7});
  EXPECT_EQ(i64(machine.call("stats.argmax.i64", whole)), 2);
  EXPECT_EQ(i64(machine.call("stats.argmin.i64", whole)), 0);
  EXPECT_EQ(i64(machine.call("stats.argmax.i32", small)), 2);
  EXPECT_EQ(i64(machine.call("stats.argmin.i32", small)), 1);
}

}  // namespace
}  // namespace eyeflow::stdlib
