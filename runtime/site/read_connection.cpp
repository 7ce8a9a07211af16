#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "runtime/site/pattern.h"
#include "runtime/site/read.h"

namespace eyeflow::runtime {
namespace {

namespace fs = std::filesystem;

// mqtt://HOST[:PORT] or mqtts://HOST[:PORT]; the host may be an IPv6 address in brackets.
bool parse_broker(std::string_view url, Connection& out) {
  if (url.starts_with("mqtts://")) {
    out.tls = true;
    out.port = 8883;
    url.remove_prefix(8);
  } else if (url.starts_with("mqtt://")) {
    url.remove_prefix(7);
  } else {
    return false;
  }
  if (url.starts_with('[')) {
    const auto close = url.find(']');
    if (close == std::string_view::npos) return false;
    out.host = url.substr(1, close - 1);
    url.remove_prefix(close + 1);
  } else {
    out.host = url.substr(0, url.find(':'));
    url.remove_prefix(out.host.size());
  }
  if (url.starts_with(':')) {
    url.remove_prefix(1);
    const auto [end, error] = std::from_chars(url.data(), url.data() + url.size(), out.port);
    if (error != std::errc{} || out.port == 0) return false;
    url.remove_prefix(static_cast<std::size_t>(end - url.data()));
  }
  return url.empty() && !out.host.empty() && out.host.find_first_of("/@ ") == std::string::npos;
}

void read_credentials(TableReader& t, const fs::path& folder, Connection& c) {
  c.username = t.text("username").value_or("");
  c.password_file = t.path("password_file", folder).value_or("");
  c.ca_file = t.path("ca_file", folder).value_or("");
  for (const auto* secret : {"password", "token"}) {
    if (t.has(secret))
      t.refuse(secret, fmt::format("secrets are files, never values; write {}_file = \"FILE\"", secret));
  }
}

void read_status(TableReader& t, Connection& c) {
  c.status = t.text("status").value_or("");
  check_topic(t, "status", c.status, {"device"});
  for (const auto [key, payload] : {std::pair("online", &c.online), std::pair("offline", &c.offline)}) {
    const auto given = t.word(key);
    if (!given) continue;
    if (c.status.empty())
      t.problem(given->place, fmt::format("'{}' is told on a topic; add status = \"plant/{{device}}/status\"", key));
    *payload = given->text;
  }
  if (c.online == c.offline)
    t.problem(t.place("online"), "'online' and 'offline' are the same, so that nobody can tell them apart");
}

void read_broker(TableReader& t, const fs::path& folder, Connection& c) {
  const auto url = t.word("mqtt");
  if (url && !parse_broker(url->text, c)) {
    t.problem(url->place, fmt::format("'{}' is not a broker's address; write mqtt = \"mqtt://HOST:1883\", or mqtts:// "
                                      "for TLS; user and password have keys of their own",
                                      url->text));
  }
  read_credentials(t, folder, c);
  c.cert_file = t.path("cert_file", folder).value_or("");
  c.key_file = t.path("key_file", folder).value_or("");
  c.client_id = t.text("client_id").value_or("");
  if (const auto keepalive = t.duration("keepalive")) {
    c.keepalive = std::chrono::duration_cast<std::chrono::seconds>(*keepalive);
    if (c.keepalive < std::chrono::seconds(5) || c.keepalive > std::chrono::hours(18)) {
      t.problem(t.place("keepalive"), "'keepalive' must be from \"5 s\" to \"18 h\"");
    }
  }
  c.subscribe = t.texts("subscribe").value_or(std::vector<std::string>{});
  read_status(t, c);
  if (!c.password_file.empty() && c.username.empty() && !t.has("username")) {
    t.missing("username", "username = \"…\": MQTT sends no password without one");
  }
  if (c.cert_file.empty() != c.key_file.empty()) {
    t.problem(t.place(),
              fmt::format("{} has one of 'cert_file' and 'key_file'; a client certificate needs both", t.title()));
  }
  if (!c.tls && (t.has("ca_file") || t.has("cert_file"))) {
    t.problem(t.place(),
              fmt::format("{} names certificates but the address is not mqtts://; write mqtts://", t.title()));
  }
}

void read_influx(TableReader& t, const fs::path& folder, Connection& c) {
  if (const auto url = t.word("influx")) {
    c.url = url->text;
    while (c.url.ends_with('/')) c.url.pop_back();
    const auto scheme = c.url.find("://");
    if (!(c.url.starts_with("http://") || c.url.starts_with("https://")) ||
        c.url.find_first_of("/?#@ ", scheme + 3) != std::string::npos) {
      t.problem(url->place, fmt::format("'{}' is not the address of an InfluxDB; write influx = \"https://HOST:8086\"; "
                                        "database and user have keys of their own",
                                        url->text));
    }
  }
  read_credentials(t, folder, c);
  c.database = t.text("database").value_or("");
  c.bucket = t.text("bucket").value_or("");
  c.org = t.text("org").value_or("");
  c.token_file = t.path("token_file", folder).value_or("");
  if (c.database.empty() == c.bucket.empty()) {
    t.missing("database",
              "database = \"NAME\" (InfluxDB 1), or bucket = \"NAME\" with 'org' and 'token_file' (InfluxDB 2)");
  } else if (!c.bucket.empty() && (c.org.empty() || c.token_file.empty())) {
    t.missing("org", "org = \"NAME\" and token_file = \"FILE\": a bucket belongs to an organization");
  }
  if (c.username.empty() != c.password_file.empty()) {
    t.missing("username", "username = \"NAME\" and password_file = \"FILE\", both or neither");
  }
}

void read_files(TableReader& t, std::string_view key, const fs::path& folder, Connection& c) {
  c.folder = t.path(key, folder).value_or("");
  if (const auto bytes = t.size("max_size")) {
    c.max_bytes = *bytes;
    if (*bytes < 4096) t.problem(t.place("max_size"), "'max_size' of a file must be at least \"4 KiB\"");
  }
  c.max_files = static_cast<std::uint32_t>(t.integer("max_files", 1, 100'000).value_or(c.max_files));
}

}  // namespace

std::string title_of(std::string_view kind, std::string_view name) {
  const bool bare = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  return bare ? fmt::format("[{}.{}]", kind, name) : fmt::format("[{}.\"{}\"]", kind, name);
}

void check_topic(TableReader& t, std::string_view key, const std::string& topic,
                 std::initializer_list<std::string_view> names, bool filter_allowed) {
  std::vector<std::pair<std::string_view, std::string_view>> example;
  for (const auto name : names) example.emplace_back(name, "x");
  const auto filled = fill_in(topic, example);
  if (!filled) {
    t.problem(t.place(key), fmt::format("'{}' in {}: {}", key, t.title(), filled.error().message));
  } else if (!filter_allowed && filled->find_first_of("+#") != std::string::npos) {
    t.problem(t.place(key),
              fmt::format("'{}' in {}: + and # stand in topics to read from, not to write to", key, t.title()));
  }
}

void read_connection(std::string_view name, const toml::table& table, Reading& r) {
  static constexpr std::pair<std::string_view, ConnectionKind> kKinds[] = {{"mqtt", ConnectionKind::Mqtt},
                                                                           {"influx", ConnectionKind::Influx},
                                                                           {"csv", ConnectionKind::Csv},
                                                                           {"jsonl", ConnectionKind::Jsonl}};
  TableReader t(table, title_of("connection", name), r.problems);
  Connection c;
  c.name = name;
  c.place = t.place();
  if (name == "simulate" || name == "replay" || name == "console" || name == "none") {
    t.problem(t.place(), fmt::format("'{}' is built in; give the connection another name", name));
  }
  std::string_view leads_to;
  bool other_connector = false;
  for (const auto other : kOtherConnectors) {
    if (!t.has(other)) continue;
    t.refuse(other, kNoSuchConnector);
    other_connector = true;
  }
  for (const auto& [key, kind] : kKinds) {
    if (!t.has(key)) continue;
    if (!leads_to.empty()) {
      t.refuse(key, fmt::format("the connection leads to '{}' already; give each a table of its own", leads_to));
      continue;
    }
    leads_to = key;
    c.kind = kind;
  }
  if (leads_to.empty() && !other_connector) {
    t.missing("mqtt",
              "mqtt = \"mqtt://HOST:1883\" (or mqtts:// for TLS), influx = \"https://HOST:8086\", csv = \"FOLDER\" or "
              "jsonl = \"FOLDER\"");
  }
  switch (c.kind) {
    case ConnectionKind::Mqtt:
      read_broker(t, r.folder, c);
      break;
    case ConnectionKind::Influx:
      read_influx(t, r.folder, c);
      break;
    case ConnectionKind::Csv:
    case ConnectionKind::Jsonl:
      read_files(t, leads_to, r.folder, c);
      break;
  }
  t.finish();
  r.site.connections.push_back(std::move(c));
}

}  // namespace eyeflow::runtime
