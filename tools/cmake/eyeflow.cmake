# Flags and the functions that every folder's CMakeLists.txt uses.
#
#   eyeflow_library(NAME [FREESTANDING] SOURCES … [DEPENDS …] [PRIVATE_DEPENDS …])
#   eyeflow_program(NAME SOURCES … DEPENDS …)
#   eyeflow_for_size(TARGETS OR FILES…)
#   eyeflow_fuzzer(NAME SOURCES … DEPENDS … [SEEDS FOLDERS…])
#
# Headers are included by their path from the repository root: #include "vm/isa/isa.h".

option(EYEFLOW_DEVICE_ONLY "Build only what a device runs, and the golden runner (cross builds)" OFF)
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
add_compile_options(-ffp-contract=off -fno-fast-math -fno-math-errno -Wall -Wextra)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_compile_options(-Wno-c99-designator -fcolor-diagnostics)
else()
  # g++ 12 warns about std::string itself (GCC bug 105651).
  add_compile_options(-fdiagnostics-color=always -Wno-restrict)
endif()
# An event wakes the process on cold caches, so that what counts is how many pages it needs: the functions that it runs
# through are [[gnu::hot]], and the linker puts these side by side.
add_link_options(-Wl,-z,keep-text-section-prefix)
if(EYEFLOW_WERROR)
  add_compile_options(-Werror)
endif()
if(EYEFLOW_SANITIZE)
  # The vptr check needs run-time type information, which vm has none of.
  add_compile_options(-fsanitize=${EYEFLOW_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all)
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

# What works once, at a program's start: its pages are all that it costs afterwards.
function(eyeflow_for_size)
  foreach(one ${ARGN})
    if(TARGET ${one})
      target_compile_options(${one} PRIVATE $<$<CONFIG:Release>:-Os>)
    else()
      set_source_files_properties(${one} PROPERTIES COMPILE_OPTIONS $<$<CONFIG:Release>:-Os>)
    endif()
  endforeach()
endfunction()

function(eyeflow_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS})
endfunction()

# A libFuzzer program fuzz_NAME (clang only). ctest runs it briefly as fuzz.NAME; `tools/dev fuzz NAME` runs the one of
# the asan preset, which has the sanitizers and sees the coverage of all code, not only of its own file.
# SEEDS are folders of inputs to start from. What libFuzzer finds is kept in the build folder, never beside the seeds.
function(eyeflow_fuzzer name)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang" OR CMAKE_CROSSCOMPILING)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;SEEDS" ${ARGN})
  eyeflow_program(fuzz_${name} SOURCES ${ARG_SOURCES} DEPENDS ${ARG_DEPENDS})
  target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer-no-link)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  set(found ${CMAKE_BINARY_DIR}/fuzz/${name})
  file(MAKE_DIRECTORY ${found}/corpus)
  add_test(NAME fuzz.${name} COMMAND fuzz_${name} -seed=1 -runs=20000 -max_total_time=4 -timeout=10
    -artifact_prefix=${found}/ ${found}/corpus ${ARG_SEEDS})
  set_property(GLOBAL APPEND PROPERTY EYEFLOW_FUZZ_PROGRAMS fuzz_${name})
  # One line a fuzzer for tools/dev: name, program, its folder for findings, seed folders.
  list(JOIN ARG_SEEDS " " seeds)
  set_property(GLOBAL APPEND_STRING PROPERTY EYEFLOW_FUZZERS
    "${name} $<TARGET_FILE:fuzz_${name}> ${found} ${seeds}\n")
endfunction()

# Called once, at the end of the top CMakeLists.txt.
function(eyeflow_write_fuzzer_list)
  get_property(fuzzers GLOBAL PROPERTY EYEFLOW_FUZZERS)
  file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/fuzz/list CONTENT "${fuzzers}")
  get_property(programs GLOBAL PROPERTY EYEFLOW_FUZZ_PROGRAMS)
  add_custom_target(fuzzers DEPENDS ${programs})
endfunction()
