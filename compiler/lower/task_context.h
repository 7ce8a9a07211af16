#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/check/typed_tree.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/lower/code_builder.h"
#include "compiler/lower/lower.h"
#include "compiler/lower/module_builder.h"
#include "vm/isa/intrinsic.h"

namespace eyeflow::compiler::lowering {

// Where one leaf of a value is.
struct Leaf {
  enum class Kind : std::uint8_t {
    Constant,  // a scalar that is known
    Register,  // a scalar in `reg`
    Slot,      // in memory; texts and arrays always are
    Element,   // a scalar of the array or list in `slot`, at the index in `reg`
    Part,      // elements of the array in `slot` from the index in `reg` on: what an element takes that is no word
  };
  Kind kind = Kind::Slot;
  LeafType type;
  RegId reg{};
  SlotId slot = kNoSlot;
  vm::Word word = 0;

  static Leaf known(vm::Word word, LeafType type) { return {Kind::Constant, type, RegId{}, kNoSlot, word}; }
  static Leaf in(RegId reg, LeafType type) { return {Kind::Register, type, reg, kNoSlot, 0}; }
  static Leaf element(RegId index, SlotId slot, vm::Scalar scalar) {
    return {Kind::Element, scalar_leaf(scalar), index, slot, 0};
  }
  static Leaf part(RegId from, SlotId slot, vm::Scalar scalar, std::uint32_t count) {
    return {Kind::Part, {vm::TypeKind::Array, scalar, count}, from, slot, 0};
  }
  static Leaf at(SlotId slot, LeafType type) { return {Kind::Slot, type, RegId{}, slot, 0}; }
};

// Texts and arrays that a function needs for a while live in Scratch. A slot is used again for its own type.
class ScratchPool {
 public:
  SlotId take(ModuleBuilder& module, const LeafType& type);
  void give_back(SlotId slot, const LeafType& type) { free_[type].push_back(slot); }

 private:
  std::map<LeafType, std::vector<SlotId>> free_;
};

// Which of the task's states a piece of the tree reads or writes; by StateId.
struct StateUse {
  std::vector<bool> touched{};     // itself or through functions that it calls
  std::vector<bool> by_callees{};  // through functions that it calls
};

// Where the texts and arrays that a call passes are lent, one for each leaf of the parameters: the slot in which the
// callee reads them; kNoSlot for scalars and for what is copied. Empty: nothing is lent.
using Lent = std::vector<SlotId>;

// A function of the module that a task's function became, for arguments that are lent in this way.
struct MadeFunction {
  vm::FunctionId id{};
  std::vector<std::vector<Leaf>> parameters{};  // Register leaves stand for the next register of the argument run
};

// A function of the task, as its callers see it: either its body stands wherever it is called (`is_inlined`), and
// nothing else of it exists, or it is a function of the module, or several (`made`). Scalars travel in registers; texts
// and arrays stay where they are, in a function made for that place, or are copied into Scratch slots that belong to
// the callee: there is no recursion, so one set is enough.
struct CalleeInfo {
  bool is_inlined = false;
  std::uint32_t size = 0;   // nodes of its tree, with what is inlined into it
  std::uint32_t depth = 0;  // how deep that goes
  std::uint32_t calls = 0;  // places that call it
  StateUse states{};
  bool returns_self = false;  // its first parameter goes back to the caller
  bool reads_clock = false;   // `now` or an input's age, itself or through a callee
  std::map<Lent, MadeFunction> made{};
  // What all of `made` share; filled in with the first.
  std::vector<SlotId> own_slots{};  // by leaf of the parameters, where one is copied; kNoSlot until then
  ScratchPool scratch{};
  std::vector<Leaf> result{};                 // Register leaves stand for the next register of the result run
  std::vector<vm::TypeId> parameter_types{};  // of the argument run
  std::vector<vm::TypeId> result_types{};     // where it returns self: those of its scalars stand last
};

// What all functions of one task share while they are lowered.
struct TaskContext {
  const typed::Program& program;
  const typed::Task& task;
  vm::IntrinsicTable intrinsics;
  Diagnostics& diagnostics;
  bool as_written = false;                    // nothing is inlined or unrolled: each line stands in the code once
  std::vector<FunctionLines> module_lines{};  // then
  ModuleBuilder module{};

  struct InputSlots {
    SlotId value = kNoSlot, time = kNoSlot, ready = kNoSlot, name = kNoSlot;
    SlotId bad = kNoSlot;  // where bad readings do something
  };
  struct AlarmSlots {
    SlotId active = kNoSlot, raised = kNoSlot, acknowledged = kNoSlot, shelved = kNoSlot;
  };
  std::vector<InputSlots> inputs{};
  std::vector<AlarmSlots> alarms{};
  std::vector<SlotId> outputs{};  // OutputLast or OutputCount, for tests
  std::vector<SlotId> params{};
  struct Given {
    SlotId slot;
    std::string name;  // as no other param is called
    typed::Type type;
  };
  std::vector<Given> givens{};                // of the tests: params behind those of the task
  std::vector<std::vector<SlotId>> states{};  // by state, its leaves
  SlotId now = kNoSlot, event_time = kNoSlot;
  std::vector<CalleeInfo> callees{};  // by typed::FunctionId
  std::vector<bool> reads_state{};    // by vm::FunctionId, callees included
  ScratchPool root_scratch{};         // handlers, conditions and texts never run inside one another

  // Slots that exist only when something reads them.
  SlotId clock(typed::ClockField field);
  SlotId input_name(typed::InputId input);
  SlotId alarm(typed::AlarmId alarm, typed::AlarmField field);
  SlotId output(typed::OutputId output);

  // Our own mistake when there is none: the table and this compiler are built together.
  const vm::IntrinsicDesc& intrinsic(std::string_view name) const;
};

}  // namespace eyeflow::compiler::lowering
