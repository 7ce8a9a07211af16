#include "vm/isa/context.h"

#include <algorithm>

namespace eyeflow::vm {

void Journal::roll_back(std::byte* state) {
  for (std::uint32_t i = 0; i < count; ++i)
    std::memcpy(state + std::size_t{line_numbers[i]} * kLineBytes, saved_lines + std::size_t{i} * kLineBytes,
                kLineBytes);
  commit();
}

void Journal::save(const std::byte* state, std::uint32_t line) {
  seen[line / 64] |= 1ull << (line % 64);
  line_numbers[count] = line;
  std::memcpy(saved_lines + std::size_t{count} * kLineBytes, state + std::size_t{line} * kLineBytes, kLineBytes);
  ++count;
}

void Journal::commit() {
  for (std::uint32_t i = 0; i < count; ++i) seen[line_numbers[i] / 64] = 0;
  count = 0;
}

void Context::set_text(Reference reference, std::uint32_t keep, std::string_view suffix) {
  const std::uint32_t room = reference.capacity() - std::min(keep, reference.capacity());
  std::size_t taken = suffix.size();
  if (taken > room) [[unlikely]] {
    // A continuation byte is 10xxxxxx: step back to where a character begins.
    for (taken = room; taken > 0 && (static_cast<unsigned char>(suffix[taken]) & 0xC0) == 0x80;) --taken;
    ++texts_cut;
  }
  const std::uint32_t length = keep + static_cast<std::uint32_t>(taken);
  std::byte* const slot = at(reference);
  if (reference.region() == Region::State) {
    const std::byte* const state = base[static_cast<int>(Region::State)];
    journal->touch_element(state, reference.offset());  // the length lies in one line
    journal->touch(state, reference.offset() + static_cast<std::uint32_t>(sizeof length) + keep, taken);
  }
  if (taken != 0) std::memmove(slot + sizeof length + keep, suffix.data(), taken);  // an empty view may point nowhere
  std::memcpy(slot, &length, sizeof length);
}

}  // namespace eyeflow::vm
