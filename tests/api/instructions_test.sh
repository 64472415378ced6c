#!/bin/bash
# instructions_test.sh: how many instructions publishing and reading take (callgrind; messages of 0 bytes, so without memcpy), against
# what instructions.txt records for this compiler and C library. Others are only printed: add a line with what is printed.
set -uo pipefail
cd "$TARN_SOURCE_DIR" || exit 1
command -v valgrind >/dev/null || { echo "skipped: there is no valgrind"; exit 77; }
if grep -q '^TARN_SANITIZE:.*=.' "$TARN_BUILD_DIR/CMakeCache.txt"; then
  echo "skipped: a sanitizer's instructions are not ours"
  exit 77
fi
compiler=$(sed -n 's/^CMAKE_C_COMPILER:[^=]*=//p' "$TARN_BUILD_DIR/CMakeCache.txt")
flags=$(sed -n 's/^CMAKE_C_FLAGS:[^=]*=//p' "$TARN_BUILD_DIR/CMakeCache.txt")
here="$("$compiler" --version | head -n 1)${flags:+ $flags}; $(getconf GNU_LIBC_VERSION)"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TARN_DIR=$scratch

count() { # count WORK TIMES
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$TARN_BUILD_DIR/tests/api/instructions" "$1" "$2" 2>&1 |
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

failed=0 passed=0
before=0
for work in stream-put stream-read stream-wait board-read; do
  few=$(count $work 1000) many=$(count $work 3000)
  if [ -z "$few" ] || [ -z "$many" ]; then
    if ! grep -qF "$here" tests/api/instructions.txt; then
      echo "skipped: valgrind does not run what $here makes"
      exit 77
    fi
    echo "FAILED  $work did not run"
    failed=$((failed + 1))
    continue
  fi
  each=$(((many - few) / 2000))
  case $work in
    stream-put) before=$each cost=$each ;;
    stream-read) cost=$((each - before)) ;; # its put is not counted
    stream-wait) cost=$each ;;              # a run of messages, and a wait that finds no more
    board-read) cost=$each ;;               # put and read together
  esac
  recorded=$(awk -F' \\| ' -v here="$here" -v work="$work" '$1 == here && $2 == work { print $3 }' tests/api/instructions.txt)
  if [ -z "$recorded" ]; then
    echo "ok      $here | $work | $cost   (not recorded)"
  elif [ "$cost" -gt $((recorded + recorded / 50 + 1)) ]; then
    echo "FAILED  $work: $cost instructions, $recorded recorded for $here"
    failed=$((failed + 1))
    continue
  else
    echo "ok      $work: $cost instructions, $recorded recorded"
  fi
  passed=$((passed + 1))
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
