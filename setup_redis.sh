#!/bin/bash
# Installs and configures a Redis for libperfopt: bounded memory, no persistence, a unix socket and
# a loopback port, one user who may touch only its own keys. Safe to run again; see --help.
set -euo pipefail

memory=256mb
port=6390
socket=
prefix=
key_prefix=perfopt:
action=install
dry_run=no

usage() {
    cat <<'HELP'
Usage: ./setup_redis.sh [OPTION]...

Sets up a Redis of its own for libperfopt, next to any other one: installs Debian's redis-server if
it is missing, writes a configuration, creates the user "perfopt" with a generated password, starts
the server (systemd unit perfopt-redis.service, or a daemon where systemd does not run), tests it,
and prints the REDIS_URL to use. Running it again keeps the password and changes only what differs.

  --memory SIZE       memory limit, such as 256mb or 2gb (default 256mb)
  --port N            loopback TCP port, 0 for none (default 6390)
  --socket PATH       unix socket (default <prefix>/run/perfopt-redis/redis.sock)
  --key-prefix TEXT   keys the user may use begin with it (default perfopt:)
  --prefix DIR        put all files below DIR and start a daemon; needs no root
  --dry-run           say what would be done, change nothing
  --uninstall         stop the server and remove the files (the Debian package stays)
  --help              this text

Files: /etc/redis/perfopt.conf, perfopt.acl, perfopt.url (the REDIS_URL, readable by root),
/run/perfopt-redis/, /var/log/perfopt-redis/, /etc/systemd/system/perfopt-redis.service.
HELP
}

die() {
    printf 'setup_redis.sh: %s\n' "$1" >&2
    exit "${2:-1}"
}

say() {
    printf '%s\n' "$*"
}

# ---- options ---------------------------------------------------------------------------------

need_value() {
    if [ $# -lt 2 ] || [ -z "$2" ]; then die "$1 needs a value (see --help)" 2; fi
}

parse_options() {
    while [ $# -gt 0 ]; do
        case $1 in
        --memory) need_value "$@"; memory=$2; shift ;;
        --port) need_value "$@"; port=$2; shift ;;
        --socket) need_value "$@"; socket=$2; shift ;;
        --key-prefix) need_value "$@"; key_prefix=$2; shift ;;
        --prefix) need_value "$@"; prefix=$2; shift ;;
        --dry-run) dry_run=yes ;;
        --uninstall) action=uninstall ;;
        --help | -h) usage; exit 0 ;;
        *) die "unknown option $1 (see --help)" 2 ;;
        esac
        shift
    done
}

# What is written into the configuration must not be able to add lines or words to it.
check_options() {
    [[ $memory =~ ^[1-9][0-9]{0,11}([kmg]b?)?$ ]] || die "--memory $memory: expected a size such as 256mb" 2
    [[ $port =~ ^(0|[1-9][0-9]{0,4})$ ]] || die "--port $port: expected 0 to 65535" 2
    [ "$port" -le 65535 ] || die "--port $port: expected 0 to 65535" 2
    [[ $key_prefix =~ ^[A-Za-z0-9:._-]+$ ]] || die "--key-prefix: only letters, digits and : . _ -" 2
    if [ -n "$prefix" ]; then
        [[ $prefix =~ ^[A-Za-z0-9/._+-]+$ ]] || die "--prefix: only letters, digits and / . _ + -" 2
        case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
        prefix=${prefix%/}
    fi
    etc=$prefix/etc/redis
    run=$prefix/run/perfopt-redis
    log=$prefix/var/log/perfopt-redis
    unit=/etc/systemd/system/perfopt-redis.service
    : "${socket:=$run/redis.sock}"
    [[ $socket =~ ^/[A-Za-z0-9/._+-]+$ ]] || die "--socket: an absolute path of letters, digits and / . _ + -" 2
    [ ${#socket} -le 107 ] || die "--socket: $socket has ${#socket} characters, the system allows 107" 2
}

# ---- doing or only saying --------------------------------------------------------------------

sudo=()
choose_rights() {
    if [ -z "$prefix" ] && [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "needs root: run it as root, install sudo, or use --prefix DIR"
        sudo=(sudo)
    fi
    owner=$(id -un):$(id -gn)
    [ -n "$prefix" ] || owner=redis:redis
}

run_it() {
    if [ "$dry_run" = yes ]; then
        say "would run: $*"
    else
        "${sudo[@]}" "$@"
    fi
}

# write_file PATH MODE OWNER < content; returns 0 if the file changed.
write_file() {
    local content
    content=$(cat; printf x)
    content=${content%x}
    if [ "$dry_run" = yes ]; then
        say "would write: $1 (mode $2)"
        return 0
    fi
    if [ "$("${sudo[@]}" cat "$1" 2>/dev/null; printf x)" = "${content}x" ]; then
        return 1
    fi
    # Created with its final mode, so that a secret is never readable for others meanwhile.
    "${sudo[@]}" install -m "$2" -o "${3%:*}" -g "${3#*:}" /dev/null "$1.new"
    printf '%s' "$content" | "${sudo[@]}" tee "$1.new" >/dev/null
    "${sudo[@]}" mv "$1.new" "$1"
    say "wrote $1"
}

has_systemd() {
    [ -z "$prefix" ] && [ -d /run/systemd/system ]
}

# ---- the server process ----------------------------------------------------------------------

# Process id of our server, nothing if it does not run. A stale pid file may name somebody else's
# process; ours has its working folder in $run.
running_pid() {
    local pid
    pid=$("${sudo[@]}" cat "$run/redis.pid" 2>/dev/null) || return 0
    [[ $pid =~ ^[0-9]+$ ]] || return 0
    [ "$("${sudo[@]}" readlink "/proc/$pid/cwd")" = "$(readlink -f "$run")" ] || return 0
    printf '%s' "$pid"
}

stop_server() {
    local pid i
    if has_systemd; then
        if [ -e "$unit" ]; then run_it systemctl disable --now perfopt-redis.service; fi
        return 0
    fi
    pid=$(running_pid)
    [ -n "$pid" ] || return 0
    run_it kill "$pid"
    [ "$dry_run" = no ] || return 0
    for ((i = 0; i < 100; i++)); do
        [ -n "$(running_pid)" ] || return 0
        sleep 0.1
    done
    die "the server (process $pid) does not end"
}

start_server() {
    local as=()
    if has_systemd; then
        run_it systemctl daemon-reload
        run_it systemctl enable perfopt-redis.service
        run_it systemctl restart perfopt-redis.service
        return 0
    fi
    if [ -z "$prefix" ]; then
        as=(setpriv --reuid=redis --regid=redis --init-groups)
    fi
    run_it "${as[@]}" redis-server "$etc/perfopt.conf" || {
        "${sudo[@]}" tail -n 5 "$log/redis.log" >&2 || true
        die "redis-server does not start"
    }
}

port_is_free() {
    [ "$port" -eq 0 ] || ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}

# ---- installing ------------------------------------------------------------------------------

install_package() {
    if command -v redis-server >/dev/null && command -v redis-cli >/dev/null; then
        return 0
    fi
    command -v apt-get >/dev/null || die "redis-server not found and no apt-get to install it with"
    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "redis-server is missing: install the Debian package redis-server"
        sudo=(sudo)
    fi
    run_it apt-get update
    run_it env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends redis-server
}

configuration() {
    cat <<CONF
# Written by libperfopt's setup_redis.sh; it will be written again when that is run again.
bind 127.0.0.1 -::1
port $port
protected-mode yes
unixsocket $socket
unixsocketperm 777
tcp-keepalive 60

# A cache: bounded, the least frequently used goes first, nothing is kept on disk.
maxmemory $memory
maxmemory-policy allkeys-lfu
save ""
appendonly no
lazyfree-lazy-eviction yes
lazyfree-lazy-expire yes
lazyfree-lazy-server-del yes
lazyfree-lazy-user-del yes

aclfile $etc/perfopt.acl
enable-protected-configs no
enable-debug-command no
enable-module-command no

daemonize $(if has_systemd; then echo no; else echo yes; fi)
supervised $(if has_systemd; then echo systemd; else echo no; fi)
pidfile $run/redis.pid
logfile $log/redis.log
dir $run
CONF
}

# Every command that can see or change other keys, other clients or the server is out of reach.
access_list() {
    local hash
    hash=$(printf '%s' "$1" | sha256sum | cut -d ' ' -f 1)
    printf 'user default off resetpass nocommands resetkeys resetchannels\n'
    printf 'user perfopt on resetpass #%s resetkeys ~%s* resetchannels &%s* &__redis__:invalidate nocommands %s\n' \
        "$hash" "$key_prefix" "$key_prefix" \
        '+@connection +@read +@write +@transaction +@pubsub -@dangerous +eval +evalsha +script|load +script|exists +info +dbsize +time'
}

unit_file() {
    cat <<UNIT
[Unit]
Description=Redis for libperfopt
After=network.target

[Service]
Type=notify
User=redis
Group=redis
RuntimeDirectory=perfopt-redis
LogsDirectory=perfopt-redis
ExecStart=$(command -v redis-server || echo /usr/bin/redis-server) $etc/perfopt.conf
Restart=on-failure
LimitNOFILE=65535
NoNewPrivileges=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectSystem=full
ProtectHome=yes

[Install]
WantedBy=multi-user.target
UNIT
}

# The password of an earlier run, or a new one.
find_password() {
    local url
    url=$("${sudo[@]}" cat "$etc/perfopt.url" 2>/dev/null) || true
    if [[ $url =~ ^unix://perfopt:([0-9a-f]{48})@ ]]; then
        printf '%s' "${BASH_REMATCH[1]}"
    else
        od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
    fi
}

write_files() {
    local file_owner=root:${owner#*:}
    [ -z "$prefix" ] || file_owner=$owner
    changed=no
    run_it install -d -m 755 "$etc" "$(dirname "$socket")"
    run_it install -d -m 755 -o "${owner%:*}" -g "${owner#*:}" "$run"
    run_it install -d -m 750 -o "${owner%:*}" -g "${owner#*:}" "$log"
    configuration | write_file "$etc/perfopt.conf" 644 "$file_owner" && changed=yes
    access_list "$password" | write_file "$etc/perfopt.acl" 640 "$file_owner" && changed=yes
    printf '%s\n' "$url" | write_file "$etc/perfopt.url" 600 "$file_owner" || true
    if has_systemd; then
        unit_file | write_file "$unit" 644 root:root && changed=yes
    fi
    return 0
}

# ---- testing ---------------------------------------------------------------------------------

cli() {
    REDISCLI_AUTH=$password redis-cli --user perfopt -s "$socket" "$@" 2>/dev/null
}

wait_for_server() {
    local i
    for ((i = 0; i < 100; i++)); do
        [ "$(cli ping)" = PONG ] && return 0
        sleep 0.1
    done
    "${sudo[@]}" tail -n 5 "$log/redis.log" >&2 || true
    die "the server does not answer on $socket"
}

check_server() {
    local key=${key_prefix}setup-check value=$RANDOM$RANDOM
    [ "$(cli set "$key" "$value" EX 10)" = OK ] || die "SET as user perfopt failed"
    [ "$(cli get "$key")" = "$value" ] || die "GET as user perfopt failed"
    cli del "$key" >/dev/null
    case $(cli get "not-${key_prefix}x") in
    *NOPERM*) ;;
    *) die "user perfopt can read keys of others" ;;
    esac
    say "checked: PING, SET and GET work; other keys are refused"
}

# ---- both actions ----------------------------------------------------------------------------

do_install() {
    install_package
    password=$(find_password)
    url=unix://perfopt:$password@$socket
    if [ -z "$(running_pid)" ] && ! has_systemd && ! port_is_free; then
        die "port $port is in use: choose another one with --port"
    fi
    write_files
    if [ "$dry_run" = yes ]; then
        start_server
        say "dry run: nothing was changed"
        return 0
    fi
    if [ "$changed" = yes ]; then
        has_systemd || stop_server
        start_server
    elif ! cli ping >/dev/null || [ "$(cli ping)" != PONG ]; then
        start_server
    else
        say "already running, nothing to change"
    fi
    wait_for_server
    check_server
    say
    say "REDIS_URL=$url"
    [ "$port" -eq 0 ] || say "or over TCP: redis://perfopt:$password@127.0.0.1:$port"
}

do_uninstall() {
    stop_server
    if has_systemd; then
        run_it rm -f "$unit"
        run_it systemctl daemon-reload
    fi
    run_it rm -f "$etc/perfopt.conf" "$etc/perfopt.acl" "$etc/perfopt.url" "$socket"
    run_it rm -rf "$run" "$log"
    if [ "$dry_run" = yes ]; then
        say "dry run: nothing was changed"
    else
        say "removed; the Debian package redis-server stays"
    fi
}

parse_options "$@"
check_options
choose_rights
if [ "$action" = uninstall ]; then do_uninstall; else do_install; fi
