#pragma once

#include <string_view>

// Topics and filters (MQTT 3.1.1, 4.7).
namespace eyeflow::runtime::mqtt {

// What a message may be published to: UTF-8 without NUL and wildcards, not empty, at most 65,535 bytes.
bool is_topic(std::string_view text);
// What may be subscribed: + alone between slashes, # alone and last.
bool is_filter(std::string_view text);
bool has_wildcard(std::string_view filter);

// Whether a topic is one of those that a filter means; both well-formed. '#' and '+' in front leave out topics that
// begin with '$'.
bool topic_matches(std::string_view filter, std::string_view topic);

}  // namespace eyeflow::runtime::mqtt
