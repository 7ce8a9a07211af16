#include "tests/golden/runner/calls.h"

#include <charconv>

#include "tests/golden/runner/golden_file.h"

namespace eyeflow::golden {

namespace {

// "1, 2" → "1", "2"; a comma inside quotes does not separate.
std::vector<std::string_view> split_list(std::string_view text) {
  std::vector<std::string_view> parts;
  bool quoted = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '"') quoted = !quoted;
    if (i < text.size() && (quoted || text[i] != ',')) continue;
    const std::string_view part = trim(text.substr(begin, i - begin));
    if (!part.empty() || i < text.size() || begin != 0) parts.push_back(part);
    begin = i + 1;
  }
  return parts;
}

std::unexpected<Error> bad(std::string_view line, const std::string& what) {
  return fail("calls: " + std::string(line) + "\n       " + what);
}

}  // namespace

Result<std::optional<CallLine>> read_call(std::string_view line) {
  const std::string_view stripped = trim(line);
  if (stripped.empty() || stripped.starts_with("//")) return std::nullopt;
  CallLine call;
  call.given = trim(stripped.substr(0, stripped.find(" -> ")));

  std::string_view head = call.given;
  const std::size_t open = head.find('(');
  if (open == std::string_view::npos) return bad(line, "expected NAME(ARGUMENTS) [with SLOT = VALUE, …] -> …");
  call.function = head.substr(0, open);
  // An argument may have brackets of its own: nan(0x…).
  std::size_t end = open;
  for (int depth = 0; end < head.size(); ++end) {
    depth += head[end] == '(' ? 1 : head[end] == ')' ? -1 : 0;
    if (depth == 0) break;
  }
  if (end == head.size()) return bad(line, "a bracket is not closed");
  for (const std::string_view argument : split_list(head.substr(open + 1, end - open - 1)))
    call.arguments.emplace_back(argument);

  std::string_view rest = trim(head.substr(end + 1));
  if (rest.empty()) return call;
  if (!rest.starts_with("with ")) return bad(line, "expected `with` or `->` behind the call");
  for (const std::string_view setting : split_list(rest.substr(5))) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string_view::npos) return bad(line, "expected SLOT = VALUE behind `with`");
    const std::string_view name = trim(setting.substr(0, equals)), value = trim(setting.substr(equals + 1));
    if (name != "fuel") {
      call.settings.emplace_back(name, value);
      continue;
    }
    std::uint64_t fuel = 0;
    if (std::from_chars(value.data(), value.data() + value.size(), fuel).ec != std::errc())
      return bad(line, "fuel is a number");
    call.fuel = fuel;
  }
  return call;
}

}  // namespace eyeflow::golden
