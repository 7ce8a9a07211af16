#pragma once

#include <string>
#include <string_view>

namespace eyeflow::compiler {

// What to write instead of a word that other languages have (`elif`, `END_IF`, `AND`, `null` …); nothing for any other.
// The word may well be somebody's name: ask only where a mistake has been found.
std::string_view instead_of_foreign_word(std::string_view word);

// The type that stands for one of another language (`double`, `VARCHAR`, `DINT` …); nothing for any other name.
std::string_view instead_of_foreign_type(std::string_view name);

}  // namespace eyeflow::compiler
