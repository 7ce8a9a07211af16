// Generated tasks in every tier: interpreter and compiled code must agree to the bit. `--help` says how to use it.

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>

#include "stdlib/intrinsics/intrinsics.h"
#include "tests/fuzz/scenario.h"
#include "tests/fuzz/shrink.h"
#include "tests/golden/runner/tiers.h"
#include "vm/base/check.h"

namespace eyeflow::vm::test {
namespace {

constexpr const char* kUsage =
    "usage: fuzz_tiers [OPTIONS]\n"
    "\n"
    "Runs generated tasks in the interpreter and in every other tier and compares all that they give. A task on which\n"
    "two of them differ is made smaller and printed as a golden file of tests/golden/isa.\n"
    "\n"
    "  --programs N     so many tasks (default 1000)\n"
    "  --seconds N      as many as that time allows instead\n"
    "  --from SEED      the first one's seed (default 0); the next has the next number\n"
    "  --jobs N         processes (default 1)\n"
    "  --write FILE     a digest of what each task gave, for a run on another CPU …\n"
    "  --compare FILE   … of the same tasks, which must give the same\n"
    "  --show SEED      one task as text, and what it gives in every tier\n";

struct Options {
  std::uint64_t programs = 1000, from = 0;
  double seconds = 0;
  unsigned jobs = 1;
  std::string write, compare;
  std::optional<std::uint64_t> show;
};

// What the worker processes tell, in memory that they share with this one.
struct Worker {
  std::atomic<std::uint64_t> seed, done, whole, ends[kTrapCount];
};
constexpr int kDiverged = 3;                                       // a worker's exit status
constexpr unsigned kSecondsPerProgram = 20, kSecondsToShrink = 2;  // a task ends in microseconds

template <typename T>
T* shared(std::size_t count) {
  void* const memory = mmap(nullptr, count * sizeof(T) + 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  EYEFLOW_CHECK(memory != MAP_FAILED);
  return static_cast<T*>(memory);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

class Comparisons {
 public:
  Comparisons() {
    for (const Tier* tier : golden::tiers().subspan(1))
      each_.push_back(std::make_unique<Comparison>(kInterpreter, *tier));
  }
  std::optional<std::string> difference(const Scenario& scenario) {
    for (const auto& one : each_)
      if (auto different = one->difference(scenario, stdlib::intrinsics())) return different;
    return std::nullopt;
  }
  const Comparison& first() const { return *each_.front(); }

 private:
  std::vector<std::unique_ptr<Comparison>> each_;
};

// In a process of its own: compiled code that is wrong may do anything.
bool differs(const Scenario& scenario) {
  const pid_t child = fork();
  EYEFLOW_CHECK(child >= 0);
  if (child == 0) {
    const int nowhere = memfd_create("nowhere", MFD_CLOEXEC);
    dup2(nowhere, STDERR_FILENO);
    alarm(kSecondsToShrink);
    Comparisons comparisons;
    _exit(comparisons.difference(scenario) ? kDiverged : 0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) continue;
  return status != 0;
}

class Run {
 public:
  explicit Run(const Options& options)
      : options_(options),
        workers_(shared<Worker>(options.jobs)),
        digests_(shared<std::uint32_t>(keeps_digests() ? options.programs : 0)) {}

  int run() {
    start_ = std::chrono::steady_clock::now();
    for (unsigned n = 0; n < options_.jobs; ++n) {
      const pid_t child = fork();
      EYEFLOW_CHECK(child >= 0);
      if (child == 0) work(n);
      children_.push_back(child);
    }
    const std::optional<std::uint64_t> wrong = wait_for_all();
    summary();
    if (wrong) return explain(*wrong), 1;
    return digests();
  }

 private:
  bool keeps_digests() const { return !options_.write.empty() || !options_.compare.empty(); }

  [[noreturn]] void work(unsigned n) {
    Worker& own = workers_[n];
    Comparisons comparisons;
    for (std::uint64_t at = n;; at += options_.jobs) {
      if (options_.seconds > 0 ? seconds_since(start_) >= options_.seconds : at >= options_.programs) _exit(0);
      own.seed = options_.from + at;
      alarm(kSecondsPerProgram);
      if (comparisons.difference(generate_scenario(own.seed, stdlib::intrinsics()))) _exit(kDiverged);
      if (keeps_digests()) digests_[at] = comparisons.first().digest();
      own.whole = comparisons.first().whole();
      for (std::size_t n = 0; n < kTrapCount; ++n) own.ends[n] = comparisons.first().ends()[n];
      ++own.done;
    }
  }

  // The seed of a task that a worker did not survive or found to differ.
  std::optional<std::uint64_t> wait_for_all() {
    std::optional<std::uint64_t> wrong;
    for (std::size_t left = children_.size(); left > 0; --left) {
      int status = 0;
      const pid_t ended = waitpid(-1, &status, 0);
      EYEFLOW_CHECK(ended > 0);
      const auto n = static_cast<std::size_t>(std::ranges::find(children_, ended) - children_.begin());
      children_[n] = 0;
      if (status == 0 || wrong) continue;
      wrong = workers_[n].seed;
      if (WIFSIGNALED(status)) std::printf("seed %llu: %s\n", number(*wrong), strsignal(WTERMSIG(status)));
      for (const pid_t child : children_)
        if (child != 0) kill(child, SIGTERM);
    }
    return wrong;
  }

  void summary() const {
    std::uint64_t done = 0, events = 0, whole = 0, ends[kTrapCount] = {};
    for (unsigned n = 0; n < options_.jobs; ++n) {
      done += workers_[n].done;
      whole += workers_[n].whole;
      for (std::size_t trap = 0; trap < kTrapCount; ++trap) ends[trap] += workers_[n].ends[trap];
    }
    for (const std::uint64_t count : ends) events += count;
    const auto percent = [](std::uint64_t part, std::uint64_t all) {
      return all == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(all);
    };
    std::printf("%llu tasks from seed %llu in %.1f s; in %.0f %% of them every event ran to its end\n", number(done),
                number(options_.from), seconds_since(start_), percent(whole, done));
    std::printf("%llu events, %.0f %% of which ran to their end; the others were stopped by", number(events),
                percent(ends[0], events));
    for (std::size_t trap = 1; trap < kTrapCount; ++trap)
      std::printf("%s %s (%llu)", trap == 1 ? "" : ",", std::string(name(static_cast<Trap>(trap))).c_str(),
                  number(ends[trap]));
    std::printf("\n");
    std::fflush(stdout);
  }

  void explain(std::uint64_t seed) const {
    const IntrinsicTable intrinsics = stdlib::intrinsics();
    const Scenario scenario = generate_scenario(seed, intrinsics);
    if (!differs(scenario)) {
      std::printf("seed %llu differed, but does not when it is run alone\n", number(seed));
      return;
    }
    const Scenario small = shrink(scenario, intrinsics, &differs);
    std::printf("seed %llu differs. The smallest task like it:\n\n// Seed %llu of the comparison of tiers.\n%s\n",
                number(seed), number(seed), write_scenario(small, intrinsics).c_str());
    std::fflush(stdout);  // what follows may not come back
    Comparisons comparisons;
    if (const auto different = comparisons.difference(small)) std::printf("%s\n", different->c_str());
  }

  int digests() const {
    if (!options_.write.empty()) {
      std::ofstream file(options_.write, std::ios::binary);
      const std::uint64_t head[] = {options_.from, options_.programs};
      file.write(reinterpret_cast<const char*>(head), sizeof head);
      file.write(reinterpret_cast<const char*>(digests_), static_cast<std::streamsize>(options_.programs * 4));
      if (!file.flush()) {
        std::fprintf(stderr, "fuzz_tiers: %s cannot be written\n", options_.write.c_str());
        return 2;
      }
    }
    if (options_.compare.empty()) return 0;
    std::uint64_t different = 0;
    for (std::size_t n = 0; n < options_.programs; ++n) {
      if (digests_[n] == expected_[n]) continue;
      if (++different <= 5)
        std::printf("seed %llu gives something else than on the CPU where %s was written: see --show %llu on both\n",
                    number(options_.from + n), options_.compare.c_str(), number(options_.from + n));
    }
    std::printf("%llu of %llu tasks give something else than there\n", number(different), number(options_.programs));
    return different == 0 ? 0 : 1;
  }

 public:
  static unsigned long long number(std::uint64_t n) { return n; }
  std::vector<std::uint32_t> expected_;  // with --compare

 private:
  const Options& options_;
  Worker* workers_;
  std::uint32_t* digests_;
  std::vector<pid_t> children_;
  std::chrono::steady_clock::time_point start_;
};

bool read_digests(Options& options, std::vector<std::uint32_t>& digests) {
  std::ifstream file(options.compare, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::uint64_t head[2];
  if (bytes.size() < sizeof head) return false;
  std::memcpy(head, bytes.data(), sizeof head);
  if ((bytes.size() - sizeof head) / 4 != head[1]) return false;
  options.from = head[0];
  options.programs = head[1];
  digests.resize(head[1]);
  if (head[1] > 0) std::memcpy(digests.data(), bytes.data() + sizeof head, head[1] * 4);
  return true;
}

int show(std::uint64_t seed) {
  const Scenario scenario = generate_scenario(seed, stdlib::intrinsics());
  std::printf("%s\n", write_scenario(scenario, stdlib::intrinsics()).c_str());
  for (const Tier* tier : golden::tiers())
    std::printf("%s:\n%s\n", std::string(tier->name).c_str(), play(scenario, *tier, stdlib::intrinsics()).c_str());
  return 0;
}

int usage_error(std::string_view what) {
  std::fprintf(stderr, "fuzz_tiers: %.*s\n%s", static_cast<int>(what.size()), what.data(), kUsage);
  return 2;
}

template <typename T>
bool read_number(std::string_view text, T& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

int run(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view option = arguments[i];
    if (option == "--help") return std::fputs(kUsage, stdout), 0;
    if (i + 1 == count) return usage_error("no option " + std::string(option) + ", or nothing behind it");
    const std::string_view value = arguments[++i];
    bool good = true;
    if (option == "--programs")
      good = read_number(value, options.programs);
    else if (option == "--seconds")
      good = read_number(value, options.seconds) && options.seconds > 0;
    else if (option == "--from")
      good = read_number(value, options.from);
    else if (option == "--jobs")
      good = read_number(value, options.jobs) && options.jobs > 0;
    else if (option == "--show")
      good = read_number(value, options.show.emplace());
    else if (option == "--write")
      options.write = value;
    else if (option == "--compare")
      options.compare = value;
    else
      return usage_error("no option " + std::string(option));
    if (!good) return usage_error(std::string(value) + " is nothing for " + std::string(option));
  }
  if (options.show) return show(*options.show);
  std::vector<std::uint32_t> expected;
  if (!options.compare.empty() && !read_digests(options, expected))
    return usage_error(options.compare + " is no file that --write has made");
  if (options.seconds > 0 && !(options.write.empty() && options.compare.empty()))
    return usage_error("digests are of a fixed number of tasks");
  Run all(options);
  all.expected_ = std::move(expected);
  return all.run();
}

}  // namespace
}  // namespace eyeflow::vm::test

int main(int count, char** arguments) { return eyeflow::vm::test::run(count, arguments); }
