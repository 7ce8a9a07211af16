#include "tests/fuzz/shrink.h"

#include <algorithm>
#include <cstring>

#include "vm/assembly/text.h"

namespace eyeflow::vm::test {
namespace {

using assembly::field;

std::vector<std::byte>* image_of(Module& m, Region region) {
  return region == Region::Const   ? &m.const_image
         : region == Region::Param ? &m.param_image
         : region == Region::State ? &m.state_image
                                   : nullptr;
}

// Calls `visit(field, role, region)` for each field that is the word offset of a slot.
template <typename Visit>
void for_each_slot_field(Module& m, Visit visit) {
  for (Function& f : m.functions)
    for (Instruction& i : f.code)
      for (int n = 0; n < 3; ++n) switch (info(i.op).operands[static_cast<std::size_t>(n)].role) {
          case Role::SlotOfA:
            visit(field(i, n), static_cast<Region>(i.b));
            break;
          case Role::SlotReady:
          case Role::SlotInput:
            visit(field(i, n), Region::Input);
            break;
          case Role::SlotState:
            visit(field(i, n), Region::State);
            break;
          case Role::SlotRef:
            visit(field(i, n), m.type(f.registers[i.a])->region);
            break;
          default:
            break;
        }
}

class Shrinker {
 public:
  Shrinker(Scenario scenario, IntrinsicTable intrinsics, const std::function<bool(const Scenario&)>& shows)
      : best_(std::move(scenario)), intrinsics_(intrinsics), shows_(shows) {}

  Scenario run() {
    // What nothing here runs.
    attempt([](Module& m, std::vector<Event>&) { m.handlers.clear(); });
    attempt([](Module& m, std::vector<Event>&) { m.params.clear(); });
    if (Scenario plain = best_; plain.options.blind_constants) {
      plain.options.blind_constants = false;
      if (shows_(plain)) best_ = std::move(plain);
    }
    for (bool again = true; again;) {
      again = events();
      again |= functions();
      again |= instructions();
      again |= registers();
    }
    slots();
    values();
    outputs();
    inputs();
    types();
    pack();
    registers();
    return std::move(best_);
  }

 private:
  const Module& module() const { return best_.program.module; }

  // Keeps a change if what comes out verifies and still shows it.
  template <typename Change>
  bool attempt(Change change) {
    Module m = module();
    std::vector<Event> events = best_.events;
    change(m, events);
    for (Event& event : events) event.input.resize(m.input_bytes / 8);
    if (m == module() && events == best_.events) return false;
    Result<VerifiedModule> verified = verify(std::move(m), intrinsics_);
    if (!verified) return false;
    Scenario changed = best_;
    changed.program = std::move(*verified);
    changed.events = std::move(events);
    if (!shows_(changed)) return false;
    best_ = std::move(changed);
    return true;
  }

  // Tries to remove ranges of `count()` things, long ranges first.
  template <typename Count, typename Remove>
  bool remove_ranges(Count count, Remove remove) {
    bool any = false;
    for (std::size_t length = count(); length > 0; length /= 2)
      for (std::size_t end = count(); end > 0;) {
        const std::size_t begin = end > length ? end - length : 0;
        any |= attempt([&](Module& m, std::vector<Event>& events) { remove(m, events, begin, end); });
        end = std::min(begin, count());
      }
    return any;
  }

  bool events() {
    bool any = false;
    // The state that the first event leaves, as the module's own.
    while (best_.events.size() > 1) {
      Machine machine(kInterpreter);
      machine.load(best_.program, intrinsics_, best_.side, best_.options);
      machine.run(best_.events.front());
      const bool folded = attempt([&](Module& m, std::vector<Event>& events) {
        m.state_image.assign(machine.state().begin(), machine.state().end());
        events.erase(events.begin());
      });
      if (!folded) break;
      any = true;
    }
    return any | remove_ranges([&] { return best_.events.size(); },
                               [](Module&, std::vector<Event>& events, std::size_t begin, std::size_t end) {
                                 events.erase(events.begin() + static_cast<std::ptrdiff_t>(begin),
                                              events.begin() + static_cast<std::ptrdiff_t>(end));
                               });
  }

  bool functions() {
    return remove_ranges([&] { return module().functions.size(); },
                         [](Module& m, std::vector<Event>& events, std::size_t begin, std::size_t end) {
                           const auto removed = static_cast<std::uint16_t>(end - begin);
                           const auto is_gone = [&](std::size_t id) { return id >= begin && id < end; };
                           std::erase_if(events, [&](const Event& event) { return is_gone(index(event.function)); });
                           for (Event& event : events)
                             if (index(event.function) >= end)
                               event.function = static_cast<FunctionId>(index(event.function) - removed);
                           m.functions.erase(m.functions.begin() + static_cast<std::ptrdiff_t>(begin),
                                             m.functions.begin() + static_cast<std::ptrdiff_t>(end));
                           for (Function& f : m.functions)
                             for (Instruction& i : f.code)
                               if (i.op == Op::Call)
                                 // One that is gone: a number that the verifier refuses.
                                 i.b = is_gone(i.b) ? 0xFFFF
                                                    : static_cast<std::uint16_t>(i.b >= end ? i.b - removed : i.b);
                         });
  }

  static void remove_instructions(Function& f, std::size_t begin, std::size_t end) {
    // Where each instruction will be; one that is removed, where what follows it will be.
    std::vector<std::size_t> place(f.code.size() + 1);
    for (std::size_t at = 0, to = 0; at <= f.code.size(); ++at) {
      place[at] = to;
      to += at < begin || at >= end;
    }
    for (std::size_t at = 0; at < f.code.size(); ++at)
      for (int n = 0; n < 3; ++n) {
        std::uint16_t& distance = field(f.code[at], n);
        const Role role = info(f.code[at].op).operands[static_cast<std::size_t>(n)].role;
        if (role == Role::Target && at + distance <= f.code.size())
          distance = static_cast<std::uint16_t>(place[at + distance] - place[at]);
        else if (role == Role::BackTarget && distance <= at)
          distance = static_cast<std::uint16_t>(place[at] - place[at - distance]);
      }
    f.code.erase(f.code.begin() + static_cast<std::ptrdiff_t>(begin),
                 f.code.begin() + static_cast<std::ptrdiff_t>(end));
    f.lines.clear();
  }

  bool instructions() {
    bool any = false;
    for (std::size_t n = module().functions.size(); n-- > 0;) {
      any |= remove_ranges([&] { return module().functions[n].code.size(); },
                           [&](Module& m, std::vector<Event>&, std::size_t begin, std::size_t end) {
                             remove_instructions(m.functions[n], begin, end);
                           });
      any |= loops(n);
    }
    return any;
  }

  // A loop without its frame: what its body does, once.
  bool loops(std::size_t function) {
    bool any = false;
    const auto code = [&]() -> const std::vector<Instruction>& { return module().functions[function].code; };
    for (std::size_t end = code().size(); end-- > 0;) {
      if (end >= code().size()) continue;
      const Instruction& i = code()[end];
      const OpInfo& row = info(i.op);
      std::size_t first = code().size();
      for (int n = 0; n < 3; ++n)
        if (row.operands[static_cast<std::size_t>(n)].role == Role::BackTarget && field(i, n) < end)
          first = end - field(i, n);
      if (first == code().size() || first == 0) continue;
      any |= attempt([&](Module& m, std::vector<Event>&) {
        Function& f = m.functions[function];
        const std::size_t head = f.code[first - 1].op == Op::LoopEnter ? first - 2 : first - 1;
        remove_instructions(f, end, end + 1);
        if (f.code[first].op == Op::WhileTest) remove_instructions(f, first, first + 1);
        remove_instructions(f, head, first);
      });
    }
    return any;
  }

  // Registers that no instruction names. Runs stay together: all of a run is named.
  bool registers() {
    bool any = false;
    for (std::size_t n = 0; n < module().functions.size(); ++n)
      any |= attempt([&](Module& m, std::vector<Event>&) {
        Function& f = m.functions[n];
        std::vector<bool> used(f.registers.size(), false);
        std::fill_n(used.begin(), f.param_count, true);
        for_each_register(m, f, [&](std::uint16_t& first, std::size_t count) {
          for (std::size_t r = first; r < first + count && r < used.size(); ++r) used[r] = true;
        });
        std::vector<std::uint16_t> place(f.registers.size() + 1);
        for (std::size_t r = 0; r < f.registers.size(); ++r)
          place[r + 1] = static_cast<std::uint16_t>(place[r] + used[r]);
        for_each_register(m, f, [&](std::uint16_t& first, std::size_t) { first = place[first]; });
        std::size_t r = 0;
        std::erase_if(f.registers, [&](TypeId) { return !used[r++]; });
      });
    return any;
  }
  template <typename Visit>
  void for_each_register(const Module& m, Function& f, Visit visit) const {
    for (Instruction& i : f.code)
      for (int n = 0; n < 3; ++n) {
        const Operand& operand = info(i.op).operands[static_cast<std::size_t>(n)];
        switch (operand.role) {
          case Role::Read:
          case Role::Write:
          case Role::Update:
          case Role::Counter:
            visit(field(i, n), 1);
            break;
          case Role::Registers:
            if (const auto length = assembly::run_length(m, f, i, operand.block, intrinsics_); length && *length > 0)
              visit(field(i, n), *length);
            break;
          default:
            break;
        }
      }
  }

  void slots() {
    remove_ranges([&] { return module().slots.size(); },
                  [](Module& m, std::vector<Event>& events, std::size_t begin, std::size_t end) {
                    for (std::size_t n = begin; n < end; ++n) zero(m, events, m.slots[n]);
                    m.slots.erase(m.slots.begin() + static_cast<std::ptrdiff_t>(begin),
                                  m.slots.begin() + static_cast<std::ptrdiff_t>(end));
                  });
  }
  static void zero(Module& m, std::vector<Event>& events, const Slot& slot) {
    const auto bytes = static_cast<std::size_t>(slot_size_bytes(*m.type(slot.type)));
    if (std::vector<std::byte>* image = image_of(m, slot.region)) std::memset(image->data() + slot.offset, 0, bytes);
    if (slot.region != Region::Input) return;
    for (Event& event : events) std::memset(event.input.data() + slot.offset / 8, 0, bytes);
  }

  void values() {
    for (std::size_t n = 0; n < module().slots.size(); ++n)
      attempt([&](Module& m, std::vector<Event>& events) { zero(m, events, m.slots[n]); });
    for (std::size_t n = 0; n < best_.events.size(); ++n) {
      attempt([&](Module&, std::vector<Event>& events) { events[n].fuel.reset(); });
      for (std::size_t a = 0; a < best_.events[n].arguments.size(); ++a)
        attempt([&](Module&, std::vector<Event>& events) { events[n].arguments[a] = 0; });
    }
  }

  void outputs() {
    remove_ranges(
        [&] { return module().outputs.size(); },
        [](Module& m, std::vector<Event>&, std::size_t begin, std::size_t end) {
          m.outputs.erase(m.outputs.begin() + static_cast<std::ptrdiff_t>(begin),
                          m.outputs.begin() + static_cast<std::ptrdiff_t>(end));
          for (Function& f : m.functions)
            for (Instruction& i : f.code)
              if (i.op == Op::Emit)
                i.a = i.a >= end ? static_cast<std::uint16_t>(i.a - (end - begin)) : i.a >= begin ? 0xFFFF : i.a;
        });
  }

  void inputs() {
    remove_ranges([&] { return module().inputs.size(); },
                  [](Module& m, std::vector<Event>&, std::size_t begin, std::size_t end) {
                    m.inputs.erase(m.inputs.begin() + static_cast<std::ptrdiff_t>(begin),
                                   m.inputs.begin() + static_cast<std::ptrdiff_t>(end));
                    for (Slot& slot : m.slots)
                      if (slot.kind >= SlotKind::InputValue && slot.kind <= SlotKind::InputName)
                        slot.subject = slot.subject >= end ? static_cast<std::uint16_t>(slot.subject - (end - begin))
                                       : slot.subject >= begin ? std::uint16_t{0xFFFF}
                                                               : slot.subject;
                  });
  }

  void types() {
    remove_ranges([&] { return module().types.size(); },
                  [](Module& m, std::vector<Event>&, std::size_t begin, std::size_t end) {
                    const auto renumber = [&](TypeId& id) {
                      if (id >= kFirstModuleType + end)
                        id = static_cast<TypeId>(id - (end - begin));
                      else if (id >= kFirstModuleType + begin)
                        id = 0xFFFF;  // the verifier refuses it
                    };
                    m.types.erase(m.types.begin() + static_cast<std::ptrdiff_t>(begin),
                                  m.types.begin() + static_cast<std::ptrdiff_t>(end));
                    for (Slot& slot : m.slots) renumber(slot.type);
                    for (Input& input : m.inputs) renumber(input.value.type);
                    for (Output& output : m.outputs)
                      for (Field& each : output.fields) renumber(each.type);
                    for (Function& f : m.functions) {
                      for (TypeId& id : f.registers) renumber(id);
                      for (TypeId& id : f.results) renumber(id);
                      for (Instruction& i : f.code)
                        for (int n = 0; n < 3; ++n)
                          if (info(i.op).operands[static_cast<std::size_t>(n)].role == Role::TypeOfA)
                            renumber(field(i, n));
                    }
                  });
  }

  // Slots moved together, regions cut behind the last of them.
  void pack() {
    attempt([](Module& m, std::vector<Event>& events) {
      const std::vector<Slot> before = m.slots;
      std::uint32_t ends[kRegionCount] = {};
      for (Slot& slot : m.slots) {
        std::uint32_t& end = ends[static_cast<int>(slot.region)];
        const auto bytes = static_cast<std::uint32_t>(slot_size_bytes(*m.type(slot.type)));
        if (std::vector<std::byte>* image = image_of(m, slot.region))
          std::memmove(image->data() + end, image->data() + slot.offset, bytes);
        if (slot.region == Region::Input)
          for (Event& event : events)
            std::memmove(event.input.data() + end / 8, event.input.data() + slot.offset / 8, bytes);
        slot.offset = end;
        end += bytes;
      }
      const auto lines = [](std::uint32_t bytes) { return (bytes + kLineBytes - 1) / kLineBytes * kLineBytes; };
      for (const Region region : {Region::Const, Region::Param, Region::State}) {
        std::vector<std::byte>& image = *image_of(m, region);
        const std::uint32_t end = ends[static_cast<int>(region)];
        std::fill(image.begin() + end, image.end(), std::byte{0});
        image.resize(region == Region::State ? lines(end) : end);
      }
      m.input_bytes = ends[static_cast<int>(Region::Input)];
      m.scratch_bytes = lines(ends[static_cast<int>(Region::Scratch)]);
      for (Function& f : m.functions)
        for (Instruction& i : f.code)
          if (i.op == Op::RefPage && i.c < 512) i = {Op::Ref, i.a, i.b, static_cast<std::uint16_t>(i.c * 128)};
      for_each_slot_field(m, [&](std::uint16_t& word, Region region) {
        for (std::size_t n = 0; n < before.size(); ++n)
          if (before[n].region == region && before[n].offset == std::uint32_t{word} * 8) {
            word = static_cast<std::uint16_t>(m.slots[n].offset / 8);
            return;
          }
      });
    });
  }

  Scenario best_;
  IntrinsicTable intrinsics_;
  const std::function<bool(const Scenario&)>& shows_;
};

}  // namespace

Scenario shrink(Scenario scenario, IntrinsicTable intrinsics, const std::function<bool(const Scenario&)>& shows) {
  return Shrinker(std::move(scenario), intrinsics, shows).run();
}

}  // namespace eyeflow::vm::test
