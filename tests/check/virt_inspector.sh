#!/bin/bash
# Compares the image check with libguestfs' virt-inspector: system, version, architecture, host name, root's packages.
# Run by hand, not by CI: virt-inspector starts a machine for each image (minutes without KVM).
#
#   tests/check/virt_inspector.sh IMPRINT IMAGE...
#
# IMPRINT is the program to test. VIRT_INSPECTOR may hold another command than virt-inspector (one that runs it elsewhere;
# it is called with -a IMAGE). Prints a line for each image and ends with 1 when one differs.
set -euo pipefail
imprint=$1
shift
inspector=${VIRT_INSPECTOR:-virt-inspector}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
for image in "$@"; do
    "$imprint" --output json disk inspect "$image" >"$work/ours.json"
    LIBGUESTFS_BACKEND=${LIBGUESTFS_BACKEND:-direct} $inspector -a "$image" >"$work/theirs.xml"
    python3 "$(dirname "$0")/compare.py" "$(basename "$image")" "$work/ours.json" "$work/theirs.xml" || failed=1
done
exit "$failed"
