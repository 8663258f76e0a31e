#!/usr/bin/env bash
# Every public header compiles alone, as C11 and as C++17, with gcc and clang, without a warning.
set -euo pipefail
shopt -s nullglob
root=$(cd "$(dirname "$0")/../.." && pwd)
flags="-Wall -Wextra -pedantic -Werror -fsyntax-only -I$root/include"
failed=0
for header in "$root"/include/perfopt/*.h "$root"/include/perfopt/*/*.h; do
  name=${header#"$root/include/"}
  for compiler in "gcc -x c -std=c11" "clang -x c -std=c11" "g++ -x c++ -std=c++17" "clang++ -x c++ -std=c++17"; do
    # shellcheck disable=SC2086 # the flags are words
    if ! printf '#include <%s>\nextern int only;\n' "$name" | $compiler $flags -; then
      echo "FAILED: $name with $compiler" >&2
      failed=1
    fi
  done
done
exit $failed
