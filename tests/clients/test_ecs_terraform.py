"""What terraform-provider-alicloud and packer do with images, call by call, as V1-signed requests of our own.

The providers themselves are Go programs that no package registry has; their call sequences, their polling and what
they read are those of the reference, section 19.
"""

import json

import pytest
from conftest import unique
from ecs_world import DISK_BYTES, TYPE, accomplished, available, disk_bytes, until, zone
from harness import ecs as signing

ANY_STATUS = "Creating,Waiting,Available,UnAvailable,CreateFailed"


@pytest.fixture(scope="module")
def client(world):
    """The account's own calls."""
    return world.ecs


def described(client, image, **query):
    """DescribeImages as the provider sends it: everything in the form body."""
    return client.ok("DescribeImages", ImageId=image, **query)["Images"]["Image"]


def wait_usable(client, image):
    """The provider from v1.289 on: `Status=ALL` until `Usable`, a JSON boolean."""
    def look():
        found = described(client, image, Status="ALL")
        assert found[0]["Status"] != "CreateFailed"
        assert isinstance(found[0]["Usable"], bool)
        return found[0]["Usable"] and found[0]
    return until(look, f"image {image}")


def wait_available(client, image):
    """The provider before v1.289: no status at all; what is not available yet is simply not there."""
    return until(lambda: (found := described(client, image)) and found[0]["Status"] == "Available" and found[0],
                 f"image {image}")


def removed(client, image):
    """The provider's destroy: look, delete with force, look until nothing is left."""
    assert described(client, image, Status=ANY_STATUS)
    client.ok("DeleteImage", ImageId=image, Force=True)
    until(lambda: not described(client, image, Status=ANY_STATUS), "the deletion")


def test_our_signatures_are_those_of_the_reference():
    secret = "testSecretKey0123456789abcdef"
    parameters = {
        "Action": "DescribeImages", "Version": "2014-05-26", "RegionId": "local-1", "ImageName": "名 a+b~*",
        "Status": "Available,Creating", "Timestamp": "2026-01-02T03:04:05Z", "SignatureMethod": "HMAC-SHA1",
        "SignatureType": "", "SignatureVersion": "1.0", "SignatureNonce": "nonce-v1-1",
        "AccessKeyId": "LTAI5tTestAccessKey01", "Format": "JSON"}
    assert signing.v1_signature(secret, "GET", parameters) == "C8a6cQBc0TrBAR8vxAmyXl0AAvw="
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    headers = {
        "host": "127.0.0.1:9292", "accept": "application/json", "x-acs-action": "CreateImage",
        "x-acs-version": "2014-05-26", "x-acs-date": "2026-01-02T03:04:05Z", "x-acs-content-sha256": empty,
        "x-acs-signature-nonce": "0123456789abcdef0123456789abcdef"}
    query = {"DryRun": "False", "ImageName": "名 a+b~*", "RegionId": "local-1", "Tag.1.Key": "k1", "Tag.1.Value": ""}
    assert signing.v3_signature(secret, "POST", query, headers, empty)[1] == (
        "96fb1f9b067ae96337229b927cb90c0ccda9d06a21a8d82426b0443e2a452fb6")


@pytest.mark.parametrize("wait", [wait_usable, wait_available])
def test_resource_image(client, world, wait):
    name = unique("terraform")
    made = client.ok("CreateImage", SnapshotId=world.snapshot, ImageName=name, Architecture="x86_64",
                     Platform="Debian", ClientToken=unique("TF-CreateImage"),
                     Tag=[{"Key": "Created", "Value": "TF"}])["ImageId"]
    found = wait(client, made)
    # Read: every attribute of the schema, by these very names and types.
    assert found["Description"] == "" and found["ImageName"] == name and found["ImageVersion"] == ""
    assert found["ResourceGroupId"] == "" and found["CreationTime"].endswith("Z")
    assert found["Features"]["NvmeSupport"] in ("supported", "unsupported")
    assert found["DiskDeviceMappings"]["DiskDeviceMapping"][0]["SnapshotId"] == world.snapshot
    assert [(tag["TagKey"], tag["TagValue"]) for tag in found["Tags"]["Tag"]] == [("Created", "TF")]

    # Update: the id in the query, the rest in the body, then wait until the description is the configured one.
    for description in ("described by terraform", "and again"):
        changed = {"RegionId": client.region, "ImageName": f"{name}-2", "Description": description}
        assert client.v1("ModifyImageAttribute", {"ImageId": made}, changed).status == 200
        until(lambda: described(client, made, Status="ALL")[0]["Description"] == description, "the description")

    # Tags: what is no longer configured goes, what is new comes.
    client.ok("UntagResources", ResourceType="image", ResourceId=[made], TagKey=["Created"])
    client.ok("TagResources", ResourceType="image", ResourceId=[made], Tag=[{"Key": "For", "Value": "Test"}])
    assert described(client, made, Status="ALL")[0]["Tags"]["Tag"] == [{"TagKey": "For", "TagValue": "Test"}]
    removed(client, made)


def test_resource_image_of_an_instance(client, world):
    made = client.ok("CreateImage", InstanceId=world.instance, ImageName=unique("terraform"))["ImageId"]
    found = wait_usable(client, made)
    assert found["DiskDeviceMappings"]["DiskDeviceMapping"][0]["Type"] == "system"
    removed(client, made)


def test_a_refusal_that_the_provider_takes_for_gone(client):
    """HTTP 404, or a message with `NotFound`, is how it learns that something is gone."""
    client.refused(404, "InvalidImageId.NotFound", "ModifyImageAttribute", ImageId="m-00000000000000000000",
                   Description="gone")
    assert described(client, "m-00000000000000000000", Status="ALL") == []


def test_resource_image_copy(client, world):
    for wait in (wait_usable, wait_available):
        made = client.ok("CopyImage", ImageId=world.image, DestinationRegionId=client.region,
                         DestinationImageName=unique("copy"), DestinationDescription="copied by terraform",
                         Tag=[{"Key": "Created", "Value": "TF"}])["ImageId"]
        found = described(client, made, Status="ALL")[0]
        assert found["Status"] in ("Creating", "Waiting", "Available")
        assert wait(client, made)["Description"] == "copied by terraform"
        removed(client, made)


def test_resource_image_import_and_export(client, world):
    from ecs_family import BUCKET, in_bucket
    with open(in_bucket("terraform.raw"), "wb") as file:
        file.write(disk_bytes(5))
    said = client.ok("ImportImage", ImageName=unique("import"), Architecture="x86_64", OSType="linux",
                     Platform="Ubuntu", LicenseType="Auto", Description="imported", DiskDeviceMapping=[
                         {"DiskImageSize": 5, "Format": "RAW", "OSSBucket": BUCKET, "OSSObject": "terraform.raw"}])
    image = said["ImageId"]

    def look():
        found = described(client, image, Status="ALL")[0]
        assert found["Status"] in ("Creating", "Waiting", "Available")
        return found["Status"] == "Available"
    until(look, "the import")
    task = client.ok("ExportImage", ImageId=image, OSSBucket=BUCKET, OSSPrefix="tf")["TaskId"]

    def task_status():
        # The provider leaves the region out in this call.
        said = client.v1("DescribeTaskAttribute", form={"TaskId": task}).expect(200).json()
        assert said["TaskStatus"] in ("Waiting", "Processing", "Finished")
        return said["TaskStatus"] == "Finished"
    until(task_status, "the export")
    removed(client, image)


def test_resource_image_share_permission(client, world):
    made, stranger = world.made(), world.stranger.account_id
    client.ok("ModifyImageSharePermission", ImageId=made, AddAccount=[stranger])
    accounts = client.ok("DescribeImageSharePermission", ImageId=made)["Accounts"]["Account"]
    assert [entry["AliyunId"] for entry in accounts] == [stranger]
    client.ok("ModifyImageSharePermission", ImageId=made, RemoveAccount=[stranger])
    assert client.ok("DescribeImageSharePermission", ImageId=made)["Accounts"]["Account"] == []
    removed(client, made)


def test_data_source_images(client, world):
    """Pages of 100 until one has fewer than 50 entries."""
    family, found, page = unique("source"), [], 1
    made = {world.made(ImageFamily=family) for _ in range(3)}
    while True:
        entries = client.ok("DescribeImages", PageNumber=page, PageSize=100, ImageFamily=family, Status="Available",
                            ImageOwnerAlias="self")["Images"]["Image"]
        found += entries
        if len(entries) < 50:
            break
        page += 1
    assert {entry["ImageId"] for entry in found} == made
    # `most_recent` relies on the creation time being comparable as text.
    assert [entry["CreationTime"] for entry in found] == sorted((entry["CreationTime"] for entry in found), reverse=True)
    for image in made:
        removed(client, image)


def test_packer_looks_around(client, world):
    assert client.ok("DescribeRegions")["Regions"]["Region"] and client.ok("DescribeZones")["Zones"]["Zone"]
    name = unique("packer")
    assert described(client, None, ImageName=name, Status="Waiting,Creating,CreateFailed,Available") == []
    assert [entry["ImageId"] for entry in described(client, world.image)] == [world.image]
    assert described(client, world.image, ImageOwnerAlias="marketplace") == []
    none = client.ok("DescribeImageFromFamily", ImageFamily=unique("family"))
    assert none.get("Image", {}).get("ImageId", "") == ""


@pytest.mark.parametrize("ignore_data_disks", [False, True])
def test_packer_builds(client, world, ignore_data_disks):
    """The image calls of a build; the machine that ran in between is left out."""
    instance = client.ok("CreateInstance", ImageId=world.image, InstanceType=TYPE, ZoneId=zone(client),
                         ClientToken=unique("token"))["InstanceId"]

    def stopped():
        said = client.ok("DescribeInstances", InstanceIds=json.dumps([instance]))["Instances"]["Instance"]
        return said and said[0]["Status"] == "Stopped"
    until(stopped, "the instance")
    family, name = unique("family"), unique("packer")
    source = {"InstanceId": instance}
    if ignore_data_disks:
        disk = client.ok("DescribeDisks", InstanceId=instance, DiskType="system")["Disks"]["Disk"][0]["DiskId"]
        snapshot = client.ok("CreateSnapshot", DiskId=disk)["SnapshotId"]
        accomplished(client, snapshot)
        source = {"SnapshotId": snapshot}
    made = client.ok("CreateImage", **source, ImageName=name, ImageFamily=family, ImageVersion="1",
                     Description="built by packer", Tag=[{"Key": "builder", "Value": "packer"}])["ImageId"]
    found = available(client, made)
    assert client.ok("DescribeImageFromFamily", ImageFamily=family)["Image"]["ImageId"] == made
    snapshots = [disk["SnapshotId"] for disk in found["DiskDeviceMappings"]["DiskDeviceMapping"]]
    assert snapshots
    for snapshot in snapshots:
        client.ok("AddTags", ResourceType="snapshot", ResourceId=snapshot, Tag=[{"Key": "builder", "Value": "packer"}])
    client.ok("ModifyImageSharePermission", ImageId=made, AddAccount=[world.stranger.account_id])
    client.ok("ModifyImageSharePermission", ImageId=made, RemoveAccount=[world.stranger.account_id])
    copy = client.ok("CopyImage", ImageId=made, DestinationRegionId=client.region,
                     DestinationImageName=f"{name}-copy")["ImageId"]
    available(client, copy)
    # Clean-up, in packer's order.
    for image in (copy, made):
        client.ok("DeleteImage", ImageId=image)
    for snapshot in snapshots:
        client.ok("DeleteSnapshot", SnapshotId=snapshot)
    client.ok("DeleteInstance", InstanceId=instance, Force=True)
    until(lambda: not client.ok("DescribeInstances", InstanceIds=json.dumps([instance]))["Instances"]["Instance"],
          "the instance's end")


def test_every_place_for_parameters(client, world):
    """GET and POST, query and body and both, V1 and V3: the same answer."""
    asked = {"RegionId": client.region, "ImageId": world.image, "Status": "ALL"}
    half = {"RegionId": client.region}, {"ImageId": world.image, "Status": "ALL"}
    for answer in [
        client.v1("DescribeImages", asked, method="GET"), client.v1("DescribeImages", asked),
        client.v1("DescribeImages", form=asked), client.v1("DescribeImages", *half),
        client.v3("DescribeImages", asked, method="GET"), client.v3("DescribeImages", asked),
        client.v3("DescribeImages", form=asked), client.v3("DescribeImages", *half),
    ]:
        assert [entry["ImageId"] for entry in answer.expect(200).json()["Images"]["Image"]] == [world.image]


def test_xml_for_older_clients(client, world):
    """Without a format version 1 answers XML; version 3 when its `accept` says so."""
    asked = {"RegionId": client.region, "ImageId": world.image, "Status": "ALL"}
    for answer in [client.v1("DescribeImages", asked, Format=None), client.v1("DescribeImages", asked, Format="xml"),
                   client.v3("DescribeImages", asked, accept="application/xml")]:
        text = answer.expect(200).body.decode()
        assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>')
        assert "<DescribeImagesResponse>" in text and f"<ImageId>{world.image}</ImageId>" in text
        assert answer.headers["Content-Type"].startswith("text/xml")
    refused = client.v1("DescribeImages", {**asked, "OSType": "beos"}, Format=None).expect(404).body.decode()
    assert "<Error>" in refused and "<Code>InvalidOSType</Code>" in refused
    assert client.image(world.image)["Size"] >= DISK_BYTES >> 30


@pytest.mark.parametrize("status, code, changes", [
    (400, "MissingParameter", {"Action": None}),
    (404, "InvalidAction.NotFound", {"Action": "describeImages"}),
    (400, "InvalidVersion", {"Version": "2014-05-27"}),
    (400, "InvalidTimeStamp.Expired", {"Timestamp": "2020-01-01T00:00:00Z"}),
    (400, "InvalidTimeStamp.Format", {"Timestamp": "yesterday"}),
    (400, "InvalidParamater", {"SignatureMethod": "HMAC-MD5"}),
    (400, "InvalidParamater", {"SignatureVersion": "2.0"}),
    (404, "InvalidAccessKeyId.NotFound", {"AccessKeyId": "LTAI0000000000000000"}),
    (400, "SignatureDoesNotMatch", {"Signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}),
])
def test_requests_that_are_not_let_in(client, status, code, changes):
    answer = client.v1("DescribeImages", {"RegionId": client.region}, **changes)
    assert (answer.status, answer.json()["Code"]) == (status, code)


def test_a_request_is_good_once(client):
    nonce = unique("nonce")
    asked = {"RegionId": client.region}
    client.v1("DescribeRegions", asked, SignatureNonce=nonce).expect(200)
    again = client.v1("DescribeRegions", asked, SignatureNonce=nonce).expect(400)
    assert again.json()["Code"] == "SignatureNonceUsed"
    # Who cannot sign cannot use a nonce up.
    nonce = unique("nonce")
    client.v1("DescribeRegions", asked, SignatureNonce=nonce, Signature="AAAA").expect(400)
    client.v1("DescribeRegions", asked, SignatureNonce=nonce).expect(200)
