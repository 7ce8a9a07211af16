#include "runtime/payload/json_pointer.h"

#include <algorithm>

namespace eyeflow::runtime {

JsonPointer::JsonPointer(std::string text) : text_(std::move(text)) {
  if (text_.empty() || text_.front() != '/' || text_.find('~') != text_.npos) return;
  for (std::size_t at = 1; at <= text_.size();) {
    const std::size_t end = std::min(text_.find('/', at), text_.size());
    Name& name = names_.emplace_back(Name{.at = at, .size = end - at});
    const std::string_view letters = std::string_view(text_).substr(at, end - at);
    at = end + 1;
    const bool ordinary =
        std::ranges::all_of(letters, [](char c) { return c >= ' ' && c < 0x7F && c != '"' && c != '\\'; });
    if (!ordinary || letters.size() >= sizeof name.quoted) continue;
    name.quoted = 0;
    for (std::size_t n = 0; n <= letters.size(); ++n) {
      const char c = n < letters.size() ? letters[n] : '"';
      name.quoted |= std::uint64_t{static_cast<unsigned char>(c)} << (8 * n);
      name.mask |= std::uint64_t{0xFF} << (8 * n);
    }
  }
}

}  // namespace eyeflow::runtime
