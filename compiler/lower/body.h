#pragma once

#include <optional>
#include <span>
#include <vector>

#include "compiler/check/op_family.h"
#include "compiler/lower/task_context.h"
#include "compiler/lower/walk.h"

namespace eyeflow::compiler::lowering {

class Body;

// A Scratch slot for a while, given back like a Temp.
class ScratchTemp {
 public:
  ScratchTemp(Body& owner, LeafType type);
  ScratchTemp(ScratchTemp&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)), slot_(other.slot_), type_(other.type_) {}
  ScratchTemp& operator=(ScratchTemp&&) = delete;
  ~ScratchTemp();
  SlotId slot() const { return slot_; }

 private:
  Body* owner_;
  SlotId slot_;
  LeafType type_;
};

// Where a value is, and what must be kept meanwhile: the registers of its indices, the slots of its temporaries.
struct Place {
  std::vector<Leaf> leaves;
  std::vector<Temp> registers;
  std::vector<ScratchTemp> slots;
};

// Some of it stands inside of an array.
bool is_nested(const Place& place);

// The local, state or call that a place is in.
const typed::Expr& root_of(const typed::Expr& place);

// The instructions behind one operator on whole arrays.
struct EachFamily {
  const OpFamily* pair;  // array, array
  const OpFamily* with;  // array, scalar
  const OpFamily* from;  // scalar, array; null: the scalar is made an array
};

// The instructions behind an operator on scalars; not for And and Or, which are control flow.
struct OperatorFamily {
  const OpFamily* family;
  bool swapped = false;                 // a > b is b < a
  const OpFamily* immediate = nullptr;  // the same with a number of its own on the right
  bool commutes = false;
};
OperatorFamily family_of(typed::BinaryOp op);

struct BranchFamilies;

// An instruction that branches on a condition, with what it reads; where it goes to is still open.
struct BranchChoice {
  vm::Op op{};
  std::uint16_t b = 0, c = 0;
  Temp left{}, right{};
};

StateUse states_of(const TaskContext& task, const typed::Block& block);
// Decides which functions are inlined. Before any body is lowered.
void decide_inlining(TaskContext& task);
// The callee as a function of the module, for arguments that are lent in this way; makes it where it is none yet.
const MadeFunction& made_callee(TaskContext& task, typed::FunctionId function, const Lent& lent);
bool passes_memory(const typed::Function& function);  // takes texts or arrays

// Lowers one body: a function, a handler, a condition or a text. Everything is left to right. Values go straight to
// where they are wanted (`target`); the target is written last, so an expression may read what it replaces.
class Body {
 public:
  // `scratch` outlives this and belongs to this body alone, or to all roots.
  Body(TaskContext& task, std::string name, ScratchPool& scratch);

  // What surrounds the code.
  void set_locals(std::span<const typed::Local> locals);
  void set_givens(std::span<const typed::Local> givens, std::span<const SlotId> slots);  // of a test, as locals
  void set_ready(std::span<const typed::InputId> inputs);                                // known to have had a reading
  void add_parameters(const std::vector<std::vector<Leaf>>& parameters, std::size_t registers);
  void begin_reading(typed::InputId input);  // what a bad one does to a handler
  void add_handler_value(const typed::Handler& handler);
  void add_window_value(const typed::Handler& handler, std::uint16_t number);
  void set_result(const CalleeInfo& info);
  void leave_out_lines() { code_.leave_out_lines(); }  // of a file that the module does not name

  void lower(const typed::Block& block);
  void lower_return(const typed::Expr& value);  // a body that is one expression
  // Adds the function to the module; gives its id. Reports a function that does not fit.
  vm::FunctionId finish(Span span);

  const CodeBuilder& code() const { return code_; }

 private:
  friend class ScratchTemp;

  struct Loop {
    Label next;  // `continue`
    Label exit;  // `break`
  };
  // What belongs to the function whose tree is being lowered: this body's own, or one that stands in it.
  struct Frame {
    std::span<const typed::Local> declared{};
    std::vector<Place> locals{};          // by LocalId; empty while it is not alive
    std::vector<typed::LocalId> alive{};  // in the order of declaration, for end_scope
    std::vector<Loop> loops{};
    std::vector<Leaf> result{};
    std::vector<vm::TypeId> result_types{};
    bool returns_self = false;
    std::optional<Label> end{};  // where `return` goes to in one that is inlined
    bool in_nest = false;        // it stands within loops of another function
  };

  // ---- Statements (statements.cpp, loops.cpp)
  void lower(const typed::Stmt& stmt);
  void lower(const typed::Declare& stmt);
  void lower(const typed::Assign& stmt);
  void lower(const typed::If& stmt);
  void lower(const typed::ForEach& stmt);
  void lower(const typed::ForRange& stmt);
  void lower(const typed::While& stmt);
  void lower(const typed::Break& stmt);
  void lower(const typed::Continue& stmt);
  void lower(const typed::Return& stmt);
  void give_back(const typed::Expr* value);  // null: nothing but self, if that
  void lower(const typed::CallStmt& stmt);
  void lower(const typed::SetOutput& stmt);
  void lower(const typed::SendLog& stmt);
  void lower(const typed::Acknowledge& stmt);
  void lower(const typed::Push& stmt);
  void lower(const typed::PutNumber& stmt);
  void lower(const typed::Clear& stmt);
  void emit_output(typed::OutputId output, std::span<const typed::Expr* const> fields);
  // A counted loop around what `body` lowers, with a register that is one more in each trip.
  template <typename MakeBody>
  void counted_loop(Temp trips, std::uint32_t most_trips, RegId stepped, const MakeBody& body);
  RegId begin_loop(RegId trips, std::uint32_t most_trips, Label exit);
  void declare_element(const typed::ForEach& stmt, const Place& array, RegId at);
  // The body once for each trip, each with the numbers of its own, instead of a loop.
  bool is_unrolled(std::int64_t trips, const typed::Block& body) const;
  template <typename DeclareTrip>
  void unrolled(std::int64_t trips, const typed::Block& body, const DeclareTrip& declare_trip);
  // Numbers of the state that a nest of loops reads or writes are in registers meanwhile (state.cpp).
  struct HeldState {
    SlotId slot;
    Temp reg;
    bool is_written;
  };
  void begin_nest(const typed::Block& body, const typed::Expr* condition = nullptr);  // before any of its code
  void end_nest();  // where all ways out of it have arrived
  void store_held();
  void declare(typed::LocalId local, Place place);
  void end_scope(std::size_t first_local);

  // ---- What is known (known.cpp)
  std::optional<vm::Word> known(const typed::Expr& expr) const;
  std::optional<vm::Word> known(const typed::Expr& expr, const typed::Binary& node) const;
  std::optional<vm::Word> known(const typed::Expr& expr, const typed::Convert& node) const;
  std::optional<vm::Word> known(const typed::Index& node) const;
  // Where the value of a local that never changes is, if it is known; nothing when it is not.
  std::optional<Place> known_place(const typed::Expr& value);

  // ---- Scalars (expressions.cpp, operators.cpp)
  // The value in a register: `target` if there is one, else a local's own or a new one.
  Temp eval(const typed::Expr& expr, std::optional<RegId> target = {});
  Temp eval(const typed::Expr& expr, const typed::ConstantExpr& node, std::optional<RegId> target);
  Temp eval(const typed::Expr& expr, const typed::InputExpr& node, std::optional<RegId> target);
  Temp eval(const typed::Expr& expr, const typed::AlarmExpr& node, std::optional<RegId> target);
  Temp eval(const typed::Expr& expr, const typed::ClockExpr& node, std::optional<RegId> target);
  Temp eval(const typed::Expr& expr, const typed::Unary& node, std::optional<RegId> target);
  Temp eval(const typed::Expr& expr, const typed::Binary& node, std::optional<RegId> target);
  Temp eval(const typed::Expr& expr, const typed::Convert& node, std::optional<RegId> target);
  Temp eval(const typed::Expr& expr, const typed::MathCall& node, std::optional<RegId> target);
  Temp eval(const typed::Expr& expr, const typed::ArrayCall& node, std::optional<RegId> target);
  Temp eval(const typed::Expr& expr, const typed::Length& node, std::optional<RegId> target);
  Temp eval(const typed::Expr& expr, const typed::OutputValue& node, std::optional<RegId> target);
  Temp eval(const typed::Expr& expr, const typed::OutputCount& node, std::optional<RegId> target);
  template <typename Node>
  Temp eval(const typed::Expr& expr, const Node&, std::optional<RegId> target) {
    return eval_place_scalar(expr, target);  // what is read through a place, or called
  }
  Temp eval_place_scalar(const typed::Expr& expr, std::optional<RegId> target);
  Temp eval_logic(const typed::Expr& expr, const typed::Binary& node, std::optional<RegId> target);
  std::optional<Temp> eval_with_number(const typed::Expr& expr, const typed::Binary& node, std::optional<RegId> target);
  std::optional<Temp> eval_with_product(const typed::Expr& expr, const typed::Binary& node,
                                        std::optional<RegId> target);
  bool is_at_hand(
      const typed::Expr& expr);  // reading it emits nothing that can trap or has effects, whenever it is read
  Temp eval_whole_equal(const typed::Binary& node, std::optional<RegId> target);
  // Sets `equal`, and goes to `end` where they are not.
  void compare(const Leaf& left, const Leaf& right, RegId equal, Label end);
  void compare(const typed::Type& type, std::span<const Leaf>& left, std::span<const Leaf>& right, RegId equal,
               Label end);
  Temp eval_text_equal(const typed::Binary& node, std::optional<RegId> target);
  Temp eval_intrinsic(const vm::IntrinsicDesc& intrinsic, const std::vector<typed::ExprPtr>& arguments,
                      std::optional<RegId> target);
  Temp eval(const typed::Expr& expr, const typed::Default& node, std::optional<RegId> target);
  Temp is_good(typed::InputId input);
  void is_fresh(typed::InputId input, RegId target);
  Temp reading_or(const typed::Input& input, Temp good, SlotId value, std::optional<RegId> target);
  Temp quality_of(typed::InputId input, std::optional<RegId> target);
  Temp age_of(typed::InputId input, std::optional<RegId> target);
  Temp convert(Temp value, vm::Scalar from, vm::Scalar to, std::optional<RegId> target);
  Temp wrap(Temp value, vm::Scalar from, vm::Scalar to, std::optional<RegId> target);
  // Goes to `label` when the condition is `when`, else falls through.
  void branch(const typed::Expr& condition, bool when, Label label);
  // Ends a while loop: goes back to `top` while the condition holds, else to `exit` or on.
  void repeat_while(const typed::Expr& condition, std::uint32_t top, Label exit);
  BranchChoice choose_branch(const typed::Expr& condition, bool when, const BranchFamilies& families);
  bool choose_with_number(BranchChoice& choice, typed::BinaryOp op, bool when, vm::Scalar scalar,
                          const typed::Expr& operand, const typed::Expr& constant, const BranchFamilies& families);
  // The constant as an instruction has it in a field; nothing when it is none or does not fit.
  std::optional<std::int16_t> immediate(const typed::Expr& expr, vm::Scalar scalar, bool negated = false) const;
  std::optional<vm::Word> integer_constant(const typed::Expr& expr, vm::Scalar scalar) const;

  Temp destination(vm::Scalar scalar, std::optional<RegId> target);
  Temp moved(Temp value, std::optional<RegId> target);
  Temp unary(vm::Op op, Temp operand, vm::Scalar result, std::optional<RegId> target);
  Temp binary(vm::Op op, Temp left, Temp right, vm::Scalar result, std::optional<RegId> target);
  Temp load_constant(vm::Scalar scalar, vm::Word word, std::optional<RegId> target = {});
  Temp load(SlotId slot, std::optional<RegId> target = {});
  Temp load(const Leaf& leaf, std::optional<RegId> target);
  bool is_ready(typed::InputId input) const { return ready_[typed::index(input)]; }

  // ---- Places, texts, arrays (places.cpp, aggregates.cpp, text.cpp, calls.cpp)
  // What is nested is copied out; `raw_place` tells where it is.
  Place place(const typed::Expr& expr) { return copied_out(raw_place(expr), expr.type); }
  Place raw_place(const typed::Expr& expr);
  Place element_of(const typed::Index& node);
  // ---- What stands inside of arrays (nested.cpp)
  Temp length_of(const Place& array, const typed::Type& type, std::optional<RegId> target = {});
  void check_below(RegId at, Temp length);
  Place element_at(const std::vector<Leaf>& array, const typed::Type& type, RegId at);
  Place copied_out(Place nested, const typed::Type& type);
  void copy_out(const Leaf& part, const Leaf& to);
  void copy_out(const typed::Type& type, std::span<const Leaf>& nested, Place& into);
  void copy_in(const Leaf& from, const Leaf& part);
  void copy_in(const typed::Type& type, std::span<const Leaf>& from, std::span<const Leaf>& nested);
  void copy_in(const typed::Type& type, const Place& from, const Place& nested);
  void copy_list(std::span<const Leaf> lists, std::span<const Leaf> nested, bool in);
  template <typename MakeBody>
  void each_index(Temp trips, std::uint32_t most_trips, const MakeBody& body);
  void assign_elements(const std::vector<Leaf>& to, const typed::Type& type,
                       const std::vector<const typed::Expr*>& values);
  void fill_elements(const std::vector<Leaf>& to, const typed::Type& type, const typed::ArrayFill& node);
  void slice_elements(const std::vector<Leaf>& to, const typed::Type& type, const Place& from,
                      const typed::Type& from_type, RegId at, Temp trips);
  void push_nested(const Place& list, const typed::Type& type, const typed::Expr& value);
  Place call(const typed::Call& node, std::optional<RegId> target);
  // ---- Arguments that stay where they are (lending.cpp)
  // The leaves of a value that stands somewhere already, without any code; nothing where it must be made.
  std::optional<std::vector<Leaf>> standing(const typed::Expr& expr) const;
  bool never_changes(const typed::Expr& expr) const;
  bool may_be_lent(const typed::Expr& argument, const CalleeInfo& callee, bool calls_follow) const;
  Lent lent_to(const typed::Call& node) const;
  void pass_lent(const typed::Expr& argument, std::span<const SlotId> lent, const std::vector<Leaf>& to);
  Place call_inlined(const typed::Call& node, std::optional<RegId> target);
  bool is_inlined(typed::FunctionId function) const;
  Frame inlined_frame(const typed::Call& node);
  Place inlined_argument(const typed::Expr& argument);
  // Branches on a call whose callee is one expression, as on that expression. False: it is none.
  bool branch_inlined(const typed::Call& node, bool when, Label label);
  Place temporary(const typed::Expr& expr);  // a copy of its own
  // For a text that is looked at after more has been evaluated: what a call could change meanwhile, state or a callee's
  // result, is copied.
  Place settled_place(const typed::Expr& expr, bool calls_follow);
  void assign(const std::vector<Leaf>& to, const typed::Expr& value, bool may_read_target);
  void assign_constant(const std::vector<Leaf>& to, const typed::Constant& constant);
  void assign_literal(const std::vector<Leaf>& to, const typed::Type& type, const typed::ArrayLiteral& node);
  void assign_slice(const std::vector<Leaf>& to, const typed::Type& type, const typed::Slice& node);
  void assign_fill(const std::vector<Leaf>& to, const typed::Type& type, const typed::ArrayFill& node);
  // ---- Whole arrays (arrays.cpp)
  static bool is_elementwise(const typed::Expr& value);
  void assign_each(SlotId to, const typed::Expr& value);
  void assign_one(SlotId to, const OpFamily& family, const typed::Expr& operand);
  void assign_pair(SlotId to, const EachFamily& family, const typed::Expr& left, const typed::Expr& right);
  void check_lengths(SlotId left, SlotId right);
  void check_not_empty(SlotId list);
  void begin_as(SlotId to, SlotId from);
  void assign_matmul(SlotId to, const typed::ArrayCall& node);
  // ---- Intrinsics on arrays (signals.cpp)
  // What is handed to one: an array or list in memory, or a scalar.
  struct ArrayOperand {
    std::optional<SlotId> slot;
    Temp value;
    static ArrayOperand at(SlotId slot) { return {slot, {}}; }
    static ArrayOperand of(Temp value) { return {{}, std::move(value)}; }
  };
  // The arguments from left to right; what `kept` holds must live until they have been used.
  std::vector<ArrayOperand> operands_of(std::span<const typed::Expr* const> arguments, std::vector<Place>& kept);
  void emit_on_arrays(const std::string& name, std::vector<ArrayOperand> operands, std::uint16_t result = 0);
  static std::vector<const typed::Expr*> pointers(const std::vector<typed::ExprPtr>& arguments);
  void assign_array_call(SlotId to, const typed::ArrayCall& node, const typed::Type& made);
  void assign_fft(SlotId to, const typed::ArrayCall& node);
  void assign_fir(SlotId to, const typed::ArrayCall& node);
  // ---- Images (images.cpp)
  void check_within(RegId value, std::int64_t most);
  Temp pair_at(Temp x);
  Temp eval_pixel(const typed::ArrayCall& node, std::optional<RegId> target);
  Temp eval_image(const typed::ArrayCall& node, std::optional<RegId> target);
  void assign_image(SlotId to, const typed::ArrayCall& node, const typed::Type& made);
  // ---- Models (models.cpp)
  Place ask_model(const typed::ModelCall& node);
  // ---- Bytes (bytes.cpp)
  std::string bytes_intrinsic(const char* what, SlotId bytes) const;
  void check_bytes(SlotId bytes, RegId at, std::int64_t width, std::optional<vm::Word> known_at);
  Temp eval_bytes(const typed::Expr& expr, const typed::ArrayCall& node, std::optional<RegId> target);
  void assign_bytes_text(SlotId to, const typed::ArrayCall& node);
  void interpolate(SlotId to, const typed::Interpolate& node);
  void append_value(SlotId to, const typed::FormatPart& part);
  void append_enum(SlotId to, const typed::Expr& value);
  void append_text(SlotId to, SlotId text, bool is_first);
  void copy(const Leaf& from, const Leaf& to);
  void store(Temp value, const Leaf& to);
  void push(const Leaf& list, RegId value);
  Temp reference(SlotId slot);
  void reference_into(SlotId slot, RegId reg);
  void view_into(SlotId list, RegId reg);
  Temp whole_reference(SlotId slot);
  Leaf scratch_leaf(Place& owner, LeafType type);
  vm::TypeId view_type(SlotId list) {
    const LeafType& leaf = task_.module.leaf(list);
    return task_.module.type(vm::Type{.kind = vm::TypeKind::View,
                                      .element = leaf.scalar,
                                      .region = task_.module.region(list),
                                      .capacity = leaf.capacity});
  }
  vm::TypeId reference_type(SlotId slot) {
    return task_.module.type(task_.module.leaf(slot), task_.module.region(slot));
  }

  TaskContext& task_;
  CodeBuilder code_;
  ScratchPool& scratch_;
  std::vector<bool> ready_;
  Frame frame_;
  std::uint32_t inlined_ = 0;  // nodes so far
  std::vector<HeldState> held_;
  std::vector<Temp> counters_;  // one a loop, never given back
  std::uint32_t line_ = 0;
};

}  // namespace eyeflow::compiler::lowering
