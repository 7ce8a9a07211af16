// Hashes what the intrinsics give for pseudo-random arguments and compares with a golden file: the same bits on every
// CPU. Built and run natively and, through the arm64 preset, under qemu.
//
//   stdlib_bits GOLDEN            compares; says which intrinsics differ
//   stdlib_bits GOLDEN --update   writes it anew: only when a row was appended
#include <bit>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "stdlib/intrinsics/intrinsics.h"
#include "stdlib/kernels/fft.h"
#include "vm/isa/context.h"

namespace {

using namespace eyeflow;
using vm::Match;
using vm::Reference;
using vm::Region;
using vm::Scalar;
using vm::Word;

constexpr int kRounds = 100'000;

class Random {  // SplitMix64
 public:
  std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  // In turn: any bits at all, 0 .. 1, and the magnitudes that a plant sees.
  double f64(int round) {
    const std::uint64_t b = bits();
    const double unit = static_cast<double>(b >> 11) * 0x1p-53;
    switch (round % 4) {
      case 0:
        return std::bit_cast<double>(b);
      case 1:
        return unit * 2 - 1;
      default:
        return (unit * 2 - 1) * (round % 4 == 2 ? 100 : 700);
    }
  }

 private:
  std::uint64_t state_ = 1;
};

struct Hash {  // FNV-1a
  std::uint64_t value = 0xcbf29ce484222325ull;
  void add(const void* data, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
      value = (value ^ static_cast<const unsigned char*>(data)[i]) * 0x100000001b3ull;
  }
};

Word argument(const vm::Operand& param, Random& random, int round) {
  if (param.scalar == Scalar::F64) return vm::to_word(vm::canonical(random.f64(round)));
  if (param.scalar == Scalar::F32) return vm::to_word(vm::canonical(static_cast<float>(random.f64(round))));
  if (param.scalar == Scalar::Bool) return random.bits() & 1;
  return random.bits() >> random.bits() % 64;  // whole numbers of all sizes
}

void put_element(Word* array, std::uint32_t n, Scalar element, Random& random, int round) {
  const auto size = static_cast<std::size_t>(vm::size_bytes(element));
  Word word;
  if (element == Scalar::F64)
    word = vm::to_word(vm::canonical(random.f64(round | 1)));
  else if (element == Scalar::F32)
    word = vm::to_word(vm::canonical(static_cast<float>(random.f64(round | 1))));
  else
    word = random.bits();
  std::memcpy(reinterpret_cast<std::byte*>(array) + n * size, &word, size);  // little-endian
}

constexpr std::uint32_t kMost = 2048;  // elements of an array

// Of arrays whose sizes belong together.
std::vector<std::uint32_t> capacities(const vm::IntrinsicDesc& desc, const stdlib::FftShape& shape) {
  constexpr std::uint32_t kSquare = 14 * 14;
  if (desc.name.starts_with("array.matmul.")) return {kSquare, kSquare, kSquare, 0, 0};
  if (desc.name.starts_with("signal.magnitudes.") || desc.name.starts_with("signal.powers.")) return {100, 200, 0, 0};
  if (desc.name.starts_with("signal.fir.")) return {190, 200, 11, 0};
  if (desc.name.starts_with("signal.resample.")) return {157, 200};
  if (desc.name == "image.resize") return {8 * 4 * 3, 10 * 6 * 3, 0, 0, 0};
  if (desc.name == "image.recolor") return {60, 60 * 3, 0};
  if (desc.name.starts_with("image.histogram")) return {48, 200};
  if (desc.name == "image.crop") return {4 * 3 * 3, 10 * 6 * 3, 0, 0, 0};
  if (desc.name.starts_with("signal.fft."))
    return {static_cast<std::uint32_t>(2 * shape.bins()), shape.n, static_cast<std::uint32_t>(shape.table_numbers()),
            static_cast<std::uint32_t>(shape.scratch_numbers())};
  return std::vector<std::uint32_t>(vm::kMaxIntrinsicParams, 200);
}

// One of the arguments that is a whole number.
Word whole_number(const vm::IntrinsicDesc& desc, int p, Random& random) {
  if (desc.name.starts_with("array.matmul.")) return p == 3 ? random.bits() % 3 * 4 : 14;
  if (desc.name.starts_with("signal.fir.")) return random.bits() % 3 * 4;
  if (desc.name.starts_with("signal.")) return random.bits() % 3;
  if (desc.name == "image.resize") return p == 2 ? 10 : p == 3 ? 8 : 3;
  if (desc.name == "image.recolor") return 2 + 16 * 1;
  if (desc.name == "image.crop") return p < 4 ? random.bits() % 5 : Word{10} + (Word{4} << 16) + (Word{3} << 32);
  if (desc.name == "image.sample.yuyv") return p == 1 ? random.bits() % 110 : random.bits() % 4;
  if (desc.name.starts_with("bytes."))
    return p == 1 ? random.bits() % 210 : (Word{1} << random.bits() % 4) + random.bits() % 8 * 16;
  return vm::to_word(static_cast<std::int64_t>(random.bits() % 19) - 1);  // digits
}

std::uint64_t hash_of(const vm::IntrinsicDesc& desc) {
  constexpr std::uint32_t kLengths[] = {2, 3, 4, 5, 7, 8, 12, 15, 16, 20, 25, 31, 32, 60, 64, 97, 100, 128, 200, 250};
  std::vector<Word> memory(std::size_t{kMost} * vm::kMaxIntrinsicParams + 64);
  vm::Context context;
  context.base[static_cast<int>(Region::Scratch)] = reinterpret_cast<std::byte*>(memory.data());
  Random random;
  Hash hash;
  bool has_references = false;
  for (const vm::Operand& param : desc.params)
    has_references |= param.match == Match::Array || param.match == Match::List || param.match == Match::Text;
  for (int round = 0; round < (has_references ? kRounds / 10 : kRounds); ++round) {
    const stdlib::FftShape shape = stdlib::fft_shape(kLengths[static_cast<std::size_t>(round) % std::size(kLengths)]);
    const std::vector<std::uint32_t> sizes = capacities(desc, shape);
    Word words[vm::kMaxIntrinsicParams] = {};
    std::uint32_t place = 0;
    for (int p = 0; p < desc.param_count; ++p) {
      const vm::Operand& param = desc.params[p];
      const std::uint32_t capacity = sizes[static_cast<std::size_t>(p)];
      if (param.match == Match::Array) {
        words[p] = Reference::make(Region::Scratch, place, capacity).word;
        for (std::uint32_t n = 0; n < capacity; ++n)
          put_element(memory.data() + place / 8, n, param.scalar, random, round);
        if (desc.name == "signal.fft.f64" && p == 2)
          std::memcpy(memory.data() + place / 8, stdlib::fft_table<double>(shape).data(), capacity * sizeof(double));
        if (desc.name == "signal.fft.f32" && p == 2)
          std::memcpy(memory.data() + place / 8, stdlib::fft_table<float>(shape).data(), capacity * sizeof(float));
      } else if (param.match == Match::List) {
        words[p] = Reference::make(Region::Scratch, place, capacity).word;
        memory[place / 8] = random.bits() % (capacity + 1);
        for (std::uint32_t n = 0; n < capacity; ++n)
          put_element(memory.data() + place / 8 + 1, n, param.scalar, random, round);
      } else if (param.match == Match::Text) {
        words[p] = Reference::make(Region::Scratch, place, capacity).word;
        std::string text;
        for (std::uint64_t n = random.bits() % (p == 0 ? 100 : 4); n > 0; --n)
          text += static_cast<char>('a' + random.bits() % 3);
        context.set_text({words[p]}, 0, text);
      } else {
        words[p] = argument(param, random, round);
        const int first = desc.name.starts_with("bytes.") ? 1 : 2;
        if (param.scalar == Scalar::I64 && p >= first) words[p] = whole_number(desc, p, random);
      }
      place += kMost * 8;
    }
    Word result = 0;
    desc.function(context, words, &result);
    hash.add(&result, sizeof result);
    if (desc.result == Scalar::Void && desc.params[0].match == Match::Array) {
      hash.add(memory.data(), sizes[0] * static_cast<std::size_t>(vm::size_bytes(desc.params[0].scalar)));
    } else if (desc.result == Scalar::Void && desc.params[0].match == Match::Text) {
      const std::string_view text = context.text({words[0]});
      hash.add(text.data(), text.size());
    }
  }
  return hash.value;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: stdlib_bits GOLDEN [--update]\n";
    return 2;
  }
  std::ostringstream got;
  for (const vm::IntrinsicDesc& desc : stdlib::intrinsics())
    got << desc.name << ' ' << std::hex << hash_of(desc) << '\n';
  if (argc > 2 && std::strcmp(argv[2], "--update") == 0) {
    std::ofstream(argv[1]) << got.str();
    return 0;
  }
  std::ifstream golden(argv[1]);
  std::istringstream lines(got.str());
  int different = 0;
  for (std::string mine, expected; std::getline(lines, mine);) {
    if (!std::getline(golden, expected)) expected = "nothing";
    if (mine == expected) continue;
    std::cerr << "expected " << expected << ", got " << mine << '\n';
    ++different;
  }
  std::cout << stdlib::intrinsics().size() << " intrinsics, " << different << " differ from " << argv[1] << '\n';
  return different != 0;
}
