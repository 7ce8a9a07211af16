#include "jit/baseline/symbols.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "jit/baseline/code_memory.h"

namespace eyeflow::jit {
namespace {

// The list that a debugger walks, laid out as gdb's manual has it.
struct Entry {
  Entry *next, *previous;
  const char* object;
  std::uint64_t size;
};
struct Descriptor {
  std::uint32_t version, action;
  Entry *relevant, *first;
};
extern "C" Descriptor __jit_debug_descriptor;

#define EXPECT_CONTAINS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
std::string output_of(const std::string& command) {
  std::string text;
  std::FILE* pipe = popen(command.c_str(), "r");
  std::array<char, 4096> part;
  while (pipe != nullptr && std::fgets(part.data(), part.size(), pipe) != nullptr) text += part.data();
  if (pipe != nullptr) pclose(pipe);
  return text;
}
std::string hex(std::uintptr_t value) {
  std::ostringstream out;
  out << std::hex << value;
  return out.str();
}

// Two functions in one block.
struct Code {
  CodeMemory memory;
  CodeSymbols symbols;
};
Code two_functions() {
  Code code;
  auto memory = CodeMemory::allocate(256);
  EXPECT_TRUE(memory);
  EXPECT_TRUE(memory->seal());
  code.memory = std::move(*memory);
  code.symbols = {
      .code = code.memory.code(),
      .size_bytes = 256,
      .functions = {{0, 100, symbol_name("monitor_t1", "limit_of")}, {112, 144, symbol_name("monitor_t1", "on t1")}},
      .lines = {{0, 7}, {16, 9}, {112, 3}, {200, 300}},
      .source = "monitor_t1.eft"};
  return code;
}
// In the order of readelf's table: address without leading zeros is what it begins with.
std::string readelf(const std::vector<std::byte>& object, const std::string& what) {
  char path[] = "/tmp/eyeflow-symbols-XXXXXX";
  close(mkstemp(path));
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(object.data()), static_cast<std::streamsize>(object.size()));
  const std::string text = output_of(std::string("readelf --wide ") + what + " " + path + " 2>&1");
  unlink(path);
  return text;
}

TEST(Symbols, NamesAreOneLineEach) {
  EXPECT_EQ(symbol_name("monitor_t1", "on t1"), "eyeflow:monitor_t1:on t1");
  EXPECT_EQ(symbol_name("a", "b\nc"), "eyeflow:a:b?c");
}

TEST(Symbols, MapLinesCoverTheFunctions) {
  const Code code = two_functions();
  const auto at = reinterpret_cast<std::uintptr_t>(code.memory.code());
  EXPECT_EQ(perf_map_lines(code.symbols),
            hex(at) + " 64 eyeflow:monitor_t1:limit_of\n" + hex(at + 112) + " 90 eyeflow:monitor_t1:on t1\n");
}

TEST(Symbols, TheObjectNamesTheFunctions) {
  const Code code = two_functions();
  const auto object = debug_object(code.symbols);
  const std::string sections = readelf(object, "-S");
  EXPECT_CONTAINS(sections, ".text             NOBITS");
  EXPECT_CONTAINS(sections, hex(reinterpret_cast<std::uintptr_t>(code.memory.code())));
  EXPECT_EQ(sections.find("arning"), std::string::npos) << sections;
  const std::string symbols = readelf(object, "-s");
  EXPECT_CONTAINS(symbols, "0000000000000000   100 FUNC    GLOBAL DEFAULT    1 eyeflow:monitor_t1:limit_of");
  EXPECT_CONTAINS(symbols, "0000000000000070   144 FUNC    GLOBAL DEFAULT    1 eyeflow:monitor_t1:on t1");
}

TEST(Symbols, TheObjectKnowsTheLines) {
  const Code code = two_functions();
  const auto at = reinterpret_cast<std::uintptr_t>(code.memory.code());
  const std::string lines = readelf(debug_object(code.symbols), "--debug-dump=decodedline");
  std::string found;
  std::istringstream in(lines);
  for (std::string row; std::getline(in, row);) {
    std::istringstream fields(row);
    std::string file, line, address;
    if (fields >> file >> line >> address && file == "monitor_t1.eft" && address.starts_with("0x"))
      found += line + "@" + address + " ";
  }
  EXPECT_EQ(found, "7@0x" + hex(at) + " 9@0x" + hex(at + 16) + " 3@0x" + hex(at + 112) + " 300@0x" + hex(at + 200) +
                       " -@0x" + hex(at + 256) + " ")
      << lines;
  const std::string info = readelf(debug_object(code.symbols), "--debug-dump=info");
  EXPECT_CONTAINS(info, "eyeflow:monitor_t1:on t1");
  EXPECT_EQ(info.find("arning"), std::string::npos) << info;
}

TEST(Symbols, WithoutASourceThereAreNoLines) {
  Code code = two_functions();
  code.symbols.source.clear();
  EXPECT_EQ(readelf(debug_object(code.symbols), "-S").find("debug_line"), std::string::npos);
}

// In a process of its own: what is asked for once holds until the end.
template <typename F>
void in_child(F what) {
  const pid_t child = fork();
  if (child == 0) {
    what();
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(Symbols, NothingIsToldUnasked) {
  in_child([] {
    EXPECT_FALSE(symbols_wanted());
    const Code code = two_functions();
    const SymbolRegistration registration(code.symbols);
    EXPECT_EQ(__jit_debug_descriptor.first, nullptr);
    EXPECT_NE(access(("/tmp/perf-" + std::to_string(getpid()) + ".map").c_str(), F_OK), 0);
  });
}

TEST(Symbols, PerfFindsTheMap) {
  in_child([] {
    const std::string path = "/tmp/perf-" + std::to_string(getpid()) + ".map";
    std::ofstream(path) << "left of an earlier process\n";
    ASSERT_TRUE(enable_perf_map());
    EXPECT_TRUE(symbols_wanted());
    const Code one = two_functions(), two = two_functions();
    const SymbolRegistration first(one.symbols), second(two.symbols);
    EXPECT_EQ(text_of(path), perf_map_lines(one.symbols) + perf_map_lines(two.symbols));
    unlink(path.c_str());
  });
}

TEST(Symbols, TheMapIsWrittenThroughNoLink) {
  in_child([] {
    const std::string path = "/tmp/perf-" + std::to_string(getpid()) + ".map", victim = path + ".victim";
    std::ofstream(victim) << "precious\n";
    ASSERT_EQ(symlink(victim.c_str(), path.c_str()), 0);
    ASSERT_TRUE(enable_perf_map());
    const Code code = two_functions();
    const SymbolRegistration registration(code.symbols);
    EXPECT_EQ(text_of(victim), "precious\n");
    unlink(path.c_str());
    unlink(victim.c_str());
  });
}

TEST(Symbols, GdbKnowsTheCodeWhileItLives) {
  in_child([] {
    enable_gdb();
    const Code code = two_functions();
    const auto listed = [] {
      std::size_t count = 0;
      const Entry* before = nullptr;
      for (const Entry* entry = __jit_debug_descriptor.first; entry != nullptr; before = entry, entry = entry->next) {
        EXPECT_EQ(entry->previous, before);
        EXPECT_EQ(std::string_view(entry->object, 4),
                  "\x7f"
                  "ELF");
        ++count;
      }
      return count;
    };
    EXPECT_EQ(listed(), 0u);
    {
      SymbolRegistration first(code.symbols), second(code.symbols), third(code.symbols);
      EXPECT_EQ(listed(), 3u);
      second = SymbolRegistration();
      EXPECT_EQ(listed(), 2u);
      const SymbolRegistration moved = std::move(first);
      EXPECT_EQ(listed(), 2u);
      third = SymbolRegistration(code.symbols);
      EXPECT_EQ(listed(), 2u);
    }
    EXPECT_EQ(listed(), 0u);
  });
}

}  // namespace
}  // namespace eyeflow::jit
