#!/usr/bin/env bash
# Measures the news site against its baseline: starts both, loads them in headless Chromium over a
# throttled network, alternating, and prints one table; writes build/kpi-<profile>.json.
set -euo pipefail
cd "$(dirname "$0")/../.."

usage() {
  cat <<'TXT'
Usage: examples/news/kpi.sh [--mobile] [--loads N] [--no-install]

  --mobile      1.6 Mbit/s, 150 ms, a CPU four times slower; default: 10 Mbit/s, 40 ms
  --loads N     loads of each variant (default 5)
  --no-install  do not install packages
TXT
}

profile=desktop
loads=5
install=()
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --mobile) profile=mobile ;;
    --loads) loads=${2:?--loads needs a number}; shift ;;
    --no-install) install=(--no-install) ;;
    *) echo "kpi.sh: unknown option: $1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
case $loads in '' | *[!0-9]* | 0) echo "kpi.sh: --loads: \"$loads\" is no number from 1 on" >&2; exit 2 ;; esac
[ ${#install[@]} -gt 0 ] || packaging/install-deps.sh build site test >&2

folder=$PWD/build/kpi
stop() {
  examples/news/run.sh --stop --dir "$folder/optimised" >/dev/null 2>&1 || true
  examples/news/run.sh --stop --dir "$folder/baseline" >/dev/null 2>&1 || true
}
trap stop EXIT
stop
examples/news/run.sh --detach --port 0 --no-install --dir "$folder/optimised" >&2
examples/news/run.sh --detach --port 0 --no-install --dir "$folder/baseline" --baseline >&2

cp examples/news/kpi/package.json examples/news/kpi/package-lock.json examples/news/kpi/measure.mjs "$folder/"
(cd "$folder" && npm ci --silent --ignore-scripts --no-audit --no-fund >&2)
node "$folder/measure.mjs" "$folder/optimised/run.json" "$folder/baseline/run.json" \
  "build/kpi-$profile.json" "$loads" "$profile"
