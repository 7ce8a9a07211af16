#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "vm/base/rare.h"
#include "vm/isa/intrinsic.h"
#include "vm/isa/isa.h"
#include "vm/isa/model_host.h"

namespace eyeflow::vm {

inline constexpr std::uint32_t kLineBytes = 64;

// What an event did to the state's arrays and texts, so that it can be undone: each 64-byte line is saved before its
// first change. The buffers are the worker's, sized for the largest state it serves, and clean between events.
struct Journal {
  std::uint64_t* seen = nullptr;  // one bit a line
  std::uint32_t* line_numbers = nullptr;
  std::byte* saved_lines = nullptr;  // kLineBytes each
  std::uint32_t count = 0;

  bool has(std::uint32_t line) const { return (seen[line / 64] >> (line % 64) & 1) != 0; }
  void touch(const std::byte* state, std::uint32_t offset, std::uint64_t bytes) {
    if (bytes == 0) return;
    const auto last = static_cast<std::uint32_t>((offset + bytes - 1) / kLineBytes);
    for (std::uint32_t line = offset / kLineBytes; line <= last; ++line)
      if (!has(line)) save(state, line);
  }
  // What lies within one line: most writes are of a line that was written before.
  void touch_element(const std::byte* state, std::uint32_t offset) {
    const std::uint32_t line = offset / kLineBytes;
    if (!has(line)) [[unlikely]]
      save(state, line);
  }
  EYEFLOW_RARE void save(const std::byte* state, std::uint32_t line);
  void roll_back(std::byte* state);
  void commit();
};

// What a handler sends, kept until its end: rows of {u16 output, u16 zero, u32 bytes of fields, fields}, or
// {u16 alarm, u16 one, u32 zero} for an alarm that is acknowledged. A scalar field is one word; a text, an array or a
// list is the number of its bytes as u64 and those: UTF-8, or the elements in use one after the other; padded to a
// word.
struct OutputBuffer {
  std::byte* data = nullptr;
  std::uint32_t capacity = 0;
  std::uint32_t used = 0;
};

// How an output's row is laid out: the types of its fields, in order.
struct OutputLayout {
  const Type* fields = nullptr;
  std::uint32_t field_count = 0;
  bool scalars_only = false;  // set: each row takes a word a field
};

// A return address of the task's own call stack.
struct CallRecord {
  const Instruction* return_to;
  Word* frame;
  const void* caller;    // what the running tier knows of the function that called
  std::uint16_t result;  // first register of the caller that takes the results
};

// All that running code may reach. Tiers and intrinsics see memory through this alone; its layout is part of the ABI
// hash of native code.
struct Context {
  std::byte* base[kRegionCount] = {};  // State and Scratch are multiples of kLineBytes
  const Word* references = nullptr;    // VerifiedModule::references
  const OutputLayout* outputs = nullptr;
  IntrinsicTable intrinsics;
  Journal* journal = nullptr;
  OutputBuffer* output = nullptr;
  Word* registers = nullptr;       // the handler's frame; callees' frames follow
  CallRecord* calls = nullptr;     // one more than the verifier's bound
  const void* code = nullptr;      // the running tier's own
  CallRecord* call_top = nullptr;  // the next free record; the tier's own
  const void* running = nullptr;   // what the tier knows of the function that runs
  std::uint64_t fuel = 0;          // what is left; only looked at when metered
  bool metered = false;
  ModelHost* model_host = nullptr;     // null: no model answers
  std::uint64_t texts_cut = 0;         // formatted texts that did not fit, for the host's counters
  std::uint16_t trap_function = 0;     // where the last trap happened
  std::uint32_t trap_instruction = 0;  // index in that function's code

  std::byte* at(Reference reference) { return base[static_cast<int>(reference.region())] + reference.offset(); }

  // Before a write through a reference: state is journalled, scratch is not.
  void begin_write(Reference reference, std::uint64_t first_byte, std::uint64_t bytes) {
    if (reference.region() != Region::State) return;
    journal->touch(base[static_cast<int>(Region::State)], static_cast<std::uint32_t>(reference.offset() + first_byte),
                   bytes);
  }

  // The same for an element, which lies in one line: slots begin at whole words.
  void begin_element_write(Reference reference, std::uint64_t byte) {
    if (reference.region() != Region::State) return;
    journal->touch_element(base[static_cast<int>(Region::State)],
                           static_cast<std::uint32_t>(reference.offset() + byte));
  }

  std::string_view text(Reference reference) {
    std::uint32_t length;
    std::memcpy(&length, at(reference), sizeof length);
    return {reinterpret_cast<const char*>(at(reference)) + sizeof length, length};
  }
  // The elements in use of an array or a list, or a text, as they stand in memory.
  std::string_view bytes_of(const Type& type, Reference reference) {
    const auto* place = reinterpret_cast<const char*>(at(reference));
    const auto size = static_cast<std::size_t>(size_bytes(type.element));
    if (type.kind == TypeKind::Text) return text(reference);
    if (type.kind == TypeKind::Array) return {place, reference.capacity() * size};
    Word length;
    std::memcpy(&length, place, sizeof length);
    return {place + sizeof length, length * size};
  }
  // Puts `suffix` behind the first `keep` bytes of a text, cut at a character where the capacity ends. `suffix` may be
  // the text itself.
  void set_text(Reference reference, std::uint32_t keep, std::string_view suffix);
};

}  // namespace eyeflow::vm
