// kernels.wasm in the interpreter of WebAssembly Micro Runtime: peer_wamr kernels.wasm
#include <wasm_export.h>

#include "bench/kernels/peers/wasm_host.h"

static wasm_module_inst_t instance;
static wasm_exec_env_t environment;

static void stop(const char* message) {
  fprintf(stderr, "wamr: %s\n", message);
  exit(3);
}

static HostFunction* host_find(const char* name) { return (HostFunction*)wasm_runtime_lookup_function(instance, name); }
static void host_call(HostFunction* function) {
  if (!wasm_runtime_call_wasm(environment, (wasm_function_inst_t)function, 0, NULL))
    stop(wasm_runtime_get_exception(instance));
}
static double host_call_f64(HostFunction* function) {
  wasm_val_t value = {.kind = WASM_F64};
  if (!wasm_runtime_call_wasm_a(environment, (wasm_function_inst_t)function, 1, &value, 0, NULL))
    stop(wasm_runtime_get_exception(instance));
  return value.of.f64;
}

int main(int count, char** words) {
  if (count != 2) return 2;
  uint32_t size;
  uint8_t* bytes = host_read_file(words[1], &size);
  RuntimeInitArgs settings;
  memset(&settings, 0, sizeof settings);
  settings.mem_alloc_type = Alloc_With_System_Allocator;
  settings.running_mode = Mode_Interp;
  if (!wasm_runtime_full_init(&settings)) stop("it does not start");
  char error[256];
  const wasm_module_t module = wasm_runtime_load(bytes, size, error, sizeof error);
  if (!module) stop(error);
  instance = wasm_runtime_instantiate(module, 256 * 1024, 0, error, sizeof error);
  if (!instance) stop(error);
  environment = wasm_runtime_create_exec_env(instance, 256 * 1024);
  answer_stdin();
  return 0;
}
