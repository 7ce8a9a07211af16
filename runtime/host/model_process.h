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
  // `head`: what it is told at its start, model_head().
  ModelProcess(const ModelSettings& settings, std::string head);
  ~ModelProcess();
  ModelProcess(const ModelProcess&) = delete;
  ModelProcess& operator=(const ModelProcess&) = delete;

  // Waits for the answer, at most for the time that the site allows. `more`: the arguments behind the first.
  vm::Trap ask(std::span<const std::byte> argument, std::span<const std::byte> more, std::span<std::byte> result);
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
  const std::string head_;
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
// code hands over is not believed. For one thread at a time, as the instance is.
class ModelTable final : public vm::ModelHost {
 public:
  // `process` computes that model of the module.
  void add(const vm::Module& module, const vm::Model& model, ModelProcess& process);
  bool empty() const { return entries_.empty(); }
  vm::Trap give(std::int64_t model, std::int64_t argument, vm::Scalar element,
                std::span<const std::byte> value) override;
  vm::Trap ask(std::int64_t model, vm::Scalar element, std::span<const std::byte> argument,
               std::span<std::byte> result) override;
  void stop();  // all of them

 private:
  struct Argument {
    vm::Scalar element;
    std::size_t offset, bytes;  // in Entry::given
    bool is_given = false;
  };
  struct Entry {
    ModelProcess* process;
    vm::Scalar element;
    std::size_t argument_bytes, result_bytes;
    std::vector<Argument> more;
    std::vector<std::byte> given;  // what they are, one behind the other
  };
  std::vector<Entry> entries_;
};

// The first lines of the protocol: what the model is asked with, and how many numbers it answers.
std::string model_head(const vm::Module& module, const vm::Model& model);

}  // namespace eyeflow::runtime
