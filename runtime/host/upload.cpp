#include "runtime/host/upload.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "runtime/host/log.h"

namespace eyeflow::runtime {
namespace {

// The far side knows the device by this key: written where its owner can take it from.
void publish_key(const Site& site, const PrivateKey& key) {
  const auto path = site.storage->folder / (site.device + ".pub");
  const auto pem = public_pem(key);
  if (!pem) return;
  std::ifstream there(path, std::ios::binary);
  if (there && std::string(std::istreambuf_iterator<char>(there), {}) == *pem) return;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << *pem;
  file.close();
  file ? log()->info("{}: the key that this device signs its rows with; the far side needs it", path.string())
       : log()->warn("{}: cannot be written; the far side needs it to know this device's rows", path.string());
}

}  // namespace

void Upload::prepare(const Site& site, Store& store, ConnectionBoard& board) {
  if (!site.cloud) return;
  const auto& cloud = *site.cloud;
  const auto give_up = [&](const Error& error) {
    log()->error("[cloud] {}: {}; rows wait in the outbox", cloud.shown, error.message);
    board.set("cloud", false, error.message);
  };
  const auto key = store.signing_key();
  if (!key) return give_up(key.error());
  publish_key(site, *key);
  auto made = Uploader::make(
      store,
      {.http = {.url = cloud.url, .ca_file = cloud.ca_file, .cert_file = cloud.cert_file, .key_file = cloud.key_file},
       .device = site.device,
       .key = *key,
       .acknowledge = cloud.status_is_enough ? Acknowledge::Status : Acknowledge::Reply,
       .compress = cloud.compress,
       .every = cloud.every,
       .batch_rows = cloud.batch_rows,
       .on_state =
           [&board, url = cloud.shown](bool up, std::string_view detail) {
             board.set("cloud", up, detail);
             up ? log()->info("cloud {}: {}", url, detail) : log()->warn("cloud {}: {}", url, detail);
           },
       .on_lost = [url = cloud.shown](std::string_view what) { log()->error("cloud {}: {}", url, what); }});
  if (!made) return give_up(made.error());
  uploader_ = std::move(*made);
}

void Upload::start() {
  if (!uploader_) return;
  uploader_->start();
  running_ = uploader_.get();
}

void Upload::on_commit() {
  if (auto* uploader = running_.load()) uploader->on_commit();
}

void Upload::stop() {
  if (uploader_) uploader_->stop();
}

std::optional<UploadStats> Upload::stats() const {
  return uploader_ ? std::optional(uploader_->stats()) : std::nullopt;
}

}  // namespace eyeflow::runtime
