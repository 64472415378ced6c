#!/bin/bash
# examples/guarded_copy lives on when its map is cut short, and says so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export TARN_DIR=$folder
truncate -s 64K "$folder/raw"
coproc copier { "$TARN_BUILD_DIR/examples/guarded_copy" raw 2>&1 || echo "exit code $?"; }
exec 3<&"${copier[0]}" 4>&"${copier[1]}" # bash forgets them when it has ended
expect() { # expect PATTERN: the next line it says
  read -r -t 30 line <&3
  # shellcheck disable=SC2053 # a pattern
  [[ $line == $1 ]] || { echo "said: $line; expected: $1"; exit 1; }
}
echo >&4
expect "65536 bytes, the last is 0"
truncate -s 100 "$folder/raw"
echo >&4
expect "TARN_E_CORRUPT: byte * of a view of 64 KiB is gone: its file was cut short*"
expect "exit code 1"
