#include <algorithm>

#include "compiler/check/checker.h"

// Images: a size and a format known when compiling, and what is made of them.
namespace eyeflow::compiler::check_detail {

using typed::ArrayFunction;
using typed::Type;
using typed::TypeKind;
using vm::PixelFormat;

namespace {

const std::vector<std::string>& method_names() {
  static const std::vector<std::string> names{"resize", "crop",       "gray",  "rgb",  "bgr",
                                              "at",     "red",        "green", "blue", "mean",
                                              "stddev", "difference", "min",   "max",  "histogram"};
  return names;
}

}  // namespace

Type TaskChecker::image_type(std::uint32_t width, std::uint32_t height, PixelFormat format) {
  Type type = plain(TypeKind::FixedArray, width * height * vm::pixel_bytes(format));
  type.element = arena_.intern(plain(TypeKind::U8));
  type.width = static_cast<std::uint16_t>(width);
  type.height = static_cast<std::uint16_t>(height);
  type.format = format;
  return type;
}

// image(640, 480, rgb8)
Type TaskChecker::resolve_image(const syntax::NamedType& named, const Span& span) {
  constexpr std::uint64_t kMostBytes = 1u << 24;
  if (named.arguments.size() != 3) {
    report(Code::UnknownType, span, "an image says its width, its height and its format",
           "write image(640, 480, rgb8)");
    return {};
  }
  const auto width = size_of(named.arguments[0], vm::kMostPixelsAcross, "an image has a width of"),
             height = size_of(named.arguments[1], vm::kMostPixelsAcross, "an image has a height of");
  const auto* word = named.arguments[2] ? std::get_if<syntax::NameExpr>(&named.arguments[2]->node) : nullptr;
  const auto format = word ? vm::pixel_format(word->name) : std::nullopt;
  if (!format) {
    if (!named.arguments[2] || std::holds_alternative<syntax::ErrorExpr>(named.arguments[2]->node)) return {};
    report(Code::UnknownOption, named.arguments[2]->span, quoted(named.arguments[2]->span) + " is no format of pixels",
           word ? suggestion(word->name, {"gray8", "rgb8", "bgr8", "yuyv"}) : "write gray8, rgb8, bgr8 or yuyv");
    return {};
  }
  if (!width || !height) return {};
  if (*format == PixelFormat::Yuyv && *width % 2 != 0) {
    report(Code::BadSize, named.arguments[0]->span, "a yuyv image has an even width: its pixels come in pairs");
    return {};
  }
  if (std::uint64_t{*width} * *height * vm::pixel_bytes(*format) > kMostBytes) {
    report(Code::BadSize, span, "an image has at most " + std::to_string(kMostBytes) + " bytes");
    return {};
  }
  return image_type(*width, *height, *format);
}

Value TaskChecker::image_member(Value image, const syntax::Name& name, const Span& span) {
  if (name.text == "width" || name.text == "height") {
    const Type& type = image.type();
    Value out(make_constant(make_whole(plain(TypeKind::I64), name.text == "width" ? type.width : type.height), span));
    out.literal = true;
    return out;
  }
  const bool is_method = std::ranges::find(method_names(), name.text) != method_names().end();
  report(
      Code::UnknownMember, name.span, to_string(image.type()) + " has no '" + name.text + "'",
      is_method ? "call it: " + name.text + "(…)" : "it has .width and .height, and functions such as .resize(w, h)");
  return {};
}

Value TaskChecker::image_method(const syntax::CallExpr& call, Value image, const syntax::Name& name, const Span& span) {
  const std::string& word = name.text;
  const Type type = image.type();
  const auto abandon = [&] {
    for (const syntax::Argument& a : call.arguments) expression(a.value);
    return Value();
  };
  const auto not_of = [&](const char* hint) {
    abandon();
    report(Code::UnknownMember, name.span, to_string(type) + " has no '" + word + "(…)'", hint);
    return Value();
  };
  const auto made = [&](const Type& result, ArrayFunction function, std::uint32_t count = 0) {
    typed::ArrayCall node{function, {}, count};
    node.arguments.push_back(std::move(image.expr));
    return make_expr(result, span, std::move(node));
  };
  const auto add_argument = [&](typed::ExprPtr& expr, typed::ExprPtr argument) {
    std::get<typed::ArrayCall>(expr->node).arguments.push_back(std::move(argument));
  };
  const bool is_yuyv = type.format == PixelFormat::Yuyv;
  if (word == "resize" || word == "crop") {
    const bool crops = word == "crop";
    if (is_yuyv && !crops) return not_of("write .rgb() or .gray() before it");
    if (!count_arguments(call, word, crops ? 4 : 2, span)) return {};
    typed::ExprPtr x, y;
    if (crops) {
      Value left = expression(call.arguments[0].value), top = expression(call.arguments[1].value);
      if (!left || !top) return {};
      x = position(std::move(left));
      y = position(std::move(top));
      if (!x || !y) return {};
    }
    const auto width = size_of(call.arguments[crops ? 2 : 0].value, vm::kMostPixelsAcross, "an image has a width of"),
               height = size_of(call.arguments[crops ? 3 : 1].value, vm::kMostPixelsAcross, "an image has a height of");
    if (!width || !height) return {};
    if (std::uint64_t{*width} * *height * vm::pixel_bytes(type.format) > (1u << 24)) {
      report(Code::BadSize, span, "an image has at most 16777216 bytes");
      return {};
    }
    if (crops && (*width > type.width || *height > type.height)) {
      report(Code::BadSize, span, "a part of " + to_string(type) + " is no larger than that");
      return {};
    }
    const typed::Constant* left = x ? as_constant(*x) : nullptr;
    if (is_yuyv && (*width % 2 != 0 || (left && whole(*left) % 2 != 0))) {
      report(Code::BadSize, span,
             "a part of a yuyv image begins and ends between pairs of pixels: x and width are even",
             "write .rgb() or .gray() before it");
      return {};
    }
    typed::ExprPtr out =
        made(image_type(*width, *height, type.format), crops ? ArrayFunction::Crop : ArrayFunction::Resize);
    if (crops) {
      add_argument(out, std::move(x));
      add_argument(out, std::move(y));
    }
    return Value(std::move(out));
  }
  if (word == "gray" || word == "rgb" || word == "bgr") {
    if (!count_arguments(call, word, 0, span)) return {};
    const PixelFormat to = word == "gray" ? PixelFormat::Gray8 : word == "rgb" ? PixelFormat::Rgb8 : PixelFormat::Bgr8;
    if (to == type.format) return image;
    return Value(made(image_type(type.width, type.height, to), ArrayFunction::Recolor));
  }
  if (word == "at" || word == "red" || word == "green" || word == "blue") {
    const bool is_gray = type.format == PixelFormat::Gray8;
    if (is_gray != (word == "at"))
      return not_of(is_gray ? "it has .at(x, y)" : "it has .red(x, y), .green(x, y) and .blue(x, y)");
    if (!count_arguments(call, word, 2, span)) return {};
    const bool is_first = (word == "red") == (type.format != PixelFormat::Bgr8);
    const std::uint32_t channel = word == "at" || (is_first && word != "green") ? 0 : word == "green" ? 1 : 2;
    typed::ExprPtr out = made(plain(TypeKind::U8), ArrayFunction::PixelAt, channel);
    for (const syntax::Argument& argument : call.arguments) {
      Value at = expression(argument.value);
      if (!at) return {};
      typed::ExprPtr place = position(std::move(at));
      if (!place) return {};
      const std::uint32_t size = &argument == call.arguments.data() ? type.width : type.height;
      if (const typed::Constant* c = as_constant(*place); c && (whole(*c) < 0 || whole(*c) >= Wide(size))) {
        report(Code::ConstantIndex, place->span,
               to_string(whole(*c)) + " is outside " + to_string(type) + ", whose pixels are counted from 0");
        return {};
      }
      add_argument(out, std::move(place));
    }
    return Value(std::move(out));
  }
  if (word == "mean" || word == "stddev") {
    if (!count_arguments(call, word, 0, span)) return {};
    return Value(made(plain(TypeKind::F64), word == "mean" ? ArrayFunction::PixelMean : ArrayFunction::PixelStddev));
  }
  if (word == "min" || word == "max") {
    if (!count_arguments(call, word, 0, span)) return {};
    return Value(made(plain(TypeKind::U8), word == "min" ? ArrayFunction::PixelMin : ArrayFunction::PixelMax));
  }
  if (word == "histogram") {
    if (!count_arguments(call, word, 1, span)) return {};
    const auto bins = size_of(call.arguments[0].value, 256, "a histogram has bins:");
    if (!bins) return {};
    Type counts = plain(TypeKind::FixedArray, *bins);
    counts.element = arena_.intern(plain(TypeKind::I64));
    return Value(made(counts, ArrayFunction::PixelHistogram));
  }
  if (word == "difference") {
    if (!count_arguments(call, word, 1, span)) return {};
    Value other = expression(call.arguments[0].value);
    if (!other) return {};
    if (other.type() != type) {
      mismatch(other, type);
      return {};
    }
    typed::ExprPtr out = made(plain(TypeKind::F64), ArrayFunction::PixelDifference);
    add_argument(out, std::move(other.expr));
    return Value(std::move(out));
  }
  abandon();
  const std::string near = suggestion(word, method_names());
  report(Code::UnknownMember, name.span, to_string(type) + " has no '" + word + "(…)'",
         near.empty() ? "it has .resize(w, h), .crop(x, y, w, h), .gray(), .mean() and others" : near);
  return {};
}

}  // namespace eyeflow::compiler::check_detail
