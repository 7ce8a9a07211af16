// Writes docs/isa.md from the tables of vm/isa, or checks that the file is what would be written.
//
//   isa_page FILE            exit status 1 when the file is not current
//   isa_page FILE --update   rewrites it
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "vm/isa/isa.h"

namespace eyeflow::vm {
namespace {

constexpr std::string_view kHead = R"(# The instruction set

Made from `vm/isa/opcodes.def` by `tests/unit/isa_page.cpp`; change those and run `isa_page docs/isa.md --update`.

An instruction is four 16-bit numbers, `op a b c`, little-endian. What the fields name is the row's business: mostly
registers of the function, each of which holds one 64-bit word of the type that the function's header declares. Registers
start as zero. A module names the oldest instruction set that can run it; rows are only ever appended.

- **Types.** Scalars are words in canonical form: `bool` 0 or 1, signed numbers sign-extended, unsigned ones
  zero-extended, `f32` in the low half. `text(N)@REGION`, `[T; N]@REGION` and `[T; <=N]@REGION` are references: region, place and
  capacity of a slot, made by `ref` and `ref.page` alone. `[T; view N]@REGION` is a view: what of a list is in use, at most N
  elements, made by `view.list`; it stands wherever an array may. `counter(N)` is a loop's own register, for at most N trips.
- **Regions.** `const`, `param` and `input` are read-only, `state` lives on, `scratch` is zero at the start of every event.
  Slots of a region never overlap, and every load, store and reference names exactly one.
- **Loops.** `loop.begin c, n` and `loop.enter c, OUT` open a counted loop, `loop.next c, BACK` ends it, and so does
  `loop.step c, BACK, i` with an index that goes along. Where the trips are not known, `while.enter c` begins the first one and
  a `while.repeat` at the end each further one. `while.begin c`, `while.test c, condition, OUT` and `while.next c, BACK`
  frame a loop that asks at its beginning. Everything else only goes forward, and never into a loop.
- **References** must be set, by `ref`, by a call or as a parameter, on every way to where they are read. The verifier decides
  that in one pass: a register counts as set from where it was set until a branch arrives that left before that place. Setting it
  again right before the use is always good enough.
- **Fuel.** A row costs what its table says, per-element rows that much more for every four elements (bytes of a text) of
  the largest capacity among their references, parts for the smallest. The verifier computes for each function the longest path (`fuel`), that path
  without loops and callees (`entry_fuel`) and that of one trip of each loop (`trip_fuel`). A metered handler pays the entry when
  a function is entered, a counted loop's trips at `loop.enter`, a while loop's one by one as they begin.
- **Traps** end the handler; what it did is undone.

`T` stands for each of the types in the row; the numbers are those of the instructions, in the same order. `a ←` is written,
`a ⇄` read and written, `*` behind a reference says that what it points to is written.
)";

constexpr std::string_view kText = R"(
## Modules as text

`eyeflowc disasm` prints it, `assemble()` in `vm/assembly` reads it. One statement a line, `//` begins a comment, names that are more
than letters, digits, `_` and `.` stand in quotes. Wherever a name can stand, `#12` gives the number instead.

```
module counting isa 1                          // task and instruction set; `source "…"` and `doc "…"` may follow
type text(8)@scratch                           // rows of the type table; types used elsewhere are added by themselves
input t1: f64 "°C" stale 30000000000           // also: period NS, queue N, drop newest
output rows: log (value: i64, note: text(8)@scratch) cloud
output siren: switch (siren: bool) initial false driven
param limit: f64 "°C" range 20 120             // its slot is the one of its name in param, or `at OFFSET`
region state 64                                // sizes in bytes; left out, a region ends where its last slot does
slot input t1: f64 value t1                    // REGION [OFFSET] [NAME]: TYPE [KIND [SUBJECT]] [= START]
slot input t1: bool ready t1                   // kinds: now event_time value time ready name active raised last count
slot param limit: f64 = 80
slot state total: i64 = 5                      // START: 5, 1.5, true, "text", [1, 2], raw 0x7ff8000000000001
slot scratch note: text(8)@scratch

function twice (x: i64) -> (i64)
  registers sum: i64                           // parameters come first, then these, in order
  add.i64 sum, x, x
  return sum
end

function main
  registers n: i64, t: i64, s: text(8)@scratch, up: counter(4)
  line 12                                      // the source line of what follows
  load t, state, total
  load.imm n, 4
  loop.begin up, n                             // fields that follow from register a are left out; `!3` forces one
  loop.enter up, done
again:
  loop.next up, again
done:
  call t, twice, t                             // runs of registers are named by their first; an empty one is `-`
  store t, total
  ref s, note
  emit rows, t
  return
end

function hot -> (bool)
  registers t: f64, most: f64, is: bool
  load.reading t, t1.ready, t1                 // what the engine writes: t1, t1.time, t1.ready, t1.name, now,
  load most, param, limit                      // event.time, hot.active, hot.raised, siren.last, rows.count
  lt.f64 is, most, t
  return is
end

function hot_text -> (text(8)@scratch)
  registers s: text(8)@scratch
  ref s, note
  return s
end

alarm hot: high when hot for 5000000000 text hot_text needs t1 drives siren   // also: clear F, clear_for NS,
handler input t1 within 10000000 call main                                    // reads_state, polled
handler every 1000000000 call main                                            // or: handler start call main
```
)";

std::string type_word(const Operand& operand, std::string_view t) {
  const std::string scalar = operand.scalar == Scalar::Void ? ""
                             : name(operand.scalar) == t    ? "T"
                                                            : std::string(name(operand.scalar));
  switch (operand.match) {
    case Match::Exact:
      return scalar;
    case Match::AnyScalar:
      return "scalar";
    case Match::AnyInteger:
      return "bool or integer";
    case Match::AnyIndex:
      return "integer";
    case Match::SameAsA:
      return "as a";
    case Match::AnyCounter:
      return "counter";
    case Match::AnyRef:
      return "reference";
    case Match::Array:
      return "[" + scalar + "; N]";
    case Match::List:
      return "[" + scalar + "; <=N]";
    case Match::AnyArray:
      return "array";
    case Match::AnyList:
      return "list";
    case Match::LikeA:
      return "like a";
    case Match::Text:
      return "text";
    case Match::AnyView:
      return "view";
    case Match::ListOfA:
      return "list of a's elements";
  }
  return {};
}

std::string run_word(Block block) {
  switch (block) {
    case Block::None:
      return {};
    case Block::Results:
      return "results…";
    case Block::CalleeParams:
      return "arguments…";
    case Block::CalleeResults:
      return "← results…";
    case Block::IntrinsicParams:
      return "arguments…";
    case Block::IntrinsicResult:
      return "← result";
    case Block::OutputFields:
      return "fields…";
  }
  return {};
}

std::string operand_words(const OpInfo& row, std::string_view t) {
  std::string all;
  for (std::size_t n = 0; n < row.operands.size(); ++n) {
    const Operand& operand = row.operands[n];
    const std::string letter(1, "abc"[n]);
    std::string word;
    switch (operand.role) {
      case Role::None:
        continue;
      case Role::Read:
        word = letter + ": " + type_word(operand, t) + (operand.writable ? " *" : "");
        break;
      case Role::Write:
        word = letter + " ← " + type_word(operand, t);
        break;
      case Role::Update:
        word = letter + " ⇄ " + type_word(operand, t);
        break;
      case Role::Counter:
        word = letter + ": counter";
        break;
      case Role::Registers:
        word = letter + ": " + run_word(operand.block);
        break;
      case Role::Imm:
        word = letter + ": constant";
        break;
      case Role::TrapCode:
        word = letter + ": trap";
        break;
      case Role::Target:
        word = letter + ": label ahead";
        break;
      case Role::BackTarget:
        word = letter + ": label behind";
        break;
      case Role::Function:
        word = letter + ": function";
        break;
      case Role::Intrinsic:
        word = letter + ": intrinsic";
        break;
      case Role::Output:
        word = letter + ": output";
        break;
      case Role::Alarm:
        word = letter + ": alarm";
        break;
      case Role::Region:
        word = letter + ": region";
        break;
      case Role::SlotOfA:
        word = letter + ": slot";
        break;
      case Role::SlotReady:
        word = letter + ": ready slot";
        break;
      case Role::SlotInput:
        word = letter + ": input slot";
        break;
      case Role::SlotState:
        word = letter + ": state slot";
        break;
      case Role::SlotRef:
      case Role::SlotPage:
        word = letter + ": slot";
        break;
      case Role::TypeOfA:
        word = letter + " = type of a";
        break;
      case Role::ElementBytes:
        word = letter + " = bytes of an element";
        break;
    }
    all += (all.empty() ? "" : ", ") + word;
  }
  return all;
}

std::string flag_words(const OpInfo& row) {
  std::string all;
  const auto add = [&](Flag flag, const char* word) {
    if (row.has(flag)) all += (all.empty() ? "" : ", ") + std::string(word);
  };
  add(Pure, "pure");
  add(MayTrap, "may trap");
  add(ReadsMemory, "reads memory");
  add(WritesState, "writes memory");
  add(Emits, "emits");
  add(Branches, "branches");
  add(Ends, "ends");
  return all;
}

std::string cost_words(const OpInfo& row) {
  std::string text = std::to_string(row.cost);
  if (row.cost_per_four_elements() != 0) text += " + " + std::to_string(row.cost_per_four_elements()) + " per 4";
  return text;
}

// Rows that differ by a type alone, the one at the mnemonic's end, stand together.
struct Family {
  std::string mnemonic, operands, flags, cost, meaning, numbers, types;
};

std::vector<Family> families(OpClass cls) {
  std::vector<Family> all;
  for (std::size_t n = 0; n < kOpCount; ++n) {
    const OpInfo& row = info(static_cast<Op>(n));
    if (row.cls != cls) continue;
    std::string mnemonic(row.mnemonic), type;
    const std::size_t dot = mnemonic.rfind('.');
    for (int s = 1; s < kScalarCount && dot != std::string::npos; ++s)
      if (mnemonic.substr(dot + 1) == name(static_cast<Scalar>(s))) type = mnemonic.substr(dot + 1);
    if (!type.empty()) mnemonic = mnemonic.substr(0, dot) + ".T";
    Family family{mnemonic,
                  operand_words(row, type),
                  flag_words(row),
                  cost_words(row),
                  std::string(row.meaning),
                  std::to_string(n),
                  type};
    bool joined = false;
    for (Family& other : all) {
      if (other.mnemonic != family.mnemonic || other.operands != family.operands || other.flags != family.flags ||
          other.cost != family.cost || other.meaning != family.meaning)
        continue;
      other.numbers += ", " + family.numbers;
      other.types += ", " + family.types;
      joined = true;
    }
    if (!joined) all.push_back(std::move(family));
  }
  return all;
}

std::string escaped(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, "\\");
  return text;
}

std::string page() {
  std::string out(kHead);
  const std::pair<OpClass, const char*> classes[] = {
      {OpClass::Flow, "Flow"}, {OpClass::Value, "Values"}, {OpClass::Memory, "Memory and outputs"}};
  for (const auto& [cls, title] : classes) {
    out += "\n## " + std::string(title) + "\n\n";
    out += "| instruction | T | operands | meaning | | fuel | number |\n| --- | --- | --- | --- | --- | --- | --- |\n";
    for (const Family& f : families(cls))
      out += "| `" + f.mnemonic + "` | " + f.types + " | " + escaped(f.operands) + " | " + escaped(f.meaning) + " | " +
             f.flags + " | " + f.cost + " | " + f.numbers + " |\n";
  }
  out += "\n## Traps\n\n| number | trap | meaning |\n| --- | --- | --- |\n";
  for (int n = 0; n < kTrapCount; ++n)
    out +=
        "| " + std::to_string(n) + " | `" + std::string(kTrapNames[n]) + "` | " + std::string(kTrapTexts[n]) + " |\n";
  return out + std::string(kText);
}

int run(const std::string& path, bool update) {
  if (update) {
    std::ofstream(path) << page();
    return 0;
  }
  std::stringstream there;
  there << std::ifstream(path).rdbuf();
  if (there.str() == page()) return 0;
  std::cerr << path << " is not what vm/isa says; run: isa_page " << path << " --update\n";
  return 1;
}

}  // namespace
}  // namespace eyeflow::vm

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3 || (argc == 3 && std::string(argv[2]) != "--update")) {
    std::cerr << "usage: isa_page FILE [--update]\n";
    return 2;
  }
  return eyeflow::vm::run(argv[1], argc == 3);
}
