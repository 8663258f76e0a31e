#!/usr/bin/env bash
# Installs the build into a temporary prefix and builds a project outside the tree against it: with
# find_package (shared and static) and with pkg-config (shared and static), and runs the results.
set -euo pipefail
build=${1:?usage: install_test.sh BUILD_FOLDER}
consumer=$(cd "$(dirname "$0")/consumer" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/prefix" >/dev/null
cp -r "$consumer" "$work/consumer"
cd "$work/consumer"

for target in perfopt::perfopt perfopt::perfopt_static; do
  cmake -S . -B "$work/${target##*:}" -DCMAKE_PREFIX_PATH="$work/prefix" -DLINK_TO="$target" >/dev/null
  cmake --build "$work/${target##*:}" >/dev/null
  LD_LIBRARY_PATH="$work/prefix/lib" "$work/${target##*:}/consumer"
done

PKG_CONFIG_PATH=$(dirname "$(find "$work/prefix" -name perfopt.pc)")
export PKG_CONFIG_PATH
libdir=$(pkg-config --variable=libdir perfopt | sed "s|^.*/\(lib.*\)|$work/prefix/\1|")
pc() { pkg-config --define-variable=prefix="$work/prefix" "$@" perfopt; }
# shellcheck disable=SC2046 # pkg-config prints words
gcc -std=c11 -Wall -Wextra -Werror main.c -o shared $(pc --cflags --libs)
LD_LIBRARY_PATH=$libdir ./shared
# shellcheck disable=SC2046
gcc -std=c11 main.c -o static $(pc --cflags) "$libdir/libperfopt.a" $(pc --static --libs | sed 's/-lperfopt//g')
./static
echo "install: find_package and pkg-config, shared and static"
