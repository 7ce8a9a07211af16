#include "runtime/sync/uploader.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "runtime/sync/batch.h"
#include "runtime/sync/compress.h"

namespace eyeflow::runtime {
namespace {

constexpr int kNice = 10;

// Of rows that wait, so many are looked at at once: they are held in memory until they were sent.
constexpr std::size_t kRowsToLookAt = 2000;
// Bodies are made for one signature until there are so many bytes.
constexpr std::size_t kBytesAtOnce = 128u << 10;

// A batch that was found too large is halved, and grows again after so many full ones that were taken; each time that
// was too soon, after twice as many.
constexpr std::size_t kFirstFullToGrow = 16, kMostFullToGrow = 1024;
// A single row that is found too large is tried so often, with the longest pause in between, before it is left out.
constexpr int kTriesOfOneRow = 12;

std::string describe_row(const OutboxBatch& waiting, std::uint64_t sequence) {
  const auto row = std::ranges::find(waiting.rows, sequence, &OutboxRow::sequence);
  const StreamNames& names = waiting.names(*row);
  return fmt::format("row {} ({} of {}, {} bytes)", sequence, names.log, names.owner, row->row.size());
}

void append_hex(std::string& out, std::span<const std::byte> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const std::byte b : bytes)
    (out += kDigits[static_cast<unsigned>(b) >> 4]) += kDigits[static_cast<unsigned>(b) & 15];
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
      backoff_(options_.first_pause, options_.longest_pause, options_.seed),
      rows_at_once_(options_.batch_rows),
      full_to_grow_(kFirstFullToGrow) {}

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
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
    wake_.notify_all();
    if (up_ && thread_.joinable()) wake_.wait_for(lock, options_.end_limit, [this] { return ended_; });
    cut_off_ = !ended_;
  }
  if (cut_off_) client_->stop();
  if (thread_.joinable()) thread_.join();
}

UploadStats Uploader::stats() const {
  return {batches_, failures_, rows_, rows_left_out_, bytes_, up_, std::chrono::milliseconds(pause_ms_)};
}

void Uploader::work() {
  // The far side can wait; who decodes and decides goes first. Where the system forbids it, all are equal.
  static_cast<void>(setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNice));
  while (wait_until_due()) {
    const bool all = drain();
    const std::lock_guard lock(mutex_);
    due_ = Clock::now() +
           (all ? std::chrono::duration_cast<Clock::duration>(options_.every) : std::chrono::milliseconds(pause_ms_));
  }
  if (up_) drain();
  const std::lock_guard lock(mutex_);
  ended_ = true;
  wake_.notify_all();
}

// False: the end has come.
bool Uploader::wait_until_due() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const bool has_news = std::exchange(committed_, false);
    if (Clock::now() >= due_) return true;
    if (has_news && !backoff_.has_failed()) {
      lock.unlock();
      const bool enough = waiting() >= options_.batch_rows;
      lock.lock();
      if (enough) return true;
    }
    wake_.wait_until(lock, due_, [this] { return stopping_ || committed_; });
  }
  return false;
}

// Rows of the outbox that the far side has not stored, as far as it is told without asking the store's thread.
std::uint64_t Uploader::waiting() const {
  const StoreStats stats = store_.stats();
  const std::uint64_t stored = rows_ + rows_left_out_,
                      gone = stats.rows_acknowledged;  // which follows with the next commit
  return stats.outbox_rows - std::min(stats.outbox_rows, stored - std::min(stored, gone));
}

// A batch on its way.
struct Uploader::Body {
  std::uint64_t first = 0, last = 0;
  std::size_t rows = 0;
  std::size_t looked_at = 0;  // of what waits: those and the ones that are left out
  std::string bytes;
};

// False: the far side did not take everything; pause_ms_ says how long to leave it alone.
bool Uploader::drain() {
  for (;;) {
    // Several batches at once: each question to the store wakes its thread and waits for it.
    const std::size_t rows = std::max(rows_at_once_, std::min(rows_at_once_ * kMostDigests, kRowsToLookAt));
    const OutboxBatch waiting = store_.outbox(rows, options_.batch_bytes);
    if (waiting.rows.empty()) return true;
    const Then then = send(waiting);
    if (then == Then::Leave) return false;
    if (then == Then::LookAgain) continue;
    std::size_t bytes = 0;
    for (const OutboxRow& row : waiting.rows) bytes += row.row.size();
    if (waiting.rows.size() < rows && bytes < options_.batch_bytes / 2) return true;  // that was all
  }
}

// All of them in batches, signed several at a time.
Uploader::Then Uploader::send(const OutboxBatch& waiting) {
  for (std::size_t from = 0; from < waiting.rows.size();) {
    const auto bodies = encode(waiting, from);
    HttpClient::Headers headers{{"EyeFlow-Device", options_.device}};
    if (options_.key) {
      std::string digests;
      for (const Body& body : bodies) {
        if (!digests.empty()) digests += ',';
        append_hex(digests, sha256(std::as_bytes(std::span(body.bytes))));
      }
      const std::string message = signed_digests(digests);
      const auto signature = sign(*options_.key, std::as_bytes(std::span(message)));
      if (!signature) {
        failed({Verdict::Kind::Refused, 0, {}, fmt::format("gets nothing: {}", signature.error().message)});
        return Then::Leave;
      }
      headers.emplace_back("EyeFlow-Digests", std::move(digests));
      append_hex(headers.emplace_back("EyeFlow-Signature", "").second, *signature);
    }
    for (const Body& body : bodies) {
      from += body.looked_at;
      if (const Then then = post(waiting, body, headers); then != Then::Next) return then;
      const std::lock_guard lock(mutex_);
      if (stopping_ && (!up_ || cut_off_)) return Then::Leave;
    }
  }
  return Then::Next;
}

std::vector<Uploader::Body> Uploader::encode(const OutboxBatch& waiting, std::size_t from) const {
  std::vector<Body> bodies;
  std::vector<BatchRow> rows;
  std::optional<Gzip> packer;
  if (options_.compress) packer.emplace();
  std::uint64_t first = from == 0 ? waiting.first : waiting.rows[from - 1].sequence + 1;
  for (std::size_t packed = 0; from < waiting.rows.size() && bodies.size() < kMostDigests && packed < kBytesAtOnce;) {
    rows.clear();
    const std::size_t begin = from;
    for (std::size_t bytes = 0; from < waiting.rows.size() && rows.size() < rows_at_once_; ++from) {
      const OutboxRow& row = waiting.rows[from];
      if (from + 1 < waiting.rows.size() && is_left_out(waiting.epoch, row.sequence)) continue;
      bytes += row.row.size();
      if (!rows.empty() && bytes > options_.batch_bytes) break;
      const StreamNames& names = waiting.names(row);
      rows.push_back({row.sequence, row.time, names.owner, names.log, row.row, names.schema});
    }
    Body& body = bodies.emplace_back(first, rows.back().sequence, rows.size(), from - begin);
    body.bytes = encode_batch({options_.device, waiting.epoch, first, body.last}, rows);
    if (packer) body.bytes = packer->pack(body.bytes);
    packed += body.bytes.size();
    first = body.last + 1;
  }
  return bodies;
}

Uploader::Then Uploader::post(const OutboxBatch& waiting, const Body& body, HttpClient::Headers& headers) {
  const auto reply = client_->post(headers, body.bytes, options_.compress ? kPackedContentType : kBatchContentType);
  if (!reply && cut_off_) {
    if (up_) tell(false, "was not waited for at the end; what it has not stored goes next time");
    return Then::Leave;
  }
  if (!reply) {
    failed({Verdict::Kind::Retry, 0, {}, reply.error().message});
    return Then::Leave;
  }
  return settle(waiting, body,
                judge(*reply, options_.acknowledge, options_.device, waiting.epoch, body.first, body.last));
}

Uploader::Then Uploader::settle(const OutboxBatch& waiting, const Body& body, const Verdict& verdict) {
  if (verdict.kind == Verdict::Kind::TooLarge) {
    if (body.rows == 1) {
      one_is_too_large(waiting, body.last, verdict);
      return Then::Leave;
    }
    rows_at_once_ = body.rows / 2;
    full_to_grow_ = std::min(has_grown_ ? full_to_grow_ * 2 : full_to_grow_, kMostFullToGrow);
    full_ = 0;
    return Then::LookAgain;
  }
  if (verdict.kind != Verdict::Kind::Stored) {
    failed(verdict);
    return Then::Leave;
  }
  const bool all = verdict.stored == body.last;
  if (!too_large_.empty()) left_out(waiting, body, verdict.stored);
  store_.acknowledge(waiting.epoch, verdict.stored);
  // Of a part it is known up to which number, and numbers without a row are rare.
  rows_ += all ? body.rows : std::min<std::uint64_t>(body.rows, verdict.stored + 1 - body.first);
  ++batches_;
  bytes_ += body.bytes.size();
  backoff_.succeeded();
  pause_ms_ = 0;
  up_ = true;
  tell(true, "takes rows");
  if (all && body.rows == rows_at_once_) grow();
  return all ? Then::Next : Then::LookAgain;
}

void Uploader::grow() {
  if (rows_at_once_ == options_.batch_rows || ++full_ < full_to_grow_) return;
  rows_at_once_ = std::min(rows_at_once_ * 2, options_.batch_rows);
  has_grown_ = rows_at_once_ < options_.batch_rows;
  if (!has_grown_) full_to_grow_ = kFirstFullToGrow;
  full_ = 0;
}

// The last one of them all is never left out: only that a row behind it is taken shows that it alone is refused.
bool Uploader::is_left_out(std::uint64_t epoch, std::uint64_t sequence) const {
  return std::ranges::any_of(too_large_, [&](const TooLarge& row) {
    return row.epoch == epoch && row.sequence == sequence && row.tries > kTriesOfOneRow;
  });
}

void Uploader::one_is_too_large(const OutboxBatch& waiting, std::uint64_t sequence, const Verdict& verdict) {
  auto found = std::ranges::find_if(
      too_large_, [&](const TooLarge& row) { return row.epoch == waiting.epoch && row.sequence == sequence; });
  if (found == too_large_.end()) found = too_large_.insert(found, {waiting.epoch, sequence, 0});
  ++found->tries;
  failed({verdict.kind,
          0,
          {},
          fmt::format("{}: {} by itself; let it, and what stands in front of it, take larger "
                      "requests. It is tried {} times more, then left out and lost if the rows "
                      "behind it are taken",
                      verdict.detail, describe_row(waiting, sequence), kTriesOfOneRow)});
}

// What was passed over in the body that was stored up to there is lost by that; the rest was taken after all.
void Uploader::left_out(const OutboxBatch& waiting, const Body& body, std::uint64_t stored) {
  for (const TooLarge& row : too_large_) {
    const bool passed_over = row.epoch == waiting.epoch && row.sequence >= body.first && row.sequence < body.last &&
                             row.sequence <= stored && row.tries > kTriesOfOneRow;
    if (!passed_over) continue;
    ++rows_left_out_;
    if (options_.on_lost)
      options_.on_lost(fmt::format("{} was found too large {} times and was left out; it is lost",
                                   describe_row(waiting, row.sequence), row.tries));
  }
  std::erase_if(too_large_, [&](const TooLarge& row) { return row.epoch < waiting.epoch || row.sequence <= stored; });
}

void Uploader::failed(const Verdict& verdict) {
  ++failures_;
  up_ = false;
  const auto wanted = verdict.kind == Verdict::Kind::Retry ? backoff_.after_failure() : backoff_.after_refusal();
  const std::chrono::milliseconds asked = verdict.pause.value_or(std::chrono::seconds(0));
  pause_ms_ = std::max(wanted, asked).count();
  tell(false, verdict.detail);
}

void Uploader::tell(bool up, std::string_view detail) {
  if (told_up_ == up && (up || told_reason_ == detail)) return;
  told_up_ = up;
  told_reason_ = detail;
  if (options_.on_state) options_.on_state(up, detail);
}

}  // namespace eyeflow::runtime
