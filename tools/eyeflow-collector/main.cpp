// eyeflow-collector: takes the rows that devices send, each once, into one SQLite file. docs/sync.md has the protocol.
#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <thread>

#include "tools/common/usage.h"
#include "tools/eyeflow-collector/import.h"
#include "tools/eyeflow-collector/server.h"

namespace eyeflow::collector {
namespace {

enum class Exit : int { Ok = 0, Refused = 1, Usage = 2, Files = 3 };

Exit complain(Exit code, const std::string& message) {
  fmt::print(stderr, "eyeflow-collector: {}\n", message);
  return code;
}

struct Options {
  std::string listen = "127.0.0.1:8443", database = "rows.db", devices;
  ServerOptions server;
};

// HOST:PORT; an IPv6 address in brackets.
bool set_address(const std::string& listen, ServerOptions& server) {
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string::npos || colon == 0) return false;
  server.address = listen.substr(0, colon);
  if (server.address.front() == '[' && server.address.back() == ']')
    server.address = server.address.substr(1, colon - 2);
  const char* const end = listen.data() + listen.size();
  const auto [at, error] = std::from_chars(listen.data() + colon + 1, end, server.port);
  return error == std::errc{} && at == end;
}

Exit serve(Options options) {
  if (!set_address(options.listen, options.server)) {
    return complain(Exit::Usage, fmt::format("--listen {}: write HOST:PORT", options.listen));
  }
  if (options.devices.empty() && !options.server.allow_unsigned) {
    return complain(Exit::Usage,
                    "--devices names the folder with the devices' public keys (NAME.pub); or take what "
                    "comes with --allow-unsigned");
  }
  if (!options.devices.empty()) {
    auto devices = load_devices(options.devices);
    if (!devices) return complain(Exit::Files, devices.error().message);
    options.server.devices = std::move(*devices);
    options.server.devices_folder = options.devices;
  }
  auto database = Database::open(options.database);
  if (!database) return complain(Exit::Files, database.error().message);

  // Signals are taken by a thread of their own: stop() is not for handlers.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  const bool tls = !options.server.cert_file.empty();
  const std::string address = options.server.address;
  const std::size_t devices = options.server.devices.size();
  auto server = Server::make(std::move(options.server), std::move(*database));
  if (!server) return complain(Exit::Files, server.error().message);
  fmt::print("listening on {}://{}:{}/v1/rows, {} devices, into {}\n", tls ? "https" : "http", address,
             (*server)->port(), devices, options.database);
  std::fflush(stdout);
  std::thread([&signals, &server] {
    int signal = 0;
    sigwait(&signals, &signal);
    (*server)->stop();
  }).detach();
  (*server)->run();
  return Exit::Ok;
}

Exit import_from(const std::string& folder, const Options& options) {
  auto devices = load_devices(options.devices);
  if (!devices) return complain(Exit::Files, devices.error().message);
  auto database = Database::open(options.database);
  if (!database) return complain(Exit::Files, database.error().message);
  const auto imported = import_rows(*database, *devices, folder);
  if (!imported) return complain(Exit::Files, imported.error().message);
  for (const auto& line : imported->refused) complain(Exit::Refused, line);
  for (const auto& line : imported->notes) complain(Exit::Refused, line);
  fmt::print("{} rows stored from {} files, {} were there already; {} files refused\n", imported->rows, imported->files,
             imported->known, imported->refused.size());
  return imported->refused.empty() ? Exit::Ok : Exit::Refused;
}

}  // namespace
}  // namespace eyeflow::collector

int main(int argc, char** argv) {
  using namespace eyeflow::collector;
  CLI::App app{"Takes the rows that devices send over HTTPS, each once, into one SQLite file.", "eyeflow-collector"};
  app.failure_message(eyeflow::tools::usage_message);
  Options options;
  app.set_version_flag("--version", EYEFLOW_VERSION);
  app.add_option("--listen", options.listen, "HOST:PORT; port 0 takes a free one")->capture_default_str();
  app.add_option("--db", options.database, "the SQLite file; made when missing")->capture_default_str();
  app.add_option("--devices", options.devices, "folder with the public key of each device, NAME.pub");
  app.add_option("--cert", options.server.cert_file,
                 "the server's certificate chain (PEM); without it plain HTTP on loopback");
  app.add_option("--key", options.server.key_file, "its private key (PEM)");
  app.add_flag("--allow-unsigned", options.server.allow_unsigned, "also take rows of devices without a known key");
  std::string folder;
  CLI::App* import_verb = app.add_subcommand("import", "Take the files that 'eyeflow-vm export' wrote, and end");
  import_verb->add_option("DIR", folder, "The stick, or a copy of it")->required();
  import_verb->add_option("--db", options.database, "the SQLite file; made when missing")->capture_default_str();
  import_verb->add_option("--devices", options.devices, "folder with the public key of each device, NAME.pub")
      ->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(Exit::Usage);
  }
  return static_cast<int>(*import_verb ? import_from(folder, options) : serve(std::move(options)));
}
