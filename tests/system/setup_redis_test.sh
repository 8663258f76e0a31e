#!/bin/bash
# setup_redis.sh below a temporary folder: dry run, first run, second run, changed settings, access
# rules, wrong options, removal.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
script=$here/../../setup_redis.sh
folder=$(mktemp -d /tmp/perfopt-setup-redis.XXXXXX)
trap '"$script" --prefix "$folder" --uninstall >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT

fail() {
    printf 'FAILED: %s\n' "$1" >&2
    exit 1
}

# A port nobody listens on.
port=0
while [ "$port" -eq 0 ]; do
    port=$((20000 + RANDOM % 10000))
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then port=0; fi
done

setup() {
    "$script" --prefix "$folder" --port "$port" "$@"
}

files() {
    find "$folder" -type f | wc -l
}

output=$("$script" --help)
grep -q -- --uninstall <<<"$output" || fail "--help"

# Wrong options end with status 2 and touch nothing.
for wrong in "--memory lots" "--memory 0" "--port 70000" "--port x" "--nonsense" "--key-prefix a*" \
    "--socket relative" "--memory"; do
    status=0
    # shellcheck disable=SC2086 # an option and its value
    "$script" --prefix "$folder" $wrong >/dev/null 2>&1 || status=$?
    [ "$status" -eq 2 ] || fail "$wrong: status $status"
done
[ "$(files)" -eq 0 ] || fail "wrong options wrote files"

output=$(setup --dry-run)
grep -q "would write: $folder/etc/redis/perfopt.conf" <<<"$output" || fail "--dry-run says nothing"
[ "$(files)" -eq 0 ] || fail "--dry-run wrote files"

first=$(setup | grep ^REDIS_URL=)
[ "$(stat -c %a "$folder/etc/redis/perfopt.url")" = 600 ] || fail "the URL is readable for others"
socket=$folder/run/perfopt-redis/redis.sock
pid=$(cat "$folder/run/perfopt-redis/redis.pid")
password=${first#*perfopt:}
password=${password%%@*}
if grep -rq "$password" "$folder/etc/redis/perfopt.conf" "$folder/etc/redis/perfopt.acl" \
    "$folder/var/log"; then
    fail "the password is written in clear text"
fi

# The second run keeps the password and the process.
output=$(setup)
[ "$(grep ^REDIS_URL= <<<"$output")" = "$first" ] || fail "the second run made another password"
grep -q "already running" <<<"$output" || fail "the second run did something"
[ "$(cat "$folder/run/perfopt-redis/redis.pid")" = "$pid" ] || fail "the second run restarted"

cli() {
    REDISCLI_AUTH=$password redis-cli --user perfopt -s "$socket" "$@" 2>&1
}

# Another limit restarts the server with the same password.
[ "$(setup --memory 64mb | grep ^REDIS_URL=)" = "$first" ] || fail "new limit, new password"
[ "$(cli info memory | tr -d '\r' | sed -n 's/^maxmemory://p')" = 67108864 ] || fail "memory limit"
[ "$(cli info memory | tr -d '\r' | sed -n 's/^maxmemory_policy://p')" = allkeys-lfu ] || fail policy

# What the user may do, and what not.
[ "$(cli set perfopt:a 1)" = OK ] || fail "SET"
[ "$(cli eval "return redis.call('GET', KEYS[1])" 1 perfopt:a)" = 1 ] || fail EVAL
[ "$(cli unlink perfopt:a)" = 1 ] || fail UNLINK
for refused in "set other:a 1" "get other:a" "keys *" "flushall" "config get maxmemory" "acl list" \
    "client list" "shutdown" "debug sleep 0" "publish other x" "eval return(redis.call('GET','x')) 0"; do
    # shellcheck disable=SC2086 # a command and its arguments
    (set -f && cli $refused) | grep -qE 'NOPERM|not allowed|can.t access' || fail "may do: $refused"
done
redis-cli -s "$socket" ping 2>&1 | grep -q NOAUTH || fail "no password needed"
REDISCLI_AUTH=$password redis-cli --user perfopt -p "$port" ping 2>/dev/null | grep -q PONG ||
    fail "TCP port"
(exec 3<>"/dev/tcp/127.0.0.1/$port") || fail "TCP port"

# A port in use is an error that names it.
status=0
output=$("$script" --prefix "$folder/second" --port "$port" 2>&1) || status=$?
[ "$status" -eq 1 ] || fail "port in use: status $status"
grep -q "port $port is in use" <<<"$output" || fail "port in use: $output"

# A stale pid file that names another process ends nobody.
pid=$(cat "$folder/run/perfopt-redis/redis.pid")
setup --uninstall >/dev/null
[ "$(files)" -eq 0 ] || fail "--uninstall left files"
# A process that has ended but that nobody waited for has no program any more.
[ -z "$(readlink "/proc/$pid/exe")" ] || fail "--uninstall left the server"
sleep 60 &
other=$!
mkdir -p "$folder/run/perfopt-redis"
echo "$other" >"$folder/run/perfopt-redis/redis.pid"
setup --uninstall >/dev/null
kill "$other" 2>/dev/null || fail "--uninstall ended another process"

setup --uninstall >/dev/null || fail "--uninstall a second time"
echo "setup_redis: all checks passed"
