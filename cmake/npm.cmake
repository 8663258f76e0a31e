# perfopt_npm(<folder> <stamp-var>)
#
# Installs the packages that <folder>/package-lock.json pins, while building, into
# build/npm/<folder's name>/node_modules; the source tree stays as it is. <stamp-var> gets the file
# that says "done" (give it to perfopt_embed as DEPENDS) and <stamp-var>_FOLDER the node_modules.
include_guard(GLOBAL)

option(PERFOPT_WITH_BROWSER_FILES
  "Embed uPlot and web-vitals from npm: charts in the dashboards, browser timing" ON)
if(PERFOPT_WITH_BROWSER_FILES)
  find_program(PERFOPT_NPM npm)
  if(NOT PERFOPT_NPM)
    message(FATAL_ERROR "npm not found: install the Debian packages nodejs and npm, or configure "
      "with -DPERFOPT_WITH_BROWSER_FILES=OFF (dashboards without charts, no browser timing)")
  endif()
endif()

function(perfopt_npm folder stamp_var)
  get_filename_component(folder "${folder}" ABSOLUTE)
  get_filename_component(name "${folder}" NAME)
  set(out ${PROJECT_BINARY_DIR}/npm/${name})
  set(stamp ${out}/installed)
  if(NOT TARGET perfopt_npm_${name})
    add_custom_command(OUTPUT ${stamp}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${out}
      COMMAND ${CMAKE_COMMAND} -E copy ${folder}/package.json ${folder}/package-lock.json ${out}
      COMMAND ${CMAKE_COMMAND} -E chdir ${out}
        ${PERFOPT_NPM} ci --ignore-scripts --no-audit --no-fund --loglevel=error
      COMMAND ${CMAKE_COMMAND} -E touch ${stamp}
      DEPENDS ${folder}/package.json ${folder}/package-lock.json
      COMMENT "Installing the npm packages of ${name}" VERBATIM)
    add_custom_target(perfopt_npm_${name} DEPENDS ${stamp})
  endif()
  set(${stamp_var} perfopt_npm_${name} ${stamp} PARENT_SCOPE)
  set(${stamp_var}_FOLDER ${out}/node_modules PARENT_SCOPE)
endfunction()
