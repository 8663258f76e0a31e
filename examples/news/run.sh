#!/usr/bin/env bash
# Serves the example news site: installs what is missing, builds, starts a private PostgreSQL and Redis
# under build/news, loads the articles, and prints where everything is.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

usage() {
  cat <<'TXT'
Usage: examples/news/run.sh [OPTION...]

  --port N       port of the site (default 8080; 0 = any free one)
  --no-redis     without Redis: in-process cache only
  --baseline     the same site without the library's pool, caches, built assets and images
  --detach       go on in the background; build/news/run.json has the addresses and the process
  --stop         end what --detach started
  --dir DIR      folder for data and sockets (default build/news)
  --no-install   do not install packages
  --help         this text

Without --detach the site runs until Ctrl-C, which also ends its PostgreSQL and Redis.
TXT
}

port=8080
redis=yes
baseline=no
detach=no
stop=no
install=yes
dir=$root/build/news
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --port) port=${2:?--port needs a number}; shift ;;
    --no-redis) redis=no ;;
    --baseline) baseline=yes ;;
    --detach) detach=yes ;;
    --stop) stop=yes ;;
    --dir) dir=$(realpath -m "${2:?--dir needs a folder}"); shift ;;
    --no-install) install=no ;;
    *) echo "run.sh: unknown option: $1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
case $port in '' | *[!0-9]*) echo "run.sh: --port: \"$port\" is no number" >&2; exit 2 ;; esac

json=$dir/run.json
database=$dir/postgres
pg_bin=/usr/lib/postgresql/15/bin

# PostgreSQL refuses to run as root; then the packages' user runs it, and only its folder is that user's.
# (cd /: that user may not be allowed to enter this folder.)
if [ "$(id -u)" -eq 0 ]; then
  as_postgres() (cd / && runuser -u postgres -- "$@")
else
  as_postgres() { "$@"; }
fi
if [ "$(id -u)" -eq 0 ]; then database_user=postgres; else database_user=$(id -un); fi
# Socket paths must be short (107 bytes); build folders can be deep.
sockets=$(printf '/tmp/perfopt-news-%s-%s' "$(id -u)" "$(printf %s "$dir" | cksum | cut -d ' ' -f 1)")

say() { printf '%s\n' "$*" >&2; }

# Below a folder that only root may enter, such as /root, the server cannot have its data.
place_database() {
  if [ "$(id -u)" -eq 0 ] && id postgres >/dev/null 2>&1 && ! as_postgres test -x "$root"; then
    database=/var/tmp/$(basename "$sockets")
  fi
}

end_process() { # pid file
  local pid
  [ -s "$1" ] && pid=$(head -n 1 "$1") && kill "$pid" 2>/dev/null && while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
  rm -f "$1"
}

stop_all() {
  end_process "$dir/site.pid"
  [ ! -s "$database/postmaster.pid" ] || as_postgres "$pg_bin/pg_ctl" -D "$database" -m fast -w stop >/dev/null || true
  end_process "$dir/redis.pid"
  rm -f "$json"
}

place_database
if [ $stop = yes ]; then
  stop_all
  say "stopped"
  exit 0
fi

[ $install = no ] || packaging/install-deps.sh build site >&2
place_database # again: the package has just made the user

build_site() {
  cmake --preset release >"$dir/configure.log" 2>&1 || { cat "$dir/configure.log" >&2; exit 1; }
  cmake --build --preset release --target news >"$dir/build.log" 2>&1 || { tail -n 40 "$dir/build.log" >&2; exit 1; }
}

start_database() {
  if [ ! -s "$database/PG_VERSION" ]; then
    say "creating the database"
    mkdir -p "$database"
    [ "$(id -u)" -ne 0 ] || chown postgres "$database"
    chmod 700 "$database"
    as_postgres "$pg_bin/initdb" -D "$database" -A peer -E UTF8 --locale=C.UTF-8 -U "$database_user" >"$dir/initdb.log" 2>&1 || {
      cat "$dir/initdb.log" >&2
      exit 1
    }
    as_postgres tee -a "$database/postgresql.conf" >/dev/null <<TXT
listen_addresses = ''
unix_socket_directories = '$sockets'
unix_socket_permissions = 0777
shared_preload_libraries = 'pg_stat_statements'
fsync = off
max_connections = 60
log_min_messages = warning
TXT
    # The site's user may differ from the server's: both are local, on a private socket.
    as_postgres sed -i 's/^local .*/local all all trust/' "$database/pg_hba.conf"
  fi
  if ! as_postgres "$pg_bin/pg_ctl" -D "$database" status >/dev/null 2>&1; then
    as_postgres "$pg_bin/pg_ctl" -D "$database" -w -l "$database/server.log" start >/dev/null || {
      as_postgres tail -n 20 "$database/server.log" >&2
      exit 1
    }
  fi
}

sql() { psql -X -q -v ON_ERROR_STOP=1 -h "$sockets" -U "$database_user" "$@"; }

load_articles() {
  if [ "$(sql -At -d postgres -c "SELECT count(*) FROM pg_database WHERE datname = 'news'")" = 1 ]; then return; fi
  say "loading the articles"
  apt-cache dumpavail | awk -f examples/news/database/packages.awk >"$dir/packages.tsv"
  [ "$(wc -l <"$dir/packages.tsv")" -gt 1000 ] || {
    say "run.sh: apt's package index is empty: run 'apt-get update' first"
    exit 1
  }
  sql -d postgres -c 'DROP DATABASE IF EXISTS news_new' -c 'CREATE DATABASE news_new'
  sql -d news_new -f examples/news/database/schema.sql
  sql -d news_new -f examples/news/database/load.sql <"$dir/packages.tsv"
  sql -d postgres -c 'ALTER DATABASE news_new RENAME TO news'
  say "loaded $(sql -At -d news -c 'SELECT count(*) FROM articles') articles"
}

start_redis() {
  [ $redis = yes ] && [ $baseline = no ] || return 0
  if redis-cli -s "$sockets/redis.sock" ping >/dev/null 2>&1; then return; fi
  redis-server --port 0 --unixsocket "$sockets/redis.sock" --unixsocketperm 700 --daemonize yes \
    --pidfile "$dir/redis.pid" --dir "$dir" --save '' --appendonly no --maxmemory 256mb \
    --maxmemory-policy allkeys-lfu --logfile "$dir/redis.log" >/dev/null
  for _ in $(seq 100); do
    redis-cli -s "$sockets/redis.sock" ping >/dev/null 2>&1 && return
    sleep 0.1
  done
  say "run.sh: Redis did not start: see $dir/redis.log"
  exit 1
}

collect_static() {
  mkdir -p "$dir/static/css" "$dir/static/js" "$dir/static/images"
  cp -u /usr/share/javascript/bootstrap5/css/bootstrap.css "$dir/static/css/"
  cp -u /usr/share/javascript/bootstrap5/js/bootstrap.bundle.js "$dir/static/js/"
  cp -u /usr/share/javascript/jquery/jquery.js "$dir/static/js/"
  cp -u examples/news/static/site.css "$dir/static/css/"
  cp -u examples/news/static/site.js "$dir/static/js/"
  cp -u /usr/share/backgrounds/mate/nature/*.jpg "$dir/static/images/"
}

mkdir -p "$dir" "$sockets"
chmod 755 "$dir" "$sockets"
[ "$(id -u)" -ne 0 ] || chown postgres "$sockets"
build_site
[ -s "$dir/password" ] || (umask 077 && head -c 18 /dev/urandom | base64 | tr '+/' '-_' >"$dir/password")
start_database
load_articles
start_redis
collect_static

export DATABASE_URL="postgresql://$database_user@/news?host=$sockets"
export PERFOPT_ADMIN_USER=admin PERFOPT_ADMIN_METRICS=true APP_ENV=production
PERFOPT_ADMIN_PASSWORD=$(cat "$dir/password")
export PERFOPT_ADMIN_PASSWORD
unset REDIS_URL REDIS_HOST
[ $redis = no ] || export REDIS_URL="unix://$sockets/redis.sock"
flags=(--port "$port" --static "$dir/static" --templates examples/news/templates)
[ $baseline = no ] || flags+=(--baseline)

: >"$dir/site.out"
build/release/examples/news/news "${flags[@]}" >"$dir/site.out" 2>"$dir/site.log" &
site=$!
echo $site >"$dir/site.pid"
trap 'stop_all; exit 1' INT TERM
# Building assets and images for the first time takes some seconds.
for _ in $(seq 1800); do
  grep -q '^listening on' "$dir/site.out" && break
  kill -0 $site 2>/dev/null || break
  sleep 0.1
done
if ! grep -q '^listening on' "$dir/site.out"; then
  say "run.sh: the site did not start:"
  tail -n 20 "$dir/site.log" >&2
  stop_all
  exit 1
fi
port=$(sed -n 's/^listening on //p' "$dir/site.out")

cat >"$json.new" <<TXT
{
  "site": "http://127.0.0.1:$port/",
  "admin": "http://127.0.0.1:$port/admin/performance",
  "user": "$PERFOPT_ADMIN_USER",
  "password": "$PERFOPT_ADMIN_PASSWORD",
  "pid": $site,
  "baseline": $([ $baseline = yes ] && echo true || echo false),
  "database": "$DATABASE_URL",
  "redis": "$([ $redis = yes ] && [ $baseline = no ] && echo "$sockets/redis.sock")"
}
TXT
chmod 600 "$json.new"
mv "$json.new" "$json"

cat <<TXT

  The Package Post    http://127.0.0.1:$port/
TXT
[ $baseline = yes ] || cat <<TXT
  Performance         http://127.0.0.1:$port/admin/performance
  Assets              http://127.0.0.1:$port/admin/performance/asset-optimization
  Templates           http://127.0.0.1:$port/admin/performance/ssr-optimization
  Sign in as          $PERFOPT_ADMIN_USER / $PERFOPT_ADMIN_PASSWORD

TXT
if [ $detach = yes ]; then
  trap - INT TERM
  disown $site
  say "running as process $site; examples/news/run.sh --stop ends it"
  exit 0
fi
say "Ctrl-C stops it"
wait $site || true
stop_all
