#!/bin/bash
# `make demo` does what it tells, ends by itself and leaves nothing behind.
set -eu
before=$(ls -d /dev/shm/tarn-demo.* "${TMPDIR:-/tmp}"/tarn-demo.* 2> /dev/null || true)
told=$(timeout 120 "$TARN_SOURCE_DIR/scripts/demo.sh" < /dev/null)
after=$(ls -d /dev/shm/tarn-demo.* "${TMPDIR:-/tmp}"/tarn-demo.* 2> /dev/null || true)
case $told in
*"bitmap.bmp: the same"*"half: 720027 of 1440054"*"killed"*"after.bmp: the same"*"version 2"*"no reader saw anything incomplete."*) ;;
*) echo "$told"; echo "the demo told something else"; exit 1 ;;
esac
for folder in $after; do # one that is new and stays is ours; another demo that runs at the same time takes its own away
  case " ${before//$'\n'/ } " in *" $folder "*) continue ;; esac
  for ((tries = 0; tries < 1200; tries++)); do [ -e "$folder" ] || continue 2; sleep 0.1; done
  echo "left behind: $folder"
  exit 1
done
