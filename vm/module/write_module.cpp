#include <utility>

#include "vm/module/byte_writer.h"
#include "vm/module/module_fields.h"
#include "vm/module/module_format.h"

namespace eyeflow::vm {
std::vector<std::byte> write_module(const Module& module) {
  module_format::Writer writer;
  for (const unsigned char c : module_format::kMagic) writer.number(c);
  writer.number(module_format::kVersion);
  module_format::fields(writer, module);
  return std::move(writer.bytes);
}

}  // namespace eyeflow::vm
