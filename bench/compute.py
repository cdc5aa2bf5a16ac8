#!/usr/bin/env python3
"""What snapshots of running machines cost, and images made of them; writes docs/benchmarks-compute.md.

    PATH=$CACHE/venv/bin:$PATH bench/compute.py [--quick] [--page FILE]
    PATH=$CACHE/venv/bin:$PATH bench/compute.py --many 20       machines that boot at once from one image; writes nothing

Needs what tests/compute needs: `tests/images/guest.sh`, QEMU, a release build, and room for the disks it fills:
4 GiB, and 10 GiB of image (--quick: a hundredth of both, and leaves docs/ alone).  Guests are emulated, so that every machine measures the same.
"""

import argparse
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
for folder in ("tests/clients", "tests/compute", "tests"):
    sys.path.insert(0, os.path.join(ROOT, folder))

from guest import TYPE, Cloud, Guest, qemu_of, until  # noqa: E402
from harness.imprint import Imprint  # noqa: E402

MIB, GIB = 1 << 20, 1 << 30
HEAD = """# Benchmarks: machines

What a snapshot of a running machine's disk costs, and an image made of a snapshot.

## Reading the numbers

- A snapshot's bytes are those that were read from the disk: what was written since the snapshot before, or since the
  disk's base. Its time is from the request until it is complete, as a client sees it that asks every 20 ms.
- The disk is of 20 GiB; what is written to it is random, so nothing of it compresses or is there already.
- An image made of a finished snapshot names the same bytes: its cost must not depend on their number. Its time is from
  the request until DescribeImages shows it as Available; the request's own time is beside it.

"""


def parsed():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--repeats", type=int, default=500, help="images made of each snapshot")
    parser.add_argument("--many", type=int, help="boot so many machines at once, instead")
    parser.add_argument("--page", default=os.path.join(ROOT, "docs", "benchmarks-compute.md"))
    return parser.parse_args()


def snapshot(cloud, disk):
    """(id, seconds, bytes read) of a snapshot."""
    began = time.monotonic()
    taken = cloud.sdk("CreateSnapshot", DiskId=disk)["SnapshotId"]
    until(lambda: cloud.snapshot(taken)["Status"] != "progressing", "the snapshot", 3600, 0.02)
    seconds = time.monotonic() - began
    shown = cloud.bytes_of(taken)
    assert shown["status"] == "accomplished", shown
    return taken, seconds, shown["total_bytes"] or 0


def changed_disk(cloud, first_mib, next_mib):
    """Rows of the first snapshot of a disk, of the next after a change, and of one after none."""
    disk = {"Category": "cloud_efficiency", "Size": 20}
    guest = Guest.run(cloud, cloud.image, DataDisk=[disk]).ready()
    (data,) = guest.disks("data")
    device = guest.device(data)
    def write(mib, seek):
        # in parts: no word to a guest may take longer than a test waits for it
        for at in range(0, mib, 512):
            guest.sh(f"dd if=/dev/urandom of={device} bs=1M count={min(512, mib - at)} seek={seek + at} "
                     "conv=notrunc,fsync 2>/dev/null")
    write(first_mib, 0)
    rows = [(f"first snapshot, {first_mib} MiB written", *snapshot(cloud, data)[1:])]
    for number in range(3):
        write(next_mib // 3, number * (first_mib // 3))
    rows.append((f"next snapshot, {next_mib} MiB of these changed", *snapshot(cloud, data)[1:]))
    rows.append(("next snapshot, nothing changed", *snapshot(cloud, data)[1:]))
    guest.delete()
    return rows


def images_of(cloud, repeats, **source):
    """Milliseconds of each CreateImage: until it answered, and until the image is there."""
    answered, there = [], []
    for _ in range(repeats):
        began = time.monotonic()
        made = cloud.sdk("CreateImage", **source)["ImageId"]
        answered.append((time.monotonic() - began) * 1000)
        until(lambda: cloud.images(ImageId=made)[0]["Status"] == "Available", "the image", 600, 0.005)
        there.append((time.monotonic() - began) * 1000)
        cloud.sdk("DeleteImage", ImageId=made)
    return answered, there


def stopped_machine(cloud, image):
    """A machine that never ran, and its system disk."""
    made = cloud.sdk("CreateInstance", ImageId=image, InstanceType=TYPE)["InstanceId"]
    (disk,) = Guest(cloud, made).disks()
    return made, disk


def full_image(cloud, size):
    """An image of that many random bytes."""
    made = cloud.api.create(name=f"full-{size}", min_disk=1)
    block = random.Random(size).randbytes(64 * MIB)
    def content():
        left, number = size, 0
        while left:
            # each block is another one, so that all of it is kept
            yield number.to_bytes(8, "big") + block[8:][:min(left, len(block)) - 8]
            left, number = left - min(left, len(block)), number + 1
    cloud.api.timeout = 3600
    answer = cloud.api.call("PUT", f"/v2/images/{made['id']}/file", raw=content(),
                            headers={"Content-Length": str(size)})
    answer.expect(204)
    return until(lambda: cloud.images(ImageName=f"full-{size}"), "the image")[0]["ImageId"]


def finished_snapshots(cloud, size):
    """What images are made of: a snapshot of a disk full of data, and one of an empty disk of 10 TiB beside it."""
    machine, system = stopped_machine(cloud, full_image(cloud, size))
    full = cloud.accomplished(cloud.sdk("CreateSnapshot", DiskId=system)["SnapshotId"])["SnapshotId"]
    zone = cloud.sdk("DescribeZones")["Zones"]["Zone"][0]["ZoneId"]
    huge = cloud.sdk("CreateDisk", ZoneId=zone, Size=10 << 10, DiskCategory="cloud_essd")["DiskId"]
    cloud.sdk("AttachDisk", InstanceId=machine, DiskId=huge)
    sparse = cloud.accomplished(cloud.sdk("CreateSnapshot", DiskId=huge)["SnapshotId"])["SnapshotId"]
    return full, sparse


def many(server, cloud, machines):
    """Boots machines at once and tells what that took of the store."""
    began = time.monotonic()
    made = cloud.sdk("RunInstances", ImageId=cloud.image, InstanceType=TYPE, Amount=machines)
    guests = [Guest(cloud, each) for each in made["InstanceIdSets"]["InstanceIdSet"]]
    for guest in guests:
        until(lambda: "GUEST-READY" in guest.console(), f"the shell of {guest.id}", 3600, 2)
    read, again = (server.figure(f"imprint_nbd_chunks_{what}") for what in ("read", "remembered"))
    print(f"{len(guests)} machines have a shell after {time.monotonic() - began:.0f} s; chunks read from the store: {read} "
          f"({server.figure('imprint_nbd_read_bytes') / MIB:.1f} MiB), asked for again: {again}")


def p(values, share):
    """The value that this share of all does not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def page(snapshots, images, options):
    """The page's text."""
    def says(*command):
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    command = "bench/compute.py" + (" --quick" if options.quick else "")
    out = [HEAD, f"- Measured on {says('date', '-u', '+%F')} with `{command}`, Imprint {says('git', 'describe', '--always', '--dirty')}.\n",
           f"- Machine: {os.cpu_count()} cores, Linux {'.'.join(platform.release().split('.')[:2])}, "
           f"machines emulated; load average {os.getloadavg()[0]:.2f} at the end.\n",
           "\n## Snapshots\n\n| work | read, MiB | s |\n|---|--:|--:|\n"]
    out += [f"| {what} | {read / MIB:.1f} | {seconds:.2f} |\n" for what, seconds, read in snapshots]
    out.append(f"\n## Images of finished snapshots, {options.repeats} of each\n\n"
               "| snapshot of | answered, ms: median | p99 | available, ms: median | p99 |\n|---|--:|--:|--:|--:|\n")
    for what, (answered, there) in images:
        out.append(f"| {what} | {statistics.median(answered):.1f} | {p(answered, 0.99):.1f} | "
                   f"{statistics.median(there):.1f} | {p(there, 0.99):.1f} |\n")
    return "".join(out)


def main():
    """Measures, and writes the page."""
    options = parsed()
    share = 100 if options.quick else 1
    options.repeats = min(options.repeats, 5) if options.quick else options.repeats
    cache = os.environ.get("IMPRINT_TEST_IMAGES") or os.path.expanduser("~/.cache/imprint-test")
    with tempfile.TemporaryDirectory(prefix="imprint-bench.") as work:
        server = Imprint(os.path.join(work, "data"), os.path.join(work, "log"),
                         {"IMPRINT_MACHINE_ACCELERATOR": "tcg", "IMPRINT_ECS_API_RATE": "1000000", "IMPRINT_ECS_API_BURST": "1000000",
                          "IMPRINT_ECS_USER_RATE": "1000000", "IMPRINT_ECS_USER_BURST": "1000000",
                          **({"IMPRINT_MACHINE_MEMORY_MIB_MAX": "256"} if options.many else {})}).start()
        try:
            cloud = Cloud(server).with_image(os.path.join(cache, "guest.qcow2"))
            if options.many:
                return many(server, cloud, options.many)
            snapshots = changed_disk(cloud, 4096 // share, 300 // (10 if options.quick else 1))
            size = 10 * GIB // share // MIB * MIB
            full, sparse = finished_snapshots(cloud, size)
            both = [{"SnapshotId": full}, {"SnapshotId": sparse}]
            images = [(f"{size / GIB:g} GiB of data", images_of(cloud, options.repeats, SnapshotId=full)),
                      ("the same, and an empty disk of 10 TiB", images_of(cloud, options.repeats, DiskDeviceMapping=both))]
        finally:
            server.stop()
            for pid in qemu_of(server.data_dir):
                os.kill(pid, 9)
    text = page(snapshots, images, options)
    print(text[len(HEAD):])
    if not options.quick:
        with open(options.page, "w") as file:
            file.write(text)


if __name__ == "__main__":
    main()
