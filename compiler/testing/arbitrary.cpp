#include "compiler/testing/arbitrary.h"

#include <algorithm>
#include <cmath>

#include "compiler/lower/leaf.h"
#include "compiler/lower/walk.h"
#include "compiler/testing/values.h"

namespace eyeflow::compiler {
namespace {

using typed::TypeKind;
using vm::TimeNs;
using vm::Word;

constexpr TimeNs kSecond = 1'000'000'000;
constexpr TimeNs kFirstArrival = 1'000'000;  // behind what a test does at its start
constexpr std::uint64_t kEdgePatterns = 8;
constexpr std::size_t kMostEdges = 48;
constexpr std::uint64_t kMostCombinations = 64;

bool is_float(const typed::Type& type) { return typed::is_float(type.kind); }

double to_double(const typed::Type& type, Word word) {
  return type.kind == TypeKind::F32 ? static_cast<double>(vm::from_word<float>(word)) : vm::from_word<double>(word);
}
Word from_double(const typed::Type& type, double value) {
  return type.kind == TypeKind::F32 ? vm::to_word(static_cast<float>(value)) : vm::to_word(value);
}

bool less(const typed::Type& type, Word a, Word b) {
  if (is_float(type)) return to_double(type, a) < to_double(type, b);
  if (type.kind == TypeKind::U64) return a < b;
  return static_cast<std::int64_t>(a) < static_cast<std::int64_t>(b);
}

// How far a value is from the simplest one, for halving the way: floats by their distance, whole numbers likewise.
Word half_way(const typed::Type& type, Word from, Word to) {
  if (is_float(type)) {
    const double a = to_double(type, from), b = to_double(type, to);
    const double middle = a + (b - a) / 2;
    const double round = std::nearbyint(middle);  // few digits are easier to read
    const bool between = (a < round && round < b) || (b < round && round < a);
    return from_double(type, between ? round : middle);
  }
  return from + static_cast<Word>(static_cast<std::int64_t>(to - from) / 2);
}

}  // namespace

std::uint64_t Random::next() {
  std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

std::uint64_t Random::below(std::uint64_t bound) {
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
}

Arbitrary::Arbitrary(const typed::Task& task, const typed::Test& test, std::uint64_t seed)
    : task_(task), test_(test), seed_(seed) {
  for (const typed::Between& range : test.ranges) givens_.push_back(domain_of(task, range, test));
  for (const typed::Stream& stream : test.streams) {
    const typed::Input& input = task.inputs[typed::index(stream.input)];
    Source source{.domain = domain_of(task, stream.range, test)};
    if (input.rate_hz) source.period = static_cast<TimeNs>(std::llround(1e9 / *input.rate_hz));
    if (input.every_ns) source.period = *input.every_ns;
    source.stale = input.stale_after_ns.value_or(0);
    streams_.push_back(std::move(source));
  }
}

Arbitrary::Domain Arbitrary::domain_of(const typed::Task& task, const typed::Between& range,
                                       const typed::Test& test) const {
  Domain out{.type = range.min.type, .min = lowering::scalar_word(range.min), .max = lowering::scalar_word(range.max)};
  const auto add = [&](Word edge) {
    if (less(out.type, edge, out.min) || less(out.type, out.max, edge)) return;
    if (std::ranges::find(out.edges, edge) == out.edges.end()) out.edges.push_back(edge);
  };
  add(0);  // 0.0, false, the first of an enum: its word is 0 in each type
  if (less(out.type, out.max, 0)) add(out.max);
  add(out.min);
  add(out.max);
  const auto add_with_neighbours = [&](Word word) {
    add(word);
    if (out.type.kind == TypeKind::F32) {
      add(vm::to_word(std::nextafter(vm::from_word<float>(word), INFINITY)));
      add(vm::to_word(std::nextafter(vm::from_word<float>(word), -INFINITY)));
    } else if (out.type.kind == TypeKind::F64) {
      add(vm::to_word(std::nextafter(vm::from_word<double>(word), INFINITY)));
      add(vm::to_word(std::nextafter(vm::from_word<double>(word), -INFINITY)));
    } else if (out.type.kind != TypeKind::Bool) {
      add(word + 1);
      add(word - 1);
    }
  };
  // What the task compares with: params, and the numbers in its comparisons.
  const auto is_alike = [&](const typed::Type& type) {
    return type.kind == out.type.kind && type.unit == out.type.unit;
  };
  for (std::size_t p = 0; p < task.params.size(); ++p) {
    if (!is_alike(task.params[p].type)) continue;
    Word word = lowering::scalar_word(task.params[p].value);
    for (const typed::ParamOverride& own : test.params)
      if (typed::index(own.param) == p) word = lowering::scalar_word(own.value);
    add_with_neighbours(word);
  }
  const auto look = [&](const typed::Expr& expr) {
    const auto* compared = std::get_if<typed::Binary>(&expr.node);
    if (!compared || compared->op < typed::BinaryOp::Eq || compared->op > typed::BinaryOp::Ge) return;
    for (const typed::ExprPtr* side : {&compared->left, &compared->right}) {
      const auto* constant = std::get_if<typed::ConstantExpr>(&(*side)->node);
      if (constant && is_alike((*side)->type) && out.edges.size() < kMostEdges)
        add_with_neighbours(lowering::scalar_word(constant->constant));
    }
  };
  for (const typed::Alarm& alarm : task.alarms)
    for (const typed::ExprPtr* part : {&alarm.when, &alarm.clear}) lowering::for_each_expr(*part, look);
  for (const typed::Handler& handler : task.handlers) {
    lowering::for_each_expr(handler.condition, look);
    lowering::for_each_expr(handler.body, look);
  }
  for (const typed::Function& function : task.functions) lowering::for_each_expr(function.body, look);
  return out;
}

Word Arbitrary::any_of(const Domain& domain, Random& random) const {
  if (random.one_in(4)) return domain.edges[random.below(domain.edges.size())];
  if (is_float(domain.type)) {
    const double min = to_double(domain.type, domain.min), max = to_double(domain.type, domain.max);
    const double part = static_cast<double>(random.next() >> 11) * 0x1p-53;
    const double value = min * (1 - part) + max * part;
    return std::clamp(from_double(domain.type, value), domain.min, domain.max,
                      [&](Word a, Word b) { return less(domain.type, a, b); });
  }
  const Word span = domain.max - domain.min;
  return domain.min + (span == ~Word{0} ? random.next() : random.below(span + 1));
}

TimeNs Arbitrary::any_gap(const Source& source, Random& random) const {
  if (source.stale != 0 && random.one_in(8)) return source.stale - 1 + static_cast<TimeNs>(random.below(3));
  if (source.period != 0 && !random.one_in(4)) return source.period;
  const TimeNs most[] = {100'000'000, kSecond, 10 * kSecond, 60 * kSecond};
  const TimeNs whole = 1'000'000;
  return whole * (1 + static_cast<TimeNs>(random.below(static_cast<std::uint64_t>(most[random.below(4)] / whole))));
}

void Arbitrary::add_edge_arrivals(std::uint64_t number, Sample& sample) const {
  TimeNs silence = kSecond, last = 0;
  for (std::size_t s = 0; s < streams_.size(); ++s) {
    const Source& source = streams_[s];
    const Domain& domain = source.domain;
    silence = std::max(silence, source.stale + kSecond);
    TimeNs at = kFirstArrival;
    const TimeNs period = source.period != 0 ? source.period : kSecond;
    const auto add = [&](std::optional<Word> value) {
      sample.arrivals.push_back({at, s, value});
      at += period;
    };
    switch (number) {
      case 0:  // no reading at all
        break;
      case 1:
        add(domain.min);
        break;
      case 2:
        add(domain.max);
        break;
      case 3:
        add(domain.edges[0]);
        break;
      case 4:
        for (int i = 0; i < 6; ++i) add(i % 2 == 0 ? domain.max : domain.min);
        break;
      case 5:
        add({});
        add(domain.max);
        break;
      case 6:
        add(domain.max);
        add({});
        add(domain.max);
        break;
      default:
        for (const Word edge : domain.edges) add(edge);
    }
    last = std::max(last, at);
  }
  sample.end = last + silence;
}

void Arbitrary::add_arrivals(std::uint64_t number, Random& random, Sample& sample) const {
  TimeNs last = 0, silence = kSecond;
  for (std::size_t s = 0; s < streams_.size(); ++s) {
    const Source& source = streams_[s];
    silence = std::max(silence, source.stale + kSecond);
    TimeNs at = kFirstArrival;
    const std::uint64_t count = random.below(2 + std::min<std::uint64_t>(number, 30));
    for (std::uint64_t i = 0; i < count; ++i) {
      if (i != 0) at += any_gap(source, random);
      const bool stays = i != 0 && random.one_in(4);
      std::optional<Word> value = stays ? sample.arrivals.back().value : any_of(source.domain, random);
      if (random.one_in(12)) value.reset();
      sample.arrivals.push_back({at, s, value});
    }
    last = std::max(last, at);
  }
  sample.end = last + (random.one_in(2) ? silence : 0);
}

Sample Arbitrary::sample(std::uint64_t number) const {
  Random random(seed_ + 0x632BE59BD9B4E019 * (number + 1));
  random.next();
  Sample out;
  std::uint64_t combinations = 1;
  for (const Domain& given : givens_) combinations = std::min(combinations * given.edges.size(), kMostCombinations);
  std::uint64_t which = number;
  for (const Domain& given : givens_) {
    if (number < combinations && !givens_.empty()) {
      out.givens.push_back(given.edges[which % given.edges.size()]);
      which /= given.edges.size();
    } else {
      out.givens.push_back(any_of(given, random));
    }
  }
  if (!streams_.empty()) {
    if (number < kEdgePatterns)
      add_edge_arrivals(number, out);
    else
      add_arrivals(number - kEdgePatterns, random, out);
    std::ranges::sort(out.arrivals, {}, [](const Arrival& a) { return std::pair(a.at, a.stream); });
  }
  return out;
}

Sample Arbitrary::shrink(Sample best, const std::function<bool(const Sample&)>& fails, std::uint64_t most_runs) const {
  std::uint64_t runs = 0;
  const auto better = [&](Sample candidate) {
    if (runs >= most_runs) return false;
    ++runs;
    if (!fails(candidate)) return false;
    best = std::move(candidate);
    return true;
  };
  // The nearest to the simplest value that still fails: halves the way to the simplest, then makes smaller steps.
  const auto simplify = [&](const Domain& domain, const auto& value_of) {
    Sample candidate = best;
    value_of(candidate) = domain.edges[0];
    if (value_of(best) == domain.edges[0] || better(std::move(candidate))) return;
    Word passes = domain.edges[0];
    for (int i = 0; i < 40; ++i) {
      const Word middle = half_way(domain.type, value_of(best), passes);
      if (middle == value_of(best) || middle == passes) return;
      candidate = best;
      value_of(candidate) = middle;
      if (!better(std::move(candidate))) passes = middle;
    }
  };
  for (bool again = true; again && runs < most_runs;) {
    const std::uint64_t before = runs;
    const Sample was = best;
    for (std::size_t part = best.arrivals.size(); part >= 1; part /= 2) {
      for (std::size_t from = 0; from < best.arrivals.size();) {
        Sample candidate = best;
        const auto begin = candidate.arrivals.begin() + static_cast<std::ptrdiff_t>(from);
        candidate.arrivals.erase(begin,
                                 begin + static_cast<std::ptrdiff_t>(std::min(part, candidate.arrivals.size() - from)));
        if (!better(std::move(candidate))) from += part;
      }
    }
    if (!best.arrivals.empty() || best.end != 0) {
      Sample candidate = best;
      candidate.end = best.arrivals.empty() ? 0 : best.arrivals.back().at;
      if (candidate.end != best.end) better(std::move(candidate));
    }
    for (std::size_t i = 0; i < best.arrivals.size(); ++i) {  // closer together
      const TimeNs from = i == 0 ? 0 : best.arrivals[i - 1].at;
      for (const TimeNs gap : {kFirstArrival, kSecond, 10 * kSecond, 60 * kSecond}) {
        if (best.arrivals[i].at - from <= gap) break;
        Sample candidate = best;
        const TimeNs earlier = best.arrivals[i].at - from - gap;
        for (std::size_t k = i; k < candidate.arrivals.size(); ++k) candidate.arrivals[k].at -= earlier;
        candidate.end -= std::min(earlier, candidate.end);
        if (better(std::move(candidate))) break;
      }
    }
    for (std::size_t g = 0; g < givens_.size(); ++g)
      simplify(givens_[g], [g](Sample& sample) -> Word& { return sample.givens[g]; });
    for (std::size_t i = 0; i < best.arrivals.size(); ++i) {
      if (!best.arrivals[i].value) {
        Sample candidate = best;
        candidate.arrivals[i].value = streams_[best.arrivals[i].stream].domain.edges[0];
        if (!better(std::move(candidate))) continue;
      }
      simplify(streams_[best.arrivals[i].stream].domain,
               [i](Sample& sample) -> Word& { return *sample.arrivals[i].value; });
    }
    again = runs > before && (was.arrivals != best.arrivals || was.givens != best.givens || was.end != best.end);
  }
  // 81 is easier to read than 80.00000000000001, although it is farther away.
  const auto round = [&](const Domain& domain, const auto& value_of) {
    if (!is_float(domain.type)) return;
    for (const double digits : {1.0, 10.0, 100.0}) {
      const double value = to_double(domain.type, value_of(best)), scaled = std::abs(value) * digits;
      if (scaled == std::trunc(scaled)) return;
      const Word rounded = from_double(domain.type, std::copysign(std::ceil(scaled) / digits, value));
      if (less(domain.type, rounded, domain.min) || less(domain.type, domain.max, rounded)) continue;
      Sample candidate = best;
      value_of(candidate) = rounded;
      if (better(std::move(candidate))) return;
    }
  };
  for (std::size_t g = 0; g < givens_.size(); ++g)
    round(givens_[g], [g](Sample& sample) -> Word& { return sample.givens[g]; });
  for (std::size_t i = 0; i < best.arrivals.size(); ++i)
    if (best.arrivals[i].value)
      round(streams_[best.arrivals[i].stream].domain,
            [i](Sample& sample) -> Word& { return *sample.arrivals[i].value; });
  return best;
}

std::string Arbitrary::words(const Sample& sample) const {
  std::string out;
  for (std::size_t g = 0; g < givens_.size(); ++g)
    out += (g == 0 ? "" : ", ") + test_.givens[g].name + " " + show_scalar(givens_[g].type, sample.givens[g]);
  for (std::size_t s = 0; s < streams_.size(); ++s) {
    out += (out.empty() ? "" : "; ") + task_.inputs[typed::index(test_.streams[s].input)].name;
    bool has_some = false;
    for (const Arrival& arrival : sample.arrivals) {
      if (arrival.stream != s) continue;
      out += (has_some ? ", " : " ") + (arrival.value ? show_scalar(streams_[s].domain.type, *arrival.value) : "bad") +
             " at " + show_duration(arrival.at);
      has_some = true;
    }
    if (!has_some) out += " without a reading";
  }
  return out;
}

}  // namespace eyeflow::compiler
