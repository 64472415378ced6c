#!/bin/bash
# source_test.sh: the rules of src/README.md hold, and the check that says so can fail.
set -uo pipefail
failed=0
expect() { # expect WHAT CODE
  if [ "$2" = 0 ]; then echo "ok      $1"; else echo "FAILED  $1"; failed=$((failed + 1)); fi
}
"$TARN_SOURCE_DIR/scripts/check-layers"
expect "the sources keep to their layers" $?

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
(cd "$TARN_SOURCE_DIR" && cp -r include src cli examples scripts "$copy" && mkdir "$copy/tests" && cp -r tests/*.[ch] tests/api tests/cli "$copy/tests")
spoil() { # spoil WHAT FILE LINE: with this line at its end the check must complain of that file
  cp "$copy/$2" "$copy/kept"
  printf '%s\n' "$3" >>"$copy/$2"
  ! "$copy/scripts/check-layers" >"$copy/said" 2>&1 && grep -q "$2" "$copy/said"
  expect "refused: $1" $?
  mv "$copy/kept" "$copy/$2"
}
spoil "an include from above" src/error.c '#include "channel.h"'
spoil "a kind that includes another" src/map.c '#include "board_inside.h"'
spoil "the system's seam looking up" src/os/os.h '#include "../error.h"'
spoil "a system named outside the seam" src/name.c '#ifdef _WIN32'
spoil "a memory order outside atomic.h" src/error.c 'int x = memory_order_relaxed;'
spoil "an ordered operation without its pair" src/error.c '  tn_store_release(&word, 1); /* release */'
spoil "a tag that stands on one side only" src/error.c '  tn_store_release(&word, 1); /* [Z9] release */'
spoil "an example that looks inside" examples/hello_writer.c '#include "channel.h"'
spoil "a function of 100 lines" src/error.c "$(echo 'void f(void) {'; yes '  ;' | head -100; echo '}')"
spoil "a function of 100 lines in a test" tests/cli/run_test.c "$(echo 'void f(void) {'; yes '  ;' | head -100; echo '}')"
spoil "a function of 100 lines in Python" tests/cli/command.py "$(echo 'def f():'; yes '    pass' | head -100)"
spoil "a function of 100 lines of shell" tests/cli/pages_test.sh "$(echo 'f() {'; yes '  :' | head -100; echo '}')"
spoil "a test of 600 lines" tests/cli/command.py "$(yes '# more' | head -600)"
spoil "a script of 600 lines" scripts/run-tests "$(yes '# more' | head -600)"
spoil "the way to a file that is not there" src/README.md '`nowhere.c`'
echo "$((16 - failed)) passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
