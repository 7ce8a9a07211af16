# The golden runner; included from tests/, so that the program lies where tools/dev looks for it.
set(golden golden/runner)
eyeflow_program(golden_runner SOURCES
  ${golden}/cli.cpp
  ${golden}/diagnostics.cpp
  ${golden}/diff.cpp
  ${golden}/golden_file.cpp
  ${golden}/kinds_full.cpp
  ${golden}/main.cpp
  ${golden}/precompiled.cpp
  ${golden}/tiers.cpp
  DEPENDS eyeflow_parse eyeflow_vm
)
foreach(folder diagnostics cli)
  add_test(NAME golden.${folder} COMMAND golden_runner ${folder}/ WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
endforeach()
