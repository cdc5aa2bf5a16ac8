"""python-openstackclient, unmodified: the whole life of an image. The tests tell one story, in order."""

import os
import subprocess

import pytest
from conftest import interrupt, openstack, run, unique

NAME = unique("cycle")


@pytest.fixture(scope="module")
def image(disk, owner):
    """The real image, created and uploaded."""
    made = openstack("image", "create", NAME, "--file", disk.path, "--disk-format", "qcow2",
                     "--container-format", "bare", "--min-disk", 3, "--property", "os_distro=debian",
                     "--tag", "nightly", user=owner)
    return made["id"]


def test_log_in_and_catalogue(owner):
    token = openstack("token", "issue", user=owner)
    assert token["project_id"] == owner.project_id
    assert token["user_id"] == owner.user_id
    types = {entry["Type"] for entry in openstack("catalog", "list")}
    assert {"image", "identity"} <= types


def test_show(image, disk, owner):
    shown = openstack("image", "show", image, user=owner)
    assert shown["name"] == NAME
    assert shown["disk_format"] == "qcow2"
    assert shown["min_disk"] == 3
    assert shown["tags"] == ["nightly"]
    assert shown["owner"] == owner.project_id
    properties = shown["properties"]
    assert properties["os_distro"] == "debian"
    disk.described_by({**properties, **shown})
    assert openstack("image", "show", NAME, user=owner)["id"] == image


@pytest.mark.parametrize("words, found", [
    (["--name", NAME], True),
    (["--tag", "nightly"], True),
    (["--tag", "nightly", "--tag", "absent"], False),
    (["--property", "os_distro=debian"], True),
    (["--property", "os_distro=plan9"], False),
    (["--status", "active"], True),
    (["--status", "queued"], False),
    (["--shared"], True),
    (["--public"], False),
    (["--long", "--sort", "name:asc,created_at:desc"], True),
    (["--limit", "1"], True),
])
def test_list(image, owner, words, found):
    listed = openstack("image", "list", *words, user=owner)
    assert (image in [entry["ID"] for entry in listed]) == found


def test_set_and_unset(image, owner):
    run("openstack", "image", "set", image, "--name", NAME + "-2", "--property", "os_version=12",
        "--property", "hw_disk_bus=virtio", "--tag", "release", "--min-ram", 512, user=owner)
    shown = openstack("image", "show", image, user=owner)
    assert shown["name"] == NAME + "-2" and shown["min_ram"] == 512
    assert shown["properties"]["os_version"] == "12"
    assert sorted(shown["tags"]) == ["nightly", "release"]
    run("openstack", "image", "unset", image, "--property", "os_version", "--tag", "nightly", user=owner)
    shown = openstack("image", "show", image, user=owner)
    assert "os_version" not in shown["properties"]
    assert shown["properties"]["hw_disk_bus"] == "virtio"
    assert shown["tags"] == ["release"]


def test_download(image, disk, owner, tmp_path):
    saved = tmp_path / "saved"
    run("openstack", "image", "save", "--file", saved, image, user=owner)
    disk.same_as(saved)


def test_others_do_not_see_it(image, member):
    assert "No Image found" in run("openstack", "image", "show", image, user=member, fails=True)
    assert image not in [entry["ID"] for entry in openstack("image", "list", user=member)]


def test_share_and_download_as_the_member(image, disk, owner, member, tmp_path):
    run("openstack", "image", "add", "project", image, member.project_id, user=owner)
    members = openstack("image", "member", "list", image, user=owner)
    assert [(m["Member ID"], m["Status"]) for m in members] == [(member.project_id, "pending")]
    assert image not in [entry["ID"] for entry in openstack("image", "list", user=member)]
    pending = openstack("image", "list", "--shared", "--member-status", "pending", user=member)
    assert image in [entry["ID"] for entry in pending]
    run("openstack", "image", "set", "--accept", image, user=member)
    assert image in [entry["ID"] for entry in openstack("image", "list", user=member)]
    saved = tmp_path / "saved"
    run("openstack", "image", "save", "--file", saved, image, user=member)
    disk.same_as(saved)


def test_the_member_may_not_change_it(image, member):
    assert "403" in run("openstack", "image", "set", image, "--name", "mine", user=member, fails=True)
    run("openstack", "image", "delete", image, user=member, fails=True)


def test_unshare(image, owner, member):
    run("openstack", "image", "remove", "project", image, member.project_id, user=owner)
    run("openstack", "image", "show", image, user=member, fails=True)


def test_deactivate_and_reactivate(image, owner, tmp_path):
    run("openstack", "image", "set", "--deactivate", image, user=owner)
    assert openstack("image", "show", image, user=owner)["status"] == "deactivated"
    run("openstack", "image", "save", "--file", tmp_path / "refused", image, user=owner, fails=True)
    run("openstack", "image", "set", "--activate", image, user=owner)
    assert openstack("image", "show", image, user=owner)["status"] == "active"


def test_visibility(image, owner, member):
    run("openstack", "image", "set", "--community", image, user=owner)
    assert openstack("image", "show", image, user=member)["visibility"] == "community"
    run("openstack", "image", "set", "--public", image, user=owner, fails=True)
    run("openstack", "image", "set", "--private", image, user=owner)
    run("openstack", "image", "show", image, user=member, fails=True)


def test_hidden(image, owner):
    run("openstack", "image", "set", "--hidden", image, user=owner)
    assert image not in [entry["ID"] for entry in openstack("image", "list", user=owner)]
    assert image in [entry["ID"] for entry in openstack("image", "list", "--hidden", user=owner)]
    run("openstack", "image", "set", "--unhidden", image, user=owner)


def test_interrupted_upload(admin, disk, owner, tmp_path):
    name = unique("interrupted")

    def made():
        while True:
            if found := admin.list_all(f"&name={name}"):
                return found[0]["id"]

    command = ["openstack", "image", "create", name, "--disk-format", "raw", "--container-format", "bare"]
    image = interrupt(command, admin, made, disk)
    # The record that stayed takes the whole data now.
    assert admin.patch(image, {"op": "replace", "path": "/name", "value": name + "-2"}).status == 200
    with open(disk.path, "rb") as file:
        admin.upload(image, file).expect(204)
    saved = tmp_path / "saved"
    run("openstack", "image", "save", "--file", saved, image)
    disk.same_as(saved)
    run("openstack", "image", "delete", image)


def test_protected_then_deleted(image, owner):
    run("openstack", "image", "set", "--protected", image, user=owner)
    run("openstack", "image", "delete", image, user=owner, fails=True)
    run("openstack", "image", "set", "--unprotected", image, user=owner)
    run("openstack", "image", "delete", image, user=owner)
    assert "No Image found" in run("openstack", "image", "show", image, user=owner, fails=True)


def test_application_credential(owner):
    made = openstack("application", "credential", "create", unique("robot"), user=owner)
    words = ["--os-auth-type", "v3applicationcredential",
             "--os-application-credential-id", made.get("id") or made["ID"],
             # in one word: a secret may begin with a dash
             f"--os-application-credential-secret={made.get('secret') or made['Secret']}"]
    env = {name: value for name, value in os.environ.items()
           if name in ("PATH", "HOME", "OS_AUTH_URL", "OS_REGION_NAME", "OS_IDENTITY_API_VERSION")}
    done = subprocess.run(["openstack", *words, "image", "list"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
