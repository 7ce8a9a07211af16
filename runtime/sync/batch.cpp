#include "runtime/sync/batch.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>
#include <iterator>
#include <map>
#include <optional>

namespace eyeflow::runtime {
namespace {

namespace ondemand = simdjson::ondemand;

void append_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

template <typename T>
void append_number(std::string& out, T value) {
  char digits[24];
  out.append(digits, std::to_chars(std::begin(digits), std::end(digits), value).ptr);
}

// The bytes of two numbers and of what stands around them in a row's line.
constexpr std::size_t kNumberBytes = 64;

// What stands in the line of a row between its time and its fields is the same for all of a stream; rows come in turns.
// Whether two are of one stream is told by where their names lie.
class Streams {
 public:
  std::size_t size() const { return streams_.size(); }
  const std::string& text(std::size_t stream) const { return streams_[stream].text; }
  // size(): it is not there.
  std::size_t find(const BatchRow& row) {
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      if (streams_[last_].is_of(row)) return last_;
      last_ = last_ + 1 == streams_.size() ? 0 : last_ + 1;
    }
    return streams_.size();
  }
  void add(const BatchRow& row, std::optional<std::size_t> schema) {
    std::string text = ",";
    if (schema) fmt::format_to(std::back_inserter(text), R"("schema":{},)", *schema);
    text += R"("from":)";
    append_text(text, row.from);
    text += R"(,"log":)";
    append_text(text, row.log);
    text += R"(,"row":)";
    last_ = streams_.size();
    streams_.push_back({row.from, row.log, row.schema, std::move(text)});
  }

 private:
  struct Stream {
    std::string_view from, log, schema;
    std::string text;
    bool is_of(const BatchRow& row) const {
      const auto same = [](std::string_view a, std::string_view b) {
        return a.data() == b.data() && a.size() == b.size();
      };
      return same(from, row.from) && same(log, row.log) && same(schema, row.schema);
    }
  };
  std::vector<Stream> streams_;
  std::size_t last_ = 0;
};

// One object of a line, its fields in any order; others are skipped, so that a later version may add some.
Result<BatchHead> read_head(ondemand::document& line) {
  BatchHead head;
  std::string_view format, device;
  if (line["eyeflow"].get(format) || format != kBatchFormat) {
    return fail(fmt::format(R"(line 1: not a batch of rows; it begins with {{"eyeflow":"{}", …)", kBatchFormat));
  }
  if (line["device"].get(device) || device.empty()) return fail("line 1: 'device' is missing");
  head.device = device;
  if (line["epoch"].get(head.epoch) || head.epoch == 0) return fail("line 1: 'epoch' is no number from 1 on");
  if (line["first"].get(head.first) || line["last"].get(head.last) || head.first == 0 || head.last < head.first) {
    return fail("line 1: 'first' and 'last' are no range of numbers from 1 on");
  }
  return head;
}

// Each field has a name and a type, perhaps a unit.
bool is_schema(const simdjson::dom::element& schema) {
  simdjson::dom::array fields;
  if (schema.get(fields)) return false;
  for (const simdjson::dom::element field : fields) {
    std::string_view text;
    if (field["name"].get(text) || field["type"].get(text)) return false;
    const auto unit = field["unit"].get(text);
    if (unit && unit != simdjson::NO_SUCH_FIELD) return false;
  }
  return true;
}

// Those of the head, as they are written there. Devices of an earlier version send none.
Result<std::vector<std::string>> read_schemas(ondemand::document& line) {
  const auto wrong = [] { return fail("line 1: 'schemas' is no list of fields with their names, types and units"); };
  std::vector<std::string> schemas;
  ondemand::array list;
  const auto found = line["schemas"].get(list);
  if (found == simdjson::NO_SUCH_FIELD) return schemas;
  if (found) return wrong();
  for (auto schema : list) {
    ondemand::array fields;
    std::string_view text;
    if (schema.get(fields) || fields.raw_json().get(text)) return wrong();
    simdjson::dom::parser parser;
    simdjson::dom::element read;
    if (parser.parse(text).get(read) || !is_schema(read)) return wrong();
    schemas.emplace_back(text);
  }
  return schemas;
}

Result<void> read_row(ondemand::document& line, const BatchHead& head, std::span<const std::string> schemas,
                      std::uint64_t after, std::size_t number, BatchRow& row) {
  ondemand::object object;
  if (line["seq"].get(row.sequence) || row.sequence <= after || row.sequence > head.last) {
    return fail(fmt::format("line {}: 'seq' is not above the one before and at most 'last'", number));
  }
  if (line["time_ns"].get(row.time)) return fail(fmt::format("line {}: 'time_ns' is no whole number", number));
  if (line["from"].get(row.from)) return fail(fmt::format("line {}: 'from' is missing", number));
  if (line["log"].get(row.log)) return fail(fmt::format("line {}: 'log' is missing", number));
  if (line["row"].get(object) || object.raw_json().get(row.row)) {
    return fail(fmt::format("line {}: 'row' is no JSON object", number));
  }
  std::uint64_t schema = 0;
  const auto with_schema = line["schema"].get(schema);
  if (with_schema == simdjson::NO_SUCH_FIELD) return {};
  if (with_schema || schema >= schemas.size())
    return fail(fmt::format("line {}: 'schema' is none of those in line 1", number));
  row.schema = schemas[schema];
  return {};
}

}  // namespace

std::string signed_message(std::string_view bytes) {
  std::string message(kBatchFormat);
  message += '\n';
  message += bytes;
  return message;
}

std::string signed_digests(std::string_view digests) {
  std::string message(kDigestsFormat);
  message += '\n';
  message += digests;
  return message;
}

std::string encode_batch(const BatchHead& head, std::span<const BatchRow> rows) {
  std::string out = fmt::format(R"({{"eyeflow":"{}","device":)", kBatchFormat);
  append_text(out, head.device);
  fmt::format_to(std::back_inserter(out), R"(,"epoch":{},"first":{},"last":{})", head.epoch, head.first, head.last);
  std::map<std::string_view, std::size_t> schemas;
  Streams streams;
  std::vector<std::size_t> stream_of(rows.size());
  std::size_t bytes = out.size() + 16;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const BatchRow& row = rows[i];
    stream_of[i] = streams.find(row);
    if (stream_of[i] == streams.size()) {
      if (!row.schema.empty() && schemas.try_emplace(row.schema, schemas.size()).second) {
        out += schemas.size() == 1 ? R"(,"schemas":[)" : ",";
        out += row.schema;
        bytes += row.schema.size() + 1;
      }
      streams.add(row, row.schema.empty() ? std::nullopt : std::optional(schemas[row.schema]));
    }
    bytes += row.row.size() + streams.text(stream_of[i]).size() + kNumberBytes;
  }
  out.reserve(bytes);
  out += schemas.empty() ? "}\n" : "]}\n";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out += R"({"seq":)";
    append_number(out, rows[i].sequence);
    out += R"(,"time_ns":)";
    append_number(out, rows[i].time);
    out += streams.text(stream_of[i]);
    out += rows[i].row;
    out += "}\n";
  }
  return out;
}

Result<BatchHead> decode_batch(std::string_view text,
                               const std::function<void(const BatchHead&, const BatchRow&)>& each) {
  simdjson::padded_string padded;
  ondemand::parser parser;
  simdjson::dom::parser whole;  // reads all of a line: the other one believes what it is not asked for
  BatchHead head;
  std::vector<std::string> schemas;
  for (const bool checked : {false, true}) {
    std::uint64_t after = 0;
    std::size_t number = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      padded = simdjson::padded_string(text.substr(at, end - at));
      at = end + 1;
      ++number;
      ondemand::document line;
      if ((!checked && whole.parse(padded).error()) || parser.iterate(padded).get(line))
        return fail(fmt::format("line {}: not JSON", number));
      if (number == 1) {
        auto read = read_head(line);
        if (!read) return read;
        head = std::move(*read);
        auto fields = read_schemas(line);
        if (!fields) return std::unexpected(fields.error());
        schemas = std::move(*fields);
        after = head.first - 1;
        continue;
      }
      BatchRow row;
      if (auto read = read_row(line, head, schemas, after, number, row); !read) return std::unexpected(read.error());
      after = row.sequence;
      if (checked) each(head, row);
    }
    if (number == 0) return fail("line 1: an empty batch");
  }
  return head;
}

std::string encode_reply(const BatchReply& reply) {
  std::string out = R"({"device":)";
  append_text(out, reply.device);
  fmt::format_to(std::back_inserter(out),
                 R"(,"epoch":{},"stored":{}}})"
                 "\n",
                 reply.epoch, reply.stored);
  return out;
}

Result<BatchReply> decode_reply(std::string_view text) {
  const simdjson::padded_string padded(text);
  ondemand::parser parser;
  ondemand::document document;
  BatchReply reply;
  std::string_view device;
  if (parser.iterate(padded).get(document) || document["device"].get(device) || document["epoch"].get(reply.epoch) ||
      document["stored"].get(reply.stored)) {
    return fail("not the answer of a receiver of rows");
  }
  reply.device = device;
  return reply;
}

}  // namespace eyeflow::runtime
