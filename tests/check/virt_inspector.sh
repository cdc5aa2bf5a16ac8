#!/bin/bash
# Compares the image check with libguestfs' virt-inspector: system, version, architecture, host name, root's packages.
# Run by hand, not by CI: virt-inspector starts a machine for each image (minutes without KVM).
#
#   tests/check/virt_inspector.sh IMPRINT IMAGE...
#
# IMPRINT is the program to test. VIRT_INSPECTOR may hold another command than virt-inspector (one that runs it elsewhere;
# it is called with -a IMAGE). Prints a line for each image, whatever comes of it, and how many agreed; ends with 1 when
# one differs, when none agreed, and when virt-inspector could not read more than ALLOW_UNREAD of them (0): what was not
# compared is no agreement. Where it cannot list packages (it mounts everything that the guest's table names for that), it
# is asked for the rest.
set -uo pipefail
imprint=$1
shift
inspector=${VIRT_INSPECTOR:-virt-inspector}
export LIBGUESTFS_BACKEND=${LIBGUESTFS_BACKEND:-direct}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
agreed=0 differed=0 unread=0
for image in "$@"; do
    name=$(basename "$image")
    if ! "$imprint" --output json disk inspect "$image" >"$work/ours.json" 2>"$work/ours.err"; then
        echo "$name: DIFFERS: the check itself failed: $(tail -n 1 "$work/ours.err")"
        differed=$((differed + 1))
    elif ! $inspector -a "$image" >"$work/theirs.xml" 2>"$work/theirs.err" &&
        ! $inspector -a "$image" --no-applications --no-icon >"$work/theirs.xml" 2>>"$work/theirs.err"; then
        echo "$name: virt-inspector ended with an error: $(grep -m 1 'error' "$work/theirs.err" || tail -n 1 "$work/theirs.err")"
        unread=$((unread + 1))
    elif python3 "$(dirname "$0")/compare.py" "$name" "$work/ours.json" "$work/theirs.xml"; then
        agreed=$((agreed + 1))
    else
        differed=$((differed + 1))
    fi
done
echo "virt-inspector: $agreed agreed, $differed differed, $unread not read by it"
[ "$differed" = 0 ] && [ "$agreed" -gt 0 ] && [ "$unread" -le "${ALLOW_UNREAD:-0}" ]
