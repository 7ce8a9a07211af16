#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "runtime/storage/block.h"
#include "runtime/storage/sealed_file.h"
#include "runtime/storage/store.h"

namespace eyeflow::runtime {

// How far state.db has got. Stands in it as a value of its own, sealed.
struct Progress {
  std::uint64_t group = 0;          // the last group that had a part in both files
  std::uint64_t next_sequence = 1;  // of the outbox
  std::uint64_t outbox_rows = 0, outbox_bytes = 0;
  std::uint64_t acknowledged_epoch = 0, acknowledged_sequence = 0;
  std::uint64_t values = 0;  // in `kept`, this one left out
  std::uint64_t clean = 0;   // the last run ended with stop()
};

// The rows of state.db that wait for the far side, in blocks; with the file that they lie in at each call. Positions
// count rows: a block stands at that of its first one, and neither numbers nor positions within a block have a gap.
//
// The first blocks that wait stay in memory: a far side that keeps up gets its rows without their being read back.
class Outbox {
 public:
  FileResult<void> open(SealedFile& file);
  bool is_open() const { return open_; }
  void close();

  // Within a transaction. What is put is written with flush() at the latest, and seen by read() after committed().
  struct Row {
    RowNumber number;
    std::int64_t position = 0;
    std::uint32_t stream = 0;  // of the table of names
    vm::TimeNs time = 0;
    std::span<const std::byte> bytes;
  };
  FileResult<void> put(SealedFile& file, const NameTable& names, const Row& row, Progress& next);
  FileResult<void> flush(SealedFile& file, Progress& next);
  std::int64_t next_position() const { return next_position_; }
  std::size_t pending_bytes() const { return block_.plain().size(); }

  // These give how many rows went.
  FileResult<std::uint64_t> acknowledge(SealedFile& file, RowNumber upto, Progress& next);
  // Whole blocks from the oldest on, until that many rows and bytes are gone; the newest one stays if `but_newest`.
  FileResult<std::uint64_t> drop(SealedFile& file, std::uint64_t rows, std::uint64_t bytes, bool but_newest,
                                 Progress& next);
  void rolled_back();
  void committed();

  // Those behind `after`, without what the far side said it stored (`told`), whether that is committed or not.
  struct Wanted {
    std::size_t rows = 0, bytes = 0;
    RowNumber after;
    std::span<const RowNumber> told;
  };
  FileResult<OutboxBatch> read(SealedFile& file, const NameTable& names, const Progress& progress,
                               const Wanted& wanted);

 private:
  static constexpr std::size_t kWindowBytes = 64u << 10;

  struct Block {
    std::int64_t position = 0;
    RowNumber first;
    std::uint64_t last = 0;
    std::shared_ptr<const std::vector<std::byte>> plain{};
  };
  template <typename F>
  FileResult<std::uint64_t> drop_head(SealedFile& file, Progress& next, F&& rows_of);
  FileResult<bool> next_block(SealedFile& file, std::int64_t after, Block& block);
  bool fits_window(std::size_t bytes) const { return window_bytes_ + bytes <= kWindowBytes; }
  void forget_new();
  void forget_up_to(std::int64_t position);
  static FileResult<bool> add_rows(const NameTable& names, const Block& block, std::uint64_t from, const Wanted& wanted,
                                   std::size_t& bytes, OutboxBatch& batch);

  bool open_ = false;
  Statement put_, head_, next_, drop_;
  // The block that is being filled.
  BlockWriter block_;
  RowNumber block_first_;
  std::int64_t block_position_ = 0;
  std::int64_t next_position_ = 1, committed_position_ = 1;
  // Of the transaction at hand: its blocks, of which the first may come into the window, and up to where all went.
  std::vector<Block> new_;
  std::size_t new_bytes_ = 0;
  bool new_is_window_ = true;
  std::int64_t dropped_ = 0;
  std::int64_t acknowledged_ = 0;  // all up to there are stored at the far side, if not yet by a commit
  // The first blocks that wait, without a gap; all of them if `window_is_all_`.
  std::deque<Block> window_;
  std::size_t window_bytes_ = 0;
  bool window_is_all_ = true;
  // Where the batch after that one begins.
  RowNumber given_;
  std::int64_t given_position_ = 0;
};

}  // namespace eyeflow::runtime
