// Posting to far sides that are away, slow, silent, liars or somebody else; and the collector as its own process.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "runtime/security/keys.h"
#include "runtime/sync/batch.h"
#include "runtime/sync/compress.h"
#include "runtime/sync/http.h"
#include "runtime/sync/uploader.h"
#include "tests/system/certificates.h"
#include "tests/system/collector.h"
#include "tests/system/process.h"

namespace eyeflow::test {
namespace {

using namespace std::chrono_literals;
using runtime::HttpClient;
using runtime::HttpOptions;

// A server that does to each connection what the test says.
class Peer {
 public:
  explicit Peer(std::function<void(int)> serve) : serve_(std::move(serve)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 16) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("cannot listen");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      for (int fd; (fd = accept(listener_, nullptr, nullptr)) >= 0;) {
        serve_(fd);
        close(fd);
      }
    });
  }
  ~Peer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  int port() const { return port_; }

 private:
  std::function<void(int)> serve_;
  int listener_ = -1, port_ = 0;
  std::thread thread_;
};

// False: the other side is gone.
bool say(int fd, std::string_view text) { return send(fd, text.data(), text.size(), MSG_NOSIGNAL) >= 0; }
void read_some(int fd) {
  char buffer[4096];
  if (recv(fd, buffer, sizeof buffer, 0) < 0) return;
}
// Until the other side hangs up.
void wait_for_end(int fd) {
  char buffer[4096];
  while (recv(fd, buffer, sizeof buffer, 0) > 0) {
  }
}

HttpOptions to_port(int port) {
  HttpOptions options;
  options.url = runtime::parse_url("http://127.0.0.1:" + std::to_string(port) + "/rows").value();
  options.connect_timeout = 2000ms;
  options.silence_timeout = 300ms;
  options.request_timeout = 1500ms;
  return options;
}

Result<runtime::HttpReply> post(const HttpOptions& options, const std::string& body = "x") {
  auto client = HttpClient::make(options);
  if (!client) return std::unexpected(client.error());
  return (*client)->post({}, body, "text/plain");
}

std::string failure(const HttpOptions& options) {
  const auto reply = post(options);
  return reply ? "no failure: " + std::to_string(reply->status) : reply.error().message;
}

TEST(Post, AFarSideThatIsAwayIsAFailureWithAReason) {
  EXPECT_NE(failure(to_port(free_port())).find("nobody answers"), std::string::npos) << failure(to_port(free_port()));
}

TEST(Post, AConnectionThatBreaksIsAFailure) {
  Peer hangs_up([](int) {});
  EXPECT_FALSE(post(to_port(hangs_up.port()))) << "while sending, or afterwards: as it falls";
  Peer breaks_off([](int fd) {
    read_some(fd);
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"device\"");
  });
  EXPECT_NE(failure(to_port(breaks_off.port())).find("did not come"), std::string::npos);
}

TEST(Post, AHalfOpenConnectionIsGivenUp) {
  Peer silent([](int fd) { wait_for_end(fd); });
  EXPECT_NE(failure(to_port(silent.port())).find("did not come"), std::string::npos);
}

TEST(Post, AnAnswerThatTricklesIsGivenUp) {
  // A byte now and then resets every limit but the one for the whole request.
  Peer trickles([](int fd) {
    read_some(fd);
    say(fd, "HTTP/1.1 200 OK\r\nX: ");
    while (say(fd, "x")) usleep(50'000);
  });
  EXPECT_NE(failure(to_port(trickles.port())).find("given up"), std::string::npos);
}

TEST(Post, AnAnswerThatNeverEndsIsGivenUp) {
  // Never silent, and no limit of bytes is for it.
  Peer talks([](int fd) {
    read_some(fd);
    while (say(fd, "HTTP/1.1 102 Processing\r\n\r\n")) continue;
  });
  EXPECT_NE(failure(to_port(talks.port())).find("given up"), std::string::npos);
}

TEST(Post, AnAnswerThatIsTooLargeIsGivenUp) {
  Peer large([](int fd) {
    read_some(fd);
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'x'));
    wait_for_end(fd);
  });
  EXPECT_NE(failure(to_port(large.port())).find("too large"), std::string::npos);
}

TEST(Post, AnyStatusIsAReplyAndRedirectsAreNotFollowed) {
  Peer busy([](int fd) {
    read_some(fd);
    say(fd, "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy");
  });
  const auto reply = post(to_port(busy.port()));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 503);
  EXPECT_EQ(reply->retry_after, "7");
  EXPECT_EQ(reply->body, "busy");
  Peer elsewhere([](int fd) {
    read_some(fd);
    say(fd, "HTTP/1.1 307 There\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });
  EXPECT_EQ(post(to_port(elsewhere.port())).value().status, 307);
}

// A far side closes what was kept for a while: the request goes again over a new connection, once, and no more.
TEST(Post, AKeptConnectionThatWasClosedIsMadeAnew) {
  std::atomic<int> connections = 0, requests = 0;
  std::atomic<bool> keeps = true;
  Peer peer([&](int fd) {
    ++connections;
    do {
      char buffer[4096];
      if (recv(fd, buffer, sizeof buffer, 0) <= 0) return;
      ++requests;
      if (connections > 3) return;
      say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    } while (keeps);
  });
  auto client = HttpClient::make(to_port(peer.port())).value();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client->post({}, "x", "text/plain").value().body, "ok");
  EXPECT_EQ(connections, 1);
  keeps = false;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client->post({}, "x", "text/plain").value().body, "ok");
  EXPECT_EQ(connections, 3) << "the last answer on the first, then one each";
  const int before = requests;
  EXPECT_FALSE(client->post({}, "x", "text/plain"));
  EXPECT_EQ(requests, before + 1) << "nobody answers on the new one either";
  keeps = true;
}

TEST(Post, AnswersComeInEveryForm) {
  std::string answer;
  Peer peer([&](int fd) {
    read_some(fd);
    for (const char c : answer) {  // a byte at a time
      if (!say(fd, std::string_view(&c, 1))) return;
    }
  });
  const auto answered = [&](std::string text) {
    answer = std::move(text);
    const auto reply = post(to_port(peer.port()));
    return reply ? std::to_string(reply->status) + " " + reply->body : reply.error().message;
  };
  EXPECT_EQ(
      answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=1\r\nab\r\n\r\n3\r\ncde\r\n0\r\nX: y\r\n\r\n"),
      "200 ab\r\ncde");
  EXPECT_EQ(answered("HTTP/1.0 200 OK\r\n\r\nuntil it ends"), "200 until it ends");
  EXPECT_EQ(answered("HTTP/1.1 204 No Content\r\n\r\n"), "204 ");
  EXPECT_EQ(answered("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-LENGTH:  1 \r\n\r\nx"), "200 x");
  for (const char* none :
       {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 200 OK\r\nno field\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"}) {
    EXPECT_EQ(answered(none), "its answer is not HTTP") << none;
  }
  EXPECT_NE(answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab").find("broke off"),
            std::string::npos);
  EXPECT_NE(answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nab").find("too large"),
            std::string::npos);
  EXPECT_NE(answered("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nab").find("too large"),
            std::string::npos);
}

TEST(Post, StopEndsARequestThatHangs) {
  std::atomic<bool> connected = false;
  Peer silent([&](int fd) {
    connected = true;
    wait_for_end(fd);
  });
  HttpOptions options = to_port(silent.port());
  options.silence_timeout = options.request_timeout = 60'000ms;
  auto client = HttpClient::make(options).value();
  std::thread stopper([&] {
    while (!connected) usleep(1000);
    client->stop();
  });
  EXPECT_FALSE(client->post({}, "x", "text/plain"));
  stopper.join();
  EXPECT_FALSE(client->post({}, "x", "text/plain")) << "and everything later";
}

// ---- TLS and the collector
// -------------------------------------------------------------------------------------------

std::string hex(std::span<const std::byte> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const std::byte b : bytes)
    (out += kDigits[static_cast<unsigned>(b) >> 4]) += kDigits[static_cast<unsigned>(b) & 15];
  return out;
}

std::string rows(int first, int last, const std::string& device = "line1") {
  std::vector<std::string> objects;
  std::vector<runtime::BatchRow> all;
  for (int n = first; n <= last; ++n) objects.push_back("{\"n\":" + std::to_string(n) + "}");
  for (int n = first; n <= last; ++n)
    all.push_back(
        {static_cast<std::uint64_t>(n), n * 1000, "task/T1", "history", objects[static_cast<std::size_t>(n - first)]});
  return runtime::encode_batch({device, 2, static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(last)}, all);
}

std::string signature(const runtime::PrivateKey& key, std::string_view body) {
  const std::string message = runtime::signed_message(body);
  return hex(runtime::sign(key, std::as_bytes(std::span(message))).value());
}

Result<runtime::HttpReply> send_rows(const HttpOptions& options, const runtime::PrivateKey& key,
                                     const std::string& text, const std::string& device = "line1") {
  const std::string body = runtime::gzip(text);
  auto client = HttpClient::make(options);
  if (!client) return std::unexpected(client.error());
  return (*client)->post({{"EyeFlow-Device", device}, {"EyeFlow-Signature", signature(key, body)}}, body,
                         std::string(runtime::kPackedContentType));
}

TEST(Collector, StoresEachRowOnceAndSurvivesAKill) {
  const TemporaryFolder folder;
  Collector collector(folder);
  const auto key = collector.key();
  const auto first = send_rows(collector.options(), key, rows(1, 3));
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->status, 200) << first->body;
  EXPECT_EQ(first->body, "{\"device\":\"line1\",\"epoch\":2,\"stored\":3}\n");

  collector.process().signal(SIGKILL);
  EXPECT_EQ(collector.process().wait(10'000ms), 128 + SIGKILL);
  collector.start();
  // The acknowledgement may have been lost: the device sends again, cut differently.
  const auto again = send_rows(collector.options(), key, rows(2, 5));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->body, "{\"device\":\"line1\",\"epoch\":2,\"stored\":5}\n");
  EXPECT_EQ(collector.query("SELECT device, epoch, sequence, source, log, time_ns, row FROM history"),
            "line1|2|1|task/T1|history|1000|{\"n\":1}\nline1|2|2|task/T1|history|2000|{\"n\":2}\n"
            "line1|2|3|task/T1|history|3000|{\"n\":3}\nline1|2|4|task/T1|history|4000|{\"n\":4}\n"
            "line1|2|5|task/T1|history|5000|{\"n\":5}\n");

  // What never came is told; what came is stored.
  EXPECT_EQ(send_rows(collector.options(), key, rows(9, 9)).value().status, 200);
  EXPECT_NE(collector.process().output().find("3 numbers before 9 of epoch 2 never came here"), std::string::npos)
      << collector.process().output();
}

// ---- A device's outbox before a far side that fails and lies

// A request as far as it is there: its body.
std::string read_request(int fd) {
  std::string all;
  char buffer[4096];
  for (std::size_t body = std::string::npos, size = 0; body == std::string::npos || all.size() < body + size;) {
    const auto got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) return {};
    all.append(buffer, static_cast<std::size_t>(got));
    if (body != std::string::npos || (body = all.find("\r\n\r\n")) == std::string::npos) continue;
    body += 4;
    std::string head = all.substr(0, body);
    for (char& c : head) c = static_cast<char>(std::tolower(c));
    size = std::stoull(head.substr(head.find("content-length:") + 15));
    if (all.size() >= body + size) return all.substr(body, size);
  }
  return all.substr(all.find("\r\n\r\n") + 4);
}
void reply(int fd, const std::string& status, const std::string& body) {
  say(fd, "HTTP/1.1 " + status + "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n" + body);
}

// Whatever it answers, a row leaves the device when the far side has named it as stored, and comes again until then.
TEST(Upload, AFarSideThatFailsAndLiesLosesNothing) {
  constexpr std::uint64_t kRows = 20;
  std::mutex mutex;
  std::vector<runtime::BatchHead> asked;      // of each request
  std::map<std::uint64_t, std::string> rows;  // those that the far side has stored, by their numbers
  bool differs = false;                       // a number came again with another row
  const auto store_rows = [&](const std::string& body, std::uint64_t up_to) {
    const auto head = runtime::decode_batch(body, [&](const runtime::BatchHead&, const runtime::BatchRow& row) {
      if (row.sequence > up_to) return;
      differs |= !rows.try_emplace(row.sequence, row.row).second && rows[row.sequence] != row.row;
    });
    return head.value();
  };
  const auto stored = [](const runtime::BatchHead& of, const std::string& device, std::uint64_t epoch,
                         std::uint64_t up_to) {
    return runtime::encode_reply({device.empty() ? of.device : device, epoch == 0 ? of.epoch : epoch, up_to});
  };
  using Deed = std::function<void(int fd, const std::string& body, const runtime::BatchHead& head)>;
  const std::vector<Deed> deeds = {
      [&](int fd, auto&, auto&) { reply(fd, "503 Service Unavailable", ""); },
      [&](int fd, auto&, auto&) { reply(fd, "500 Internal Server Error", "<html>oops</html>"); },
      [&](int fd, auto&, auto&) { reply(fd, "200 OK", "<html>Please log in</html>"); },
      [&](int fd, auto&, auto&) { reply(fd, "200 OK", ""); },
      [&](int fd, auto&, auto& head) { reply(fd, "200 OK", stored(head, "another", 0, head.last)); },
      [&](int fd, auto&, auto& head) { reply(fd, "200 OK", stored(head, "", head.epoch + 1, head.last)); },
      [&](int fd, auto&, auto& head) { reply(fd, "200 OK", stored(head, "", 0, UINT64_MAX)); },
      [&](int fd, auto&, auto&) { say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{\"device\":\"d1\""); },
      [&](int, auto& body, auto&) { store_rows(body, UINT64_MAX); },  // and hangs up: the acknowledgement is lost
      [&](int fd, auto&, auto&) { wait_for_end(fd); },                // half-open, until the device gives it up
      [&](int fd, auto& body, auto& head) {
        store_rows(body, 7);
        reply(fd, "200 OK", stored(head, "", 0, 7));
      },
  };
  Peer far_side([&](int fd) {
    const std::string body = read_request(fd);
    if (body.empty()) return;
    const std::lock_guard lock(mutex);
    const auto head = store_rows(body, 0);
    asked.push_back(head);
    if (asked.size() <= deeds.size()) return deeds[asked.size() - 1](fd, body, head);
    store_rows(body, UINT64_MAX);
    reply(fd, "200 OK", stored(head, "", 0, head.last));
  });

  const TemporaryFolder folder;
  auto store = runtime::Store::open({.folder = folder / "data", .commit = 1ms});
  ASSERT_TRUE(store) << store.error().message;
  const auto stream = store->stream("task/T1", "history", {.sync = true});
  runtime::Changes changes;
  runtime::Ticket last{};
  for (std::uint64_t n = 1; n <= kRows; ++n) {
    const std::string row = "{\"n\":" + std::to_string(n) + "}";
    changes.clear();
    changes.row(stream, static_cast<vm::TimeNs>(n), std::as_bytes(std::span(row)));
    last = store->submit(changes, true).ticket;
  }
  ASSERT_TRUE(store->wait_until_committed(last, 10s));

  runtime::UploadOptions options;
  options.http = to_port(far_side.port());
  options.device = "d1";
  options.compress = false;
  options.every = 10ms;
  options.first_pause = 1ms;
  options.longest_pause = 5ms;
  auto uploader = runtime::Uploader::make(*store, options);
  ASSERT_TRUE(uploader) << uploader.error().message;
  (*uploader)->start();
  for (const auto end = std::chrono::steady_clock::now() + 20s;
       std::chrono::steady_clock::now() < end && (*uploader)->stats().rows < kRows;)
    std::this_thread::sleep_for(5ms);
  (*uploader)->stop();
  EXPECT_EQ((*uploader)->stats().rows, kRows);
  EXPECT_TRUE(store->stop());

  const std::lock_guard lock(mutex);
  ASSERT_GT(asked.size(), deeds.size());
  for (std::size_t i = 0; i < deeds.size(); ++i) EXPECT_EQ(asked[i].first, 1u) << "request " << i << " left rows out";
  EXPECT_EQ(asked[deeds.size()].first, 8u) << "what is stored is not sent again";
  EXPECT_FALSE(differs);
  ASSERT_EQ(rows.size(), kRows);
  for (const auto& [number, row] : rows) EXPECT_EQ(row, "{\"n\":" + std::to_string(number) + "}");
}

// A file that an earlier version made, and devices of both: the rows of old ones have no schema.
TEST(Collector, TakesOverItsFormerFileAndRowsWithoutSchemas) {
  const TemporaryFolder folder;
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((folder / "rows.db").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, R"(
      CREATE TABLE devices (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
      CREATE TABLE epochs (device INTEGER NOT NULL REFERENCES devices, epoch INTEGER NOT NULL, stored INTEGER NOT NULL,
        PRIMARY KEY (device, epoch)) WITHOUT ROWID;
      CREATE TABLE rows (device INTEGER NOT NULL REFERENCES devices, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,
        time_ns INTEGER NOT NULL, source TEXT NOT NULL, log TEXT NOT NULL, row TEXT NOT NULL,
        received_ns INTEGER NOT NULL, PRIMARY KEY (device, epoch, sequence)) WITHOUT ROWID;
      CREATE INDEX rows_by_time ON rows (device, log, time_ns);
      CREATE VIEW history AS SELECT devices.name AS device, source, log, time_ns, row, epoch, sequence
        FROM rows JOIN devices ON devices.id = rows.device;
      INSERT INTO devices VALUES (1, 'line1');
      INSERT INTO epochs VALUES (1, 2, 1);
      INSERT INTO rows VALUES (1, 2, 1, 1000, 'task/T1', 'history', '{"n":1}', 5);
      PRAGMA user_version = 1)",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(db);
  Collector collector(folder);
  EXPECT_EQ(send_rows(collector.options(), collector.key(), rows(2, 2)).value().status, 200);
  const std::vector<runtime::BatchRow> with_units{
      {3, 3000, "task/T1", "history", R"({"n":3})", R"([{"name":"n","type":"int","unit":"mm"}])"},
      {4, 4000, "task/T2", "history", R"({"n":4})", R"([{"name":"n","type":"int","unit":"mm"}])"}};
  EXPECT_EQ(send_rows(collector.options(), collector.key(), runtime::encode_batch({"line1", 2, 3, 4}, with_units))
                .value()
                .status,
            200);
  EXPECT_EQ(collector.query("SELECT sequence, row, schema FROM history"),
            "1|{\"n\":1}|\n2|{\"n\":2}|\n3|{\"n\":3}|1\n4|{\"n\":4}|1\n");
  EXPECT_EQ(collector.query("SELECT * FROM fields"), "1|0|n|int|mm\n");
}

TEST(Collector, ANumberThatIsAnotherRowIsRefused) {
  const TemporaryFolder folder;
  Collector collector(folder);
  const auto key = collector.key();
  const auto send = [&](const std::string& text) { return send_rows(collector.options(), key, text, "line1").value(); };
  EXPECT_EQ(send(rows(1, 3)).status, 200);
  EXPECT_EQ(send(rows(1, 3)).status, 200) << "a repeat";
  std::string other = rows(2, 4);
  const auto at = other.find("{\"n\":3}");
  ASSERT_NE(at, std::string::npos) << other;
  other[at + 5] = '7';
  const auto reply = send(other);
  EXPECT_EQ(reply.status, 409);
  EXPECT_NE(reply.body.find("number 3 of epoch"), std::string::npos) << reply.body;
  EXPECT_EQ(collector.query("SELECT count(*) FROM rows"), "3\n") << "nothing of it";
  EXPECT_EQ(send(rows(4, 4)).status, 200);
}

TEST(Collector, BelievesTheDevicesKeyOnly) {
  const TemporaryFolder folder;
  Collector collector(folder);
  const auto key = collector.key();
  const auto status = [&](const runtime::PrivateKey& by, const std::string& text, const std::string& device) {
    return send_rows(collector.options(), by, text, device).value().status;
  };
  EXPECT_EQ(status(collector.key("other"), rows(1, 1), "line1"), 401) << "another key";
  EXPECT_EQ(status(key, rows(1, 1, "line2"), "line2"), 403) << "a device that is not known";
  EXPECT_EQ(status(key, rows(1, 1, "line2"), "line1"), 400) << "rows that say they are of another";
  EXPECT_EQ(status(key, "nonsense", "line1"), 400);

  auto client = HttpClient::make(collector.options()).value();
  std::string body = runtime::gzip(rows(1, 1));
  const std::string type(runtime::kPackedContentType), good = signature(key, body);
  EXPECT_EQ(client->post({{"EyeFlow-Device", "line1"}}, body, type).value().status, 401) << "no signature";
  EXPECT_EQ(client->post({{"EyeFlow-Signature", good}}, body, type).value().status, 400) << "no device";
  EXPECT_EQ(client->post({{"EyeFlow-Device", "line1"}, {"EyeFlow-Signature", good}}, body, "text/plain").value().status,
            415);
  for (std::size_t bit = 0; bit < body.size() * 8; bit += 37) {
    body[bit / 8] = static_cast<char>(body[bit / 8] ^ (1 << bit % 8));
    EXPECT_EQ(client->post({{"EyeFlow-Device", "line1"}, {"EyeFlow-Signature", good}}, body, type).value().status, 401)
        << bit;
    body[bit / 8] = static_cast<char>(body[bit / 8] ^ (1 << bit % 8));
  }
  const std::string bomb = runtime::gzip(std::string(100u << 20, ' '));
  EXPECT_EQ(client->post({{"EyeFlow-Device", "line1"}, {"EyeFlow-Signature", signature(key, bomb)}}, bomb, type)
                .value()
                .status,
            400);
  EXPECT_EQ(collector.query("SELECT count(*) FROM rows"), "0\n");
  EXPECT_EQ(client->post({{"EyeFlow-Device", "line1"}, {"EyeFlow-Signature", good}}, body, type).value().status, 200);
}

TEST(Collector, EndsWhileDevicesAreConnected) {
  for (const bool tls : {true, false}) {
    const TemporaryFolder folder;
    Collector collector(folder, tls);
    auto client = HttpClient::make(collector.options(tls ? "https" : "http")).value();
    ASSERT_EQ(client->post({}, "", "text/plain").value().status, 415) << "and the connection is kept";
    collector.process().signal(SIGTERM);
    EXPECT_EQ(collector.process().wait(20s), 0) << tls;
  }
}

// One signature for several bodies, over their digests.
TEST(Collector, BelievesASignatureOverDigestsWithThatOfTheBodyAmongThem) {
  const TemporaryFolder folder;
  Collector collector(folder);
  const auto key = collector.key();
  auto client = HttpClient::make(collector.options()).value();
  const auto send = [&](const std::string& body, const std::string& digests, const std::string& signed_by_hand) {
    return client
        ->post({{"EyeFlow-Device", "line1"}, {"EyeFlow-Digests", digests}, {"EyeFlow-Signature", signed_by_hand}}, body,
               std::string(runtime::kBatchContentType))
        .value()
        .status;
  };
  const auto over = [&](const std::string& text) {
    return hex(runtime::sign(key, std::as_bytes(std::span(text))).value());
  };
  const auto digest = [](const std::string& body) { return hex(runtime::sha256(std::as_bytes(std::span(body)))); };
  const std::string first = rows(1, 2), second = rows(3, 4), third = rows(5, 6);
  const std::string digests = digest(first) + "," + digest(second), good = over("eyeflow rows 2\n" + digests);
  EXPECT_EQ(send(first, digests, good), 200);
  EXPECT_EQ(send(third, digests, good), 401) << "it is not on the list";
  EXPECT_EQ(send(third, digests + "," + digest(third), good), 401) << "put on the list by somebody else";
  EXPECT_EQ(send(second, digests, over("eyeflow rows 1\n" + digests)), 401) << "a signature for something else";
  EXPECT_EQ(send(second, digests, over("eyeflow rows 1\n" + second)), 401);
  EXPECT_EQ(send(second, "", good), 401);
  std::string many = digest(third);
  for (std::size_t i = 1; i < runtime::kMostDigests; ++i) many += "," + digest(third);
  EXPECT_EQ(send(second, many + "," + digest(second), over("eyeflow rows 2\n" + many + "," + digest(second))), 401)
      << "longer than a list may be";
  EXPECT_EQ(send(second, digests, good), 200);
  EXPECT_EQ(send(third, many, over("eyeflow rows 2\n" + many)), 200);
  EXPECT_EQ(collector.query("SELECT group_concat(sequence) FROM rows"), "1,2,3,4,5,6\n");
}

TEST(Collector, ItsCertificateIsVerified) {
  const TemporaryFolder folder;
  Collector collector(folder);
  EXPECT_TRUE(post(collector.options()));
  HttpOptions stranger = collector.options();
  stranger.ca_file = folder / "stranger.pem";
  EXPECT_NE(failure(stranger).find("not accepted"), std::string::npos) << failure(stranger);
  HttpOptions system = collector.options();
  system.ca_file.clear();
  EXPECT_NE(failure(system).find("not accepted"), std::string::npos) << failure(system);
  HttpOptions other_name = collector.options();
  other_name.url.host = "localhost";  // the certificate is for 127.0.0.1
  EXPECT_NE(failure(other_name).find("hostname mismatch"), std::string::npos) << failure(other_name);
  HttpOptions no_file = collector.options();
  no_file.ca_file = folder / "nowhere.pem";
  EXPECT_NE(failure(no_file).find("nowhere.pem: cannot be used as authorities"), std::string::npos) << failure(no_file);
}

// A far side that wants to see a certificate, as one behind a company's gateway does.
TEST(Post, WhatIsWrongWithOurCertificateIsNamed) {
  const TemporaryFolder folder;
  for (const auto* name : {"ca", "stranger"}) make_authority(folder, name);
  make_certificate(folder, "ca", "server", "IP:127.0.0.1");
  make_certificate(folder, "ca", "device", "DNS:device");
  make_certificate(folder, "ca", "late", "DNS:device", -1);
  make_certificate(folder, "stranger", "other", "DNS:device");
  httplib::SSLServer server((folder / "server.pem").c_str(), (folder / "server.key").c_str(),
                            (folder / "ca.pem").c_str());
  server.Post("/rows", [](const httplib::Request&, httplib::Response& response) { response.status = 204; });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread serving([&] { server.listen_after_bind(); });
  const auto tried = [&](const std::string& name) {
    HttpOptions options = to_port(port);
    options.url = runtime::parse_url("https://127.0.0.1:" + std::to_string(port) + "/rows").value();
    options.silence_timeout = options.request_timeout = 10'000ms;
    options.ca_file = folder / "ca.pem";
    if (!name.empty()) {
      options.cert_file = folder / (name + ".pem");
      options.key_file = folder / (name + ".key");
    }
    return failure(options);
  };
  EXPECT_EQ(tried("device"), "no failure: 204");
  for (const auto& [name, what] : {
           std::pair("", "it wants a client's certificate, and we have none; name cert_file and key_file"),
           std::pair("other", "it does not know who signed our certificate; cert_file must be signed by"),
           std::pair("late", "our certificate has expired, or is not valid yet; renew cert_file"),
       }) {
    const auto told = tried(name);
    EXPECT_NE(told.find(what), std::string::npos) << name << ": " << told;
  }
  server.stop();
  serving.join();
}

TEST(Collector, OldTlsIsRefused) {
  const TemporaryFolder folder;
  make_authority(folder, "ca");
  make_certificate(folder, "ca", "server", "IP:127.0.0.1");
  httplib::SSLServer old((folder / "server.pem").c_str(), (folder / "server.key").c_str());
  SSL_CTX_set_max_proto_version(old.ssl_context(), TLS1_2_VERSION);
  old.Post("/rows",
           [](const httplib::Request&, httplib::Response& response) { response.set_content("{}", "text/plain"); });
  HttpOptions options;
  options.url =
      runtime::parse_url("https://127.0.0.1:" + std::to_string(old.bind_to_any_port("127.0.0.1")) + "/rows").value();
  options.ca_file = folder / "ca.pem";
  std::thread server([&] { old.listen_after_bind(); });
  EXPECT_NE(failure(options).find("TLS 1.3"), std::string::npos) << failure(options);
  old.stop();
  server.join();
}

TEST(Collector, SaysWhatIsWrongWithItsCommandLine) {
  const TemporaryFolder folder;
  const auto log = folder / "log";
  EXPECT_EQ(run({EYEFLOW_COLLECTOR, "--db", (folder / "rows.db").string()}, log), 2);
  EXPECT_NE(read_file(log).find("--devices"), std::string::npos);
  EXPECT_EQ(run({EYEFLOW_COLLECTOR, "--listen", "here", "--allow-unsigned"}, log), 2);
  EXPECT_EQ(
      run({EYEFLOW_COLLECTOR, "--listen", "0.0.0.0:0", "--allow-unsigned", "--db", (folder / "a.db").string()}, log),
      3);
  EXPECT_NE(read_file(log).find("plain HTTP is for loopback"), std::string::npos) << read_file(log);
  write_file(folder / "text.db", std::string(4096, 'x'));
  EXPECT_EQ(
      run({EYEFLOW_COLLECTOR, "--listen", "127.0.0.1:0", "--allow-unsigned", "--db", (folder / "text.db").string()},
          log),
      3);
  EXPECT_NE(read_file(log).find("text.db"), std::string::npos) << read_file(log);
  const auto refused = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {EYEFLOW_COLLECTOR, "--listen", "127.0.0.1:0", "--db", (folder / "a.db").string()});
    EXPECT_EQ(run(more, log), 3);
    return read_file(log);
  };
  const std::string nowhere = (folder / "nowhere").string();
  const std::string missing = refused({"--allow-unsigned", "--cert", nowhere, "--key", nowhere});
  EXPECT_TRUE(missing.ends_with("eyeflow-collector: " + nowhere + ": No such file or directory\n")) << missing;
  std::filesystem::create_directory(folder / "keys");
  write_file(folder / "keys/line1.pub", "no key");
  const std::string text = refused({"--devices", (folder / "keys").string()});
  EXPECT_TRUE(text.ends_with("a device keeps its own as line1.pub in its folder of data\n")) << text;
}

// Whose key came after the start, or was replaced, as when a device gets a new disk.
TEST(Collector, LooksAgainForTheKeyOfADeviceThatItDoesNotKnow) {
  const TemporaryFolder folder;
  Collector collector(folder);
  const auto key = collector.key(), other = collector.key("other");
  const auto status = [&](const runtime::PrivateKey& by, const std::string& device) {
    return send_rows(collector.options(), by, rows(1, 1, device), device).value().status;
  };
  const auto put = [&](const std::string& from, const std::string& device) {
    std::filesystem::copy_file(folder / (from + ".pub"), folder / ("keys/" + device + ".pub"),
                               std::filesystem::copy_options::overwrite_existing);
  };
  EXPECT_EQ(status(other, "line2"), 403);
  put("other", "line2");
  EXPECT_EQ(status(key, "line2"), 401);
  EXPECT_EQ(status(other, "line2"), 200);
  put("other", "line1");
  EXPECT_EQ(status(key, "line1"), 200) << "the key that it had, until another one comes";
  EXPECT_EQ(status(other, "line1"), 200);
  EXPECT_EQ(status(key, "line1"), 401);
  write_file(folder / "keys/line3.pub", "no key");
  EXPECT_EQ(status(key, "line3"), 403);
  EXPECT_EQ(status(key, "../other"), 403);
}

}  // namespace
}  // namespace eyeflow::test
