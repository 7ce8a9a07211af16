#!/bin/sh
# Builds the two hosts of WebAssembly that no package brings, for `tools/dev bench`.
#
#   bench/kernels/peers/build.sh WASM3_SOURCES WAMR_SOURCES OUT
#
# Afterwards: EYEFLOW_WASM3=OUT/peer_wasm3 EYEFLOW_WAMR=OUT/peer_wamr tools/dev bench
set -eu
[ $# -eq 3 ] || { sed -n 's/^#  *bench/usage: bench/p' "$0" >&2; exit 2; }
wasm3=$1 wamr=$2 out=$3
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
mkdir -p "$out"

clang-19 -O3 -DNDEBUG -fno-strict-aliasing -w -I"$root" -I"$wasm3/source" "$wasm3"/source/*.c "$here/wasm3.c" -o "$out/peer_wasm3" -lm

# Its fast interpreter; measured before, g++ makes more of it than clang does.
cmake -S "$wamr/product-mini/platforms/linux" -B "$out/wamr" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_C_COMPILER=gcc-12 -DCMAKE_CXX_COMPILER=g++-12 -DWAMR_BUILD_INTERP=1 -DWAMR_BUILD_FAST_INTERP=1 \
  -DWAMR_BUILD_AOT=0 -DWAMR_BUILD_JIT=0 -DWAMR_BUILD_LIBC_WASI=0 -DWAMR_BUILD_SIMD=0 -DWAMR_BUILD_BULK_MEMORY=1
cmake --build "$out/wamr"
gcc-12 -O2 -I"$root" -I"$wamr/core/iwasm/include" "$here/wamr.c" "$out/wamr/libiwasm.a" -o "$out/peer_wamr" -lm -lpthread -ldl
