#!/usr/bin/env bash
# Builds the real disk images of the test suites from Debian packages, and keeps them in a cache.
#
#   tests/images/build.sh [CACHE_DIR]
#
# Leaves in CACHE_DIR (default ${XDG_CACHE_HOME:-$HOME/.cache}/imprint-test):
#   build-a.qcow2   one build of a Debian 12 root disk, several hundred MB, clusters stored plain
#   build-b.qcow2   the "next build": made again from nothing, with some packages changed
#   cycle.qcow2     what the client suites upload: the bootable deb12-ext4-full of the corpus beside
#                   the project when there is one (zlib clusters), else a compressed copy of build A
# A file that is there already is not built again.  Needs root; uses no loop device for A and B
# (mkfs.ext4 -d fills the file system), the corpus script does.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/imprint-test}
corpus=${IMPRINT_TEST_CORPUS:-$here/../../../shared/corpus}
suite=bookworm
# Present in every build: a plausible cloud guest.
common=systemd-sysv,udev,dbus,kmod,sudo,openssh-server,ca-certificates,locales,initramfs-tools
common+=,linux-image-cloud-amd64,cloud-init,qemu-guest-agent,python3,git,perl,curl
# What sets the two builds apart: as between two nightly builds, some packages come, some go.
only_a=nginx-light,vim-tiny
only_b=apache2-bin,nano,jq,tmux

mkdir -p "$cache"
work=$(mktemp -d "${TMPDIR:-/tmp}/imprint-images.XXXXXX")
trap 'rm -rf "$work"' EXIT

# One build: packages -> root directory -> GPT disk with one ext4 partition -> qcow2.
build() { # name, extra packages
  local name=$1 extra=$2 root="$work/$1" raw="$work/$1.raw" start=$SECONDS
  [ -s "$cache/$name.qcow2" ] && { echo "images: $name is cached"; return; }
  mmdebstrap --quiet --mode=root --variant=minbase --include="$common,$extra" \
    "$suite" "$root" </dev/null
  printf '%s\n' "$name" > "$root/etc/hostname"
  : > "$root/etc/machine-id"
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
  truncate -s 2G "$raw"
  printf 'label: gpt\nstart=2048, type=linux, name=root\n' | sfdisk --quiet --no-reread --no-tell-kernel "$raw"
  # 1 MiB in front for the partition table, 1 MiB behind for its copy.
  mkfs.ext4 -q -F -L root -d "$root" -E offset=1048576 "$raw" 2046M
  rm -rf "$root"
  qemu-img convert -f raw -O qcow2 "$raw" "$cache/$name.part"
  mv "$cache/$name.part" "$cache/$name.qcow2"
  rm -f "$raw"
  echo "images: $name built in $((SECONDS - start)) s, $(stat -c %s "$cache/$name.qcow2") bytes"
}

# The image of the client suites.
cycle() {
  local start=$SECONDS made
  [ -s "$cache/cycle.qcow2" ] && { echo "images: cycle is cached"; return; }
  if [ -r "$corpus/build-images.sh" ] && losetup -f >/dev/null 2>&1 &&
    WORK="$work/corpus" bash "$corpus/build-images.sh" "$work/out" deb12-ext4-full >"$work/corpus.log" 2>&1; then
    made="$work/out/deb12-ext4-full.qcow2"
  else
    [ -s "$work/corpus.log" ] && { echo "images: the corpus script failed:"; tail -n 5 "$work/corpus.log"; }
    made="$work/cycle.qcow2"
    qemu-img convert -c -W -m 4 -f qcow2 -O qcow2 "$cache/build-a.qcow2" "$made"
  fi
  cp "$made" "$cache/cycle.part"
  mv "$cache/cycle.part" "$cache/cycle.qcow2"
  echo "images: cycle ($(basename "$made")) made in $((SECONDS - start)) s, $(stat -c %s "$cache/cycle.qcow2") bytes"
}

build build-a "$only_a"
build build-b "$only_b"
cycle
