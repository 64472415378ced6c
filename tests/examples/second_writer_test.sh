#!/bin/bash
# The writers of the hello world, started a second time, say in words why they end.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export TARN_DIR=$folder
examples=$TARN_BUILD_DIR/examples
for kind in hello hello_stream; do
  mkfifo "$folder/typed"
  "$examples/${kind}_writer" <"$folder/typed" &
  exec 4>"$folder/typed"
  echo here >&4
  coproc reader { exec "$examples/${kind}_reader"; }
  read -r -t 30 line <&"${reader[0]}" # so the first one is there
  kill "$reader_PID"
  said=$("$examples/${kind}_writer" 2>&1 </dev/null) && code=0 || code=$?
  [ "$line, $said, $code" = "here, TARN_BUSY: another writer has it, 1" ] || { echo "$kind: $line, $said, $code"; exit 1; }
  exec 4>&-
  wait
  rm "$folder/typed"
done
