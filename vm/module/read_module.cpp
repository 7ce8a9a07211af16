#include <string>
#include <type_traits>
#include <utility>

#include "vm/module/byte_reader.h"
#include "vm/module/module_fields.h"
#include "vm/module/module_format.h"

namespace eyeflow::vm {
namespace module_format {
namespace {

bool starts_like_a_module(std::span<const std::byte> bytes) {
  if (bytes.size() < kMagic.size()) return false;
  for (std::size_t i = 0; i < kMagic.size(); ++i)
    if (bytes[i] != static_cast<std::byte>(kMagic[i])) return false;
  return true;
}

}  // namespace
}  // namespace module_format

Result<Module> read_module(std::span<const std::byte> bytes) {
  using namespace module_format;
  if (!starts_like_a_module(bytes)) {
    return fail("not an EyeFlow module (it does not start like one); build the task again with 'eyeflowc build'");
  }
  Reader reader(bytes, kMagic.size());
  std::uint16_t version;
  reader.number(version);
  if (reader.ok() && version != kVersion) {
    return fail("module format " + std::to_string(version) + " is not known here (this program reads format " +
                std::to_string(kVersion) + "); update this program or build the task again with its eyeflowc");
  }
  Module module;
  fields(reader, module);
  if (reader.ok() && reader.left() != 0) reader.refuse("bytes follow its end");
  if (!reader.ok()) {
    return fail("damaged module: " + reader.error() + "; build the task again with 'eyeflowc build'");
  }
  return module;
}

}  // namespace eyeflow::vm
