#include "runtime/site/keeping.h"

#include <fmt/format.h>

namespace eyeflow::runtime {
namespace {

using namespace std::chrono_literals;

void check_range(TableReader& t, std::string_view key, std::chrono::nanoseconds value, std::chrono::nanoseconds low,
                 std::chrono::nanoseconds high, std::string_view range) {
  if (value < low || value > high) t.problem(t.place(key), fmt::format("'{}' must be {}", key, range));
}

}  // namespace

StorageSettings read_storage(TableReader& t, const std::filesystem::path& folder) {
  StorageSettings s;
  s.place = t.place();
  s.folder = t.path("folder", folder).value_or(folder / "data");
  s.key_file = t.path("key_file", folder).value_or("");
  s.commit = t.duration("commit").value_or(s.commit);
  check_range(t, "commit", s.commit, 1ms, 1h, "from \"1 ms\" to \"1 h\": it is what a power cut may cost");
  s.history_bytes = t.size("history").value_or(s.history_bytes);
  s.outbox_bytes = t.size("outbox").value_or(s.outbox_bytes);
  s.reserve_bytes = t.size("reserve").value_or(s.reserve_bytes);
  s.memory_bytes = t.size("memory").value_or(s.memory_bytes);
  if (s.memory_bytes < 64 << 10 || s.memory_bytes > 1u << 30) {
    t.problem(t.place("memory"), "'memory' must be from \"64 KiB\" to \"1 GiB\": rows on their way to the disk");
  }
  if (s.reserve_bytes < 4 * s.memory_bytes) {
    t.problem(
        t.place(t.has("reserve") ? "reserve" : "memory"),
        "'reserve' must be at least four times 'memory': on a full disk what is on its way has to pass through it");
  }
  s.drop_new = t.choice<bool>("when_full", {{"drop-oldest", false}, {"drop-new", true}}).value_or(false);
  t.finish();
  return s;
}

CloudSettings read_cloud(TableReader& t, const std::filesystem::path& folder) {
  CloudSettings c;
  c.place = t.place();
  if (const auto url = t.word("url")) {
    auto parsed = parse_url(url->text);
    if (parsed) {
      c.url = std::move(*parsed);
      c.shown = url->text;
    } else {
      t.problem(url->place, fmt::format("'url' in [cloud]: {}", parsed.error().message));
    }
  } else if (!t.has("url")) {
    t.missing("url", "url = \"https://HOST:8443/v1/rows\"");
  }
  c.ca_file = t.path("ca_file", folder).value_or("");
  c.cert_file = t.path("cert_file", folder).value_or("");
  c.key_file = t.path("key_file", folder).value_or("");
  if (c.cert_file.empty() != c.key_file.empty()) {
    t.problem(t.place(), "[cloud] has one of 'cert_file' and 'key_file'; a client certificate needs both");
  }
  c.every = t.duration("every").value_or(c.every);
  check_range(t, "every", c.every, 100ms, 24h, "from \"100 ms\" to \"24 h\"");
  c.batch_rows = static_cast<std::size_t>(t.integer("batch", 1, 100'000).value_or(1000));
  c.status_is_enough = t.choice<bool>("acknowledge", {{"reply", false}, {"status", true}}).value_or(false);
  c.compress = t.boolean("compress").value_or(true);
  t.finish();
  return c;
}

void read_log_keeping(TableReader& t, const Site& site, OutputSettings& log) {
  log.keep = t.duration("keep");
  log.sync = t.choice<bool>("sync", {{"cloud", true}}).value_or(false);
  for (const auto* key : {"keep", "sync"}) {
    if (t.has(key) && !site.storage) {
      t.problem(t.place(key), fmt::format("'{}' in {}: rows are kept in the device's storage; add a table [storage] "
                                          "(it may be empty), or remove '{}'",
                                          key, t.title(), key));
    }
  }
  if (log.sync && !site.cloud) {
    t.problem(t.place("sync"), fmt::format("'sync' in {}: this site has no [cloud]; add [cloud] with url = "
                                           "\"https://HOST:8443/v1/rows\", or remove 'sync'",
                                           t.title()));
  }
}

}  // namespace eyeflow::runtime
