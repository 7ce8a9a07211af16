#pragma once

#include <cstddef>
#include <expected>
#include <string_view>
#include <vector>

#include "runtime/payload/decoder.h"

namespace eyeflow::runtime {

// The elements of an array or list as they stand in a task's memory (vm::Instance::deliver_elements), from what a peer
// sent. What is given back lies in `payload` or in `buffer`.
using Elements = std::expected<std::string_view, BadReading>;

// A payload without fields: bytes as they are, numbers in the plan's order of bytes, digits, or a list such as
// [1, 2.5].
Elements elements_of_payload(const DecodePlan& plan, std::string_view payload, std::vector<char>& buffer);
// A text in a document: hexadecimal digits, blanks between bytes allowed, or base64, as the plan says.
Elements elements_of_digits(const DecodePlan& plan, std::string_view text, std::vector<char>& buffer);
// As many as the task declared: exactly, or at most.
Elements checked_count(const DecodePlan& plan, std::string_view elements);
void add_element(const DecodePlan& plan, vm::Word word, std::vector<char>& buffer);

// A column of a file: digits, or a list.
Elements elements_of_text(const DecodePlan& plan, std::string_view text, std::vector<char>& buffer);

}  // namespace eyeflow::runtime
