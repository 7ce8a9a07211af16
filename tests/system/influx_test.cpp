// Records into a real InfluxDB: what it holds afterwards, asked by its own query language.
#include "runtime/connectors/influx.h"

#include <gtest/gtest.h>
#include <httplib.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/system/process.h"

namespace eyeflow::test {
namespace {

using namespace std::chrono_literals;
using runtime::Connection;
using runtime::ConnectionKind;
using runtime::Datum;
using runtime::InfluxSink;
using runtime::PortId;
using runtime::Record;

class Notebook : public runtime::Receiver {
 public:
  void on_arrival(const runtime::Arrival&) override {}
  void on_unknown(std::string_view) override {}
  void on_bad_row(std::string_view what) override { keep("bad " + std::string(what)); }
  void on_state(std::string_view, bool up, std::string_view detail) override {
    keep((up ? "up " : "down ") + std::string(detail));
  }
  void on_finished(std::string_view, std::string_view) override {}
  bool hears(std::string_view part, std::chrono::seconds limit = 20s) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] {
      return std::ranges::any_of(lines_, [&](const auto& line) { return line.find(part) != std::string::npos; });
    });
  }
  std::string all() {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& line : lines_) text += line + "\n";
    return text;
  }

 private:
  void keep(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

// An InfluxDB of the test's own, on loopback, with users.
class Influx {
 public:
  explicit Influx(const TemporaryFolder& folder) : folder_(folder), port_(free_port()) {
    write_file(
        folder / "influx.conf",
        "reporting-disabled = true\nbind-address = \"127.0.0.1:" + std::to_string(free_port()) +
            "\"\n[meta]\ndir = \"" + (folder / "meta").string() + "\"\n[data]\ndir = \"" + (folder / "data").string() +
            "\"\nwal-dir = \"" + (folder / "wal").string() +
            "\"\nquery-log-enabled = false\n[monitor]\nstore-enabled = false\n[http]\nbind-address = \"127.0.0.1:" +
            std::to_string(port_) + "\"\nauth-enabled = true\nlog-enabled = false\n[logging]\nlevel = \"warn\"\n");
    write_file(folder / "password", "g e h:e i m\n");
    start();
    ask("CREATE USER pi WITH PASSWORD 'g e h:e i m' WITH ALL PRIVILEGES", false);
    ask("CREATE DATABASE \"the plant\"");
  }
  void stop() {
    process_->signal(SIGKILL);
    process_->wait(5s);
    process_.reset();
  }
  void start() {
    process_ = std::make_unique<Process>(
        std::vector<std::string>{access("/usr/bin/influxd", X_OK) == 0 ? "/usr/bin/influxd" : "influxd", "-config",
                                 (folder_ / "influx.conf").string()},
        folder_ / "influx.log");
    for (int tries = 0; tries < 1500; ++tries) {
      httplib::Client client("127.0.0.1", port_);
      if (const auto reply = client.Get("/ping"); reply && reply->status == 204) return;
      if (!process_->is_running()) break;
      std::this_thread::sleep_for(20ms);
    }
    throw std::runtime_error("InfluxDB did not start: " + read_file(folder_ / "influx.log"));
  }
  // The answer as CSV.
  std::string ask(const std::string& query, bool with_user = true) {
    httplib::Client client("127.0.0.1", port_);
    const httplib::Params form{{"db", "the plant"}, {"q", query}, {"epoch", "ns"}};
    if (with_user) client.set_basic_auth("pi", "g e h:e i m");
    const auto reply = client.Post("/query", httplib::Headers{{"Accept", "application/csv"}}, form);
    return reply ? reply->body : "no answer";
  }
  Connection connection() const {
    Connection c;
    c.name = "db";
    c.kind = ConnectionKind::Influx;
    c.url = "http://127.0.0.1:" + std::to_string(port_);
    c.database = "the plant";
    c.username = "pi";
    c.password_file = folder_ / "password";
    return c;
  }

 private:
  const TemporaryFolder& folder_;
  int port_;
  std::unique_ptr<Process> process_;
};

std::unique_ptr<InfluxSink> make(const Connection& connection) {
  auto made = InfluxSink::make(connection, "line 1");
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

void write(InfluxSink& sink, std::int64_t time_ns, std::span<const Datum> fields, std::string_view instance = "m/T1",
           std::string_view name = "history") {
  const Record record{.name = name,
                      .task = "m",
                      .instance = instance,
                      .time = std::chrono::sys_time<std::chrono::nanoseconds>(std::chrono::nanoseconds(time_ns)),
                      .fields = fields};
  sink.write({.port = PortId{1}, .record = &record});
}

TEST(InfluxDatabase, HoldsWhatWasSaid) {
  const TemporaryFolder folder;
  Influx influx(folder);
  Notebook notebook;
  const auto sink = make(influx.connection());
  sink->start(notebook);
  const Datum first[] = {
      {"temp", 71.5}, {"n", std::int64_t{-3}}, {"on", true}, {"text", std::string_view("a \"b\" \\ c, d=e")}};
  write(*sink, 1'769'839'200'000'000'001, first);
  const Datum odd{"a b,c=d", 0.1f};
  write(*sink, 1'769'839'200'000'000'002, std::span(&odd, 1), "odd name, with=all", "odd log,=");
  sink->flush();
  EXPECT_EQ(influx.ask("SELECT device, instance, task, temp, n, \"on\", text FROM history"),
            "name,tags,time,device,instance,task,temp,n,on,text\n"
            "history,,1769839200000000001,line 1,m/T1,m,71.5,-3,true,\"a \"\"b\"\" \\ c, d=e\"\n");
  EXPECT_EQ(influx.ask("SELECT instance, \"a b,c=d\" FROM \"odd log,=\""),
            "name,tags,time,instance,\"a b,c=d\"\n\"odd log,=\",,1769839200000000002,\"odd name, with=all\",0.1\n");

  // A thousand records with one time and of one series stay a thousand.
  for (std::int64_t n = 0; n < 1000; ++n) {
    const Datum value{"n", n};
    write(*sink, 1'769'839'300'000'000'000, std::span(&value, 1), "m/T2");
  }
  sink->flush();
  EXPECT_EQ(influx.ask("SELECT count(n), sum(n) FROM history WHERE instance = 'm/T2'"),
            "name,tags,time,count,sum\nhistory,,0,1000,499500\n");
  sink->stop();
  EXPECT_EQ(sink->dropped(), 0u) << notebook.all();
}

TEST(InfluxDatabase, WhatItRefusesIsCountedAndTheRestIsThere) {
  const TemporaryFolder folder;
  Influx influx(folder);
  Notebook notebook;
  const auto sink = make(influx.connection());
  sink->start(notebook);
  const Datum number{"x", 1.5}, text{"x", std::string_view("no number")};
  write(*sink, 1000, std::span(&number, 1));
  sink->flush();
  write(*sink, 2'000'000'000, std::span(&text, 1));
  write(*sink, 3'000'000'000, std::span(&number, 1));
  sink->flush();
  EXPECT_TRUE(notebook.hears("refused 1 of 2 records")) << notebook.all();
  EXPECT_TRUE(notebook.hears("field type conflict")) << notebook.all();
  EXPECT_EQ(sink->dropped(), 1u);
  EXPECT_EQ(influx.ask("SELECT count(x) FROM history"), "name,tags,time,count\nhistory,,0,2\n");
}

TEST(InfluxDatabase, HoldsWhileItIsAwayAndSendsInOrderAfterwards) {
  const TemporaryFolder folder;
  Influx influx(folder);
  Notebook notebook;
  const auto sink = make(influx.connection());
  sink->start(notebook);
  const auto send = [&](int from, int to) {
    for (std::int64_t n = from; n < to; ++n) {
      const Datum value{"n", n};
      write(*sink, 1'000'000'000 * (n + 1), std::span(&value, 1));
    }
  };
  send(0, 10);
  sink->flush();
  ASSERT_TRUE(notebook.hears("up ")) << notebook.all();
  influx.stop();
  send(10, 3500);
  ASSERT_TRUE(notebook.hears("down ")) << notebook.all();
  EXPECT_NE(notebook.all().find("nobody answers"), std::string::npos) << notebook.all();
  influx.start();
  std::string count;
  for (int i = 0; i < 300 && count != "name,tags,time,count,sum\nhistory,,0,3500,6123250\n"; ++i) {
    std::this_thread::sleep_for(100ms);
    count = influx.ask("SELECT count(n), sum(n) FROM history");
  }
  EXPECT_EQ(count, "name,tags,time,count,sum\nhistory,,0,3500,6123250\n");
  EXPECT_EQ(sink->dropped(), 0u);
}

TEST(InfluxDatabase, AWrongPasswordAndAnUnknownDatabaseAreTold) {
  const TemporaryFolder folder;
  Influx influx(folder);
  const Datum value{"n", std::int64_t{1}};
  auto stranger = influx.connection();
  stranger.password_file = folder / "wrong";
  write_file(folder / "wrong", "wrong\n");
  Notebook first;
  const auto refused = make(stranger);
  refused->start(first);
  write(*refused, 1, std::span(&value, 1));
  refused->flush();
  EXPECT_TRUE(first.hears("answers 401")) << first.all();
  EXPECT_TRUE(first.hears("check the user and the password")) << first.all();
  refused->stop();
  EXPECT_EQ(refused->dropped(), 1u);

  auto nowhere = influx.connection();
  nowhere.database = "nowhere";
  Notebook second;
  const auto lost = make(nowhere);
  lost->start(second);
  write(*lost, 1, std::span(&value, 1));
  lost->flush();
  EXPECT_TRUE(second.hears("is the database or bucket there?")) << second.all();
}

// Beside a database that is never there.
TEST(InfluxDatabase, HoldsNoMoreThanItsBound) {
  const TemporaryFolder folder;
  Connection c;
  c.name = "db";
  c.kind = ConnectionKind::Influx;
  c.url = "http://127.0.0.1:" + std::to_string(free_port());
  c.database = "d";
  Notebook notebook;
  const auto sink = make(c);
  sink->start(notebook);
  const std::string text(1000, 'x');
  const Datum value{"t", std::string_view(text)};
  constexpr std::size_t kSent = 20'000;
  for (std::size_t n = 0; n < kSent; ++n) write(*sink, static_cast<std::int64_t>(n), std::span(&value, 1));
  const auto dropped = sink->dropped();
  EXPECT_GE(dropped, kSent - InfluxSink::kHeldBytes / 1000);
  EXPECT_LE(dropped, kSent - InfluxSink::kHeldBytes / 1100 + InfluxSink::kBatchLines) << "a batch at a time";
  sink->stop();
  EXPECT_EQ(sink->dropped(), kSent);
}

TEST(InfluxDatabase, ASettingThatCannotBeIsRefused) {
  const TemporaryFolder folder;
  Connection c;
  c.name = "db";
  c.kind = ConnectionKind::Influx;
  c.database = "d";
  const auto why = [&] {
    const auto made = InfluxSink::make(c, "d");
    return made ? std::string("no error") : made.error().message;
  };
  c.url = "http://influx.example:8086";
  EXPECT_NE(why().find("not encrypted"), std::string::npos) << why();
  c.url = "https://influx.example:8086";
  c.username = "u";
  c.password_file = folder / "nothing";
  EXPECT_NE(why().find("cannot read the password: No such file"), std::string::npos) << why();
  c.token_file = folder / "empty";
  write_file(folder / "empty", "");
  EXPECT_NE(why().find("cannot read the token: it is empty"), std::string::npos) << why();
}

}  // namespace
}  // namespace eyeflow::test
