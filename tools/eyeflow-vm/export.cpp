#include <fmt/format.h>

#include "runtime/host/keeper.h"
#include "runtime/storage/store.h"
#include "runtime/sync/exporter.h"
#include "runtime/sync/row_file.h"
#include "tools/common/numbers.h"
#include "tools/eyeflow-vm/commands.h"
#include "tools/eyeflow-vm/load.h"

namespace eyeflow::tools {
namespace {

int release(runtime::Store& store, const runtime::ExportOptions& options) {
  const auto done = runtime::release_rows(store, options);
  if (!done) return report(done.error().message, kUnreachable);
  if (!done->has_receipt) {
    return report(
        fmt::format("{}: there is no receipt; take the files to the far side first: 'eyeflow-collector import' "
                    "writes it",
                    (options.folder / options.device / runtime::kReceiptName).string()),
        kRefused);
  }
  fmt::print("{} rows are stored at the far side and have left the outbox; {} wait\n", count_text(done->rows),
             count_text(done->left));
  return kDone;
}

int write(runtime::Store& store, const runtime::ExportOptions& options) {
  const auto done = runtime::export_rows(store, options);
  if (!done) return report(done.error().message, kUnreachable);
  fmt::print("{}: {} rows in {} {} written, {} were there already; they stay in the outbox until the receipt is back\n",
             done->folder.string(), count_text(done->rows), done->files, done->files == 1 ? "file" : "files",
             count_text(done->rows_there));
  return kDone;
}

}  // namespace

int export_rows(const ExportArguments& arguments) {
  auto site = open_site(arguments.site, {});
  if (!site) return site.error();
  if (!site->storage) {
    return report(fmt::format("{}: has no [storage], so the device keeps no rows that could be exported",
                              arguments.site.string()),
                  kRefused);
  }
  const auto& data = site->storage->folder;
  if (!std::filesystem::exists(data)) {
    return report(fmt::format("{}: there is no such data folder; has the device run yet?", data.string()),
                  kUnreachable);
  }
  auto store = runtime::Store::open(runtime::store_options(*site));
  if (!store) {
    return report(
        store.error().in_use ? store.error().message + ", and start it again after the export" : store.error().message,
        kUnreachable);
  }
  auto key = store->signing_key();
  if (!key) return report(key.error().message, kUnreachable);
  const runtime::ExportOptions options{.folder = arguments.folder, .device = site->device, .key = std::move(*key)};
  const int status = arguments.release ? release(*store, options) : write(*store, options);
  if (!store->stop())
    return report(fmt::format("{}: could not be closed in order; is its disk full?", data.string()), kUnreachable);
  return status;
}

}  // namespace eyeflow::tools
