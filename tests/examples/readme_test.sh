#!/bin/bash
# readme_test.sh: every command shown in a console block of the documents is run as it stands there, one block in one folder, and must
# say what is written below it ("..." stands for anything, alone on a line for any number of lines). Every link to a file leads to one.
set -uo pipefail
cd "$TARN_SOURCE_DIR" || exit 1
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PATH=$TARN_BUILD_DIR:$PATH TARN_DIR=$work/channels LC_ALL=C.UTF-8
mkdir "$TARN_DIR" "$work/here"
ln -s "$TARN_SOURCE_DIR/examples" "$work/here/examples"

result() { # result OK WHAT: 1 is ok
  if [ "$1" = 1 ]; then
    echo "ok      $2" && passed=$((passed + 1))
  else
    echo "FAILED  $2" && failed=$((failed + 1))
  fi
}

# One command and what is expected of it; "..." becomes "*" in a pattern, everything else is itself.
run() {
  local said line pattern=""
  said=$(cd "$work/here" && timeout -k 1 60 bash -c "$1" 2>&1 </dev/null) # what waits for ever says where
  while IFS= read -r line; do
    [ -z "$pattern" ] || pattern+=$'\n'
    while [[ $line == *...* ]]; do
      [[ $line == ...* ]] || pattern+=$(printf %q "${line%%...*}")
      pattern+='*' line=${line#*...}
    done
    [ -z "$line" ] || pattern+=$(printf %q "$line")
  done <<<"$2"
  # shellcheck disable=SC2053 # a pattern on purpose
  if [[ $said == $pattern ]]; then result 1 "$1"; else
    printf 'expected:\n%s\nsaid:\n%s\n' "$2" "$said"
    result 0 "$1"
  fi
}

for document in README.md docs/*.md; do
  inside=0 command=""
  while IFS= read -r line; do
    case $inside,$line in
      0,'```console') inside=1 ;;
      1,'```') [ -z "$command" ] || run "$command" "${expected#$'\n'}"; inside=0 command="" ;;
      1,'$ '*) [ -z "$command" ] || run "$command" "${expected#$'\n'}"; command=${line#\$ } expected="" ;;
      1,*) expected+=$'\n'$line ;;
    esac
  done <"$document"
done
[ $((passed + failed)) -ge 10 ]
result $((! $?)) "the README's commands were found"

for document in *.md docs/*.md src/*.md; do
  missing=""
  for link in $(grep -oE '\]\([^)#: ]+' "$document" | sed 's/](//'); do
    [ -e "$(dirname "$document")/$link" ] || missing+=" $link"
  done
  [ -z "$missing" ]
  result $((! $?)) "links of $document$missing"
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
