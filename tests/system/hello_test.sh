#!/usr/bin/env bash
# The smallest example: answers, caches, compresses nothing this small, and ends on a signal.
set -euo pipefail
hello=${1:?usage: hello_test.sh HELLO}
work=$(mktemp -d)
"$hello" 0 >"$work/out" 2>"$work/err" &
pid=$!
trap 'kill $pid 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 100); do [ -s "$work/out" ] && break; sleep 0.1; done
url=$(head -n 1 "$work/out")
[ "$(curl -s "$url")" = "Hello, World!" ] || { cat "$work/err" >&2; exit 1; }
etag=$(curl -s -D - -o /dev/null "$url" | tr -d '\r' | sed -n 's/^ETag: //Ip')
[ "$(curl -s -o /dev/null -w '%{http_code}' -H "If-None-Match: $etag" "$url")" = 304 ]
[ "$(curl -s -o /dev/null -w '%{http_code}' "${url%/hello/World}/admin/performance")" = 404 ]
kill -TERM $pid
wait $pid
echo "hello: answers, revalidates, keeps the dashboards closed, stops"
