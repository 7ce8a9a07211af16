#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/security/sealing.h"
#include "runtime/storage/store.h"
#include "vm/base/result.h"

namespace eyeflow::runtime {

class HistoryFile;

// Rows kept for queries, read beside a store that may be at work in the same folder, or that was cut off in the middle
// of it. It takes no lock and writes, makes and sets aside nothing, so it cannot disturb the store, and needs no right
// but to read. Instead it looks afterwards: a slice of rows counts when nothing was committed while it was read, and is
// read anew otherwise.
//
// Rows come as the last commit left them. After a power cut those of the very last one may be among them although their
// part in state.db did not come to be: the next start takes them back (docs/storage.md).
//
// Not in a process that has a Store open in the folder: closing a file there gives up the store's lock of it.
class HistoryReader {
 public:
  // Nothing: the folder has no rows yet. An error says what is wrong with the file and what to do.
  static Result<std::optional<HistoryReader>> open(const std::filesystem::path& folder, const DeviceKey& key);
  ~HistoryReader();
  HistoryReader(HistoryReader&&) noexcept;
  HistoryReader& operator=(HistoryReader&&) = delete;

  // Of which rows were kept, those included that have none left.
  const std::vector<StreamNames>& streams() const { return streams_; }
  // The next rows, in the order in which they were written; none in `rows` while `next` is not 0 says nothing.
  Result<HistoryRows> query(const HistoryQuery& query);
  // Where to begin (HistoryQuery::after) so that the newest `rows` of those that `query` finds are what comes.
  Result<std::uint64_t> before_last(const HistoryQuery& query, std::uint64_t rows);

 private:
  HistoryReader(std::filesystem::path path, const DeviceKey& key);
  template <typename Work>
  auto read(Work&& work) -> decltype(work(std::declval<HistoryFile&>(), std::size_t{}));

  std::filesystem::path path_;
  DeviceKey key_;
  std::unique_ptr<HistoryFile> file_;  // as it was at `stamp_`
  std::string stamp_;
  std::size_t rows_at_a_time_;
  std::vector<StreamNames> streams_;
};

}  // namespace eyeflow::runtime
