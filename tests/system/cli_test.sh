#!/usr/bin/env bash
# The perfopt command as its user meets it: help, exit statuses, files, a private Redis.
set -euo pipefail
perfopt=${1:?usage: cli_test.sh PERFOPT}
work=$(mktemp -d /tmp/perfopt-cli-XXXXXX)
redis=
cleanup() {
  [ -z "$redis" ] || kill "$redis" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
unset REDIS_URL REDIS_HOST DATABASE_URL APP_ENV FLASK_ENV

fail() { echo "cli_test: $*" >&2; exit 1; }
# expect STATUS TEXT COMMAND...: the exit status, and a text in what it prints
expect() {
  local status=$1 text=$2 got=0 printed
  shift 2
  printed=$("$@" 2>&1) || got=$?
  [ "$got" -eq "$status" ] || fail "'$*' ended with $got instead of $status: $printed"
  case $printed in *"$text"*) ;; *) fail "'$*' did not print \"$text\" but: $printed" ;; esac
}

expect 0 "Usage: perfopt VERB" "$perfopt" --help
expect 2 "Usage: perfopt VERB" "$perfopt"
expect 2 "there is no verb" "$perfopt" dance
expect 0 "perfopt 0." "$perfopt" --version
for verb in doctor precompile minify render cache bench; do
  expect 0 "Usage: perfopt $verb" "$perfopt" "$verb" --help
  expect 2 "--help" "$perfopt" "$verb" --no-such-option
done

# minify
printf 'a {\n  color: #FFFFFF;\n}\n' >"$work/a.css"
expect 0 "a{color:#fff}" "$perfopt" minify "$work/a.css"
printf 'a { color: red }' | expect 0 "a{color:red}" "$perfopt" minify --type css
expect 2 "say what it is" "$perfopt" minify
expect 1 "cannot open" "$perfopt" minify "$work/none.css"
# shellcheck disable=SC2016 # a JavaScript template literal
printf 'var a = `x' >"$work/bad.js"
expect 1 "bad.js:1:" "$perfopt" minify "$work/bad.js"

# render
mkdir "$work/templates"
printf '{%% for n in names %%}<{{ n }}>{%% endfor %%}' >"$work/templates/list.html"
printf '{"names": ["a&b", "c"]}' >"$work/context.json"
expect 0 "<a&amp;b><c>" "$perfopt" render list.html --templates "$work/templates" --context "$work/context.json"
expect 0 "<a&amp;b><c>" "$perfopt" render "$work/templates/list.html" --context "$work/context.json"
expect 0 "<a&b><c>" "$perfopt" render "$work/templates/list.html" --context "$work/context.json" --autoescape off
printf '{{ 1 + }}' >"$work/templates/bad.html"
expect 1 "bad.html" "$perfopt" render "$work/templates/bad.html"
expect 1 "cannot open" "$perfopt" render "$work/templates/list.html" --context "$work/none.json"

# precompile
mkdir "$work/static"
cp "$work/a.css" "$work/static/site.css"
expect 0 "1 files, 1 built" "$perfopt" precompile "$work/static" '*.css'
expect 0 "1 files, 0 built" "$perfopt" precompile "$work/static" '*.css'
expect 0 "match their hashes" "$perfopt" precompile --verify "$work/static"
printf 'b{color:red}' >>"$work/static/site.css"
expect 1 "precompile again" "$perfopt" precompile --verify "$work/static"
expect 1 "" "$perfopt" precompile "$work/nowhere"

# cache
expect 1 "set REDIS_URL" "$perfopt" cache stats
redis-server --port 0 --unixsocket "$work/redis.sock" --save '' --appendonly no --dir "$work" >"$work/redis.log" &
redis=$!
for _ in $(seq 100); do redis-cli -s "$work/redis.sock" ping >/dev/null 2>&1 && break; sleep 0.1; done
export REDIS_URL="unix://$work/redis.sock"
expect 0 "" "$perfopt" cache set news:1 hello --ttl 60 --tags news,front
expect 0 "hello" "$perfopt" cache get news:1
expect 1 "not found" "$perfopt" cache get news:2
expect 0 "1 keys would be removed" "$perfopt" cache invalidate --pattern 'news:*' --dry-run
expect 0 "" "$perfopt" cache invalidate --tag front
expect 1 "not found" "$perfopt" cache get news:1
expect 0 "" "$perfopt" cache set a:1 x
expect 0 "" "$perfopt" cache clear
expect 1 "not found" "$perfopt" cache get a:1
expect 0 "Redis" "$perfopt" cache stats
expect 2 "--help" "$perfopt" cache dance
expect 2 "--ttl" "$perfopt" cache set a b --ttl soon

# doctor
expect 0 "ping, set, get and delete work" "$perfopt" doctor --assets "$work/static"
expect 1 "bad.html" "$perfopt" doctor --templates "$work/templates"
rm "$work/templates/bad.html"
"$perfopt" doctor --json --templates "$work/templates" | python3 -m json.tool >/dev/null
REDIS_PORT=x expect 1 "REDIS_PORT" "$perfopt" doctor
REDIS_URL=unix:///nowhere/r.sock expect 1 "problem" "$perfopt" doctor

# bench
expect 0 '"benchmark": "scope"' "$perfopt" bench --seconds 0.05 scope
expect 2 "there is no" "$perfopt" bench dance
echo "cli: every verb"
