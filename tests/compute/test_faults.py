"""What may go wrong while a disk is read: its machine dies, Imprint dies, somebody deletes what is being read."""

import pytest
from guest import Guest, until

MIB_WRITTEN = 96


@pytest.fixture(scope="module")
def busy(cloud):
    """A machine whose data disk takes a while to be read."""
    disk = {"Category": "cloud_essd", "PerformanceLevel": "PL0", "Size": 1}
    machine = Guest.run(cloud, cloud.image, DataDisk=[disk], InstanceName="busy").ready()
    return machine


def dirty(machine):
    """Gives the next snapshot something to read."""
    device = machine.device(machine.disks("data")[0])
    machine.sh(f"dd if=/dev/urandom of={device} bs=1M count={MIB_WRITTEN} conv=fsync 2>/dev/null")
    return summed(machine, device)


def summed(machine, device):
    """The checksum of what is written there."""
    return machine.sh(f"dd if={device} bs=1M count={MIB_WRITTEN} 2>/dev/null | md5sum")


def begin(cloud, machine):
    """A snapshot of the data disk that is being taken."""
    taken = cloud.sdk("CreateSnapshot", DiskId=machine.disks("data")[0])["SnapshotId"]
    assert cloud.snapshot(taken)["Status"] in ("progressing", "accomplished")
    return taken


def content(cloud, machine, snapshot):
    """The checksum of what a snapshot holds, as the machine reads it from a disk made of it."""
    disk = cloud.sdk("CreateDisk", ZoneId=machine.shown()["ZoneId"], SnapshotId=snapshot, DiskCategory="cloud_essd",
                     PerformanceLevel="PL0")["DiskId"]
    cloud.sdk("AttachDisk", InstanceId=machine.id, DiskId=disk)
    found = summed(machine, until(lambda: machine.device(disk), "the new disk"))
    cloud.sdk("DetachDisk", InstanceId=machine.id, DiskId=disk)
    until(lambda: cloud.disk(disk)["Status"] == "Available", "the detachment")
    cloud.sdk("DeleteDisk", DiskId=disk)
    return found


def test_what_is_being_read_is_not_deleted(cloud, busy):
    dirty(busy)
    taken = begin(cloud, busy)
    if cloud.snapshot(taken)["Status"] == "progressing":
        cloud.sdk.refused(403, "InvalidSnapshotId.NotReady", "DeleteSnapshot", SnapshotId=taken)
        cloud.sdk.refused(403, "IncorrectDiskStatus.CreatingSnapshot", "CreateSnapshot",
                          DiskId=busy.disks("data")[0])
        cloud.sdk.refused(403, "IncorrectDiskStatus.CreatingSnapshot", "DeleteInstance", InstanceId=busy.id, Force=True)
    cloud.accomplished(taken)
    cloud.sdk("DeleteSnapshot", SnapshotId=taken)


def test_imprint_is_killed_while_a_snapshot_is_taken(cloud, busy, server):
    expected, process = dirty(busy), busy.qemu()
    taken = begin(cloud, busy)
    server.kill()
    assert busy.qemu() == process, "the machine went with Imprint"
    server.start()
    cloud.log_in()
    assert busy.shown()["Status"] == "Running" and busy.qemu() == process
    assert busy.sh("echo still here") == "still here"
    cloud.accomplished(taken)
    assert content(cloud, busy, taken) == expected
    again = cloud.sdk("CreateSnapshot", DiskId=busy.disks("data")[0])["SnapshotId"]
    cloud.accomplished(again)
    assert content(cloud, busy, again) == expected
    for one in (taken, again):
        cloud.sdk("DeleteSnapshot", SnapshotId=one)


def test_a_machine_is_killed_while_a_snapshot_is_taken(cloud, busy):
    expected = dirty(busy)
    taken = begin(cloud, busy)
    busy.kill_qemu()
    busy.becomes("Stopped")
    # it is taken again of what the machine left, all of it flushed
    cloud.accomplished(taken)
    again = cloud.sdk("CreateSnapshot", DiskId=busy.disks("data")[0])["SnapshotId"]
    cloud.accomplished(again)
    cloud.sdk("StartInstance", InstanceId=busy.id)
    busy.ready(boots=2)
    assert summed(busy, busy.device(busy.disks("data")[0])) == expected
    assert content(cloud, busy, again) == expected
    assert content(cloud, busy, taken) == expected
    for one in (taken, again):
        cloud.sdk("DeleteSnapshot", SnapshotId=one)


def test_a_machine_that_was_killed_is_stopped_and_starts_again(cloud, busy):
    busy.kill_qemu()
    busy.becomes("Stopped")
    cloud.sdk("StartInstance", InstanceId=busy.id)
    busy.ready(boots=3)
    busy.delete()
    cloud.sdk.refused(404, "InvalidInstanceId.NotFound", "StartInstance", InstanceId=busy.id)
