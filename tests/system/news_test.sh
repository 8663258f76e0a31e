#!/usr/bin/env bash
# The news site from its one command, as a visitor, an editor and an operator meet it; with Redis killed
# in between.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=${1:?usage: news_test.sh FOLDER}
work=$(mktemp -d)
cleanup() {
  "$root/examples/news/run.sh" --stop --dir "$dir" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap cleanup EXIT
trap 'echo "news_test: line $LINENO failed" >&2' ERR

fail() {
  echo "news_test: $*" >&2
  tail -n 20 "$dir/site.log" >&2 || true
  exit 1
}
"$root/examples/news/run.sh" --stop --dir "$dir" >/dev/null 2>&1 || true
"$root/examples/news/run.sh" --detach --port 0 --no-install --dir "$dir" >"$work/run.out" 2>"$work/run.err" || {
  cat "$work/run.err" >&2
  exit 1
}
value() { python3 -c "import json,sys; print(json.load(open('$dir/run.json'))['$1'])"; }
site=$(value site)
site=${site%/}
user=$(value user)
password=$(value password)
pid=$(value pid)
redis_socket=$(value redis)

# fetch EXPECTED_STATUS URL [curl options...]: headers in $work/head, body in $work/body
fetch() {
  local wanted=$1 url=$2 got
  shift 2
  got=$(curl -s -D "$work/head" -o "$work/body" -w '%{http_code}' "$@" "$url")
  [ "$got" = "$wanted" ] || fail "$url answered $got instead of $wanted"
}
header() { sed -n "s/^$1: *//Ip" "$work/head" | tr -d '\r' | head -n 1; }
has() { grep -qF -- "$1" "$work/body" || fail "no \"$1\" in the page"; }
has_not() { ! grep -qF -- "$1" "$work/body" || fail "\"$1\" is in the page"; }

# A visitor: the first home page asks the database at most six times, the second not at all.
fetch 200 "$site/"
queries=$(header Server-Timing | sed -n 's/.*desc="\([0-9]*\) queries.*/\1/p')
[ "${queries:-99}" -le 6 ] || fail "a cold home page took '$queries' queries"
fetch 200 "$site/" --compressed
header Server-Timing | grep -q 'page-hit' || fail "the second home page was no hit: $(header Server-Timing)"
[ "$(header Content-Encoding)" = gzip ] || fail "no gzip"
has "The Package Post"
has 'type="application/ld+json"'
etag=$(header ETag)
fetch 304 "$site/" --compressed -H "If-None-Match: $etag"
fetch 200 "$site/" -I

fetch 200 "$site/"
article=$(grep -o '/article/[^"> ]*' "$work/body" | head -n 1)
[ -n "$article" ] || fail "no article on the home page"
fetch 200 "$site$article"
fetch 200 "$site/category/games?page=2"
fetch 200 "$site/search?q=music"
has "Search: music"
fetch 303 "$site/search"
fetch 404 "$site/category/no-such-section"
fetch 404 "$site/article/no-such-article"
fetch 404 "$site/author/x"
fetch 404 "$site/nowhere"
fetch 405 "$site/" -X DELETE
fetch 200 "$site/search?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E"
has_not "<script>alert(1)"

# Assets for ever, images in the right size.
fetch 200 "$site/"
asset=$(grep -o '/static/css/site-[^"> ]*\.css' "$work/body" | head -n 1)
fetch 200 "$site$asset" -H 'Accept-Encoding: gzip'
[ "$(header Cache-Control)" = "public, max-age=31536000, immutable" ] || fail "$(header Cache-Control)"
fetch 200 "$site/"
image=$(grep -o '/images/[^"> ,]*\.webp' "$work/body" | head -n 1 || true)
[ -n "$image" ] || fail "no WebP image on the home page"
fetch 200 "$site$image"
[ "$(header Content-Type)" = image/webp ] || fail "$(header Content-Type)"
fetch 400 "$site/static/../news.h" --path-as-is
fetch 404 "$site/images/images/Dune-333w-000000000000.webp"
beacon='[{"name":"LCP","value":1200,"id":"v5-1","route":"/"}]'
fetch 204 "$site/perfopt/beacon" -d "$beacon" -H 'Content-Type: application/json'
fetch 400 "$site/perfopt/beacon" -d 'nonsense'

# An editor: not without the password, not without the form's token; a save shows at once everywhere.
fetch 401 "$site$article/edit"
fetch 401 "$site$article/edit" -u "$user:wrong password"
fetch 200 "$site$article/edit" -u "$user:$password"
token=$(sed -n 's/.*name="\?token"\? value="\?\([0-9a-f]*\).*/\1/p' "$work/body")
fetch 403 "$site$article/edit" -u "$user:$password" -d 'token=0&title=Forged&summary=x'
title="Fresh & <new> $$"
fetch 200 "$site/"
has_not "Fresh &amp; &lt;new&gt; $$"
fetch 303 "$site$article/edit" -u "$user:$password" --data-urlencode "token=$token" \
  --data-urlencode "title=$title" --data-urlencode "summary=A summary."
fetch 200 "$site$article"
has "Fresh &amp; &lt;new&gt; $$"
fetch 200 "$site/"
has "Fresh &amp; &lt;new&gt; $$"

# An operator.
fetch 401 "$site/admin/performance"
fetch 200 "$site/admin/performance" -u "$user:$password"
for page in asset-optimization ssr-optimization; do
  fetch 200 "$site/admin/performance/$page" -u "$user:$password"
done
fetch 200 "$site/admin/performance/api/v1/overview?window=5m" -u "$user:$password"
python3 -m json.tool <"$work/body" >/dev/null
grep -q '"state": *"up"' "$work/body" || fail "no source is up: $(head -c 600 "$work/body")"
fetch 200 "$site/metrics" -u "$user:$password"
has 'http_server_request_duration_seconds_bucket'

# Redis dies: pages go on, the overview says so; it heals when Redis is back.
redis-cli -s "$redis_socket" shutdown nosave >/dev/null 2>&1 || true
for path in / /category/games /category/sound "$article" /search?q=editor; do fetch 200 "$site$path"; done
for _ in $(seq 50); do
  fetch 200 "$site/admin/performance/api/v1/overview?window=5m" -u "$user:$password"
  grep -q '"redis":{"state":"down"\|"redis": *{ *"state": *"down"' "$work/body" && break
  sleep 0.2
done
tr -d ' \n' <"$work/body" | grep -q '"redis":{"state":"down"' || fail "the overview does not say that Redis is down"
redis-server --port 0 --unixsocket "$redis_socket" --unixsocketperm 700 --daemonize yes \
  --pidfile "$dir/redis.pid" --dir "$dir" --save '' --appendonly no --logfile "$dir/redis.log" >/dev/null
for _ in $(seq 100); do
  fetch 200 "$site/admin/performance/api/v1/overview?window=5m" -u "$user:$password"
  tr -d ' \n' <"$work/body" | grep -q '"redis":{"state":"up"' && break
  sleep 0.2
done
tr -d ' \n' <"$work/body" | grep -q '"redis":{"state":"up"' || fail "Redis did not heal"

"$root/examples/news/run.sh" --stop --dir "$dir" >/dev/null
! kill -0 "$pid" 2>/dev/null || fail "the site still runs"
[ ! -e "$dir/run.json" ] || fail "run.json is still there"
echo "news: visitor, editor, operator, Redis gone and back"
