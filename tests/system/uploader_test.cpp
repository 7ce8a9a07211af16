// The uploader between a store and a far side that does what the test says.
#include "runtime/sync/uploader.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/security/keys.h"
#include "runtime/storage/store.h"
#include "runtime/sync/batch.h"
#include "runtime/sync/compress.h"
#include "tests/system/certificates.h"

namespace eyeflow::test {
namespace {

using namespace std::chrono_literals;
using runtime::BatchHead;
using runtime::BatchRow;

struct Received {
  std::uint64_t first = 0, last = 0;
  std::vector<std::uint64_t> rows;
};

// What a request is answered with.
struct Answer {
  int status = 200;
  std::optional<std::uint64_t> stored{};  // instead of all of it
};

class Upload : public testing::Test {
 protected:
  void SetUp() override {
    server_.Post("/rows",
                 [this](const httplib::Request& request, httplib::Response& response) { take(request, response); });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    auto store = runtime::Store::open({.folder = folder_ / "data", .reserve_bytes = 0, .on_commit = [this] {
                                         if (auto* uploader = running_.load()) uploader->on_commit();
                                       }});
    ASSERT_TRUE(store) << store.error().message;
    store_.emplace(std::move(*store));
  }
  void TearDown() override {
    stop();
    store_->stop();
    running_ = nullptr;
    uploaders_.clear();  // and with them their connections, which the server would wait for
    server_.stop();
    thread_.join();
  }

  void put(int rows) {
    runtime::Changes changes;
    const auto stream = store_->stream("m", "log", {.keep = {}, .sync = true});
    for (; rows > 0; --rows) {
      const std::string text = "{\"n\":" + std::to_string(++put_) + "}";
      changes.row(stream, put_, std::as_bytes(std::span(text)));
    }
    ASSERT_TRUE(store_->wait_until_committed(store_->submit(changes, true).ticket, 10s));
  }
  void start(std::size_t batch_rows, bool compress = false, std::size_t batch_bytes = 256u << 10,
             std::optional<std::uint32_t> seed = {}) {
    runtime::UploadOptions options;
    if (seed) options.seed = *seed;
    options.http.url = runtime::parse_url("http://127.0.0.1:" + std::to_string(port_) + "/rows").value();
    options.device = "d";
    options.key = store_->signing_key().value();
    options.compress = compress;
    options.every = 20ms;
    options.batch_rows = batch_rows;
    options.batch_bytes = batch_bytes;
    options.first_pause = 10ms;
    options.longest_pause = 50ms;
    options.end_limit = 100ms;
    options.on_state = [this](bool up, std::string_view detail) {
      states_.push_back(std::string(up ? "up: " : "down: ") + std::string(detail));
    };
    options.on_lost = [this](std::string_view what) { lost_.emplace_back(what); };
    uploaders_.push_back(std::move(*runtime::Uploader::make(*store_, options)));
    running_ = uploaders_.back().get();
    running_.load()->start();
  }
  void stop() {
    if (auto* uploader = running_.load()) uploader->stop();
  }
  // Until nothing waits any more.
  void drained() {
    for (int i = 0; i < 1000 && store_->stats().outbox_rows > 0; ++i) {
      std::this_thread::sleep_for(10ms);
      keep_going();
    }
    ASSERT_EQ(store_->stats().outbox_rows, 0u);
  }
  void keep_going() {  // an acknowledgement comes to the disk with a commit
    runtime::Changes changes;
    const std::byte one{1};
    changes.keep(store_->slot(runtime::SlotKind::Host, "", "beat"), std::span(&one, 1));
    changes.commit_at_once();
    store_->submit(changes);
  }
  std::vector<Received> received() {
    const std::scoped_lock lock(mutex_);
    return received_;
  }
  // Every number came, and what was answered with 200 came once.
  void check_all(int rows) {
    const std::scoped_lock lock(mutex_);
    for (int n = 1; n <= rows; ++n) ASSERT_EQ(stored_[static_cast<std::uint64_t>(n)], 1) << n;
  }

  std::function<Answer(const Received&)> answer_ = [](const Received&) { return Answer{}; };
  std::map<std::string, int> signatures_;   // how many bodies each was for
  std::vector<std::string> states_, lost_;  // of the uploader's thread, until it was stopped
  std::optional<runtime::Store> store_;
  std::vector<std::unique_ptr<runtime::Uploader>> uploaders_;
  std::atomic<runtime::Uploader*> running_ = nullptr;

 private:
  void take(const httplib::Request& request, httplib::Response& response) {
    const std::scoped_lock lock(mutex_);
    const auto key = runtime::public_half(store_->signing_key().value());
    const std::string digests = request.get_header_value("EyeFlow-Digests"),
                      hex = request.get_header_value("EyeFlow-Signature");
    std::vector<std::byte> signature;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
      signature.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    const std::string message = "eyeflow rows 2\n" + digests;
    EXPECT_TRUE(runtime::verify(key, std::as_bytes(std::span(message)), signature));
    std::string digest;
    for (const auto b : runtime::sha256(std::as_bytes(std::span(request.body)))) {
      digest += "0123456789abcdef"[static_cast<int>(b) >> 4];
      digest += "0123456789abcdef"[static_cast<int>(b) & 15];
    }
    EXPECT_NE(digests.find(digest), digests.npos);
    ++signatures_[hex];
    const bool packed = request.get_header_value("Content-Type") == runtime::kPackedContentType;
    const std::string text = packed ? runtime::gunzip(request.body, 1u << 24).value() : request.body;
    Received batch;
    const auto head = runtime::decode_batch(text, [&](const BatchHead&, const BatchRow& row) {
      EXPECT_EQ(row.row, "{\"n\":" + std::to_string(row.sequence) + "}");
      batch.rows.push_back(row.sequence);
    });
    ASSERT_TRUE(head) << head.error().message;
    batch.first = head->first;
    batch.last = head->last;
    received_.push_back(batch);
    const Answer answer = answer_(batch);
    response.status = answer.status;
    if (answer.status != 200) return;
    const auto stored = answer.stored.value_or(batch.last);
    for (const auto n : batch.rows) stored_[n] += n <= stored;
    response.set_content(runtime::encode_reply({"d", head->epoch, stored}), "application/json");
  }

  const TemporaryFolder folder_;
  httplib::Server server_;
  std::thread thread_;
  int port_ = 0, put_ = 0;
  std::mutex mutex_;
  std::vector<Received> received_;
  std::map<std::uint64_t, int> stored_;
};

TEST_F(Upload, SeveralBatchesShareOneSignature) {
  for (const bool packed : {false, true}) {
    const auto before = received().size();
    stop();
    put(1050);
    start(100, packed);
    drained();
    const auto batches = received();
    ASSERT_EQ(batches.size(), before + 11);
    for (std::size_t i = before; i < batches.size(); ++i) {
      EXPECT_EQ(batches[i].rows.size(), i + 1 == batches.size() ? 50u : 100u);
      EXPECT_EQ(batches[i].first, i == 0 ? 1 : batches[i - 1].last + 1);
    }
  }
  check_all(2100);
  EXPECT_EQ(signatures_.size(), 2u);
  EXPECT_EQ(running_.load()->stats().rows, 1050u);
  EXPECT_EQ(running_.load()->stats().failures, 0u);
}

TEST_F(Upload, BatchesStayWithinTheirBytes) {
  put(1000);
  start(1000, false, 3000);
  drained();
  check_all(1000);
  for (const auto& batch : received()) EXPECT_LE(batch.rows.size(), 3000u / 7);
  EXPECT_GT(received().size(), 2u);
}

TEST_F(Upload, WhatIsTooLargeIsHalvedUntilItIsTaken) {
  answer_ = [](const Received& batch) { return Answer{.status = batch.rows.size() > 30 ? 413 : 200}; };
  put(500);
  start(100);
  drained();
  check_all(500);
  EXPECT_EQ(received()[0].rows.size(), 100u);
  EXPECT_EQ(received()[1].rows.size(), 50u);
  EXPECT_EQ(received()[2].rows.size(), 25u);
}

// Thirty rows at most, then the limit is raised.
TEST_F(Upload, BatchesGrowAgainOnceTheyAreTaken) {
  std::size_t limit = 30;
  answer_ = [&](const Received& batch) { return Answer{.status = batch.rows.size() > limit ? 413 : 200}; };
  put(2000);
  start(100);
  drained();
  // Sixteen full batches of 25, a try with 50, then 32 more of 25 …
  std::vector<std::size_t> sizes;
  for (const auto& batch : received()) sizes.push_back(batch.rows.size());
  std::vector<std::size_t> wanted{100, 50};
  wanted.insert(wanted.end(), 16, 25);
  wanted.push_back(50);
  wanted.insert(wanted.end(), 32, 25);
  wanted.push_back(50);
  wanted.insert(wanted.end(), 32, 25);
  EXPECT_EQ(sizes, wanted);
  const auto before = received().size();
  limit = 1000;
  put(4100);
  drained();
  sizes.clear();
  for (const auto& batch : received()) sizes.push_back(batch.rows.size());
  sizes.erase(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(before));
  wanted.assign(32, 25);
  wanted.insert(wanted.end(), 64, 50);
  wanted.push_back(100);
  EXPECT_EQ(sizes, wanted);
  check_all(6100);
}

// Row 3 is refused always; until rows behind it are there, nobody knows that it is that row alone.
TEST_F(Upload, ARowThatIsTooLargeByItselfHoldsTheOthersUpForAWhileOnly) {
  answer_ = [&](const Received& batch) {
    const bool has_it = std::ranges::find(batch.rows, 3u) != batch.rows.end();
    return Answer{.status = has_it ? 413 : 200};
  };
  put(3);
  start(10);
  const auto tries = [&] { return running_.load()->stats().failures; };
  for (int i = 0; i < 2000 && tries() < 20; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_GE(tries(), 20u) << "tried again and again";
  EXPECT_EQ(running_.load()->stats().rows_left_out, 0u);
  put(7);
  drained();
  stop();
  EXPECT_EQ(running_.load()->stats().rows_left_out, 1u);
  EXPECT_EQ(running_.load()->stats().rows, 9u);
  ASSERT_EQ(lost_.size(), 1u);
  EXPECT_TRUE(lost_[0].starts_with("row 3 (log of m, 7 bytes) was found too large ")) << lost_[0];
  const std::string told = "down: finds the batch too large (413): row 3 (log of m, 7 bytes) by itself; ";
  ASSERT_GE(states_.size(), 2u);
  EXPECT_EQ(std::ranges::count_if(states_, [&](const auto& state) { return state.starts_with(told); }), 1);
  EXPECT_EQ(states_.back(), "up: takes rows");
}

// A limit that nothing gets through must not make the device throw its rows away one after the other.
TEST_F(Upload, AFarSideThatFindsEveryRowTooLargeGetsThemAllLater) {
  std::atomic<bool> is_set_wrong = true;
  answer_ = [&](const Received&) { return Answer{.status = is_set_wrong ? 413 : 200}; };
  put(5);
  start(10);
  const auto tries = [&] { return running_.load()->stats().failures; };
  for (int i = 0; i < 3000 && tries() < 30; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_GE(tries(), 30u);
  EXPECT_EQ(store_->stats().outbox_rows, 5u);
}

TEST_F(Upload, APartThatIsStoredIsGoneOnBehind) {
  answer_ = [](const Received& batch) {
    return Answer{.stored = batch.last > batch.first + 40 ? std::optional(batch.first + 40) : std::nullopt};
  };
  put(300);
  start(100);
  drained();
  check_all(300);
  EXPECT_EQ(received()[1].first, 42u);
}

TEST_F(Upload, AFarSideThatFailsNowAndThenGetsEachRowAgain) {
  int requests = 0;
  answer_ = [&](const Received&) { return Answer{.status = ++requests % 3 == 0 ? 503 : 200}; };
  start(10);
  for (int i = 0; i < 20; ++i) put(17);
  drained();
  check_all(340);
  EXPECT_GT(running_.load()->stats().failures, 0u);
}

// First it is overloaded, then it does not know the device, and in the end it is well: each is told, and told once.
TEST_F(Upload, EachReasonOfAFarSideThatFailsIsTold) {
  constexpr int kAnswers[] = {503, 503, 403, 403, 503, 200, 200, 503, 200};
  std::size_t requests = 0;
  answer_ = [&](const Received&) { return Answer{.status = kAnswers[std::min(requests++, std::size(kAnswers) - 1)]}; };
  start(1);
  for (int i = 0; i < 4; ++i) {
    put(1);
    drained();
  }
  stop();
  EXPECT_EQ(states_,
            (std::vector<std::string>{"down: answers 503", "down: refuses the rows with 403", "down: answers 503",
                                      "up: takes rows", "down: answers 503", "up: takes rows"}));
}

// It took rows, and then hangs: the end leaves it alone, the rows stay, and the next run sends them.
TEST_F(Upload, TheEndDoesNotWaitForAFarSideThatHangs) {
  std::mutex mutex;
  std::condition_variable changed;
  bool is_up = false, has_ended = false, was_waited_for = false;
  answer_ = [&](const Received&) {
    std::unique_lock lock(mutex);
    if (!std::exchange(is_up, true) || has_ended) return Answer{};
    was_waited_for = !changed.wait_for(lock, 20s, [&] { return has_ended; });
    return Answer{.status = 503};
  };
  put(1);
  start(10);
  drained();
  put(1);
  stop();
  {
    const std::scoped_lock lock(mutex);
    EXPECT_TRUE(is_up);
    has_ended = true;
  }
  changed.notify_all();
  EXPECT_EQ(states_,
            (std::vector<std::string>{"up: takes rows",
                                      "down: was not waited for at the end; what it has not stored goes next time"}));
  EXPECT_EQ(running_.load()->stats().failures, 0u);
  EXPECT_EQ(store_->stats().outbox_rows, 1u);
  start(10);
  drained();
  EXPECT_FALSE(was_waited_for);
}

// What each try had waited for, as the uploader says it. Nobody measures time here.
TEST_F(Upload, PausesGrowToTheLongestVaryByDeviceAndEndWithTheFirstSuccess) {
  constexpr std::chrono::milliseconds kWhole[] = {0ms, 10ms, 20ms, 40ms, 50ms, 50ms, 50ms, 50ms, 50ms, 50ms};
  const auto pauses = [&](std::uint32_t seed) {
    stop();
    std::vector<std::chrono::milliseconds> told;
    answer_ = [&](const Received&) {
      told.push_back(running_.load()->stats().pause);
      return Answer{.status = told.size() < std::size(kWhole) ? 503 : 200};
    };
    put(1);
    start(10, false, 256u << 10, seed);
    drained();
    stop();
    EXPECT_EQ(running_.load()->stats().pause, 0ms) << "it went well";
    EXPECT_EQ(running_.load()->stats().failures, std::size(kWhole) - 1);
    return told;
  };
  const auto first = pauses(12'345'678), again = pauses(12'345'678), other = pauses(87'654'321);
  for (const auto& told : {first, other}) {
    ASSERT_EQ(told.size(), std::size(kWhole));
    for (std::size_t n = 0; n < told.size(); ++n) {
      EXPECT_GE(told[n], kWhole[n] / 2) << n;
      EXPECT_LE(told[n], kWhole[n]) << n;
    }
  }
  EXPECT_EQ(first, again) << "the same seed";
  EXPECT_NE(first, other) << "another device";
}

}  // namespace
}  // namespace eyeflow::test
