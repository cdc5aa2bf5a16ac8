"""`huaweicloudsdkims`, unmodified, signing with AK and SK: images looked at, listed and changed; the native paths."""

import json
import re

import pytest
from conftest import unique
from ecs_world import disk_bytes
from harness.ecs import STS
from harness.ims import Ims
from huawei import ANY_CODE, Sdk, config
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import SdkException
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkims.v2 import ImsAsyncClient, ListImagesRequest

NOBODY = "00000000-0000-4000-8000-000000000000"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
# What the seed says is always there, and what kind of JSON it is.
ALWAYS = {
    "file": str, "owner": str, "id": str, "size": int, "self": str, "schema": str, "status": str, "tags": list,
    "visibility": str, "name": str, "checksum": str, "deleted": bool, "protected": bool, "container_format": str,
    "min_ram": int, "updated_at": str, "__os_bit": str, "__os_version": str, "disk_format": str, "__isregistered": str,
    "__platform": str, "__os_type": str, "min_disk": int, "virtual_env_type": str, "__image_source_type": str,
    "__imagetype": str, "created_at": str, "virtual_size": int, "deleted_at": type(None), "__originalimagename": str,
    "__backup_id": str, "__productcode": str, "__image_size": str, "__data_origin": (str, type(None)),
    "hw_firmware_type": str}


@pytest.fixture(scope="module")
def sdk(world):
    """The client of the account that the suite works in."""
    return Sdk(world.account)


@pytest.fixture(scope="module")
def theirs(world):
    """The client of somebody else's."""
    return Sdk(world.stranger)


@pytest.fixture
def image(world):
    """A new image that is there for use."""
    return uploaded(Sdk(world.account), world)


def uploaded(sdk, world, **asked):
    """An image made by the native calls; the SDK has none for the bytes."""
    asked = {"name": unique("sdk"), "__os_version": "Ubuntu 18.04 server 64bit", "disk_format": "raw", "min_disk": 1,
             **asked}
    made = sdk("GlanceCreateImageMetadata", body=asked)["id"]
    world.account.ims().ok("PUT", f"/v2/images/{made}/file", raw=disk_bytes(9), status=204,
                           headers={"content-type": "application/octet-stream"})
    return made


def change(op, name, value=None):
    """One element of the array that an image is changed by."""
    return {"op": op, "path": f"/{name}", **({} if value is None else {"value": value})}


def test_the_example_of_the_seed(sdk, image):
    before = sdk.image(image)
    held = sdk("UpdateImage", image_id=image, body=[change("replace", "name", "ims_test")])
    said = json.loads(sdk.last.raw_content)
    assert said["name"] == held["name"] == "ims_test" and sdk.last.status_code == 200
    for name, kind in ALWAYS.items():
        assert name in said and isinstance(said[name], kind), f"{name}: {said.get(name, 'absent')!r}"
    assert not isinstance(said["size"], bool) and said["deleted"] is False and said["deleted_at"] is None
    assert said["self"] == f"/v2/images/{image}" and said["file"] == f"/v2/images/{image}/file"
    assert said["schema"] == "/v2/schemas/image" and said["status"] == "active" and said["visibility"] == "private"
    assert said["__imagetype"] == "private" and said["__isregistered"] == "true" and said["__image_source_type"] == "uds"
    assert (said["__os_version"], said["__platform"], said["__os_type"], said["__os_bit"]) == (
        "Ubuntu 18.04 server 64bit", "Ubuntu", "Linux", "64")
    assert int(said["__image_size"]) > 0 and said["hw_firmware_type"] == "bios" and "max_ram" not in said
    assert TIME.fullmatch(said["created_at"]) and TIME.fullmatch(said["updated_at"])
    assert not [name for name in said if name.startswith("__support_")]
    assert {**before, "name": "ims_test", "updated_at": held["updated_at"]} == sdk.image(image)


def test_every_attribute_of_the_seed_is_added_replaced_and_removed(sdk, image):
    values = {"__description": "Ein Bild, 100 %", "__support_largememory": "true", "__support_diskintensive": "true",
              "__support_highperformance": "true", "hw_vif_multiqueue_enabled": "true", "hw_firmware_uefi": "true",
              "max_ram": "8192", "extension_1": "anything"}
    for group in (values, {"__support_xen": "true"}, {"__support_kvm": "true"}, {"__support_xen_gpu_type": "M60_vGPU"},
                  {"__support_kvm_gpu_type": "V100_vGPU"}, {"__support_xen_hana": "true"},
                  {"__support_kvm_infiniband": "true"}):
        for name, value in group.items():
            sdk.refused(400, "IMG.0035", "UpdateImage", image_id=image, body=[change("replace", name, value)])
            sdk.refused(400, "IMG.0035", "UpdateImage", image_id=image, body=[change("remove", name, value)])
        sdk("UpdateImage", image_id=image, body=[change("add", name, value) for name, value in group.items()])
        said = json.loads(sdk.last.raw_content)
        assert {name: said[name] for name in group} == group
        sdk("UpdateImage", image_id=image, body=[change("replace", name, value) for name, value in group.items()])
        sdk("UpdateImage", image_id=image, body=[change("remove", name) for name in group])
        said = json.loads(sdk.last.raw_content)
        assert not set(group) & set(said), said
    # The SDK sends a number as text, and gets a number.
    assert sdk("UpdateImage", image_id=image, body=[change("replace", "min_ram", "2048")])["min_ram"] == 2048
    assert sdk("UpdateImage", image_id=image, body=[change("replace", "hw_firmware_type", "uefi")])[
        "hw_firmware_type"] == "uefi"


@pytest.mark.parametrize("one, other", [
    ("__support_xen_gpu_type", "__support_xen"), ("__support_xen_gpu_type", "__support_kvm"),
    ("__support_kvm_gpu_type", "__support_xen"), ("__support_kvm_gpu_type", "__support_kvm"),
    ("__support_xen_hana", "__support_xen"), ("__support_xen_hana", "__support_kvm"),
    ("__support_kvm_infiniband", "__support_xen"),
])
def test_attributes_that_exclude_one_another(sdk, image, one, other):
    value = {"__support_xen_gpu_type": "M60_vGPU", "__support_kvm_gpu_type": "V100"}.get(one, "true")
    sdk.refused(400, "IMG.0035", "UpdateImage", image_id=image,
                body=[change("add", one, value), change("add", other, "true")])
    sdk("UpdateImage", image_id=image, body=[change("add", other, "true")])
    before = sdk.image(image)
    sdk.refused(400, "IMG.0035", "UpdateImage", image_id=image,
                body=[change("add", "half", "done"), change("add", one, value)])
    assert sdk.image(image) == before
    held = sdk("UpdateImage", image_id=image, body=[change("add", one, value), change("remove", other)])
    assert held[one] == value and other not in held


@pytest.mark.parametrize("code, changes", [
    ("IMG.0002", [change("replace", "name", "x" * 129)]),
    ("IMG.0003", [change("replace", "name", "bad/name")]),
    ("IMG.0003", [change("replace", "name", " blank")]),
    ("IMG.0004", [change("add", "__description", "x" * 1025)]),
    ("IMG.0054", [change("add", "__description", "<b>")]),
    ("IMG.0054", [change("add", "__description", "one\ntwo")]),
    ("IMG.0055", [change("replace", "min_ram", "-1")]),
    ("IMG.0055", [change("replace", "min_ram", "much")]),
    ("IMG.0055", [change("add", "max_ram", "much")]),
    ("IMG.0141", [change("replace", "hw_firmware_type", "efi")]),
    ("IMG.0001", [change("move", "name", "x")]),
    ("IMG.0001", [change("add", "a/b", "x")]),
    ("IMG.0001", [{"op": "add", "path": "extension", "value": "x"}]),
    ("IMG.0001", [{"op": "add", "path": "/", "value": "x"}]),
])
def test_a_change_that_is_refused_changes_nothing(sdk, image, code, changes):
    before = sdk.image(image)
    sdk.refused(400, code, "UpdateImage", image_id=image, body=[change("add", "half", "done"), *changes])
    assert sdk.image(image) == before


@pytest.mark.parametrize("name", ["id", "owner", "status", "size", "checksum", "visibility", "tags", "protected", "min_disk",
                                  "disk_format", "__imagetype", "__image_size", "__os_type", "__platform", "Extension"])
def test_what_cannot_be_changed_here(sdk, image, name):
    before = sdk.image(image)
    # The reference leaves the code open.
    assert sdk.refused(400, ANY_CODE, "UpdateImage", image_id=image, body=[change("add", name, "x")])
    assert sdk.image(image) == before


def test_only_what_is_active_is_changed_and_only_by_its_owner(sdk, theirs, world, image):
    queued = sdk("GlanceCreateImageMetadata", body={"name": unique("queued"), "disk_format": "raw"})["id"]
    sdk.refused(400, "IMG.0046", "UpdateImage", image_id=queued, body=[change("replace", "name", "x")])
    sdk.refused(404, "IMG.0027", "UpdateImage", image_id=NOBODY, body=[change("replace", "name", "x")])
    theirs.refused(404, "IMG.0027", "UpdateImage", image_id=image, body=[change("replace", "name", "x")])
    sdk("GlanceAddImageMember", image_id=image, body={"member": world.stranger.project_id})
    theirs("GlanceUpdateImageMember", image_id=image, member_id=world.stranger.project_id, body={"status": "accepted"})
    theirs.refused(403, "IMG.0047", "UpdateImage", image_id=image, body=[change("replace", "name", "x")])
    sdk.gone(queued)
    sdk.gone(image)
    sdk.refused(404, "IMG.0027", "UpdateImage", image_id=image, body=[change("replace", "name", "x")])


def test_lists_and_every_filter(sdk, world):
    name = unique("filtered")
    image = uploaded(sdk, world, name=name, min_disk=3, min_ram=512, protected=True, tags=["stage=test", "bare"])
    sdk("UpdateImage", image_id=image, body=[change("add", "__support_kvm", "true"),
                                             change("add", "__support_highperformance", "true")])
    held = sdk.same("ListImages", name=name)["images"][0]
    assert held["id"] == image and held["tags"] == ["bare", "stage=test"] and held["protected"] is True
    found = {"__isregistered": "true", "__imagetype": "private", "protected": True, "visibility": "private",
             "owner": world.account.project_id, "status": "active", "container_format": "bare", "disk_format": "raw",
             "min_ram": 512, "min_disk": 3, "__os_bit": "64", "__platform": "Ubuntu", "__os_type": "Linux",
             "virtual_env_type": "FusionCompute", "tag": "stage=test", "__support_kvm": "true",
             "__support_highperformance": "true", "enterprise_project_id": "0", "created_at": "gte:2020-01-01T00:00:00Z",
             "updated_at": "lt:2100-01-01T00:00:00Z", "architecture": "x86", "id": image}
    other = {"__imagetype": "gold", "protected": False, "visibility": "public", "owner": "0" * 32, "status": "queued",
             "container_format": "ovf", "disk_format": "qcow2", "min_ram": 511, "min_disk": 4, "__os_bit": "32",
             "__platform": "Debian", "__os_type": "Windows", "virtual_env_type": "DataImage", "tag": "stage=live",
             "__support_xen": "true", "__support_largememory": "true", "__support_diskintensive": "true",
             "__support_xen_hana": "true", "__support_kvm_infiniband": "true", "__support_xen_gpu_type": "M60_vGPU",
             "__support_kvm_gpu_type": "V100", "created_at": "lt:2020-01-01T00:00:00Z",
             "updated_at": "gt:2100-01-01T00:00:00Z", "architecture": "arm", "id": NOBODY}
    for expected, filters in ((1, found), (0, other)):
        for key, value in filters.items():
            assert len(sdk("ListImages", name=name, **{key: value})["images"]) == expected, f"{key}={value}"
    assert len(sdk("ListImages", name=name, **{key: value for key, value in found.items() if key != "id"})["images"]) == 1
    assert sdk("ListImages", name=name, tag="bare")["images"]
    sdk.refused(400, "IMG.0001", "ListImages", sort_key="colour")
    sdk.refused((400, 403), ("IMG.0028", "IMG.0091"), "GlanceDeleteImage", image_id=image)
    sdk("GlanceUpdateImage", image_id=image, body=[change("replace", "protected", False)])
    sdk.gone(image)


def test_pages_and_order(sdk, world):
    tag = unique("page")
    made = [uploaded(sdk, world, name=f"{tag}-{number}", tags=[tag]) for number in (2, 0, 1)]
    named = [made[1], made[2], made[0]]
    for query, expected in [({"sort_key": "name", "sort_dir": "asc"}, named),
                            ({"sort_key": "name", "sort_dir": "desc"}, named[::-1]),
                            ({"sort_key": "created_at", "sort_dir": "asc"}, None), ({}, None)]:
        ids = [entry["id"] for entry in sdk("ListImages", tag=tag, **query)["images"]]
        assert ids == expected if expected else sorted(ids) == sorted(made), query
        seen, marker = [], None
        while page := sdk("ListImages", tag=tag, limit=1, **query, **({"marker": marker} if marker else {}))["images"]:
            assert len(page) == 1
            seen, marker = seen + [page[0]["id"]], page[0]["id"]
        assert seen == ids, query
    for image in made:
        sdk.gone(image)
    assert sdk("ListImages", tag=tag)["images"] == []


def test_native_paths(sdk, theirs, world):
    name = unique("native")
    held = sdk("GlanceCreateImageMetadata", body={
        "name": name, "__os_version": "Windows Server 2016 Standard 64bit", "visibility": "private", "protected": False,
        "container_format": "bare", "disk_format": "vhd", "min_ram": 1024, "min_disk": 40, "tags": ["a=b"]})
    assert sdk.last.status_code == 201
    image = held["id"]
    for key, value in {"status": "queued", "__image_source_type": "uds", "__image_size": "0", "__isregistered": "true",
                       "__os_type": "Windows", "__platform": "Windows", "__os_bit": "64", "__imagetype": "private",
                       "virtual_env_type": "FusionCompute", "__root_origin": "file", "disk_format": "vhd",
                       "owner": world.account.project_id, "min_disk": 40, "min_ram": 1024, "tags": ["a=b"]}.items():
        assert held[key] == value, f"{key}: {held.get(key)!r}"
    assert sdk("GlanceShowImage", image_id=image)["name"] == name
    assert [entry["id"] for entry in sdk("GlanceListImages", name=name)["images"]] == [image]
    listed = sdk("GlanceListImages", limit=1)
    assert listed["schema"] == "/v2/schemas/images" and listed["first"] and len(listed["images"]) == 1
    assert listed["next"].startswith("/v2/images?")
    held = sdk("GlanceUpdateImage", image_id=image, body=[change("replace", "name", f"{name}-2"),
                                                          change("add", "own_attribute", "own value")])
    assert held["name"] == f"{name}-2"
    assert json.loads(sdk.last.raw_content)["own_attribute"] == "own value"
    sdk("GlanceCreateTag", image_id=image, tag="plain")
    assert sdk.last.status_code == 204
    assert sdk.image(image)["tags"] == ["a=b", "plain"]
    sdk("GlanceDeleteTag", image_id=image, tag="plain")
    for operation, asked in [("GlanceShowImage", {}), ("GlanceDeleteImage", {}), ("GlanceCreateTag", {"tag": "x"}),
                             ("GlanceUpdateImage", {"body": [change("replace", "name", "x")]})]:
        theirs.refused(404, ANY_CODE, operation, image_id=image, **asked)
    sdk.refused(404, ANY_CODE, "GlanceDeleteTag", image_id=image, tag="plain")
    sdk.refused(400, "IMG.0072", "GlanceCreateImageMetadata", body={"name": name, "disk_format": "tar"})
    sdk("GlanceDeleteImage", image_id=image, body={"delete_backup": True})
    assert sdk.last.status_code == 204 and sdk.image(image) is None


def test_bytes_go_in_and_come_out(sdk, world):
    data, ims = disk_bytes(3), world.account.ims()
    image = uploaded(sdk, world)
    ims.ok("PUT", f"/v2/images/{image}/file", raw=b"again", status=400,
           headers={"content-type": "application/octet-stream"})
    other = sdk("GlanceCreateImageMetadata", body={"name": unique("file"), "disk_format": "raw"})["id"]
    ims.ok("PUT", f"/v2/images/{other}/file", raw=data, status=204, headers={
        "content-type": "application/octet-stream", "x-sdk-content-sha256": "UNSIGNED-PAYLOAD"})
    assert ims.call("GET", f"/v2/images/{other}/file").expect(200).body == data
    assert sdk.image(other)["status"] == "active" and sdk.image(other)["__image_size"] == str(len(data))
    for one in (image, other):
        sdk.gone(one)


def test_about(sdk):
    for operation, name in [("GlanceShowImageSchemas", "image"), ("GlanceListImageSchemas", "images"),
                            ("GlanceShowImageMemberSchemas", "member"), ("GlanceListImageMemberSchemas", "members")]:
        held = sdk(operation)
        assert held["name"] == name and held["properties"]
    assert "__os_version" in sdk("GlanceShowImageSchemas")["properties"] or sdk("GlanceShowImageSchemas")["properties"]["id"]
    quotas = sdk.same("ShowImageQuota")["quotas"]["resources"]
    (images,) = [entry for entry in quotas if entry["type"] == "image"]
    assert 0 <= images["used"] <= images["quota"] and images["min"] <= images["max"]
    held = {entry["platform"]: entry["version_list"] for entry in sdk("ListOsVersions")["body"]}
    assert {"Windows", "Ubuntu", "CentOS", "Debian"} <= set(held)
    entry = next(entry for entry in held["Ubuntu"] if entry["os_version"] == "Ubuntu 18.04 server 64bit")
    assert entry == {"platform": "Ubuntu", "os_version_key": "Ubuntu 18.04 server 64bit", "os_bit": 64,
                     "os_version": "Ubuntu 18.04 server 64bit", "os_type": "Linux"}
    assert isinstance(sdk("ListOsVersions", tag="uefi")["body"], list)
    versions = sdk("ListVersions")["versions"]
    assert sdk.last.status_code == 300 and [one for one in versions if one["status"] == "CURRENT"]
    assert sdk("ShowVersion", version="v2.0")["versions"] and sdk.last.status_code == 300


def test_a_region_instead_of_a_project(world):
    """The SDK asks for the project of that name, and wants exactly one."""
    asking = Sdk(world.account, region=Region("local-1", world.account.url))
    assert asking("ListImages", limit=1)["images"]
    assert asking.credentials.project_id == world.account.project_id
    with pytest.raises(SdkException, match="Failed to get project id of region 'nowhere'"):
        Sdk(world.account, region=Region("nowhere", world.account.url))


def test_the_async_client(world):
    who = BasicCredentials(world.account.key, world.account.secret, world.account.project_id)
    client = ImsAsyncClient.new_builder(ImsAsyncClient).with_http_config(config()).with_credentials(who).with_endpoints(
        [world.account.url]).build()
    assert client.list_images_async(ListImagesRequest(limit=1)).result().images


def test_who_is_not_let_in(world):
    account = world.account
    for changes, says in [({"secret": "wrong" * 8}, "verify aksk signature fail"),
                          ({"key": "AKNOBODY000000000000"}, "AKNOBODY000000000000 not exist")]:
        message = Sdk(account, **changes).refused(401, "APIGW.0301", "ListImages")
        assert message.startswith("Incorrect IAM authentication information: ") and says in message
    Sdk(account, project=world.stranger.project_id).refused(403, "APIGW.0302", "ListImages")


def test_a_key_for_a_while(world):
    """A temporary key is good with its token only; the Go signers send that unsigned."""
    given = world.ecs.ok("GetSessionToken", version=STS, DurationSeconds=900)["Credentials"]
    key, secret, token = given["AccessKeyId"], given["AccessKeySecret"], given["SecurityToken"]
    assert "images" in Sdk(world.account, key=key, secret=secret, token=token)("ListImages", limit=1)
    for way in ("a", "go", "b"):
        ims = Ims(world.account.url, key, secret, world.account.project_id, way, security_token=token)
        assert ims.images("limit=1")
    Sdk(world.account, key=key, secret=secret).refused(401, "APIGW.0301", "ListImages")
    Sdk(world.account, key=key, secret=secret, token=token[:-4] + "AAAA").refused(401, "APIGW.0301", "ListImages")


def test_texts_of_every_length(sdk, world, image):
    """What this API allows, every API shows."""
    for text in ("x" * 1024, "名" * 300, "+ &=?%/#'\"`~"):
        held = sdk("UpdateImage", image_id=image, body=[change("add", "__description", text), change("add", "long", text)])
        assert held["__description"] == text and sdk.image(image)["__description"] == text
        shown = world.account.images().show(image)
        assert (shown["description"], shown["long"]) == (text, text)
        (found,) = world.ecs.images(ImageName=shown["name"])
        assert found["Description"] == text
