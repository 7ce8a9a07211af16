#include <sleef.h>

#include "stdlib/intrinsics/exact.h"
#include "stdlib/intrinsics/functions.h"

// The `cinz … purec` functions of SLEEF alone: written without FMA, they round alike on every CPU. The unsuffixed ones
// choose by the CPU they find, and the system's libm differs between its versions.
namespace eyeflow::stdlib::functions {

using vm::canonical;

namespace {

// SLEEF gives infinity from 709 on, where the results have 710.4758 as their bound: e^(x - 1) * e / 2.
double half_exp(double x) {
  constexpr double kHigh = 1.3591409142295225, kLow = 7.2282344586462507e-17;
  const double e = Sleef_cinz_expd1_u10purec(x - 1);
  return e * kHigh + e * kLow;
}
constexpr double kLarge = 709;
double sinh(double x) {
  if (x >= kLarge) return half_exp(x);
  if (x <= -kLarge) return -half_exp(-x);
  return Sleef_cinz_sinhd1_u10purec(x);
}
double cosh(double x) {
  if (x >= kLarge || x <= -kLarge) return half_exp(x < 0 ? -x : x);
  return Sleef_cinz_coshd1_u10purec(x);
}
// SLEEF gives infinity from 1e307 on; here 1 + x is x many times over.
double log1p(double x) { return x >= 0x1p100 ? Sleef_cinz_logd1_u10purec(x) : Sleef_cinz_log1pd1_u10purec(x); }

}  // namespace

#define EYEFLOW_FUNCTION1(name, T, f) \
  T name(T a) { return canonical(static_cast<T>(f(a))); }
#define EYEFLOW_FUNCTION2(name, T, f) \
  T name(T a, T b) { return canonical(static_cast<T>(f(a, b))); }
// f32 goes through f64: SLEEF's own f32 functions overflow early and lose digits among subnormal numbers, and the
// detour rounds better than they do.
#define EYEFLOW_BOTH1(name, f)             \
  EYEFLOW_FUNCTION1(name##_f64, double, f) \
  EYEFLOW_FUNCTION1(name##_f32, float, f)
#define EYEFLOW_BOTH2(name, f)             \
  EYEFLOW_FUNCTION2(name##_f64, double, f) \
  EYEFLOW_FUNCTION2(name##_f32, float, f)

EYEFLOW_BOTH1(sin, Sleef_cinz_sind1_u10purec)
EYEFLOW_BOTH1(cos, Sleef_cinz_cosd1_u10purec)
EYEFLOW_BOTH1(tan, Sleef_cinz_tand1_u10purec)
EYEFLOW_BOTH1(asin, Sleef_cinz_asind1_u10purec)
EYEFLOW_BOTH1(acos, Sleef_cinz_acosd1_u10purec)
EYEFLOW_BOTH1(atan, Sleef_cinz_atand1_u10purec)
EYEFLOW_BOTH1(sinh, sinh)
EYEFLOW_BOTH1(cosh, cosh)
EYEFLOW_BOTH1(tanh, Sleef_cinz_tanhd1_u10purec)
EYEFLOW_BOTH1(exp, Sleef_cinz_expd1_u10purec)
EYEFLOW_BOTH1(log, Sleef_cinz_logd1_u10purec)
EYEFLOW_BOTH1(log2, Sleef_cinz_log2d1_u10purec)
EYEFLOW_BOTH1(log10, Sleef_cinz_log10d1_u10purec)
EYEFLOW_BOTH1(cbrt, Sleef_cinz_cbrtd1_u10purec)
EYEFLOW_BOTH2(atan2, Sleef_cinz_atan2d1_u10purec)
EYEFLOW_BOTH2(pow, Sleef_cinz_powd1_u10purec)
EYEFLOW_BOTH2(hypot, Sleef_cinz_hypotd1_u05purec)
EYEFLOW_FUNCTION1(exp2_f64, double, Sleef_cinz_exp2d1_u10purec)
EYEFLOW_FUNCTION1(expm1_f64, double, Sleef_cinz_expm1d1_u10purec)
EYEFLOW_FUNCTION1(log1p_f64, double, log1p)

EYEFLOW_FUNCTION1(floor_f64, double, exact::floor)
EYEFLOW_FUNCTION1(ceil_f64, double, exact::ceil)
EYEFLOW_FUNCTION1(round_f64, double, exact::round)
EYEFLOW_FUNCTION1(trunc_f64, double, exact::trunc)
EYEFLOW_FUNCTION2(fmod_f64, double, exact::fmod)

}  // namespace eyeflow::stdlib::functions
