#include "bench/tiers/large_task.h"

#include <fmt/format.h>

namespace eyeflow::bench {
namespace {

std::string function(int n) {
  const std::string callee = n % 8 == 0 ? "x + 1.0" : fmt::format("step{}(x * 0.5, n + 1)", n - 1);
  return fmt::format(R"(
  fn step{0}(x: f64, n: int) -> f64 {{
    var sum = x * {1}.5 - 0.25
    var count = n
    if sum > {2}.0 and n < 1000 {{ sum = sum - limit }} else {{ count = (count + {0}) mod 97 }}
    for i in 0 ..< 8 {{
      let v = values[(count + i) mod 64]
      if v > sum {{
        sum = sum + (v - sum) * 0.125
        total = total + 1
      }} else {{ sum = sqrt(abs(sum * v)) + 1.0 }}
    }}
    values[{3}] = sum
    return sum + {4}
  }}
)",
                     n, n % 7, 10 + n % 50, n % 64, callee);
}

}  // namespace

std::string large_task(int functions) {
  std::string text = R"(task large {
  param limit  : f64 = 80.0 in 1.0 .. 100.0
  state values : [f64; 64] = [0.5; 64]
  state total  : int = 0
)";
  for (int n = 0; n < functions; ++n) text += function(n);
  text += "\n  every 1 s {\n    var sum = 0.0\n";
  for (int n = 7; n < functions; n += 8) text += fmt::format("    sum = sum + step{}(sum, {})\n", n, n);
  return text + "    values[0] = sum / 1000000.0\n  }\n}\n";
}

}  // namespace eyeflow::bench
