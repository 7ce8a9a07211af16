#include "tests/system/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace eyeflow::test {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

Process::Process(std::vector<std::string> command, std::filesystem::path log) : log_(std::move(log)) {
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that crashes leaves nothing behind
    if (getppid() != parent) _exit(127);
    const int out = open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int in = open("/dev/null", O_RDONLY);
    dup2(in, 0);
    dup2(out, 1);
    dup2(out, 2);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
}

Process::~Process() {
  if (!is_running()) return;
  kill(pid_, SIGTERM);
  if (wait(milliseconds(3000)) == -1) {
    kill(pid_, SIGKILL);
    wait(milliseconds(3000));
  }
}

bool Process::is_running() { return wait(milliseconds(0)) == -1; }

void Process::signal(int number) { kill(pid_, number); }

int Process::wait(milliseconds limit) {
  if (status_ != -1) return status_;
  for (const auto end = Clock::now() + limit;;) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      return status_;
    }
    if (Clock::now() >= end) return -1;
    std::this_thread::sleep_for(milliseconds(2));
  }
}

std::string Process::output() const { return read_file(log_); }

int run(std::vector<std::string> command, const std::filesystem::path& log) {
  Process process(std::move(command), log);
  return process.wait(milliseconds(30'000));
}

int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no free port");
  close(fd);
  return ntohs(address.sin_port);
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "eyeflow-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace eyeflow::test
