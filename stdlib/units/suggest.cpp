#include <algorithm>
#include <climits>

#include "stdlib/units/table.h"

namespace eyeflow::stdlib {
namespace {

struct Word {
  std::string_view written, meant;
};
// What people write in other places; compared without case.
constexpr Word kWords[] = {
    {"celsius", "°C"},  {"centigrade", "°C"}, {"fahrenheit", "°F"},  {"kelvin", "K"},       {"kelvins", "K"},
    {"second", "s"},    {"seconds", "s"},     {"secs", "s"},         {"minute", "min"},     {"minutes", "min"},
    {"mins", "min"},    {"hour", "h"},        {"hours", "h"},        {"hrs", "h"},          {"msec", "ms"},
    {"usec", "µs"},     {"millis", "ms"},     {"millisecond", "ms"}, {"microsecond", "µs"}, {"nanosecond", "ns"},
    {"meter", "m"},     {"metre", "m"},       {"meters", "m"},       {"micron", "µm"},      {"microns", "µm"},
    {"gram", "g"},      {"grams", "g"},       {"kilo", "kg"},        {"kilogram", "kg"},    {"kilograms", "kg"},
    {"kgs", "kg"},      {"ton", "t"},         {"tons", "t"},         {"tonne", "t"},        {"tonnes", "t"},
    {"liter", "L"},     {"litre", "L"},       {"liters", "L"},       {"litres", "L"},       {"lpm", "L/min"},
    {"lps", "L/s"},     {"gpm", "gal/min"},   {"volt", "V"},         {"volts", "V"},        {"ampere", "A"},
    {"amp", "A"},       {"amps", "A"},        {"watt", "W"},         {"watts", "W"},        {"joule", "J"},
    {"joules", "J"},    {"newton", "N"},      {"pascal", "Pa"},      {"hertz", "Hz"},       {"ohms", "Ω"},
    {"lux", "lx"},      {"lumen", "lm"},      {"kph", "km/h"},       {"kmh", "km/h"},       {"kmph", "km/h"},
    {"mps", "m/s"},     {"nm", "N*m"},        {"knm", "kN*m"},       {"psig", "psi"},       {"psia", "psi"},
    {"barg", "bar"},    {"bara", "bar"},      {"degree", "deg"},     {"degrees", "deg"},    {"radian", "rad"},
    {"radians", "rad"}, {"turn", "rev"},      {"turns", "rev"},      {"revs", "rev"},       {"pct", "%"},
    {"percent", "%"},   {"inches", "inch"},   {"in", "inch"},        {"feet", "ft"},        {"foot", "ft"},
    {"lbs", "lb"},      {"pound", "lb"},      {"pounds", "lb"},      {"gallon", "gal"},     {"gallons", "gal"},
    {"decibel", "dB"},  {"gravity", "gn"},    {"inhg", "mmHg"},      {"torr", "mmHg"},      {"coulomb", "C"},
    {"farad", "F"},     {"henry", "H"},       {"tesla", "T"},        {"siemens", "S"},      {"horsepower", "hp"},
    {"btus", "BTU"},    {"dba", "dBSPL"},     {"decibels", "dB"},
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool same_letters(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}
bool is_symbol_char(char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9'); }

// All but one character in common, or two neighbours swapped.
bool one_slip(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > 1) return false;
  std::size_t i = 0;
  while (i < a.size() && lower(a[i]) == lower(b[i])) ++i;
  if (a.size() != b.size()) return same_letters(a.substr(i), b.substr(i + 1));
  if (same_letters(a.substr(std::min(i + 1, a.size())), b.substr(std::min(i + 1, b.size())))) return true;
  return i + 1 < a.size() && lower(a[i]) == lower(b[i + 1]) && lower(a[i + 1]) == lower(b[i]) &&
         same_letters(a.substr(i + 2), b.substr(i + 2));
}

template <typename Visit>
void each_spelling(Visit visit) {
  for (const units::Row& row : units::rows()) {
    const std::string name = *units::normalize(row.symbol);
    visit(name);
    for (const units::Prefix& prefix : units::prefixes())
      if (row.prefixes.find(prefix.letter) != row.prefixes.npos) visit(prefix.letter + name);
  }
}

// What stands in for one unknown symbol, as text that parses.
std::optional<std::string> suggest_symbol(std::string_view symbol) {
  for (const Word& word : kWords)
    if (same_letters(word.written, symbol)) return std::string(word.meant);

  std::string best;
  int best_changes = INT_MAX;
  each_spelling([&](const std::string& spelling) {
    if (!same_letters(spelling, symbol) || !units::find_symbol(spelling)) return;
    int changes = 0;
    for (std::size_t i = 0; i < symbol.size(); ++i) changes += spelling[i] != symbol[i];
    if (changes < best_changes) best = spelling, best_changes = changes;
  });
  if (!best.empty()) return best;

  // m3, s2: an exponent without its sign.
  const std::string_view letters = symbol.substr(0, symbol.size() - 1);
  if (!letters.empty() && symbol.back() >= '2' && symbol.back() <= '9' && units::find_symbol(letters))
    return std::string(letters) + "^" + symbol.back();

  if (symbol.size() < 3) return std::nullopt;  // a slip in two letters could have been anything
  each_spelling([&](const std::string& spelling) {
    if (best.empty() && spelling.size() >= 3 && one_slip(symbol, spelling) && units::find_symbol(spelling))
      best = spelling;
  });
  if (!best.empty()) return best;
  for (const Word& word : kWords)
    if (word.written.size() > 4 && one_slip(symbol, word.written)) return std::string(word.meant);
  return std::nullopt;
}

bool is_decibel(const Unit& unit) { return unit.text == "dB"; }

// Of two units of which at least one is a level or dB, and none a ratio.
std::string level_hint(const Unit& from, const Unit& to) {
  const auto level = level_scale(from) ? level_scale(from) : level_scale(to);
  const Unit& other = level_scale(from) ? to : from;
  if (!level) {
    const Unit& quantity = is_decibel(from) ? to : from;
    for (const char* known : {"dBW", "dBV", "dBSPL"})
      if (same_dimension(quantity, level_scale(*units::find_symbol(known))->linear))
        return "quantities add as they are: convert the level first, by '.to(" + quantity.text + ")'";
    return "";
  }
  const std::string& text = level_scale(from) ? from.text : to.text;
  if (same_dimension(other, level->linear))
    return "'" + text + "' is the level of such a quantity: '.to(" + to.text + ")' converts";
  if (is_decibel(other))
    return "'" + text + "' is a level against a fixed quantity, and 'dB' is what two levels differ by";
  if (level_scale(other))
    return "a level of one quantity is none of another: convert to the quantity itself, as '.to(" + linear_text(from) +
           ")' does, and compute";
  return "'" + text + "' converts to '" + linear_text(level->level) + "' and what has its dimension";
}

}  // namespace

std::optional<std::string> suggest_unit(std::string_view text) {
  std::string squeezed(text.substr(0, 120));
  std::erase_if(squeezed, [](char c) { return c == ' ' || c == '\t'; });
  const auto normalized = units::normalize(squeezed);
  if (!normalized) return std::nullopt;
  std::string repaired;
  for (std::size_t at = 0; at < normalized->size();) {
    std::size_t end = at;
    while (end < normalized->size() && is_symbol_char((*normalized)[end])) ++end;
    const std::string symbol = normalized->substr(at, end - at);
    if (symbol.empty()) {
      repaired += (*normalized)[at++];
      continue;
    }
    const bool in_exponent = at > 0 && ((*normalized)[at - 1] == '^' || (*normalized)[at - 1] == '-');
    if (symbol == "1" || in_exponent || units::find_symbol(symbol))
      repaired += symbol;
    else if (const auto meant = suggest_symbol(symbol))
      repaired += meant->find_first_of("*/") == meant->npos || *normalized == symbol ? *meant : "(" + *meant + ")";
    else
      return std::nullopt;
    at = end;
  }
  if (repaired.empty() || repaired == text) return std::nullopt;
  // Not through parse_unit's own error, which asks for a suggestion in turn: everything unknown is replaced by now.
  const auto unit = parse_unit(repaired);
  if (!unit || unit->text.empty() || unit->text == text) return std::nullopt;
  return unit->text;
}

std::string mixing_hint(const Unit& from, const Unit& to) {
  const auto has = [](const Unit& unit, std::string_view symbol) {
    return std::ranges::any_of(unit.terms, [&](const UnitTerm& t) { return t.symbol == symbol; });
  };
  const auto is_base = [](const Unit& unit, Base which, int length = 0, int time = 0) {
    Dimension d;
    if (length == 0)
      d[which] = 1;
    else
      d[Base::Length] = static_cast<std::int8_t>(length), d[Base::Time] = static_cast<std::int8_t>(time);
    return unit.dimension == d;
  };
  const bool is_acceleration[2] = {is_base(from, Base::Length, 1, -2), is_base(to, Base::Length, 1, -2)};
  for (int i = 0; i < 2; ++i) {
    const Unit& a = i == 0 ? from : to;
    const Unit& b = i == 0 ? to : from;
    if (has(a, "g") && is_acceleration[1 - i]) return "'g' is the gram; the acceleration of gravity is 'gn'";
    if (has(a, "C") && is_base(b, Base::Temperature)) return "'C' is the coulomb; degrees Celsius are '°C'";
    if (has(a, "F") && is_base(b, Base::Temperature)) return "'F' is the farad; degrees Fahrenheit are '°F'";
    if (has(a, "S") && is_base(b, Base::Time)) return "'S' is the siemens; the second is 's'";
    if (has(a, "H") && is_base(b, Base::Time)) return "'H' is the henry; the hour is 'h'";
    if (has(a, "T") && is_base(b, Base::Mass)) return "'T' is the tesla; the tonne is 't'";
    if (a.dimension[Base::Level] != 0 && is_dimensionless(b))
      return "'dB' is the logarithm of a ratio: of powers it is power_ratio(x), of amplitudes amplitude_ratio(x), both "
             "of "
             "std.levels";
  }
  if (level_scale(from) || level_scale(to) || is_base(from, Base::Level) || is_base(to, Base::Level))
    return level_hint(from, to);
  if (mixing(from, to) != Mixing::ByTo) return "";
  if (to.is_point && !from.is_point)
    return "'" + from.text + "' is a difference of temperatures here; if it is a temperature, write '.to(" + to.text +
           ")'";
  if (from.is_point && !to.is_point)
    return "'" + from.text + "' is a temperature, not a difference; write a difference in '" +
           difference_unit(from).text + "', or '.to(" + (to.text.empty() ? "1" : to.text) +
           ")' for the temperature itself";
  if (is_plain(from))
    return "a plain number is not '" + to.text + "': write the unit behind it, or '.to(" + to.text + ")'";
  if (is_plain(to)) return "write '.to(1)' for the plain number that '" + from.text + "' stands for";
  if (from.dimension != to.dimension)
    return "not every '" + from.text + "' is a '" + to.text + "' of what one measures: write '.to(" + to.text +
           ")' where it is";
  return "write '.to(" + to.text + ")'";
}

}  // namespace eyeflow::stdlib
