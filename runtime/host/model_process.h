#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "runtime/host/log.h"
#include "runtime/net/backoff.h"
#include "runtime/site/site.h"
#include "vm/isa/model_host.h"
#include "vm/module/module.h"

namespace eyeflow::runtime {

// A model at work in a process of its own, so that its memory, its libraries and its faults stay out of this one. The
// protocol is in docs/models.md. One question at a time; a process that is late, ends or does not keep to the protocol
// is killed and started anew, with pauses that grow while no answer comes.
class ModelProcess {
 public:
  // `form`: what it is asked with, "image(224, 224, rgb8)"; so many numbers it answers.
  ModelProcess(const ModelSettings& settings, std::string form, std::uint32_t results);
  ~ModelProcess();
  ModelProcess(const ModelProcess&) = delete;
  ModelProcess& operator=(const ModelProcess&) = delete;

  // Waits for the answer, at most for the time that the site allows.
  vm::Trap ask(std::span<const std::byte> argument, std::span<std::byte> result);
  // From any thread: what is asked now, and later, fails at once.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Went { Well, Late, Over };  // Over: its end is closed, or we stop

  bool start();
  void kill_it();
  std::string how_it_ended(Clock::time_point deadline);
  vm::Trap give_up(Went went, Clock::time_point deadline, std::string_view why);
  void tell(std::string_view what);
  Went send(std::span<const std::byte> bytes, Clock::time_point deadline);
  Went receive(std::span<std::byte> bytes, Clock::time_point deadline);
  Went receive_line(
      Clock::time_point deadline);  // into line_, goes on with what has come of it; it may be one too long
  Went wait(short events, Clock::time_point deadline);

  const ModelSettings settings_;
  const std::string form_;
  const std::uint32_t results_;
  const int stop_signal_;  // an eventfd, readable once we stop
  std::atomic<bool> stopped_ = false;
  std::timed_mutex mutex_;  // of what follows
  pid_t process_ = -1;
  int socket_ = -1;
  bool is_ready_ = false, told_loading_ = false;
  std::string line_;
  std::uint64_t asked_ = 0;
  net::Backoff backoff_;
  Clock::time_point started_{}, next_start_{};
  RateLimit troubles_;
};

// What an instance's models are, by their numbers in its module. Shapes are checked at each call: what the module's
// code hands over is not believed.
class ModelTable final : public vm::ModelHost {
 public:
  struct Entry {
    ModelProcess* process;
    vm::Scalar element;
    std::size_t argument_bytes, result_bytes;
  };
  explicit ModelTable(std::vector<Entry> entries) : entries_(std::move(entries)) {}
  vm::Trap ask(std::int64_t model, vm::Scalar element, std::span<const std::byte> argument,
               std::span<std::byte> result) override;
  void stop();  // all of them

 private:
  std::vector<Entry> entries_;
};

// "image(224, 224, rgb8)", "[f32; 10]"
std::string model_form(const vm::Module& module, const vm::Field& parameter);

}  // namespace eyeflow::runtime
