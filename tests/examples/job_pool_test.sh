#!/bin/bash
# job_pool_test.sh: the pool of workers in examples/job_pool.c: workers are killed at random while they work, others take their
# places, and every job is done.
set -uo pipefail
directory=$(mktemp -d)
export TARN_DIR=$directory
pool=$TARN_BUILD_DIR/examples/job_pool
jobs=400
workers=()
finish() {
  kill -9 "${workers[@]}" 2>/dev/null
  wait 2>/dev/null
  rm -rf "$directory"
}
trap finish EXIT
fail() {
  echo "FAILED  $*"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
}

"$pool" work collect $jobs >"$directory/collected" & # a pool that is called "work"
collector=$!
"$pool" work send $jobs || fail "the jobs were not given out"
for i in 0 1 2; do
  "$pool" work work &
  workers[i]=$!
done
killed=0
for ((round = 0; round < 60; round++)); do
  kill -0 $collector 2>/dev/null || break
  victim=$((RANDOM % 3))
  sleep 0.0$((RANDOM % 5))
  kill -9 "${workers[victim]}" 2>/dev/null && killed=$((killed + 1))
  wait "${workers[victim]}" 2>/dev/null
  "$pool" work work &
  workers[victim]=$!
done
for ((i = 0; i < 300; i++)); do
  kill -0 $collector 2>/dev/null || break
  sleep 0.1
done
kill -0 $collector 2>/dev/null && { kill -9 $collector; fail "not all jobs are done after 30 s; $killed workers were killed"; }
wait $collector || fail "the collector failed"
grep -q "all $jobs jobs are done" "$directory/collected" || fail "$(cat "$directory/collected")"
[ "$killed" -gt 0 ] || fail "no worker was killed in time"
echo "$killed workers were killed; $(cat "$directory/collected")"
echo "1 passed, 0 failed, 0 skipped"
