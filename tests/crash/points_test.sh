#!/bin/bash
# points_test.sh: every step that has a name in the code (TN_POINT) is one at which some test kills, stops or holds a process, and has
# a row in docs/protocol.md; the tables of the crash tests and of the document name no step that is not there.
set -uo pipefail
cd "$TARN_SOURCE_DIR" || exit 1
points() { sed -n 's/^.*TN_POINT("\([^"]*\)").*$/\1/p' "$@" | sort -u; }
steps=$(points src/*.c)
tested=$(grep -hoE '"[a-z]+(\.[a-z_]+)+' tests/crash/*.c tests/proc/*.c tests/unit/*.c | tr -d '"' | sort -u)
passed=0 failed=0
for step in $steps; do
  if grep -qxF "$step" <<<"$tested"; then
    passed=$((passed + 1))
  else
    echo "FAILED  no test stops anything at $step"
    failed=$((failed + 1))
  fi
done
rows=$(sed -n 's/^ *{"\([a-z]*\.[a-z._]*\)".*/\1/p' tests/crash/*.c | sort -u)
for row in $rows; do
  points src/*.c tests/crash/*.c | grep -qxF "$row" || { echo "FAILED  a table names $row, which is no step" && failed=$((failed + 1)); }
done
described=$(sed -n '/^## .*dies at each step/,/^## /s/^| `\([a-z]*\.[a-z._]*\)` |.*/\1/p' docs/protocol.md | sort -u)
for step in $steps; do
  grep -qxF "$step" <<<"$described" || { echo "FAILED  docs/protocol.md does not say what is found at $step" && failed=$((failed + 1)); }
done
for step in $described; do
  grep -qxF "$step" <<<"$steps" || { echo "FAILED  docs/protocol.md describes $step, which is no step" && failed=$((failed + 1)); }
done
[ -n "$rows" ] || { echo "FAILED  no rows were found" && failed=$((failed + 1)); }
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
