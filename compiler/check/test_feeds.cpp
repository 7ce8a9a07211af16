#include <algorithm>
#include <cmath>

#include "compiler/check/checker.h"
#include "stdlib/images/image_file.h"

// `camera <- from "part.jpg"`: readings that stand in files. Images and bytes are fed as they are, from one file or
// from those of a folder; numbers stand in tables, a line a reading.
namespace eyeflow::compiler::check_detail {

using typed::Type;
using typed::TypeKind;

namespace {

constexpr std::size_t kMostReadings = 100'000;
constexpr std::size_t kMostWrongLines = 10;  // told of one file
constexpr std::size_t kMostFedBytes = std::size_t{1} << 30;
constexpr const char* kTime = "time";

const Type& bare(const typed::Input& input) {
  return input.type.kind == TypeKind::Optional ? *input.type.element : input.type;
}

bool is_fed_raw(const Type& type) { return typed::is_array(type.kind) && type.element->kind == TypeKind::U8; }

std::string bytes_of(std::uint64_t count) { return std::to_string(count) + (count == 1 ? " byte" : " bytes"); }

std::string across(std::uint32_t width, std::uint32_t height) {
  return std::to_string(width) + " × " + std::to_string(height);
}

}  // namespace

// ---- As they are

std::optional<typed::Feed> TaskChecker::feed_of_bytes(typed::InputId id, const FedFiles::File& file,
                                                      const Span& place) {
  const typed::Input& input = task_.inputs[typed::index(id)];
  const Type& type = bare(input);
  const auto refuse = [&](std::string message, std::string hint = {}) {
    report(Code::TestFile, place, file.name + std::move(message), std::move(hint));
    return std::nullopt;
  };
  typed::Feed feed{.input = id, .value = {}};
  if (!typed::is_image(type)) {
    const bool fits =
        type.kind == TypeKind::FixedArray ? file.bytes.size() == type.size : file.bytes.size() <= type.size;
    if (!fits)
      return refuse(" has " + bytes_of(file.bytes.size()) + ", but '" + input.name + "' takes " +
                    (type.kind == TypeKind::FixedArray ? "" : "at most ") + bytes_of(type.size));
    feed.elements = std::make_shared<const std::string>(file.bytes);
    return feed;
  }
  std::vector<char> buffer;
  const auto pixels = stdlib::pixels_of_file({type.width, type.height, type.format}, file.bytes, buffer);
  if (pixels) {
    feed.elements = std::make_shared<const std::string>(*pixels);
    return feed;
  }
  switch (pixels.error().fault) {
    case stdlib::ImageFault::NoImage:
      return refuse(" is no image: neither a JPEG or PNG file nor a portable anymap (P5, P6), nor " +
                    bytes_of(type.size) + " of pixels");
    case stdlib::ImageFault::Broken:
      return refuse(" breaks off, or is damaged");
    case stdlib::ImageFault::OtherSize:
      return refuse(" is " + across(pixels.error().width, pixels.error().height) + " pixels, but '" + input.name +
                        "' takes " + across(type.width, type.height),
                    "bring it to that size, or declare " + std::string("image(") +
                        std::to_string(pixels.error().width) + ", " + std::to_string(pixels.error().height) + ", " +
                        std::string(vm::kPixelFormatNames[static_cast<std::size_t>(type.format)]) + ")");
    case stdlib::ImageFault::OtherFormat:
      return refuse(" gives no pixels in yuyv", "declare rgb8 or gray8, or feed a file of the pixels themselves");
  }
  return std::nullopt;
}

std::optional<FedFiles> TaskChecker::fed_files(const typed::Input& input, const syntax::TestFile& named) {
  if (!is_fed_raw(bare(input))) {
    report(Code::TestFile, named.span,
           "'" + input.name + "' is " + typed::to_string(input.type) + ", and such readings stand in a table",
           "name a file that ends in .csv");
    return std::nullopt;
  }
  if (!modules_given_.read_fed) {
    report(Code::TestFile, named.span, "no files can be read here");
    return std::nullopt;
  }
  auto files = modules_given_.read_fed(named.path);
  if (files) return std::move(*files);
  report(Code::TestFile, named.span, files.error().message, "the path is that from the folder of this file");
  return std::nullopt;
}

std::optional<typed::Feed> TaskChecker::cell_feed(typed::InputId input, const syntax::TestFile& named) {
  const typed::Input& of = task_.inputs[typed::index(input)];
  if (!is_fed_raw(bare(of))) {
    report(Code::TestFile, named.span,
           "'" + of.name + "' is " + typed::to_string(of.type) + ", and a row takes only images and bytes from files",
           "write the value");
    return std::nullopt;
  }
  const auto files = fed_files(of, named);
  if (!files) return std::nullopt;
  if (!files->is_folder) return feed_of_bytes(input, files->files.front(), named.span);
  report(Code::TestFile, named.span, named.path + " is a folder, and a row gives one reading",
         "name a file in it; a folder is fed in a step");
  return std::nullopt;
}

// ---- In tables

std::optional<FileReading> TaskChecker::sample_of(const std::vector<CsvField>& record,
                                                  const std::vector<DataColumn>& columns, typed::InputId input) {
  if (!has_all_fields(record, columns)) return std::nullopt;
  FileReading out{.feed = {.input = input, .value = {}}, .at_ns = {}};
  for (const DataColumn& column : columns) {
    const CsvField& field = record[*column.field];
    if (field.text == "missing" || field.text == "bad") {
      if (&column == &columns.front()) continue;  // a bad reading
    }
    const syntax::ExprPtr cell = cell_expression(field, *column.type, column.unit);
    auto value = cell ? constant(cell, *column.type) : std::nullopt;
    if (!value) return std::nullopt;
    if (&column == &columns.front())
      out.feed.value = std::move(*value);
    else
      out.at_ns = std::get<std::int64_t>(value->value);
  }
  return out;
}

std::optional<FileReading> TaskChecker::block_of(const std::vector<CsvField>& record, typed::InputId input) {
  const Type& type = bare(task_.inputs[typed::index(input)]);
  const Span line = join(record.front().span, record.back().span);
  const bool is_fixed = type.kind == TypeKind::FixedArray;
  if (is_fixed ? record.size() != type.size : record.size() > type.size) {
    report(Code::TestFile, line,
           "this line has " + std::to_string(record.size()) + " values, but '" +
               task_.inputs[typed::index(input)].name + "' takes " + (is_fixed ? "" : "at most ") +
               std::to_string(type.size));
    return std::nullopt;
  }
  const std::string unit = typed::is_number(type.element->kind) ? typed::unit_text(*type.element) : std::string();
  typed::Aggregate elements;
  for (const CsvField& field : record) {
    const syntax::ExprPtr cell = cell_expression(field, *type.element, unit);
    auto value = cell ? constant(cell, *type.element) : std::nullopt;
    if (!value) return std::nullopt;
    elements.elements.push_back(std::move(*value));
  }
  return FileReading{.feed = {.input = input, .value = typed::Constant{type, std::move(elements)}}, .at_ns = {}};
}

bool TaskChecker::read_samples(const syntax::TestStep& step, typed::InputId input, std::vector<FileReading>& out) {
  const Type& type = bare(task_.inputs[typed::index(input)]);
  const Type duration{.kind = TypeKind::Duration};
  std::vector<DataColumn> columns = {{&type, task_.inputs[typed::index(input)].name, {}, {}}};
  bool has_header = typed::is_array(type.kind);  // an array's elements are the columns
  std::size_t wrong_lines = 0;
  std::int64_t last = 0;
  const bool is_whole = read_records(*step.file, [&](const std::vector<CsvField>& record, const Span& line) {
    if (!has_header) {
      has_header = true;
      for (const CsvField& field : record)
        if (trimmed(std::string_view(field.text).substr(0, field.text.find('['))) == kTime)
          columns.push_back({&duration, kTime, {}, {}});
      return read_data_header(record, step.span, columns);
    }
    if (out.size() == kMostReadings) {
      report(Code::TestFile, line, "a step feeds at most " + std::to_string(kMostReadings) + " readings",
             "split the file");
      return false;
    }
    // A gap: there is no reading then.
    if (record.size() == columns.size() && !typed::is_array(type.kind)) {
      const std::string& text = record[*columns.front().field].text;
      if (text.empty() || text == "_") return true;
    }
    auto reading = typed::is_array(type.kind) ? block_of(record, input) : sample_of(record, columns, input);
    if (reading && reading->at_ns && *reading->at_ns < last) {
      report(Code::TestFile, line, "this reading is older than the one above", "readings stand in the order of time");
      reading.reset();
    }
    if (!reading) return ++wrong_lines < kMostWrongLines;
    if (reading->at_ns) last = *reading->at_ns;
    out.push_back(std::move(*reading));
    return true;
  });
  if (!is_whole || wrong_lines > 0) return false;
  if (out.empty())
    report(Code::TestFile, step.file->span, step.file->path + " has no readings",
           typed::is_array(type.kind) ? "each line is a reading"
                                      : "its first line names the input, then come its readings");
  return !out.empty();
}

// ---- The steps

void TaskChecker::check_file_feed(const syntax::TestStep& step, typed::TestStep first, std::int64_t& now,
                                  typed::Test& out) {
  std::optional<std::int64_t> every_ns;
  if (step.every) {
    every_ns = positive_duration(step.every, "the time between readings");
    if (!every_ns) return;
  }
  const auto fed = fed_input(step);
  if (!fed) return;
  const typed::Input& input = task_.inputs[typed::index(*fed)];
  std::vector<FileReading> readings;
  bool is_stream = true;
  if (is_table(step.file->path)) {
    if (typed::is_image(bare(input))) {
      report(Code::TestFile, step.file->span, "'" + input.name + "' takes images, and a table holds none",
             "name an image file, or a folder of them");
      return;
    }
    if (!read_samples(step, *fed, readings)) return;
    is_stream = readings.size() > 1;
  } else {
    const auto files = fed_files(input, *step.file);
    if (!files) return;
    std::size_t bytes = 0;
    for (const FedFiles::File& file : files->files) {
      auto feed = feed_of_bytes(*fed, file, step.file->span);
      if (!feed) return;
      bytes += feed->elements->size();
      if (bytes > kMostFedBytes) {
        report(Code::TestFile, step.file->span, step.file->path + " holds more than 1 GiB of readings",
               "take fewer of its files");
        return;
      }
      readings.push_back({std::move(*feed), {}});
    }
    is_stream = files->is_folder;
    if (readings.empty()) {
      report(Code::TestFile, step.file->span, step.file->path + " holds no files");
      return;
    }
  }
  const bool has_times = readings.front().at_ns.has_value();
  if (step.every && (!is_stream || has_times)) {
    report(Code::TestFile, step.every->span,
           has_times ? "the file says itself when its readings come" : "this is one reading", "leave 'every' out");
    return;
  }
  const double rate = input.rate_hz.value_or(0);
  if (!every_ns) every_ns = input.every_ns;
  if (is_stream && !has_times && !every_ns && rate == 0) {
    report(Code::TestFile, step.file->span, "how far apart these readings are is not said",
           !is_table(step.file->path)          ? "write every 1 s behind the folder"
           : typed::is_array(bare(input).kind) ? "write every 1 s behind the file"
                                               : "write every 1 s behind the file, or give it a column  time [s]");
    return;
  }
  if (is_stream && first.at_computed) {
    report(Code::TestFile, step.at->span, "many readings begin at a time that is the same in each run",
           "write the time itself");
    return;
  }
  for (std::size_t n = 0; n < readings.size(); ++n) {
    const std::int64_t since = has_times  ? *readings[n].at_ns
                               : every_ns ? static_cast<std::int64_t>(n) * *every_ns
                               : rate > 0 ? std::llround(static_cast<double>(n) * 1e9 / rate)
                                          : 0;
    out.steps.push_back({.span = step.span,
                         .at_ns = now + since,
                         .at_computed = std::move(first.at_computed),
                         .action = std::move(readings[n].feed)});
  }
  now = out.steps.back().at_ns;
}

}  // namespace eyeflow::compiler::check_detail
