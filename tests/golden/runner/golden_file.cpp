#include "tests/golden/runner/golden_file.h"

#include <fstream>
#include <sstream>

namespace eyeflow::golden {

namespace {
constexpr std::string_view kMarker = "=== ";
}

const std::string* GoldenFile::find(std::string_view title) const {
  for (const Section& section : sections)
    if (section.title == title) return &section.text;
  return nullptr;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::vector<Section> split_sections(std::string_view text) {
  std::vector<Section> sections(1);
  for (std::string_view line : lines_of(text)) {
    if (line.starts_with(kMarker)) {
      sections.push_back({std::string(trim(line.substr(kMarker.size()))), ""});
    } else {
      sections.back().text.append(line).push_back('\n');
    }
  }
  return sections;
}

std::string join_sections(const std::vector<Section>& sections) {
  std::string text = sections.front().text;
  for (std::size_t i = 1; i < sections.size(); ++i)
    text.append(kMarker).append(sections[i].title).append("\n").append(sections[i].text);
  return text;
}

Result<std::string> read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf()).good()) {
    std::error_code ignored;
    if (file && std::filesystem::file_size(path, ignored) == 0) return std::string();
    return fail(path.string() + ": cannot be read");
  }
  return std::move(text).str();
}

Result<void> write_text(const std::filesystem::path& path, std::string_view text) {
  std::error_code ignored;
  std::filesystem::create_directories(path.parent_path(), ignored);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file.write(text.data(), static_cast<std::streamsize>(text.size())).flush())
    return fail(path.string() + ": cannot be written");
  return {};
}

Result<GoldenFile> read_golden(const std::filesystem::path& root, const std::filesystem::path& path) {
  Result<std::string> text = read_text(path);
  if (!text) return std::unexpected(text.error());
  return GoldenFile{path, path.lexically_relative(root).generic_string(), split_sections(*text)};
}

}  // namespace eyeflow::golden
