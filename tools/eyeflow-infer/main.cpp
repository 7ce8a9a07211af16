// Computes an ONNX model for a daemon: what docs/models.md says on standard input and output.
//
//   eyeflow-infer [--library libonnxruntime.so] FILE.onnx

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/eyeflow-infer/onnx.h"
#include "vm/module/image_unit.h"

namespace eyeflow::infer {
namespace {

[[noreturn]] void leave(const std::string& why) {
  fmt::print(stderr, "eyeflow-infer: {}\n", why);
  std::exit(1);
}

// One of what the daemon asks with.
struct Form {
  std::string name;          // empty: it is the only one
  vm::ImageForm image;       // or …
  std::size_t elements = 0;  // … an array of so many
  bool is_float = false;     // of f32; otherwise of bytes
  std::size_t bytes() const { return elements * (is_float ? sizeof(float) : 1); }
};

Form read_form(std::string_view text, std::string_view name) {
  Form form;
  form.name = name;
  if (const auto image = vm::image_form(text)) {
    form.image = *image;
    form.elements = image->bytes();
    return form;
  }
  form.is_float = text.starts_with("[f32; ");
  const std::size_t at = text.find("; ");
  if ((!form.is_float && !text.starts_with("[u8; ")) || at == text.npos)
    leave(fmt::format("'{}' is no form that it knows", text));
  std::from_chars(text.data() + at + 2, text.data() + text.size(), form.elements);
  return form;
}

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

// An input of the model: a tensor of u8 or f32, made of what the task gives for it.
class Input {
 public:
  // `element` and `shape` as the model says them; 0 or less in the shape where it leaves a dimension open. Its own
  // dimensions where it names them, the task's where it leaves them open.
  Input(Form form, int element, std::vector<std::int64_t> shape, const std::string& where)
      : form_(std::move(form)), shape_(std::move(shape)) {
    is_float_ = element == onnx::kFloat;
    if (!is_float_ && element != onnx::kUint8) leave(fmt::format("{} takes neither f32 nor u8", where));
    if (form_.is_float && !is_float_) leave(fmt::format("{} takes u8, and the task gives f32", where));
    const std::size_t count = shape_.size();
    const std::int64_t channels = vm::pixel_bytes(form_.image.format), w = form_.image.width, h = form_.image.height;
    channels_first_ = channels > 1 && count >= 3 && shape_[count - 3] == channels && shape_[count - 1] != channels;
    const auto wanted = channels == 0     ? std::vector<std::int64_t>{static_cast<std::int64_t>(form_.elements)}
                        : channels_first_ ? std::vector<std::int64_t>{channels, h, w}
                                          : std::vector<std::int64_t>{h, w, channels};
    std::int64_t product = 1;
    for (std::size_t n = 0; n < count; ++n) {
      const std::size_t from_end = count - n;
      if (shape_[n] <= 0) shape_[n] = from_end <= wanted.size() ? wanted[wanted.size() - from_end] : 1;
      product *= shape_[n];
    }
    if (product != static_cast<std::int64_t>(form_.elements))
      leave(fmt::format("{} takes {} numbers, and the task gives {}", where, product, form_.elements));
  }

  std::size_t bytes() const { return form_.bytes(); }
  const std::vector<std::int64_t>& shape() const { return shape_; }
  int element() const { return is_float_ ? onnx::kFloat : onnx::kUint8; }

  // The tensor's memory, good until the next call.
  std::pair<void*, std::size_t> fill(std::span<const unsigned char> argument) {
    if (is_float_ && !form_.is_float) {
      fill_floats(argument);
      return {floats_.data(), floats_.size() * sizeof(float)};
    }
    if (channels_first_)
      turn(argument, bytes_);
    else
      bytes_.assign(argument.begin(), argument.end());
    return {bytes_.data(), bytes_.size()};
  }

 private:
  // Planes of one channel each, out of pixels.
  template <typename To>
  void turn(std::span<const unsigned char> pixels, std::vector<To>& out) {
    const std::size_t channels = vm::pixel_bytes(form_.image.format), count = pixels.size() / channels;
    out.resize(pixels.size());
    for (std::size_t n = 0; n < count; ++n)
      for (std::size_t c = 0; c < channels; ++c) out[c * count + n] = static_cast<To>(pixels[n * channels + c]);
  }
  // Samples as 0 to 1.
  void fill_floats(std::span<const unsigned char> bytes) {
    if (channels_first_)
      turn(bytes, floats_);
    else
      floats_.assign(bytes.begin(), bytes.end());
    if (form_.image.format != vm::PixelFormat::None)
      for (float& sample : floats_) sample /= 255.0f;
  }

  Form form_;
  std::vector<std::int64_t> shape_;
  bool is_float_ = false, channels_first_ = false;
  std::vector<float> floats_;
  std::vector<unsigned char> bytes_;
};

class Model {
 public:
  // One form without a name is the only input's, whatever its name; otherwise names say which input each form is for.
  Model(const onnx::Api& api, const char* file, std::vector<Form> forms, std::size_t results)
      : api_(api), results_(results) {
    must(api_.create_env(onnx::kWarnings, "eyeflow", &environment_));
    onnx::Handle options = nullptr;
    must(api_.create_options(&options));
    must(api_.set_threads(options, 1));  // a task's model leaves the other cores to the daemon
    must(api_.create_session(environment_, file, options, &session_));
    must(api_.allocator(&allocator_));
    must(api_.create_memory(onnx::kArena, onnx::kDefaultMemory, &memory_));
    std::size_t inputs = 0, outputs = 0;
    must(api_.input_count(session_, &inputs));
    must(api_.output_count(session_, &outputs));
    char* name = nullptr;
    std::vector<std::string> names;
    for (std::size_t n = 0; n < inputs; ++n) {
      must(api_.input_name(session_, n, allocator_, &name));
      names.push_back(name);
    }
    for (std::size_t n = 0; n < outputs; ++n) {
      must(api_.output_name(session_, n, allocator_, &name));
      output_names_.push_back(name);
    }
    if (inputs != forms.size()) {
      leave(fmt::format("{} takes {} {} ({}), and the task gives {}", file, inputs, inputs == 1 ? "input" : "inputs",
                        joined(names), forms.size()));
    }
    // In the order in which the task gives them.
    for (Form& form : forms) {
      const auto found = form.name.empty() ? names.begin() : std::ranges::find(names, form.name);
      if (found == names.end())
        leave(fmt::format("{} has no input '{}'; its inputs are {}", file, form.name, joined(names)));
      add_input(static_cast<std::size_t>(found - names.begin()), std::move(form), file, names);
    }
    for (const std::string& used : input_names_) name_pointers_.push_back(used.c_str());
  }

  std::size_t bytes() const {
    std::size_t all = 0;
    for (const Input& input : inputs_) all += input.bytes();
    return all;
  }

  // The answer's numbers, those of all outputs one after the other; empty: `error` says why.
  std::vector<float> ask(std::span<const unsigned char> arguments, std::string& error) {
    std::vector<onnx::Handle> inputs(inputs_.size(), nullptr), outputs(output_names_.size(), nullptr);
    std::vector<float> answer;
    bool done = true;
    for (std::size_t n = 0; n < inputs_.size() && done; ++n) {
      Input& input = inputs_[n];
      const auto [data, size] = input.fill(arguments.first(input.bytes()));
      arguments = arguments.subspan(input.bytes());
      done = good(api_.create_tensor(memory_, data, size, input.shape().data(), input.shape().size(), input.element(),
                                     &inputs[n]),
                  error);
    }
    done = done && good(api_.run(session_, nullptr, name_pointers_.data(), inputs.data(), inputs.size(),
                                 output_names_.data(), output_names_.size(), outputs.data()),
                        error);
    for (const onnx::Handle output : outputs) {
      if (done && error.empty()) append(output, answer, error);
      if (output != nullptr) api_.release_value(output);
    }
    for (const onnx::Handle input : inputs)
      if (input != nullptr) api_.release_value(input);
    if (error.empty() && answer.size() != results_)
      error = fmt::format("the model has {} numbers in its outputs, and the task takes {}", answer.size(), results_);
    return error.empty() ? answer : std::vector<float>();
  }

 private:
  bool good(onnx::Handle status, std::string& error) {
    if (status == nullptr) return true;
    error = api_.error_message(status);
    api_.release_status(status);
    return false;
  }
  void must(onnx::Handle status) {
    std::string error;
    if (!good(status, error)) leave(error);
  }

  void add_input(std::size_t at, Form form, const char* file, const std::vector<std::string>& names) {
    const std::string where = names.size() == 1 ? std::string(file) : fmt::format("input '{}' of {}", names[at], file);
    onnx::Handle type = nullptr, tensor = nullptr;
    must(api_.input_type(session_, at, &type));
    must(api_.as_tensor(type, &tensor));
    if (tensor == nullptr) leave(fmt::format("{} takes no tensor", where));
    int element = 0;
    must(api_.element_type(tensor, &element));
    std::size_t count = 0;
    must(api_.dimension_count(tensor, &count));
    std::vector<std::int64_t> shape(count);
    must(api_.dimensions(tensor, shape.data(), count));
    inputs_.emplace_back(std::move(form), element, std::move(shape), where);
    input_names_.push_back(names[at]);
  }

  void append(onnx::Handle output, std::vector<float>& answer, std::string& error) {
    onnx::Handle shape = nullptr;
    std::size_t count = 0;
    int element = 0;
    void* data = nullptr;
    if (!good(api_.shape(output, &shape), error)) return;
    const bool known = good(api_.element_count(shape, &count), error) &&
                       good(api_.element_type(shape, &element), error) && good(api_.data(output, &data), error);
    api_.release_shape(shape);
    if (!known) return;
    if (element != onnx::kFloat) {
      error = "an output of the model is not f32";
      return;
    }
    const auto* numbers = static_cast<const float*>(data);
    answer.insert(answer.end(), numbers, numbers + count);
  }

  const onnx::Api& api_;
  const std::size_t results_;
  onnx::Handle environment_ = nullptr, session_ = nullptr, allocator_ = nullptr, memory_ = nullptr;
  std::vector<Input> inputs_;
  std::vector<std::string> input_names_;
  std::vector<const char*> name_pointers_, output_names_;
};

onnx::Api load(const char* library) {
  void* handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    leave(fmt::format(
        "{}: ONNX Runtime is not there: {}; install its shared library (the releases of the project, or the "
        "npm package onnxruntime-node, have it) and name it by --library",
        library, dlerror()));
  }
  const auto get_base = reinterpret_cast<const onnx::Base* (*)()>(dlsym(handle, "OrtGetApiBase"));
  const void* const* table = get_base != nullptr ? get_base()->get_api(onnx::kVersion) : nullptr;
  if (table == nullptr) leave(fmt::format("{} is no ONNX Runtime of version 1.12 or later", library));
  return onnx::Api(table);
}

std::string read_line() {
  std::string line;
  for (int c = std::getchar(); c != EOF; c = std::getchar()) {
    if (c == '\n') return line;
    line += static_cast<char>(c);
  }
  std::exit(0);  // the daemon has ended
}

void say(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

int serve(const char* library, const char* file) {
  const onnx::Api api = load(library);
  const std::string head = read_line();
  constexpr std::string_view kHead = "eyeflow-model ";
  if (!head.starts_with(kHead)) leave("it is started by eyeflow-vm; see docs/models.md");
  const auto not_understood = [&](const std::string& line) { leave(fmt::format("'{}' is not understood", line)); };
  const char *at = head.data() + kHead.size(), *const end = head.data() + head.size();
  const auto number = [&] {
    std::size_t value = 0;
    const auto [behind, error] = std::from_chars(at, end, value);
    if (error != std::errc{}) not_understood(head);
    at = behind < end && *behind == ' ' ? behind + 1 : behind;
    return value;
  };
  const std::size_t version = number(), results = number();
  std::vector<Form> forms;
  if (version == 1) {
    forms.push_back(read_form({at, end}, ""));
  } else if (version == 2) {
    for (std::size_t count = number(); count > 0; --count) {
      const std::string line = read_line();
      const std::size_t name_end = line.find(' ');
      if (name_end == line.npos) not_understood(line);
      forms.push_back(read_form(std::string_view(line).substr(name_end + 1), line.substr(0, name_end)));
    }
  } else {
    leave(fmt::format("it speaks versions 1 and 2 of its protocol, not {}: update it", version));
  }
  Model model(api, file, std::move(forms), results);
  say("ready\n");
  std::fflush(stdout);
  std::vector<unsigned char> argument(model.bytes());
  for (;;) {
    const std::string line = read_line();
    const std::size_t id_end = line.rfind(' ');
    if (!line.starts_with("ask ") || id_end < 4 || line.substr(id_end + 1) != std::to_string(argument.size()))
      leave(fmt::format("'{}' is not understood", line));
    if (std::fread(argument.data(), 1, argument.size(), stdin) != argument.size()) return 0;
    const std::string id = line.substr(4, id_end - 4);
    std::string wrong;
    const std::vector<float> answer = model.ask(argument, wrong);
    for (char& c : wrong)
      if (c == '\n') c = ' ';
    if (wrong.empty()) {
      say(fmt::format("answer {} {}\n", id, answer.size() * sizeof(float)));
      std::fwrite(answer.data(), sizeof(float), answer.size(), stdout);
    } else {
      say(fmt::format("error {} {}\n", id, wrong.substr(0, 300)));
    }
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace eyeflow::infer

int main(int count, char** words) {
  const char* library = "libonnxruntime.so.1";
  int at = 1;
  if (at + 1 < count && std::strcmp(words[at], "--library") == 0) {
    library = words[at + 1];
    at += 2;
  }
  if (at + 1 != count) {
    std::fputs(
        "usage: eyeflow-infer [--library libonnxruntime.so] FILE.onnx\nComputes an ONNX model for eyeflow-vm; see "
        "docs/models.md.\n",
        stderr);
    return 2;
  }
  return eyeflow::infer::serve(library, words[at]);
}
