#pragma once

#include <span>
#include <string_view>

namespace eyeflow {

// The candidate that a person probably meant by `word`: the nearest by edits, the first of several, if it is near
// enough for the word's length; empty when none is. A candidate that is the word itself is none.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace eyeflow
