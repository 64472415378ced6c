# options.cmake: how everything of Tarn's is compiled.
# Warnings are errors where CMAKE_COMPILE_WARNING_AS_ERROR says so, as all presets but `release` do: who builds Tarn for use may have a
# compiler or options that find what ours do not.
set(tarn_warnings -Wall -Wextra -Wconversion -Wundef -Wmissing-prototypes)

# tarn_compile_options(TARGET): warnings, sanitizers, and no path of this machine in what comes out.
function(tarn_compile_options target)
  # Assertions stay on whatever the build type: a broken private invariant must stop the process before it reaches shared memory, and
  # tests would check nothing.
  target_compile_options(${target} PRIVATE ${tarn_warnings} -UNDEBUG -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE= _FILE_OFFSET_BITS=64) # empty: as a #define in a source has it
  if(CMAKE_C_FLAGS MATCHES "-m32")
    target_compile_options(${target} PRIVATE -Wno-psabi) # a note about compilers before GCC 11; the layout is asserted
  endif()
  if(WIN32)
    target_compile_definitions(${target} PRIVATE __USE_MINGW_ANSI_STDIO=1 _WIN32_WINNT=0x0A00)
    target_link_options(${target} PRIVATE -static-libgcc)
  endif()
  if(TARN_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${TARN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE -fsanitize=${TARN_SANITIZE})
  endif()
  if(TARN_SANITIZE MATCHES "thread" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -Wno-tsan) # that it knows no fences; what they order is in the models
  endif()
endfunction()
