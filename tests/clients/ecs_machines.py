"""The sources of images: instances, disks and snapshots, as far as a core without a hypervisor goes.

Like `ecs_images.py`, imported by a module per SDK.
"""

import json

import pytest
from conftest import unique
from ecs_world import TYPE, accomplished, until, zone

NO_INSTANCE, NO_DISK, NO_SNAPSHOT = "i-00000000000000000000", "d-00000000000000000000", "s-00000000000000000000"


def instance(sdk, one):
    """An instance as a list shows it; None when it does not."""
    found = sdk("DescribeInstances", InstanceIds=json.dumps([one]))["Instances"]["Instance"]
    return found[0] if found else None


def disk(sdk, one):
    """A disk as a list shows it; None when it does not."""
    found = sdk("DescribeDisks", DiskIds=json.dumps([one]))["Disks"]["Disk"]
    return found[0] if found else None


def test_an_instance_is_made_listed_and_deleted(sdk, world):
    name = unique("machine")
    asked = {"ImageId": world.image, "InstanceType": TYPE, "InstanceName": name, "ZoneId": zone(world.ecs),
             "ClientToken": unique("token")}
    made = sdk("CreateInstance", **asked)["InstanceId"]
    assert sdk("CreateInstance", **asked)["InstanceId"] == made
    found = until(lambda: (found := instance(sdk, made)) and found["Status"] == "Stopped" and found, "the instance")
    assert (found["ImageId"], found["InstanceName"], found["InstanceType"]) == (world.image, name, TYPE)
    assert [entry["InstanceId"] for entry in
            sdk("DescribeInstances", InstanceName=name[:-3] + "*")["Instances"]["Instance"]] == [made]
    statuses = sdk("DescribeInstanceStatus", InstanceId=[made])["InstanceStatuses"]["InstanceStatus"]
    assert statuses == [{"InstanceId": made, "Status": "Stopped"}]
    disks = sdk("DescribeDisks", InstanceId=made)["Disks"]["Disk"]
    assert [(entry["Type"], entry["Status"], entry["ImageId"]) for entry in disks] == [
        ("system", "In_use", world.image)]
    sdk("DeleteInstance", InstanceId=made, Force=True)
    until(lambda: not instance(sdk, made), "the deletion")


def test_a_disk_is_attached_grows_and_goes(sdk, world):
    asked = {"ZoneId": zone(world.ecs), "Size": 20, "DiskCategory": "cloud_efficiency", "DiskName": unique("disk"),
             "Tag": [{"Key": "role", "Value": "data"}]}
    made = sdk("CreateDisk", **asked)["DiskId"]
    found = disk(sdk, made)
    assert (found["Status"], found["Size"], found["Type"]) == ("Available", 20, "data")
    sdk.refused(403, "IncorrectDiskStatus.NeverAttached", "CreateSnapshot", DiskId=made)
    sdk("AttachDisk", InstanceId=world.instance, DiskId=made)
    assert disk(sdk, made)["InstanceId"] == world.instance and disk(sdk, made)["Status"] == "In_use"
    sdk.refused(403, "DiskStillAttached", "DeleteDisk", DiskId=made)
    sdk.refused(403, "InvalidDiskSize.TooSmall", "ResizeDisk", DiskId=made, NewSize=10)
    sdk("ResizeDisk", DiskId=made, NewSize=40)
    assert disk(sdk, made)["Size"] == 40
    snapshot = sdk("CreateSnapshot", DiskId=made, SnapshotName=unique("snapshot"))["SnapshotId"]
    accomplished(world.ecs, snapshot)
    sdk("ResetDisk", DiskId=made, SnapshotId=snapshot)
    sdk("DetachDisk", InstanceId=world.instance, DiskId=made)
    sdk("DeleteDisk", DiskId=made)
    assert not disk(sdk, made)
    sdk("DeleteSnapshot", SnapshotId=snapshot)


def test_a_snapshot_is_listed_and_protected(sdk, world):
    name = unique("snapshot")
    made = sdk("CreateSnapshot", DiskId=world.disk, SnapshotName=name, Description="of the system disk")["SnapshotId"]
    record = accomplished(world.ecs, made)
    assert (record["SourceDiskId"], record["SourceDiskType"], record["Usage"]) == (world.disk, "system", "none")
    for filters in ({"DiskId": world.disk}, {"SnapshotName": name}, {"SourceDiskType": "system"},
                    {"InstanceId": world.instance}, {"Status": "accomplished"}):
        found = sdk("DescribeSnapshots", **filters, PageSize=100)["Snapshots"]["Snapshot"]
        assert made in {entry["SnapshotId"] for entry in found}, filters
    image = sdk("CreateImage", SnapshotId=made)["ImageId"]
    sdk.refused(403, "SnapshotCreatedImage", "DeleteSnapshot", SnapshotId=made, Force=True)
    found = sdk("DescribeSnapshots", SnapshotIds=json.dumps([made]))["Snapshots"]["Snapshot"]
    assert [entry["Usage"] for entry in found] == ["image"]
    until(lambda: world.ecs.image(image)["Status"] == "Available", "the image")
    sdk("DeleteImage", ImageId=image)
    sdk("DeleteSnapshot", SnapshotId=made)


def test_a_system_disk_is_replaced(sdk, world):
    made = sdk("CreateInstance", ImageId=world.image, InstanceType=TYPE, ZoneId=zone(world.ecs))["InstanceId"]
    until(lambda: (found := instance(sdk, made)) and found["Status"] == "Stopped", "the instance")
    other = world.made()
    new = sdk("ReplaceSystemDisk", InstanceId=made, ImageId=other)["DiskId"]
    assert disk(sdk, new)["ImageId"] == other == instance(sdk, made)["ImageId"]
    sdk.refused(403, "ImageUsingByInstance", "DeleteImage", ImageId=other)
    sdk("DeleteImage", ImageId=other, Force=True)
    sdk("DeleteInstance", InstanceId=made, Force=True)


def test_what_things_are_called_can_change(sdk, world):
    made = sdk("CreateInstance", ImageId=world.image, InstanceType=TYPE, ZoneId=zone(world.ecs))["InstanceId"]
    (system,) = sdk("DescribeDisks", InstanceId=made)["Disks"]["Disk"]
    name = unique("renamed")
    sdk("ModifyInstanceAttribute", InstanceId=made, InstanceName=name)
    sdk("ModifyDiskAttribute", DiskId=system["DiskId"], DiskName=name)
    sdk("ModifySnapshotAttribute", SnapshotId=world.snapshot, SnapshotName=name)
    assert instance(sdk, made)["InstanceName"] == disk(sdk, system["DiskId"])["DiskName"] == name
    found = sdk("DescribeSnapshots", SnapshotName=name)["Snapshots"]["Snapshot"]
    assert [entry["SnapshotId"] for entry in found] == [world.snapshot]
    sdk("ReInitDisk", DiskId=system["DiskId"])
    other = sdk("CreateInstance", ImageId=world.image, InstanceType=TYPE, ZoneId=zone(world.ecs))["InstanceId"]
    sdk("DeleteInstances", InstanceId=[made, other], Force=True)
    until(lambda: not instance(sdk, made) and not instance(sdk, other), "the deletion")


def test_a_machine_that_is_stopped_is_not_stopped_again(sdk, world):
    sdk.refused(403, "IncorrectInstanceStatus", "StopInstance", InstanceId=world.instance)
    sdk.refused(403, "IncorrectInstanceStatus", "StopInstances", InstanceId=[world.instance])
    for action in ("RebootInstance", "RebootInstances"):
        named = [world.instance] if action.endswith("s") else world.instance
        sdk.refused(403, "IncorrectInstanceStatus", action, InstanceId=named)


@pytest.mark.parametrize("action", [
    "DescribeDisks", "DescribeImageFromFamily", "DescribeInstanceStatus", "DescribeInstances", "DescribeSnapshots",
    "DescribeTasks", "DescribeZones", "DeleteInstances", "RunInstances", "StartInstances",
])
def test_a_region_that_is_not_there(sdk, world, action):
    asked = {"DescribeImageFromFamily": {"ImageFamily": "line"}, "DeleteInstances": {"InstanceId": [NO_INSTANCE]},
             "RunInstances": {"ImageId": world.image, "InstanceType": TYPE},
             "StartInstances": {"InstanceId": [NO_INSTANCE]}}.get(action, {})
    status = 400 if action == "DescribeTasks" else 404
    sdk.refused(status, "InvalidRegionId.NotFound", action, RegionId="nowhere-1", **asked)


@pytest.mark.parametrize("status, code, action, asked", [
    (404, "InvalidDiskId.NotFound", "AttachDisk", {"InstanceId": "", "DiskId": NO_DISK}),
    (404, "InvalidDiskId.NotFound", "DetachDisk", {"InstanceId": "", "DiskId": NO_DISK}),
    (404, "InvalidDiskId.NotFound", "ModifyDiskAttribute", {"DiskId": NO_DISK, "DiskName": "other"}),
    (404, "InvalidDiskId.NotFound", "ReInitDisk", {"DiskId": NO_DISK}),
    (404, "InvalidDiskId.NotFound", "ResetDisk", {"DiskId": NO_DISK, "SnapshotId": NO_SNAPSHOT}),
    (404, "InvalidInstanceId.NotFound", "ModifyInstanceAttribute", {"InstanceId": NO_INSTANCE, "InstanceName": "other"}),
    (404, "InvalidSnapshotId.NotFound", "ModifySnapshotAttribute", {"SnapshotId": NO_SNAPSHOT, "SnapshotName": "other"}),
    (404, "InvalidInstanceId.NotFound", "ReplaceSystemDisk",
     {"InstanceId": NO_INSTANCE, "ImageId": "m-00000000000000000000"}),
    (400, "InvalidParameter.MaxResults", "DescribeInstanceTypes", {"MaxResults": 0}),
])
def test_a_thing_that_is_not_there(sdk, world, status, code, action, asked):
    asked = {name: world.instance if value == "" else value for name, value in asked.items()}
    sdk.refused(status, code, action, **asked)


@pytest.mark.parametrize("status, code, action, asked", [
    (404, "InvalidInstanceId.NotFound", "DeleteInstance", {"InstanceId": NO_INSTANCE}),
    (404, "InvalidInstanceId.NotFound", "StartInstance", {"InstanceId": NO_INSTANCE}),
    (404, "InvalidInstanceId.NotFound", "GetInstanceConsoleOutput", {"InstanceId": NO_INSTANCE}),
    (404, "InvalidDiskId.NotFound", "CreateSnapshot", {"DiskId": NO_DISK}),
    (404, "InvalidDiskId.NotFound", "DeleteDisk", {"DiskId": NO_DISK}),
    (404, "InvalidDiskId.NotFound", "ResizeDisk", {"DiskId": NO_DISK, "NewSize": 40}),
    (404, "InvalidSnapshotId.NotFound", "DeleteSnapshot", {"SnapshotId": NO_SNAPSHOT}),
    (404, "InvalidImageId.NotFound", "CreateInstance", {"ImageId": "m-00000000000000000000", "InstanceType": TYPE}),
    (400, "InvalidInstanceType.ValueNotSupported", "CreateInstance", {"ImageId": "", "InstanceType": "ecs.enormous"}),
    (404, "InvalidSnapshotId.NotFound", "CreateDisk", {"SnapshotId": NO_SNAPSHOT}),
    (400, "MissingParameter", "CreateDisk", {}),
])
def test_a_machine_that_is_refused(sdk, world, status, code, action, asked):
    asked = {name: world.image if value == "" else value for name, value in asked.items()}
    if action.startswith("Create") and action != "CreateSnapshot":
        asked["ZoneId"] = zone(world.ecs)
    sdk.refused(status, code, action, **asked)
