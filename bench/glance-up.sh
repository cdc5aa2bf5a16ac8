#!/usr/bin/env bash
# Installs and starts the service Imprint is measured against: Glance and Keystone
# from PyPI under uWSGI, on PostgreSQL and memcached of their own, all on loopback.
#
#   bench/glance-up.sh [--dir DIR] [--port PORT] [--only glance]
#
# DIR (default target/bench/glance) keeps everything but the database cluster, which
# lies under /var/tmp because the server's user must be able to walk to it.
# PORT (default 19292) is Glance's; Keystone, PostgreSQL and memcached take the next three.
# Running it again is cheap: what is installed is kept and what runs is left running.
# `--only glance` starts nothing but Glance, for the measurement of its start-up.
#
# The last lines on stdout, also kept in DIR/peer.env, say how to reach it.
set -euo pipefail

GLANCE=33.0.0
KEYSTONE=30.0.0

here=$(cd "$(dirname "$0")" && pwd -P)
dir=$here/../target/bench/glance
port=19292
only=
while [ $# -gt 0 ]; do
  case $1 in
    --dir) dir=$2; shift 2 ;;
    --port) port=$2; shift 2 ;;
    --only) only=$2; shift 2 ;;
    *) echo "unknown option $1" >&2; exit 2 ;;
  esac
done
mkdir -p "$dir"/{conf,log,run,images,staging,tasks,done}
dir=$(cd "$dir" && pwd -P)
chmod 700 "$dir/conf"

keystone_port=$((port + 1)) pg_port=$((port + 2)) memcached_port=$((port + 3))
pg_dir=/var/tmp/imprint-bench-pg-$(printf %s "$dir" | cksum | cut -d' ' -f1)
bin=$dir/venv/bin

note() { echo "glance-up: $*" >&2; }
fail() { note "$*"; exit 1; }

# first STAMP: true until `finished STAMP` has been called for this DIR.
first() { [ ! -e "$dir/done/$1" ]; }
finished() { touch "$dir/done/$1"; }

# running NAME: its recorded process lives and is no other that got the same id since.
running() {
  local pid
  pid=$(head -n1 "$dir/run/$1.pid" 2>/dev/null) && [ -n "$pid" ] &&
    grep -qs -e pyuwsgi -e memcached "/proc/$pid/cmdline"
}

# answers NAME URL: waits until NAME, started as process $child, speaks HTTP.
answers() {
  local try
  for ((try = 0; try < 1200; try++)); do
    curl -s -o "$dir/run/probe" --max-time 2 "$2" && return 0
    kill -0 "$child" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 20 "$dir/log/$1.log" >&2
  fail "$1 does not answer at $2"
}

free_port() {
  if (: <"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then fail "port $2, wanted for $1, is taken: choose another with --port"; fi
}

# --- packages ---------------------------------------------------------------

pg_tool() { ls -d /usr/lib/postgresql/*/bin/"$1" 2>/dev/null | sort -V | tail -n1; }

packages() {
  local missing=()
  [ -n "$(pg_tool initdb)" ] || missing+=(postgresql)
  command -v memcached >/dev/null || missing+=(memcached)
  command -v curl >/dev/null || missing+=(curl ca-certificates)
  python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
  if [ ${#missing[@]} -gt 0 ]; then
    note "apt-get install ${missing[*]}"
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
      >"$dir/log/apt.log" 2>&1 || fail "apt-get failed: see $dir/log/apt.log"
  fi
  if first "venv-$GLANCE-$KEYSTONE"; then
    note "pip install glance $GLANCE, keystone $KEYSTONE (some minutes)"
    python3 -m venv "$dir/venv"
    "$bin/pip" install --quiet "glance==$GLANCE" "keystone==$KEYSTONE" psycopg2-binary pymemcache python-memcached pyuwsgi \
      >"$dir/log/pip.log" 2>&1 || fail "pip failed: see $dir/log/pip.log"
    finished "venv-$GLANCE-$KEYSTONE"
  fi
}

# Made once, used by the services and by whoever reads peer.env; a lost cluster makes all stages run again.
secret() {
  [ -s "$dir/conf/secret" ] || (umask 077; od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$dir/conf/secret")
  secret=$(cat "$dir/conf/secret")
}

# --- PostgreSQL and memcached -----------------------------------------------

# PostgreSQL refuses to run as root.
as_pg() { if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi; }
dsn() { echo "postgresql://bench:$secret@127.0.0.1:$pg_port/$1"; }

postgres() {
  if [ ! -s "$pg_dir/PG_VERSION" ]; then
    note "initdb in $pg_dir"
    rm -f "$dir"/done/{databases,keystone,glance}
    mkdir -p "$pg_dir"
    if [ "$(id -u)" = 0 ]; then chown postgres "$pg_dir"; fi
    chmod 700 "$pg_dir"
    local password
    password=$(mktemp)
    echo "$secret" >"$password"
    if [ "$(id -u)" = 0 ]; then chown postgres "$password"; fi
    as_pg "$(pg_tool initdb)" -D "$pg_dir" -U bench -A scram-sha-256 -E UTF8 --locale=C.UTF-8 --pwfile="$password" \
      >"$dir/log/initdb.log" 2>&1 || fail "initdb failed: see $dir/log/initdb.log"
    rm -f "$password"
    cat >>"$pg_dir/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $pg_port
unix_socket_directories = ''
max_connections = 200
shared_buffers = 512MB
effective_cache_size = 2GB
work_mem = 16MB
maintenance_work_mem = 256MB
wal_compression = on
checkpoint_timeout = 15min
max_wal_size = 2GB
random_page_cost = 1.1
CONF
  fi
  if ! as_pg "$(pg_tool pg_ctl)" -D "$pg_dir" status >/dev/null 2>&1; then
    free_port PostgreSQL "$pg_port"
    note "PostgreSQL on $pg_port"
    as_pg "$(pg_tool pg_ctl)" -D "$pg_dir" -l "$pg_dir/server.log" -w start >/dev/null || fail "see $pg_dir/server.log"
  fi
  head -n1 "$pg_dir/postmaster.pid" >"$dir/run/postgres.pid"
  if first databases; then
    psql -qX "$(dsn postgres)" -c 'create database keystone' -c 'create database glance'
    finished databases
  fi
}

memcached_() {
  running memcached && return
  free_port memcached "$memcached_port"
  note "memcached on $memcached_port"
  local user=()
  [ "$(id -u)" != 0 ] || user=(-u nobody)
  setsid memcached "${user[@]}" -l 127.0.0.1 -p "$memcached_port" -U 0 -m 128 >"$dir/log/memcached.log" 2>&1 </dev/null &
  echo $! >"$dir/run/memcached.pid"
}

# --- Keystone and Glance ----------------------------------------------------

# serve NAME MODULE PORT PROCESSES THREADS: one uWSGI master whose workers speak HTTP themselves.
# uWSGI's separate HTTP router costs more CPU per byte; without it a connection
# carries one request, which the added header tells the client.
serve() {
  free_port "$1" "$3"
  note "$1 on $3"
  cat >"$dir/conf/$1.ini" <<CONF
[uwsgi]
module = $2:application
http-socket = 127.0.0.1:$3
processes = $4
threads = $5
master = true
enable-threads = true
lazy-apps = true
thunder-lock = true
need-app = true
die-on-term = true
disable-logging = true
listen = 128
buffer-size = 65535
http-raw-body = true
http-chunked-input = true
http-auto-chunked = true
http-timeout = 3600
socket-timeout = 3600
add-header = Connection: close
pidfile = $dir/run/$1.pid
CONF
  OS_KEYSTONE_CONFIG_DIR=$dir/conf/keystone OS_GLANCE_CONFIG_DIR=$dir/conf/glance \
    setsid "$bin/pyuwsgi" --ini "$dir/conf/$1.ini" >>"$dir/log/$1.log" 2>&1 </dev/null &
  child=$!
}

keystone() {
  running keystone && return
  if first keystone; then
    note "Keystone's database and administrator"
    mkdir -p "$dir"/conf/keystone/{fernet,credential}
    chmod 700 "$dir"/conf/keystone/{fernet,credential}
    cat >"$dir/conf/keystone/keystone.conf" <<CONF
[DEFAULT]
log_file = $dir/log/keystone-api.log
[database]
connection = postgresql+psycopg2://bench:$secret@127.0.0.1:$pg_port/keystone
[token]
provider = fernet
expiration = 86400
[fernet_tokens]
key_repository = $dir/conf/keystone/fernet
[fernet_receipts]
key_repository = $dir/conf/keystone/fernet
[credential]
key_repository = $dir/conf/keystone/credential
[cache]
enabled = true
backend = dogpile.cache.pymemcache
memcache_servers = 127.0.0.1:$memcached_port
[oslo_policy]
enforce_scope = true
enforce_new_defaults = true
CONF
    local manage=("$bin/keystone-manage" --config-file "$dir/conf/keystone/keystone.conf")
    local owner=(--keystone-user "$(id -un)" --keystone-group "$(id -gn)")
    local url=http://127.0.0.1:$keystone_port/v3
    {
      "${manage[@]}" db_sync
      "${manage[@]}" fernet_setup "${owner[@]}"
      "${manage[@]}" credential_setup "${owner[@]}"
      "${manage[@]}" bootstrap --bootstrap-password "$secret" --bootstrap-region-id local \
        --bootstrap-public-url "$url" --bootstrap-internal-url "$url" --bootstrap-admin-url "$url"
    } >"$dir/log/keystone-setup.log" 2>&1 || fail "Keystone's set-up failed: see $dir/log/keystone-setup.log"
    finished keystone
  fi
  serve keystone keystone.wsgi.api "$keystone_port" 2 2
  answers keystone "http://127.0.0.1:$keystone_port/v3"
}

# The policy file is empty but there: without one it is searched anew at every check.
# 1 MiB chunks instead of 64 KiB about halve the CPU of a download.
glance() {
  running glance && return
  if first glance; then
    note "Glance's database and configuration"
    mkdir -p "$dir/conf/glance"
    cp "$dir/venv/etc/glance/glance-api-paste.ini" "$dir/conf/glance/"
    echo '{}' >"$dir/conf/glance/policy.yaml"
    cat >"$dir/conf/glance/glance-api.conf" <<CONF
[DEFAULT]
log_file = $dir/log/glance-api.log
enabled_backends = local:file
worker_self_reference_url = http://127.0.0.1:$port
[database]
connection = postgresql+psycopg2://bench:$secret@127.0.0.1:$pg_port/glance
max_pool_size = 10
max_overflow = 20
[glance_store]
default_backend = local
[local]
filesystem_store_datadir = $dir/images
filesystem_store_chunk_size = 1048576
[os_glance_staging_store]
filesystem_store_datadir = $dir/staging
[os_glance_tasks_store]
filesystem_store_datadir = $dir/tasks
[keystone_authtoken]
www_authenticate_uri = http://127.0.0.1:$keystone_port
auth_url = http://127.0.0.1:$keystone_port
auth_type = password
username = admin
password = $secret
project_name = admin
user_domain_id = default
project_domain_id = default
memcached_servers = 127.0.0.1:$memcached_port
token_cache_time = 300
[paste_deploy]
flavor = keystone
config_file = $dir/conf/glance/glance-api-paste.ini
[oslo_policy]
enforce_scope = true
enforce_new_defaults = true
policy_file = $dir/conf/glance/policy.yaml
[oslo_concurrency]
lock_path = $dir/run
[image_import_opts]
image_import_plugins = []
CONF
    local manage=("$bin/glance-manage" --config-file "$dir/conf/glance/glance-api.conf")
    "${manage[@]}" db_sync >"$dir/log/glance-setup.log" 2>&1 || fail "Glance's set-up failed: see $dir/log/glance-setup.log"
    finished glance
  fi
  serve glance glance.wsgi.api "$port" 2 4
  [ -n "$only" ] || answers glance "http://127.0.0.1:$port/healthcheck"
}

secret
if [ "$only" = glance ]; then
  glance
  exit 0
fi
packages
postgres
memcached_
keystone
glance

(umask 077; cat >"$dir/peer.env" <<CONF
url=http://127.0.0.1:$port
auth_url=http://127.0.0.1:$keystone_port/v3
password=$secret
user=admin
project=admin
domain=default
database=$(dsn glance)
store=$dir/images
version=Glance $GLANCE, Keystone $KEYSTONE, PostgreSQL $("$(pg_tool postgres)" --version | cut -d' ' -f3), uWSGI 2 processes x 4 threads
CONF
)
cat "$dir/peer.env"
