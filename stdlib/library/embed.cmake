# Writes OUTPUT, a C++ source that holds the modules FILES (a list of .eft files under ROOT) as text.
set(names "")
set(rows "")
foreach(file IN LISTS FILES)
  file(READ ${file} text)
  file(RELATIVE_PATH name ${ROOT} ${file})
  string(REGEX REPLACE "\\.eft$" "" name ${name})
  string(REPLACE "/" "." name ${name})
  string(APPEND names "    \"${name}\",\n")
  string(APPEND rows "    R\"EFT(${text})EFT\",\n")
endforeach()
file(WRITE ${OUTPUT} "// Written by stdlib/library/embed.cmake.
#include \"stdlib/library/library.h\"

namespace eyeflow::stdlib {
namespace {

constexpr std::string_view kNames[] = {
${names}};
constexpr std::string_view kTexts[] = {
${rows}};

}  // namespace

std::span<const std::string_view> library_modules() { return kNames; }

std::optional<std::string_view> library_module(std::string_view path) {
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    if (kNames[i] == path) return kTexts[i];
  return std::nullopt;
}

}  // namespace eyeflow::stdlib
")
