#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The verbs of eyeflow-vm. Each writes its answer to stdout, what is wrong to stderr, and returns the exit status.
namespace eyeflow::tools {

enum ExitStatus : int {
  kDone = 0,
  kRefused = 1,  // what was to be checked or run is not in order
  kUsage = 2,
  kUnreachable = 3,  // a file that cannot be opened, a key that cannot be read
};

struct RunArguments {
  std::vector<std::filesystem::path> bundles, keys;
  std::filesystem::path site;
  std::string duration;  // "20s"; empty: until it is told to stop
  std::string tier;      // empty: the site's
  bool blind_constants = false;
  bool tiers = false;  // at the end, what became of the functions
  bool perf_map = false, gdb = false;
  bool screen = false;
};
int run(const RunArguments& arguments);

struct VerifyArguments {
  std::filesystem::path bundle;
  std::vector<std::filesystem::path> keys;
};
int verify(const VerifyArguments& arguments);

struct TiersArguments {
  std::filesystem::path bundle;
  std::vector<std::filesystem::path> keys;
  bool blind_constants = false;
};
int tiers(const TiersArguments& arguments);

struct SiteCheckArguments {
  std::filesystem::path site;
  std::vector<std::filesystem::path> bundles, keys;
};
int site_check(const SiteCheckArguments& arguments);

struct IoArguments {
  std::filesystem::path site;
  std::vector<std::filesystem::path> keys;
  std::string duration;  // empty: 2 s
  bool json = false;
};
int io(const IoArguments& arguments);

struct RowsArguments {
  std::filesystem::path site;
  std::string instance, log;  // empty: all
  std::string from, to;       // empty: from the first, to the last
  std::optional<std::uint64_t> last;
  std::string format = "table";  // or "csv", "jsonl"
};
int rows(const RowsArguments& arguments);

struct ExportArguments {
  std::filesystem::path site, folder;
  bool release = false;
};
int export_rows(const ExportArguments& arguments);

// "eyeflow-vm: MESSAGE" on stderr, the program's name in red on a terminal; several lines stay several.
int report(std::string_view message, ExitStatus status);

}  // namespace eyeflow::tools
