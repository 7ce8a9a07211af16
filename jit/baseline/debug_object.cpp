#include <elf.h>

#include <cstring>
#include <string_view>

#include "jit/baseline/symbols.h"

// The object file that a debugger reads: sections and symbols after the ELF specification, lines after DWARF 4.
namespace eyeflow::jit {
namespace {

using Bytes = std::vector<std::byte>;

class Out {
 public:
  explicit Out(Bytes& bytes) : bytes_(bytes) {}
  template <typename T>
  Out& put(T value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof value);
    std::memcpy(bytes_.data() + at, &value, sizeof value);
    return *this;
  }
  Out& u8(std::uint64_t value) { return put(static_cast<std::uint8_t>(value)); }
  Out& u16(std::uint64_t value) { return put(static_cast<std::uint16_t>(value)); }
  Out& u32(std::uint64_t value) { return put(static_cast<std::uint32_t>(value)); }
  Out& u64(std::uint64_t value) { return put(value); }
  Out& text(std::string_view value) {
    for (const char c : value) u8(static_cast<unsigned char>(c));
    return u8(0);
  }
  Out& uleb(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) u8((value & 0x7f) | 0x80);
    return u8(value);
  }
  Out& sleb(std::int64_t value) {
    for (;;) {
      const std::int64_t rest = value >> 7;
      const bool last = (rest == 0 && (value & 0x40) == 0) || (rest == -1 && (value & 0x40) != 0);
      u8((static_cast<std::uint64_t>(value) & 0x7f) | (last ? 0 : 0x80));
      if (last) return *this;
      value = rest;
    }
  }
  std::size_t size() const { return bytes_.size(); }
  // A length that is known only behind what it counts.
  void patch_length(std::size_t at) {
    const auto length = static_cast<std::uint32_t>(bytes_.size() - at - sizeof(std::uint32_t));
    std::memcpy(bytes_.data() + at, &length, sizeof length);
  }

 private:
  Bytes& bytes_;
};

namespace dwarf {
enum : std::uint8_t {
  kCompileUnit = 0x11,
  kSubprogram = 0x2e,
  kName = 0x03,
  kStatementList = 0x10,
  kLowPc = 0x11,
  kHighPc = 0x12,
  kLanguage = 0x13,
  kFormAddress = 0x01,
  kFormData2 = 0x05,
  kFormData4 = 0x06,
  kFormText = 0x08,
  kFormSectionOffset = 0x17,
  kNoChildren = 0,
  kChildren = 1,
  kCopyRow = 1,
  kAdvancePc = 2,
  kAdvanceLine = 3,
  kSetAddress = 2,  // extended
  kEndSequence = 1  // extended
};
constexpr std::uint16_t kAnyLanguage = 0x8001;  // of the range that is nobody's
}  // namespace dwarf

Bytes abbreviations() {
  using namespace dwarf;
  Bytes bytes;
  Out out(bytes);
  out.uleb(1).uleb(kCompileUnit).u8(kChildren);
  out.u8(kName).u8(kFormText).u8(kLanguage).u8(kFormData2);
  out.u8(kLowPc).u8(kFormAddress).u8(kHighPc).u8(kFormAddress).u8(kStatementList).u8(kFormSectionOffset).u16(0);
  out.uleb(2).uleb(kSubprogram).u8(kNoChildren);
  out.u8(kName).u8(kFormText).u8(kLowPc).u8(kFormAddress).u8(kHighPc).u8(kFormAddress).u16(0);
  out.u8(0);
  return bytes;
}

std::uint64_t address(const CodeSymbols& symbols, std::size_t offset) {
  return reinterpret_cast<std::uintptr_t>(symbols.code) + offset;
}

Bytes information(const CodeSymbols& symbols) {
  Bytes bytes;
  Out out(bytes);
  out.u32(0).u16(4).u32(0).u8(8);  // length, version, abbreviations' offset, bytes of an address
  out.uleb(1).text(symbols.source).u16(dwarf::kAnyLanguage);
  out.u64(address(symbols, 0)).u64(address(symbols, symbols.size_bytes)).u32(0);
  for (const CodeFunction& function : symbols.functions)
    out.uleb(2)
        .text(function.name)
        .u64(address(symbols, function.offset))
        .u64(address(symbols, std::size_t{function.offset} + function.size_bytes));
  out.u8(0);
  out.patch_length(0);
  return bytes;
}

Bytes lines(const CodeSymbols& symbols) {
  using namespace dwarf;
  constexpr std::uint8_t kOpcodeBase = 13;
  constexpr std::uint8_t kArguments[kOpcodeBase - 1] = {0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1};
  Bytes bytes;
  Out out(bytes);
  out.u32(0).u16(4);
  const std::size_t header = out.size();
  out.u32(0).u8(1).u8(1).u8(1);  // header's length; bytes an instruction, operations, is_stmt
  out.u8(static_cast<std::uint8_t>(-5)).u8(14).u8(kOpcodeBase);  // of special opcodes, which are not used
  for (const std::uint8_t count : kArguments) out.u8(count);
  out.u8(0);                                               // no folders
  out.text(symbols.source).uleb(0).uleb(0).uleb(0).u8(0);  // one file
  out.patch_length(header);
  out.u8(0).uleb(9).u8(kSetAddress).u64(address(symbols, 0));
  std::uint64_t at = 0;
  std::int64_t line = 1;
  for (const CodeLine& entry : symbols.lines) {
    if (entry.offset != at) out.u8(kAdvancePc).uleb(entry.offset - at);
    if (entry.line != line) out.u8(kAdvanceLine).sleb(entry.line - line);
    out.u8(kCopyRow);
    at = entry.offset;
    line = entry.line;
  }
  out.u8(kAdvancePc).uleb(symbols.size_bytes - at).u8(0).uleb(1).u8(kEndSequence);
  out.patch_length(0);
  return bytes;
}

struct Section {
  const char* name;
  Elf64_Shdr header;
  Bytes bytes;
};

constexpr std::uint16_t kText = 1, kStrings = 3;

void add_symbols(const CodeSymbols& symbols, Section& table, Section& strings) {
  Out names(strings.bytes), out(table.bytes);
  names.u8(0);
  out.put(Elf64_Sym{});
  for (const CodeFunction& function : symbols.functions) {
    out.put(Elf64_Sym{.st_name = static_cast<Elf64_Word>(names.size()),
                      .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
                      .st_other = STV_DEFAULT,
                      .st_shndx = kText,
                      .st_value = function.offset,
                      .st_size = function.size_bytes});
    names.text(function.name);
  }
}

Bytes joined(std::vector<Section>& sections) {
  constexpr std::size_t kAlign = 8;
  const auto aligned = [](std::size_t size) { return (size + kAlign - 1) / kAlign * kAlign; };
  Section& names = sections.back();
  for (Section& section : sections) {
    section.header.sh_name = static_cast<Elf64_Word>(names.bytes.size());
    Out(names.bytes).text(section.name);
  }
  std::size_t at = sizeof(Elf64_Ehdr);
  for (Section& section : sections) {
    if (section.header.sh_type == SHT_NULL) continue;
    section.header.sh_offset = at;
    if (section.header.sh_type == SHT_NOBITS) continue;
    section.header.sh_size = section.bytes.size();
    at = aligned(at + section.bytes.size());
  }
  Elf64_Ehdr head{.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT, ELFOSABI_NONE},
                  .e_type = ET_REL,
#if defined(__aarch64__)
                  .e_machine = EM_AARCH64,
#else
                  .e_machine = EM_X86_64,
#endif
                  .e_version = EV_CURRENT,
                  .e_entry = 0,
                  .e_phoff = 0,
                  .e_shoff = at,
                  .e_flags = 0,
                  .e_ehsize = sizeof(Elf64_Ehdr),
                  .e_phentsize = 0,
                  .e_phnum = 0,
                  .e_shentsize = sizeof(Elf64_Shdr),
                  .e_shnum = static_cast<Elf64_Half>(sections.size()),
                  .e_shstrndx = static_cast<Elf64_Half>(sections.size() - 1)};
  Bytes file;
  Out out(file);
  out.put(head);
  for (const Section& section : sections) {
    file.insert(file.end(), section.bytes.begin(), section.bytes.end());
    file.resize(aligned(file.size()));
  }
  for (const Section& section : sections) out.put(section.header);
  return file;
}

}  // namespace

std::vector<std::byte> debug_object(const CodeSymbols& symbols) {
  std::vector<Section> sections;
  const auto add = [&](const char* name, Elf64_Word type, Bytes bytes = {}) -> Elf64_Shdr& {
    sections.push_back({name,
                        {.sh_name = 0,
                         .sh_type = type,
                         .sh_flags = 0,
                         .sh_addr = 0,
                         .sh_offset = 0,
                         .sh_size = 0,
                         .sh_link = 0,
                         .sh_info = 0,
                         .sh_addralign = 1,
                         .sh_entsize = 0},
                        std::move(bytes)});
    return sections.back().header;
  };
  add("", SHT_NULL);
  Elf64_Shdr& text = add(".text", SHT_NOBITS);
  text.sh_flags = SHF_ALLOC | SHF_EXECINSTR;
  text.sh_addr = address(symbols, 0);
  text.sh_size = symbols.size_bytes;
  Elf64_Shdr& table = add(".symtab", SHT_SYMTAB);
  table.sh_link = kStrings;
  table.sh_info = 1;  // all but the first are global
  table.sh_addralign = 8;
  table.sh_entsize = sizeof(Elf64_Sym);
  add(".strtab", SHT_STRTAB);
  add_symbols(symbols, sections[kStrings - 1], sections[kStrings]);
  if (!symbols.source.empty()) {
    add(".debug_abbrev", SHT_PROGBITS, abbreviations());
    add(".debug_info", SHT_PROGBITS, information(symbols));
    add(".debug_line", SHT_PROGBITS, lines(symbols));
  }
  add(".shstrtab", SHT_STRTAB);
  return joined(sections);
}

}  // namespace eyeflow::jit
