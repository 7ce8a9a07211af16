#pragma once

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <vector>

// A process that is denied something, beside the test's own.
namespace eyeflow::denials {

// Runs `what` in a process of its own; its result is the exit status, 255 when it was killed.
template <typename F>
int in_child(F what) {
  const pid_t child = fork();
  if (child == 0) {
    for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGTRAP}) std::signal(signal, SIG_DFL);  // not a sanitizer's
    _exit(what());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

inline constexpr int kWorked = 0, kRefused = 1, kNotHere = 77;

// From now on, system call `number` fails with EPERM when its argument `argument` has all bits of `mask`.
struct Rule {
  int number;
  unsigned argument, mask;
};
inline bool refuse(const std::vector<Rule>& rules) {
  std::vector<sock_filter> program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const Rule& rule : rules) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(rule.number), 0, 5));
    program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                               static_cast<std::uint32_t>(offsetof(seccomp_data, args) + rule.argument * 8)));
    program.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, rule.mask));
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rule.mask, 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
    program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// No mapping gains the right to execute, none has both: by the kernel, or by a filter that says the same.
inline bool deny_write_execute() {
  constexpr int kSetMdwe = 65, kRefuseExecGain = 1;
  if (prctl(kSetMdwe, kRefuseExecGain, 0, 0, 0) == 0) return true;
  return refuse({{SYS_mprotect, 2, PROT_EXEC}, {SYS_mmap, 2, PROT_WRITE | PROT_EXEC}});
}

}  // namespace eyeflow::denials
