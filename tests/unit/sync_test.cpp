// Batches, their packing, addresses, and what the far side's answers mean.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "runtime/net/backoff.h"
#include "runtime/sync/answer.h"
#include "runtime/sync/batch.h"
#include "runtime/sync/compress.h"
#include "runtime/sync/http.h"

namespace eyeflow::runtime {
namespace {

struct Kept {
  std::uint64_t sequence;
  vm::TimeNs time;
  std::string from, log, row;
  friend bool operator==(const Kept&, const Kept&) = default;
};

Result<std::pair<BatchHead, std::vector<Kept>>> read(std::string_view text) {
  std::vector<Kept> rows;
  const auto head = decode_batch(text, [&](const BatchHead&, const BatchRow& row) {
    rows.push_back({row.sequence, row.time, std::string(row.from), std::string(row.log), std::string(row.row)});
  });
  if (!head) return std::unexpected(head.error());
  return std::pair{*head, rows};
}

// Written by hand from docs/sync.md, not by encode_batch.
constexpr std::string_view kBatch =
    "{\"eyeflow\":\"eyeflow rows 1\",\"device\":\"line \\\"1\\\"\",\"epoch\":3,\"first\":7,\"last\":10}\n"
    "{\"seq\":8,\"time_ns\":1769839200123456789,\"from\":\"monitor/T5\",\"log\":\"history\",\"row\":{\"temp\":71.5}}\n"
    "{\"seq\":10,\"time_ns\":-5,\"from\":\"monitor/"
    "T5\",\"log\":\"history\",\"row\":{\"note\":\"a\\n}b\",\"t\":1e400}}\n";

TEST(Batch, IsWhatTheProtocolSays) {
  const std::vector<BatchRow> rows{{8, 1769839200123456789, "monitor/T5", "history", R"({"temp":71.5})"},
                                   {10, -5, "monitor/T5", "history", R"({"note":"a\n}b","t":1e400})"}};
  EXPECT_EQ(encode_batch({"line \"1\"", 3, 7, 10}, rows), kBatch);
}

TEST(Batch, RowsComeBackByteForByte) {
  std::string text(kBatch);
  text.replace(text.find("1e400"), 5, "1.50");  // digits are kept as they were written
  const auto batch = read(text);
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ(batch->first.device, "line \"1\"");
  EXPECT_EQ(batch->first.epoch, 3u);
  EXPECT_EQ(batch->first.first, 7u);
  EXPECT_EQ(batch->first.last, 10u);
  EXPECT_EQ(batch->second, (std::vector<Kept>{{8, 1769839200123456789, "monitor/T5", "history", R"({"temp":71.5})"},
                                              {10, -5, "monitor/T5", "history", R"({"note":"a\n}b","t":1.50})"}}));
}

// Of rows before and after a task was redeployed with another unit; one was written by an earlier version.
constexpr std::string_view kCelsius = R"([{"name":"temp","type":"f64","unit":"°C"}])";
constexpr std::string_view kFahrenheit = R"([{"name":"temp","type":"f64","unit":"°F"}])";
constexpr std::string_view kWithSchemas =
    R"({"eyeflow":"eyeflow rows 1","device":"line1","epoch":3,"first":1,"last":4,"schemas":[)"
    R"([{"name":"temp","type":"f64","unit":"°C"}],[{"name":"temp","type":"f64","unit":"°F"}]]})"
    "\n"
    R"({"seq":1,"time_ns":1,"schema":0,"from":"m/T5","log":"history","row":{"temp":71.5}})"
    "\n"
    R"({"seq":2,"time_ns":2,"schema":1,"from":"m/T5","log":"history","row":{"temp":160.7}})"
    "\n"
    R"({"seq":3,"time_ns":3,"schema":0,"from":"m/T6","log":"history","row":{"temp":71.5}})"
    "\n"
    R"({"seq":4,"time_ns":4,"from":"m/T6","log":"history","row":{"temp":71.5}})"
    "\n";

TEST(Batch, EachSchemaStandsOnceInTheHead) {
  const std::vector<BatchRow> rows{{1, 1, "m/T5", "history", R"({"temp":71.5})", kCelsius},
                                   {2, 2, "m/T5", "history", R"({"temp":160.7})", kFahrenheit},
                                   {3, 3, "m/T6", "history", R"({"temp":71.5})", kCelsius},
                                   {4, 4, "m/T6", "history", R"({"temp":71.5})"}};
  EXPECT_EQ(encode_batch({"line1", 3, 1, 4}, rows), kWithSchemas);
  std::vector<std::string> schemas;
  const auto head =
      decode_batch(kWithSchemas, [&](const BatchHead&, const BatchRow& row) { schemas.emplace_back(row.schema); });
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(schemas,
            (std::vector<std::string>{std::string(kCelsius), std::string(kFahrenheit), std::string(kCelsius), ""}));
}

TEST(Batch, ArraysAndBytesAreDescribedByTheirElements) {
  constexpr std::string_view kSchema =
      R"([{"name":"raw","type":"bytes"},{"name":"block","type":"[f32]","unit":"m/s²"},{"name":"flags","type":"[bool]"}])";
  const std::vector<BatchRow> rows{
      {1, 1, "m", "history", R"({"raw":"0aff","block":[1.5,null,-2],"flags":[]})", kSchema},
      {2, 2, "m", "history", R"({"raw":"","block":[],"flags":[true,false]})", kSchema}};
  const std::string text = encode_batch({"line1", 3, 1, 2}, rows);
  EXPECT_EQ(text, R"({"eyeflow":"eyeflow rows 1","device":"line1","epoch":3,"first":1,"last":2,"schemas":[)" +
                      std::string(kSchema) + "]}\n" + R"({"seq":1,"time_ns":1,"schema":0,"from":"m","log":"history",)" +
                      R"("row":{"raw":"0aff","block":[1.5,null,-2],"flags":[]}})" + "\n" +
                      R"({"seq":2,"time_ns":2,"schema":0,"from":"m","log":"history",)" +
                      R"("row":{"raw":"","block":[],"flags":[true,false]}})" + "\n");
  std::vector<std::string> found;
  const auto head = decode_batch(text, [&](const BatchHead&, const BatchRow& row) {
    found.push_back(std::string(row.schema) + " " + std::string(row.row));
  });
  ASSERT_TRUE(head) << head.error().message;
  ASSERT_EQ(found.size(), rows.size());
  for (std::size_t n = 0; n < rows.size(); ++n)
    EXPECT_EQ(found[n], std::string(kSchema) + " " + std::string(rows[n].row));
}

TEST(Batch, SchemasThatAreNoneAreRefused) {
  for (const std::string schemas : {"{}", "[1]", "[[1]]", R"([[{"name":"a"}]])", R"([[{"type":"f64"}]])",
                                    R"([[{"name":"a","type":"f64","unit":3}]])", R"([{"name":"a","type":"f64"}])"}) {
    const auto head = decode_batch(
        R"({"eyeflow":"eyeflow rows 1","device":"d","epoch":1,"first":1,"last":9,"schemas":)" + schemas + "}\n",
        [](const BatchHead&, const BatchRow&) {});
    ASSERT_FALSE(head) << schemas;
    EXPECT_EQ(head.error().message, "line 1: 'schemas' is no list of fields with their names, types and units");
  }
  for (const std::string schema : {"2", "-1", "\"0\""}) {
    std::string text(kWithSchemas);
    text.replace(text.find(R"("schema":1)"), 10, R"("schema":)" + schema);
    const auto head = decode_batch(text, [](const BatchHead&, const BatchRow&) { FAIL() << "a row was taken"; });
    ASSERT_FALSE(head) << schema;
    EXPECT_EQ(head.error().message, "line 3: 'schema' is none of those in line 1");
  }
}

TEST(Batch, WhatIsWrongIsRefusedWithItsLineAndNothingOfItIsSeen) {
  const std::string head = R"({"eyeflow":"eyeflow rows 1","device":"d","epoch":1,"first":1,"last":9})";
  const auto row = [](int seq, const std::string& object = "{}") {
    return "\n{\"seq\":" + std::to_string(seq) + R"(,"time_ns":1,"from":"i","log":"l","row":)" + object + "}";
  };
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "line 1:"},
      {"\n", "line 1:"},
      {"{}", "line 1: not a batch of rows"},
      {R"({"eyeflow":"eyeflow rows 2","device":"d","epoch":1,"first":1,"last":9})", "line 1: not a batch"},
      {R"({"eyeflow":"eyeflow rows 1","device":"","epoch":1,"first":1,"last":9})", "line 1: 'device'"},
      {R"({"eyeflow":"eyeflow rows 1","device":"d","epoch":0,"first":1,"last":9})", "line 1: 'epoch'"},
      {R"({"eyeflow":"eyeflow rows 1","device":"d","epoch":-1,"first":1,"last":9})", "line 1: 'epoch'"},
      {R"({"eyeflow":"eyeflow rows 1","device":"d","epoch":1,"first":9,"last":8})", "line 1: 'first'"},
      {R"({"eyeflow":"eyeflow rows 1","device":"d","epoch":1,"first":0,"last":8})", "line 1: 'first'"},
      {head + row(2) + row(2), "line 3: 'seq'"},
      {head + row(10), "line 2: 'seq'"},
      {head + row(1, "[]"), "line 2: 'row'"},
      {head + row(1, "{") + row(2), "line 2:"},
      {head + row(1, R"({"x":nonsense})"), "line 2: not JSON"},
      {head + row(1) + "}", "line 2:"},
      {head + row(1) + "\n{\"seq\":2", "line 3:"},
      {head + row(1) + "\n" + R"({"seq":2,"from":"i","log":"l","row":{}})", "line 3: 'time_ns'"},
      {head + row(1) + "\n" + R"({"seq":2,"time_ns":1,"log":"l","row":{}})", "line 3: 'from'"},
      {head + row(1) + "\n" + R"({"seq":2,"time_ns":1,"from":"i","row":{}})", "line 3: 'log'"},
  };
  for (const auto& [text, message] : cases) {
    int seen = 0;
    const auto head_or = decode_batch(text, [&](const BatchHead&, const BatchRow&) { ++seen; });
    ASSERT_FALSE(head_or) << text;
    EXPECT_TRUE(head_or.error().message.starts_with(message)) << text << "\n  " << head_or.error().message;
    EXPECT_EQ(seen, 0) << text;
  }
}

TEST(Batch, ABatchWithoutRowsClosesAGap) {
  const auto batch = read(R"({"eyeflow":"eyeflow rows 1","device":"d","epoch":1,"first":4,"last":9,"later":[1]})");
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_TRUE(batch->second.empty());
}

TEST(Gzip, UnpacksWhatItPackedAndNothingElse) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += std::to_string(i * i) + '\n';
  const std::string packed = gzip(text);
  EXPECT_LT(packed.size(), text.size() / 2);
  EXPECT_EQ(gunzip(packed, text.size()).value(), text);
  EXPECT_EQ(gunzip(gzip(""), 0).value(), "");
  Gzip packer;
  for (const std::string_view part : {std::string_view(text), std::string_view("a"), std::string_view(text)})
    EXPECT_EQ(packer.pack(part), gzip(part)) << "nothing is left of what came before";

  EXPECT_FALSE(gunzip(packed, text.size() - 1)) << "larger than it may be";
  EXPECT_FALSE(gunzip(gzip(std::string(100u << 20, 'x')), 1u << 20)) << "a bomb";
  EXPECT_FALSE(gunzip(packed + "x", text.size())) << "something behind the end";
  EXPECT_FALSE(gunzip("", 10));
  for (std::size_t n = 0; n < packed.size(); n += 97) EXPECT_FALSE(gunzip(packed.substr(0, n), text.size())) << n;
  std::string damaged = packed;
  damaged[damaged.size() / 2] ^= 1;
  EXPECT_FALSE(gunzip(damaged, text.size()));
}

TEST(Url, SaysWhereRowsGo) {
  const auto url = parse_url("https://rows.example.org/eyeflow/rows?site=7").value();
  EXPECT_TRUE(url.tls);
  EXPECT_EQ(url.host, "rows.example.org");
  EXPECT_EQ(url.port, 443);
  EXPECT_EQ(url.path, "/eyeflow/rows?site=7");
  EXPECT_EQ(parse_url("https://10.0.0.7:8443").value().port, 8443);
  EXPECT_EQ(parse_url("https://10.0.0.7:8443").value().path, "/");
  EXPECT_EQ(parse_url("https://[fe80::1]:8443/x").value().host, "fe80::1");
  EXPECT_EQ(parse_url("https://[fe80::1]:8443/x").value().port, 8443);
  EXPECT_FALSE(parse_url("http://127.0.0.1:18080/upload").value().tls);
}

TEST(Url, WhatCannotBeMeantIsRefused) {
  for (const char* url : {"", "rows.example.org", "ftp://a/b", "https://", "https:///x", "https://a:0/", "https://a:x/",
                          "https://a:65536/", "https://user@a/", "https://a b/", "https://[fe80::1/x", "https://a/#x",
                          "http://rows.example.org/", "http://10.0.0.7/"}) {
    EXPECT_FALSE(parse_url(url)) << url;
  }
}

// The answer to a batch of device "d", epoch 3, numbers 5 to 9.
Verdict verdict(int status, std::string body = "", Acknowledge acknowledge = Acknowledge::Reply,
                std::string retry_after = "") {
  return judge({status, std::move(retry_after), std::move(body)}, acknowledge, "d", 3, 5, 9);
}

TEST(Answer, IsBelievedOnlyWhenItNamesWhatWasSent) {
  using enum Verdict::Kind;
  EXPECT_EQ(verdict(200, R"({"device":"d","epoch":3,"stored":9})").kind, Stored);
  EXPECT_EQ(verdict(200, R"({"device":"d","epoch":3,"stored":9})").stored, 9u);
  EXPECT_EQ(verdict(200, R"({"device":"d","epoch":3,"stored":7})").stored, 7u) << "a part";
  EXPECT_EQ(verdict(200, R"({"device":"d","epoch":3,"stored":400})").stored, 9u) << "it had a repeat";
  EXPECT_EQ(verdict(200, R"({"device":"d","epoch":3,"stored":4})").kind, Retry) << "nothing of it";
  EXPECT_EQ(verdict(200, R"({"device":"d","epoch":3,"stored":18446744073709551615})").kind, Refused);
  EXPECT_EQ(verdict(200, R"({"device":"e","epoch":3,"stored":9})").kind, Refused);
  EXPECT_EQ(verdict(200, R"({"device":"d","epoch":2,"stored":9})").kind, Refused);
  EXPECT_EQ(verdict(200, "<html>Please log in</html>").kind, Refused);
  EXPECT_EQ(verdict(200, "").kind, Refused);
  EXPECT_EQ(verdict(204, "").kind, Refused);
}

TEST(Answer, AStatusIsEnoughWhereTheSiteSaysSo) {
  EXPECT_EQ(verdict(200, "ok", Acknowledge::Status).kind, Verdict::Kind::Stored);
  EXPECT_EQ(verdict(204, "", Acknowledge::Status).stored, 9u);
  EXPECT_EQ(verdict(302, "", Acknowledge::Status).kind, Verdict::Kind::Refused);
}

TEST(Answer, TellsWhetherTryingAgainHelps) {
  using enum Verdict::Kind;
  for (const int status : {408, 425, 429, 500, 502, 503, 504}) EXPECT_EQ(verdict(status).kind, Retry) << status;
  for (const int status : {301, 302, 400, 401, 403, 404, 422}) EXPECT_EQ(verdict(status).kind, Refused) << status;
  EXPECT_EQ(verdict(413).kind, TooLarge);
  EXPECT_EQ(verdict(503, "", Acknowledge::Reply, "17").pause, std::chrono::seconds(17));
  EXPECT_EQ(verdict(503, "", Acknowledge::Reply, "999999").pause, std::chrono::seconds(3600));
  EXPECT_EQ(verdict(503, "", Acknowledge::Reply, "Wed, 21 Oct 2026 07:28:00 GMT").pause, std::nullopt);
  EXPECT_EQ(verdict(403, "no key of 'd'\nmore").detail, "refuses the rows with 403: no key of 'd'");
}

TEST(Backoff, DoublesUpToTheLongestAndVariesBetweenHalfAndAll) {
  using namespace std::chrono_literals;
  // docs/sync.md: 1 s, 2 s, 4 s … up to 5 min.
  constexpr std::chrono::milliseconds kWhole[] = {1s, 2s, 4s, 8s, 16s, 32s, 64s, 128s, 256s, 300s, 300s};
  std::set<std::chrono::milliseconds> seen[std::size(kWhole)];
  for (std::uint32_t device = 1; device <= 1000; ++device) {
    net::Backoff backoff(1s, 300s, device * 2'654'435'769u);
    for (std::size_t n = 0; n < std::size(kWhole); ++n) {
      EXPECT_EQ(backoff.has_failed(), n > 0);
      const auto wait = backoff.after_failure();
      EXPECT_GE(wait, kWhole[n] / 2) << n;
      EXPECT_LE(wait, kWhole[n]) << n;
      seen[n].insert(wait);
    }
    backoff.succeeded();
    EXPECT_FALSE(backoff.has_failed());
    EXPECT_LE(backoff.after_failure(), 1s);
    EXPECT_GE(backoff.after_refusal(), 150s);
  }
  // They spread over the whole of it: of 1000 devices no tenth of the time is left out.
  for (std::size_t n = 0; n < std::size(kWhole); ++n) {
    for (int tenth = 0; tenth < 10; ++tenth) {
      const auto from = kWhole[n] / 2 + kWhole[n] * tenth / 20, to = kWhole[n] / 2 + kWhole[n] * (tenth + 1) / 20;
      const auto at = seen[n].lower_bound(from);
      EXPECT_TRUE(at != seen[n].end() && *at <= to) << n << " " << tenth;
    }
  }
}

}  // namespace
}  // namespace eyeflow::runtime
