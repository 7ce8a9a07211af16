// cli/*.txt: command lines above, run by the shell in a fresh folder; below, what each one said and how it ended.

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "tests/golden/runner/kind.h"

namespace eyeflow::golden {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFile = "file ";

// A folder of its own for one session, gone with it.
class Folder {
 public:
  Folder() : path_((fs::temp_directory_path() / "eyeflow-golden-XXXXXX").string()) {
    made_ = mkdtemp(path_.data()) != nullptr;
  }
  ~Folder() {
    std::error_code ignored;
    if (made_) fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  bool made() const { return made_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool made_;
};

std::string quoted(const std::string& text) {
  std::string shell = "'";
  for (const char c : text) shell += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return shell + "'";
}

std::string replace_all(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

std::string indented(std::string_view text, std::string_view prefix) {
  std::string shown;
  for (const std::string_view line : lines_of(text)) shown.append(prefix).append(line).append("\n");
  return shown;
}

// Output goes to files, not to pipes: nothing can block, and nothing takes it for a terminal.
Result<std::string> run_command(std::string_view command, const Folder& folder, const fs::path& programs) {
  const fs::path out = folder.path() + ".out", err = folder.path() + ".err";
  const std::string line = "cd " + quoted(folder.path()) + " && export PATH=" + quoted(programs.string()) +
                           ":\"$PATH\" LC_ALL=C.UTF-8 HOME=" + quoted(folder.path()) + " && ulimit -t 60 && { " +
                           std::string(command) + "\n} >" + quoted(out.string()) + " 2>" + quoted(err.string()) +
                           " </dev/null";
  const int status = std::system(("timeout 60 sh -c " + quoted(line)).c_str());
  const Result<std::string> said = read_text(out), complained = read_text(err);
  std::error_code ignored;
  fs::remove(out, ignored);
  fs::remove(err, ignored);
  if (!said || !complained) return fail("the command could not be run: " + std::string(command));

  std::string shown = "$ " + std::string(command) + "\n" + indented(*said, "") + indented(*complained, "2| ");
  if (!said->empty() && said->back() != '\n') shown += "[no newline at the end]\n";
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  if (code != 0) shown += "[exit " + std::to_string(code) + "]\n";
  return replace_all(std::move(shown), folder.path(), "DIR");
}

}  // namespace

Result<std::vector<Section>> run_cli(const GoldenFile& file, const Environment& environment) {
  const Folder folder;
  if (!folder.made()) return fail("no temporary folder could be made");
  std::vector<Section> made{file.sections.front()};
  for (const Section& section : file.sections) {
    if (!section.title.starts_with(kFile)) continue;
    made.push_back(section);
    const fs::path path = fs::path(folder.path()) / section.title.substr(kFile.size());
    if (Result<void> written = write_text(path, section.text); !written) return std::unexpected(written.error());
  }
  std::string session;
  for (const std::string_view line : lines_of(file.source())) {
    if (trim(line).empty() || line.starts_with("#")) continue;
    Result<std::string> shown = run_command(line, folder, environment.programs);
    if (!shown) return std::unexpected(shown.error());
    session += *shown;
  }
  made.push_back({"session", std::move(session)});
  return made;
}

}  // namespace eyeflow::golden
