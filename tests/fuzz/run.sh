#!/usr/bin/env bash
# Runs every fuzzer of a build over its seeds and then some seconds of its own; what it finds on the way
# stays in the build folder.
set -euo pipefail
build=${1:?usage: tests/fuzz/run.sh BUILD_FOLDER [SECONDS]}
seconds=${2:-5}
here=$(cd "$(dirname "$0")" && pwd)
count=0
for fuzzer in "$build"/tests/fuzz/fuzz_*; do
  if [ ! -x "$fuzzer" ] || [ -d "$fuzzer" ]; then continue; fi
  name=${fuzzer##*/fuzz_}
  found=$build/tests/fuzz/found/$name
  mkdir -p "$found"
  seeds=()
  [ ! -d "$here/corpus/$name" ] || seeds+=("$here/corpus/$name")
  if ! "$fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -max_len=65536 \
    -artifact_prefix="$found/" "$found" "${seeds[@]}" >"$found.log" 2>&1; then
    tail -n 60 "$found.log"
    echo "fuzz: $name FAILED; the input is in $found" >&2
    exit 1
  fi
  count=$((count + 1))
done
[ "$count" -gt 0 ] || { echo "fuzz: no fuzzer in $build" >&2; exit 1; }
echo "fuzz: $count fuzzers, $seconds s each, nothing found"
