#!/usr/bin/env bash
# Stops what bench/glance-up.sh started, each by its own process id.
#
#   bench/glance-down.sh [--dir DIR] [--only glance] [--purge]
#
# --purge also removes the database cluster, the images and the configuration; the
# installed packages stay, so that the next start is quick.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd -P)
dir=$here/../target/bench/glance
only=
purge=
while [ $# -gt 0 ]; do
  case $1 in
    --dir) dir=$2; shift 2 ;;
    --only) only=$2; shift 2 ;;
    --purge) purge=yes; shift ;;
    *) echo "unknown option $1" >&2; exit 2 ;;
  esac
done
[ -d "$dir" ] || exit 0
dir=$(cd "$dir" && pwd -P)

# stop NAME SIGNAL
stop() {
  local pid try
  pid=$(head -n1 "$dir/run/$1.pid" 2>/dev/null || true)
  # an id that went to another program since is none of ours
  if [ -n "$pid" ] && grep -qs -e pyuwsgi -e memcached -e postgres "/proc/$pid/cmdline"; then
    kill -s "$2" "$pid"
    for ((try = 0; try < 600; try++)); do kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
    if kill -0 "$pid" 2>/dev/null; then echo "glance-down: $1 (process $pid) does not stop" >&2; exit 1; fi
  fi
  rm -f "$dir/run/$1.pid"
}

stop glance TERM
[ "$only" != glance ] || exit 0
stop keystone TERM
stop memcached TERM
stop postgres INT # PostgreSQL's fast shutdown

if [ -n "$purge" ]; then
  rm -rf "/var/tmp/imprint-bench-pg-$(printf %s "$dir" | cksum | cut -d' ' -f1)"
  rm -rf "$dir"/{conf,log,run,images,staging,tasks,peer.env} "$dir"/done/{databases,keystone,glance}
fi
