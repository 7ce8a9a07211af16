#include "runtime/sync/uploader.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "runtime/sync/batch.h"
#include "runtime/sync/compress.h"

namespace eyeflow::runtime {
namespace {

constexpr int kNice = 10;

std::string hex(std::span<const std::byte> bytes) {
  std::string out;
  for (const std::byte b : bytes) fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<unsigned>(b));
  return out;
}

}  // namespace

Result<std::unique_ptr<Uploader>> Uploader::make(Store& store, UploadOptions options) {
  auto client = HttpClient::make(options.http);
  if (!client) return std::unexpected(client.error());
  return std::unique_ptr<Uploader>(new Uploader(store, std::move(options), std::move(*client)));
}

Uploader::Uploader(Store& store, UploadOptions options, std::unique_ptr<HttpClient> client)
    : store_(store),
      options_(std::move(options)),
      client_(std::move(client)),
      rows_at_once_(options_.batch_rows),
      random_(std::random_device{}()) {}

Uploader::~Uploader() { stop(); }

void Uploader::start() {
  due_ = Clock::now();  // what an earlier run left behind need not wait
  thread_ = std::thread([this] { work(); });
}

void Uploader::on_commit() {
  {
    const std::lock_guard lock(mutex_);
    committed_ = true;
  }
  wake_.notify_one();
}

void Uploader::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  wake_.notify_one();
  if (!up_) client_->stop();  // a far side that hangs would hold the end up
  if (thread_.joinable()) thread_.join();
}

UploadStats Uploader::stats() const { return {batches_, failures_, rows_, bytes_, up_}; }

void Uploader::work() {
  // The far side can wait; who decodes and decides goes first. Where the system forbids it, all are equal.
  static_cast<void>(setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNice));
  while (wait_until_due()) {
    const bool all = drain();
    const std::lock_guard lock(mutex_);
    due_ = Clock::now() + (all ? std::chrono::duration_cast<Clock::duration>(options_.every) : Clock::duration(wait_));
  }
  if (up_) drain();
}

// False: the end has come.
bool Uploader::wait_until_due() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const bool has_news = std::exchange(committed_, false);
    if (Clock::now() >= due_) return true;
    if (has_news && pause_.count() == 0) {
      lock.unlock();
      const bool enough = store_.stats().outbox_rows >= rows_at_once_;
      lock.lock();
      if (enough) return true;
    }
    wake_.wait_until(lock, due_, [this] { return stopping_ || committed_; });
  }
  return false;
}

// False: the far side did not take everything; pause_ says how long to leave it alone.
bool Uploader::drain() {
  for (;;) {
    const OutboxBatch batch = store_.outbox(rows_at_once_, options_.batch_bytes);
    if (batch.rows.empty()) return true;
    const auto verdict = send(batch);
    if (!verdict || !settle(batch, *verdict)) return false;
    if (batch.rows.size() < rows_at_once_ / 2) return true;  // the rest is small: it waits for company
    const std::lock_guard lock(mutex_);
    if (stopping_ && !up_) return false;
  }
}

std::optional<Verdict> Uploader::send(const OutboxBatch& batch) {
  std::vector<BatchRow> rows;
  rows.reserve(batch.rows.size());
  for (const OutboxRow& row : batch.rows) {
    const StreamNames& names = batch.names(row);
    rows.push_back({row.sequence, row.time, names.owner, names.log, row.row, names.schema});
  }
  const BatchHead head{options_.device, batch.epoch, batch.first, batch.last()};
  std::string body = encode_batch(head, rows);
  if (options_.compress) body = gzip(body);
  HttpClient::Headers headers{{"EyeFlow-Device", options_.device}};
  if (options_.key) {
    const std::string message = signed_message(body);
    const auto signature = sign(*options_.key, std::as_bytes(std::span(message)));
    if (!signature) {
      failed({Verdict::Kind::Refused, 0, {}, fmt::format("gets nothing: {}", signature.error().message)});
      return std::nullopt;
    }
    headers.emplace_back("EyeFlow-Signature", hex(*signature));
  }
  body_bytes_ = body.size();
  const auto reply =
      client_->post(headers, body, std::string(options_.compress ? kPackedContentType : kBatchContentType));
  if (!reply) {
    failed({Verdict::Kind::Retry, 0, {}, reply.error().message});
    return std::nullopt;
  }
  return judge(*reply, options_.acknowledge, options_.device, batch.epoch, batch.first, batch.last());
}

bool Uploader::settle(const OutboxBatch& batch, const Verdict& verdict) {
  if (verdict.kind == Verdict::Kind::TooLarge && batch.rows.size() > 1) {
    rows_at_once_ = batch.rows.size() / 2;
    return true;
  }
  if (verdict.kind != Verdict::Kind::Stored) {
    failed(verdict);
    return false;
  }
  store_.acknowledge(batch.epoch, verdict.stored);
  rows_ += static_cast<std::uint64_t>(
      std::ranges::count_if(batch.rows, [&](const OutboxRow& row) { return row.sequence <= verdict.stored; }));
  ++batches_;
  bytes_ += body_bytes_;
  pause_ = {};
  up_ = true;
  tell(true, "takes rows");
  return true;
}

void Uploader::failed(const Verdict& verdict) {
  using std::chrono::milliseconds;
  ++failures_;
  up_ = false;
  const milliseconds longest = options_.longest_pause;
  pause_ =
      verdict.kind == Verdict::Kind::Retry ? std::min(longest, std::max(pause_ * 2, options_.first_pause)) : longest;
  // A thousand devices that lost the same far side must not come back in one second.
  const milliseconds wanted(
      std::uniform_int_distribution<milliseconds::rep>(pause_.count() / 2, pause_.count())(random_));
  const milliseconds asked = verdict.pause.value_or(std::chrono::seconds(0));
  tell(false, verdict.detail);
  const std::lock_guard lock(mutex_);
  wait_ = std::max(wanted, asked);
}

void Uploader::tell(bool up, std::string_view detail) {
  if (told_up_ == up) return;
  told_up_ = up;
  if (options_.on_state) options_.on_state(up, detail);
}

}  // namespace eyeflow::runtime
