#include <algorithm>
#include <cstring>
#include <tuple>

#include "vm/assembly/assembler.h"
#include "vm/assembly/assembly.h"
#include "vm/assembly/text.h"

namespace eyeflow::vm {
namespace assembly {

void Names::add(const std::string& name, std::uint32_t number) {
  const auto [at, is_new] = numbers_.emplace(name, number);
  if (!is_new) at->second.reset();
}

std::uint32_t Names::read(Cursor& in) const {
  if (in.take_sign("#")) return read_hash_number(in);
  const std::string name = in.name((std::string("the name of a ") + what_).c_str());
  const auto found = numbers_.find(name);
  if (found != numbers_.end() && found->second) return *found->second;
  const char* why = found == numbers_.end() ? "' here; declare it, or write its number as #0"
                                            : "' more than once; write its number as #0";
  in.refuse(std::string("there is ") + (found == numbers_.end() ? "no " : "a ") + what_ + " '" + name + why);
  return 0;
}

std::uint16_t read_hash_number(Cursor& in) { return static_cast<std::uint16_t>(in.number("what is behind #", 0xFFFF)); }

// ---- Types
// -----------------------------------------------------------------------------------------------------------

namespace {

constexpr std::string_view kScalarWords[kScalarCount] = {"void", "bool", "i64", "i32", "u8",
                                                         "u16",  "u32",  "u64", "f32", "f64"};
constexpr std::string_view kRegionWords[kRegionCount] = {"const", "param", "input", "state", "scratch"};

Region read_region(Cursor& in) {
  const auto found = find_word(kRegionWords, in.word("a region"));
  if (!found) in.refuse("regions are const, param, input, state and scratch");
  return static_cast<Region>(found.value_or(0));
}

template <typename E>
E read_choice(Cursor& in, std::span<const std::string_view> words, const char* what) {
  const std::string word = in.word(what);
  const auto found = find_word(words, word);
  if (!found) {
    std::string all;
    for (const std::string_view each : words) all += (all.empty() ? "" : ", ") + std::string(each);
    in.refuse("'" + word + "' is not " + what + "; there are " + all);
  }
  return static_cast<E>(found.value_or(0));
}

std::uint32_t read_capacity(Cursor& in) { return static_cast<std::uint32_t>(in.number("a capacity", kMaxCapacity)); }

Type read_row(Cursor& in) {
  Type row;
  if (in.take_sign("[")) {
    row.element = read_choice<Scalar>(in, kScalarWords, "a scalar type");
    in.expect_sign(";");
    row.kind = in.take_sign("<=") ? TypeKind::List : in.take_word("view") ? TypeKind::View : TypeKind::Array;
    row.capacity = read_capacity(in);
    in.expect_sign("]");
  } else if (in.take_word("text") || in.sees(TokenKind::Word, "counter")) {
    row.kind = in.take_word("counter") ? TypeKind::Counter : TypeKind::Text;
    in.expect_sign("(");
    row.capacity = read_capacity(in);
    in.expect_sign(")");
    if (row.kind == TypeKind::Counter) return row;
  } else {
    row.element = read_choice<Scalar>(in, kScalarWords, "a type");
    return row;
  }
  in.expect_sign("@");
  row.region = read_region(in);
  return row;
}

}  // namespace

TypeId read_type(Assembly& a) {
  if (a.in.take_sign("#")) return read_hash_number(a.in);
  const Type row = read_row(a.in);
  if (row.kind == TypeKind::Scalar) return type_id(row.element);
  const auto next = static_cast<TypeId>(kFirstModuleType + a.module.types.size());
  const auto [at, is_new] = a.type_ids.emplace(describe(row), next);
  if (is_new) a.module.types.push_back(row);
  return at->second;
}

namespace {

// ---- Values
// ----------------------------------------------------------------------------------------------------------

Word read_value(Cursor& in, Scalar type) {
  if (in.take_word("raw")) return in.number("a word", ~0ull);
  const std::string text = in.any("a value");
  const auto value = parse_value(type, text);
  if (!value) in.refuse("'" + text + "' is no " + std::string(name(type)));
  return value.value_or(0);
}

std::vector<std::byte>* image_of(Module& module, Region region) {
  switch (region) {
    case Region::Const:
      return &module.const_image;
    case Region::Param:
      return &module.param_image;
    case Region::State:
      return &module.state_image;
    case Region::Input:
    case Region::Scratch:
      break;
  }
  return nullptr;
}

// What stands behind `=`, in the slot's bytes.
void read_start(Cursor& in, const Type& type, std::byte* at) {
  const auto put = [](std::byte* to, Word word, std::size_t bytes) { std::memcpy(to, &word, bytes); };
  if (type.kind == TypeKind::Scalar) return put(at, read_value(in, type.element), 8);
  if (type.kind == TypeKind::Text) {
    if (!in.sees_text()) return in.refuse("a text in quotes belongs here");
    const std::string text = in.any("a text");
    if (text.size() > type.capacity)
      return in.refuse("the text has " + std::to_string(text.size()) + " bytes, more than " + describe(type) +
                       " holds");
    put(at, text.size(), 4);
    std::memcpy(at + 4, text.data(), text.size());
    return;
  }
  const auto size = static_cast<std::size_t>(size_bytes(type.element));
  std::byte* elements = at + (type.kind == TypeKind::List ? 8 : 0);
  in.expect_sign("[");
  std::uint32_t count = 0;
  while (in.ok() && !in.take_sign("]")) {
    if (count > 0) in.expect_sign(",");
    const Word word = read_value(in, type.element);
    if (count == type.capacity) return in.refuse("more values than " + describe(type) + " holds");
    put(elements + count * size, word, size);
    ++count;
  }
  if (type.kind == TypeKind::List) put(at, count, 8);
}

// ---- Statements
// ------------------------------------------------------------------------------------------------------

class Assembler {
 public:
  Assembler(std::string_view text, IntrinsicTable intrinsics) : a_{.in = Cursor(text), .intrinsics = intrinsics} {}

  Result<Module> run() {
    note_names();
    a_.in.rewind();
    while (a_.in.next_line()) statement();
    if (!a_.in.ok()) return fail("assembly: " + a_.in.error());
    finish_memory();
    return std::move(m_);
  }

 private:
  // Names may be used before the line that declares them.
  void note_names() {
    for (std::size_t n = 0; n < a_.intrinsics.size(); ++n)
      a_.intrinsic_names.add(std::string(a_.intrinsics[n].name), static_cast<std::uint32_t>(n));
    std::uint32_t functions = 0;
    const auto rows = [&](Names& names, auto& table, const std::string& name) {
      names.add(name, static_cast<std::uint32_t>(table.size()));
      table.emplace_back();
    };
    while (in().next_line()) {
      const bool function = in().take_word("function"), input = in().take_word("input"),
                 output = in().take_word("output"), alarm = in().take_word("alarm");
      if ((!function && !input && !output && !alarm) || !in().sees_name()) continue;
      const std::string name = in().name("a name");
      if (function) a_.functions.add(name, functions++);
      // Slots are called by their subjects' names.
      if (input) rows(a_.inputs, m_.inputs, name), m_.inputs.back().value.name = name;
      if (output) rows(a_.outputs, m_.outputs, name), m_.outputs.back().name = name;
      if (alarm) rows(a_.alarms, m_.alarms, name), m_.alarms.back().name = name;
    }
  }

  void statement() {
    const std::string word = in().word("a statement");
    if (word == "module")
      module();
    else if (word == "source")
      m_.source = in().name("the source's name");
    else if (word == "doc")
      m_.doc = in().name("a text");
    else if (word == "type")
      type();
    else if (word == "input")
      input();
    else if (word == "output")
      output();
    else if (word == "param")
      param();
    else if (word == "model")
      model();
    else if (word == "region")
      region();
    else if (word == "slot")
      slot();
    else if (word == "function")
      m_.functions.push_back(read_function(a_));
    else if (word == "alarm")
      alarm();
    else if (word == "handler")
      handler();
    else
      in().refuse("'" + word +
                  "' is no statement; module, source, doc, type, input, output, param, model, region, slot, "
                  "function, alarm and handler are");
    in().end_line();
  }

  Cursor& in() { return a_.in; }
  TimeNs span() { return in().signed_number("nanoseconds"); }
  FunctionId function_id() { return static_cast<FunctionId>(a_.functions.read(in())); }
  std::string unit() { return in().sees_text() ? in().any("a unit") : std::string(); }

  void module() {
    m_.task = in().name("the task's name");
    if (in().take_word("isa")) m_.isa_version = static_cast<std::uint16_t>(in().number("the instruction set", 0xFFFF));
  }

  void type() {
    const Type row = read_row(in());
    a_.type_ids.emplace(describe(row), static_cast<TypeId>(kFirstModuleType + m_.types.size()));
    m_.types.push_back(row);
  }

  Field field() {
    Field field;
    field.name = in().name("a field's name");
    in().expect_sign(":");
    field.type = read_type(a_);
    field.unit = unit();
    return field;
  }

  void input() {
    Input& row = m_.inputs[inputs_++];
    row.value = field();
    while (!in().at_end()) {
      if (in().take_word("stale"))
        row.stale_after_ns = span();
      else if (in().take_word("period"))
        row.period_ns = span();
      else if (in().take_word("queue"))
        row.queue = static_cast<std::uint32_t>(in().number("a length", 0xFFFFFFFF));
      else if (in().take_word("drop"))
        row.drop = read_choice<DropPolicy>(in(), kDropWords, "a drop policy");
      else
        return in().refuse("an input has stale, period, queue and drop");
    }
  }

  // model inspect: (x: [u8; 12]@const "image(2, 2, rgb8)", speed: [f32; 1]@const) results 2
  void model() {
    Model& row = m_.models.emplace_back();
    row.name = in().name("the model's name");
    in().expect_sign(":");
    in().expect_sign("(");
    row.parameter = field();
    while (in().ok() && !in().take_sign(")")) {
      in().expect_sign(",");
      row.more.push_back(field());
    }
    if (!in().take_word("results")) return in().refuse("a model says how many results it has");
    row.results = static_cast<std::uint32_t>(in().number("a number of results", 0xFFFFFFFF));
  }

  void output() {
    Output& row = m_.outputs[outputs_++];
    row.name = in().name("the output's name");
    in().expect_sign(":");
    row.kind = read_choice<OutputKind>(in(), kOutputKindWords, "a kind of output");
    in().expect_sign("(");
    while (in().ok() && !in().take_sign(")")) {
      if (!row.fields.empty()) in().expect_sign(",");
      row.fields.push_back(field());
    }
    while (!in().at_end()) {
      if (in().take_word("initial"))
        row.initial = initial(row);
      else if (in().take_word("cloud"))
        row.to_cloud = true;
      else if (in().take_word("driven"))
        row.driven = true;
      else
        return in().refuse("an output has initial, cloud and driven");
    }
  }

  Word initial(Output& row) {
    row.has_initial = true;
    const Type* first = row.fields.empty() ? nullptr : m_.type(row.fields[0].type);
    return read_value(in(), first != nullptr && first->kind == TypeKind::Scalar ? first->element : Scalar::Void);
  }

  void param() {
    Param& row = m_.params.emplace_back();
    row.name = in().name("the param's name");
    in().expect_sign(":");
    row.type = read_choice<Scalar>(in(), kScalarWords, "a scalar type");
    row.unit = unit();
    bool placed = false;
    while (!in().at_end()) {
      if (in().take_word("at")) {
        row.offset = static_cast<std::uint32_t>(in().number("the slot's byte offset", 0xFFFFFFFF));
        placed = true;
      } else if (in().take_word("range")) {
        row.has_range = true;
        row.min = read_value(in(), row.type);
        row.max = read_value(in(), row.type);
      } else
        return in().refuse("a param has at and range");
    }
    if (!placed) unplaced_params_.push_back(m_.params.size() - 1);
  }

  void region() {
    const Region region = read_region(in());
    sizes_[static_cast<int>(region)] = in().number("the region's size in bytes", kMaxRegionBytes);
  }

  void slot() {
    Slot row;
    row.region = read_region(in());
    std::uint64_t& end = ends_[static_cast<int>(row.region)];
    row.offset = static_cast<std::uint32_t>(end);
    if (!in().sees_name() && !in().sees(TokenKind::Sign, ":"))
      row.offset = static_cast<std::uint32_t>(in().number("the slot's byte offset", 0xFFFFFFFF));
    if (in().sees_name()) row.name = in().name("the slot's name");
    in().expect_sign(":");
    row.type = read_type(a_);
    if (in().sees_name()) row.kind = read_choice<SlotKind>(in(), kSlotKindWords, "a kind of slot");
    if (!in().at_end() && !in().sees(TokenKind::Sign, "=")) row.subject = subject(row.kind);
    const Type* type = m_.type(row.type);
    const std::uint64_t size = type != nullptr ? slot_size_bytes(*type) : 0;
    if (in().ok()) end = std::max<std::uint64_t>(end, row.offset + size);
    if (end > kMaxRegionBytes)
      return in().refuse("a region holds at most " + std::to_string(kMaxRegionBytes) + " bytes");
    if (in().take_sign("=")) start(row, type, size);
    a_.slots[static_cast<std::size_t>(row.region)].add(label(m_, row), row.offset / 8);
    m_.slots.push_back(std::move(row));
  }

  std::uint16_t subject(SlotKind kind) {
    static const Names kHandlers{"handler"};  // without names: by number
    const Names& names = kind >= SlotKind::WindowValues        ? kHandlers
                         : kind >= SlotKind::AlarmAcknowledged ? a_.alarms
                         : kind >= SlotKind::OutputLast        ? a_.outputs
                         : kind >= SlotKind::AlarmActive       ? a_.alarms
                                                               : a_.inputs;
    return static_cast<std::uint16_t>(names.read(in()));
  }

  void start(const Slot& row, const Type* type, std::uint64_t size) {
    std::vector<std::byte>* image = image_of(m_, row.region);
    if (image == nullptr || type == nullptr || size == 0)
      return in().refuse("only slots in const, param and state start as something");
    image->resize(std::max<std::size_t>(image->size(), row.offset + size));
    read_start(in(), *type, image->data() + row.offset);
  }

  void alarm() {
    Alarm& row = m_.alarms[alarms_++];
    row.name = in().name("the alarm's name");
    in().expect_sign(":");
    row.priority = read_choice<Priority>(in(), kPriorityWords, "a priority");
    while (!in().at_end()) {
      if (in().take_word("when"))
        row.when = function_id();
      else if (in().take_word("for"))
        row.when_for_ns = span();
      else if (in().take_word("clear"))
        row.clear = function_id();
      else if (in().take_word("clear_for"))
        row.clear_for_ns = span();
      else if (in().take_word("text"))
        row.text = function_id();
      else if (in().take_word("latch"))
        row.latch = true;
      else if (in().take_word("remind"))
        row.remind_every_ns = span();
      else if (in().take_word("reads_state"))
        row.reads_state = true;
      else if (in().take_word("polled"))
        row.polled = true;
      else if (in().take_word("needs"))
        row.needs.push_back(static_cast<InputId>(a_.inputs.read(in())));
      else if (in().take_word("drives"))
        row.drives.push_back(static_cast<OutputId>(a_.outputs.read(in())));
      else
        return in().refuse(
            "an alarm has when, for, clear, clear_for, text, latch, remind, reads_state, polled, needs and drives");
    }
  }

  void handler() {
    Handler& row = m_.handlers.emplace_back();
    row.kind = read_choice<HandlerKind>(in(), kHandlerKindWords, "a kind of handler");
    if (of_input(row.kind)) row.input = static_cast<InputId>(a_.inputs.read(in()));
    if (row.kind == HandlerKind::Condition) row.condition = function_id();
    if (is_timed(row.kind)) row.time_ns = span();
    if (row.kind == HandlerKind::Window) window(row.window);
    for (;;) {
      if (in().take_word("reads_state"))
        row.reads_state = true;
      else if (in().take_word("polled"))
        row.polled = true;
      else if (in().take_word("needs"))
        row.needs.push_back(static_cast<InputId>(a_.inputs.read(in())));
      else
        break;
    }
    if (in().take_word("within")) row.within_ns = span();
    if (!in().take_word("call")) return in().refuse("`call` and a function belong here");
    row.function = function_id();
  }

  void window(Window& window) {
    const auto number = [&] { return static_cast<std::uint32_t>(in().number("a number of values", 0xFFFFFFFF)); };
    for (;;) {
      if (in().take_word("span"))
        window.span_ns = span();
      else if (in().take_word("values"))
        window.values = number();
      else if (in().take_word("step"))
        window.step = number();
      else if (in().take_word("least"))
        window.least = number();
      else if (in().take_word("late"))
        window.late_ns = span();
      else if (in().take_word("from_start"))
        window.from_start = true;
      else
        return;
    }
  }

  // Regions without a size of their own end where their last slot does; params find their slots by name.
  void finish_memory() {
    const auto size = [&](Region region) {
      const std::uint64_t grain = is_writable(region) ? 64 : 8;
      const int n = static_cast<int>(region);
      return static_cast<std::size_t>(sizes_[n].value_or((ends_[n] + grain - 1) / grain * grain));
    };
    m_.const_image.resize(size(Region::Const));
    m_.param_image.resize(size(Region::Param));
    m_.state_image.resize(size(Region::State));
    m_.input_bytes = static_cast<std::uint32_t>(size(Region::Input));
    m_.scratch_bytes = static_cast<std::uint32_t>(size(Region::Scratch));
    for (const std::size_t n : unplaced_params_)
      for (const Slot& slot : m_.slots)
        if (slot.region == Region::Param && slot.name == m_.params[n].name) m_.params[n].offset = slot.offset;
    std::ranges::sort(m_.slots, {}, [](const Slot& s) { return std::tuple(s.region, s.offset); });
  }

  Assembly a_;
  Module& m_ = a_.module;
  std::size_t inputs_ = 0, outputs_ = 0, alarms_ = 0;  // declared so far
  std::vector<std::size_t> unplaced_params_;
  std::optional<std::uint64_t> sizes_[kRegionCount];
  std::uint64_t ends_[kRegionCount] = {};
};

}  // namespace
}  // namespace assembly

Result<Module> assemble(std::string_view text, IntrinsicTable intrinsics) {
  return assembly::Assembler(text, intrinsics).run();
}

}  // namespace eyeflow::vm
