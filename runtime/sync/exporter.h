#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "runtime/security/keys.h"
#include "runtime/storage/store.h"
#include "vm/base/result.h"

// Rows of the outbox by way of a stick: signed files in FOLDER/DEVICE, and a receipt that comes back. docs/sync.md says
// what both sides do.
namespace eyeflow::runtime {

struct ExportOptions {
  std::filesystem::path folder;  // the stick
  std::string device;
  PrivateKey key;
  std::size_t file_rows = 10'000;
  std::size_t file_bytes = 8u << 20;  // of rows, before they are packed
};

struct ExportReport {
  std::filesystem::path folder;       // where the files are
  std::uint64_t files = 0, rows = 0;  // written
  std::uint64_t rows_there = 0;       // in files that were there already
};

// Writes what waits in the outbox and is not there yet; the rows stay in the outbox. Each file is whole on the stick
// before the next is begun, so that it can be interrupted and called again. The error says how far it came.
Result<ExportReport> export_rows(Store& store, const ExportOptions& options);

struct ReleaseReport {
  bool has_receipt = false;
  std::uint64_t rows = 0;  // that the outbox does not hold any more
  std::uint64_t left = 0;  // that it still does
};

// Takes the rows out of the outbox that a receipt on the stick says are stored, as far as they are in good files of
// this device's beside it: a receipt alone says nothing.
Result<ReleaseReport> release_rows(Store& store, const ExportOptions& options);

}  // namespace eyeflow::runtime
