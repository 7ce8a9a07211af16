#pragma once

#include <toml++/toml.h>

#include <chrono>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/site/site.h"

namespace eyeflow::runtime {

// The mistakes of one site file, each as a finished line.
class Problems {
 public:
  explicit Problems(std::string file) : file_(std::move(file)) {}
  void add(Place place, std::string_view what);
  bool empty() const { return lines_.empty(); }
  Error as_error() const;  // one line each

 private:
  std::string file_;
  std::vector<std::pair<Place, std::string>> lines_;  // in the order of the file
};

Place place_of(const toml::node& node);

// Reads one table key by key; a wrong type or range is reported where it stands, and finish() reports the keys that
// nobody asked for. Getters return nullopt both for an absent key and for a reported one.
class TableReader {
 public:
  // `title` as written in the file, such as [sensor."T{1..100}"].
  TableReader(const toml::table& table, std::string title, Problems& problems)
      : table_(table), title_(std::move(title)), problems_(problems) {}

  std::optional<std::string> text(std::string_view key);
  std::optional<Written> written(std::string_view key);  // text, number or boolean, as text
  std::optional<Written> word(std::string_view key);     // text with its place
  std::optional<double> number(std::string_view key, double low, double high);
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t low, std::int64_t high);
  std::optional<bool> boolean(std::string_view key);
  std::optional<std::chrono::nanoseconds> duration(std::string_view key);  // "10 ms", "5 s"
  std::optional<std::uint64_t> size(std::string_view key);                 // "256 MiB"
  std::optional<std::filesystem::path> path(std::string_view key, const std::filesystem::path& folder);
  std::optional<std::vector<std::string>> texts(std::string_view key);  // one text or an array of them
  const toml::table* table(std::string_view key);

  template <typename T>
  std::optional<T> choice(std::string_view key, std::initializer_list<std::pair<std::string_view, T>> choices) {
    const auto found = word(key);
    if (!found) return std::nullopt;
    std::vector<std::string_view> names;
    for (const auto& [name, value] : choices) {
      if (found->text == name) return value;
      names.push_back(name);
    }
    wrong_choice(key, *found, names);
    return std::nullopt;
  }

  bool has(std::string_view key) const { return table_.contains(key); }
  Place place() const { return place_of(table_); }
  Place place(std::string_view key) const;
  const std::string& title() const { return title_; }
  void problem(Place place, std::string_view what) { problems_.add(place, what); }
  void missing(std::string_view key, std::string_view example);
  // A key that belongs here in the language, and has no connector in this program.
  void refuse(std::string_view key, std::string_view why);
  void finish();

 private:
  const toml::node* find(std::string_view key);
  void wrong_type(std::string_view key, const toml::node& node, std::string_view wanted);
  void wrong_choice(std::string_view key, const Written& found, const std::vector<std::string_view>& names);

  const toml::table& table_;
  std::string title_;
  Problems& problems_;
  std::vector<std::string_view> known_;
};

}  // namespace eyeflow::runtime
