# Flags and the functions that every folder's CMakeLists.txt uses.
#
#   eyeflow_library(NAME [FREESTANDING] SOURCES … [DEPENDS …] [PRIVATE_DEPENDS …])
#   eyeflow_program(NAME SOURCES … DEPENDS …)
#   eyeflow_fuzzer(NAME SOURCES … DEPENDS … [CORPUS FOLDER])
#
# Headers are included by their path from the repository root: #include "vm/isa/isa.h".

option(EYEFLOW_DEVICE_ONLY "Build only vm, stdlib and the golden runner (cross builds)" OFF)
option(EYEFLOW_WERROR "Warnings are errors; for the one compiler version that the warnings are tuned to" OFF)
option(EYEFLOW_FUZZ_COVERAGE "Instrument everything for libFuzzer (clang)" OFF)
set(EYEFLOW_SANITIZE "" CACHE STRING "Sanitizers, as in -fsanitize=")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# With assertions, fast enough for the whole suite, and with line numbers in reports.
set(CMAKE_C_FLAGS_SANITIZE "-O1 -g1 -fno-omit-frame-pointer")
set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1 -fno-omit-frame-pointer")

# One meaning on every CPU: no contraction of a*b+c, no reassociation.
add_compile_options(-ffp-contract=off -fno-fast-math -Wall -Wextra)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_compile_options(-Wno-c99-designator -fcolor-diagnostics)
else()
  add_compile_options(-fdiagnostics-color=always)
endif()
if(EYEFLOW_WERROR)
  add_compile_options(-Werror)
endif()
if(EYEFLOW_SANITIZE)
  add_compile_options(-fsanitize=${EYEFLOW_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${EYEFLOW_SANITIZE})
endif()
if(EYEFLOW_FUZZ_COVERAGE)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

function(eyeflow_library name)
  cmake_parse_arguments(ARG "FREESTANDING" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE_DEPENDS})
  if(ARG_FREESTANDING)   # vm and jit: no exceptions, no run-time type information
    target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti>)
  endif()
endfunction()

function(eyeflow_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS})
endfunction()

# A libFuzzer program (clang only), NAME without prefix. ctest runs it briefly as fuzz.NAME: over its corpus, then some
# mutations with a fixed seed. `tools/dev fuzz NAME` runs the one of the asan preset, which has sanitizers and coverage.
# CORPUS is a folder of inputs in the repository, by default corpus/NAME beside the CMakeLists.txt; it may be absent.
function(eyeflow_fuzzer name)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang" OR CMAKE_CROSSCOMPILING)
    return()
  endif()
  cmake_parse_arguments(ARG "" "CORPUS" "SOURCES;DEPENDS" ${ARGN})
  eyeflow_program(fuzz_${name} SOURCES ${ARG_SOURCES} DEPENDS ${ARG_DEPENDS})
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  if(NOT ARG_CORPUS)
    set(ARG_CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
  endif()
  set(seeds "")
  if(EXISTS ${ARG_CORPUS})
    set(seeds ${ARG_CORPUS})
  endif()
  # A first, empty folder takes what libFuzzer finds, so that the corpus in the repository stays as committed.
  set(found ${CMAKE_CURRENT_BINARY_DIR}/found/${name})
  file(MAKE_DIRECTORY ${found})
  add_test(NAME fuzz.${name} COMMAND fuzz_${name} -seed=1 -runs=20000 -max_total_time=4 -timeout=10
    -artifact_prefix=${found}/ ${found} ${seeds})
  set_property(GLOBAL APPEND PROPERTY EYEFLOW_FUZZERS "${name}\t$<TARGET_FILE:fuzz_${name}>\t${seeds}")
endfunction()
