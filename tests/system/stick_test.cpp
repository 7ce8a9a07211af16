// Rows by way of a stick: a store with an outbox, `eyeflow-vm export`, `eyeflow-collector import`, the receipt and
// back.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <string>

#include "runtime/storage/store.h"
#include "runtime/sync/row_file.h"
#include "tests/system/process.h"

namespace eyeflow::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using runtime::Store;

// A device with rows that wait, a stick, and a far side that knows the device.
class Stick : public testing::Test {
 protected:
  Stick() {
    write_file(site(), "[device]\nname = \"line1\"\n[storage]\nfolder = \"data\"\n");
    fs::create_directories(folder_ / "keys");
    fs::create_directories(stick());
  }
  fs::path site() const { return folder_ / "site.toml"; }
  fs::path stick() const { return folder_ / "stick"; }
  fs::path files() const { return stick() / "line1"; }

  Store open() {
    auto store = Store::open({.folder = folder_ / "data", .device = "line1"});
    EXPECT_TRUE(store) << "cannot open the store";
    return std::move(*store);
  }
  // Rows n = first … last, each {"n":n}.
  void add(int first, int last) {
    Store store = open();
    write_file(folder_ / "keys" / "line1.pub", runtime::public_pem(store.signing_key().value()).value());
    const auto stream = store.stream("task/T1", "history", {.keep = {}, .sync = true});
    runtime::Changes changes;
    for (int n = first; n <= last; ++n) {
      const std::string row = "{\"n\":" + std::to_string(n) + "}";
      changes.clear();
      changes.row(stream, n * 1000, std::as_bytes(std::span(row)));
      store.submit(changes, true);
    }
    EXPECT_TRUE(store.stop());
  }
  std::uint64_t waiting() {
    Store store = open();
    const auto rows = store.stats().outbox_rows;
    store.stop();
    return rows;
  }

  int vm(std::vector<std::string> words) {
    words.insert(words.begin(), {EYEFLOW_VM, "export", "--site", site().string(), stick().string()});
    return run(words, log());
  }
  int import(const fs::path& from) {
    return run({EYEFLOW_COLLECTOR, "import", from.string(), "--db", (folder_ / "rows.db").string(), "--devices",
                (folder_ / "keys").string()},
               log());
  }
  fs::path log() const { return folder_ / "log"; }
  std::string said() const { return read_file(log()); }
  bool says(const std::string& what) const { return said().find(what) != std::string::npos; }
  std::vector<fs::path> row_files() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(files()))
      if (entry.path().extension() == ".rows") found.push_back(entry.path());
    std::ranges::sort(found);
    return found;
  }
  std::string query(const std::string& sql) const {
    sqlite3* db = nullptr;
    std::string out;
    sqlite3_open((folder_ / "rows.db").c_str(), &db);
    const auto row = [](void* to, int n, char** values, char**) {
      for (int i = 0; i < n; ++i)
        *static_cast<std::string*>(to) += (i ? "|" : "") + std::string(values[i] ? values[i] : "");
      return 0;
    };
    if (sqlite3_exec(db, sql.c_str(), row, &out, nullptr) != SQLITE_OK) out = sqlite3_errmsg(db);
    sqlite3_close(db);
    return out;
  }

  TemporaryFolder folder_;
};

TEST_F(Stick, ThereAndBack) {
  add(1, 25'000);
  ASSERT_EQ(vm({}), 0) << said();
  EXPECT_TRUE(says("25,000 rows in 3 files")) << said();
  EXPECT_EQ(row_files().size(), 3u);
  EXPECT_EQ(waiting(), 25'000u) << "they stay until the receipt is back";
  ASSERT_EQ(vm({}), 0) << said();
  EXPECT_TRUE(says("25,000 were there already")) << said();

  ASSERT_EQ(import(stick()), 0) << said();
  EXPECT_TRUE(says("25000 rows stored from 3 files, 0 were there already")) << said();
  ASSERT_EQ(import(stick()), 0) << said();
  EXPECT_TRUE(says("0 rows stored from 3 files, 25000 were there already")) << said();
  EXPECT_EQ(query("SELECT count(*), count(DISTINCT row), sum(row ->> 'n'), min(time_ns), max(time_ns) FROM history "
                  "WHERE device = 'line1' AND source = 'task/T1' AND log = 'history'"),
            "25000|25000|312512500|1000|25000000");

  // Since then there are more, which no receipt speaks of.
  add(25'001, 25'010);
  ASSERT_EQ(vm({"--release"}), 0) << said();
  EXPECT_TRUE(says("25,000 rows are stored at the far side")) << said();
  EXPECT_EQ(waiting(), 10u);
  ASSERT_EQ(vm({}), 0) << said();
  EXPECT_TRUE(says("10 rows in 1 file")) << said();
  EXPECT_FALSE(fs::exists(files() / "receipt")) << "it was for other files";
  ASSERT_EQ(import(stick()), 0) << said();
  ASSERT_EQ(vm({"--release"}), 0) << said();
  EXPECT_EQ(waiting(), 0u);
  EXPECT_EQ(query("SELECT count(*) FROM rows"), "25010");
}

TEST_F(Stick, TheUnitsTravelWithTheRows) {
  add(1, 2);
  {
    Store store = open();
    const auto stream = store.stream(
        "task/T1", "history", {.keep = {}, .sync = true, .schema = R"([{"name":"n","type":"f64","unit":"kPa"}])"});
    runtime::Changes changes;
    changes.row(stream, 3000, std::as_bytes(std::span(std::string_view("{\"n\":3}"))));
    store.submit(changes, true);
    EXPECT_TRUE(store.stop());
  }
  ASSERT_EQ(vm({}), 0) << said();
  ASSERT_EQ(import(stick()), 0) << said();
  EXPECT_EQ(query("SELECT row, name, type, unit FROM history LEFT JOIN fields USING (schema)"),
            "{\"n\":1}|||{\"n\":2}|||{\"n\":3}|n|f64|kPa");
}

TEST_F(Stick, ArraysAndBytesTravelWithWhatTheirElementsAre) {
  add(1, 1);
  {
    Store store = open();
    const auto stream =
        store.stream("task/T1", "history",
                     {.keep = {},
                      .sync = true,
                      .schema = R"([{"name":"raw","type":"bytes"},{"name":"x","type":"[f32]","unit":"mm"}])"});
    runtime::Changes changes;
    changes.row(stream, 1000, std::as_bytes(std::span(std::string_view(R"({"raw":"0aff","x":[1.5,null]})"))));
    store.submit(changes, true);
    EXPECT_TRUE(store.stop());
  }
  ASSERT_EQ(vm({}), 0) << said();
  ASSERT_EQ(import(stick()), 0) << said();
  EXPECT_EQ(query("SELECT row FROM history"), R"({"n":1}{"raw":"0aff","x":[1.5,null]})");
  EXPECT_EQ(query("SELECT name, type, coalesce(unit, '-') FROM fields ORDER BY place"), "raw|bytes|-x|[f32]|mm");
}

TEST_F(Stick, WhatWasChangedOrCutShortIsRefusedAndTheRestIsTaken) {
  add(1, 25'000);
  ASSERT_EQ(vm({}), 0) << said();
  const auto paths = row_files();
  const std::string middle = read_file(paths[1]);
  std::string changed = middle;
  changed[changed.size() / 2] = static_cast<char>(changed[changed.size() / 2] ^ 1);
  write_file(paths[1], changed);
  EXPECT_EQ(import(stick()), 1);
  EXPECT_TRUE(says(paths[1].string() + ": was changed after it was signed; nothing of it is taken")) << said();
  EXPECT_TRUE(says("no receipt is written")) << said();
  EXPECT_TRUE(says("15000 rows stored from 2 files")) << said();
  EXPECT_FALSE(fs::exists(files() / "receipt"));

  write_file(paths[1], middle.substr(0, middle.size() - 1));
  EXPECT_EQ(import(stick()), 1);
  EXPECT_TRUE(says("cut short: ")) << said();
  // The device sees that it is no good, and writes it again; a file that was taken twice is stored once.
  ASSERT_EQ(vm({}), 0) << said();
  EXPECT_TRUE(says("10,000 rows in 1 file")) << said();
  EXPECT_EQ(read_file(paths[1]), middle);
  ASSERT_EQ(import(stick()), 0) << said();
  EXPECT_TRUE(says("10000 rows stored from 3 files, 15000 were there already")) << said();
  EXPECT_EQ(query("SELECT count(*) FROM rows"), "25000");
}

TEST_F(Stick, AReceiptWithoutItsFilesReleasesNothing) {
  add(1, 100);
  fs::create_directories(files());
  write_file(files() / "receipt", "{\"device\":\"line1\",\"epoch\":1,\"stored\":100}\n");
  ASSERT_EQ(vm({"--release"}), 0) << said();
  EXPECT_EQ(waiting(), 100u);
  ASSERT_EQ(vm({}), 0);
  write_file(files() / "receipt", "nonsense\n");
  EXPECT_NE(vm({"--release"}), 0);
  EXPECT_TRUE(says("import the files once more")) << said();
  EXPECT_EQ(waiting(), 100u);
  fs::remove(files() / "receipt");
  EXPECT_NE(vm({"--release"}), 0);
  EXPECT_TRUE(says("there is no receipt")) << said();
}

TEST_F(Stick, AStoreThatIsInUseIsLeftAlone) {
  add(1, 10);
  {
    Store held = open();
    EXPECT_NE(vm({}), 0);
    EXPECT_TRUE(says("stop it first")) << said();
    held.stop();
  }
  EXPECT_EQ(vm({}), 0) << said();
}

TEST_F(Stick, StrangersAndOtherThings) {
  add(1, 10);
  ASSERT_EQ(vm({}), 0) << said();
  const auto good = read_file(row_files()[0]);
  // Half-written by a power cut: no file of rows yet, and no reason to complain.
  write_file(files() / "00000009-000000000001-000000000010.rows.part", good.substr(0, 100));
  EXPECT_EQ(import(stick()), 0) << said();
  write_file(files() / "notes.rows", "not ours");
  EXPECT_EQ(import(stick()), 1);
  EXPECT_TRUE(says("no file of rows; 'eyeflow-vm export' writes them")) << said();
  fs::remove(files() / "notes.rows");
  fs::rename(folder_ / "keys" / "line1.pub", folder_ / "keys" / "line2.pub");
  EXPECT_EQ(import(stick()), 1);
  EXPECT_TRUE(says("holds rows of device 'line1', and is signed by 'line2'")) << said();
  fs::remove(folder_ / "keys" / "line2.pub");
  EXPECT_EQ(import(stick()), 1);
  EXPECT_TRUE(says("is no device's that is known here")) << said();
  fs::create_directories(folder_ / "empty");
  EXPECT_EQ(import(folder_ / "empty"), 3);
  EXPECT_TRUE(says("holds no files of rows")) << said();
  EXPECT_EQ(import(folder_ / "nowhere"), 3);
}

TEST_F(Stick, EveryBitAndEveryLengthOfAFileCounts) {
  add(1, 3);
  ASSERT_EQ(vm({}), 0) << said();
  const std::string good = read_file(row_files()[0]);
  const auto key = runtime::load_public_key(folder_ / "keys" / "line1.pub").value();
  const auto opens = [&](std::string_view bytes) {
    const auto file = runtime::read_row_file(bytes);
    return file && runtime::open_row_file(*file, key).has_value();
  };
  ASSERT_TRUE(opens(good));
  for (std::size_t length = 0; length < good.size(); ++length) EXPECT_FALSE(opens(good.substr(0, length))) << length;
  EXPECT_FALSE(opens(good + "x"));
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string changed = good;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(opens(changed)) << bit;
  }
}

}  // namespace
}  // namespace eyeflow::test
