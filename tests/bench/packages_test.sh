#!/bin/sh
# packages_test: what `make bench` does where nothing can be installed: without a compiler it stops and names it, without the peers it goes on.
set -eu

bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
for tool in sh ls grep id mktemp uname rm env cat tail; do ln -s "$(command -v "$tool")" "$bin/"; done

fail() {
  echo "$1: $said" >&2
  exit 1
}

said=$(PATH=$bin sh "$TARN_SOURCE_DIR/scripts/packages" peers 2>&1) || fail "a missing peer stopped it"
case $said in
  *" libzmq3-dev "*"goes on without them"*) ;;
  *) fail "it does not name what is missing" ;;
esac
if said=$(PATH=$bin sh "$TARN_SOURCE_DIR/scripts/packages" bench 2>&1); then fail "it goes on without a compiler"; fi
case $said in
  *g++*"apt-get install"*) ;;
  *) fail "it does not name the compiler" ;;
esac
if said=$(sh "$TARN_SOURCE_DIR/scripts/packages" build peers 2>&1); then fail "peers stop nothing else"; fi
echo "3 passed, 0 failed, 0 skipped"
