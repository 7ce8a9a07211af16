#include "runtime/sync/exporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <thread>
#include <vector>

#include "runtime/sync/batch.h"
#include "runtime/sync/row_file.h"

namespace eyeflow::runtime {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct Range {
  std::uint64_t first, last;
};
// What the good files of this device hold, by epoch, in order.
using Covered = std::map<std::uint64_t, std::vector<Range>>;

Covered covered_by(const fs::path& folder, const ExportOptions& options) {
  Covered covered;
  const PublicKey key = public_half(options.key);
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() != kRowFileEnding) continue;
    const auto bytes = read_whole(at->path());
    if (!bytes) continue;
    const auto file = read_row_file(*bytes);
    if (!file) continue;
    const auto batch = open_row_file(*file, key);
    if (!batch) continue;
    const auto head = decode_batch(*batch, [](const BatchHead&, const BatchRow&) {});
    if (head && head->device == options.device) covered[head->epoch].push_back({head->first, head->last});
  }
  for (auto& [epoch, ranges] : covered) std::ranges::sort(ranges, {}, &Range::first);
  return covered;
}

// The last number of those that follow `number` without a gap, itself included; nothing: it is not there.
std::optional<std::uint64_t> covered_until(const Covered& covered, std::uint64_t epoch, std::uint64_t number) {
  const auto ranges = covered.find(epoch);
  if (ranges == covered.end()) return std::nullopt;
  std::optional<std::uint64_t> until;
  for (const Range& range : ranges->second) {
    if (range.first <= (until ? *until + 1 : number) && range.last >= (until ? *until + 1 : number)) until = range.last;
  }
  return until;
}

fs::path name_of(const fs::path& folder, const BatchHead& head) {
  return folder / fmt::format("{:08}-{:012}-{:012}{}", head.epoch, head.first, head.last, kRowFileEnding);
}

}  // namespace

Result<ExportReport> export_rows(Store& store, const ExportOptions& options) {
  ExportReport report{.folder = options.folder / options.device};
  std::error_code error;
  fs::create_directories(report.folder, error);
  if (error) return fail(fmt::format("{}: {}", report.folder.string(), error.message()));
  const Covered covered = covered_by(report.folder, options);

  RowNumber after;
  for (;;) {
    OutboxBatch batch = store.outbox(options.file_rows, options.file_bytes, after);
    if (batch.rows.empty()) return report;
    after = batch.end();
    BatchHead head{options.device, batch.epoch, batch.first, batch.last()};
    if (const auto until = covered_until(covered, batch.epoch, head.first)) {
      const auto there =
          std::ranges::partition_point(batch.rows, [&](const OutboxRow& row) { return row.sequence <= *until; });
      report.rows_there += static_cast<std::uint64_t>(there - batch.rows.begin());
      batch.rows.erase(batch.rows.begin(), there);
      head.first = *until + 1;
      if (batch.rows.empty()) continue;
    }
    std::vector<BatchRow> rows;
    rows.reserve(batch.rows.size());
    for (const OutboxRow& row : batch.rows) {
      const StreamNames& names = batch.names(row);
      rows.push_back({row.sequence, row.time, names.owner, names.log, row.row, names.schema});
    }
    const auto bytes = encode_row_file(options.key, encode_batch(head, rows));
    if (!bytes) return std::unexpected(bytes.error());
    // A receipt is for the files that were there when it was written.
    if (report.files == 0) fs::remove(report.folder / kReceiptName, error);
    if (const auto written = write_whole(name_of(report.folder, head), *bytes); !written) {
      return fail(
          fmt::format("{}; {} rows in {} files are on it and whole: make room, or call it again with another "
                      "stick, and it goes on",
                      written.error().message, report.rows + report.rows_there, report.files));
    }
    ++report.files;
    report.rows += rows.size();
  }
}

Result<ReleaseReport> release_rows(Store& store, const ExportOptions& options) {
  const fs::path folder = options.folder / options.device;
  ReleaseReport report;
  report.left = store.stats().outbox_rows;
  const fs::path path = folder / kReceiptName;
  if (!fs::exists(path)) return report;
  report.has_receipt = true;
  const auto text = read_whole(path);
  if (!text) return std::unexpected(text.error());
  std::map<std::uint64_t, std::uint64_t> stored;  // by epoch
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    const auto line = decode_reply(std::string_view(*text).substr(at, end - at));
    at = end + 1;
    if (!line) return fail(fmt::format("{}: {}; import the files once more", path.string(), line.error().message));
    if (line->device == options.device) stored[line->epoch] = std::max(stored[line->epoch], line->stored);
  }

  const Covered covered = covered_by(folder, options);
  const std::uint64_t before = report.left;
  for (;;) {
    const OutboxBatch head = store.outbox(1, SIZE_MAX);
    if (head.rows.empty()) break;
    const auto until = covered_until(covered, head.epoch, head.first);
    const auto receipt = stored.find(head.epoch);
    if (!until || receipt == stored.end() || std::min(*until, receipt->second) < head.first) break;
    const std::uint64_t last = std::min(*until, receipt->second);
    const std::uint64_t forgotten = store.stats().rows_acknowledged;
    store.acknowledge(head.epoch, last);
    // It is of the next commit; a later epoch has its turn after that.
    const auto limit = std::chrono::steady_clock::now() + 30s;
    while (store.stats().rows_acknowledged == forgotten) {
      if (std::chrono::steady_clock::now() > limit) return fail("the store does not commit; is its disk full?");
      std::this_thread::sleep_for(10ms);
    }
  }
  report.left = store.stats().outbox_rows;
  report.rows = before - std::min(before, report.left);
  return report;
}

}  // namespace eyeflow::runtime
