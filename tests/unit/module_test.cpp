#include <gtest/gtest.h>

#include "tests/unit/sample_module.h"
#include "vm/module/module.h"

namespace eyeflow::vm {
namespace {

using test::sample_module;

TEST(Module, BytesReadBackAsTheSameModule) {
  const Module module = sample_module();
  const auto bytes = write_module(module);
  EXPECT_EQ(write_module(module), bytes) << "the same module gives the same bytes";
  const auto read = read_module(bytes);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, module);
  EXPECT_EQ(write_module(Module{}), write_module(*read_module(write_module(Module{}))));
}

// Calculated by hand from docs/formats.md: whoever changes the layout changes the format's version too.
TEST(Module, LayoutIsTheDocumentedOne) {
  Module module;
  module.isa_version = 0x0102;
  module.task = "ab";
  module.types = {{.kind = TypeKind::Text, .region = Region::State, .capacity = 0x01020304}};
  module.state_image = {std::byte{9}, std::byte{0}};
  const std::vector<unsigned> expected = {
      0x89, 'E', 'F', 'M', '\r', '\n', 2, 0,                          // magic, format
      2,    1,                                                        // instruction set
      2,    0,   0,   0,   'a',  'b',  0, 0, 0, 0, 0, 0, 0, 0,        // task, doc, source
      1,    0,   0,   0,   1,    0,    3, 4, 3, 2, 1,                 // one type
      0,    0,   0,   0,   0,    0,    0, 0,                          // slots, functions
      0,    0,   0,   0,   0,    0,    0, 0, 0, 0, 0, 0,              // inputs, outputs, params
      0,    0,   0,   0,   0,    0,    0, 0,                          // alarms, handlers
      0,    0,   0,   0,   0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // const and param images: size, bytes stored
      2,    0,   0,   0,   1,    0,    0, 0, 9,                       // state image: its last zero is not stored
      0,    0,   0,   0,   0,    0,    0, 0,                          // sizes of Input and Scratch
      0,    0,   0,   0,                                              // models
  };
  std::vector<unsigned> got;
  for (const std::byte b : write_module(module)) got.push_back(std::to_integer<unsigned>(b));
  EXPECT_EQ(got, expected);
}

TEST(Module, EveryTruncationIsRefused) {
  const auto bytes = write_module(sample_module());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    // A copy of exactly that size: the address sanitizer sees a read beyond it.
    const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(read_module(cut)) << size;
  }
}

TEST(Module, AByteTooManyIsRefused) {
  auto bytes = write_module(sample_module());
  bytes.push_back(std::byte{0});
  const auto read = read_module(bytes);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("bytes follow its end"), std::string::npos) << read.error().message;
}

// Bytes and modules are one to one: what a flipped bit still reads as is another module, with those very bytes.
TEST(Module, EveryFlippedBitIsRefusedOrGivesAnotherModule) {
  const Module module = sample_module();
  const auto bytes = write_module(module);
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] ^= std::byte{1} << bit % 8;
    const auto read = read_module(flipped);
    if (!read) {
      ++refused;
      EXPECT_NE(read.error().message.find("eyeflowc"), std::string::npos) << "says what to do next";
      continue;
    }
    EXPECT_NE(*read, module) << "bit " << bit;
    EXPECT_EQ(write_module(*read), flipped) << "bit " << bit;
  }
  EXPECT_GT(refused, bytes.size()) << "magic, counts and enumerators";
}

TEST(Module, AHugeCountIsRefusedBeforeAnythingIsAllocated) {
  auto bytes = write_module(Module{});
  // The count of types stands behind magic, format, instruction set and three empty texts.
  for (std::size_t i = 0; i < 4; ++i) bytes[10 + 12 + i] = std::byte{0xFF};
  const auto read = read_module(bytes);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("it claims 4294967295 types"), std::string::npos) << read.error().message;
}

TEST(Module, AnotherFormatAndAnUnknownInstructionAskForAnUpdate) {
  auto bytes = write_module(sample_module());
  bytes[6] = std::byte{99};
  EXPECT_NE(read_module(bytes).error().message.find("module format 99"), std::string::npos);

  Module newer = sample_module();
  newer.functions[0].code[0].op = static_cast<Op>(kOpCount);
  const auto read = read_module(write_module(newer));
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("needs a newer version"), std::string::npos) << read.error().message;
  EXPECT_FALSE(read_module({}));
}

TEST(Module, TypesAndSlotsAreFoundByTheirNumbers) {
  const Module module = sample_module();
  EXPECT_EQ(module.type(0), nullptr) << "void is no register's type";
  EXPECT_EQ(module.type(type_id(Scalar::F64))->element, Scalar::F64);
  EXPECT_EQ(module.type(10), nullptr);
  EXPECT_EQ(module.type(15), nullptr);
  EXPECT_EQ(module.type(16)->kind, TypeKind::Text);
  EXPECT_EQ(module.type(23), nullptr);
  EXPECT_EQ(module.slot(Region::State, 8)->name, "last");
  EXPECT_EQ(module.slot(Region::State, 16), nullptr);
  EXPECT_EQ(module.slot(Region::Scratch, 0)->type, 17);
  EXPECT_EQ(module.slot(Region::Scratch, 48), nullptr);
  EXPECT_EQ(module.region_bytes(Region::Input), 208u);
  EXPECT_EQ(module.region_bytes(Region::Const), 24u);
}

}  // namespace
}  // namespace eyeflow::vm
