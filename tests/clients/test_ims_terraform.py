"""What the terraform providers of Huawei Cloud and Open Telekom Cloud do with images, call by call.

The providers are Go programs that no package registry has; their call sequences, their polling, the statuses they
insist on and what they read are those of the reference, section 15. The first signs neither the host nor the project,
the second by a derived key, or sends a token.
"""

import datetime
import re

import pytest
from conftest import unique
from ecs_family import BUCKET, in_bucket
from ecs_world import disk_bytes, until, uuid_of, zone
from harness import ims as signing
from harness.ims import JSON_PATCH, ImsError

OS_VERSION = "Ubuntu 18.04 server 64bit"
# What the Go struct of the second provider declares: numbers and times; everything else is text.
NUMBERS = ("size", "virtual_size", "min_disk", "min_ram")
TRUTHS = ("protected", "deleted", "__system_support_market")


@pytest.fixture(scope="module", params=["go", "b", "token"])
def client(request, world):
    """The account's calls, let in each way that the providers know."""
    if request.param == "token":
        return world.account.ims(token=world.account.images().token)
    return world.account.ims(way=request.param)


@pytest.fixture(scope="module")
def theirs(request, world):
    """Somebody else's calls."""
    return world.stranger.ims(way="go")


@pytest.fixture(scope="module")
def file():
    """A raw file in the bucket, as requests name it."""
    name = unique("terraform") + ".raw"
    with open(in_bucket(name), "wb") as out:
        out.write(disk_bytes(5))
    return f"{BUCKET}:{name}"


def finished(client, job):
    """Both providers: look until SUCCESS or FAIL; an empty status is an error."""
    def look():
        told = client.job(job)
        assert told["status"] in ("INIT", "RUNNING", "SUCCESS"), told
        return told["status"] == "SUCCESS" and told
    return until(look, f"job {job}")


def decoded(found):
    """An image as the strict Go struct takes it: a number where text is declared would end the decoding."""
    for name, value in found.items():
        if name in NUMBERS:
            assert isinstance(value, int) and not isinstance(value, bool), f"{name}: {value!r}"
        elif name in TRUTHS:
            assert isinstance(value, bool), f"{name}: {value!r}"
        elif name == "tags":
            assert all(isinstance(tag, str) for tag in value), value
        else:
            assert value is None or isinstance(value, str), f"{name}: {value!r}"
    for name in ("created_at", "updated_at"):
        assert datetime.datetime.strptime(found[name], "%Y-%m-%dT%H:%M:%SZ")
    assert "max_ram" not in found or re.fullmatch(r"\d+", found["max_ram"])
    return found


def read(client, image):
    """Read: the first of the list; an empty list is gone."""
    found = client.image(image)
    return found and decoded(found)


def removed(client, image):
    """Huawei's destroy: look, delete, look until nothing is left."""
    assert read(client, image)
    client.ok("DELETE", f"/v2/images/{image}", status=204)
    until(lambda: client.image(image) is None, f"the deletion of {image}")


def updated(client, image, field, value):
    """Huawei's update of one field: `replace`, and `add` where that says IMG.0035."""
    change = {"op": "replace", "path": f"/{field}", "value": value}
    try:
        return client.patch(image, change)
    except ImsError as refused:
        assert (refused.status, refused.code) == (400, "IMG.0035") and field in ("__description", "max_ram"), refused
        return client.patch(image, {**change, "op": "add"})


def retagged(client, image, old, new):
    """Huawei's update of the tags: the old ones go, the new ones come."""
    path = f"/v2/{client.project}/images/{image}/tags/action"
    for action, tags in (("delete", old), ("create", new)):
        if tags:
            entries = [{"key": key, "value": value} for key, value in tags.items()]
            client.ok("POST", path, {"action": action, "tags": entries}, status=204)
    told = client.ok("GET", f"/v2/{client.project}/images/{image}/tags")["tags"]
    assert {tag["key"]: tag["value"] for tag in told} == new


def test_our_signatures_are_those_of_the_reference():
    secret, project = "imprintSecretKey0123456789abcdefghijklmn", "0b1e494e2660441a957313163095fe5c"
    image, json = "33ad552d-1149-471c-8190-ff6776174a00", "application/json"
    base = {"host": "127.0.0.1:9292", "x-sdk-date": "20240102T030405Z"}
    query = "__imagetype=gold&created_at=lt%3A2018-10-28T10%3A00%3A00Z&limit=1&protected=true&sort_key=name&tag=a%3Db%20c"
    of_project = {**base, "content-type": json, "x-project-id": project}
    for signature, method, target, headers, body in [
        ("320f965d9da95175a2616d9470cbcda55d5993dd3e117f304d571fb68add26cd", "GET", "/v1/cloudimages/quota",
         {**base, "content-type": json}, b""),
        ("4bf3fea8a6dc1e36cc00c2ae01cddc584c2896fb65d037cd6e72cf9963fc237d", "GET", f"/v2/cloudimages?{query}", of_project, b""),
        ("c51cc58e4a9d6cd69e5b8d5346895888e741d7fdadb8819e1a6329717e12e893", "PATCH", f"/v2/cloudimages/{image}",
         {**of_project, "content-type": f"{json};charset=UTF-8"}, b'[{"op": "replace", "path": "/name", "value": "ims_test"}]'),
        ("e441f012c6c795aa425d5f8a8c56c569bb8cd016e1de31c00ddbd0770cd22f8c", "PUT", f"/v2/images/{image}/file",
         {**of_project, "content-type": "application/octet-stream", "x-sdk-content-sha256": "UNSIGNED-PAYLOAD"}, b"abc"),
        ("27ad8135f8681c8e352671f1e20db76d0bcdb388c1870efcd8ab88077a62b5d8", "DELETE",
         f"/v2/{project}/images/{image}/tags/k%20%E9%94%AE", of_project, b""),
    ]:
        assert signing.way_a(secret, method, target, headers, sorted(headers), body)[1] == signature
    headers = {**base, "accept": json, "content-type": json, "user-agent": "golangsdk/2.0.0"}
    assert signing.way_b(secret, "PATCH", f"/v2/cloudimages/{image}", headers, sorted(headers),
                         b'[{"op":"replace","path":"/name","value":"ims_test"}]', "20240102///sdk_request")[1] == (
        "3a3a29f95a731e670af745bf138435c4d71d50bf4fbf3d36b0b6012c97309668")


def huawei_life(client, image):
    """What an `ims_image` goes through once it is made: each field, tags, the end."""
    assert updated(client, image, "name", "renamed")["name"] == "renamed"
    for text in ("described", "described again"):
        assert updated(client, image, "__description", text)["__description"] == text
    for number in (4096, 8192):
        assert updated(client, image, "max_ram", number)["max_ram"] == str(number)
    assert updated(client, image, "min_ram", 1024)["min_ram"] == 1024
    assert updated(client, image, "hw_firmware_type", "uefi")["hw_firmware_type"] == "uefi"
    found = read(client, image)
    assert (found["name"], found["__description"], found["max_ram"], found["min_ram"], found["hw_firmware_type"]) == (
        "renamed", "described again", "8192", 1024, "uefi")
    tags = dict(tag.split("=", 1) for tag in found["tags"])
    retagged(client, image, tags, {"key": "value", "other": ""})
    retagged(client, image, {"key": "value", "other": ""}, {"key": "new"})
    assert read(client, image)["tags"] == ["key=new"]
    removed(client, image)


def test_huawei_image_of_a_server(client, world):
    job = client.ok("POST", "/v2/cloudimages/action", {
        "name": unique("terraform"), "instance_id": uuid_of(world.instance), "description": "of a server", "max_ram": 4096,
        "min_ram": 0, "image_tags": [{"key": "from", "value": "server"}]})["job_id"]
    told = finished(client, job)
    image = told["entities"]["image_id"]
    found = read(client, image)
    assert found["__data_origin"].split(",") == ["instance", uuid_of(world.instance)]
    assert found["status"] == "active" and found["visibility"] == "private" and found["tags"] == ["from=server"]
    huawei_life(client, image)


def test_huawei_image_of_a_file(client, file):
    told = finished(client, client.ok("POST", "/v2/cloudimages/action", {
        "name": unique("terraform"), "image_url": file, "min_disk": 40, "os_version": OS_VERSION, "is_config": False,
        "type": "ECS", "image_tags": [{"key": "from", "value": "file"}]})["job_id"])
    found = read(client, told["entities"]["image_id"])
    assert found["__data_origin"].split(",") == ["file", file] and found["disk_format"]
    assert found["__os_version"] == OS_VERSION and found["__platform"] == "Ubuntu"
    huawei_life(client, found["id"])


def test_huawei_image_of_a_data_disk(client, world):
    ecs = world.ecs
    disk = ecs.ok("CreateDisk", ZoneId=zone(ecs), Size=20, DiskCategory="cloud_efficiency")["DiskId"]
    ecs.ok("AttachDisk", InstanceId=world.instance, DiskId=disk)
    told = finished(client, client.ok("POST", "/v2/cloudimages/action", {
        "data_images": [{"name": unique("terraform"), "volume_id": uuid_of(disk)}]})["job_id"])
    image = told["entities"]["sub_jobs_result"][0]["entities"]["image_id"]
    assert read(client, image)["__data_origin"].split(",") == ["volume", uuid_of(disk)]
    removed(client, image)
    told = finished(client, client.ok("POST", "/v2/cloudimages/action", {
        "name": unique("terraform"), "volume_id": uuid_of(disk), "os_version": OS_VERSION, "type": "ECS"})["job_id"])
    removed(client, told["entities"]["image_id"])
    ecs.ok("DetachDisk", InstanceId=world.instance, DiskId=disk)
    ecs.ok("DeleteDisk", DiskId=disk)


def test_huawei_other_images(client, world, file):
    """The data disk image of a file, the whole server, quick import and the copy."""
    told = finished(client, client.ok("POST", "/v1/cloudimages/dataimages/action", {
        "name": unique("terraform"), "image_url": file, "min_disk": 40, "os_type": "Linux"})["job_id"])
    first = told["entities"]["image_id"]
    assert read(client, first)["virtual_env_type"] == "DataImage"
    told = finished(client, client.ok("POST", "/v1/cloudimages/wholeimages/action", {
        "name": unique("terraform"), "instance_id": uuid_of(world.instance), "vault_id": unique("vault")})["job_id"])
    whole = told["entities"]["image_id"]
    assert read(client, whole)["__whole_image"] == "true"
    with open(in_bucket(file.split(":")[1].replace(".raw", ".mf")), "w", encoding="utf-8") as bitmap:
        bitmap.write("0\n")
    told = finished(client, client.ok("POST", "/v2/cloudimages/quickimport/action", {
        "name": unique("terraform"), "image_url": file, "min_disk": 40, "os_version": OS_VERSION, "type": "ECS"})["job_id"])
    quick = told["entities"]["image_id"]
    told = finished(client, client.ok("POST", f"/v1/cloudimages/{quick}/copy", {
        "name": unique("terraform"), "description": "a copy", "max_ram": None})["job_id"])
    copy = told["entities"]["image_id"]
    assert copy != quick and read(client, copy)["__originalimagename"] == quick
    for image in (first, whole, quick, copy):
        removed(client, image)


def imported(client, file):
    """A new image of the file."""
    told = finished(client, client.ok("POST", "/v2/cloudimages/action", {
        "name": unique("terraform"), "image_url": file, "min_disk": 40, "os_version": OS_VERSION})["job_id"])
    return told["entities"]["image_id"]


def test_huawei_share(client, theirs, world, file):
    """`ims_image_share` and `ims_image_share_accepter`: jobs with status 200, looked at until they end."""
    image, them = imported(client, file), world.stranger.project_id
    shared = {"images": [image], "projects": [them]}
    finished(client, client.ok("POST", "/v1/cloudimages/members", shared)["job_id"])
    answer = {"images": [image], "project_id": them, "status": "accepted"}
    finished(theirs, theirs.ok("PUT", "/v1/cloudimages/members", answer)["job_id"])
    assert read(theirs, image)["__imagetype"] == "shared"
    finished(theirs, theirs.ok("PUT", "/v1/cloudimages/members", {**answer, "status": "rejected"})["job_id"])
    assert read(theirs, image) is None
    finished(client, client.ok("DELETE", "/v1/cloudimages/members", shared)["job_id"])
    removed(client, image)


def test_huawei_data_source(client, file):
    """Pages after the last id until one is empty."""
    tag = unique("source")
    made = {imported(client, file) for _ in range(3)}
    for image in made:
        retagged(client, image, {}, {tag: "yes"})
    found, marker = [], ""
    while page := client.images(f"tag={tag}%3Dyes&limit=2&sort_key=name&sort_dir=asc&__imagetype=private{marker}"):
        found += [decoded(entry) for entry in page]
        marker = f"&marker={page[-1]['id']}"
    assert {entry["id"] for entry in found} == made and len(found) == 3
    for entry in found:
        assert entry["__imagetype"] == "private" and entry["__platform"] == "Ubuntu"
        assert re.fullmatch(r"\d+", entry["__image_size"]) and entry["virtual_env_type"] == "FusionCompute"
        removed(client, entry["id"])


def test_telekom_image(client, world, file):
    """`ims_image_v2`: the job, the image and its tags, a new name and new tags, the end."""
    told = finished(client, client.ok("POST", "/v2/cloudimages/action", {
        "name": unique("telekom"), "image_url": file, "min_disk": 40, "description": "of a file",
        "tags": ["stage.test"]})["job_id"])
    image = told["entities"]["image_id"]
    found = read(client, image)
    assert found["visibility"] == "private" and found["file"] == f"/v2/images/{image}/file"
    assert found["disk_format"] and re.fullmatch(r"\d+", found["__image_size"])
    tags = client.ok("GET", f"/v2/{client.project}/images/{image}/tags")["tags"]
    assert tags == [{"key": "stage", "value": "test"}]
    decoded(client.patch(image, {"op": "replace", "path": "/name", "value": "renamed by telekom"}))
    retagged(client, image, {"stage": "test"}, {"stage": "live"})
    answer = client.call("DELETE", f"/v2/images/{image}", {"delete_backup": True})
    assert answer.status == 204, answer
    until(lambda: client.image(image) is None, f"the deletion of {image}")


def test_telekom_native_image_and_access(client, theirs, world):
    """`images_image_v2`: the record, the bytes, `active` in the list; then `images_image_access_v2` and its accepter."""
    image = client.ok("POST", "/v2/images", {
        "name": unique("telekom"), "container_format": "bare", "disk_format": "raw", "min_disk": 1, "min_ram": 512,
        "visibility": "private", "tags": ["bare"]}, status=201)["id"]
    octets = {"content-type": "application/octet-stream"}
    client.ok("PUT", f"/v2/images/{image}/file", raw=disk_bytes(6), status=204, headers=octets)
    found = until(lambda: (found := read(client, image)) and found["status"] == "active" and found, "the image")
    assert found["min_ram"] == 512 and found["tags"] == ["bare"]
    patch = [{"op": "replace", "path": "/name", "value": "renamed"}, {"op": "replace", "path": "/tags", "value": ["a=b"]}]
    if client.token is None:
        patch.append({"op": "replace", "path": "/visibility", "value": "private"})
    client.ok("PATCH", f"/v2/images/{image}", patch, headers={"content-type": JSON_PATCH})
    found = read(client, image)
    assert found["name"] == "renamed" and found["tags"] == ["a=b"]

    them = world.stranger.project_id
    if client.token is not None:
        # By plain Glance's rule, only an image that says so has members.
        client.ok("PATCH", f"/v2/images/{image}", [{"op": "replace", "path": "/visibility", "value": "shared"}],
                  headers={"content-type": JSON_PATCH})
    client.ok("POST", f"/v2/images/{image}/members", {"member": them})
    one = f"/v2/images/{image}/members/{them}"
    assert client.ok("GET", one)["status"] == "pending"
    for status in ("accepted", "rejected", "pending", "accepted"):
        assert theirs.ok("PUT", one, {"status": status})["status"] == status
        assert client.ok("GET", one)["status"] == status
    assert read(client, image)["visibility"] == "shared" and read(theirs, image)
    client.ok("DELETE", one, status=204)
    assert client.call("GET", one).status == 404
    removed(client, image)


def test_what_the_providers_take_for_gone(client):
    nobody = "00000000-0000-4000-8000-000000000000"
    assert client.image(nobody) is None
    assert client.call("DELETE", f"/v2/images/{nobody}").status == 404
    client.refused(404, "IMG.0027", "PATCH", f"/v2/cloudimages/{nobody}", [{"op": "replace", "path": "/name", "value": "x"}])


def test_requests_that_are_not_let_in(world):
    account, target = world.account, "/v2/cloudimages?limit=1"
    for way in ("a", "go", "b"):
        assert account.ims(way=way).ok("GET", target)["images"]
        wrong = signing.Ims(account.url, account.key, "wrong" * 8, account.project_id, way)
        said = wrong.call("GET", target).expect(401)
        body = said.json()
        assert body["error_code"] == "APIGW.0301" and "verify aksk signature fail" in body["error_msg"]
        assert said.headers["X-Request-Id"] == body["request_id"] and re.fullmatch("[0-9a-f]{32}", body["request_id"])
        nobody = signing.Ims(account.url, "AKNOBODY000000000000", "x", account.project_id, way)
        assert "AKNOBODY000000000000 not exist" in nobody.refused(401, "APIGW.0301", "GET", target)
        old = account.ims(way=way).call("GET", target, headers={"x-sdk-date": "20200101T000000Z"}).expect(401)
        assert "expired" in old.json()["error_msg"]
    assert "decrypt token fail" in account.ims(token="nonsense").refused(401, "APIGW.0301", "GET", target)
    account.ims().refused(401, "APIGW.0301", "GET", target, headers={"authorization": "SDK-HMAC-SHA256 nonsense"})


def test_a_query_without_a_body_stands_for_it(world):
    """Way B: a POST that has a query only. Refused for what is missing, not for its signature."""
    assert world.account.ims(way="b").call("POST", "/v2/cloudimages/action?a=b%20c").status == 400
