#pragma once

#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/security/keys.h"
#include "runtime/sync/http.h"
#include "tests/system/certificates.h"
#include "tests/system/process.h"

namespace eyeflow::test {

using runtime::HttpOptions;

// Its own process, HTTPS, with the keys of one device, "line1".
class Collector {
 public:
  explicit Collector(const TemporaryFolder& folder, bool tls = true) : folder_(folder) {
    if (!std::filesystem::exists(folder / "ca.pem")) {
      for (const auto* name : {"ca", "stranger"}) make_authority(folder, name);
      make_certificate(folder, "ca", "server", "IP:127.0.0.1");
      std::filesystem::create_directory(folder / "keys");
      if (!runtime::generate_key(folder / "keys/line1") || !runtime::generate_key(folder / "other"))
        throw std::runtime_error("no key");
    }
    start(tls);
  }
  void start(bool tls = true) {
    std::vector<std::string> command{
        EYEFLOW_COLLECTOR,           "--listen", "127.0.0.1:" + std::to_string(port_), "--devices",
        (folder_ / "keys").string(), "--db",     (folder_ / "rows.db").string()};
    if (tls) {
      command.insert(command.end(),
                     {"--cert", (folder_ / "server.pem").string(), "--key", (folder_ / "server.key").string()});
    }
    process_.reset();
    process_ = std::make_unique<Process>(command, folder_ / ("collector" + std::to_string(++starts_) + ".log"));
    for (int i = 0; i < 5000; ++i) {
      const std::string log = process_->output();
      if (const auto at = log.find("127.0.0.1:"); at != log.npos && log.find("/v1/rows", at) != log.npos) {
        port_ = std::stoi(log.substr(at + 10));
        return;
      }
      if (!process_->is_running()) break;
      usleep(1000);
    }
    throw std::runtime_error("the collector does not come up: " + process_->output());
  }
  HttpOptions options(const std::string& scheme = "https") const {
    HttpOptions o;
    o.url = runtime::parse_url(scheme + "://127.0.0.1:" + std::to_string(port_) + "/v1/rows").value();
    o.ca_file = folder_ / "ca.pem";
    return o;
  }
  runtime::PrivateKey key(const std::string& name = "keys/line1") const {
    return runtime::load_private_key(folder_ / name).value();
  }
  Process& process() { return *process_; }
  int port() const { return port_; }
  std::string query(const std::string& sql) const {
    sqlite3* db = nullptr;
    std::string out;
    sqlite3_open((folder_ / "rows.db").c_str(), &db);
    sqlite3_busy_timeout(db, 5000);
    const auto row = [](void* to, int n, char** values, char**) {
      for (int i = 0; i < n; ++i)
        *static_cast<std::string*>(to) += (i ? "|" : "") + std::string(values[i] ? values[i] : "");
      *static_cast<std::string*>(to) += "\n";
      return 0;
    };
    if (sqlite3_exec(db, sql.c_str(), row, &out, nullptr) != SQLITE_OK) out = sqlite3_errmsg(db);
    sqlite3_close(db);
    return out;
  }

 private:
  const TemporaryFolder& folder_;
  int port_ = 0, starts_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace eyeflow::test
