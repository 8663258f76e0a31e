#!/usr/bin/env bash
# Installs what the build, the example site or the tests need from Debian's packages; what is there
# already is left alone, so a second run takes a moment. Starts no service.
set -euo pipefail

usage() {
  cat <<'TXT'
Usage: packaging/install-deps.sh [--dry-run] GROUP...

Groups:
  build   compiler, CMake and the libraries that libperfopt is built from
  site    Redis, PostgreSQL and the data of examples/news
  test    what tests/run.sh needs besides: cmocka, linters, a browser, Jinja2

Uses sudo if it is not run as root. Services of installed packages are not started.
TXT
}

build=(build-essential cmake ninja-build pkg-config libhiredis-dev libpq-dev zlib1g-dev
  libmicrohttpd-dev libxxhash-dev libjansson-dev libsodium-dev libdeflate-dev libbrotli-dev
  libjpeg62-turbo-dev libwebp-dev libpng-dev)
site=(redis-server redis-tools postgresql-15 mate-backgrounds libjs-bootstrap5 libjs-jquery curl xz-utils)
test=(libcmocka-dev clang clang-format clang-tidy libclang-rt-14-dev shellcheck chromium
  python3 python3-jinja2 curl procps mate-backgrounds libjs-bootstrap5 libjs-jquery)

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

dry_run=no
wanted=()
[ $# -gt 0 ] || { usage >&2; exit 2; }
for argument in "$@"; do
  case $argument in
    --help | -h) usage; exit 0 ;;
    --dry-run) dry_run=yes ;;
    build) wanted+=("${build[@]}") ;;
    site) wanted+=("${site[@]}") ;;
    test) wanted+=("${test[@]}") ;;
    *) echo "install-deps.sh: unknown group: $argument" >&2; usage >&2; exit 2 ;;
  esac
done
# Node.js may come from elsewhere than Debian's packages.
command -v node >/dev/null 2>&1 || wanted+=(nodejs)
command -v npm >/dev/null 2>&1 || wanted+=(npm)

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "packages: everything is installed"
  exit 0
fi
echo "packages to install: ${missing[*]}"
[ "$dry_run" = no ] || exit 0
if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
  echo "install-deps.sh: not root, and there is no sudo: install the packages above yourself" >&2
  exit 1
fi

# No package may start a service, and PostgreSQL must not create a cluster of the system's.
policy=/usr/sbin/policy-rc.d
made_policy=no
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
  as_root chmod 755 $policy
  made_policy=yes
fi
cleanup() { [ $made_policy = no ] || as_root rm -f $policy; }
trap cleanup EXIT

export DEBIAN_FRONTEND=noninteractive
as_root apt-get update -qq
case " ${missing[*]} " in
  *" postgresql-15 "*)
    as_root apt-get install -y -qq --no-install-recommends postgresql-common >/dev/null
    as_root sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' \
      /etc/postgresql-common/createcluster.conf
    ;;
esac
as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
echo "packages: installed"
