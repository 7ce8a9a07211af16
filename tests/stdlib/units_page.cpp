// The table of docs/units.md is made from units.def.
//
//   units_page PAGE            compares what stands below "## All units"
//   units_page PAGE --update   writes it anew
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>

#include "stdlib/units/units.h"

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: units_page PAGE [--update]\n";
    return 2;
  }
  std::ifstream in(argv[1]);
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  constexpr std::string_view kMark = "| unit | also | prefixes | what it is |\n";
  std::ostringstream table;
  table << kMark << "| --- | --- | --- | --- |\n";
  for (const auto& row : eyeflow::stdlib::list_units()) {
    table << "| `" << row.symbol << "` |";
    for (std::istringstream words{std::string(row.aliases)}; words >> std::ws && !words.eof();) {
      std::string word;
      words >> word;
      table << " `" << word << '`';
    }
    table << " |";
    for (const char prefix : row.prefixes) table << ' ' << (prefix == 'u' ? std::string("µ") : std::string(1, prefix));
    table << " | " << row.meaning << " |\n";
  }
  const std::string fresh = page.substr(0, page.find(kMark)) + table.str();
  if (argc > 2 && std::strcmp(argv[2], "--update") == 0) {
    std::ofstream(argv[1]) << fresh;
    return 0;
  }
  if (fresh == page) return 0;
  std::cerr << argv[1] << " is not what units.def says: run units_page " << argv[1] << " --update\n";
  return 1;
}
