#include "runtime/host/model_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <thread>

extern char** environ;

namespace eyeflow::runtime {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLongestLine = 400;
constexpr auto kFirstPause = 500ms, kLongestPause = 30'000ms;  // between two starts without an answer
constexpr auto kLoadLimit = 120s;                              // from a start to 'ready'

// For the log: one line, of which nothing is hidden.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 60)) {
    if (c >= ' ' && c <= '~')
      out += c;
    else
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return out + (text.size() > 60 ? "…" : "");
}

}  // namespace

ModelProcess::ModelProcess(const ModelSettings& settings, std::string head)
    : settings_(settings),
      head_(std::move(head)),
      stop_signal_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      backoff_(kFirstPause, kLongestPause) {
  start();  // it loads its model meanwhile
}

ModelProcess::~ModelProcess() {
  stop();
  const std::lock_guard lock(mutex_);
  kill_it();
  if (stop_signal_ >= 0) close(stop_signal_);
}

void ModelProcess::stop() {
  stopped_ = true;
  eventfd_write(stop_signal_, 1);
}

bool ModelProcess::start() {
  const auto now = Clock::now();
  if (stopped_ || now < next_start_) return false;
  started_ = now;
  next_start_ = now + backoff_.after_failure();  // an answer shows that it was none
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
    tell(fmt::format("cannot start '{}': {}; check 'command' in [model.{}]", words[0], std::strerror(error),
                     settings_.name));
    return false;
  }
  socket_ = ends[0];
  fcntl(socket_, F_SETFL, O_NONBLOCK);
  is_ready_ = told_loading_ = false;
  line_.clear();
  if (settings_.memory_bytes) {
    const rlimit most{*settings_.memory_bytes, *settings_.memory_bytes};
    prlimit(process_, RLIMIT_DATA, &most, nullptr);
  }
  // Where the system has no memory left, the model goes, not the daemon.
  if (std::FILE* file = std::fopen(fmt::format("/proc/{}/oom_score_adj", process_).c_str(), "w")) {
    std::fputs("1000", file);
    std::fclose(file);
  }
  return send(std::as_bytes(std::span(head_)), now + 1s) == Went::Well;
}

void ModelProcess::kill_it() {
  if (process_ >= 0) {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  if (socket_ >= 0) close(socket_);
  process_ = socket_ = -1;
}

// Of a process whose end of the connection is closed. It goes a moment before the process does.
std::string ModelProcess::how_it_ended(Clock::time_point deadline) {
  for (int status = 0;; std::this_thread::sleep_for(2ms)) {
    if (waitpid(process_, &status, WNOHANG) == process_) {
      process_ = -1;
      if (WIFSIGNALED(status))
        return fmt::format("its process was ended by signal {} ({})", WTERMSIG(status), sigdescr_np(WTERMSIG(status)));
      return fmt::format("its process ended with status {}", WEXITSTATUS(status));
    }
    if (Clock::now() >= deadline) return "it closed its standard output";
  }
}

vm::Trap ModelProcess::give_up(Went went, Clock::time_point deadline, std::string_view why) {
  if (stopped_) return vm::Trap::ModelFailed;
  const std::string trouble =
      went == Went::Over ? how_it_ended(std::min(deadline, Clock::now() + 200ms)) : std::string(why);
  kill_it();
  const auto pause = std::chrono::ceil<std::chrono::milliseconds>(next_start_ - Clock::now());
  tell(trouble + (pause <= 0ms ? std::string("; its process is started anew")
                               : fmt::format("; its process is started anew by the first question in {} ms or later",
                                             pause.count())));
  start();  // so that it has loaded when the next question comes
  return went == Went::Late ? vm::Trap::ModelLate : vm::Trap::ModelFailed;
}

void ModelProcess::tell(std::string_view what) {
  if (const auto held_back = troubles_.pass())
    log()->error("model {}: {}{}", settings_.name, what, and_more(*held_back));
}

ModelProcess::Went ModelProcess::wait(short events, Clock::time_point deadline) {
  pollfd watched[] = {{socket_, events, 0}, {stop_signal_, POLLIN, 0}};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    const int ready = poll(watched, 2, static_cast<int>(std::clamp(left, 0ms, std::chrono::milliseconds(60s)).count()));
    if (watched[1].revents != 0) return Went::Over;
    if (ready > 0) return Went::Well;
    if (Clock::now() >= deadline) return Went::Late;
  }
}

ModelProcess::Went ModelProcess::send(std::span<const std::byte> bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
      continue;
    }
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return Went::Over;
    if (const Went went = wait(POLLOUT, deadline); went != Went::Well) return went;
  }
  return Went::Well;
}

ModelProcess::Went ModelProcess::receive(std::span<std::byte> bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    const ssize_t read = recv(socket_, bytes.data(), bytes.size(), 0);
    if (read > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(read));
      continue;
    }
    if (read == 0 || (errno != EAGAIN && errno != EINTR)) return Went::Over;
    if (const Went went = wait(POLLIN, deadline); went != Went::Well) return went;
  }
  return Went::Well;
}

ModelProcess::Went ModelProcess::receive_line(Clock::time_point deadline) {
  for (std::byte byte{};;) {
    if (const Went went = receive({&byte, 1}, deadline); went != Went::Well) return went;
    if (byte == std::byte{'\n'}) return Went::Well;
    line_ += static_cast<char>(byte);
    if (line_.size() > kLongestLine) return Went::Well;
  }
}

vm::Trap ModelProcess::ask(std::span<const std::byte> argument, std::span<const std::byte> more,
                           std::span<std::byte> result) {
  const auto deadline = Clock::now() + settings_.timeout;
  const std::unique_lock lock(mutex_, deadline);
  if (!lock.owns_lock()) return vm::Trap::ModelLate;
  if (stopped_ || (process_ < 0 && !start())) return vm::Trap::ModelFailed;
  const std::string late = fmt::format("no answer within {} ms", settings_.timeout / 1ms);
  if (!is_ready_) {
    const Went went = receive_line(deadline);
    if (went == Went::Late && Clock::now() < started_ + kLoadLimit) {
      if (!std::exchange(told_loading_, true))
        log()->warn("model {}: it has not said 'ready' yet; until then its answers are late", settings_.name);
      return vm::Trap::ModelLate;
    }
    if (went != Went::Well)
      return give_up(went, deadline, fmt::format("it is not ready after {} s", kLoadLimit.count()));
    if (line_ != "ready") return give_up(went, deadline, fmt::format("it says '{}' instead of 'ready'", shown(line_)));
    is_ready_ = true;
  }
  line_.clear();
  const std::string head = fmt::format("ask {} {}\n", ++asked_, argument.size() + more.size());
  Went went = send(std::as_bytes(std::span(head)), deadline);
  if (went == Went::Well) went = send(argument, deadline);
  if (went == Went::Well) went = send(more, deadline);
  if (went == Went::Well) went = receive_line(deadline);
  const std::string answer = fmt::format("answer {} {}", asked_, result.size());
  if (went == Went::Well && line_ == answer) went = receive(result, deadline);
  if (went != Went::Well) return give_up(went, deadline, late);
  const std::string error = fmt::format("error {} ", asked_);
  const bool is_answer = line_ == answer;
  if (!is_answer && !line_.starts_with(error))
    return give_up(went, deadline, fmt::format("it says '{}' instead of '{}' or '{}…'", shown(line_), answer, error));
  backoff_.succeeded();
  if (is_answer) return vm::Trap::None;
  tell(line_.substr(error.size()));
  return vm::Trap::ModelFailed;
}

void ModelTable::stop() {
  for (const Entry& entry : entries_) entry.process->stop();
}

namespace {

std::size_t bytes_of(const vm::Type& type) {
  return std::size_t{type.capacity} * static_cast<std::size_t>(vm::size_bytes(type.element));
}

// "image(224, 224, rgb8)", "[f32; 10]"
std::string form_of(const vm::Module& module, const vm::Field& parameter) {
  if (parameter.unit.starts_with("image(")) return parameter.unit;
  const vm::Type& type = *module.type(parameter.type);
  return fmt::format("[{}; {}]", vm::name(type.element), type.capacity);
}

}  // namespace

std::string model_head(const vm::Module& module, const vm::Model& model) {
  if (model.more.empty())
    return fmt::format("eyeflow-model 1 {} {}\n", model.results, form_of(module, model.parameter));
  std::string head = fmt::format("eyeflow-model 2 {} {}\n", model.results, 1 + model.more.size());
  const auto add = [&](const vm::Field& parameter) {
    head += fmt::format("{} {}\n", parameter.name, form_of(module, parameter));
  };
  add(model.parameter);
  std::ranges::for_each(model.more, add);
  return head;
}

void ModelTable::add(const vm::Module& module, const vm::Model& model, ModelProcess& process) {
  const vm::Type& first = *module.type(model.parameter.type);
  Entry& entry = entries_.emplace_back(&process, first.element, bytes_of(first), model.results * sizeof(float));
  std::size_t offset = 0;
  for (const vm::Field& parameter : model.more) {
    const vm::Type& type = *module.type(parameter.type);
    entry.more.push_back({type.element, offset, bytes_of(type)});
    offset += bytes_of(type);
  }
  entry.given.resize(offset);
}

vm::Trap ModelTable::give(std::int64_t model, std::int64_t argument, vm::Scalar element,
                          std::span<const std::byte> value) {
  if (model < 0 || static_cast<std::size_t>(model) >= entries_.size()) return vm::Trap::ModelFailed;
  Entry& entry = entries_[static_cast<std::size_t>(model)];
  if (argument < 1 || static_cast<std::size_t>(argument) > entry.more.size()) return vm::Trap::ModelFailed;
  Argument& wanted = entry.more[static_cast<std::size_t>(argument) - 1];
  if (element != wanted.element || value.size() != wanted.bytes) return vm::Trap::ModelFailed;
  std::ranges::copy(value, entry.given.begin() + static_cast<std::ptrdiff_t>(wanted.offset));
  wanted.is_given = true;
  return vm::Trap::None;
}

vm::Trap ModelTable::ask(std::int64_t model, vm::Scalar element, std::span<const std::byte> argument,
                         std::span<std::byte> result) {
  if (model < 0 || static_cast<std::size_t>(model) >= entries_.size()) return vm::Trap::ModelFailed;
  Entry& entry = entries_[static_cast<std::size_t>(model)];
  bool fits =
      element == entry.element && argument.size() == entry.argument_bytes && result.size() == entry.result_bytes;
  for (Argument& further : entry.more) fits &= std::exchange(further.is_given, false);
  return fits ? entry.process->ask(argument, entry.given, result) : vm::Trap::ModelFailed;
}

}  // namespace eyeflow::runtime
