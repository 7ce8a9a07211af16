#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "vm/assembly/scanner.h"
#include "vm/isa/intrinsic.h"
#include "vm/module/module.h"

// The assembler's own parts: assemble.cpp reads the tables, assemble_code.cpp functions.
namespace eyeflow::vm::assembly {

// What names of one kind stand for. A name that two share must be written as a number.
class Names {
 public:
  explicit Names(const char* what) : what_(what) {}
  void add(const std::string& name, std::uint32_t number);
  std::uint32_t read(Cursor& in) const;  // `#12` or a name

 private:
  const char* what_;
  std::map<std::string, std::optional<std::uint32_t>> numbers_;  // nothing: shared
};

struct Assembly {
  Cursor in;
  IntrinsicTable intrinsics;
  Module module{};
  Names functions{"function"}, inputs{"input"}, outputs{"output"}, alarms{"alarm"}, intrinsic_names{"intrinsic"};
  std::map<std::string, TypeId> type_ids{};               // by what describe() says
  std::vector<Names> slots{kRegionCount, Names("slot")};  // by region: labels to word offsets
};

std::uint16_t read_hash_number(Cursor& in);  // the number behind a # that has been taken
TypeId read_type(Assembly& a);               // a type that is not in the table yet is put there
Function read_function(Assembly& a);         // from behind the word `function` to the line `end`

}  // namespace eyeflow::vm::assembly
