#!/bin/bash
# `make demo`: the recipe. One process shares a picture, another takes it out; then the first is killed in the middle of a second
# picture. Ends by itself, leaves nothing behind.
set -eu
source_dir=$(cd "$(dirname "$0")/.." && pwd)
build=${TARN_BUILD_DIR:-$source_dir/build}
tarn=$build/tarn
first=$source_dir/examples/butterfly.bmp
folder=$(mktemp -d /dev/shm/tarn-demo.XXXXXX 2> /dev/null || mktemp -d "${TMPDIR:-/tmp}/tarn-demo.XXXXXX")
export TARN_DIR=$folder
writer=

cleanup() {
  [ -z "$writer" ] || kill -9 "$writer" 2> /dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }
fail() {
  echo "demo: $*" >&2
  exit 1
}

# A line of the writer, read as soon as it is said: nothing here waits for a fixed time.
hear() {
  IFS= read -r -t 20 line <&4 || fail "the writer said nothing"
  echo "    writer: $line"
}

mkfifo "$folder/to-writer" "$folder/from-writer"
"$build/examples/butterfly" "$folder/second.bmp" blue

say "1. A writer process shares examples/butterfly.bmp under the name \"picture\"."
"$build/examples/recipe_writer" picture "$first" "$folder/second.bmp" < "$folder/to-writer" > "$folder/from-writer" &
writer=$!
disown "$writer" # or the shell reports its end in words of its own
exec 3> "$folder/to-writer" 4< "$folder/from-writer"
hear

say "2. Another process takes it out and writes bitmap.bmp."
echo "    reader: $("$build/examples/recipe_reader" picture "$folder/bitmap.bmp")"
cmp "$first" "$folder/bitmap.bmp" || fail "bitmap.bmp is another picture"
echo "    butterfly.bmp and bitmap.bmp: the same, byte by byte"

say "3. This is what \`tarn show picture\` sees."
"$tarn" show -q picture

say "4. The writer begins a second picture, and is killed with -9 in the middle of it."
echo >&3
hear
case $line in half:*) ;; *) fail "the writer is not in the middle" ;; esac
kill -9 "$writer"
while kill -0 "$writer" 2> /dev/null; do sleep 0.01; done
echo "    process $writer: killed; half a picture lies in a buffer that was never published"
writer=

say "5. Readers still have the first one, complete."
echo "    reader: $("$build/examples/recipe_reader" picture "$folder/after.bmp")"
cmp "$first" "$folder/after.bmp" || fail "what is left is not the first picture"
echo "    butterfly.bmp and after.bmp: the same, byte by byte"

say "6. The next writer goes on at once."
"$tarn" put -q picture "$folder/second.bmp"
echo "    reader: $("$build/examples/recipe_reader" picture "$folder/bitmap.bmp")"
cmp "$folder/second.bmp" "$folder/bitmap.bmp" || fail "the second picture did not arrive"
"$tarn" rm picture

say "A picture passed from process to process, a writer died at the worst moment, and no reader saw anything incomplete."
