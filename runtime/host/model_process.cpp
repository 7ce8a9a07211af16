#include "runtime/host/model_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "runtime/host/log.h"

extern char** environ;

namespace eyeflow::runtime {
namespace {

constexpr std::size_t kLongestLine = 400;
constexpr std::chrono::milliseconds kRestartPause{500};

int milliseconds_left(std::chrono::steady_clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

}  // namespace

ModelProcess::ModelProcess(const ModelSettings& settings, std::string form, std::uint32_t results)
    : settings_(settings), form_(std::move(form)), results_(results) {
  start();  // it loads its model meanwhile
}

ModelProcess::~ModelProcess() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  kill_it({});
}

bool ModelProcess::start() {
  if (Clock::now() < next_start_) return false;
  next_start_ = Clock::now() + kRestartPause;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
  std::vector<std::string> words = settings_.command;
  words.push_back(settings_.file.string());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  const int error = posix_spawnp(&process_, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    process_ = -1;
    log()->error("model {}: cannot start '{}': {}; check 'command' in [model.{}]", settings_.name, words[0],
                 std::strerror(error), settings_.name);
    return false;
  }
  socket_ = ends[0];
  fcntl(socket_, F_SETFL, O_NONBLOCK);
  is_ready_ = false;
  const std::string head = fmt::format("eyeflow-model 1 {} {}\n", results_, form_);
  return send(std::as_bytes(std::span(head)), Clock::now() + std::chrono::seconds(1));
}

void ModelProcess::kill_it(std::string_view why) {
  if (process_ < 0) return;
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
  close(socket_);
  process_ = socket_ = -1;
  if (!why.empty()) log()->error("model {}: {}; its process is started anew", settings_.name, why);
}

bool ModelProcess::send(std::span<const std::byte> bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
      continue;
    }
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return false;
    pollfd wait{socket_, POLLOUT, 0};
    if (poll(&wait, 1, milliseconds_left(deadline)) <= 0) return false;
  }
  return true;
}

bool ModelProcess::receive(std::span<std::byte> bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    const ssize_t read = recv(socket_, bytes.data(), bytes.size(), 0);
    if (read > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(read));
      continue;
    }
    if (read == 0 || (errno != EAGAIN && errno != EINTR)) return false;
    pollfd wait{socket_, POLLIN, 0};
    if (poll(&wait, 1, milliseconds_left(deadline)) <= 0) return false;
  }
  return true;
}

std::string ModelProcess::receive_line(Clock::time_point deadline) {
  std::string line;
  for (std::byte byte{}; receive({&byte, 1}, deadline);) {
    if (byte == std::byte{'\n'}) return line;
    if (line.size() >= kLongestLine) break;
    line += static_cast<char>(byte);
  }
  return {};
}

vm::Trap ModelProcess::ask(std::span<const std::byte> argument, std::span<std::byte> result) {
  const auto deadline = Clock::now() + settings_.timeout;
  const std::unique_lock lock(mutex_, deadline);
  if (!lock.owns_lock()) return vm::Trap::ModelLate;
  if (ended_ || (process_ < 0 && !start())) return vm::Trap::ModelFailed;
  const auto give_up = [&] {
    const bool late = Clock::now() >= deadline;
    kill_it(late ? fmt::format("no answer within {} ms", settings_.timeout / std::chrono::milliseconds(1))
                 : std::string("it ended, or did not keep to the protocol"));
    return late ? vm::Trap::ModelLate : vm::Trap::ModelFailed;
  };
  if (!is_ready_) {
    if (receive_line(deadline) != "ready") return give_up();
    is_ready_ = true;
  }
  const std::string head = fmt::format("ask {} {}\n", ++asked_, argument.size());
  if (!send(std::as_bytes(std::span(head)), deadline) || !send(argument, deadline)) return give_up();
  const std::string line = receive_line(deadline);
  if (line == fmt::format("answer {} {}", asked_, result.size())) {
    if (!receive(result, deadline)) return give_up();
    return vm::Trap::None;
  }
  if (const std::string error = fmt::format("error {} ", asked_); line.starts_with(error)) {
    log()->error("model {}: {}", settings_.name, line.substr(error.size()));
    return vm::Trap::ModelFailed;
  }
  return give_up();
}

vm::Trap ModelTable::ask(std::int64_t model, vm::Scalar element, std::span<const std::byte> argument,
                         std::span<std::byte> result) {
  if (model < 0 || static_cast<std::size_t>(model) >= entries_.size()) return vm::Trap::ModelFailed;
  const Entry& entry = entries_[static_cast<std::size_t>(model)];
  if (element != entry.element || argument.size() != entry.argument_bytes || result.size() != entry.result_bytes)
    return vm::Trap::ModelFailed;
  return entry.process->ask(argument, result);
}

std::string model_form(const vm::Module& module, const vm::Field& parameter) {
  if (parameter.unit.starts_with("image(")) return parameter.unit;
  const vm::Type& type = *module.type(parameter.type);
  return fmt::format("[{}; {}]", vm::name(type.element), type.capacity);
}

}  // namespace eyeflow::runtime
