# perfopt_module(NAME DEPENDS lower modules... SOURCES files... LIBRARIES imported targets...)
#
# One module of the library: its objects go into libperfopt, and the internal static library
# perfopt_<name> lets a unit test link this module and only the modules below it, so that a
# violation of the layering does not even link.
set(PERFOPT_WARNINGS -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2)

if(PERFOPT_SANITIZE)
  add_compile_options(-fsanitize=${PERFOPT_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PERFOPT_SANITIZE})
endif()

function(perfopt_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS;SOURCES;LIBRARIES")
  add_library(perfopt_${name}_objects OBJECT ${arg_SOURCES})
  add_library(perfopt_${name} STATIC $<TARGET_OBJECTS:perfopt_${name}_objects>)
  target_include_directories(perfopt_${name}_objects PRIVATE
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  target_include_directories(perfopt_${name} INTERFACE
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  target_compile_definitions(perfopt_${name}_objects PRIVATE _GNU_SOURCE)
  target_compile_options(perfopt_${name}_objects PRIVATE ${PERFOPT_WARNINGS})
  target_link_libraries(perfopt_${name}_objects PRIVATE ${arg_LIBRARIES} Threads::Threads)
  foreach(lower ${arg_DEPENDS})
    target_link_libraries(perfopt_${name} INTERFACE perfopt_${lower})
  endforeach()
  target_link_libraries(perfopt_${name} INTERFACE ${arg_LIBRARIES} Threads::Threads m)
  set_property(GLOBAL APPEND PROPERTY PERFOPT_MODULES ${name})
  set_property(GLOBAL APPEND PROPERTY PERFOPT_LIBRARIES ${arg_LIBRARIES})
endfunction()

# perfopt_use_optional(module NAME): defines PERFOPT_HAVE_<NAME> and links it, if it was found.
function(perfopt_use_optional module name)
  if(${name}_FOUND)
    target_compile_definitions(perfopt_${module}_objects PRIVATE PERFOPT_HAVE_${name}=1)
    target_link_libraries(perfopt_${module}_objects PRIVATE PkgConfig::${name})
    target_link_libraries(perfopt_${module} INTERFACE PkgConfig::${name})
    set_property(GLOBAL APPEND PROPERTY PERFOPT_LIBRARIES PkgConfig::${name})
  endif()
endfunction()
