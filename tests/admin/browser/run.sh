#!/bin/sh
# run.sh FOLDER SERVER - the browser tests of the dashboards, with the packages that
# package-lock.json pins installed below FOLDER; screenshots go to FOLDER/screenshots.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
mkdir -p "$folder/screenshots"
cp "$here"/package.json "$here"/package-lock.json "$here"/*.js "$folder"
cd "$folder"
if ! cmp -s package-lock.json node_modules/.installed; then
    "${PERFOPT_NPM:-npm}" ci --ignore-scripts --no-audit --no-fund --loglevel=error
    cp package-lock.json node_modules/.installed
fi
export PERFOPT_ADMIN_SERVER="$2"
export PERFOPT_SCREENSHOTS="$folder/screenshots"
# One file after the other: each starts a browser, a Redis and a PostgreSQL.
status=0
for file in *.test.js; do
    "${PERFOPT_NODE:-node}" --test --test-reporter=spec "$file" || status=1
done
exit $status
