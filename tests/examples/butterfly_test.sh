#!/bin/bash
# The picture in examples/ is what examples/butterfly.c draws, byte by byte.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$TARN_BUILD_DIR/examples/butterfly" "$folder/orange.bmp"
cmp "$folder/orange.bmp" "$TARN_SOURCE_DIR/examples/butterfly.bmp"
"$TARN_BUILD_DIR/examples/butterfly" "$folder/blue.bmp" blue
if cmp -s "$folder/blue.bmp" "$folder/orange.bmp"; then
  echo "the blue butterfly is the orange one"
  exit 1
fi
if "$TARN_BUILD_DIR/examples/butterfly" "$folder/green.bmp" green 2> /dev/null; then
  echo "a green butterfly was not refused"
  exit 1
fi
