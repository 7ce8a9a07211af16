#include "tests/fuzz/generate.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "tests/fuzz/generate_function.h"

namespace eyeflow::vm::test {

std::uint64_t Random::next() {
  std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  return z ^ z >> 31;
}

namespace {

template <typename T>
Word random_float(Random& random) {
  using L = std::numeric_limits<T>;
  const T edges[] = {T{0},           T{-0.0},        T{1},     T{-1},    T{0.5},          T{2.5},    L::infinity(),
                     -L::infinity(), L::quiet_NaN(), L::max(), L::min(), L::denorm_min(), T{9.2e18}, T{-3}};
  if (random.chance(60)) return to_word(canonical(edges[random.below(std::size(edges))]));
  return to_word(canonical(static_cast<T>(static_cast<double>(static_cast<std::int64_t>(random.next())) / 1e15)));
}

template <typename T>
Word random_integer(Random& random) {
  using L = std::numeric_limits<T>;
  const T edges[] = {
      T{0}, T{1}, T{2}, T{3}, static_cast<T>(-1), L::min(), L::max(), static_cast<T>(7), static_cast<T>(64)};
  return to_word(random.chance(70) ? edges[random.below(std::size(edges))] : static_cast<T>(random.next()));
}

}  // namespace

Word random_value(Random& random, Scalar type) {
  switch (type) {
    case Scalar::Void:
      return 0;
    case Scalar::Bool:
      return random.below(2);
    case Scalar::I64:
      return random_integer<std::int64_t>(random);
    case Scalar::I32:
      return random_integer<std::int32_t>(random);
    case Scalar::U8:
      return random_integer<std::uint8_t>(random);
    case Scalar::U16:
      return random_integer<std::uint16_t>(random);
    case Scalar::U32:
      return random_integer<std::uint32_t>(random);
    case Scalar::U64:
      return random_integer<std::uint64_t>(random);
    case Scalar::F32:
      return random_float<float>(random);
    case Scalar::F64:
      return random_float<double>(random);
  }
  return 0;
}

namespace {

// ---- Memory: a slot of every kind of type in every region, and more
// -----------------------------------------------------

class ModuleMaker {
 public:
  ModuleMaker(std::uint64_t seed, IntrinsicTable intrinsics) : random_(seed), intrinsics_(intrinsics) {
    m_.task = "generated_" + std::to_string(seed);
  }

  Module make() {
    border();
    for (int n = 0; n < kRegionCount; ++n) region(static_cast<Region>(n));
    for (std::uint32_t trips = 1; trips <= 4; ++trips) type({.kind = TypeKind::Counter, .capacity = trips});
    type({.kind = TypeKind::Counter, .capacity = 5 + random_.below(40)});
    finish_memory();
    m_.alarms.push_back({.name = "stands"});  // so that functions may acknowledge it
    const std::uint32_t functions = 2 + random_.below(4);
    for (std::uint32_t n = 0; n < functions; ++n)
      m_.functions.push_back(generate_function(random_, m_, intrinsics_, n + 2 >= functions));
    handlers();
    alarm();
    return std::move(m_);
  }

 private:
  TypeId type(const Type& row) {
    const auto number = static_cast<TypeId>(kFirstModuleType + (std::ranges::find(m_.types, row) - m_.types.begin()));
    if (m_.type(number) == nullptr) m_.types.push_back(row);
    return number;
  }

  // An input of each scalar type, so that every type can be read; a log with a text, a value and a switch.
  void border() {
    for (int s = 1; s < kScalarCount; ++s) {
      const auto scalar = static_cast<Scalar>(s);
      m_.inputs.push_back({.value = {.name = "in_" + std::string(name(scalar)), .type = type_id(scalar)}});
    }
    Output log{.name = "rows", .kind = OutputKind::Log};
    for (int n = static_cast<int>(random_.below(4)); n >= 0; --n)
      log.fields.push_back(
          {.name = "f" + std::to_string(n), .type = static_cast<TypeId>(1 + random_.below(kScalarCount - 1))});
    log.fields.push_back(
        {.name = "t", .type = type({.kind = TypeKind::Text, .region = Region::State, .capacity = kTextBytes})});
    m_.outputs.push_back(std::move(log));
    m_.outputs.push_back(
        {.name = "value", .kind = OutputKind::Value, .fields = {{.name = "value", .type = type_id(Scalar::F64)}}});
    m_.outputs.push_back(
        {.name = "on", .fields = {{.name = "on", .type = type_id(Scalar::Bool)}}, .has_initial = true});
  }

  void region(Region region) {
    const std::string at = std::string(name(region)) + "_";
    if (region == Region::Input) inputs();
    if (region == Region::State || region == Region::Scratch) far_ = random_.chance(3);
    for (int s = 1; s < kScalarCount && region != Region::Input && region != Region::Scratch; ++s) {
      const std::string scalar(name(static_cast<Scalar>(s)));
      slot(region, static_cast<TypeId>(s), at + scalar);
      if (region == Region::State) slot(region, static_cast<TypeId>(s), at + scalar + "2");
    }
    if (region == Region::Param) {
      for (const Slot& each : m_.slots)
        if (each.region == region)
          m_.params.push_back({.name = each.name, .type = static_cast<Scalar>(each.type), .offset = each.offset});
      return;
    }
    if (region == Region::Input) return;
    if (far_)  // what follows is out of the reach of a short displacement
      slot(region, type({.kind = TypeKind::Array, .element = Scalar::F64, .region = region, .capacity = kFarElements}),
           at + "far");
    // The same capacity in each region, so that arrays can be copied and added; one more that fits nothing else.
    for (int s = 1; s < kScalarCount; ++s) {
      const auto element = static_cast<Scalar>(s);
      const std::string scalar(name(element));
      slot(region, type({.kind = TypeKind::Array, .element = element, .region = region, .capacity = elements_}),
           at + "array_" + scalar);
      type({.kind = TypeKind::View, .element = element, .region = region, .capacity = elements_});
      slot(region, type({.kind = TypeKind::List, .element = element, .region = region, .capacity = elements_}),
           at + "list_" + scalar);
    }
    slot(region,
         type({.kind = TypeKind::Array, .element = Scalar::F64, .region = region, .capacity = 1 + random_.below(40)}),
         at + "more");
    slot(region,
         type({.kind = TypeKind::List, .element = Scalar::U8, .region = region, .capacity = 1 + random_.below(3)}),
         at + "few");
    slot(region, type({.kind = TypeKind::Text, .region = region, .capacity = kTextBytes}), at + "text");
    slot(region, type({.kind = TypeKind::Text, .region = region, .capacity = random_.below(30)}), at + "text2");
  }

  void inputs() {
    place({.region = Region::Input, .kind = SlotKind::Now, .type = type_id(Scalar::I64)});
    place({.region = Region::Input, .kind = SlotKind::EventTime, .type = type_id(Scalar::I64)});
    for (std::uint16_t n = 0; n < m_.inputs.size(); ++n) {
      const std::string& called = m_.inputs[n].value.name;
      place({.region = Region::Input,
             .kind = SlotKind::InputValue,
             .type = m_.inputs[n].value.type,
             .subject = n,
             .name = called});
      place({.region = Region::Input,
             .kind = SlotKind::InputReady,
             .type = type_id(Scalar::Bool),
             .subject = n,
             .name = called});
      place({.region = Region::Input,
             .kind = SlotKind::InputTime,
             .type = type_id(Scalar::I64),
             .subject = n,
             .name = called});
    }
    const TypeId text = type({.kind = TypeKind::Text, .region = Region::Input, .capacity = kTextBytes});
    place({.region = Region::Input, .kind = SlotKind::InputName, .type = text, .name = m_.inputs[0].value.name});
  }

  void slot(Region region, TypeId id, std::string called) {
    place({.region = region, .type = id, .name = std::move(called)});
  }

  void place(Slot slot) {
    std::uint32_t& end = ends_[static_cast<int>(slot.region)];
    slot.offset = end;
    const Type& type = *m_.type(slot.type);
    end += static_cast<std::uint32_t>(slot_size_bytes(type));
    if (std::vector<std::byte>* image = image_of(slot.region); image != nullptr) {
      image->resize(end);
      fill(type, image->data() + slot.offset);
    }
    m_.slots.push_back(std::move(slot));
  }

  std::vector<std::byte>* image_of(Region region) {
    return region == Region::Const   ? &m_.const_image
           : region == Region::Param ? &m_.param_image
           : region == Region::State ? &m_.state_image
                                     : nullptr;
  }

  void fill(const Type& type, std::byte* at) {
    const auto put = [](std::byte* to, Word word, std::size_t bytes) { std::memcpy(to, &word, bytes); };
    if (type.kind == TypeKind::Scalar) return put(at, random_value(random_, type.element), 8);
    // Mostly long: an index into an empty list ends the program.
    std::uint32_t length = random_.chance(20) ? random_.below(type.capacity + 1) : type.capacity - type.capacity / 4;
    if (type.kind == TypeKind::Text) {
      std::string text;
      while (text.size() + 2 <= length)
        text += random_.chance(30) ? "é" : std::string(2, static_cast<char>('a' + random_.below(26)));
      put(at, text.size(), 4);
      std::memcpy(at + 4, text.data(), text.size());
      return;
    }
    if (type.kind == TypeKind::List) put(at, length, 8), at += 8;
    if (type.kind == TypeKind::Array) length = type.capacity;
    const auto size = static_cast<std::size_t>(size_bytes(type.element));
    // Sums and products of the ends of a range end the program.
    const bool checked = type.element == Scalar::I64 || type.element == Scalar::I32;
    for (std::uint32_t n = 0; n < length; ++n)
      put(at + n * size, checked && calm_ ? random_.below(200) - 100ull : random_value(random_, type.element), size);
  }

  void finish_memory() {
    m_.state_image.resize((m_.state_image.size() + 63) / 64 * 64);
    m_.input_bytes = ends_[static_cast<int>(Region::Input)];
    m_.scratch_bytes = (ends_[static_cast<int>(Region::Scratch)] + 63) / 64 * 64;
  }

  void handlers() {
    std::vector<FunctionId> callable;
    for (std::size_t n = 0; n < m_.functions.size(); ++n)
      if (m_.functions[n].param_count == 0 && m_.functions[n].results.empty())
        callable.push_back(static_cast<FunctionId>(n));
    m_.handlers.push_back({.kind = HandlerKind::Start, .function = random_.one_of(callable)});
    m_.handlers.push_back({.kind = HandlerKind::Input,
                           .input = static_cast<InputId>(random_.below(static_cast<std::uint32_t>(m_.inputs.size()))),
                           .function = callable.back()});
    m_.handlers.push_back({.kind = HandlerKind::Every, .time_ns = 1'000'000'000, .function = callable.back()});
  }

  // One that never is raised.
  void alarm() {
    const auto text = std::ranges::find(m_.slots, "const_text", &Slot::name);
    const auto add = [&](Function function) {
      m_.functions.push_back(std::move(function));
      return static_cast<FunctionId>(m_.functions.size() - 1);
    };
    const TypeId is = type_id(Scalar::Bool);
    m_.alarms[0].when = add({.name = "stands when", .results = {is}, .registers = {is}, .code = {{Op::Return}}});
    m_.alarms[0].text =
        add({.name = "stands text",
             .results = {text->type},
             .registers = {text->type},
             .code = {{Op::Ref, 0, text->type, static_cast<std::uint16_t>(text->offset / 8)}, {Op::Return}}});
  }

  static constexpr std::uint32_t kTextBytes = 12, kFarElements = 4100;

  Random random_;
  IntrinsicTable intrinsics_;
  Module m_;
  std::uint32_t ends_[kRegionCount] = {};
  bool far_ = false, calm_ = random_.chance(80);
  // Operations on short arrays are made in place, those on long ones are calls.
  std::uint32_t elements_ = 1 + random_.below(random_.chance(75) ? 12 : 70);
};

}  // namespace

Module generate_module(std::uint64_t seed, IntrinsicTable intrinsics) { return ModuleMaker(seed, intrinsics).make(); }

}  // namespace eyeflow::vm::test
