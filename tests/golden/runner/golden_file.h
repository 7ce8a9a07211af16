#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "vm/base/result.h"

namespace eyeflow::golden {

// A part of a golden file. The first has no title: it is what is tested. Each further one begins with a line
// `=== title`. Texts end with a newline unless they are empty.
struct Section {
  std::string title;
  std::string text;

  friend bool operator==(const Section&, const Section&) = default;
};

struct GoldenFile {
  std::filesystem::path path;  // where it lies
  std::string name;            // "isa/i64.eva": its path below the folder of golden files
  std::vector<Section> sections;

  const std::string& source() const { return sections.front().text; }
  std::string stem() const { return path.stem().string(); }
  // The section's text; nullptr when the file has none.
  const std::string* find(std::string_view title) const;
};

std::vector<Section> split_sections(std::string_view text);
std::string join_sections(const std::vector<Section>& sections);

Result<std::string> read_text(const std::filesystem::path& path);
Result<void> write_text(const std::filesystem::path& path, std::string_view text);
Result<GoldenFile> read_golden(const std::filesystem::path& root, const std::filesystem::path& path);

// Lines without their newlines.
std::vector<std::string_view> lines_of(std::string_view text);
std::string_view trim(std::string_view text);

// What turns `before` into `after`, as `diff -u` shows it; empty when they are equal.
std::string unified_diff(std::string_view before, std::string_view after);

}  // namespace eyeflow::golden
