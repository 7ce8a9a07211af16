#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/check/bounds.h"
#include "compiler/check/fold.h"
#include "compiler/check/typed_tree.h"
#include "compiler/syntax/tree.h"
#include "stdlib/units/units.h"

// What the checker knows of values, of the code that makes them, and of each thing that has a name. Only the files of
// this folder include it.
namespace eyeflow::compiler::check_detail {

// What checking an expression gives. No expr: it is wrong, that has been reported, and whoever uses it stays quiet.
struct Value {
  typed::ExprPtr expr;
  bool literal = false;    // made of literals only: a number that takes the type its place needs
  bool with_unit = false;  // a literal with a unit: its number may become whole again
  // A literal duration, as written: `2 min` next to a float is 2 and min, not 120 s.
  std::optional<double> quantity;
  const typed::UnitInfo* quantity_unit = nullptr;
  std::optional<Span> subtracted_point;  // in `a - 2 °C`: where `2 °C` stands

  Value() = default;
  explicit Value(typed::ExprPtr e) : expr(std::move(e)) {}
  explicit operator bool() const { return expr != nullptr; }
  const typed::Type& type() const { return expr->type; }
};

// What a piece of code reads and writes, with the functions it calls.
struct Effects {
  std::set<typed::InputId> needs;
  std::set<typed::StateId> state_writes;
  std::set<typed::StateId> resizes;  // states in which the length of an array may change
  bool writes_self = false;          // of a record's function whose record is not in a state
  bool reads_state = false;
  bool reads_clock = false;
  bool emits = false;

  void merge(const Effects& other);
};

enum class SymbolKind : std::uint8_t {
  Input,
  Output,
  Alarm,
  Param,
  State,
  Model,
  Const,
  Function,
  Record,
  Enum,
  EnumValue,
  Unit,
  Unavailable
};

// Where something is declared: the file and its task, or the module of that number.
using ModuleIndex = int;
inline constexpr ModuleIndex kOwnFile = -1;

// What the names of sizes stand for: `n` in `record spectrum(n)` and in `fn energy(xs: [f64; n])`.
using Sizes = std::map<std::string, std::uint32_t, std::less<>>;

struct Symbol {
  SymbolKind kind;
  std::uint32_t index = 0;  // in the table of its kind; of an EnumValue its enum's
  Span span;
  bool of_file = false;  // declared outside the task
  bool used = false;
  bool is_ambiguous = false;  // a value that two enums here have
};

struct Home {
  ModuleIndex module = kOwnFile;
  bool of_file = false;  // declared outside the task
};

struct UnitEntry {
  const syntax::UnitDecl* decl;
  Home home;
  enum : std::uint8_t { Waiting, Busy, Done } progress = Waiting;
  std::optional<stdlib::Unit> unit;
};

struct EnumEntry {
  const syntax::EnumDecl* decl;
  const typed::Enum* enumeration;
};
using EnumNumbers = std::unordered_map<std::string, std::uint32_t>;

// `use std.signal`: its names are known here.
struct Use {
  std::uint32_t module;
  syntax::Name path;
  bool of_file;
};

struct ModuleScope {
  std::map<std::string, Symbol, std::less<>> symbols;
  std::vector<Use> uses;
  bool is_declared = false;
};

struct ConstEntry {
  const syntax::ConstDecl* decl;
  Home home;
  enum : std::uint8_t { Waiting, Busy, Done } progress = Waiting;
  Value value;
};

// A record with its sizes known.
struct RecordForm {
  enum : std::uint8_t { Waiting, Busy, Done } progress = Waiting;
  const typed::Record* record = nullptr;
  std::vector<std::optional<typed::Constant>> defaults;  // of its fields
};
struct RecordEntry {
  const syntax::RecordDecl* decl;
  Home home;
  std::map<std::vector<std::uint32_t>, RecordForm> forms;
};

// The record whose function it is: where it stands, if that is in a state.
struct Receiver {
  typed::Type type;
  std::optional<typed::StateId> state;  // then the function is one for that state alone, and works in place
  std::vector<std::uint32_t> path;      // the fields that lead to it
  friend bool operator==(const Receiver&, const Receiver&) = default;
};

// A function with its sizes and its record known: what becomes code.
struct FunctionEntry {
  const syntax::FunctionDecl* decl = nullptr;
  Home home;
  Sizes sizes;
  std::optional<Receiver> receiver;
  std::string name;             // "learn", "normal.learn"
  bool has_open_sizes = false;  // takes arrays of any size: each call has its own entry, this one is not checked
  bool has_signature = false;
  std::vector<typed::Field> parameters;
  std::vector<std::optional<typed::Constant>> defaults;
  typed::Type result;
  typed::FunctionId id{};
  Effects effects;
  enum : std::uint8_t { Waiting, Busy, Done } progress = Waiting;
  bool is_sound = false;  // its signature could be read, and it does not call itself
};

// Where an expression stands decides what it may read.
enum class Place : std::uint8_t { Constant, Handler, Function, AlarmCondition, AlarmText, Test };

// The whole numbers, places of enums and bools that a match has arms for: ranges, both ends included, by where they
// begin, apart from each other.
struct TakenRange {
  Wide last;
  Span span;
};
using MatchTaken = std::map<Wide, TakenRange>;

struct LocalInfo {
  Range range;
  bool used = false;
  std::size_t loops_over = 0;  // how many loops are going over this array
  bool is_let = false;         // then `var` instead would make it assignable
};

}  // namespace eyeflow::compiler::check_detail
