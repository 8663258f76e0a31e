#!/usr/bin/env bash
# docs/configuration.md lists the settings that the code reads. After a change: settings_test.sh
# PRINT_SETTINGS --update.
set -euo pipefail
print=${1:?usage: settings_test.sh PRINT_SETTINGS [--update]}
page=$(cd "$(dirname "$0")/../.." && pwd)/docs/configuration.md
table=$("$print")
wanted=$(awk -v table="$table" '
  /<!-- settings:begin -->/ { print; print table; skip = 1; next }
  /<!-- settings:end -->/ { skip = 0 }
  !skip' "$page")
if [ "${2:-}" = --update ]; then
  printf '%s\n' "$wanted" >"$page"
  exit 0
fi
diff -u "$page" <(printf '%s\n' "$wanted") && echo "settings: the page says what the code reads"
