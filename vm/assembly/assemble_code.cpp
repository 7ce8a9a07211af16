#include <algorithm>

#include "vm/assembly/assembler.h"
#include "vm/assembly/text.h"

namespace eyeflow::vm::assembly {
namespace {

const OpInfo* find_row(std::string_view mnemonic) {
  const auto found = std::ranges::find(isa_rows::kOps, mnemonic, &OpInfo::mnemonic);
  return found == std::end(isa_rows::kOps) ? nullptr : found;
}

class FunctionReader {
 public:
  explicit FunctionReader(Assembly& a) : a_(a), in_(a.in) {}

  Function run() {
    header();
    for (;;) {
      in_.end_line();
      if (!in_.next_line()) {
        in_.refuse("the function '" + f_.name + "' has no `end`");
        break;
      }
      if (in_.take_word("end")) break;
      line();
    }
    for (const auto& [name, uses] : open_labels_)
      if (!uses.empty()) in_.refuse("the label '" + name + "' stands nowhere in the function '" + f_.name + "'");
    return std::move(f_);
  }

 private:
  struct Use {
    std::size_t at;
    int field;
    bool back;
  };

  void header() {
    f_.name = in_.name("the function's name");
    if (in_.take_sign("(")) {
      while (in_.ok() && !in_.take_sign(")")) {
        if (!f_.registers.empty()) in_.expect_sign(",");
        declare_register();
      }
    }
    f_.param_count = static_cast<std::uint16_t>(f_.registers.size());
    if (!in_.take_sign("->")) return;
    in_.expect_sign("(");
    while (in_.ok() && !in_.take_sign(")")) {
      if (!f_.results.empty()) in_.expect_sign(",");
      f_.results.push_back(read_type(a_));
    }
  }

  void declare_register() {
    const std::string name = in_.word("a register's name");
    if (!registers_.emplace(name, f_.registers.size()).second) in_.refuse("there is a register '" + name + "' already");
    in_.expect_sign(":");
    f_.registers.push_back(read_type(a_));
  }

  void line() {
    if (in_.take_word("registers")) {
      do declare_register();
      while (in_.take_sign(","));
      return;
    }
    if (in_.take_word("line")) {
      f_.lines.push_back({static_cast<std::uint32_t>(f_.code.size()),
                          static_cast<std::uint32_t>(in_.number("a source line", 0xFFFFFFFF))});
      return;
    }
    const std::string word = in_.word("an instruction, a label, `registers`, `line` or `end`");
    if (in_.take_sign(":")) return place_label(word);
    instruction(word);
  }

  void place_label(const std::string& name) {
    if (!labels_.emplace(name, f_.code.size()).second) return in_.refuse("the label '" + name + "' stands here twice");
    for (const Use& use : open_labels_[name]) resolve(use, f_.code.size());
    open_labels_[name].clear();
  }

  void resolve(const Use& use, std::size_t to) {
    const bool right_way = use.back ? to <= use.at : to > use.at;
    const std::size_t distance = use.back ? use.at - to : to - use.at;
    if (!right_way)
      return in_.refuse(use.back ? "a loop goes back, its label stands before it"
                                 : "a branch goes forward, its label stands behind it");
    if (distance > 0xFFFF) return in_.refuse("the label is more than 65,535 instructions away");
    field(f_.code[use.at], use.field) = static_cast<std::uint16_t>(distance);
  }

  void instruction(const std::string& mnemonic) {
    const OpInfo* row = find_row(mnemonic);
    if (row == nullptr) return in_.refuse("there is no instruction '" + mnemonic + "'; docs/isa.md lists them");
    f_.code.push_back({static_cast<Op>(row - isa_rows::kOps)});
    bool first = true;
    for (int n = 0; n < 3 && in_.ok(); ++n) {
      const Role role = row->operands[static_cast<std::size_t>(n)].role;
      Instruction& i = f_.code.back();
      if (const auto silent = implied(a_.module, f_, i, role)) {
        field(i, n) = *silent;
        // A field that goes without saying can be forced to another value.
        if (!in_.take_signs(first ? "!" : ",!")) continue;
        field(i, n) = static_cast<std::uint16_t>(in_.number("the field", 0xFFFF));
      } else if (in_.at_end() && is_empty_run(*row, n)) {
        break;
      } else {
        if (!first) in_.expect_sign(",");
        operand(*row, n);
      }
      first = false;
    }
  }

  bool is_empty_run(const OpInfo& row, int n) const {
    const Operand& operand = row.operands[static_cast<std::size_t>(n)];
    if (n == 0 && operand.block != Block::Results) return false;
    return operand.role == Role::Registers &&
           run_length(a_.module, f_, f_.code.back(), operand.block, a_.intrinsics) == 0;
  }

  void operand(const OpInfo& row, int n) {
    const Role role = row.operands[static_cast<std::size_t>(n)].role;
    if (role == Role::Target || role == Role::BackTarget) return target(n, role == Role::BackTarget);
    const std::uint32_t value = read(role);
    if (value > 0xFFFF) in_.refuse("this lies too far behind in its region to be named; only its first 512 KiB can be");
    field(f_.code.back(), n) = static_cast<std::uint16_t>(value);
  }

  std::uint32_t read(Role role) {
    switch (role) {
      case Role::Imm:
        return immediate();
      case Role::Registers:
        if (in_.take_sign("-")) return 0;
        return reg();
      case Role::Read:
      case Role::Write:
      case Role::Update:
      case Role::Counter:
        return reg();
      case Role::TrapCode:
        return choice(kTrapNames, "a trap's name");
      case Role::Function:
        return a_.functions.read(in_);
      case Role::Intrinsic:
        return a_.intrinsic_names.read(in_);
      case Role::Output:
        return a_.outputs.read(in_);
      case Role::Alarm:
        return a_.alarms.read(in_);
      case Role::Region:
        return region();
      case Role::SlotOfA:
        return slot(f_.code.back().b);
      case Role::SlotReady:
      case Role::SlotInput:
        return slot(static_cast<int>(Region::Input));
      case Role::SlotState:
        return slot(static_cast<int>(Region::State));
      case Role::SlotRef:
      case Role::SlotPage: {
        const TypeId id = f_.code.back().a < f_.registers.size() ? f_.registers[f_.code.back().a] : TypeId{0};
        const Type* type = a_.module.type(id);
        const int region = type != nullptr ? static_cast<int>(type->region) : kRegionCount;
        return role == Role::SlotRef ? slot(region) : page(region);
      }
      default:
        return 0;
    }
  }

  std::uint32_t reg() {
    if (in_.take_sign("#")) return read_hash_number(in_);
    const std::string name = in_.word("a register");
    const auto found = registers_.find(name);
    if (found == registers_.end()) {
      in_.refuse("there is no register '" + name + "' in this function; declare it with `registers " + name + ": i64`");
      return 0;
    }
    return static_cast<std::uint32_t>(found->second);
  }

  std::uint32_t immediate() {
    const std::int64_t value = in_.signed_number("a constant");
    if (value < -32'768 || value > 32'767)
      in_.refuse("a constant here is between -32768 and 32767; load larger ones from a slot in const");
    return static_cast<std::uint16_t>(value);
  }

  std::uint32_t choice(std::span<const std::string_view> words, const char* what) {
    if (in_.take_sign("#")) return read_hash_number(in_);
    const std::string word = in_.word(what);
    const auto found = find_word(words, word);
    if (!found) in_.refuse("'" + word + "' is not " + what);
    return static_cast<std::uint32_t>(found.value_or(0));
  }

  std::uint32_t region() {
    static constexpr std::string_view kWords[kRegionCount] = {"const", "param", "input", "state", "scratch"};
    return choice(kWords, "a region");
  }

  std::uint32_t slot(int region) {
    if (region < kRegionCount) return a_.slots[static_cast<std::size_t>(region)].read(in_);
    if (!in_.take_sign("#")) in_.refuse("the slot can only be given by its word here, as #0");
    return read_hash_number(in_);
  }

  std::uint32_t page(int region) {
    if (in_.take_sign("#")) return read_hash_number(in_);
    constexpr std::uint32_t kWords = kPageBytes / 8;
    const std::uint32_t word = slot(region);
    if (word % kWords != 0) in_.refuse("the slot does not begin at a multiple of 1024 bytes; write ref");
    return word / kWords;
  }

  void target(int n, bool back) {
    if (in_.take_sign("#")) {
      field(f_.code.back(), n) = read_hash_number(in_);
      return;
    }
    const std::string name = in_.word("a label");
    const Use use{f_.code.size() - 1, n, back};
    const auto found = labels_.find(name);
    if (found != labels_.end())
      resolve(use, found->second);
    else
      open_labels_[name].push_back(use);
  }

  Assembly& a_;
  Cursor& in_;
  Function f_;
  std::map<std::string, std::size_t> registers_, labels_;
  std::map<std::string, std::vector<Use>> open_labels_;
};

}  // namespace

Function read_function(Assembly& a) { return FunctionReader(a).run(); }

}  // namespace eyeflow::vm::assembly
