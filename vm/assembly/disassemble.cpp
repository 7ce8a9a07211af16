#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "vm/assembly/assembly.h"
#include "vm/assembly/text.h"

namespace eyeflow::vm {
namespace assembly {
namespace {

class Disassembler {
 public:
  Disassembler(const Module& module, const DisassembleOptions& options) : m_(module), options_(options) {
    for (const Slot& slot : m_.slots) ++labels_[{slot.region, label(m_, slot)}];
    for (const Function& function : m_.functions) ++function_names_[function.name];
    for (const Input& input : m_.inputs) ++input_names_[input.value.name];
    for (const Output& output : m_.outputs) ++output_names_[output.name];
    for (const Alarm& alarm : m_.alarms) ++alarm_names_[alarm.name];
  }

  std::string run() {
    out_ += "module " + as_name(m_.task) + " isa " + std::to_string(m_.isa_version) + "\n";
    if (!m_.source.empty()) out_ += "source " + quoted(m_.source) + "\n";
    if (!m_.doc.empty()) out_ += "doc " + quoted(m_.doc) + "\n";
    types();
    border();
    memory();
    for (std::size_t n = 0; n < m_.functions.size(); ++n) function(n);
    tasks();
    return std::move(out_);
  }

 private:
  using Names = std::map<std::string, int, std::less<>>;

  static std::string number(std::uint64_t n) { return "#" + std::to_string(n); }
  std::string type(TypeId id) const {
    const Type* found = m_.type(id);
    return found == nullptr ? number(id) : describe(*found);
  }
  // By name where that is clear, else by number.
  static std::string reference(const Names& names, const std::string* name, std::size_t n) {
    if (name == nullptr) return number(n);
    const auto found = names.find(*name);
    return found != names.end() && found->second == 1 && !name->empty() ? as_name(*name) : number(n);
  }
  std::string function_name(std::size_t n) const {
    return reference(function_names_, n < m_.functions.size() ? &m_.functions[n].name : nullptr, n);
  }
  std::string input_name(std::size_t n) const {
    return reference(input_names_, n < m_.inputs.size() ? &m_.inputs[n].value.name : nullptr, n);
  }
  std::string output_name(std::size_t n) const {
    return reference(output_names_, n < m_.outputs.size() ? &m_.outputs[n].name : nullptr, n);
  }
  std::string alarm_name(std::size_t n) const {
    return reference(alarm_names_, n < m_.alarms.size() ? &m_.alarms[n].name : nullptr, n);
  }

  // ---- Tables
  // ----------------------------------------------------------------------------------------------------------

  void types() {
    if (!m_.types.empty()) out_ += "\n";
    for (const Type& row : m_.types) out_ += "type " + describe(row) + "\n";
  }

  static std::string unit(const std::string& text) { return text.empty() ? "" : " " + quoted(text); }

  void border() {
    out_ += "\n";
    for (const Input& input : m_.inputs) {
      out_ += "input " + as_name(input.value.name) + ": " + type(input.value.type) + unit(input.value.unit);
      if (input.stale_after_ns != 0) out_ += " stale " + std::to_string(input.stale_after_ns);
      if (input.period_ns != 0) out_ += " period " + std::to_string(input.period_ns);
      if (input.queue != 0) out_ += " queue " + std::to_string(input.queue);
      if (input.drop != DropPolicy::Oldest) out_ += " drop newest";
      out_ += "\n";
    }
    for (const Output& output : m_.outputs) {
      out_ +=
          "output " + as_name(output.name) + ": " + std::string(kOutputKindWords[static_cast<int>(output.kind)]) + " (";
      for (const Field& field : output.fields) {
        if (&field != output.fields.data()) out_ += ", ";
        out_ += as_name(field.name) + ": " + type(field.type) + unit(field.unit);
      }
      out_ += ")";
      if (output.has_initial || output.initial != 0) out_ += initial(output);
      if (output.to_cloud) out_ += " cloud";
      if (output.driven) out_ += " driven";
      out_ += "\n";
    }
    for (const Model& model : m_.models) {
      const auto parameter = [&](const Field& field) {
        return as_name(field.name) + ": " + type(field.type) + unit(field.unit);
      };
      out_ += "model " + as_name(model.name) + ": (" + parameter(model.parameter);
      for (const Field& field : model.more) out_ += ", " + parameter(field);
      out_ += ") results " + std::to_string(model.results) + "\n";
    }
    for (const Param& param : m_.params) {
      out_ += "param " + as_name(param.name) + ": " + std::string(name(param.type)) + unit(param.unit) + " at " +
              std::to_string(param.offset);
      if (param.has_range) out_ += " range " + as_value(param.type, param.min) + " " + as_value(param.type, param.max);
      out_ += "\n";
    }
  }

  std::string initial(const Output& output) const {
    const Type* first = output.fields.empty() ? nullptr : m_.type(output.fields[0].type);
    const Scalar scalar = first != nullptr && first->kind == TypeKind::Scalar ? first->element : Scalar::Void;
    return " initial " + as_value(scalar, output.initial);
  }

  void memory() {
    out_ += "\n";
    for (int n = 0; n < kRegionCount; ++n) {
      const auto region = static_cast<Region>(n);
      const std::uint64_t bytes = m_.region_bytes(region);
      if (bytes != 0) out_ += "region " + std::string(name(region)) + " " + std::to_string(bytes) + "\n";
    }
    for (const Slot& slot : m_.slots) {
      out_ += "slot " + std::string(name(slot.region)) + " " + std::to_string(slot.offset);
      if (!slot.name.empty()) out_ += " " + as_name(slot.name);
      out_ += ": " + type(slot.type);
      if (slot.kind != SlotKind::Plain) out_ += " " + std::string(kSlotKindWords[static_cast<int>(slot.kind)]);
      if (const std::string subject = subject_of(slot); !subject.empty()) out_ += " " + subject;
      if (const std::string starts = value_of(slot); !starts.empty()) out_ += " = " + starts;
      out_ += "\n";
    }
  }

  std::string subject_of(const Slot& slot) const {
    switch (slot.kind) {
      case SlotKind::Plain:
      case SlotKind::Now:
      case SlotKind::EventTime:
        return slot.subject == 0 ? "" : number(slot.subject);
      case SlotKind::InputValue:
      case SlotKind::InputTime:
      case SlotKind::InputReady:
      case SlotKind::InputBad:
      case SlotKind::InputName:
        return input_name(slot.subject);
      case SlotKind::AlarmActive:
      case SlotKind::AlarmRaised:
      case SlotKind::AlarmAcknowledged:
      case SlotKind::AlarmShelved:
        return alarm_name(slot.subject);
      case SlotKind::OutputLast:
      case SlotKind::OutputCount:
        return output_name(slot.subject);
      case SlotKind::WindowValues:
      case SlotKind::WindowStart:
      case SlotKind::WindowEnd:
      case SlotKind::WindowCount:
        return number(slot.subject);
    }
    return {};
  }

  // What it starts as; empty for zero and for regions without an image.
  std::string value_of(const Slot& slot) const {
    const std::vector<std::byte>* image = slot.region == Region::Const   ? &m_.const_image
                                          : slot.region == Region::Param ? &m_.param_image
                                          : slot.region == Region::State ? &m_.state_image
                                                                         : nullptr;
    const Type* type = m_.type(slot.type);
    if (image == nullptr || type == nullptr || slot_size_bytes(*type) == 0) return {};
    if (slot.offset + slot_size_bytes(*type) > image->size()) return {};
    const std::byte* at = image->data() + slot.offset;
    if (std::all_of(at, at + slot_size_bytes(*type), [](std::byte b) { return b == std::byte{0}; })) return {};
    if (type->kind == TypeKind::Scalar) return as_value(type->element, word_at(at, 8));
    const Word length =
        type->kind == TypeKind::Array ? type->capacity : word_at(at, type->kind == TypeKind::Text ? 4 : 8);
    if (length > type->capacity) return {};
    if (type->kind == TypeKind::Text)
      return quoted({reinterpret_cast<const char*>(at) + 4, static_cast<std::size_t>(length)});
    return elements(*type, at + (type->kind == TypeKind::List ? 8 : 0), length);
  }

  static Word word_at(const std::byte* at, std::size_t bytes) {
    Word word = 0;
    std::memcpy(&word, at, bytes);
    return word;
  }

  static std::string elements(const Type& type, const std::byte* at, Word count) {
    const auto size = static_cast<std::size_t>(size_bytes(type.element));
    // Zeros at the end of an array go without saying; a list has as many elements as are written.
    if (type.kind == TypeKind::Array)
      while (count > 0 && word_at(at + (count - 1) * size, size) == 0) --count;
    std::string text = "[";
    for (Word n = 0; n < count; ++n) {
      Word word = word_at(at + n * size, size);
      if (type.element == Scalar::I32) word = to_word(static_cast<std::int32_t>(word));
      text += (n == 0 ? "" : ", ") + as_value(type.element, word);
    }
    return text + "]";
  }

  // ---- Functions
  // -------------------------------------------------------------------------------------------------------

  void function(std::size_t n) {
    const Function& f = m_.functions[n];
    const std::size_t params = std::min<std::size_t>(f.param_count, f.registers.size());
    out_ += "\nfunction " + as_name(f.name) + " (";
    for (std::size_t r = 0; r < params; ++r)
      out_ += (r == 0 ? "r" : ", r") + std::to_string(r) + ": " + type(f.registers[r]);
    out_ += ")";
    if (!f.results.empty()) {
      out_ += " -> (";
      for (std::size_t r = 0; r < f.results.size(); ++r) out_ += (r == 0 ? "" : ", ") + type(f.results[r]);
      out_ += ")";
    }
    out_ += "\n";
    registers(f, params);
    code(f);
    out_ += "end\n";
  }

  void registers(const Function& f, std::size_t first) {
    std::string line;
    for (std::size_t r = first; r < f.registers.size(); ++r) {
      line += (line.empty() ? "  registers r" : ", r") + std::to_string(r) + ": " + type(f.registers[r]);
      if (line.size() < 100 && r + 1 < f.registers.size()) continue;
      out_ += line + "\n";
      line.clear();
    }
  }

  static std::string label_at(std::size_t at) { return "L" + std::to_string(at); }

  // Where a branch or a loop's end goes to; nothing when that is outside the code.
  static const std::size_t* place(const Function& f, std::size_t at, Role role, std::uint16_t distance,
                                  std::size_t& to) {
    to = role == Role::Target ? at + distance : at - distance;
    return to < f.code.size() ? &to : nullptr;
  }

  void code(const Function& f) {
    std::set<std::size_t> labels;
    for (std::size_t at = 0; at < f.code.size(); ++at)
      for (int n = 0; n < 3; ++n) {
        const Role role = info(f.code[at].op).operands[static_cast<std::size_t>(n)].role;
        std::size_t to;
        if ((role == Role::Target || role == Role::BackTarget) &&
            place(f, at, role, field(f.code[at], n), to) != nullptr)
          labels.insert(to);
      }
    std::size_t mark = 0;
    for (std::size_t at = 0; at < f.code.size(); ++at) {
      for (; mark < f.lines.size() && f.lines[mark].instruction <= at; ++mark)
        out_ += "  line " + std::to_string(f.lines[mark].line) + "\n";
      if (labels.contains(at)) out_ += label_at(at) + ":\n";
      instruction(f, at);
    }
  }

  void instruction(const Function& f, std::size_t at) {
    const Instruction& i = f.code[at];
    const OpInfo& row = info(i.op);
    std::string text = "  " + std::string(row.mnemonic), comment;
    std::vector<std::string> operands;
    for (int n = 0; n < 3; ++n) {
      const Operand& operand = row.operands[static_cast<std::size_t>(n)];
      const std::uint16_t value = field(i, n);
      const auto silent = implied(m_, f, i, operand.role);
      if (silent && *silent == value) continue;
      operands.push_back(silent ? "!" + std::to_string(value) : this->operand(f, at, operand, value, comment));
    }
    while (!operands.empty() && operands.back() == "-") operands.pop_back();
    if (!operands.empty()) text.resize(std::max<std::size_t>(text.size() + 1, 16), ' ');
    for (std::size_t n = 0; n < operands.size(); ++n) text += (n == 0 ? "" : ", ") + operands[n];
    if (options_.with_numbers) comment = std::to_string(at) + (comment.empty() ? "" : "  ") + comment;
    if (!comment.empty()) text += std::string(text.size() < 48 ? 48 - text.size() : 1, ' ') + "// " + comment;
    out_ += text + "\n";
  }

  static std::string reg(const Function& f, std::uint16_t n) {
    return n < f.registers.size() ? "r" + std::to_string(n) : number(n);
  }

  std::string operand(const Function& f, std::size_t at, const Operand& operand, std::uint16_t value,
                      std::string& comment) const {
    const Instruction& i = f.code[at];
    switch (operand.role) {
      case Role::None:
      case Role::TypeOfA:
      case Role::ElementBytes:
        break;
      case Role::Read:
      case Role::Write:
      case Role::Update:
      case Role::Counter:
        return reg(f, value);
      case Role::Registers: {
        const auto length = run_length(m_, f, i, operand.block, options_.intrinsics);
        return value == 0 && length && *length == 0 ? "-" : reg(f, value);
      }
      case Role::Imm:
        return std::to_string(static_cast<std::int16_t>(value));
      case Role::TrapCode:
        return value < kTrapCount ? std::string(kTrapNames[value]) : number(value);
      case Role::Target:
      case Role::BackTarget: {
        std::size_t to;
        return place(f, at, operand.role, value, to) != nullptr ? label_at(to) : number(value);
      }
      case Role::Function:
        return function_name(value);
      case Role::Intrinsic:
        return value < options_.intrinsics.size() ? std::string(options_.intrinsics[value].name) : number(value);
      case Role::Output:
        return output_name(value);
      case Role::Alarm:
        return alarm_name(value);
      case Role::Region:
        return value < kRegionCount ? std::string(name(static_cast<Region>(value))) : number(value);
      case Role::SlotOfA:
        return i.b < kRegionCount ? slot(static_cast<Region>(i.b), value, comment) : number(value);
      case Role::SlotReady:
      case Role::SlotInput:
        return slot(Region::Input, value, comment);
      case Role::SlotState:
        return slot(Region::State, value, comment);
      case Role::SlotRef: {
        const Type* a = i.a < f.registers.size() ? m_.type(f.registers[i.a]) : nullptr;
        return a != nullptr ? slot(a->region, value, comment) : number(value);
      }
      case Role::SlotPage: {
        const Type* a = i.a < f.registers.size() ? m_.type(f.registers[i.a]) : nullptr;
        const std::string name = a != nullptr ? slot(a->region, std::uint32_t{value} * (kPageBytes / 8), comment) : "#";
        return name.starts_with("#") ? number(value) : name;
      }
    }
    return number(value);
  }

  std::string slot(Region region, std::uint32_t word, std::string& comment) const {
    const Slot* found = m_.slot(region, word * 8);
    if (found == nullptr) return number(word);
    if (region == Region::Const) comment = value_of(*found).empty() ? "0" : value_of(*found);
    const std::string text = label(m_, *found);
    const auto count = labels_.find({region, text});
    return !text.empty() && count != labels_.end() && count->second == 1 ? as_name(text) : number(word);
  }

  // ---- Handlers and alarms
  // ---------------------------------------------------------------------------------------------

  void tasks() {
    out_ += "\n";
    for (const Alarm& alarm : m_.alarms) {
      out_ += "alarm " + as_name(alarm.name) + ": " + std::string(kPriorityWords[static_cast<int>(alarm.priority)]);
      out_ += " when " + function_name(index(alarm.when));
      if (alarm.when_for_ns != 0) out_ += " for " + std::to_string(alarm.when_for_ns);
      if (alarm.clear != kNoFunction) out_ += " clear " + function_name(index(alarm.clear));
      if (alarm.clear_for_ns != 0) out_ += " clear_for " + std::to_string(alarm.clear_for_ns);
      out_ += " text " + function_name(index(alarm.text));
      if (alarm.latch) out_ += " latch";
      if (alarm.remind_every_ns != 0) out_ += " remind " + std::to_string(alarm.remind_every_ns);
      if (alarm.reads_state) out_ += " reads_state";
      if (alarm.polled) out_ += " polled";
      for (const InputId input : alarm.needs) out_ += " needs " + input_name(index(input));
      for (const OutputId output : alarm.drives) out_ += " drives " + output_name(index(output));
      out_ += "\n";
    }
    for (const Handler& handler : m_.handlers) {
      out_ += "handler " + std::string(kHandlerKindWords[static_cast<int>(handler.kind)]);
      if (of_input(handler.kind)) out_ += " " + input_name(index(handler.input));
      if (handler.kind == HandlerKind::Condition) out_ += " " + function_name(index(handler.condition));
      if (is_timed(handler.kind)) out_ += " " + std::to_string(handler.time_ns);
      if (handler.kind == HandlerKind::Window) window(handler.window);
      if (handler.reads_state) out_ += " reads_state";
      if (handler.polled) out_ += " polled";
      for (const InputId input : handler.needs) out_ += " needs " + input_name(index(input));
      if (handler.within_ns != 0) out_ += " within " + std::to_string(handler.within_ns);
      out_ += " call " + function_name(index(handler.function)) + "\n";
    }
  }

  void window(const Window& window) {
    const auto add = [&](const char* word, auto value) {
      if (value != 0) out_ += std::string(" ") + word + " " + std::to_string(value);
    };
    add("span", window.span_ns);
    add("values", window.values);
    add("step", window.step);
    add("least", window.least);
    add("late", window.late_ns);
    if (window.from_start) out_ += " from_start";
  }

  const Module& m_;
  const DisassembleOptions& options_;
  std::string out_;
  std::map<std::pair<Region, std::string>, int> labels_;
  Names function_names_, input_names_, output_names_, alarm_names_;
};

}  // namespace
}  // namespace assembly

std::string disassemble(const Module& module, const DisassembleOptions& options) {
  return assembly::Disassembler(module, options).run();
}

}  // namespace eyeflow::vm
