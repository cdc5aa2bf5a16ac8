"""The three required operations, told once for every SDK: `test_ecs_v1.py` and `test_ecs_v3.py` import these tests and
say with `sdk` which one is meant. The tests of a module share one world and leave it as they found it.
"""

import pytest
from conftest import unique
from ecs_world import available, until
from harness.ecs import REGION

DESCRIPTION = "Ein Bild, a +b~* 名: 100 % & more=less"


@pytest.fixture(scope="module")
def image(sdk, world):
    """An image of the snapshot with everything said about it."""
    made = sdk("CreateImage", SnapshotId=world.snapshot, ImageName=unique("name"), ImageFamily=unique("family"),
               ImageVersion="2026.11", Description=DESCRIPTION, Platform="Debian", BootMode="UEFI",
               Architecture="x86_64", Features={"ImdsSupport": "v2"},
               Tag=[{"Key": "stage", "Value": "test"}, {"Key": "empty", "Value": ""}])["ImageId"]
    available(world.ecs, made)
    return made


def shown(sdk, image, **filters):
    """One image as a list shows it; None when it does not."""
    body = sdk("DescribeImages", **{"Status": "ALL", "ImageId": image, **filters})
    assert body["TotalCount"] == len(body["Images"]["Image"]) <= 1
    return body["Images"]["Image"][0] if body["Images"]["Image"] else None


def test_an_image_is_shown_with_everything_that_was_said(sdk, world, image):
    found = shown(sdk, image)
    assert found["Description"] == DESCRIPTION
    assert found["Status"] == "Available" and found["Progress"] == "100%"
    assert found["ImageVersion"] == "2026.11" and found["Platform"] == "Debian" and found["OSType"] == "linux"
    assert found["BootMode"] == "UEFI" and found["Architecture"] == "x86_64"
    assert found["Features"]["ImdsSupport"] == "v2" and found["Features"]["NvmeSupport"] in ("supported", "unsupported")
    assert found["ImageOwnerAlias"] == "self" and found["ImageOwnerId"] == int(world.account.account_id)
    assert found["IsSelfShared"] == "false" and found["IsCopied"] is False and found["IsPublic"] is False
    assert found["Usage"] == "none" and found["Size"] >= 1 and found["ResourceGroupId"] is not None
    assert {tag["TagKey"]: tag["TagValue"] for tag in found["Tags"]["Tag"]} == {"stage": "test", "empty": ""}
    disks = found["DiskDeviceMappings"]["DiskDeviceMapping"]
    assert [(disk["Type"], disk["Device"], disk["SnapshotId"]) for disk in disks] == [
        ("system", "/dev/xvda", world.snapshot)]
    assert disks[0]["Size"] == str(found["Size"])


def test_the_description_is_there_though_nobody_wrote_one(sdk, world):
    made = world.made()
    found = shown(sdk, made)
    assert found["Description"] == "" and found["ImageName"] == made
    sdk("DeleteImage", ImageId=made)
    assert shown(sdk, made) is None


def test_an_image_of_an_instance_has_snapshots_of_its_own(sdk, world):
    made = sdk("CreateImage", InstanceId=world.instance, ImageName=unique("instance"))["ImageId"]
    found = available(world.ecs, made)
    snapshot = found["DiskDeviceMappings"]["DiskDeviceMapping"][0]["SnapshotId"]
    assert snapshot != world.snapshot
    snapshots = sdk("DescribeSnapshots", SnapshotIds=f'["{snapshot}"]')["Snapshots"]["Snapshot"]
    assert [entry["SourceDiskId"] for entry in snapshots] == [world.disk]
    sdk.refused(403, "SnapshotCreatedImage", "DeleteSnapshot", SnapshotId=snapshot)
    sdk("DeleteImage", ImageId=made)
    sdk("DeleteSnapshot", SnapshotId=snapshot)


def test_an_image_of_several_disks(sdk, world):
    data = world.data_snapshot()
    made = sdk("CreateImage", ImageName=unique("disks"), DiskDeviceMapping=[
        {"SnapshotId": data, "DiskType": "data", "Device": "/dev/vdc"},
        {"SnapshotId": world.snapshot, "DiskType": "system"},
        {"Size": 30}])["ImageId"]
    found = available(world.ecs, made)
    disks = found["DiskDeviceMappings"]["DiskDeviceMapping"]
    assert sorted((disk["Device"], disk["Type"], disk.get("SnapshotId", ""), disk["Size"]) for disk in disks) == [
        ("/dev/xvda", "system", world.snapshot, str(found["Size"])),
        ("/dev/xvdb", "data", "", "30"), ("/dev/xvdc", "data", data, "20")]
    assert shown(sdk, made, SnapshotId=data) and not shown(sdk, image=made, SnapshotId="s-00000000000000000000")
    sdk("DeleteImage", ImageId=made)
    sdk("DeleteSnapshot", SnapshotId=data)


@pytest.mark.parametrize("status, code, changes", [
    (400, "MissingParameter", {"SnapshotId": None}),
    (400, "InvalidImageName.Malformed", {"ImageName": "1-begins-with-a-digit"}),
    (400, "InvalidImageName.Malformed", {"ImageName": "x"}),
    (400, "InvalidImageName.Malformed", {"ImageName": "Aliyun-mine"}),
    (400, "InvalidImageFamily.Malformed", {"ImageFamily": "acs:mine"}),
    (400, "InvalidDescription.Malformed", {"Description": "https://example.com"}),
    (400, "InvalidPlatform.Malformed", {"Platform": "debian"}),
    (400, "InvalidBootMode.Malformed", {"BootMode": "uefi"}),
    (400, "InvalidBootMode.NotSupport", {"BootMode": "BIOS", "Architecture": "arm64"}),
    (400, "InvalidArchitecture.Malformed", {"Architecture": "riscv"}),
    (400, "InvalidParameter.FeaturesImdsSupport", {"Features": {"ImdsSupport": "v3"}}),
    (400, "InvalidDetectionStrategy.Malformed", {"DetectionStrategy": "Thorough"}),
    (400, "Duplicate.TagKey", {"Tag": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}),
    (400, "InvalidTagKey.Malformed", {"Tag": [{"Key": "acs:a", "Value": "1"}]}),
    (400, "InvalidTagValue.Malformed", {"Tag": [{"Key": "a", "Value": "http://1"}]}),
    (403, "QuotaExceed.Tags", {"Tag": [{"Key": f"k{n}", "Value": "v"} for n in range(21)]}),
    (404, "InvalidSnapshotId.NotFound", {"SnapshotId": "s-00000000000000000000"}),
    (404, "InvalidInstanceId.NotFound", {"InstanceId": "i-00000000000000000000"}),
    (404, "InvalidResourceGroup.NotFound", {"ResourceGroupId": "rg-nowhere"}),
    (400, "OperationDenied", {"DiskDeviceMapping": [{"Size": 20}]}),
    (400, "InvalidClientToken.Malformed", {"ClientToken": "x" * 65}),
])
def test_an_image_that_is_refused(sdk, world, status, code, changes):
    before = world.ecs.ok("DescribeImages", Status="ALL")["TotalCount"]
    asked = {"SnapshotId": world.snapshot, **changes}
    sdk.refused(status, code, "CreateImage", **{name: value for name, value in asked.items() if value is not None})
    assert world.ecs.ok("DescribeImages", Status="ALL")["TotalCount"] == before


def test_a_name_is_taken_once(sdk, world, image):
    name = shown(sdk, image)["ImageName"]
    message = sdk.refused(400, "InvalidImageName.Duplicated", "CreateImage", SnapshotId=world.snapshot, ImageName=name)
    assert message == "The specified image name is already in use."
    sdk("ModifyImageAttribute", ImageId=image, ImageName=name)
    other = world.made(ImageName=unique("other"))
    message = sdk.refused(400, "InvalidImageName.Duplicated", "ModifyImageAttribute", ImageId=other, ImageName=name)
    assert message == "The specified Image name has already bean used."
    sdk("DeleteImage", ImageId=other)


def test_a_token_makes_one_image(sdk, world):
    asked = {"SnapshotId": world.snapshot, "ImageName": unique("once"), "ClientToken": unique("token")}
    made = sdk("CreateImage", **asked)["ImageId"]
    assert sdk("CreateImage", **asked)["ImageId"] == made
    sdk.refused(400, "IdempotenceParamNotMatch", "CreateImage", **{**asked, "Description": "something else"})
    available(world.ecs, made)
    sdk("DeleteImage", ImageId=made)


def test_a_dry_run_changes_nothing(sdk, world, image):
    before = world.ecs.ok("DescribeImages", Status="ALL")["TotalCount"]
    asked = {"SnapshotId": world.snapshot, "ImageName": unique("dry"), "DryRun": True}
    message = sdk.refused(400, "DryRunOperation", "CreateImage", **asked)
    assert message == "Request validation has been passed with DryRun flag set."
    sdk.refused(400, "InvalidImageName.Malformed", "CreateImage", **{**asked, "ImageName": "!"})
    sdk.refused(400, "DryRunOperation", "ModifyImageAttribute", ImageId=image, Description="dry", DryRun=True)
    sdk.refused(400, "DryRunOperation", "DescribeImages", DryRun=True)
    assert world.ecs.ok("DescribeImages", Status="ALL")["TotalCount"] == before
    assert shown(sdk, image)["Description"] == DESCRIPTION


@pytest.mark.parametrize("found, filters", [
    (True, {"Status": "Available"}),
    (True, {"Status": "Creating, Available"}),
    (False, {"Status": "Creating,Waiting,UnAvailable,CreateFailed,Deprecated"}),
    (False, {"Status": "available"}),
    (True, {"ImageOwnerAlias": "self"}),
    (False, {"ImageOwnerAlias": "system"}),
    (False, {"ImageOwnerAlias": "others"}),
    (False, {"ImageOwnerAlias": "marketplace"}),
    (True, {"OSType": "linux"}),
    (False, {"OSType": "windows"}),
    (True, {"Architecture": "x86_64"}),
    (False, {"Architecture": "arm64"}),
    (True, {"Usage": "none"}),
    (False, {"Usage": "instance"}),
    (True, {"InstanceType": "ecs.g7.large"}),
    (True, {"InstanceType": "ecs.g7.large", "ActionType": "ChangeOS"}),
    (True, {"Tag": [{"Key": "stage", "Value": "test"}]}),
    (True, {"Tag": [{"Key": "stage", "Value": "test"}, {"Key": "empty"}]}),
    (False, {"Tag": [{"Key": "stage", "Value": "other"}]}),
    (True, {"Filter": [{"Key": "CreationStartTime", "Value": "2020-01-01T00:00Z"}]}),
    (False, {"Filter": [{"Key": "CreationEndTime", "Value": "2020-01-01T00:00Z"}]}),
    (True, {"IsPublic": False}),
    (False, {"ImageOwnerAlias": "others", "IsPublic": True}),
    (True, {"IsSupportIoOptimized": True}),
    (True, {"ResourceGroupId": "rg-nowhere"}),
    (True, {"ShowExpired": True}),
])
def test_filters(sdk, image, found, filters):
    assert bool(shown(sdk, image, **filters)) == found


def test_filters_by_what_the_image_is_called(sdk, image):
    record = shown(sdk, image)
    for filters in ({"ImageName": record["ImageName"]}, {"ImageName": record["ImageName"][:-2] + "*"},
                    {"ImageFamily": record["ImageFamily"]}):
        assert shown(sdk, image, **filters), filters
    for filters in ({"ImageName": record["ImageName"][:-2]}, {"ImageFamily": record["ImageFamily"][:-2]}):
        assert not shown(sdk, image, **filters), filters


def test_the_image_of_an_instance_is_in_use(sdk, world):
    assert shown(sdk, world.image)["Usage"] == "instance"
    assert shown(sdk, world.image, Usage="instance") and not shown(sdk, world.image, Usage="none")


@pytest.mark.parametrize("status, code, filters", [
    (404, "InvalidOSType", {"OSType": "Linux"}),
    (404, "InvalidArchitecture", {"Architecture": "amd64"}),
    (404, "InvalidUsage", {"Usage": "instances"}),
    (404, "InvalidFilterKey.NotFound", {"Filter": [{"Key": "Size", "Value": "1"}]}),
    (404, "InvalidFilterValue", {"Filter": [{"Key": "CreationStartTime", "Value": "yesterday"}]}),
    (400, "InvalidImageOwnerAlias.ValueNotSupported", {"ImageOwnerAlias": "mine"}),
    (400, "InvalidImageOwnerAlias.PublicImageUnsupported", {"IsPublic": True}),
    (400, "InvalidInstanceType.ValueNotSupported", {"InstanceType": "ecs.enormous"}),
    (400, "InvalidTag.Mismatch", {"Tag": [{"Value": "test"}]}),
    (400, "InvalidTagCount", {"Tag": [{"Key": f"k{n}", "Value": "v"} for n in range(21)]}),
    (400, "InvalidParamter", {"Status": "ALL,Available"}),
    (400, "InvalidParamter", {"PageSize": 101}),
    (400, "InvalidParamter", {"PageNumber": 0}),
])
def test_a_list_that_is_refused(sdk, status, code, filters):
    sdk.refused(status, code, "DescribeImages", **filters)


def test_what_nobody_knows_is_an_empty_list(sdk, image):
    body = sdk("DescribeImages", ImageId="m-00000000000000000000")
    assert body["TotalCount"] == 0 and body["Images"] == {"Image": []}
    assert (body["PageNumber"], body["PageSize"], body["RegionId"]) == (1, 10, REGION)


def test_pages_hold_every_image_once(sdk, world):
    family = unique("pages")
    made = {world.made(ImageFamily=family) for _ in range(5)}
    seen = []
    for page in (1, 2, 3, 4):
        body = sdk("DescribeImages", ImageFamily=family, PageNumber=page, PageSize=2)
        assert body["TotalCount"] == 5
        seen.append([entry["ImageId"] for entry in body["Images"]["Image"]])
    assert [len(page) for page in seen] == [2, 2, 1, 0]
    assert {image for page in seen for image in page} == made
    for image in made:
        sdk("DeleteImage", ImageId=image)


def test_attributes_change_together_or_not_at_all(sdk, world):
    made = world.made(ImageName=unique("before"), Description="before")
    name, family = unique("after"), unique("family")
    sdk("ModifyImageAttribute", ImageId=made, ImageName=name, Description="after words", ImageFamily=family,
        BootMode="UEFI", LicenseType="BYOL", Features={"NvmeSupport": "supported", "ImdsSupport": "v2"})
    found = shown(sdk, made)
    assert (found["ImageName"], found["Description"], found["ImageFamily"]) == (name, "after words", family)
    assert found["BootMode"] == "UEFI"
    assert (found["Features"]["NvmeSupport"], found["Features"]["ImdsSupport"]) == ("supported", "v2")
    for status, code, changes in [
        (400, "InvalidImageName.Malformed", {"ImageName": "-"}),
        (400, "InvalidImageFamily.Malformed", {"ImageFamily": "aliyunos"}),
        (400, "InvalidDescription.Malformed", {"Description": "d"}),
        (400, "InvalidBootMode.NotSupport", {"BootMode": "Legacy"}),
        (400, "InvalidLicenseType.NotSupported", {"LicenseType": "Free"}),
        (400, "InvalidParameter", {"Status": "Creating"}),
        (400, "InvalidParameter", {"Features": {"NvmeSupport": "yes"}}),
        (403, "InvalidOperation.FeaturesImdsSupportNotMatch", {"Features": {"ImdsSupport": "v1"}}),
        (403, "ImageStatus.NotDeprecated", {"Status": "Available"}),
    ]:
        sdk.refused(status, code, "ModifyImageAttribute", ImageId=made, **{"Description": "never", **changes})
        assert shown(sdk, made) == found, changes
    sdk("DeleteImage", ImageId=made)


def test_only_ones_own_image_changes(sdk, theirs, image):
    for asked in ({"ImageId": "m-00000000000000000000"}, {"ImageId": "no-id"}):
        sdk.refused(404, "InvalidImageId.NotFound", "ModifyImageAttribute", Description="mine now", **asked)
    theirs.refused(404, "InvalidImageId.NotFound", "ModifyImageAttribute", ImageId=image, Description="mine now")
    message = sdk.refused(400, "MissingParameter", "ModifyImageAttribute", Description="whose")
    assert message == 'The input parameter "ImageId" that is mandatory for processing this request is not supplied.'
    assert not shown(theirs, image)


def test_a_deprecated_image_is_there_but_not_offered(sdk, world, theirs):
    family = unique("line")
    old, new = world.made(ImageFamily=family), world.made(ImageFamily=family)
    assert sdk("DescribeImageFromFamily", ImageFamily=family)["Image"]["ImageId"] == new
    sdk("ModifyImageAttribute", ImageId=new, Status="Deprecated")
    sdk.refused(403, "ImageStatus.NotAvailable", "ModifyImageAttribute", ImageId=new, Status="Deprecated")
    assert shown(sdk, new)["Status"] == "Deprecated" and not shown(sdk, new, Status="Available")
    assert sdk("DescribeImageFromFamily", ImageFamily=family)["Image"]["ImageId"] == old
    sdk.refused(403, "OperationDenied.InvalidImageStatus", "ModifyImageSharePermission", ImageId=new,
                AddAccount=[world.stranger.account_id])
    sdk.refused(400, "IncorrectImageStatus", "CopyImage", ImageId=new)
    sdk("ModifyImageAttribute", ImageId=new, Status="Available")
    sdk("ModifyImageSharePermission", ImageId=new, AddAccount=[world.stranger.account_id])
    sdk.refused(403, "ImageUseShared", "ModifyImageAttribute", ImageId=new, Status="Deprecated")
    sdk("ModifyImageSharePermission", ImageId=new, RemoveAccount=[world.stranger.account_id])
    for image in (old, new):
        sdk("DeleteImage", ImageId=image)
    assert not sdk("DescribeImageFromFamily", ImageFamily=family).get("Image", {}).get("ImageId")


def test_the_boot_mode_stays_while_an_instance_is_there(sdk, world):
    sdk.refused(403, "OperationDeined.ImageUsingByInstance", "ModifyImageAttribute", ImageId=world.image, BootMode="UEFI")


def test_a_changed_name_is_found_at_once(sdk, world):
    made, name = world.made(), unique("found")
    sdk("ModifyImageAttribute", ImageId=made, ImageName=name)
    until(lambda: shown(sdk, made, ImageName=name), "the new name")
    sdk("DeleteImage", ImageId=made)


def test_a_wrong_secret_and_an_unknown_key(connect, world):
    account = world.account
    wrong, unknown = connect(account.key, "not-the-secret"), connect("LTAI0000000000000000", account.secret)
    failed = (400, "SignatureDoesNotMatch")
    if wrong.name == "v1":
        # The SDK finds its own string to sign in the answer, and says itself what that means.
        failed = (400, "InvalidAccessKeySecret")
    wrong.refused(*failed, "DescribeImages")
    unknown.refused(404, "InvalidAccessKeyId.NotFound", "DescribeImages")


def test_who_calls(connect, world):
    said = connect(world.account.key, world.account.secret, product="sts")("GetCallerIdentity")
    assert said["AccountId"] == world.account.account_id and said["Arn"].startswith(f"acs:ram::{said['AccountId']}:")
