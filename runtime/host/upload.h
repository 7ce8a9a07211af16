#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "runtime/host/inlet.h"
#include "runtime/site/site.h"
#include "runtime/storage/store.h"
#include "runtime/sync/uploader.h"

namespace eyeflow::runtime {

// The host's uploader: set up from [cloud], woken by commits, shown among the connections. Does nothing for a site
// without [cloud].
class Upload {
 public:
  ~Upload() { stop(); }

  // What keeps it from being set up (a file of certificates that cannot be read) is told; the device works without.
  void prepare(const Site& site, Store& store, ConnectionBoard& board);
  void start();
  void on_commit();  // from a thread of the store, at any time
  void stop();
  std::optional<UploadStats> stats() const;

 private:
  std::unique_ptr<Uploader> uploader_;
  std::atomic<Uploader*> running_ = nullptr;
};

}  // namespace eyeflow::runtime
