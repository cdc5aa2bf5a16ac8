"""Bodies, values, names and ids that are wrong: each is refused with a status and a body that says what."""

import json

import pytest
from conftest import raw, refused, status_of

BIG_BYTES = 10 * 1000 * 1000
JSON_PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}


@pytest.mark.parametrize("body", [
    b"{", b"", b"[]", b"null", b'"x"', b'{"name": "a"', b"{'name': 'a'}", b'{"name": "a"} trailing', b"[" * 100_000,
    b'{"a":' * 50_000, b"\xff\xfe{}", b'{"name": "\xff\xfe"}', b'{"name": "\\ud800"}', b"\x00",
])
def test_malformed_json(alice, body):
    answer = alice.call("POST", "/v2/images", raw=body, headers={"Content-Type": "application/json"})
    refused(answer, 400)


@pytest.mark.parametrize("field, value", [
    ("name", 7), ("name", ["a"]), ("name", "x" * 256), ("name", "nul\0"), ("protected", "yes"), ("protected", 1),
    ("os_hidden", "true"), ("min_disk", "3"), ("min_disk", -1), ("min_disk", 1.5), ("min_ram", 2**70),
    ("min_ram", None), ("tags", "one"), ("tags", [7]), ("tags", ["x" * 256]), ("visibility", "secret"),
    ("disk_format", "floppy"), ("container_format", "box"), ("id", "not-a-uuid"), ("id", 7), ("kernel_id", "x"),
    ("colour", 7), ("colour", None), ("colour", {"a": 1}), ("colour", ["a"]), ("colour", True),
])
def test_wrong_types_and_values(alice, field, value):
    body = {"name": "x", "disk_format": "raw", "container_format": "bare", field: value}
    refused(alice.call("POST", "/v2/images", body), 400, field)


@pytest.mark.parametrize("field", ["status", "checksum", "size", "self", "file", "schema", "created_at", "direct_url",
                                   "os_hash_value", "virtual_size", "owner", "location", "deleted",
                                   "os_glance_import_task"])
def test_fields_nobody_may_write(alice, image, field):
    value = 7 if field in ("size", "virtual_size") else "x"
    refused(alice.call("POST", "/v2/images", {"name": "x", field: value}), (400, 403))
    refused(alice.patch(image, {"op": "add", "path": f"/{field}", "value": value}), (400, 403))


def test_a_property_of_ten_megabytes(alice, image):
    big = "x" * BIG_BYTES
    refused(alice.call("POST", "/v2/images", {"name": "x", "big": big}), (400, 413))
    refused(alice.patch(image, {"op": "add", "path": "/big", "value": big}), (400, 413))
    refused(alice.call("POST", "/v2/images", {"name": big}), (400, 413))
    assert "big" not in alice.show(image)


def test_too_many_properties_and_tags(alice, image):
    many = {f"key{number}": "x" for number in range(129)}
    refused(alice.call("POST", "/v2/images", {"name": "x", **many}), 413)
    refused(alice.call("POST", "/v2/images", {"name": "x", "tags": list(many)}), 413)
    changes = [{"op": "add", "path": f"/{key}", "value": "x"} for key in many]
    refused(alice.patch(image, *changes), 413)
    assert "key0" not in alice.show(image)


@pytest.mark.parametrize("change", [
    {}, {"op": "add"}, {"op": "move", "path": "/a", "from": "/b"}, {"op": "add", "path": "a", "value": "x"},
    {"op": "add", "path": "", "value": "x"}, {"op": "add", "path": "/a/b", "value": "x"},
    {"op": "add", "path": "/a~2", "value": "x"}, {"op": "add", "path": "/a"}, {"op": 7, "path": "/a", "value": "x"},
    {"op": "replace", "path": "/tags/-", "value": "x"}, "text", 7, None,
])
def test_malformed_patches(alice, image, change):
    refused(alice.patch(image, change), 400)


def test_patches_of_the_wrong_kind(alice, image):
    refused(alice.call("PATCH", f"/v2/images/{image}", {"op": "add"}, JSON_PATCH), 400)
    answer = alice.call("PATCH", f"/v2/images/{image}", [], {"Content-Type": "application/json"})
    answer.expect(415)
    assert "openstack-images-v2.1-json-patch" in answer.headers["Accept-Patch"]
    refused(alice.patch(image, {"op": "replace", "path": "/absent", "value": "x"}), 409)


def test_a_patch_is_done_wholly_or_not_at_all(alice, image):
    before = alice.show(image)
    refused(alice.patch(image, {"op": "add", "path": "/fine", "value": "x"},
                        {"op": "replace", "path": "/min_disk", "value": "wrong"}), 400)
    assert alice.show(image) == before


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..", "a\r\nX-Injected: 1", "%2e%2e%2f", "\u202eabc",
                                  "' or 1=1 --", "${jndi:x}", "<script>", "\ud7ff\U0001f600", "a" * 255])
def test_names_are_only_text(alice, name):
    made = alice.create(name=name, tags=[name], note=name)
    answer = alice.call("GET", f"/v2/images/{made['id']}").expect(200)
    assert answer.headers["X-Injected"] is None
    shown = answer.json()
    assert (shown["name"], shown["tags"], shown["note"]) == (name, [name], name)
    alice.upload(made["id"], b"x").expect(204)
    got = alice.call("GET", f"/v2/images/{made['id']}/file").expect(200)
    assert got.body == b"x" and got.headers["X-Injected"] is None
    alice.call("DELETE", f"/v2/images/{made['id']}").expect(204)


@pytest.mark.parametrize("path", [
    "/v2/images/..%2f..%2fetc%2fpasswd", "/v2/images/%00", "/v2/images/%ff%fe", "/v2/images/" + "a" * 5000,
    "/v2/images/../../../etc/passwd", "/v2/images/....//....//x", "/v2/images/%252e%252e", "/v2/images/*",
    "/v2/images/00000000-0000-0000-0000-000000000000", "/v2/images/x/../../y/file", "/v2//images", "//v2/images",
])
def test_paths_that_lead_nowhere(alice, path):
    answer = alice.call("GET", path)
    assert answer.status in (300, 400, 404, 414), answer.status
    assert b"root:" not in answer.body


@pytest.mark.parametrize("query, word", [
    ("limit=-1", "limit"), ("limit=x", "limit"), ("limit=1e9", "limit"),
    ("marker=x", "marker"), ("marker=00000000-0000-4000-8000-000000000000", "marker"), ("sort=colour:asc", "sort"),
    ("sort=name:up", "sort"), ("sort_key=name&sort=name", "sort"), ("sort_dir=up", "sort"), ("visibility=x", "visibility"),
    ("protected=1", "protected"), ("os_hidden=maybe", "os_hidden"), ("member_status=x", "member_status"),
    ("size_min=x", "size_min"), ("size_max=-x", "size_max"), ("created_at=yesterday", "created_at"),
    ("created_at=gt:13", "created_at"), ("name=like:x", "name"), ("status=in:%22a", "status"),
    ("changes-since=2020-01-01T00:00:00Z", "changes-since"),
])
def test_bad_list_parameters(alice, query, word):
    refused(alice.call("GET", f"/v2/images?{query}"), 400, word)


def test_filters_are_only_values(alice):
    for value in ("' or '1'='1", "%25", "_", "\\", "%00", "%ff", "x" * 5000, "in:a,b"):
        answer = alice.call("GET", "/v2/images?colour=" + value.replace(" ", "%20").replace("'", "%27"))
        assert answer.status in (200, 400), answer.status
        if answer.status == 200:
            assert answer.json()["images"] == []


@pytest.mark.parametrize("wanted, status", [
    ("bytes=5-", 416), ("bytes=3-1", 416), ("bytes=a-b", 416), ("bytes=0-1,2-3", 400), ("lines=0-1", (200, 416)),
    ("bytes=99999999999999999999-", 416), ("bytes=-0", 416), ("bytes=-", 416),
])
def test_bad_ranges(alice, image, wanted, status):
    alice.upload(image, b"12345").expect(204)
    statuses = status if isinstance(status, tuple) else (status,)
    alice.call("GET", f"/v2/images/{image}/file", headers={"Range": wanted}).expect(*statuses)


@pytest.mark.parametrize("request_line", [b"GET", b"GET / HTTP/9.9", b"\x16\x03\x01\x02\x00", b"GET /\xff HTTP/1.1",
                                          b"G\x00T / HTTP/1.1", b"GET / HTTP/1.1 more", b" " * 70000, b"\r\n" * 1000])
def test_what_is_not_http(server, request_line):
    assert status_of(raw(server, request_line + b"\r\nHost: x\r\n\r\n", close=True)) in (None, 300, 400, 404, 414, 431, 505)


def test_methods_that_do_not_exist(alice, image):
    for method, path in (("TRACE", "/v2/images"), ("PUT", "/v2/images"), ("BREW", "/v2/images"),
                         ("DELETE", "/v2/images"), ("POST", f"/v2/images/{image}")):
        answer = alice.call(method, path)
        assert answer.status in (405, 501), (method, path, answer.status)


def test_content_types(alice, image):
    body = json.dumps({"name": "x"}).encode()
    alice.call("PUT", f"/v2/images/{image}/file", raw=body, headers={"Content-Type": "application/json"}).expect(415)
    alice.call("PUT", f"/v2/images/{image}/file", raw=b"x", headers={"x-openstack-image-size": "many"}).expect(400)
    assert alice.show(image)["status"] == "queued"
