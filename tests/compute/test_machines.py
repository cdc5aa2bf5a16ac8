"""The life of machines: made of an image, written into, made into an image, run again.

The tests of this file stand in the order of one machine's life, and use the same one.
"""

import json

import pytest
from guest import Guest, until, uuid_of

FILE = "proof of life"
# Writes a number to one disk and then to the other, each time durably, for ever.
COUNTER = ("n=0; while true; do n=$((n+1)); for d in {} {}; do printf %08d $n | "
           "dd of=$d bs=512 count=1 conv=sync,fsync; done; done 2>/dev/null >/dev/null & echo $! >/root/counter")


def counted(guest, device):
    """The number on a data disk; none on an empty one."""
    return int(guest.sh(f"dd if={device} bs=8 count=1 2>/dev/null | tr -d '\\000'; echo") or 0)


def data_devices(guest):
    """The guest's names of its two data disks."""
    return [guest.device(disk) for disk in guest.disks("data")[:2]]


def test_a_machine_runs_and_says_so(cloud, guest):
    shown = guest.shown()
    assert (shown["Status"], shown["Cpu"], shown["Memory"]) == ("Running", 2, 512)
    assert shown["StartTime"] >= shown["CreationTime"]
    output = cloud.sdk("GetInstanceConsoleOutput", InstanceId=guest.id, RemoveSymbols=True)
    assert output["InstanceId"] == guest.id and len(output["LastUpdateTime"]) == 19
    assert guest.qemu() is not None
    own = json.loads(cloud.cli("instance", "show", guest.uuid, "--output", "json").stdout)
    assert own["status"] == "running" and [disk["letter"] for disk in own["disks"]] == ["a", "b", "c"]


def test_its_processors_and_memory_are_those_of_its_type(guest):
    assert guest.sh("grep -c ^processor /proc/cpuinfo") == "2"
    kib = int(guest.sh("awk '/MemTotal/ {print $2}' /proc/meminfo"))
    assert 400 << 10 < kib <= 512 << 10


def test_what_the_first_boot_is_told_is_on_a_disk_beside_its_own(guest):
    told = guest.sh("for d in /sys/block/*; do s=$(cat $d/size); [ $s -gt 0 ] && [ $s -lt 100000 ] && "
                    "grep -c told-on-first-boot /dev/${d##*/}; done; true")
    assert any(line.isdigit() and int(line) > 0 for line in told.split()), told


def test_the_command_line_types_and_follows(cloud, guest):
    sent = cloud.cli("instance", "console", guest.uuid, "--send", "echo typed-$((40+2))")
    assert sent.returncode == 0, sent.stderr
    guest.says("typed-42")
    shown = cloud.cli("instance", "console", guest.uuid)
    assert "GUEST-READY" in shown.stdout and "typed-42" in shown.stdout


@pytest.fixture(scope="module")
def image(cloud, guest):
    """An image of the machine, made while it runs and writes to two disks in turn."""
    guest.sh(f"echo {FILE} > /root/proof && sync")
    first, then = data_devices(guest)
    guest.type(COUNTER.format(first, then))
    until(lambda: counted(guest, then) > 3, "the counter")
    made = cloud.sdk("CreateImage", InstanceId=guest.id, ImageName="of-a-running-machine")["ImageId"]
    cloud.available(made)
    guest.sh("kill $(cat /root/counter)")
    return made


def test_an_image_of_a_running_machine_leaves_it_running(cloud, guest, image):
    assert guest.shown()["Status"] == "Running"
    (found,) = cloud.images(ImageId=image)
    mappings = found["DiskDeviceMappings"]["DiskDeviceMapping"]
    assert [entry["Type"] for entry in mappings] == ["system", "data", "data"]
    for entry in mappings:
        assert cloud.snapshot(entry["SnapshotId"])["Progress"] == "100%"
        cloud.sdk.refused(403, "SnapshotCreatedImage", "DeleteSnapshot", SnapshotId=entry["SnapshotId"])


def test_a_machine_of_that_image_has_what_was_written_all_of_one_instant(cloud, image):
    second = Guest.run(cloud, image, InstanceName="second").ready(boots=2)
    assert second.sh("cat /root/proof") == FILE
    first, then = (counted(second, device) for device in data_devices(second))
    # the counter was somewhere between the two writes of a round, or just after them
    assert then > 3 and first - then in (0, 1), (first, then)
    second.delete()


def test_an_image_stays_what_it_was_when_its_machine_writes_on(cloud, guest, image):
    system = guest.disks("system")[0]
    guest.sh("echo before > /root/when && sync")
    before = cloud.accomplished(cloud.sdk("CreateSnapshot", DiskId=system)["SnapshotId"])["SnapshotId"]
    guest.sh("echo after > /root/when && sync")
    made = cloud.sdk("CreateImage", SnapshotId=before, ImageName="of-before")["ImageId"]
    cloud.available(made)
    third = Guest.run(cloud, made).ready(boots=2)
    assert third.sh("cat /root/when") == "before"
    assert guest.sh("cat /root/when") == "after"
    third.delete()
    cloud.sdk("DeleteImage", ImageId=made)
    cloud.sdk("DeleteSnapshot", SnapshotId=before)


def test_five_snapshots_of_one_disk_cost_what_changed(cloud, guest):
    disk = guest.disks("data")[0]
    device = guest.device(disk)
    guest.sh(f"dd if=/dev/urandom of={device} bs=1M count=48 conv=fsync 2>/dev/null")
    taken = []
    for number in range(5):
        guest.sh(f"dd if=/dev/urandom of={device} bs=64k seek={number * 7} count=1 conv=notrunc,fsync 2>/dev/null")
        taken.append(cloud.sdk("CreateSnapshot", DiskId=disk, SnapshotName=f"number-{number}")["SnapshotId"])
        cloud.accomplished(taken[-1])
    looked_at = [cloud.bytes_of(one)["total_bytes"] for one in taken]
    assert looked_at[0] >= 48 << 20 and max(looked_at[1:]) <= 4 << 20, looked_at
    # one in the middle goes: those after it are whole all the same
    cloud.sdk("DeleteSnapshot", SnapshotId=taken[2])
    sums = guest.sh(f"dd if={device} bs=1M count=48 2>/dev/null | md5sum")
    copy = cloud.sdk("CreateDisk", ZoneId=guest.shown()["ZoneId"], SnapshotId=taken[4], DiskCategory="cloud_essd",
                     PerformanceLevel="PL0")["DiskId"]
    cloud.sdk("AttachDisk", InstanceId=guest.id, DiskId=copy)
    until(lambda: cloud.disk(copy)["Status"] == "In_use", "the attachment")
    new = until(lambda: guest.device(copy), "the new disk")
    assert guest.sh(f"dd if={new} bs=1M count=48 2>/dev/null | md5sum") == sums
    cloud.sdk.refused(403, "IncorrectDiskStatus", "AttachDisk", InstanceId=guest.id, DiskId=copy)
    cloud.sdk("DetachDisk", InstanceId=guest.id, DiskId=copy)
    until(lambda: cloud.disk(copy)["Status"] == "Available", "the detachment")
    assert guest.device(copy) is None
    cloud.sdk("DeleteDisk", DiskId=copy)
    for one in taken[:2] + taken[3:]:
        cloud.sdk("DeleteSnapshot", SnapshotId=one)


def test_a_disk_grows_under_a_running_machine(cloud, guest):
    disk = guest.disks("data")[1]
    cloud.sdk("ResizeDisk", DiskId=disk, NewSize=2, Type="online")
    name = guest.device(disk).rpartition("/")[2]
    until(lambda: guest.sh(f"cat /sys/block/{name}/size") == str(2 << 21), "the larger disk")


def test_an_image_goes_and_its_machines_stay(another):
    from conftest import image_file
    from guest import Cloud
    server = another(clock_skew_secs=0)
    cloud = Cloud(server).with_image(image_file())
    first = Guest.run(cloud, cloud.image).ready()
    first.sh("dd if=/dev/urandom of=/root/noise bs=1M count=4 2>/dev/null && sync")
    made = cloud.sdk("CreateImage", InstanceId=first.id, ImageName="soon-gone")["ImageId"]
    cloud.available(made)
    (image,) = cloud.images(ImageId=made)
    second = Guest.run(cloud, made).ready()
    before = second.sh("md5sum /boot/kernel /root/noise")
    cloud.sdk.refused(403, "ImageUsingByInstance", "DeleteImage", ImageId=made)
    # nothing but the second machine's disk names these bytes from here on
    first.delete()
    for gone in (made, cloud.image):
        cloud.sdk("DeleteImage", ImageId=gone, Force=True)
    for mapping in image["DiskDeviceMappings"]["DiskDeviceMapping"]:
        cloud.sdk("DeleteSnapshot", SnapshotId=mapping["SnapshotId"], Force=True)
    for _ in range(3):
        collected = server.cli("store", "gc", "--grace", "0")
        assert collected.returncode == 0, collected.stderr
    # and nothing remembers them that they could be read from instead
    server.kill()
    server.start()
    cloud.log_in()
    second.sh("echo 3 > /proc/sys/vm/drop_caches")
    assert second.sh("md5sum /boot/kernel /root/noise") == before


def test_a_machine_is_rebooted_stopped_and_started(cloud, guest):
    booted = int(guest.sh("cat /etc/boots"))
    cloud.sdk("RebootInstance", InstanceId=guest.id)
    guest.ready(boots=booted + 1)
    assert guest.sh("cat /root/proof") == FILE
    cloud.sdk("StopInstance", InstanceId=guest.id)
    guest.becomes("Stopped")
    assert "GUEST-POWER-BUTTON" in guest.console() and guest.qemu() is None
    cloud.sdk.refused(403, "IncorrectInstanceStatus", "RebootInstance", InstanceId=guest.id)
    still = cloud.sdk("CreateSnapshot", DiskId=guest.disks("system")[0])["SnapshotId"]
    cloud.accomplished(still)
    cloud.sdk("StartInstance", InstanceId=guest.id)
    guest.ready(boots=booted + 2)
    assert guest.sh("cat /root/proof") == FILE
    cloud.sdk("DeleteSnapshot", SnapshotId=still)


def test_what_runs_machines_can_be_left_out(another):
    from conftest import image_file
    from guest import TYPE, Cloud
    cloud = Cloud(another(hypervisor="none")).with_image(image_file())
    cloud.sdk.refused(403, "OperationDenied", "RunInstances", ImageId=cloud.image, InstanceType=TYPE)
    made = cloud.sdk("CreateInstance", ImageId=cloud.image, InstanceType=TYPE)["InstanceId"]
    cloud.sdk.refused(403, "OperationDenied", "StartInstance", InstanceId=made)
    refused = cloud.cli("instance", "start", uuid_of(made))
    assert refused.returncode == 1 and "hypervisor" in refused.stderr
