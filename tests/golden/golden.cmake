# The golden runner; included from tests/, so that the program lies where tools/dev looks for it.
set(golden golden/runner)
eyeflow_library(golden_tiers SOURCES ${golden}/tiers.cpp DEPENDS eyeflow_baseline eyeflow_tracing eyeflow_vm)
eyeflow_library(golden_core SOURCES
  ${golden}/bench.cpp
  ${golden}/calls.cpp
  ${golden}/coverage.cpp
  ${golden}/diff.cpp
  ${golden}/golden_file.cpp
  ${golden}/isa.cpp
  ${golden}/language.cpp
  ${golden}/precompiled.cpp
  ${golden}/values.cpp
  DEPENDS golden_tiers guarded_memory eyeflow_assembly eyeflow_stdlib eyeflow_vm
)

# eyeflow_golden_tests(PROGRAM FOLDERS… [ARGUMENTS…]): a test a folder of golden files.
function(eyeflow_golden_tests program)
  cmake_parse_arguments(ARG "" "" "FOLDERS;ARGUMENTS" ${ARGN})
  foreach(folder ${ARG_FOLDERS})
    add_test(NAME golden.${folder} COMMAND ${program} ${folder}/ ${ARG_ARGUMENTS} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  endforeach()
endfunction()

# Without a compiler: what a device runs. Tasks come as modules that golden_runner --precompile made.
eyeflow_program(golden_runner_device SOURCES ${golden}/main.cpp ${golden}/kinds_device.cpp DEPENDS golden_core)
if(EYEFLOW_DEVICE_ONLY)
  set(EYEFLOW_GOLDEN_MODULES ${CMAKE_SOURCE_DIR}/build/golden-modules CACHE PATH "What golden_runner --precompile made for the tests here")
  eyeflow_golden_tests(golden_runner_device FOLDERS isa language ARGUMENTS --precompiled ${EYEFLOW_GOLDEN_MODULES})
  return()
endif()

eyeflow_program(golden_runner SOURCES
  ${golden}/main.cpp
  ${golden}/bytecode.cpp
  ${golden}/cli.cpp
  ${golden}/compile.cpp
  ${golden}/diagnostics.cpp
  ${golden}/english.cpp
  ${golden}/kinds_full.cpp
  DEPENDS golden_core eyeflow_modules eyeflow_lower
)
eyeflow_golden_tests(golden_runner FOLDERS isa language diagnostics english bytecode cli)
add_test(NAME golden.coverage COMMAND golden_runner --coverage WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
foreach(script value_instructions branch_instructions element_instructions part_instructions array_instructions bytes images figures
    nested_arrays levels lent_arguments)
  add_test(NAME golden.reference.${script}
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/golden/reference/${script}.py --check)
endforeach()
# What sessions of cli/ call.
add_dependencies(golden_runner eyeflowc eyeflow-vm eyeflow-collector)
