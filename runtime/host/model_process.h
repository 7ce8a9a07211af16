#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "runtime/site/site.h"
#include "vm/isa/model_host.h"
#include "vm/module/module.h"

namespace eyeflow::runtime {

// A model at work in a process of its own, so that its memory, its libraries and its faults stay out of this one. The
// protocol is in docs/models.md. One question at a time; a process that is late or ends is killed and started anew.
class ModelProcess {
 public:
  // `form`: what it is asked with, "image(224, 224, rgb8)"; so many numbers it answers.
  ModelProcess(const ModelSettings& settings, std::string form, std::uint32_t results);
  ~ModelProcess();
  ModelProcess(const ModelProcess&) = delete;
  ModelProcess& operator=(const ModelProcess&) = delete;

  // Waits for the answer, at most for the time that the site allows.
  vm::Trap ask(std::span<const std::byte> argument, std::span<std::byte> result);

 private:
  using Clock = std::chrono::steady_clock;

  bool start();
  void kill_it(std::string_view why);
  bool send(std::span<const std::byte> bytes, Clock::time_point deadline);
  bool receive(std::span<std::byte> bytes, Clock::time_point deadline);
  // A line without its end; empty where none came in time.
  std::string receive_line(Clock::time_point deadline);

  const ModelSettings settings_;
  const std::string form_;
  const std::uint32_t results_;
  std::timed_mutex mutex_;
  pid_t process_ = -1;
  int socket_ = -1;
  bool is_ready_ = false, ended_ = false;
  std::uint64_t asked_ = 0;
  Clock::time_point next_start_{};
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

 private:
  std::vector<Entry> entries_;
};

// "image(224, 224, rgb8)", "[f32; 10]"
std::string model_form(const vm::Module& module, const vm::Field& parameter);

}  // namespace eyeflow::runtime
