#!/bin/bash
# symbols_test.sh: the shared library exports exactly what the public headers declare, all of it in the version script, nothing else.
set -uo pipefail
cd "$TARN_SOURCE_DIR" || exit 1
failed=0
compare() { # compare WHAT EXPECTED ACTUAL
  if [ "$2" = "$3" ]; then
    echo "ok      $1"
    return
  fi
  echo "FAILED  $1 (< headers, > there):"
  diff <(echo "$2") <(echo "$3")
  failed=$((failed + 1))
}
declared=$(cat include/tarn/*.h | tr '\n' ' ' | grep -oE 'TARN_API [^;(]*\(' | grep -oE 'tarn_[a-z0-9_]+\($' | tr -d '(' | sort -u)
listed=$(grep -oE '^    tarn_[a-z0-9_]+;' src/tarn.map | tr -d ' ;' | sort -u)
exported=$(nm -D --defined-only "$TARN_BUILD_DIR/libtarn.so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u)
unversioned=$(nm -D --defined-only "$TARN_BUILD_DIR/libtarn.so" | awk '$2 != "A" && $3 !~ /@@TARN_[0-9]/ { print $3 }')
soname=$(objdump -p "$TARN_BUILD_DIR/libtarn.so" | awk '$1 == "SONAME" { print $2 }')
compare "the version script lists what the headers declare" "$declared" "$listed"
if grep -q '^TARN_SANITIZE:.*=.' "$TARN_BUILD_DIR/CMakeCache.txt"; then
  exported=$(grep '^tarn_' <<<"$exported") unversioned=$(grep '^tarn_' <<<"$unversioned")
fi
compare "the library exports what the headers declare" "$declared" "$exported"
compare "every symbol has a version" "" "$unversioned"
# Before 1.0 the next minor version may differ.
promised=$(awk '/^#define TARN_VERSION_MAJOR/ { major = $3 } /^#define TARN_VERSION_MINOR/ { minor = $3 }
                END { print "libtarn.so." major (major == 0 ? "." minor : "") }' include/tarn/base.h)
compare "the name programs remember" "$promised" "$soname"
echo "$((4 - failed)) passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
