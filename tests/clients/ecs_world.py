"""What an ECS suite starts from: two accounts, and in the first an image, a stopped instance of it, its disk and a
snapshot of that.
"""

import os
import time
import uuid
from dataclasses import dataclass

from conftest import unique
from harness.ecs import new_account

GIB = 1 << 30
DISK_BYTES = 1 << 20
TYPE = "ecs.g7.large"
DONE_SECS_MAX = 60


def uuid_of(ecs_id):
    """What the other APIs call something that ECS calls `i-…` or `d-…`: the same number, written in base 36 there."""
    return str(uuid.UUID(int=int(ecs_id.split("-", 1)[1], 36)))


def until(look, what):
    """The first true thing that `look` finds; what runs in the background has its own time."""
    end = time.monotonic() + DONE_SECS_MAX
    while not (found := look()):
        assert time.monotonic() < end, f"{what}: not within {DONE_SECS_MAX} s"
        time.sleep(0.05)
    return found


def disk_bytes(seed):
    """The bytes of a small disk; another for each seed."""
    return bytes((position * 31 + seed * 7) % 251 for position in range(4096)) * (DISK_BYTES // 4096)


def uploaded(account, name, seed=1, **properties):
    """The UUID of an image of this account's, uploaded through the image API."""
    images = account.images()
    made = images.create(name=name, min_disk=1, **properties)
    images.upload(made["id"], disk_bytes(seed)).expect(204)
    return made["id"]


def available(ecs, image):
    """Waits until an image is there for use; its record."""
    def look():
        found = ecs.image(image)
        assert found, f"{image} is gone"
        assert found["Status"] not in ("CreateFailed", "UnAvailable"), found
        return found["Status"] == "Available" and found
    return until(look, f"image {image}")


def accomplished(ecs, snapshot):
    """Waits until a snapshot is complete; its record."""
    def look():
        found = ecs.ok("DescribeSnapshots", SnapshotIds=f'["{snapshot}"]')["Snapshots"]["Snapshot"]
        return found and found[0]["Status"] == "accomplished" and found[0]
    return until(look, f"snapshot {snapshot}")


@dataclass(frozen=True)
class World:
    """What there is."""

    account: object
    stranger: object
    uuid: str
    image: str
    instance: str
    disk: str
    snapshot: str

    @property
    def ecs(self):
        """Calls of the account's own."""
        return self.account.ecs()

    def made(self, **parameters):
        """A new available image of the snapshot; its id."""
        made = self.ecs.ok("CreateImage", SnapshotId=self.snapshot, **parameters)["ImageId"]
        available(self.ecs, made)
        return made

    def data_snapshot(self, size=20):
        """A snapshot of a new data disk of the instance; its id."""
        disk = self.ecs.ok("CreateDisk", ZoneId=zone(self.ecs), Size=size, DiskCategory="cloud_efficiency")["DiskId"]
        self.ecs.ok("AttachDisk", InstanceId=self.instance, DiskId=disk)
        snapshot = self.ecs.ok("CreateSnapshot", DiskId=disk)["SnapshotId"]
        accomplished(self.ecs, snapshot)
        self.ecs.ok("DetachDisk", InstanceId=self.instance, DiskId=disk)
        self.ecs.ok("DeleteDisk", DiskId=disk)
        return snapshot


def zone(ecs):
    """The first zone of the region."""
    return ecs.ok("DescribeZones")["Zones"]["Zone"][0]["ZoneId"]


def build():
    """Makes the world."""
    account, stranger = new_account(os.environ), new_account(os.environ)
    ecs = account.ecs()
    name = unique("base")
    uuid = uploaded(account, name)
    found = until(lambda: ecs.images(ImageName=name), "the uploaded image")
    image = found[0]["ImageId"]
    instance = ecs.ok("CreateInstance", ImageId=image, InstanceType=TYPE, ZoneId=zone(ecs))["InstanceId"]
    disks = ecs.ok("DescribeDisks", InstanceId=instance, DiskType="system")["Disks"]["Disk"]
    snapshot = ecs.ok("CreateSnapshot", DiskId=disks[0]["DiskId"])["SnapshotId"]
    accomplished(ecs, snapshot)
    return World(account, stranger, uuid, image, instance, disks[0]["DiskId"], snapshot)
