# What tests/run is made of: installing what is missing, running a suite, counting.
# Sourced, never run. Each function that installs something is quick when it is there already.

PACKAGES=(build-essential pkg-config git curl python3 python3-venv postgresql qemu-utils mmdebstrap
  e2fsprogs fdisk gdisk dosfstools mtools xfsprogs btrfs-progs lvm2 grub-pc-bin grub-efi-amd64-bin
  zstd xz-utils cpio lz4 util-linux packer qemu-system-x86 ovmf libnbd-bin)
PYTHON_PACKAGES=(python-openstackclient==10.5.0 python-glanceclient==4.13.0 openstacksdk==4.22.0
  tempest==47.0.0 glance-tempest-plugin==0.17.0 pytest==9.2.0 'moto[s3,server]==5.2.5'
  alibabacloud_ecs20140526==7.11.8 alibabacloud_sts20150401==1.2.0 alibabacloud_ram20150501==1.3.0
  alibabacloud_resourcemanager20200331==2.6.2
  aliyun-python-sdk-core==2.16.1 aliyun-python-sdk-ecs==4.24.83 huaweicloudsdkims==3.1.219
  spdx-tools==0.8.5 'cyclonedx-python-lib[json-validation]==11.12.0' packageurl-python==0.17.6)
# On their own: the newest otcextensions wants an openstacksdk older than the one above.
OTC_PACKAGES=(otcextensions==0.34.8 openstacksdk==4.4.0)

say() { printf '\n== %s\n' "$*"; }

# Debian packages.
install_packages() {
  local missing=() package
  for package in "${PACKAGES[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  # Node may have come from elsewhere than Debian, and then brings npm along.
  command -v npm >/dev/null || missing+=(nodejs npm)
  [ ${#missing[@]} -eq 0 ] && return
  say "installing ${missing[*]}"
  [ "$(id -u)" = 0 ] || { echo "run as root once, or: apt-get install ${missing[*]}" >&2; return 1; }
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# The toolchain is the one thing that is not installed for you.
need_rust() {
  command -v cargo >/dev/null || PATH=$HOME/.cargo/bin:$PATH
  command -v cargo >/dev/null || { echo "no cargo: install Rust with https://rustup.rs first" >&2; return 1; }
}

# cargo subcommands, compiled from the registry when they are missing.
install_cargo_tools() {
  local tool
  for tool in cargo-nextest cargo-deny cargo-machete; do
    command -v "$tool" >/dev/null && continue
    say "compiling $tool"
    # Its own target directory: the project's lints and profiles do not concern it.
    cargo install --locked --quiet "$tool" || return 1
  done
}

# The clients under test, in virtual environments outside the tree.
install_clients() {
  install_python clients "$CACHE/venv" "${PYTHON_PACKAGES[@]}" || return 1
  PATH=$CACHE/venv/bin:$PATH
}

install_otc_clients() {
  export IMPRINT_TEST_OTC=$CACHE/venv-otc
  install_python "clients of Open Telekom Cloud" "$IMPRINT_TEST_OTC" "${OTC_PACKAGES[@]}"
}

install_python() { # what, venv, packages...
  local what=$1 venv=$2 stamp
  shift 2
  stamp=$(printf '%s ' "$@")
  [ "$(cat "$venv/stamp" 2>/dev/null)" = "$stamp" ] && return
  say "installing the $what into $venv"
  rm -rf "$venv"
  python3 -m venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check "$@" || return 1
  printf %s "$stamp" > "$venv/stamp"
}

# The client for Node, in a folder outside the tree, exactly as the lock file says.
install_node_clients() {
  local folder=$CACHE/ecs_node lock=$TESTS/clients/ecs_node/package-lock.json
  export IMPRINT_TEST_NODE=$folder
  cmp -s "$lock" "$folder/stamp" && return
  say "installing the client for Node into $folder"
  rm -rf "$folder"
  mkdir -p "$folder"
  cp "$TESTS/clients/ecs_node/package.json" "$lock" "$folder"
  (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || return 1
  cp "$lock" "$folder/stamp"
}

# Runs one step, keeps its output for the count, and goes on whatever comes of it.
step() { # name, command...
  local name=$1 start=$SECONDS status=0
  shift
  say "$name"
  "$@" 2>&1 | tee "$LOGS/step-$name.log" || status=${PIPESTATUS[0]}
  STEPS+=("$name $status $((SECONDS - start))")
  [ "$status" = 0 ] || FAILED=1
}

# One command in the server's stack (see tests/harness/stack.py).
in_stack() { (cd "$TESTS" && python3 -m harness.stack "$@"); }

# What every step counted, added up; the last line is the plain one.
summary() {
  say "summary"
  local line name status seconds
  for line in "${STEPS[@]}"; do
    read -r name status seconds <<<"$line"
    printf '%-22s %s  %5d s\n' "$name" "$([ "$status" = 0 ] && echo ok || echo "FAILED ($status)")" "$seconds"
  done
  python3 "$TESTS/tally.py" "$LOGS" "${STEPS[@]}"
}
