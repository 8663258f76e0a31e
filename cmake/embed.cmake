# perfopt_embed(<target> <symbol> files... [DEPENDS stamps...])
#
# Puts files into <target> as the table `const perfopt__embedded_file <symbol>[]`, ended by a zero
# name (src/frontend/embedded.h). A file is a path below the current folder (its name in the table is
# that path), or "name=path", or "name=path+path" to join several. Files that exist only while
# building (below the folder of perfopt_npm) are followed through the stamp given as DEPENDS.
include_guard(GLOBAL)

# The generator runs on the build machine, without sanitizers or the target's flags.
if(CMAKE_CROSSCOMPILING)
  find_program(PERFOPT_BUILD_CC NAMES cc gcc clang REQUIRED)
else()
  set(PERFOPT_BUILD_CC ${CMAKE_C_COMPILER})
endif()
set(embed_tool ${PROJECT_BINARY_DIR}/cmake/embed)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/cmake)
add_custom_command(OUTPUT ${embed_tool}
  COMMAND ${PERFOPT_BUILD_CC} -O1 -o ${embed_tool} ${PROJECT_SOURCE_DIR}/cmake/embed.c
  DEPENDS ${PROJECT_SOURCE_DIR}/cmake/embed.c
  COMMENT "Building the file embedder" VERBATIM)
add_custom_target(perfopt_embed_tool DEPENDS ${embed_tool})

function(perfopt_embed target symbol)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "DEPENDS")
  set(tool ${PROJECT_BINARY_DIR}/cmake/embed)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.c)
  set(inputs)
  set(needed)
  foreach(file ${arg_UNPARSED_ARGUMENTS})
    if(NOT file MATCHES "=")
      set(file "${file}=${file}")
    endif()
    string(REGEX MATCH "^([^=]*)=(.*)$" all "${file}")
    set(name "${CMAKE_MATCH_1}")
    string(REPLACE "+" ";" paths "${CMAKE_MATCH_2}")
    set(joined)
    foreach(path ${paths})
      get_filename_component(path "${path}" ABSOLUTE)
      list(APPEND joined "${path}")
      string(FIND "${path}" "${PROJECT_BINARY_DIR}/npm/" at)
      if(NOT at EQUAL 0)
        list(APPEND needed "${path}")
      endif()
    endforeach()
    string(REPLACE ";" "+" joined "${joined}")
    list(APPEND inputs "${name}=${joined}")
  endforeach()
  add_custom_command(OUTPUT ${out}
    COMMAND ${tool} ${out} ${symbol} ${inputs}
    DEPENDS perfopt_embed_tool ${tool} ${needed} ${arg_DEPENDS}
    COMMENT "Embedding files as ${symbol}" VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()
