#include "runtime/connectors/influx.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>

#include "runtime/net/backoff.h"

namespace eyeflow::runtime {
namespace {

using namespace std::chrono_literals;

// As it stands in a URL's query.
std::string percent(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string base64(std::string_view bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) out += i + k <= bytes.size() ? kDigits[bits >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

Result<std::string> first_line(const std::filesystem::path& path, std::string_view what) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line) || line.empty()) {
    return fail(fmt::format("{}: cannot read the {}: {}; write it as the file's first line", path.string(), what,
                            file.is_open() ? "it is empty" : std::strerror(errno)));
  }
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  return line;
}

void append_value(std::string& out, const Datum::Value& value) {
  const auto to = std::back_inserter(out);
  std::visit(
      [&](const auto& v) {
        using V = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<V, bool>) {
          out += v ? "true" : "false";
        } else if constexpr (std::is_floating_point_v<V>) {
          fmt::format_to(to, "{}", v);
        } else if constexpr (std::is_same_v<V, std::uint64_t>) {
          // InfluxDB's whole numbers are signed; beyond, the nearest float is the least loss.
          v <= INT64_MAX ? fmt::format_to(to, "{}i", v) : fmt::format_to(to, "{}", static_cast<double>(v));
        } else if constexpr (std::is_same_v<V, std::int64_t>) {
          fmt::format_to(to, "{}i", v);
        } else if constexpr (std::is_same_v<V, std::string_view>) {
          out += '"';
          for (const char c : v) {
            if (c == '"' || c == '\\') out += '\\';
            out += c;
          }
          out += '"';
        } else if constexpr (!std::is_same_v<V, std::monostate>) {
          fmt::format_to(to, "{}i", v.time_since_epoch().count());
        }
      },
      value);
}

bool is_value(const Datum::Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return std::isfinite(*number);
  if (const auto* number = std::get_if<float>(&value)) return std::isfinite(*number);
  return !std::holds_alternative<std::monostate>(value);
}

// Of an answer such as {"error":"partial write: … dropped=3"}.
std::size_t dropped_in(std::string_view body, std::size_t lines) {
  const auto at = body.find("dropped=");
  std::size_t count = lines;
  if (at != std::string_view::npos) std::from_chars(body.data() + at + 8, body.data() + body.size(), count);
  return std::min(count, lines);
}

std::string_view first_line(std::string_view body) {
  body = body.substr(0, 300);
  return body.substr(0, body.find('\n'));
}

}  // namespace

void append_influx_name(std::string& out, std::string_view text, bool is_measurement) {
  for (const char c : text) {
    if (c == ',' || c == ' ' || (c == '=' && !is_measurement)) out += '\\';
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  if (text.ends_with('\\')) out += ' ';  // it would escape what stands behind it
}

void append_influx_line(std::string& out, std::string_view device_tag, const Record& record, std::int64_t time_ns) {
  const std::size_t begin = out.size();
  append_influx_name(out, record.name, true);
  out += device_tag;
  const auto tag = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out += name;
    append_influx_name(out, value, false);
  };
  tag(",instance=", record.instance);
  tag(",task=", record.task);
  char before = ' ';
  for (const Datum& field : record.fields) {
    if (!is_value(field.value)) continue;
    out += before;
    append_influx_name(out, field.name, false);
    out += '=';
    append_value(out, field.value);
    before = ',';
  }
  if (before == ' ') return out.resize(begin);
  fmt::format_to(std::back_inserter(out), " {}\n", time_ns);
}

InfluxSink::InfluxSink(const Connection& connection, const std::string& device)
    : name_(connection.name), origin_(connection.url), device_tag_(",device=") {
  append_influx_name(device_tag_, device, false);
}

Result<std::unique_ptr<InfluxSink>> InfluxSink::make(const Connection& connection, const std::string& device) {
  std::unique_ptr<InfluxSink> self(new InfluxSink(connection, device));
  const std::string path = connection.bucket.empty()
                               ? fmt::format("/write?db={}&precision=ns", percent(connection.database))
                               : fmt::format("/api/v2/write?org={}&bucket={}&precision=ns", percent(connection.org),
                                             percent(connection.bucket));
  const auto where = [&](const Error& error) {
    return fail(fmt::format("[connection.{}]: {}", connection.name, error.message));
  };
  auto url = parse_url(connection.url + path);
  if (!url) return where(url.error());
  if (!connection.token_file.empty()) {
    const auto token = first_line(connection.token_file, "token");
    if (!token) return where(token.error());
    self->headers_.emplace_back("Authorization", "Token " + *token);
  } else if (!connection.password_file.empty()) {
    const auto password = first_line(connection.password_file, "password");
    if (!password) return where(password.error());
    self->headers_.emplace_back("Authorization", "Basic " + base64(connection.username + ":" + *password));
  }
  auto client = HttpClient::make({.url = *url, .ca_file = connection.ca_file, .cert_file = {}, .key_file = {}});
  if (!client) return where(client.error());
  self->client_ = std::move(*client);
  return self;
}

InfluxSink::~InfluxSink() { stop(); }

void InfluxSink::start(Receiver& receiver) {
  thread_ = std::thread([this, &receiver] { run(receiver); });
}

void InfluxSink::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  changed_.notify_all();
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 1s, [this] { return held_bytes_ == 0 || !up_; });
  }
  if (client_) client_->stop();  // one that hangs would hold the end up
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(mutex_);
  for (const Batch& batch : held_) dropped_.fetch_add(batch.lines, std::memory_order_relaxed);
  held_.clear();
  held_bytes_ = 0;
}

// The same series and time is the same point: a second record would take the first one's place.
std::int64_t InfluxSink::time_of(const Record& record, PortId port) {
  series_.assign(reinterpret_cast<const char*>(&port), sizeof port);
  series_ += record.instance;
  const auto time = record.time.time_since_epoch().count();
  const auto known = last_time_.find(series_);
  if (known == last_time_.end()) {
    last_time_.emplace(series_, time);
    return time;
  }
  // Only neighbours are told apart: times that go back are another reading's, and are left as they are.
  const bool same = time <= known->second && time > known->second - 1'000'000;
  return known->second = same ? known->second + 1 : time;
}

void InfluxSink::write(const Message& message) {
  const std::lock_guard lock(mutex_);
  if (stopping_) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  // The first one is on its way while `sending_`: nothing is added to it.
  if (held_.size() <= (sending_ ? 1u : 0u) || held_.back().lines >= kBatchLines) held_.emplace_back();
  Batch& batch = held_.back();
  const std::size_t before = batch.text.size();
  append_influx_line(batch.text, device_tag_, *message.record, time_of(*message.record, message.port));
  if (batch.text.size() == before) return;  // not one value in it
  ++batch.lines;
  held_bytes_ += batch.text.size() - before;
  while (held_bytes_ > kHeldBytes) drop_oldest();
  if (batch.lines == 1 || batch.lines == kBatchLines) changed_.notify_all();
}

// A whole batch: what is left stays in order, and the oldest goes.
void InfluxSink::drop_oldest() {
  const auto oldest = std::next(held_.begin(), sending_ ? 1 : 0);
  if (oldest == held_.end()) return;
  dropped_.fetch_add(oldest->lines, std::memory_order_relaxed);
  held_bytes_ -= oldest->text.size();
  held_.erase(oldest);
}

void InfluxSink::flush() {
  std::unique_lock lock(mutex_);
  hurry_ = true;
  changed_.notify_all();
  changed_.wait_for(lock, 1s, [this] { return held_bytes_ == 0 || !up_; });
}

void InfluxSink::run(Receiver& receiver) {
  net::Backoff backoff(kFirstPause, kLongestPause);
  std::chrono::milliseconds pause{0};  // 0: the last try went well
  std::unique_lock lock(mutex_);
  for (;;) {
    if (pause.count() > 0) {
      changed_.wait_for(lock, pause, [this] { return stopping_; });
    } else {
      changed_.wait(lock, [this] { return stopping_ || held_bytes_ > 0; });
      changed_.wait_for(lock, kGather, [this] { return stopping_ || hurry_ || held_.front().lines >= kBatchLines; });
    }
    hurry_ = false;
    while (held_bytes_ > 0 && !(stopping_ && !up_)) {
      const Batch& batch = held_.front();  // nobody drops it while `sending_`
      sending_ = true;
      lock.unlock();
      const Outcome outcome = send(batch, receiver);
      lock.lock();
      sending_ = false;
      up_ = outcome != Outcome::Again;
      if (outcome == Outcome::Again) {
        pause = std::max(backoff.after_failure(), asked_);
        break;
      }
      backoff.succeeded();
      pause = 0ms;
      held_bytes_ -= held_.front().text.size();
      Batch whole = std::move(held_.front());
      held_.pop_front();
      if (outcome == Outcome::TooLarge) {
        // Once more in halves, cut between two lines.
        const auto half = whole.text.find('\n', whole.text.size() / 2);
        if (whole.lines == 1 || half == std::string::npos || half + 1 == whole.text.size()) {
          dropped_.fetch_add(whole.lines, std::memory_order_relaxed);
        } else {
          held_bytes_ += whole.text.size();
          const auto first = static_cast<std::size_t>(
              std::count(whole.text.begin(), whole.text.begin() + static_cast<std::ptrdiff_t>(half) + 1, '\n'));
          held_.push_front({whole.text.substr(half + 1), whole.lines - first});
          held_.push_front({whole.text.substr(0, half + 1), first});
        }
      }
      if (held_bytes_ == 0 || (held_.front().lines < kBatchLines && !stopping_ && !hurry_)) break;
    }
    changed_.notify_all();
    if (stopping_) return;
  }
}

InfluxSink::Outcome InfluxSink::send(const Batch& batch, Receiver& receiver) {
  asked_ = 0ms;
  const auto reply = client_->post(headers_, batch.text, "text/plain; charset=utf-8");
  if (!reply) {
    tell(receiver, false, fmt::format("{}; trying again until it answers", reply.error().message));
    return Outcome::Again;
  }
  const int status = reply->status;
  if (status >= 200 && status < 300) {
    tell(receiver, true, "takes records");
    return Outcome::Done;
  }
  if (status == 413) return Outcome::TooLarge;
  if (status == 400 || status == 422) {
    // Of what it refuses it would refuse the same again.
    const std::size_t lost = dropped_in(reply->body, batch.lines);
    dropped_.fetch_add(lost, std::memory_order_relaxed);
    receiver.on_bad_row(fmt::format("{}: {} refused {} of {} records, which are dropped: {}", name_, origin_, lost,
                                    batch.lines, first_line(reply->body)));
    tell(receiver, true, "takes records");
    return Outcome::Done;
  }
  unsigned seconds = 0;
  std::from_chars(reply->retry_after.data(), reply->retry_after.data() + reply->retry_after.size(), seconds);
  asked_ = std::chrono::seconds(std::min(seconds, 3600u));
  const char* advice = "";
  if (status == 401 || status == 403) advice = "; check the user and the password or token";
  if (status == 404) advice = "; is the database or bucket there?";
  tell(receiver, false, fmt::format("answers {}: {}{}; trying again", status, first_line(reply->body), advice));
  return Outcome::Again;
}

void InfluxSink::tell(Receiver& receiver, bool up, std::string detail) {
  if (told_ == detail) return;
  receiver.on_state(name_, up, fmt::format("{}: {}", origin_, detail));
  told_ = std::move(detail);
}

}  // namespace eyeflow::runtime
