#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace eyeflow::test {

// A program of ours or a server, running beside the test. It is ended when this goes out of scope.
class Process {
 public:
  // The program is looked up in PATH; its output, both streams, goes to `log`.
  Process(std::vector<std::string> command, std::filesystem::path log);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  bool is_running();
  void signal(int number);
  // Its exit status; 128 + the signal when one ended it; -1 when it still runs after `limit`.
  int wait(std::chrono::milliseconds limit);
  std::string output() const;
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int status_ = -1;
  std::filesystem::path log_;
};

// Runs a command to its end and gives its exit status; its output goes to `log`.
int run(std::vector<std::string> command, const std::filesystem::path& log);

// A TCP port of the loopback interface that nobody listens on at the moment.
int free_port();

// A folder of this test's own, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& text);

}  // namespace eyeflow::test
