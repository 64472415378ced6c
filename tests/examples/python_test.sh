#!/bin/bash
# examples/hello_reader.py, which knows the library by ctypes alone: every version that it waits for arrives whole, Ctrl-C ends it, and what is
# wrong is said in words. So is the size of a tarn_item there.
set -eu
reader=$TARN_SOURCE_DIR/examples/hello_reader.py
export TARN_LIBRARY=$TARN_BUILD_DIR/libtarn.so
if ! grep -q '^TARN_SANITIZE:STRING=$' "$TARN_BUILD_DIR/CMakeCache.txt"; then echo "skipped: Python cannot load a library with sanitizers"; exit 77; fi
if [ "$(head -c 5 "$TARN_LIBRARY" | tail -c 1 | od -An -tu1)" -ne "$(python3 -c 'import struct; print(struct.calcsize("P") // 4)')" ]; then
  echo "skipped: Python and the library have not as many bits"; exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export TARN_DIR=$folder
fail() { echo "FAILED  $*"; exit 1; }

[ "$(cd "$TARN_SOURCE_DIR/examples" && python3 -B -c 'import ctypes, hello_reader; print(ctypes.sizeof(hello_reader.Item))')" = 96 ] || fail "tarn_item"

mkfifo "$folder/typed"
coproc python { exec python3 -B "$reader"; } # before the writer
"$TARN_BUILD_DIR/examples/hello_writer" <"$folder/typed" &
exec 4>"$folder/typed"
for word in one "zwei Wörter" three; do
  echo "$word" >&4
  read -r -t 60 line <&"${python[0]}" || fail "nothing came for $word"
  [ "$line" = "$word" ] || fail "$word: $line"
done
exec 4>&-
wait %?hello_writer
pid=$python_PID
kill -INT "$pid"
wait "$pid" && fail "Ctrl-C: 0" || [ $? = 130 ] || fail "Ctrl-C: $?"

said=$(python3 -B "$reader" .no 2>&1) && fail "a bad name: 0"
[[ $said == *TARN_E_INVALID*must\ not\ start\ with* ]] || fail "a bad name: $said"
said=$(TARN_LIBRARY=$folder/none.so python3 -B "$reader" 2>&1) && fail "no library: 0"
[[ $said == *TARN_LIBRARY=* ]] || fail "no library: $said"
echo "1 passed, 0 failed, 0 skipped"
