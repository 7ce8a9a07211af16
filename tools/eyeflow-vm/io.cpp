#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "runtime/host/points.h"
#include "runtime/host/render.h"
#include "runtime/site/duration.h"
#include "tools/common/numbers.h"
#include "tools/common/terminal.h"
#include "tools/eyeflow-vm/commands.h"
#include "tools/eyeflow-vm/load.h"

namespace eyeflow::tools {
namespace {

using runtime::Point;
using runtime::Quality;

constexpr auto kUsually = std::chrono::seconds(2);
constexpr std::size_t kWidestValue = 30;

std::string value_text(const Point& point) {
  if (point.value.empty() || point.unit.empty()) return point.value;
  return point.value + " " + point.unit;
}

std::string coloured(const Paint& paint, Quality quality, const std::string& text) {
  switch (quality) {
    case Quality::Good:
      return paint.green(text);
    case Quality::Stale:
      return paint.yellow(text);
    case Quality::Bad:
    case Quality::Missing:
      return paint.red(text);
    case Quality::Unwatched:
      break;
  }
  return paint.dim(text);
}

void print_table(const std::vector<Point>& points) {
  const Paint paint = Paint::of(stdout);
  using Row = std::array<std::string, 6>;
  std::vector<Row> rows{{"KIND", "NAME", "VALUE", "QUALITY", "AGE", "WHERE"}};
  for (const Point& point : points) {
    rows.push_back({point.kind, point.name, value_text(point), std::string(runtime::name_of(point.quality)),
                    point.age ? duration_text(*point.age) : "", point.where});
  }
  std::array<std::size_t, 5> widths{};
  for (const Row& row : rows) {
    for (std::size_t c = 0; c < widths.size(); ++c)
      widths[c] = std::max(widths[c], std::min(width_of(row[c]), c == 2 ? kWidestValue : std::size_t{200}));
  }
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (std::size_t c = 0; c < widths.size(); ++c) {
      std::string cell = fitted(rows[r][c], widths[c]);
      if (r > 0 && c == 3) cell = coloured(paint, points[r - 1].quality, cell);
      line += cell + "  ";
    }
    line += rows[r].back();
    if (r > 0 && !points[r - 1].why.empty()) line += "; " + points[r - 1].why;
    fmt::print("{}\n", r == 0 ? paint.dim(line) : line);
  }
}

std::string json_text(std::string_view text) {
  runtime::Buffer out;
  runtime::append_json_text(out, text);
  return {out.data(), out.size()};
}

void print_json(const std::string& device, const std::vector<Point>& points) {
  fmt::print("{{\"device\":{},\"points\":[", json_text(device));
  for (const Point& point : points) {
    fmt::print("{}\n{{\"kind\":{},\"name\":{},\"where\":{},\"quality\":{}", &point == points.data() ? "" : ",",
               json_text(point.kind), json_text(point.name), json_text(point.where),
               json_text(runtime::name_of(point.quality)));
    if (!point.value.empty()) fmt::print(",\"value\":{}", point.is_number ? point.value : json_text(point.value));
    if (!point.unit.empty()) fmt::print(",\"unit\":{}", json_text(point.unit));
    if (point.age) fmt::print(",\"age_s\":{:.3f}", static_cast<double>(point.age->count()) / 1e9);
    if (!point.why.empty()) fmt::print(",\"why\":{}", json_text(point.why));
    fmt::print(",\"used_by\":[");
    for (const auto& user : point.used_by)
      fmt::print("{}{}", &user == point.used_by.data() ? "" : ",", json_text(user));
    fmt::print("]}}");
  }
  fmt::print("\n]}}\n");
}

}  // namespace

int io(const IoArguments& arguments) {
  std::chrono::nanoseconds span = kUsually;
  if (!arguments.duration.empty()) {
    const auto given = runtime::parse_duration(arguments.duration);
    if (!given)
      return report("--for " + arguments.duration + ": not a duration; write it as 2s, \"1 min\" or 500ms", kUsage);
    span = *given;
  }
  auto keys = load_keys(arguments.keys);
  if (!keys) return report(keys.error().message, kUnreachable);
  auto site = open_site(arguments.site, {});
  if (!site) return site.error();
  // What is wrong with bundles is `site check`'s to tell; points are there without them.
  runtime::HostOptions options;
  options.trusted = std::move(*keys);
  const runtime::Deployment deployment = runtime::deploy(*site, options);
  const auto points = runtime::look_at_points(*site, deployment, span);
  if (!points) return report(points.error().message, kRefused);
  arguments.json ? print_json(site->device, *points) : print_table(*points);
  const bool all_well = std::ranges::all_of(*points, [](const Point& point) {
    return point.kind != "sensor" || point.quality == Quality::Good || point.quality == Quality::Stale;
  });
  return all_well ? kDone : kRefused;
}

}  // namespace eyeflow::tools
