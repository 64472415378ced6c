# build.cmake: makes peer_iceoryx2.so with cargo, from a copy of the sources, so that nothing is written here. Never fails: without the
# module the comparison says that iceoryx2 was not built.
file(COPY ${SOURCE}/Cargo.toml ${SOURCE}/src DESTINATION ${BUILD})
execute_process(COMMAND ${CARGO} build --release --quiet WORKING_DIRECTORY ${BUILD} RESULT_VARIABLE code ERROR_VARIABLE words)
if(code EQUAL 0)
  file(COPY_FILE ${BUILD}/target/release/libpeer_iceoryx2.so ${MODULE} ONLY_IF_DIFFERENT)
else()
  message(STATUS "iceoryx2 could not be built, and is left out of the comparison:\n${words}")
endif()
