# install.cmake: `cmake --install`: headers, both libraries, the command with its completions, manual pages, a pkg-config file and a
# CMake package.
include(CMakePackageConfigHelpers)

install(TARGETS tarn EXPORT tarn-targets)
install(TARGETS tarn_static EXPORT tarn-targets)
install(DIRECTORY include/tarn TYPE INCLUDE FILES_MATCHING PATTERN "*.h")
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(TARGET tarn_command)
  install(TARGETS tarn_command)
  if(NOT WIN32)
    install(FILES completion/tarn.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME tarn)
    install(FILES completion/_tarn DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
    install(FILES completion/tarn.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
  endif()
endif()
if(TARGET pages)
  install(DIRECTORY ${PROJECT_BINARY_DIR}/manual/man1 ${PROJECT_BINARY_DIR}/manual/man3 DESTINATION ${CMAKE_INSTALL_MANDIR})
endif()

set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/tarn)
configure_package_config_file(cmake/tarn-config.cmake.in tarn-config.cmake INSTALL_DESTINATION ${package_directory})
# Before 1.0 the next minor version may differ.
write_basic_package_version_file(tarn-config-version.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT tarn-targets NAMESPACE tarn:: DESTINATION ${package_directory})
install(FILES ${PROJECT_BINARY_DIR}/tarn-config.cmake ${PROJECT_BINARY_DIR}/tarn-config-version.cmake
        DESTINATION ${package_directory})

# Found from where this file lies, so that an installed copy can be moved; unless its place was given as an absolute path.
string(REGEX REPLACE "[^/]+" ".." up "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
set(tarn_pc_prefix "\${pcfiledir}/${up}")
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(tarn_pc_prefix "${CMAKE_INSTALL_PREFIX}")
endif()
cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_LIBDIR BASE_DIRECTORY "\${prefix}" OUTPUT_VARIABLE tarn_pc_libdir)
cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_INCLUDEDIR BASE_DIRECTORY "\${prefix}" OUTPUT_VARIABLE tarn_pc_includedir)
set(tarn_pc_private -pthread)
if(WIN32)
  set(tarn_pc_private -lntdll)
endif()
configure_file(cmake/tarn.pc.in tarn.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/tarn.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
