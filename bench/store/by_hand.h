#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace eyeflow::bench {

// What one would write without EyeFlow: one SQLite table in WAL mode with synchronous=FULL, prepared statements, and
// rows sealed with AES-256-GCM under one key, or plain. No names, no identities, no recovery.
class ByHand {
 public:
  ByHand(const std::string& path, bool sealed);
  ~ByHand();
  void commit(std::span<const std::byte> row, int rows);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace eyeflow::bench
