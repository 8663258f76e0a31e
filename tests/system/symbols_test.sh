#!/usr/bin/env bash
# The shared library exports what the public headers declare and tests/system/symbols.txt lists, nothing
# else. After an intended change: symbols_test.sh LIBRARY --update.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
library=${1:?usage: symbols_test.sh libperfopt.so [--update]}
list=$root/tests/system/symbols.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

nm -D --defined-only "$library" | awk '{ sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort -u >"$work/exported"
if [ "${2:-}" = --update ]; then
  cp "$work/exported" "$list"
  echo "symbols: $(wc -l <"$list") written"
  exit 0
fi
# Declarations run from PERFOPT_API to the opening parenthesis.
cat "$root"/include/perfopt/*.h | tr '\n' ' ' |
  grep -oE 'PERFOPT_API [^;(]*\(' | grep -oE 'perfopt_[a-z0-9_]+[[:space:]]*\($' | tr -d ' (' |
  LC_ALL=C sort -u >"$work/declared"
status=0
diff -u "$list" "$work/exported" || { echo "exported symbols differ from $list" >&2; status=1; }
diff -u "$work/declared" "$work/exported" || { echo "headers and exports differ" >&2; status=1; }
[ $status -eq 0 ] && echo "symbols: $(wc -l <"$work/exported") as listed"
exit $status
