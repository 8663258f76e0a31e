#!/usr/bin/env bash
# The layering law of docs/architecture.md: what each module may include, and which single module may
# use hiredis, libpq and libmicrohttpd.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "$0")/../.."

# module -> modules below it (itself is always allowed)
declare -A below=(
  [base]=""
  [metrics]="base"
  [value]="base metrics"
  [cache]="base metrics value"
  [db]="base metrics value"
  [assets]="base metrics value"
  [query]="base metrics value cache db"
  [ssr]="base metrics value cache"
  [frontend]="base metrics value assets"
  [http]="base metrics value cache db assets query ssr frontend"
  [monitor]="base metrics value cache db assets query ssr frontend http"
  [admin]="base metrics value cache db assets query ssr frontend http monitor"
)
# public header -> module
declare -A owner=([export]=base [version]=base [base]=base [metrics]=metrics [value]=value [cache]=cache
  [db]=db [assets]=assets [query_cache]=query [ssr]=ssr [frontend]=frontend [http]=http [wrap]=http
  [monitor]=monitor [admin]=admin [adapters/microhttpd]=http
  [adapters/microhttpd_wrapped]=http)

failed=0
complain() { echo "layering: $*" >&2; failed=1; }
allowed() { [ "$1" = "$2" ] || [[ " ${below[$1]} " == *" $2 "* ]]; }

includes() { sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]\([^>"]*\)[>"].*/\1/p' "$1"; }

check_file() { # file, module
  local file=$1 module=$2 name target
  while IFS= read -r name; do
    case $name in
      perfopt/*)
        target=${name#perfopt/}
        target=${owner[${target%.h}]:-}
        [ -n "$target" ] || { complain "$file includes $name, which no module below the top owns"; continue; }
        ;;
      */*)
        target=${name%%/*}
        [ -n "${below[$target]+x}" ] || continue
        ;;
      *) continue ;;
    esac
    allowed "$module" "$target" || complain "$file ($module) includes $name ($target)"
  done < <(includes "$file")
}

for module in "${!below[@]}"; do
  [ -d "src/$module" ] || { complain "src/$module is missing"; continue; }
  while IFS= read -r file; do check_file "$file" "$module"; done < <(find "src/$module" -name '*.[ch]')
done
for header in include/perfopt/*.h include/perfopt/adapters/*.h; do
  name=${header#include/perfopt/}
  module=${owner[${name%.h}]:-}
  [ "$name" = perfopt.h ] && continue
  [ -n "$module" ] || { complain "$header belongs to no module"; continue; }
  check_file "$header" "$module"
done

only() { # library header pattern, allowed path pattern
  local hits
  hits=$(grep -rlE "#[[:space:]]*include[[:space:]]*[<\"]($1)" src include | grep -vE "$2" || true)
  [ -z "$hits" ] || complain "only $2 may include $1, but so do: $hits"
}
only 'hiredis' '^src/cache/redis/'
only 'libpq|postgresql/' '^src/db/'
only 'microhttpd' '^(src/admin/|include/perfopt/adapters/microhttpd(_wrapped)?\.h)'

[ $failed -eq 0 ] && echo "layering: $(find src -name '*.[ch]' | wc -l) files keep the law"
exit $failed
