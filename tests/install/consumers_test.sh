#!/bin/bash
# consumers_test.sh: installs this build into a fresh place, moves it, and builds a C and a C++ program against it: by pkg-config
# (shared and static) and by CMake's find_package. Then the installed command must run.
set -euo pipefail
source=$TARN_SOURCE_DIR/tests/install build=$TARN_BUILD_DIR
if grep -q '^TARN_SANITIZE:.*=.' "$build/CMakeCache.txt" || grep -q '^CMAKE_C_FLAGS:.*-m32' "$build/CMakeCache.txt"; then
  echo "skipped: a consumer would have to be built with the same special flags; the other builds are tested"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
ok() {
  passed=$((passed + 1))
  echo "ok      $*"
}

cmake --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/prefix" # nothing in it may say where it was
prefix=$work/prefix
export TARN_DIR=$work/channels
mkdir "$TARN_DIR"
pc=$(find "$prefix" -name tarn.pc)
export PKG_CONFIG_PATH=${pc%/*}
libraries=$(pkg-config --variable=libdir tarn)
warnings="-Wall -Wextra -pedantic -Werror"

cc -std=c11 $warnings "$source/consumer.c" $(pkg-config --cflags --libs tarn) -Wl,-rpath,"$libraries" -o "$work/c"
"$work/c" && ok "C by pkg-config, shared"
cc -std=c11 $warnings "$source/consumer.c" $(pkg-config --cflags tarn) "$libraries/libtarn.a" -pthread -o "$work/c_static"
"$work/c_static" && ok "C by pkg-config, static"
c++ -std=c++11 $warnings -x c++ "$source/consumer.c" -x none $(pkg-config --cflags --libs tarn) -Wl,-rpath,"$libraries" -o "$work/cpp"
"$work/cpp" && ok "C++ by pkg-config, shared"
[ "$(pkg-config --modversion tarn)" = "$("$work/c" | sed 's/tarn //')" ] && ok "pkg-config and the library name one version"

cmake -S "$source" -B "$work/cmake" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
cmake --build "$work/cmake" >/dev/null
for program in c_tarn c_tarn_static cpp_tarn cpp_tarn_static; do
  "$work/cmake/$program" >/dev/null && ok "find_package: $program"
done

if [ -x "$prefix/bin/tarn" ]; then
  "$prefix/bin/tarn" --version >/dev/null && ok "the installed command"
  for file in man/man1/tarn-put.1 man/man3/tarn_board_open.3 bash-completion/completions/tarn zsh/site-functions/_tarn \
    fish/vendor_completions.d/tarn.fish; do
    [ -s "$prefix/share/$file" ]
  done
  ok "manual pages, and completions for bash, zsh and fish"
fi
if grep -rlF -e "$work" -e "$TARN_SOURCE_DIR" "$prefix" --include='*.pc' --include='*.cmake' --include='*.h'; then
  echo "the files above name a folder of this machine"
  echo "$passed passed, 1 failed, 0 skipped"
  exit 1
fi
ok "no path of this machine in what is installed"
echo "$passed passed, 0 failed, 0 skipped"
