# Flags and the two functions that every folder's CMakeLists.txt uses.
#
#   eyeflow_library(NAME [FREESTANDING] SOURCES … [DEPENDS …] [PRIVATE_DEPENDS …])
#   eyeflow_program(NAME SOURCES … DEPENDS …)
#
# Headers are included by their path from the repository root: #include "vm/isa/isa.h".

option(EYEFLOW_DEVICE_ONLY "Build only vm, stdlib and the golden runner (cross builds)" OFF)

# One meaning on every CPU: no contraction of a*b+c, no reassociation.
add_compile_options(-ffp-contract=off -fno-fast-math -Wall -Wextra)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_compile_options(-Wno-c99-designator)
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
