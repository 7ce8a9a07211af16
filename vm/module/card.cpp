#include "vm/module/card.h"

#include <algorithm>
#include <array>

#include "vm/module/byte_reader.h"
#include "vm/module/byte_writer.h"
#include "vm/module/module_fields.h"

namespace eyeflow::vm {
namespace module_format {

// A high bit, letters, both line endings, and the format's version.
constexpr std::array<unsigned char, 8> kCardMagic = {0x89, 'E', 'F', 'C', '\r', '\n', 1, 0};

void fields(auto& io, OneOf<CardRow> auto& x) {
  io.text(x.what);
  io.number(x.fuel);
  io.number(x.output_bytes);
  io.number(x.log_rows);
  io.number(x.frame_bytes);
  io.number(x.within_ns);
  io.number(x.runs_per_day);
}

void fields(auto& io, OneOf<Card> auto& x) {
  io.text(x.task);
  io.list(x.rows, "rows");
  io.number(x.state_bytes);
  io.number(x.scratch_bytes);
  io.number(x.code_bytes);
  io.number(x.row_bytes);
}

}  // namespace module_format

namespace {

constexpr TimeNs kDay = 86'400'000'000'000;

// How far two runs are apart at least, as declared; 0: nothing is.
TimeNs period_of(const Module& module, const Handler& handler) {
  const Window& window = handler.window;
  switch (handler.kind) {
    case HandlerKind::Input:
      return module.inputs[index(handler.input)].period_ns;
    case HandlerKind::Every:
      return handler.time_ns;
    case HandlerKind::TimeOfDay:
      return kDay;
    case HandlerKind::Window: {
      using Wide = __int128;
      const Wide period = window.span_ns > 0 ? Wide{window.span_ns} * window.step / window.values
                                             : Wide{module.inputs[index(handler.input)].period_ns} * window.step;
      return static_cast<TimeNs>(std::min(period, Wide{INT64_MAX}));
    }
    case HandlerKind::Start:
    case HandlerKind::Stale:
    case HandlerKind::Stop:
    case HandlerKind::Condition:
      return 0;
  }
  return 0;
}

std::uint64_t runs_per_day(const Module& module, const Handler& handler) {
  const TimeNs period = period_of(module, handler);
  return period > 0 ? static_cast<std::uint64_t>((kDay - 1) / period + 1) : 0;
}

CardRow row_of(const VerifiedModule& verified, FunctionId function) {
  const FunctionBound& bound = verified.bounds[index(function)];
  return {.what = verified.module.functions[index(function)].name,
          .fuel = bound.fuel,
          .output_bytes = bound.output_bytes,
          .log_rows = bound.log_rows,
          .frame_bytes = std::uint64_t{bound.frame_words} * 8};
}

CardRow alarm_row(const VerifiedModule& verified, const Alarm& alarm) {
  CardRow row = row_of(verified, alarm.when);
  const auto add = [&](FunctionId function) {
    const CardRow other = row_of(verified, function);
    row.frame_bytes = std::max(row.frame_bytes, other.frame_bytes);
    return other.fuel;
  };
  if (alarm.clear != kNoFunction) row.fuel = std::max(row.fuel, add(alarm.clear));
  row.fuel += add(alarm.text);  // made when it is raised
  row.what = "alarm " + alarm.name;
  return row;
}

// A number prints in at most 24 characters, a time in 32, a byte of text in at most 6 (as \u00XX), one of an array
// in 2.
std::uint64_t json_bytes(const Type& type) {
  const std::uint64_t capacity = type.capacity;
  if (type.kind == TypeKind::Scalar) return 32;
  if (type.kind == TypeKind::Text) return 2 + 6 * capacity;
  return 2 + capacity * (type.element == Scalar::U8 ? 2 : 32);
}
std::uint64_t json_bytes(const Module& module, const Output& log) {
  std::uint64_t bytes = 2;
  for (const Field& field : log.fields) {
    const Type& type = *module.type(field.type);
    bytes += field.name.size() + 4 + json_bytes(type);
  }
  return bytes;
}

}  // namespace

Card card_of(const VerifiedModule& verified) {
  const Module& module = verified.module;
  Card card{
      .task = module.task, .rows = {}, .state_bytes = module.state_image.size(), .scratch_bytes = module.scratch_bytes};
  for (const Function& function : module.functions) card.code_bytes += function.code.size() * sizeof(Instruction);
  for (const Handler& handler : module.handlers) {
    CardRow& row = card.rows.emplace_back(row_of(verified, handler.function));
    row.within_ns = handler.within_ns;
    if (handler.kind == HandlerKind::Condition) row.fuel += verified.bounds[index(handler.condition)].fuel;
    if (handler.kind == HandlerKind::Window)
      card.state_bytes +=
          window_bytes(handler.window, module.type(module.inputs[index(handler.input)].value.type)->element);
    row.runs_per_day = runs_per_day(module, handler);
  }
  for (const Alarm& alarm : module.alarms) card.rows.push_back(alarm_row(verified, alarm));
  for (const Output& output : module.outputs)
    if (output.kind == OutputKind::Log) card.row_bytes = std::max(card.row_bytes, json_bytes(module, output));
  return card;
}

std::vector<std::byte> write_card(const Card& card) {
  module_format::Writer writer;
  for (const unsigned char c : module_format::kCardMagic) writer.number(c);
  module_format::fields(writer, card);
  return std::move(writer.bytes);
}

Result<Card> read_card(std::span<const std::byte> bytes) {
  const auto& magic = module_format::kCardMagic;
  const bool known = bytes.size() >= magic.size() && std::ranges::equal(bytes.first(magic.size()), magic, {}, {},
                                                                        [](unsigned char c) { return std::byte{c}; });
  if (!known) return fail("not a card of a format that is known here; build the task again with 'eyeflowc build'");
  module_format::Reader reader(bytes, magic.size());
  Card card;
  module_format::fields(reader, card);
  if (reader.ok() && reader.left() != 0) reader.refuse("bytes follow its end");
  if (!reader.ok()) return fail("damaged card: " + reader.error() + "; build the task again with 'eyeflowc build'");
  return card;
}

std::string understated(const Card& stated, const Card& computed) {
  std::string found;
  const auto compare = [&](const std::string& what, std::uint64_t promised, std::uint64_t actual) {
    if (found.empty() && promised < actual)
      found = what + " is at most " + std::to_string(actual) + ", and its card states " + std::to_string(promised);
  };
  if (stated.rows.size() != computed.rows.size()) return "its card is that of another task";
  for (std::size_t i = 0; i < computed.rows.size(); ++i) {
    const CardRow &promised = stated.rows[i], &actual = computed.rows[i];
    if (promised.what != actual.what) return "its card is that of another task";
    compare("the fuel of '" + actual.what + "'", promised.fuel, actual.fuel);
    compare("the output of '" + actual.what + "', in bytes,", promised.output_bytes, actual.output_bytes);
    compare("the number of rows of '" + actual.what + "'", promised.log_rows, actual.log_rows);
    compare("the number of runs of '" + actual.what + "' a day", promised.runs_per_day, actual.runs_per_day);
    compare("the registers of '" + actual.what + "', in bytes,", promised.frame_bytes, actual.frame_bytes);
  }
  compare("the task's state, in bytes,", stated.state_bytes, computed.state_bytes);
  compare("the task's scratch, in bytes,", stated.scratch_bytes, computed.scratch_bytes);
  compare("a row, in bytes,", stated.row_bytes, computed.row_bytes);
  return found;
}

Result<void> check_card(const Bundle& bundle, const VerifiedModule& verified) {
  const BundleSection* section = bundle.find(kCardSection);
  if (section == nullptr) return {};
  const Result<Card> stated = read_card(section->bytes);
  if (!stated) return std::unexpected(stated.error());
  const std::string wrong = understated(*stated, card_of(verified));
  if (wrong.empty()) return {};
  return fail("the card is not that of the task: " + wrong + "; build the task again with 'eyeflowc build'");
}

}  // namespace eyeflow::vm
