#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "runtime/net/backoff.h"
#include "runtime/security/keys.h"
#include "runtime/storage/store.h"
#include "runtime/sync/answer.h"
#include "runtime/sync/http.h"

// Drains the outbox to a far side: batches by time and size, kept and tried again until the far side says that they are
// on its disk. docs/sync.md has the protocol.
namespace eyeflow::runtime {

struct UploadOptions {
  HttpOptions http;
  std::string device;
  std::optional<PrivateKey> key;  // signs each batch when given
  Acknowledge acknowledge = Acknowledge::Reply;
  bool compress = true;
  std::chrono::nanoseconds every = std::chrono::seconds(5);
  std::size_t batch_rows = 1000;                 // that many go at once, without waiting for the time
  std::size_t batch_bytes = 256u << 10;          // of rows, before they are compressed
  std::chrono::milliseconds first_pause{1'000};  // after a failure; doubled each time, and varied
  std::chrono::milliseconds longest_pause{300'000};
  std::uint32_t seed = std::random_device{}();  // of the variation
  std::chrono::milliseconds end_limit{3'000};   // the end waits so long for a far side that was up

  // The far side came up, or went down, and why: told when it or the reason changes, on the uploader's thread. A far
  // side that is away is told of once a try at most, and tries become rare.
  std::function<void(bool up, std::string_view detail)> on_state;
  // A row that the far side found too large by itself was left out: which, as a sentence.
  std::function<void(std::string_view what)> on_lost;
};

struct UploadStats {
  std::uint64_t batches = 0, failures = 0, rows = 0;  // rows that were acknowledged
  std::uint64_t rows_left_out = 0;                    // too large for the far side, and lost
  std::uint64_t bytes = 0;                            // of bodies that were acknowledged, as sent
  bool up = false;                                    // the last try went well
  std::chrono::milliseconds pause{0};                 // after a failure: how long the far side is left alone
};

class Uploader {
 public:
  static Result<std::unique_ptr<Uploader>> make(Store& store, UploadOptions options);
  ~Uploader();

  void start();
  // Rows were committed: from any thread, cheap.
  void on_commit();
  // Ends. What is in the outbox stays there; a last try is made when the far side was up, and cut off at end_limit.
  void stop();

  UploadStats stats() const;

 private:
  using Clock = std::chrono::steady_clock;

  Uploader(Store& store, UploadOptions options, std::unique_ptr<HttpClient> client);
  void work();
  bool wait_until_due();
  bool drain();
  std::uint64_t waiting() const;
  struct Body;
  enum class Then { Next, LookAgain, Leave };  // send the next one; ask the outbox anew; leave the far side alone
  Then send(const OutboxBatch& waiting);
  std::vector<Body> encode(const OutboxBatch& waiting, std::size_t from) const;
  Then post(const OutboxBatch& waiting, const Body& body, HttpClient::Headers& headers);
  Then settle(const OutboxBatch& waiting, const Body& body, const Verdict& verdict);
  void grow();
  bool is_left_out(std::uint64_t epoch, std::uint64_t sequence) const;
  void one_is_too_large(const OutboxBatch& waiting, std::uint64_t sequence, const Verdict& verdict);
  void left_out(const OutboxBatch& waiting, const Body& body, std::uint64_t stored);
  void failed(const Verdict& verdict);
  void tell(bool up, std::string_view detail);

  Store& store_;
  UploadOptions options_;
  std::unique_ptr<HttpClient> client_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false, committed_ = false, ended_ = false;
  std::atomic<bool> cut_off_ = false;  // the end has not waited for the far side
  Clock::time_point due_{};
  net::Backoff backoff_;
  std::atomic<std::int64_t> pause_ms_ = 0;  // until the next try after a failure; 0: the last try went well
  std::size_t rows_at_once_;                // smaller once the far side found a batch too large, and …
  std::size_t full_ = 0, full_to_grow_;     // … larger again after so many full ones
  bool has_grown_ = false;
  struct TooLarge {
    std::uint64_t epoch = 0, sequence = 0;
    int tries = 0;
  };
  std::vector<TooLarge> too_large_;  // by themselves
  std::optional<bool> told_up_;
  std::string told_reason_;
  std::atomic<std::uint64_t> batches_ = 0, failures_ = 0, rows_ = 0, rows_left_out_ = 0, bytes_ = 0;
  std::atomic<bool> up_ = false;
  std::thread thread_;
};

}  // namespace eyeflow::runtime
