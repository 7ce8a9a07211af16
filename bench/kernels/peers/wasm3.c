// kernels.wasm in wasm3: peer_wasm3 kernels.wasm
#include <wasm3.h>

#include "bench/kernels/peers/wasm_host.h"

static IM3Runtime runtime;

static void must(M3Result result) {
  if (!result) return;
  fprintf(stderr, "wasm3: %s\n", result);
  exit(3);
}

static HostFunction* host_find(const char* name) {
  IM3Function function;
  return m3_FindFunction(&function, runtime, name) ? NULL : (HostFunction*)function;
}
static void host_call(HostFunction* function) { must(m3_CallV((IM3Function)function)); }
static double host_call_f64(HostFunction* function) {
  host_call(function);
  double value = 0;
  must(m3_GetResultsV((IM3Function)function, &value));
  return value;
}

int main(int count, char** words) {
  if (count != 2) return 2;
  uint32_t size;
  const uint8_t* bytes = host_read_file(words[1], &size);
  IM3Environment environment = m3_NewEnvironment();
  runtime = m3_NewRuntime(environment, 1024 * 1024, NULL);
  IM3Module module;
  must(m3_ParseModule(environment, &module, bytes, size));
  must(m3_LoadModule(runtime, module));
  answer_stdin();
  return 0;
}
