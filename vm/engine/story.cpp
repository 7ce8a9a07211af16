#include <charconv>

#include "vm/engine/engine.h"

// What is known of an alarm, in words.
namespace eyeflow::vm {
namespace {

template <typename T>
std::string number(T value) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

std::string value_text(Scalar type, Word word) {
  switch (type) {
    case Scalar::Bool:
      return word != 0 ? "true" : "false";
    case Scalar::F64:
      return number(from_word<double>(word));
    case Scalar::F32:
      return number(from_word<float>(word));
    case Scalar::U64:
      return number(word);
    default:
      return number(from_word<std::int64_t>(word));
  }
}

std::string span_text(TimeNs span) { return number(static_cast<double>(span) / 1e9) + " s"; }

std::string readings(const Module& module, const AlarmStory& story, bool held) {
  std::string text;
  for (const AlarmStory::Seen& seen : story.seen) {
    if (!(held ? seen.has_held : seen.has_otherwise)) continue;
    const Field& field = module.inputs[index(seen.input)].value;
    text += (text.empty() ? "" : ", ") + field.name + " " +
            value_text(module.type(field.type)->element, held ? seen.held : seen.otherwise);
    if (!field.unit.empty()) text += " " + field.unit;
  }
  return text;
}

std::string stale_inputs(const Module& module, const AlarmStory& story) {
  std::string text;
  for (const AlarmStory::Seen& seen : story.seen) {
    const Input& input = module.inputs[index(seen.input)];
    if (input.stale_after_ns > 0 && seen.age >= input.stale_after_ns)
      text += ", " + input.value.name + " is stale for " + span_text(seen.age - input.stale_after_ns);
  }
  return text;
}

}  // namespace

std::string describe(const Module& module, const AlarmStory& story, TimeNs now) {
  std::string text;
  const auto of = [&](TimeNs held) {
    return span_text(held) + (story.needed > 0 ? " of " + span_text(story.needed) : std::string());
  };
  if (story.active) {
    text = "stands";
    if (const std::string why = readings(module, story, true); !why.empty()) text += ", raised by " + why;
    if (story.began != 0 || story.holds) text += "; its condition began " + span_text(now - story.began) + " ago";
    if (!story.holds && story.ended != 0) {
      text += " and ended " + span_text(now - story.ended) + " ago";
      text += story.waits_for_ack ? ", it waits to be acknowledged" : ", it has not cleared yet";
    }
    if (story.trap != Trap::None) text += "; its condition cannot be told: " + std::string(describe(story.trap));
    text += story.acknowledged ? "; acknowledged" : "; not acknowledged";
  } else if (story.unheard) {
    text = "not looked at: " + module.inputs[index(*story.unheard)].value.name + " has had no reading";
  } else if (!story.looked_at) {
    text = "not looked at yet";
  } else if (story.trap != Trap::None) {
    text = "its condition cannot be told: " + std::string(describe(story.trap));
  } else if (story.holds) {
    text = readings(module, story, true) + " for " + of(now - story.began);
  } else if (story.ended != 0) {
    text = readings(module, story, true) + " for " + of(story.ended - story.began) + ", then " +
           readings(module, story, false);
  } else {
    text = "its condition has not held: " + readings(module, story, false);
  }
  text += stale_inputs(module, story);
  if (story.held_back) text += "; held back, too many alarms at once";
  if (story.shelved_until != 0) text += "; shelved for another " + span_text(story.shelved_until - now);
  return text;
}

}  // namespace eyeflow::vm
