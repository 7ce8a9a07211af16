#pragma once

#include <array>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <type_traits>

#include "vm/isa/trap.h"
#include "vm/isa/type.h"

namespace eyeflow::vm {

// The oldest instruction set that this build still runs, and the newest that it knows. A module names the oldest one
// that can run it. Appending a row raises kIsaVersion; 4 brought models, 5 arrays in parts, 6 models
// that take several arguments.
inline constexpr std::uint16_t kIsaVersion = 6;

enum class Op : std::uint16_t {
#define EYEFLOW_OP(Name, ...) Name,
#include "vm/isa/opcodes.def"
};

// Fixed width, little-endian in a module: what the three fields mean is the row's business.
struct Instruction {
  Op op;
  std::uint16_t a = 0, b = 0, c = 0;

  friend bool operator==(const Instruction&, const Instruction&) = default;
};
static_assert(sizeof(Instruction) == 8);

// What ref.page counts in: with 16 bits it reaches all of a region.
inline constexpr std::uint32_t kPageBytes = 1024;

enum class OpClass : std::uint8_t { Value, Memory, Flow };

// How a row is made of its base, a value row. What tells a comparison with a register from one with a number is the
// role of field c.
enum class Form : std::uint8_t {
  Plain,         // it is not: its meaning is its own, and it is its own base
  Immediate,     // a = base(b, c), c a number
  JumpIf,        // goes forward when base(b, c)
  JumpUnless,    // goes forward unless base(b, c)
  RepeatIf,      // begins another trip of a while loop when base(b, c)
  RepeatUnless,  // begins another trip of a while loop unless base(b, c)
};

// What a field names. The verifier, assembler, disassembler and program generator work from these alone.
enum class Role : std::uint8_t {
  None,          // must be zero
  Read,          // a register that is read
  Write,         // a register that is written
  Update,        // a register that is read and written
  Counter,       // a loop's counter register, one loop each
  Registers,     // first of a run of registers; Operand::block says which run
  Imm,           // a signed 16-bit number
  TrapCode,      // a Trap other than None
  Target,        // instructions forward from this one, at least 1
  BackTarget,    // instructions back from this one, to the instruction behind the loop's begin
  Function,      // a function of smaller index than the one that calls
  Intrinsic,     // an intrinsic's id
  Output,        // an output's index
  Region,        // a Region, the one that field c's slot is in
  SlotOfA,       // word offset of a scalar slot in the region that field b names, of register a's type
  SlotReady,     // word offset of a bool slot in Input
  SlotInput,     // word offset of a scalar slot in Input, of register a's type
  SlotState,     // word offset of a scalar slot in State, of register a's type
  TypeOfA,       // the type of register a, spelled out for tiers that do not keep register types
  ElementBytes,  // the size of register a's element
  Alarm,         // an alarm of the module
  SlotRef,       // word offset of the slot that a reference of register a's type names
  SlotPage,      // likewise, in units of kPageBytes
};

// Which type a register must have.
enum class Match : std::uint8_t {
  Exact,       // Operand::scalar
  AnyScalar,   // any scalar
  AnyInteger,  // any scalar but f32 and f64
  SameAsA,     // the type of register a
  AnyIndex,    // an integer but bool; the word is what counts, as an unsigned number
  AnyCounter,  // a loop counter
  AnyRef,      // any reference to a slot
  Array,       // an array of Operand::scalar, or a view
  List,        // a list of Operand::scalar
  AnyArray,    // an array of anything, or a view
  AnyList,     // a list of anything
  LikeA,    // the kind and element of register a; for arrays its capacity too, unless one is a view; the region is free
  Text,     // a text of any capacity
  AnyView,  // a view of anything
  ListOfA,  // a list of the element, capacity and region of register a
};

enum class Block : std::uint8_t {
  None,
  Results,
  CalleeParams,
  CalleeResults,
  IntrinsicParams,
  IntrinsicResult,
  OutputFields
};

struct Operand {
  Role role = Role::None;
  Match match = Match::Exact;
  Scalar scalar = Scalar::Void;
  bool writable = false;  // what the reference points to is written: State or Scratch
  Block block = Block::None;
};

// Row flags. PerElement(n), in the upper half, adds n fuel for every four elements of the largest capacity among the
// row's references.
enum Flag : std::uint32_t {
  Pure = 1,
  MayTrap = 2,
  ReadsMemory = 4,
  WritesState = 8,
  Emits = 16,
  Branches = 32,
  Ends = 64,       // the next instruction is reached by a branch only
  Loops = 128,     // part of a loop's frame
  PerLeast = 256,  // with PerElement: of the smallest capacity instead
};
constexpr std::uint32_t PerElement(std::uint32_t n) { return n << 16; }

struct OpInfo {
  std::string_view name, mnemonic;
  OpClass cls;
  std::array<Operand, 3> operands;  // a, b, c
  std::uint32_t flags;
  std::uint32_t cost;
  std::string_view meaning;
  Form form;
  Op base;

  constexpr bool has(Flag flag) const { return (flags & flag) != 0; }
  constexpr std::uint32_t cost_per_four_elements() const { return flags >> 16; }
};

namespace isa_rows {
using enum Scalar;
using enum OpClass;

constexpr Operand D(Scalar s) { return {Role::Write, Match::Exact, s}; }
constexpr Operand D(Match m) { return {Role::Write, m}; }
constexpr Operand S(Scalar s) { return {Role::Read, Match::Exact, s}; }
constexpr Operand S(Match m) { return {Role::Read, m}; }
constexpr Operand U(Scalar s) { return {Role::Update, Match::Exact, s}; }
constexpr Operand Regs(Block b) { return {.role = Role::Registers, .block = b}; }
constexpr Operand ArrayIn(Scalar s) { return {Role::Read, Match::Array, s}; }
constexpr Operand ArrayOut(Scalar s) { return {Role::Read, Match::Array, s, true}; }
constexpr Operand ListIn(Scalar s) { return {Role::Read, Match::List, s}; }
constexpr Operand ListOut(Scalar s) { return {Role::Read, Match::List, s, true}; }

inline constexpr Match AnyScalar = Match::AnyScalar, AnyInteger = Match::AnyInteger, SameAsA = Match::SameAsA,
                       AnyIndex = Match::AnyIndex, AnyCounter = Match::AnyCounter, AnyRef = Match::AnyRef;
inline constexpr Block Results = Block::Results, CalleeParams = Block::CalleeParams,
                       CalleeResults = Block::CalleeResults, IntrinsicParams = Block::IntrinsicParams,
                       IntrinsicResult = Block::IntrinsicResult, OutputFields = Block::OutputFields;
inline constexpr Operand None{}, Counter{Role::Counter, Match::AnyCounter}, Imm{Role::Imm}, TrapCode{Role::TrapCode},
    Target{Role::Target}, BackTarget{Role::BackTarget}, Function{Role::Function}, Intrinsic{Role::Intrinsic},
    Output{Role::Output}, AlarmRow{Role::Alarm}, RegionImm{Role::Region}, SlotOfA{Role::SlotOfA},
    SlotReady{Role::SlotReady}, SlotInput{Role::SlotInput}, SlotState{Role::SlotState}, TypeOfA{Role::TypeOfA},
    SlotRef{Role::SlotRef}, SlotPage{Role::SlotPage}, AnyViewOut{Role::Write, Match::AnyView},
    ListOfA{Role::Read, Match::ListOfA}, ElementBytes{Role::ElementBytes},
    AnyArrayOut{Role::Read, Match::AnyArray, Void, true}, ArrayLikeA{Role::Read, Match::LikeA},
    AnyListIn{Role::Read, Match::AnyList}, AnyListOut{Role::Read, Match::AnyList, Void, true},
    ListLikeA{Role::Read, Match::LikeA}, TextIn{Role::Read, Match::Text}, TextOut{Role::Read, Match::Text, Void, true};

inline constexpr OpInfo kOps[] = {
#define EYEFLOW_OP(Name, mnemonic, Class, A, B, C, Flags, Cost, meaning) \
  {#Name, mnemonic, Class, {A, B, C}, Flags, Cost, meaning, Form::Plain, Op::Name},
#define EYEFLOW_FORM(Name, mnemonic, Class, FormName, Base, A, B, C, Flags, Cost, meaning) \
  {#Name, mnemonic, Class, {A, B, C}, Flags, Cost, meaning, Form::FormName, Op::Base},
#include "vm/isa/opcodes.def"
};

// By a hash of each (FNV-1a), or the compiler's limit of steps would end the comparison of all pairs.
constexpr bool mnemonics_unique() {
  std::uint64_t hashes[std::size(kOps)] = {};
  for (std::size_t i = 0; i < std::size(kOps); ++i) {
    std::uint64_t hash = 0xcbf29ce484222325ull;
    for (const char c : kOps[i].mnemonic) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
    for (std::size_t j = 0; j < i; ++j)
      if (hashes[j] == hash) return false;
    hashes[i] = hash;
  }
  return true;
}
static_assert(mnemonics_unique());

constexpr bool same_register(const Operand& x, const Operand& y) {
  return x.role == y.role && x.match == Match::Exact && y.match == Match::Exact && x.scalar == y.scalar;
}
// A row that is made of another one agrees with it.
constexpr bool forms_agree() {
  for (const OpInfo& row : kOps) {
    if (row.form == Form::Plain) continue;
    const OpInfo& base = kOps[static_cast<std::size_t>(row.base)];
    const auto& [a, b, c] = row.operands;
    if (base.form != Form::Plain || base.cls != Value || !same_register(b, base.operands[1])) return false;
    if (c.role != Role::Imm && !same_register(c, base.operands[2])) return false;
    if (row.form == Form::Immediate) {
      if (row.cls != Value || c.role != Role::Imm || !same_register(a, base.operands[0])) return false;
      if (row.flags != base.flags || row.cost != base.cost) return false;
      continue;
    }
    const bool jumps = row.form == Form::JumpIf || row.form == Form::JumpUnless;
    if (row.cls != Flow || base.operands[0].scalar != Bool || base.has(MayTrap)) return false;
    if (a.role != (jumps ? Role::Target : Role::BackTarget)) return false;
    if (row.flags != (jumps ? std::uint32_t{Branches} : std::uint32_t{MayTrap | Loops})) return false;
  }
  return true;
}
static_assert(forms_agree());
}  // namespace isa_rows

inline constexpr std::size_t kOpCount = std::size(isa_rows::kOps);
constexpr const OpInfo& info(Op op) { return isa_rows::kOps[static_cast<std::size_t>(op)]; }
// A while loop's end that names no counter: it is the one of the while.enter before the place that it goes back to.
constexpr bool repeats_while(Op op) { return info(op).has(Loops) && info(op).operands[0].role == Role::BackTarget; }

// Names an instruction at compile time, to choose the overload that is its meaning.
template <Op O>
using op_tag = std::integral_constant<Op, O>;

}  // namespace eyeflow::vm
