"""Tokens that are wrong, ended, or of someone else; other tenants' ids answer as if nothing were there."""

import time
import uuid

import pytest
from conftest import fared_well, refused
from harness.api import Api

TTL_SECS = 3


@pytest.mark.parametrize("token", ["", "x", "x" * 7000, "gAAAAABnope", "../../x", "a.b.c", "\xff\xfe", "0" * 32])
def test_wrong_tokens(server, token):
    answer = Api(server.url, token or None).call("GET", "/v2/images", headers={"X-Auth-Token": token})
    answer.expect(401)
    assert answer.headers["WWW-Authenticate"].startswith("Keystone uri=")


def test_a_token_changed_in_any_place(server, alice):
    for place in range(0, len(alice.token), max(1, len(alice.token) // 40)):
        other = "A" if alice.token[place] != "A" else "B"
        forged = alice.token[:place] + other + alice.token[place + 1:]
        Api(server.url, forged).call("GET", "/v2/images").expect(401)


def test_a_token_of_another_server(server, launch):
    other = launch()
    token = other.admin().token
    Api(server.url, token).call("GET", "/v2/images").expect(401)
    fared_well(other)


def test_an_expired_token(launch):
    short = launch(token_ttl_secs=str(TTL_SECS))
    api = short.admin()
    api.call("GET", "/v2/images").expect(200)
    end = time.monotonic() + TTL_SECS + 10
    while api.call("GET", "/v2/images").status == 200:
        assert time.monotonic() < end, "the token does not expire"
        time.sleep(0.2)
    api.call("GET", "/v2/images").expect(401)
    fared_well(short)


def test_a_revoked_token(admin, alice, server):
    again = alice.login("alice", "alice-secret", "wonderland")
    again.call("DELETE", "/identity/v3/auth/tokens", headers={"X-Subject-Token": again.token}).expect(204)
    end = time.monotonic() + 15
    while again.call("GET", "/v2/images").status != 401:
        assert time.monotonic() < end, "the revoked token is still good after 15 s"
        time.sleep(0.2)
    alice.call("GET", "/v2/images").expect(200)


def test_wrong_passwords_all_sound_the_same(server):
    said = set()
    for user, password in (("alice", "wrong"), ("nobody-" + uuid.uuid4().hex, "wrong"), ("alice", "")):
        answer = Api(server.url).call("POST", "/identity/v3/auth/tokens", {"auth": {"identity": {
            "methods": ["password"], "password": {"user": {
                "name": user, "domain": {"id": "default"}, "password": password}}}}})
        answer.expect(401)
        said.add(answer.body)
    assert len(said) == 1, said


@pytest.mark.parametrize("body", [{}, {"auth": 7}, {"auth": {}}, {"auth": {"identity": {"methods": []}}},
                                  {"auth": {"identity": {"methods": ["password"]}}},
                                  {"auth": {"identity": {"methods": ["magic"], "magic": {}}}}])
def test_malformed_log_ins(server, body):
    answer = Api(server.url).call("POST", "/identity/v3/auth/tokens", body).expect(400, 401)
    assert set(answer.json()["error"]) == {"code", "message", "title"}


def test_other_tenants_ids_answer_as_if_absent(alice, mallory, image):
    absent = str(uuid.uuid4())
    patch = [{"op": "replace", "path": "/name", "value": "mine"}]
    media = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    for method, path, request in (
            ("GET", "/v2/images/{}", {}),
            ("GET", "/v2/images/{}/file", {}),
            ("PATCH", "/v2/images/{}", {"body": patch, "headers": media}),
            ("DELETE", "/v2/images/{}", {}),
            ("PUT", "/v2/images/{}/file", {"raw": b"x"}),
            ("PUT", "/v2/images/{}/tags/x", {}),
            ("GET", "/v2/images/{}/members", {}),
            ("POST", "/v2/images/{}/members", {"body": {"member": "x"}}),
            ("POST", "/v2/images/{}/actions/deactivate", {}),
            ("GET", "/v2/images/{}/tasks", {})):
        theirs = mallory.call(method, path.format(image), **request)
        nobodys = mallory.call(method, path.format(absent), **request)
        assert theirs.status == nobodys.status == 404, (method, path, theirs.status, nobodys.status)
        assert theirs.body.replace(image.encode(), b"") == nobodys.body.replace(absent.encode(), b"")
    mallory.call("GET", f"/v2/images?marker={image}").expect(400)
    assert image not in [entry["id"] for entry in mallory.list_all("&visibility=all")]
    assert alice.show(image)["status"] == "queued"


def test_owners_cannot_be_chosen(alice, image):
    refused(alice.call("POST", "/v2/images", {"name": "x", "owner": uuid.uuid4().hex}), 403)
    refused(alice.call("POST", "/v2/images", {"name": "x", "visibility": "public"}), 403)
    refused(alice.patch(image, {"op": "replace", "path": "/visibility", "value": "public"}), 403)


def test_ids_are_never_used_again(alice, mallory):
    chosen = str(uuid.uuid4())
    alice.create(id=chosen, name="x")
    refused(mallory.call("POST", "/v2/images", {"id": chosen, "name": "x"}), 409)
    alice.call("DELETE", f"/v2/images/{chosen}").expect(204)
    refused(mallory.call("POST", "/v2/images", {"id": chosen, "name": "x"}), 409)
