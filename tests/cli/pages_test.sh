#!/bin/bash
# The manual pages of the build: none is missing, every option is in its command's page, and what checks pages finds nothing to say.
set -uo pipefail
pages=$TARN_BUILD_DIR/manual
failed=0 passed=0
expect() { # expect WHAT CODE
  if [ "$2" = 0 ]; then
    passed=$((passed + 1)) && echo "ok      $1"
  else
    failed=$((failed + 1)) && echo "FAILED  $1"
  fi
}

missing=""
for name in $(grep -oE '^    tarn_[a-z0-9_]+;' "$TARN_SOURCE_DIR/src/tarn.map" | tr -d ' ;'); do
  [ -s "$pages/man3/$name.3" ] || missing+=" $name"
done
for header in "$TARN_SOURCE_DIR"/include/tarn/*.h; do
  header=${header##*/}
  [ "$header" = tarn.h ] || [ -s "$pages/man3/tarn_$header.3" ] || missing+=" $header"
done
[ -z "$missing" ]
expect "every public function and header has a page$missing" $?

# Plain text of a page: no bold, no hyphenation.
plain() { sed -e 's/\\f[BIR]//g' -e 's/\\-/-/g' -e 's/\\&//g' "$1"; }

missing=""
commands=$("$TARN_BUILD_DIR/tarn" help | sed -n '/^Commands:/,/^$/p' | sed -nE 's/^  ([a-z]+( [a-z]+)?)( +[A-Z[].*|  .*)$/\1/p')
while read -r command; do
  page=$pages/man1/tarn-${command// /-}.1
  [ -s "$page" ] || { missing+=" $command"; continue; }
  # shellcheck disable=SC2086 # two words
  for option in $("$TARN_BUILD_DIR/tarn" help $command | grep -oE '^ .{5}--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
    plain "$page" | grep -qE "^\.B .*$option( |$)" || missing+=" $command$option"
  done
done <<<"$commands"
[ -z "$missing" ]
expect "every command and every option has its place$missing" $?
[ "$(wc -l <<<"$commands")" -ge 19 ]
expect "the help lists the commands: $(wc -l <<<"$commands")" $?

said=""
if command -v mandoc >/dev/null; then # there is no date in a page: the same sources, the same page
  said=$(mandoc -T lint -W warning "$pages"/man?/* 2>&1 | grep -v 'missing date')
  [ -z "$said" ]
  expect "mandoc has no warning $said" $?
fi
if command -v groff >/dev/null; then
  for page in "$pages"/man?/*; do said+=$(groff -man -ww -Tutf8 -rLL=100n -z "$page" 2>&1); done
  [ -z "$said" ]
  expect "groff has no warning $said" $?
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$TARN_BUILD_DIR/tarn_pages" "$work" $(find "$TARN_SOURCE_DIR/include/tarn" -name '*.h' ! -name tarn.h | sort) && diff -r "$work" "$pages" -x made
expect "made again, they are the same" $?
sed 's/^\/\* tarn_guard_remove:/\/* tarn_guard_gone:/' "$TARN_SOURCE_DIR/include/tarn/guard.h" >"$work/guard.h"
! "$TARN_BUILD_DIR/tarn_pages" "$work" "$work/guard.h" 2>"$work/said" && grep -q tarn_guard_gone "$work/said"
expect "refused: a comment that names another function than the one behind it" $?
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
