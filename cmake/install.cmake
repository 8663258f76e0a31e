# Installation: headers, both libraries, the command, the CMake package and the pkg-config file.
include(CMakePackageConfigHelpers)

install(DIRECTORY include/perfopt DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS perfopt_lib_shared perfopt_lib_static
  EXPORT perfopt-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET perfopt_cli)
  install(TARGETS perfopt_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# Who links the static library needs what the shared one has inside: the same pkg-config modules.
set(PERFOPT_PC_LIBRARIES "")
set(PERFOPT_FIND_LIBRARIES "")
foreach(library HIREDIS LIBPQ ZLIB MICROHTTPD XXHASH JANSSON SODIUM LIBDEFLATE BROTLI JPEG WEBP PNG)
  if(${library}_FOUND)
    # As -l flags, not as Requires.private: libpq's own private list names libraries of its build.
    foreach(name ${${library}_LIBRARIES})
      string(APPEND PERFOPT_PC_LIBRARIES " -l${name}")
    endforeach()
    string(APPEND PERFOPT_FIND_LIBRARIES
      "pkg_check_modules(${library} REQUIRED IMPORTED_TARGET ${${library}_MODULE_NAME})\n")
  endif()
endforeach()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/perfopt)
install(EXPORT perfopt-targets NAMESPACE perfopt:: DESTINATION ${package_dir})
configure_package_config_file(cmake/perfopt-config.cmake.in
  ${PROJECT_BINARY_DIR}/perfopt-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/perfopt-config-version.cmake
  COMPATIBILITY SameMinorVersion)
configure_file(cmake/perfopt.pc.in ${PROJECT_BINARY_DIR}/perfopt.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/perfopt-config.cmake
  ${PROJECT_BINARY_DIR}/perfopt-config-version.cmake DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/perfopt.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# The licences of what is embedded, and our own.
install(FILES LICENSE THIRD-PARTY.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(PERFOPT_WITH_BROWSER_FILES)
  foreach(package uplot web-vitals)
    install(FILES ${PROJECT_BINARY_DIR}/npm/dashboards/node_modules/${package}/LICENSE
      DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME LICENSE.${package})
  endforeach()
endif()
