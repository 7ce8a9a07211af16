#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/check/typed_tree.h"
#include "compiler/syntax/tree.h"

// What the checker knows of a test while it reads it, and of the files that the test names.
namespace eyeflow::compiler::check_detail {

// A column of a table, or a value of `for any`: an input's, or that of a name of the test's own (then it is a given).
struct TestColumn {
  syntax::Name name;
  typed::Type type;
  std::optional<typed::InputId> input;
};
struct TestScope {
  std::vector<TestColumn> columns;  // in their order
  std::vector<typed::Type> wanted;  // of the columns behind the arrow
  std::vector<bool> used;           // of the givens, by what stands in the test
  const syntax::TestStep* table = nullptr;
  bool is_sound = true;  // of the columns; otherwise nothing is said about rows
};

// A column of a file of rows or of readings.
struct DataColumn {
  const typed::Type* type;
  std::string name;  // without blanks
  std::string unit;  // of values that have none
  std::optional<std::size_t> field;
};

// A reading that a file gives.
struct FileReading {
  typed::Feed feed;
  std::optional<std::int64_t> at_ns;  // since the step, where the file says so
};

}  // namespace eyeflow::compiler::check_detail
