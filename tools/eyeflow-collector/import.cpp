#include "tools/eyeflow-collector/import.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/sync/batch.h"
#include "runtime/sync/row_file.h"

namespace eyeflow::collector {
namespace {

namespace fs = std::filesystem;

Result<std::vector<fs::path>> folders_in(const fs::path& folder) {
  std::vector<fs::path> folders{folder};
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (at->is_directory(ignored)) folders.push_back(at->path());
  }
  if (error)
    return fail(
        fmt::format("{}: {}; it is the folder that 'eyeflow-vm export' wrote to", folder.string(), error.message()));
  std::ranges::sort(folders);
  return folders;
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == runtime::kRowFileEnding) files.push_back(at->path());
  }
  std::ranges::sort(files);
  return files;
}

// What one file is, once its signature was found good.
struct Opened {
  std::string device, batch;
  runtime::BatchHead head;
};

Result<Opened> open(const std::map<std::string, runtime::PublicKey, std::less<>>& devices, std::string_view bytes) {
  const auto file = runtime::read_row_file(bytes);
  if (!file) return std::unexpected(file.error());
  const auto signer =
      std::ranges::find_if(devices, [&](const auto& device) { return device.second.id == file->key_id; });
  if (signer == devices.end()) {
    return fail(
        fmt::format("is signed by key {}, which is no device's that is known here; put its public key into the folder "
                    "of keys, as NAME.pub",
                    runtime::short_id(file->key_id)));
  }
  auto batch = runtime::open_row_file(*file, signer->second);
  if (!batch) return std::unexpected(batch.error());
  auto head = runtime::decode_batch(*batch, [](const runtime::BatchHead&, const runtime::BatchRow&) {});
  if (!head) return std::unexpected(head.error());
  if (head->device != signer->first) {
    return fail(fmt::format("holds rows of device '{}', and is signed by '{}'", head->device, signer->first));
  }
  return Opened{signer->first, std::move(*batch), std::move(*head)};
}

// By device and epoch: everything up to this number is on disk here.
using Stored = std::map<std::string, std::map<std::uint64_t, std::uint64_t>>;

Result<void> import_folder(Database& database, const std::map<std::string, runtime::PublicKey, std::less<>>& devices,
                           const fs::path& folder, Imported& done) {
  const std::size_t refused_before = done.refused.size();
  Stored stored;
  for (const fs::path& path : files_in(folder)) {
    const auto bytes = runtime::read_whole(path);
    auto opened = bytes ? open(devices, *bytes) : Result<Opened>(std::unexpected(bytes.error()));
    if (!opened) {
      const auto& message = opened.error().message;
      done.refused.push_back(bytes ? fmt::format("{}: {}", path.string(), message) : message);
      continue;
    }
    const auto taken = database.take(opened->device, opened->batch);
    if (!taken) return std::unexpected(taken.error());
    if (taken->other != 0) {
      done.refused.push_back(fmt::format("{}: number {} of epoch {} is another row here; nothing of it was taken",
                                         path.string(), taken->other, opened->head.epoch));
      continue;
    }
    ++done.files;
    done.rows += taken->added;
    done.known += taken->known;
    if (taken->missing > 0) {
      done.notes.push_back(fmt::format("{}: {} numbers before {} of epoch {} never came here", path.string(),
                                       taken->missing, opened->head.first, opened->head.epoch));
    }
    auto& last = stored[opened->device][opened->head.epoch];
    last = std::max(last, opened->head.last);
  }
  if (stored.empty()) return {};
  if (done.refused.size() > refused_before) {
    done.notes.push_back(fmt::format("{}: no receipt is written, because not every file was taken", folder.string()));
    return {};
  }
  std::string receipt;
  for (const auto& [device, epochs] : stored)
    for (const auto& [epoch, last] : epochs) receipt += runtime::encode_reply({device, epoch, last});
  if (const auto written = runtime::write_whole(folder / runtime::kReceiptName, receipt); !written) {
    // A stick that cannot be written is no reason to have taken nothing.
    done.notes.push_back(fmt::format("{}; the rows are stored, and the device keeps them", written.error().message));
  }
  return {};
}

}  // namespace

Result<Imported> import_rows(Database& database, const std::map<std::string, runtime::PublicKey, std::less<>>& devices,
                             const fs::path& folder) {
  const auto folders = folders_in(folder);
  if (!folders) return std::unexpected(folders.error());
  Imported done;
  for (const fs::path& each : *folders) {
    if (auto imported = import_folder(database, devices, each, done); !imported)
      return std::unexpected(imported.error());
  }
  if (done.files == 0 && done.refused.empty())
    return fail(fmt::format("{}: holds no files of rows (*{}); is it the folder that 'eyeflow-vm export' wrote to?",
                            folder.string(), runtime::kRowFileEnding));
  return done;
}

}  // namespace eyeflow::collector
