"""What else is done with images: sharing, copying, importing and exporting, tags, and what machines there are.

Like `ecs_images.py`, imported by a module per SDK.
"""

import os

import pytest
from conftest import unique
from ecs_images import shown
from ecs_world import DISK_BYTES, available, disk_bytes, until
from harness.ecs import REGION

NOBODY = "m-00000000000000000000"
BUCKET = "imprint-clients"
OTHER_REGION = "local-2"


def in_bucket(name):
    """Where an object of the bucket is on this machine."""
    folder = os.path.join(os.environ["IMPRINT_TEST_DATA_DIR"], "oss", BUCKET)
    os.makedirs(folder, exist_ok=True)
    return os.path.join(folder, name)


def ended(sdk, task):
    """Waits until a task has ended; what is told of it."""
    def look():
        said = sdk("DescribeTaskAttribute", TaskId=task)
        return said["TaskStatus"] not in ("Waiting", "Processing") and said
    return until(look, f"task {task}")


def test_a_shared_image_is_seen_and_not_changed(sdk, theirs, world):
    made, name = world.made(ImageName=unique("shared")), unique("copied")
    stranger = world.stranger.account_id
    assert not shown(theirs, made)
    sdk("ModifyImageSharePermission", ImageId=made, AddAccount=[stranger])
    sdk("ModifyImageSharePermission", ImageId=made, AddAccount=[stranger])
    said = sdk("DescribeImageSharePermission", ImageId=made)
    assert (said["TotalCount"], said["ImageId"], said["RegionId"]) == (1, made, REGION)
    assert [entry["AliyunId"] for entry in said["Accounts"]["Account"]] == [stranger]
    assert shown(sdk, made)["IsSelfShared"] == "true"
    found = shown(theirs, made)
    assert found["ImageOwnerAlias"] == "others" and found["ImageOwnerId"] == int(world.account.account_id)
    assert shown(theirs, made, ImageOwnerAlias="others") and not shown(theirs, made, ImageOwnerAlias="self")
    for action, asked in [("ModifyImageAttribute", {"Description": "mine now"}),
                          ("ModifyImageSharePermission", {"AddAccount": [world.account.account_id]}),
                          ("DescribeImageSharePermission", {})]:
        theirs.refused(404, "InvalidImageId.NotFound", action, ImageId=made, **asked)
    theirs("DeleteImage", ImageId=made)
    sdk.refused(403, "ImageUseShared", "DeleteImage", ImageId=made, Force=True)
    copy = theirs("CopyImage", ImageId=made, DestinationImageName=name)["ImageId"]
    assert available(world.stranger.ecs(), copy)["IsCopied"] is True
    sdk("ModifyImageSharePermission", ImageId=made, RemoveAccount=[stranger])
    assert sdk("DescribeImageSharePermission", ImageId=made)["Accounts"]["Account"] == []
    assert not shown(theirs, made) and shown(theirs, copy)
    sdk("DeleteImage", ImageId=made)
    theirs("DeleteImage", ImageId=copy)


def test_a_community_image_is_everybodys(sdk, theirs, world):
    made = world.made(ImageName=unique("community"))
    sdk("ModifyImageSharePermission", ImageId=made, IsPublic=True)
    assert not shown(theirs, made)
    found = shown(theirs, made, ImageOwnerAlias="others", IsPublic=True)
    assert found["IsPublic"] is True
    groups = sdk("DescribeImageSharePermission", ImageId=made)["ShareGroups"]["ShareGroup"]
    assert groups == [{"Group": "all"}]
    sdk.refused(403, "ImageIsPublic", "DeleteImage", ImageId=made)
    theirs.refused(400, "OperationDenied.CommunityImage", "CopyImage", ImageId=made)
    sdk("ModifyImageShareGroupPermission", ImageId=made, RemoveGroup=["all"])
    assert not shown(theirs, made, ImageOwnerAlias="others", IsPublic=True)
    sdk("ModifyImageShareGroupPermission", ImageId=made, AddGroup=["all"])
    assert shown(theirs, made, ImageOwnerAlias="others", IsPublic=True)
    sdk("ModifyImageSharePermission", ImageId=made, IsPublic=False)
    sdk("DeleteImage", ImageId=made)


@pytest.mark.parametrize("status, code, action, asked", [
    (404, "InvalidAccount.NotFound", "ModifyImageSharePermission", {"AddAccount": ["1"]}),
    (404, "InvalidAccount.Forbbiden", "ModifyImageSharePermission", {"AddAccount": ["self"]}),
    (400, "InvalidGroup.Malformed", "ModifyImageShareGroupPermission", {"AddGroup": ["some"]}),
    (404, "InvalidImageId.NotFound", "ModifyImageSharePermission", {"ImageId": NOBODY, "AddAccount": ["1"]}),
    (404, "InvalidImageId.NotFound", "ModifyImageShareGroupPermission", {"ImageId": NOBODY, "AddGroup": ["all"]}),
    (404, "InvalidImageId.NotFound", "DescribeImageSharePermission", {"ImageId": NOBODY}),
    (404, "InvalidImageId.NotFound", "DescribeImageSupportInstanceTypes", {"ImageId": NOBODY}),
    (404, "InvalidImageId.NotFound", "CopyImage", {"ImageId": NOBODY}),
    (404, "InvalidImageId.NotFound", "CancelCopyImage", {"ImageId": NOBODY}),
    (404, "InvalidImageId.NotFound", "ExportImage", {"ImageId": NOBODY, "OSSBucket": BUCKET}),
    (400, "InvalidOSSBucket.NotFound", "ExportImage", {"OSSBucket": "no-such-bucket"}),
    (400, "InvalidImageFormat.Malformed", "ExportImage", {"OSSBucket": BUCKET, "ImageFormat": "iso"}),
    (400, "ImageCreatedNotFromCopy", "CancelCopyImage", {}),
    (400, "DestinationRegion.NotFound", "CopyImage", {"DestinationRegionId": "nowhere-1"}),
    (400, "InvalidImageName.Malformed", "CopyImage", {"DestinationImageName": "."}),
    (403, "ImageUsingByInstance", "DeleteImage", {}),
])
def test_an_operation_that_is_refused(sdk, world, status, code, action, asked):
    in_bucket("x")
    asked = {name: [world.account.account_id] if value == ["self"] else value for name, value in asked.items()}
    sdk.refused(status, code, action, **{"ImageId": world.image, **asked})


def test_an_image_is_copied(sdk, world):
    family = unique("line")
    made = world.made(ImageFamily=family, Description="the first")
    asked = {"ImageId": made, "DestinationImageName": unique("copy"), "DestinationDescription": "the second",
             "Tag": [{"Key": "copy", "Value": "yes"}], "ClientToken": unique("token")}
    copy = sdk("CopyImage", **asked)["ImageId"]
    assert sdk("CopyImage", **asked)["ImageId"] == copy != made
    found = available(world.ecs, copy)
    assert found["IsCopied"] is True and found.get("ImageFamily", "") == "" and found["Description"] == "the second"
    assert [tag["TagKey"] for tag in found["Tags"]["Tag"]] == ["copy"]
    sdk.refused(400, "IncorrectImageStatus", "CancelCopyImage", ImageId=copy)
    sdk.refused(400, "InvalidImageName.Duplicated", "CopyImage", ImageId=made,
                DestinationImageName=asked["DestinationImageName"])
    sdk("DeleteImage", ImageId=made)
    assert shown(sdk, copy)["Status"] == "Available"
    sdk("DeleteImage", ImageId=copy)


def test_an_image_is_copied_to_another_region(sdk, theirs, world):
    """A copy is another image, and each region shows its own; what is shared is copied only where it is."""
    made = world.made(ImageName=unique("here"))
    copy = sdk("CopyImage", ImageId=made, DestinationRegionId=OTHER_REGION,
               DestinationImageName=unique("there"))["ImageId"]
    there = world.account.ecs(OTHER_REGION)
    assert available(there, copy)["IsCopied"] is True
    assert not shown(sdk, copy) and there.image(made) is None
    assert shown(sdk, copy, RegionId=OTHER_REGION)["ImageId"] == copy
    sdk.refused(404, "InvalidImageId.NotFound", "ModifyImageAttribute", ImageId=copy, Description="not here")
    sdk("ModifyImageSharePermission", ImageId=made, AddAccount=[world.stranger.account_id])
    theirs.refused(403, "OperationDenied.SameRegionOnly", "CopyImage", ImageId=made, DestinationRegionId=OTHER_REGION)
    sdk("ModifyImageSharePermission", ImageId=made, RemoveAccount=[world.stranger.account_id])
    there.ok("DeleteImage", ImageId=copy)
    sdk("DeleteImage", ImageId=made)


def test_an_image_comes_from_a_bucket_and_goes_there(sdk, world):
    with open(in_bucket("import.raw"), "wb") as file:
        file.write(disk_bytes(2))
    asked = {"ImageName": unique("imported"), "Platform": "Debian", "Architecture": "x86_64", "OSType": "linux",
             "DiskDeviceMapping": [{"OSSBucket": BUCKET, "OSSObject": "import.raw", "Format": "RAW",
                                    "DiskImageSize": 5}], "ClientToken": unique("token")}
    said = sdk("ImportImage", **asked)
    image, task = said["ImageId"], said["TaskId"]
    assert sdk("ImportImage", **asked)["ImageId"] == image
    done = ended(sdk, task)
    assert (done["TaskStatus"], done["TaskAction"], done["TaskProcess"]) == ("Finished", "ImportImage", "100%"), done
    found = available(world.ecs, image)
    disk = found["DiskDeviceMappings"]["DiskDeviceMapping"][0]
    assert (disk["ImportOSSBucket"], disk["ImportOSSObject"], disk["Size"]) == (BUCKET, "import.raw", "5")
    listed = sdk("DescribeTasks", TaskIds=task, TaskAction="ImportImage", TaskStatus="Finished")
    assert [(entry["TaskId"], entry["ResourceId"]) for entry in listed["TaskSet"]["Task"]] == [(task, image)]
    assert sdk("DescribeTasks", ResourceIds=[image])["TotalCount"] == 1
    sdk.refused(403, "InvalidTaskId.IncorrectTaskStatus", "CancelTask", TaskId=task)

    prefix = "p" + unique("e").replace("-", "")
    done = ended(sdk, sdk("ExportImage", ImageId=image, OSSBucket=BUCKET, OSSPrefix=prefix)["TaskId"])
    assert (done["TaskStatus"], done["TaskAction"]) == ("Finished", "ExportImage"), done
    folder = os.path.dirname(in_bucket("x"))
    objects = [os.path.join(folder, name) for name in os.listdir(folder) if name.startswith(prefix)]
    assert len(objects) == 1
    with open(objects[0], "rb") as file:
        assert file.read(DISK_BYTES) == disk_bytes(2) and not file.read().strip(b"\0")
    sdk("DeleteImage", ImageId=image)


@pytest.mark.parametrize("status, code, changes", [
    (400, "InvalidOSSObject.NotFound", {"DiskDeviceMapping": [{"OSSBucket": BUCKET, "OSSObject": "absent"}]}),
    (400, "InvalidOSSBucket.NotFound", {"DiskDeviceMapping": [{"OSSBucket": "no-such-bucket", "OSSObject": "a"}]}),
    (400, "MissingParameter", {"DiskDeviceMapping": [{"OSSBucket": BUCKET}]}),
    (403, "MissingParameter.DiskDeviceMapping", {}),
    (400, "InvalidImageName.Malformed", {"ImageName": "1"}),
    (400, "InvalidArchitecture.Malformed", {"Architecture": "sparc"}),
    (400, "InvalidOSType.Malformed", {"OSType": "plan9"}),
    (400, "InvalidPlatform.Malformed", {"Platform": "Plan 9"}),
    (400, "InvalidBootMode.Malformed", {"BootMode": "Legacy"}),
    (400, "InvalidLicenseType.NotSupported", {"LicenseType": "Free"}),
])
def test_an_import_that_is_refused(sdk, status, code, changes):
    if not changes:
        sdk.refused(status, code, "ImportImage", ImageName=unique("refused"))
        return
    with open(in_bucket("some"), "wb") as file:
        file.write(disk_bytes(3))
    asked = {"ImageName": unique("refused"), "DiskDeviceMapping": [{"OSSBucket": BUCKET, "OSSObject": "some"}]}
    sdk.refused(status, code, "ImportImage", **{**asked, **changes})


def test_a_task_that_nobody_knows(sdk):
    sdk.refused(400, "InvalidTaskId.NotFound", "CancelTask", TaskId="t-00000000000000000000")
    assert sdk("DescribeTasks", TaskIds="t-00000000000000000000")["TaskSet"] == {"Task": []}
    sdk.refused(400, "InvalidTaskId.NotFound", "DescribeTaskAttribute", TaskId="t-00000000000000000000")


def test_tags(sdk, world):
    made = world.made()
    tags = [{"Key": "one", "Value": "1"}, {"Key": "two", "Value": ""}]
    sdk("TagResources", ResourceType="image", ResourceId=[made, world.image], Tag=tags)
    sdk("TagResources", ResourceType="image", ResourceId=[made], Tag=[{"Key": "one", "Value": "uno"}])

    def told(**asked):
        said = sdk("ListTagResources", ResourceType="image", **asked)
        assert said.get("NextToken", "") == ""
        return {(tag["ResourceId"], tag["TagKey"], tag["TagValue"]) for tag in said["TagResources"]["TagResource"]}

    assert told(ResourceId=[made]) == {(made, "one", "uno"), (made, "two", "")}
    assert {entry[0] for entry in told(Tag=[{"Key": "two"}])} == {made, world.image}
    assert {entry[0] for entry in told(Tag=[{"Key": "one", "Value": "uno"}])} == {made}
    assert shown(sdk, made, Tag=[{"Key": "one", "Value": "uno"}])
    sdk("UntagResources", ResourceType="image", ResourceId=[made, world.image], TagKey=["one", "never-there"])
    assert told(ResourceId=[made, world.image]) == {(made, "two", ""), (world.image, "two", "")}
    sdk("UntagResources", ResourceType="image", ResourceId=[made, world.image], All=True)
    assert told(ResourceId=[made, world.image]) == set()
    sdk("DeleteImage", ImageId=made)


def test_tags_as_they_were_given_once(sdk, world):
    snapshot = {"ResourceType": "snapshot", "ResourceId": world.snapshot}
    sdk("AddTags", **snapshot, Tag=[{"Key": "packer", "Value": "1"}, {"Key": "builder", "Value": "2"}])
    told = sdk("DescribeTags", **snapshot)["Tags"]["Tag"]
    assert {(tag["TagKey"], tag["TagValue"]) for tag in told} == {("packer", "1"), ("builder", "2")}
    assert all(tag["ResourceTypeCount"]["Snapshot"] == 1 for tag in told)
    sdk("RemoveTags", **snapshot, Tag=[{"Key": "packer"}, {"Key": "builder"}])
    assert sdk("DescribeTags", **snapshot)["Tags"] == {"Tag": []}


@pytest.mark.parametrize("status, code, action, asked", [
    (404, "InvalidResourceId.NotFound", "TagResources", {"ResourceId": [NOBODY], "Tag": [{"Key": "a", "Value": "b"}]}),
    (404, "InvalidResourceType.NotFound", "TagResources",
     {"ResourceType": "cloud", "Tag": [{"Key": "a", "Value": "b"}]}),
    (404, "MissingParameter.Tags", "TagResources", {}),
    (400, "Duplicate.TagKey", "TagResources", {"Tag": [{"Key": "a", "Value": "b"}, {"Key": "a", "Value": "c"}]}),
    (400, "NumberExceed.Tags", "TagResources", {"Tag": [{"Key": f"k{n}", "Value": "v"} for n in range(21)]}),
    (404, "InvalidResourceId.NotFound", "UntagResources", {"ResourceId": [NOBODY], "TagKey": ["a"]}),
    (403, "BothEmpty.TagsAndResources", "ListTagResources", {"ResourceId": None}),
    (404, "InvalidResourceId.NotFound", "AddTags", {"ResourceId": NOBODY, "Tag": [{"Key": "a", "Value": "b"}]}),
    (404, "InvalidResourceId.NotFound", "RemoveTags", {"ResourceId": NOBODY, "Tag": [{"Key": "a"}]}),
    (404, "InvalidResourceType.NotFound", "DescribeTags", {"ResourceType": "cloud", "ResourceId": "x"}),
])
def test_tags_that_are_refused(sdk, world, status, code, action, asked):
    asked = {"ResourceType": "image", "ResourceId": [world.image], **asked}
    sdk.refused(status, code, action, **{name: value for name, value in asked.items() if value is not None})


def test_resource_groups(sdk, connect, world):
    groups = connect(world.account.key, world.account.secret, product="groups")
    name = unique("group")
    group = groups("CreateResourceGroup", Name=name, DisplayName="For a test")["ResourceGroup"]["Id"]
    assert groups("GetResourceGroup", ResourceGroupId=group)["ResourceGroup"]["Name"] == name
    made = sdk("CreateImage", SnapshotId=world.snapshot, ResourceGroupId=group)["ImageId"]
    other = world.made()
    available(world.ecs, made)
    assert shown(sdk, made)["ResourceGroupId"] == group and shown(sdk, other)["ResourceGroupId"] == ""
    # Those of the default group are listed whether or not one is asked for.
    assert shown(sdk, made, ResourceGroupId=group) and shown(sdk, other, ResourceGroupId=group)
    assert not shown(sdk, made, ResourceGroupId="rg-nowhere")
    sdk("JoinResourceGroup", ResourceType="image", ResourceId=other, ResourceGroupId=group)
    assert shown(sdk, other)["ResourceGroupId"] == group
    assert {entry["Id"] for entry in groups("ListResourceGroups")["ResourceGroups"]["ResourceGroup"]} == {group}
    sdk.refused(404, "InvalidResourceGroup.NotFound", "JoinResourceGroup", ResourceType="image",
                ResourceId=world.image, ResourceGroupId="rg-nowhere")
    for image in (made, other):
        sdk("DeleteImage", ImageId=image)
    groups("DeleteResourceGroup", ResourceGroupId=group)
    groups.refused(404, "EntityNotExists.ResourceGroup", "DeleteResourceGroup", ResourceGroupId=group)


def test_regions_zones_and_types(sdk, world):
    regions = sdk("DescribeRegions")["Regions"]["Region"]
    assert REGION in {region["RegionId"] for region in regions} and all(region["RegionEndpoint"] for region in regions)
    assert sdk("DescribeZones")["Zones"]["Zone"]
    types = sdk("DescribeInstanceTypes")["InstanceTypes"]["InstanceType"]
    assert {"X86", "ARM"} >= {kind["CpuArchitecture"] for kind in types} and types[0]["CpuCoreCount"] >= 1
    named = types[0]["InstanceTypeId"]
    assert [kind["InstanceTypeId"] for kind in
            sdk("DescribeInstanceTypes", InstanceTypes=[named])["InstanceTypes"]["InstanceType"]] == [named]
    fitting = sdk("DescribeImageSupportInstanceTypes", ImageId=world.image)
    assert fitting["ImageId"] == world.image
    assert {kind["InstanceTypeId"] for kind in fitting["InstanceTypes"]["InstanceType"]} <= {
        kind["InstanceTypeId"] for kind in types}
    sdk.refused(404, "InvalidRegionId.NotFound", "DescribeImages", RegionId="nowhere-1")


def test_an_unknown_image_is_deleted_without_complaint(sdk):
    sdk("DeleteImage", ImageId=NOBODY)
