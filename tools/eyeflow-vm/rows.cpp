#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>

#include "runtime/host/keeper.h"
#include "runtime/host/render.h"
#include "runtime/payload/decoder.h"
#include "runtime/site/duration.h"
#include "runtime/storage/history_reader.h"
#include "tools/common/terminal.h"
#include "tools/eyeflow-vm/commands.h"
#include "tools/eyeflow-vm/load.h"
#include "tools/eyeflow-vm/row_text.h"
#include "vm/base/nearest.h"

namespace eyeflow::tools {
namespace {

using runtime::HistoryQuery;
using runtime::HistoryReader;
using runtime::StoredRow;
using Streams = std::vector<runtime::StreamNames>;

constexpr std::string_view kAgo = " ago";

std::optional<vm::TimeNs> time_of(std::string_view text) {
  if (!text.ends_with(kAgo)) return runtime::time_of_text(text);
  const auto ago = runtime::parse_duration(text.substr(0, text.size() - kAgo.size()));
  if (!ago) return std::nullopt;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return (std::chrono::duration_cast<std::chrono::nanoseconds>(now) - *ago).count();
}

std::string text_of(vm::TimeNs time) {
  runtime::Buffer out;
  runtime::append_time(out, time);
  return {out.data(), out.size()};
}

std::string json_text(std::string_view text) {
  runtime::Buffer out;
  runtime::append_json_text(out, text);
  return {out.data(), out.size()};
}

std::string_view row_of(const StoredRow& row) {
  return {reinterpret_cast<const char*>(row.row.data()), row.row.size()};
}

std::string listed(const std::set<std::string, std::less<>>& names) {
  constexpr std::size_t kMost = 12;
  std::string text;
  std::size_t count = 0;
  for (const auto& name : names) {
    if (count++ == kMost) return text + fmt::format(" and {} more", names.size() - kMost);
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

// What rows are written as, one after the other: nothing of them is remembered.
class RowPrinter {
 public:
  virtual ~RowPrinter() = default;
  virtual void begin() {}
  virtual void row(const StoredRow& row) = 0;

 protected:
  // Fields of a schema, looked up as they are met: rows of one log come many at a time.
  const std::vector<RowField>& fields(const StoredRow& row) {
    const auto [at, is_new] = schemas_.try_emplace(row.schema);
    if (is_new) at->second = fields_of_schema(row.schema);
    return at->second;
  }

 private:
  std::map<std::string, std::vector<RowField>, std::less<>> schemas_;
};

class Table final : public RowPrinter {
 public:
  explicit Table(const Streams& streams) {
    for (const auto& stream : streams) {
      owner_width_ = std::max(owner_width_, width_of(stream.owner));
      log_width_ = std::max(log_width_, width_of(stream.log));
    }
  }
  void begin() override {
    const Paint paint = Paint::of(stdout);
    fmt::print("{}\n", paint.dim(line("TIME", "INSTANCE", "LOG", "ROW")));
  }
  void row(const StoredRow& row) override {
    std::string values;
    const auto& known = fields(row);
    std::size_t n = 0;
    for_each_member(row_of(row), [&](std::string_view key, std::string_view value) {
      values += fmt::format("{}{}={}", values.empty() ? "" : "  ", key, in_line(plain_text(value)));
      if (n < known.size() && !known[n].unit.empty() && value != "null") values += " " + known[n].unit;
      ++n;
    });
    fmt::print("{}\n", line(text_of(row.time), in_line(row.owner), in_line(row.log), values));
  }

 private:
  std::string line(std::string_view time, const std::string& owner, const std::string& log, std::string_view values) {
    return fmt::format("{:24}  {}  {}  {}", time, fitted(owner, owner_width_), fitted(log, log_width_), values);
  }
  std::size_t owner_width_ = 8, log_width_ = 3;
};

// One log: its columns are the fields of all versions of its rows.
class Csv final : public RowPrinter {
 public:
  explicit Csv(const Streams& streams) {
    for (const auto& stream : streams) {
      for (auto& field : fields_of_schema(stream.schema)) {
        if (std::ranges::find(columns_, field) == columns_.end()) columns_.push_back(std::move(field));
      }
    }
  }
  void begin() override {
    fmt::print("time,instance");
    for (const auto& column : columns_) {
      fmt::print(",{}", in_csv(column.unit.empty() ? column.name : fmt::format("{} ({})", column.name, column.unit)));
    }
    fmt::print("\n");
  }
  void row(const StoredRow& row) override {
    cells_.assign(columns_.size(), {});
    const auto& known = fields(row);
    std::size_t n = 0;
    for_each_member(row_of(row), [&](std::string_view, std::string_view value) {
      if (n >= known.size()) return;
      const auto column = std::ranges::find(columns_, known[n++]);
      if (column != columns_.end() && value != "null")
        cells_[static_cast<std::size_t>(column - columns_.begin())] = in_csv(plain_text(value));
    });
    fmt::print("{},{}", text_of(row.time), in_csv(row.owner));
    for (const auto& cell : cells_) fmt::print(",{}", cell);
    fmt::print("\n");
  }

 private:
  std::vector<RowField> columns_;
  std::vector<std::string> cells_;
};

class JsonLines final : public RowPrinter {
 public:
  void row(const StoredRow& row) override {
    std::string units;
    for (const auto& field : fields(row)) {
      if (field.unit.empty()) continue;
      units += fmt::format("{}{}:{}", units.empty() ? "" : ",", json_text(field.name), json_text(field.unit));
    }
    fmt::print("{{\"time\":\"{}\",\"time_ns\":{},\"instance\":{},\"log\":{},\"row\":{}{}}}\n", text_of(row.time),
               row.time, json_text(row.owner), json_text(row.log), row_of(row),
               units.empty() ? "" : fmt::format(",\"units\":{{{}}}", units));
  }
};

// Whether rows of this name were ever kept; if not, which are, and which was probably meant.
std::optional<std::string> unknown_name(std::string_view what, const std::string& name, const Streams& streams,
                                        std::string runtime::StreamNames::* of) {
  if (name.empty()) return std::nullopt;
  std::set<std::string, std::less<>> known;
  for (const auto& stream : streams) known.insert(stream.*of);
  if (known.contains(name)) return std::nullopt;
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  const auto near = nearest(name, candidates);
  return fmt::format("no rows of {} '{}' have been kept{}; there are rows of {}", what, name,
                     near.empty() ? "" : fmt::format(", did you mean '{}'", near), listed(known));
}

// The device's rows, or why there are none to show (told); the error is the exit status.
std::expected<HistoryReader, int> open_rows(const RowsArguments& arguments, const runtime::Site& site) {
  const auto none = [](std::string_view message, ExitStatus status) {
    return std::unexpected(report(message, status));
  };
  if (!site.storage)
    return none(fmt::format("{}: has no [storage], so the device keeps no rows", arguments.site.string()), kRefused);
  const auto options = runtime::store_options(site);
  const auto folder = options.folder;
  if (::access(folder.c_str(), X_OK) != 0) {
    return errno == ENOENT
               ? none(fmt::format("{}: there is no such data folder; has the device run yet?", folder.string()),
                      kUnreachable)
               : none(fmt::format("{}: cannot be read: {}; use the user that eyeflow-vm runs as", folder.string(),
                                  std::strerror(errno)),
                      kUnreachable);
  }
  const auto key = runtime::load_device_key(options.key_file.empty() ? folder / "device.key" : options.key_file);
  if (!key) return none(key.error().message, kUnreachable);
  auto reader = HistoryReader::open(folder, *key);
  if (!reader) return none(reader.error().message, kUnreachable);
  if (*reader && !(*reader)->streams().empty()) return std::move(**reader);
  const bool any =
      std::ranges::any_of(site.output_settings, [](const auto& output) { return output.keep.has_value(); });
  return none(any ? fmt::format("{}: no rows have been kept yet", folder.string())
                  : fmt::format("{}: no log has keep = \"7 days\" or the like, so no rows are kept for queries",
                                arguments.site.string()),
              kRefused);
}

}  // namespace

int rows(const RowsArguments& arguments) {
  HistoryQuery query{.owner = arguments.instance, .log = arguments.log};
  for (const auto& [option, text, time] :
       {std::tuple("--from", &arguments.from, &query.from), std::tuple("--to", &arguments.to, &query.to)}) {
    if (text->empty()) continue;
    const auto given = time_of(*text);
    if (!given) {
      return report(fmt::format("{} {}: not a time; write it as 2026-01-31T06:00:00Z, 2026-01-31T07:00:00+01:00 or "
                                "\"2 h ago\"",
                                option, *text),
                    kUsage);
    }
    *time = *given;
  }
  if (query.from > query.to) return report("--from is later than --to", kUsage);
  const auto site = open_site(arguments.site, {});
  if (!site) return site.error();
  auto reader = open_rows(arguments, *site);
  if (!reader) return reader.error();
  Streams streams = reader->streams();
  for (const auto& problem : {unknown_name("instance", query.owner, streams, &runtime::StreamNames::owner),
                              unknown_name("log", query.log, streams, &runtime::StreamNames::log)}) {
    if (problem) return report(*problem, kRefused);
  }
  std::erase_if(streams, [&](const runtime::StreamNames& stream) {
    return (!query.owner.empty() && stream.owner != query.owner) || (!query.log.empty() && stream.log != query.log);
  });
  std::unique_ptr<RowPrinter> printer;
  if (arguments.format == "csv") {
    std::set<std::string, std::less<>> logs;
    for (const auto& stream : streams) logs.insert(stream.log);
    if (logs.size() > 1) {
      return report(fmt::format("a table of CSV holds one log; choose it with --log: {}", listed(logs)), kUsage);
    }
    if (std::ranges::any_of(streams, [](const auto& stream) { return stream.schema.empty(); })) {
      return report("an earlier version kept rows without saying what their fields are: --format jsonl shows them",
                    kUsage);
    }
    printer = std::make_unique<Csv>(streams);
  } else if (arguments.format == "jsonl") {
    printer = std::make_unique<JsonLines>();
  } else {
    printer = std::make_unique<Table>(streams);
  }

  std::uint64_t left = arguments.last.value_or(UINT64_MAX), count = 0;
  if (arguments.last) {
    const auto before = reader->before_last(query, *arguments.last);
    if (!before) return report(before.error().message, kUnreachable);
    query.after = *before;
  }
  do {
    const auto found = reader->query(query);
    if (!found) {
      std::fflush(stdout);
      return report(found.error().message, kUnreachable);
    }
    for (const auto& row : found->rows) {
      if (left == 0) break;
      if (count++ == 0) printer->begin();
      printer->row(row);
      --left;
    }
    query.after = found->next;
  } while (query.after != 0 && left > 0 && std::ferror(stdout) == 0);
  if (count == 0) {
    if (arguments.format == "csv") printer->begin();
    fmt::print(stderr, "no rows{}{}\n", arguments.from.empty() ? "" : fmt::format(" from {}", text_of(query.from)),
               arguments.to.empty() ? "" : fmt::format(" to {}", text_of(query.to)));
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    return report(fmt::format("the rows could not be written: {}", std::strerror(errno)), kUnreachable);
  return kDone;
}

}  // namespace eyeflow::tools
