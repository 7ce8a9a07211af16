#pragma once

#include <cstddef>
#include <cstdint>

// The part of ONNX Runtime's C interface that a model needs. The interface is a table of functions whose places never
// change (onnxruntime_c_api.h of the library says so), so the library is loaded when it is needed and nothing of it
// when this is built.
namespace eyeflow::infer::onnx {

using Handle = void*;  // of the library's: a status, an environment, a session …

struct Base {
  const void* const* (*get_api)(std::uint32_t version);
  const char* (*version)();
};
inline constexpr std::uint32_t kVersion = 12;  // the functions below are older than that
inline constexpr int kWarnings = 2, kFloat = 1, kUint8 = 2, kArena = 1, kDefaultMemory = 0;

// A function by its place in the table.
template <int Place, typename Signature>
struct Function {
  const void* const* table;
  template <typename... A>
  auto operator()(A... arguments) const {
    return reinterpret_cast<Signature*>(const_cast<void*>(table[Place]))(arguments...);
  }
};

struct Api {
  explicit Api(const void* const* t)
      : error_message{t},
        create_env{t},
        create_session{t},
        run{t},
        create_options{t},
        set_threads{t},
        input_count{t},
        output_count{t},
        input_type{t},
        input_name{t},
        output_name{t},
        create_tensor{t},
        data{t},
        as_tensor{t},
        element_type{t},
        dimension_count{t},
        dimensions{t},
        element_count{t},
        shape{t},
        create_memory{t},
        allocator{t},
        release_status{t},
        release_value{t},
        release_shape{t} {}

  Function<2, const char*(Handle)> error_message;
  Function<3, Handle(int, const char*, Handle*)> create_env;
  Function<7, Handle(Handle, const char*, Handle, Handle*)> create_session;
  Function<9, Handle(Handle, Handle, const char* const*, const Handle*, std::size_t, const char* const*, std::size_t,
                     Handle*)>
      run;
  Function<10, Handle(Handle*)> create_options;
  Function<24, Handle(Handle, int)> set_threads;
  Function<30, Handle(Handle, std::size_t*)> input_count;
  Function<31, Handle(Handle, std::size_t*)> output_count;
  Function<33, Handle(Handle, std::size_t, Handle*)> input_type;
  Function<36, Handle(Handle, std::size_t, Handle, char**)> input_name;
  Function<37, Handle(Handle, std::size_t, Handle, char**)> output_name;
  Function<49, Handle(Handle, void*, std::size_t, const std::int64_t*, std::size_t, int, Handle*)> create_tensor;
  Function<51, Handle(Handle, void**)> data;
  Function<55, Handle(Handle, Handle*)> as_tensor;
  Function<60, Handle(Handle, int*)> element_type;
  Function<61, Handle(Handle, std::size_t*)> dimension_count;
  Function<62, Handle(Handle, std::int64_t*, std::size_t)> dimensions;
  Function<64, Handle(Handle, std::size_t*)> element_count;
  Function<65, Handle(Handle, Handle*)> shape;
  Function<69, Handle(int, int, Handle*)> create_memory;
  Function<78, Handle(Handle*)> allocator;
  Function<93, void(Handle)> release_status;
  Function<96, void(Handle)> release_value;
  Function<99, void(Handle)> release_shape;
};

}  // namespace eyeflow::infer::onnx
