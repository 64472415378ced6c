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
failed=0
expect() { # expect WORDS COMMAND...
  if "${@:2}" >/dev/null; then
    passed=$((passed + 1))
    echo "ok      $1"
  else
    failed=$((failed + 1))
    echo "FAILED  $1"
  fi
}
has() { grep "$@" >/dev/null; } # reads all of what it is given, unlike grep -q

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
expect "C by pkg-config, shared" "$work/c"
cc -std=c11 $warnings "$source/consumer.c" $(pkg-config --cflags tarn) "$libraries/libtarn.a" -pthread -o "$work/c_static"
expect "C by pkg-config, static" "$work/c_static"
c++ -std=c++11 $warnings -x c++ "$source/consumer.c" -x none $(pkg-config --cflags --libs tarn) -Wl,-rpath,"$libraries" -o "$work/cpp"
expect "C++ by pkg-config, shared" "$work/cpp"
expect "pkg-config and the library name one version" [ "tarn $(pkg-config --modversion tarn)" = "$("$work/c")" ]

cmake -S "$source" -B "$work/cmake" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
cmake --build "$work/cmake" >/dev/null
for program in c_tarn c_tarn_static cpp_tarn cpp_tarn_static; do
  expect "find_package: $program" "$work/cmake/$program"
done

if [ -x "$prefix/bin/tarn" ]; then
  expect "the installed command" "$prefix/bin/tarn" --version
  for file in man/man1/tarn-put.1 man/man3/tarn_board_open.3 bash-completion/completions/tarn zsh/site-functions/_tarn \
    fish/vendor_completions.d/tarn.fish; do
    expect "share/$file" [ -s "$prefix/share/$file" ]
  done
fi
# Where distributions put libraries; nothing is built for this, since no build is needed to see it.
configure() { # configure NAME OPTIONS...
  name=$1
  shift
  cmake -S "$TARN_SOURCE_DIR" -B "$work/$name" -G Ninja -DTARN_TESTS=OFF -DTARN_EXAMPLES=OFF -DTARN_BENCH=OFF "$@" >/dev/null
}
says() { # says VARIABLE
  PKG_CONFIG_PATH=$where pkg-config --variable="$1" tarn
}
configure multiarch -DCMAKE_INSTALL_LIBDIR=lib/some-triplet
where=$work/usr/lib/some-triplet/pkgconfig
mkdir -p "$where" "$work/usr/include"
cp "$work/multiarch/tarn.pc" "$where"
expect "pkg-config where libraries lie deeper" \
  [ "$(realpath "$(says libdir)" "$(says includedir)")" = "$work/usr/lib/some-triplet"$'\n'"$work/usr/include" ]
configure absolute -DCMAKE_INSTALL_LIBDIR=/a/lib -DCMAKE_INSTALL_INCLUDEDIR=/b/include
where=$work/absolute
expect "pkg-config where places are given as absolute paths" [ "$(says libdir) $(says includedir)" = "/a/lib /b/include" ]
expect "the pages are made by a build without tests" has -x ' *pages/pages' <<<"$(ninja -C "$work/multiarch" -t query pages/all)"

# Within another project: its build type and its folders are left alone, and only the library is built.
cmake -S "$source/within" -B "$work/within" -G Ninja -DTARN_SOURCE_DIR="$TARN_SOURCE_DIR" >/dev/null
cmake --build "$work/within" >/dev/null
expect "add_subdirectory" "$work/within/out/program"
expect "the other project's build type is left alone" has '^CMAKE_BUILD_TYPE:STRING=$' "$work/within/CMakeCache.txt"
expect "the command is not built within another project" [ ! -e "$work/within/tarn/tarn" -a ! -e "$work/within/out/tarn" ]

if grep -rlF -e "$work" -e "$TARN_SOURCE_DIR" "$prefix" --include='*.pc' --include='*.cmake' --include='*.h'; then
  echo "the files above name a folder of this machine"
  failed=$((failed + 1))
else
  expect "no path of this machine in what is installed" true
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
