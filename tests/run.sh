#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test: the whole suite on an optimised build, then
# again under the sanitizers, after the linters. Private servers only; nothing of the system's is used.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TXT'
Usage: tests/run.sh [--no-install] [--jobs N] [STAGE...]

Stages, all by default and in this order:
  lint      clang-format, shellcheck, clang-tidy
  release   optimised build, every test: units, real servers, packaging, dashboards in a browser
  asan      AddressSanitizer and UndefinedBehaviorSanitizer
  tsan      ThreadSanitizer
  fuzz      every fuzzer over its corpus, and some seconds more

Builds live in build/<stage>. Exit status 0 means that every stage passed.
TXT
}

install=yes
jobs=$(nproc)
stages=()
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --no-install) install=no ;;
    --jobs) jobs=${2:?--jobs needs a number}; shift ;;
    lint | release | asan | tsan | fuzz) stages+=("$1") ;;
    *) echo "tests/run.sh: unknown argument: $1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
[ ${#stages[@]} -gt 0 ] || stages=(lint release asan tsan fuzz)
[ $install = no ] || packaging/install-deps.sh build site test

configure() { cmake --preset "$1" "${@:2}" >"build/$1.configure.log" 2>&1 || { cat "build/$1.configure.log"; return 1; }; }
build() { cmake --build --preset "$1" -j "$jobs" >"build/$1.build.log" 2>&1 || { tail -n 60 "build/$1.build.log"; return 1; }; }

# Tests that start servers or a browser share the machine: half as many at once as there are cores.
run_ctest() { ctest --preset "$1" -j "$(((jobs + 1) / 2))" "${@:2}"; }

stage_lint() {
  git ls-files -z '*.c' '*.h' | xargs -0 clang-format --dry-run -Werror
  git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck
  configure debug -DPERFOPT_BUILD_BENCH=ON
  build debug
  # Every file of the library; the tests are covered by the compilers' warnings.
  git ls-files 'src/*.c' 'src/**/*.c' | sort -u |
    xargs -P "$jobs" -n 4 clang-tidy -p build/debug --quiet 2>build/clang-tidy.err |
    tee build/clang-tidy.log
}

stage_release() {
  configure release
  build release
  run_ctest release
}

stage_asan() {
  configure asan -DPERFOPT_BUILD_EXAMPLES=OFF
  build asan
  ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1 \
    run_ctest asan -LE 'browser|system'
}

stage_tsan() {
  configure tsan -DPERFOPT_BUILD_EXAMPLES=OFF
  build tsan
  TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 run_ctest tsan -LE 'browser|system'
}

stage_fuzz() {
  configure fuzz -DPERFOPT_BUILD_EXAMPLES=OFF -DPERFOPT_BUILD_TESTS=ON
  build fuzz
  tests/fuzz/run.sh build/fuzz "${PERFOPT_FUZZ_SECONDS:-5}"
}

mkdir -p build
started=$SECONDS
for stage in "${stages[@]}"; do
  echo "== $stage"
  from=$SECONDS
  "stage_$stage"
  echo "== $stage passed in $((SECONDS - from)) s"
done
echo "tests/run.sh: ${stages[*]} passed in $((SECONDS - started)) s"
