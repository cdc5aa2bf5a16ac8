"""Twenty machines start at once from one image: each chunk of it leaves the store once.

Twenty times Linux is more than two emulated processors are for (`bench/compute.py --many` does it).  The guest here is
its boot sector, reader.S: it reads its whole disk through the firmware, and says so on the serial line.
"""

import os
import subprocess

from disk import shapes
from guest import TYPE, Cloud, Guest, until

MACHINES = 20
DISK_BYTES = 32 * shapes.MIB
SECTOR_BYTES = 512
BOOT_SECS_MAX = 240


def disk(path):
    """A disk of noise behind a boot sector that reads it."""
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "reader.S")
    sectors = DISK_BYTES // SECTOR_BYTES
    subprocess.run(["as", "--32", f"--defsym=SECTORS={sectors}", "-o", f"{path}.o", source], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext=0x7c00", "--oformat=binary", "-o", f"{path}.boot", f"{path}.o"],
                   check=True)
    with open(f"{path}.boot", "rb") as file:
        boot = file.read()
    assert len(boot) == SECTOR_BYTES
    shapes.write(path, DISK_BYTES, [(0, boot + shapes.noise(DISK_BYTES - SECTOR_BYTES))])
    return path


def test_twenty_machines_read_each_chunk_from_the_store_once(another, tmp_path):
    server = another(machine_memory_mib_max=64)
    cloud = Cloud(server).with_image(disk(tmp_path / "disk"), "raw")
    read = server.figure("imprint_nbd_read_bytes")
    made = cloud.sdk("RunInstances", ImageId=cloud.image, InstanceType=TYPE, Amount=MACHINES)
    guests = [Guest(cloud, each) for each in made["InstanceIdSets"]["InstanceIdSet"]]
    assert len(guests) == MACHINES
    until(lambda: all(guest.qemu() for guest in guests), "twenty processes")
    for guest in guests:
        until(lambda: "READ TO THE END" in guest.console(), f"{guest.id} has read its disk", BOOT_SECS_MAX)
    # also what the firmware reads before the boot sector does is remembered
    assert server.figure("imprint_nbd_read_bytes") - read == DISK_BYTES
    assert server.figure("imprint_nbd_chunks_remembered") >= (MACHINES - 1) * server.figure("imprint_nbd_chunks_read")
