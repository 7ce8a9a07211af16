#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "compiler/check/types.h"
#include "compiler/syntax/span.h"

// The checked program: what the lowering turns into bytecode and what `eyeflowc test` runs. Everything is decided here:
// every name is an index, every conversion is a node, every loop has a bound, every constant is folded. There is no
// error in it (check() gives a tree only when there was none).
//
// What holds:
//  - The operands of a Binary node have one and the same type kind; units have been converted, so a unit may be
//  ignored.
//    The exceptions are named at BinaryOp.
//  - An expression whose value is known is a ConstantExpr; nothing else is worth folding.
//  - Evaluation order is left to right; `and`/`or` evaluate the right side only when it decides.
//  - Assignments, arguments and returned values have exactly the type of their target, except for texts and bounded
//    arrays: a text(N) may flow into a text(M) with M >= N. (An Interpolate node already has its target's type.)
//  - Functions stand in dependency order: a callee before every caller. No recursion.
namespace eyeflow::compiler::typed {

enum class InputId : std::uint32_t {};
enum class OutputId : std::uint32_t {};
enum class AlarmId : std::uint32_t {};
enum class ParamId : std::uint32_t {};
enum class StateId : std::uint32_t {};
enum class FunctionId : std::uint32_t {};  // index into Task::functions
enum class ModelId : std::uint32_t {};
enum class LocalId : std::uint32_t {};  // index into the body's own `locals`

template <typename Id>
constexpr std::size_t index(Id id) {
  return static_cast<std::size_t>(id);
}

// ---- Constants -----------------------------------------------------------------------------------------------------

struct Constant;

// Arrays and records. `repeat` > 0: the one element stands for that many (a fill).
struct Aggregate {
  std::vector<Constant> elements;
  std::uint32_t repeat = 0;
};

// The alternative is chosen by the type: Bool → bool; every integer, Time, Duration, Enum → int64 (u64 as its bit
// pattern); F32 and F64 → double (an F32 is already rounded); Text → string; arrays and records → Aggregate,
// an optional as well: of one element, or of none when it is missing.
struct Constant {
  Type type;
  std::variant<bool, std::int64_t, double, std::string, Aggregate> value;
};

// ---- Expressions ---------------------------------------------------------------------------------------------------

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct ConstantExpr {
  Constant constant;
};
struct LocalExpr {  // let, var, a parameter of a function, a loop's variable, a handler's value
  LocalId local;
};
struct ParamExpr {
  ParamId param;
};
struct StateExpr {
  StateId state;
};

enum class InputField : std::uint8_t {
  Value,    // the latest good reading, the input's type; NoReading trap where there is none yet (but see Alarm::needs)
  Age,      // Duration since the last good reading, or since the start
  Stale,    // Bool: Age has reached `stale after`
  Name,     // Text(kNameSize): what the site calls the thing that is bound here
  Quality,  // an Enum of good, stale, bad: what was delivered last, and how old the latest good reading is
};
inline constexpr std::uint32_t kNameSize = 64;
struct InputExpr {
  InputId input;
  InputField field;
};

enum class AlarmField : std::uint8_t {
  Active,        // Bool: raised and not cleared
  Raised,        // I64: how often it was raised since the instance was made
  Acknowledged,  // Bool: it waits for nobody
  Shelved,       // Bool
};
struct AlarmExpr {
  AlarmId alarm;
  AlarmField field;
};

enum class ClockField : std::uint8_t { Now, EventTime };  // Time; both fixed while a handler runs
struct ClockExpr {
  ClockField field;
};

enum class UnaryOp : std::uint8_t {
  Negate,  // I64, I32 (trap on overflow), F32, F64, Duration
  Not,     // Bool
  BitNot,  // U8…U64
};
struct Unary {
  UnaryOp op;
  ExprPtr operand;
};

enum class BinaryOp : std::uint8_t {
  // Numbers of one kind. Also: Duration ± Duration; Time ± Duration → Time; Time − Time → Duration;
  // Duration * I64 and Duration / I64 → Duration (the right operand is an I64). int, i32, Time, Duration trap on
  // overflow and on division by zero; u types wrap; floats follow IEEE 754.
  Add,
  Sub,
  Mul,
  Div,
  Mod,  // integers, and Duration mod Duration: the sign of the left operand
  BitAnd,
  BitOr,
  BitXor,  // u types
  Shl,
  Shr,  // u types; the count has the same type, masked by the width
  Eq,
  Ne,  // scalars of one kind, and Text (sizes may differ)
  Lt,
  Le,
  Gt,
  Ge,  // numbers, Time, Duration
  And,
  Or,  // Bool, short-circuit
};
struct Binary {
  BinaryOp op;
  ExprPtr left;
  ExprPtr right;
};

// One row a meaning; from the operand's kind to the node's kind (see Expr::type).
enum class ConvertOp : std::uint8_t {
  Widen,       // integer → wider integer, never loses: bool/i32/u8/u16/u32 → I64, u8 → u16 …
  Narrow,      // integer → I32 or I64, ConversionOutOfRange trap when it does not fit
  Wrap,        // integer → u type: the low bits
  IntToFloat,  // integer → F32, F64: rounded to nearest even
  F32ToF64,
  F64ToF32,  // rounded to nearest even
  Round,
  Floor,
  Ceil,
  Trunc,              // F64 → I64 (an F32 is widened by a node below); trap when out of range or NaN
  DurationToSeconds,  // Duration → F64: ns / 1e9
  SecondsToDuration,  // F64 → Duration: round(s * 1e9); trap when out of range or NaN
  TimeToInt,          // Time or Duration → I64 nanoseconds, Enum → I64: no code
};
struct Convert {
  ConvertOp op;
  ExprPtr operand;
};

struct Call {
  FunctionId function;
  std::vector<ExprPtr> arguments;  // where Function::returns_self: the first is a place, and is given back what became
                                   // of it
};

// What the model answers: the node's type is the model's result, and ModelFailed and ModelLate trap; or an optional of
// it, which is missing then.
struct ModelCall {
  ModelId model;
  std::vector<ExprPtr> arguments;  // of the types of the model's parameters
};

// Functions of the standard library. Arguments and result have one kind (F32 or F64, for Abs, Min, Max also integers,
// Time and Duration), which is the node's type; IsNan gives Bool.
enum class Math : std::uint8_t {
#define EYEFLOW_MATH(Name, spelling, arity) Name,
#include "compiler/check/math.def"
};
std::string_view name(Math function);  // "sqrt"
struct MathCall {
  Math function;
  std::vector<ExprPtr> arguments;
};

// Functions of whole arrays. Binary (Add, Sub, Mul, of floats also Div), Unary (Negate) and MathCall (Abs, Min, Max,
// Sqrt) whose type is a FixedArray go element by element: an operand is an array of that size or one scalar for all, at
// least one is an array, and all have the kind of the result's elements: F64, F32, I64 or I32.
enum class ArrayFunction : std::uint8_t {
#define EYEFLOW_ARRAY_FUNCTION(Name, spelling, arity) Name,
#include "compiler/check/array_functions.def"
};
struct ArrayCall {
  // Of these, by now: Stddev is a root of Variance, Median a Percentile, a window a constant. Spectrum and Psd are what
  // is made of the pairs that Fft gives: √(re² + im²) and re² + im², times the second argument.
  ArrayFunction function;
  std::vector<ExprPtr> arguments;
  // Matmul: columns of the second argument and of the result. Spectrum, Psd: 1 to halve the first element, 2 also the
  // last. WholeAt, which gives an I64, and FloatAt: the form of the number in bytes (stdlib/intrinsics/byte_form.h);
  // IndexOutOfRange trap where it does not lie in them.
  // PixelAt, an U8 of an image, x and y: which of a pixel's samples. Crop takes x and y besides; both trap outside,
  // Crop of yuyv also where x is odd. PixelHistogram: [I64; as many bins as its type says].
  std::uint32_t count = 0;
};

// A place is a Local, a State, a Param, or an Index/FieldOf of a place. Arrays and records are only ever read through
// places, calls and constants.
struct Index {
  ExprPtr array;  // a place
  ExprPtr index;  // I64; IndexOutOfRange trap
};
// A copy of the elements from `from` to before `to`: a FixedArray where both are known, else a BoundedArray of the
// array's size. IndexOutOfRange trap where they do not lie in the array; empty where to <= from.
struct Slice {
  ExprPtr array;  // a place
  ExprPtr from;   // I64
  ExprPtr to;
};
struct FieldOf {
  ExprPtr record;
  std::uint32_t field;  // index into type.record->fields; of an optional kGiven or kElement
};
inline constexpr std::uint32_t kGiven = 0;    // Bool: it is not missing
inline constexpr std::uint32_t kElement = 1;  // read only where it is not missing
struct Given {                                // an element as an optional
  ExprPtr value;
};
struct Default {  // `optional ?? otherwise`: of the element's type, or of the optional's
  ExprPtr optional;
  ExprPtr otherwise;  // evaluated only where it is missing
};
struct Length {  // of a BoundedArray (elements in use) or of a Text (bytes); I64. A fixed array's is a constant.
  ExprPtr operand;
};
struct ArrayLiteral {
  std::vector<ExprPtr> elements;  // as many as the type's size (fixed), at most (bounded)
};
struct ArrayFill {
  ExprPtr value;
  std::uint32_t count;
};
struct RecordLiteral {
  std::vector<ExprPtr> fields;  // all of them, in the record's order
};

// `literal`, then the value if there is one. The value is a Bool (prints true/false), a number, a Text, a Time
// (ISO 8601, UTC) or a Duration ("1.5 s"). Its unit has been converted and stands in the next part's literal.
struct FormatPart {
  std::string literal;
  ExprPtr value;
  std::optional<std::uint8_t> precision;  // digits behind the point; without: the shortest that reads back the same
};
// What does not fit the node's type, a Text(N), is cut at a character and counted.
struct Interpolate {
  std::vector<FormatPart> parts;
};

// Only in a test's expectations, between events:
struct OutputValue {  // what a switch or value stands at
  OutputId output;
};
struct OutputCount {  // rows a log has taken since the start; I64
  OutputId output;
};

struct Expr {
  Type type;
  Span span;
  std::variant<ConstantExpr, LocalExpr, ParamExpr, StateExpr, InputExpr, AlarmExpr, ClockExpr, Unary, Binary, Convert,
               Call, ModelCall, MathCall, ArrayCall, Index, Slice, FieldOf, Length, ArrayLiteral, ArrayFill,
               RecordLiteral, Given, Default, Interpolate, OutputValue, OutputCount>
      node;
};

// ---- Statements ----------------------------------------------------------------------------------------------------

struct Stmt;
using Block = std::vector<Stmt>;

struct Declare {  // let, var: the local's life begins with this value
  LocalId local;
  ExprPtr value;
};
struct Assign {
  ExprPtr place;  // a Local or State, or an Index/FieldOf of one
  ExprPtr value;
};
struct IfArm {
  ExprPtr condition;
  Block body;
};
struct If {
  std::vector<IfArm> arms;  // tried in order
  Block otherwise;
};
// The length is read once: the body may write the array's elements but not change its length (the checker refuses it).
// An element is read when its turn begins.
struct ForEach {
  LocalId element;
  std::optional<LocalId> counter;  // I64, from 0
  ExprPtr array;                   // a place
  std::uint32_t max_trips;         // the array's size
  Block body;
};
// from, from+1, … below to; no trip when to <= from. Both are I64, evaluated once.
struct ForRange {
  LocalId counter;
  ExprPtr from;
  ExprPtr to;
  std::uint32_t max_trips;  // proven: to - from is never more
  Block body;
};
struct While {
  ExprPtr condition;
  std::uint32_t max;  // one iteration more is the WhileLimit trap
  Block body;
};
struct Break {};
struct Continue {};
struct Return {
  ExprPtr value;  // null when the function gives nothing
};
struct CallStmt {  // a call for its effects
  ExprPtr call;
};
struct SetOutput {  // a switch (Bool) or value
  OutputId output;
  ExprPtr value;
};
struct SendLog {
  OutputId output;
  std::vector<ExprPtr> fields;  // all of them, in the declared order
};
struct Acknowledge {
  AlarmId alarm;
};
struct Push {  // onto a BoundedArray; ListFull trap
  ExprPtr array;
  ExprPtr value;
};
// A number in bytes: behind their end (`at` is null; ListFull trap), or from byte `at` on (IndexOutOfRange trap). The
// value is a U8 … U64, F32 or F64, or an I64 of which the low bits count.
struct PutNumber {
  ExprPtr bytes;
  ExprPtr at;
  ExprPtr value;
  std::uint32_t form = 0;  // as of ArrayCall
};
struct Clear {  // a BoundedArray becomes empty
  ExprPtr array;
};

struct Stmt {
  Span span;
  std::variant<Declare, Assign, If, ForEach, ForRange, While, Break, Continue, Return, CallStmt, SetOutput, SendLog,
               Acknowledge, Push, PutNumber, Clear>
      node;
};

// ---- Declarations --------------------------------------------------------------------------------------------------

enum class Drop : std::uint8_t { Oldest, Newest };

// What a reading is taken for that is bad, or stale where the input says when it is.
enum class BadPolicy : std::uint8_t {
  Skip,     // nothing: the handler does not run; the bare name is the latest good one
  Hold,     // the latest good one
  Instead,  // Input::instead; also before the first
  Missing,  // a missing value; also before the first. The type is an Optional
};

struct Input {
  std::string name;
  Span span;
  Type type;  // a number, Bool, Enum or Text, or an Optional of one
  BadPolicy policy = BadPolicy::Skip;
  std::optional<Constant> instead;
  bool has_quality = false;  // something reads its quality
  std::optional<std::int64_t> stale_after_ns;
  std::optional<double> rate_hz;
  std::optional<std::int64_t> every_ns;
  std::optional<std::uint32_t> queue;
  Drop drop = Drop::Oldest;
  bool latest = false;
};

enum class OutputKind : std::uint8_t { Switch, Value, Log };
struct Output {
  std::string name;
  Span span;
  OutputKind kind;
  Type type;                        // Switch: Bool; Value: its type; Log: None
  std::vector<Field> fields;        // Log
  std::optional<Constant> initial;  // Switch: off unless declared; Value: nothing is sent at the start unless declared
  bool to_cloud = false;
  bool driven_by_alarms = false;  // then no handler writes it: it is on while any of those alarms stands
};

struct Param {
  std::string name;
  Span span;
  Type type;
  Constant value;
  std::optional<Constant> min;  // both or none, both inclusive, in the param's unit
  std::optional<Constant> max;
};

struct Model {
  std::string name;
  Span span;
  std::vector<Field> parameters;  // each an image, a FixedArray of U8 or F32, or an F32; the only one may have no name
  Type result;                    // an F32, a record of those, or a FixedArray of them
  Type answer;                    // that, or an optional of it: what a call gives
  std::uint32_t results = 0;      // how many numbers that are
};

struct State {
  std::string name;
  Span span;
  Type type;
  Constant initial;
};

struct Local {
  std::string name;
  Span span;
  Type type;
  bool is_variable = false;  // a let, a parameter, a loop's variable never changes
};

// A body with its own locals; parameters and the handler's value are the first of them.
struct Function {
  std::string name;
  Span span;
  std::uint32_t parameter_count = 0;  // locals[0 … parameter_count)
  Type result;                        // None when it gives nothing
  std::vector<Local> locals;
  Block body;
  bool touches_state = false;  // it, or a function it calls, reads or writes state
  bool emits = false;          // it, or a function it calls, writes an output
  bool returns_self = false;   // it changes its first parameter, a record, for its caller
  bool of_module = false;      // its lines are those of another file
  bool of_library = false;     // and that one is built in
};

enum class Trigger : std::uint8_t { Input, Every, Start, Stale, Stop, Condition, TimeOfDay, Window };
struct Window {
  std::int64_t span_ns = 0;  // 0: by count
  std::uint32_t values = 0, step = 0;
  std::uint32_t least = 0;  // by time: as many must have been read
  std::int64_t late_ns = 0;
  bool from_start = false;
};
// What `as w` names: a record of these fields, in this order.
inline constexpr const char* kWindowFields[] = {"values", "start", "end", "count"};
struct Handler {
  std::string label;  // "on t1", "every 10 s", "on start": for cards and logs
  Span span;
  Trigger trigger;
  InputId input{};               // Input, Stale, Window
  std::optional<LocalId> value;  // `as v`: locals[0], of the input's type, or the window's record
  std::int64_t time_ns = 0;      // Every: the period; Condition: how long it must hold; TimeOfDay: since midnight
  ExprPtr condition;             // Condition; like an alarm's `when`
  std::vector<InputId> needs;    // Condition: not evaluated before each of these has had a reading
  Window window;                 // Window
  std::optional<std::int64_t> within_ns;  // the deadline
  std::vector<Local> locals;
  Block body;
};

enum class Priority : std::uint8_t { Low, Medium, High, Critical };
struct Alarm {
  std::string name;
  Span span;
  ExprPtr text;                  // Text(N); evaluated when the alarm is raised
  ExprPtr when;                  // Bool
  std::int64_t when_for_ns = 0;  // `for D`: it must hold that long
  ExprPtr clear;                 // Bool; null: clears when `when` ends. `clear below v` has become a comparison.
  std::int64_t clear_for_ns = 0;
  bool latch = false;
  Priority priority = Priority::Medium;
  std::int64_t remind_every_ns = 0;  // 0: never
  std::vector<OutputId> drives;      // switches
  std::vector<InputId> needs;        // `when` and `clear` are not evaluated before each of these has had a reading
  bool reads_state = false;          // then it is evaluated after the handlers, otherwise before them
  bool reads_clock = false;          // `.age`, `.stale`, `now`: it can change without an event
};

struct Task {
  std::string name;
  std::string doc;
  Span span;
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  std::vector<Param> params;
  std::vector<State> states;
  std::vector<Model> models;
  std::vector<Function> functions;  // callees first; also those that nothing calls
  std::vector<Alarm> alarms;        // in the order of declaration, as are the handlers
  std::vector<Handler> handlers;
};

// ---- Tests ---------------------------------------------------------------------------------------------------------

// Expressions of tests are evaluated between events. They read inputs, params, alarms, outputs, `now`, and as locals
// the values that each run of the test is given (Test::givens).
struct Feed {
  InputId input;
  std::optional<Constant> value;                  // of the input's type, or its element's; none: a bad reading
  ExprPtr computed{};                             // instead of a value: evaluated when it is fed
  std::shared_ptr<const std::string> elements{};  // or an array's elements as they stand in memory, from a file
};
struct Answer {  // what a model answers from here on
  ModelId model;
  std::vector<float> numbers;  // none: it fails
};
struct Expect {
  ExprPtr condition;                      // Bool
  std::string source;                     // as the author wrote it: "hot.raised == 1"
  bool never = false;                     // it must not hold from here on; otherwise it must hold here
  std::optional<std::int64_t> within_ns;  // … or at some instant within this time; of never: only within it
  bool always = false;                    // it must hold behind each reading of the test's streams, and at the end
};
struct Operate {  // what a person does
  enum class Kind : std::uint8_t { Acknowledge, Shelve, Unshelve } kind;
  AlarmId alarm;
  std::int64_t for_ns = 0;  // Shelve
};
struct TestStep {
  Span span;
  std::int64_t at_ns;   // since the start; never before the step before
  ExprPtr at_computed;  // a Duration, instead of at_ns; null where that is known
  std::variant<Feed, Answer, Expect, Operate> action;
};
struct ParamOverride {
  ParamId param;
  Constant value;  // inside the param's range
};
// Values between two others, both included.
struct Between {
  Constant min, max;
};
// `for any t1 in …` of an input: any readings of it, at any times, bad ones among them.
struct Stream {
  InputId input;
  Between range;
};
struct Wanted {
  Constant value;
  std::optional<Constant> last;  // `19.9 .. 20.1`, both ends included
};
// A row of a table. What is not said of a column is nothing.
struct Case {
  Span span;                                  // in the file of the test, or in that of its data
  std::string words;                          // "t1 79 °C, gap 3 s", as written
  std::vector<Constant> givens;               // of each of Test::givens
  std::vector<Feed> feeds;                    // at the start, in the order of the columns
  std::vector<std::optional<Wanted>> wanted;  // of each of Test::columns
};
// What a table says of it, is expected of it at the end of the steps.
struct WantedColumn {
  ExprPtr value;
  std::string source;
};
struct Test {
  std::string title;
  Span span;
  std::uint32_t task;  // index into Program::tasks
  std::vector<ParamOverride> params{};
  std::vector<Local> givens{};  // scalars; of the expressions in this test these are the locals
  std::vector<TestStep> steps{};
  // Runs once for each case; or many times with any values of the givens and any readings of the streams; or once.
  bool has_cases = false, for_any = false;
  std::vector<WantedColumn> columns{};
  std::vector<Case> cases{};
  std::vector<Between> ranges{};  // for_any: of each of the givens
  std::vector<Stream> streams{};
};

struct Program {
  std::unique_ptr<TypeArena> arena;
  std::vector<Task> tasks;
  std::vector<Test> tests;
};

}  // namespace eyeflow::compiler::typed
