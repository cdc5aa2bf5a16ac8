#!/usr/bin/env bash
# Tempest's image tests, with dynamic credentials, against the running server that OS_* names.
#
#   tests/tempest/run.sh [core|listing|plugin] [REGEX]
#
#   core     tempest.api.image.v2; every id of expected.txt must pass
#   listing  the tests that need a server with IMPRINT_CHECK_FORMAT_MATCH=false: expected-listing.txt
#   plugin   core and glance_tempest_plugin together, judged as core; shows how far the rest is
#
# Needs tempest (and the plugin) in PATH, and in IMPRINT_TEST_WEB_PORT the loopback port that the
# server may fetch from: a web server with two small images is started there.
# tests/run starts all of it; by hand:
#   cd tests && python3 -m harness.stack --serve --set IMPRINT_IMPORT_ALLOWED_HOSTS=127.0.0.1 \
#     --set IMPRINT_IMPORT_ALLOWED_PORTS=80,443,8123 -- env IMPRINT_TEST_WEB_PORT=8123 tempest/run.sh
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
kind=${1:-core}
expected=$here/expected.txt enforcement=true
case $kind in
  core) regex='^tempest\.api\.image\.v2\.' ;;
  listing) regex='^tempest\.api\.image\.v2\.test_images\.List' enforcement=false expected=$here/expected-listing.txt ;;
  plugin) regex='^(tempest\.api\.image\.v2|glance_tempest_plugin)\.' ;;
  *) echo "tempest: no such kind: $kind" >&2; exit 2 ;;
esac
regex=${2:-$regex}

work=$(mktemp -d "${TMPDIR:-/tmp}/imprint-tempest.XXXXXX")
web=
finish() {
  [ -z "$web" ] || kill "$web" 2>/dev/null || true
  if [ -n "${IMPRINT_TEST_LOGS:-}" ]; then
    cp "$work/run.log" "$IMPRINT_TEST_LOGS/tempest-$kind.log" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT

mkdir -p "$work/lock" "$work/web"
head -c 262144 /dev/urandom > "$work/web/raw.img"
qemu-img create -q -f qcow2 "$work/web/disk.qcow2" 1M
python3 -m http.server --bind 127.0.0.1 --directory "$work/web" "${IMPRINT_TEST_WEB_PORT:?}" >"$work/web.log" 2>&1 &
web=$!

sed -e "s|@WORK@|$work|; s|@AUTH_URL@|$OS_AUTH_URL|; s|@PASSWORD@|$OS_PASSWORD|; s|@REGION@|$OS_REGION_NAME|" \
  -e "s|@WEB@|http://127.0.0.1:$IMPRINT_TEST_WEB_PORT|; s|@FORMAT_ENFORCEMENT@|$enforcement|" \
  "$here/tempest.conf.in" > "$work/tempest.conf"
cd "$work"
tempest init --workspace-path "$work/workspaces.yaml" --name imprint "$work/ws" >"$work/init.log" 2>&1
cp "$work/tempest.conf" "$work/ws/etc/tempest.conf"
cd "$work/ws"
start=$SECONDS
# Its exit status says whether anything failed at all; the verdict asks whether what must pass did.
tempest run --workspace-path "$work/workspaces.yaml" --workspace imprint \
  --config-file "$work/ws/etc/tempest.conf" --regex "$regex" --concurrency 2 >"$work/run.log" 2>&1 || true
echo "tempest: $kind ran for $((SECONDS - start)) s"
python3 "$here/verdict.py" "$work/run.log" "$expected" || {
  sed -n '/^Captured traceback/,/^$/p' "$work/run.log" | tail -n 120
  tail -n 30 "$work/run.log"
  exit 1
}
