# options.cmake: how everything of Tarn's is compiled.
set(tarn_warnings -Wall -Wextra -Wconversion -Wundef -Wmissing-prototypes -Werror)

# tarn_compile_options(TARGET): warnings as errors, sanitizers, and no path of this machine in what comes out.
function(tarn_compile_options target)
  target_compile_options(${target} PRIVATE ${tarn_warnings} -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
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
