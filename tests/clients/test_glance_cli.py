"""python-glanceclient, unmodified: the whole life of an image. The tests tell one story, in order."""

import re

import pytest
from conftest import interrupt, run, unique

NAME = unique("glance-cycle")


def table(text):
    """The rows of a two-column table as a dict."""
    return dict(re.findall(r"^\| (\S+)\s+\| (.*?)\s+\|$", text, re.MULTILINE))


def ids(text):
    """The image ids in the rows of a list."""
    return re.findall(r"^\| ([0-9a-f]{8}-[0-9a-f-]{27}) ", text, re.MULTILINE)


@pytest.fixture(scope="module")
def image(disk, owner):
    """The real image, created and uploaded."""
    made = run("glance", "image-create", "--name", NAME, "--file", disk.path, "--disk-format", "qcow2",
               "--container-format", "bare", "--property", "os_distro=debian", "--tags", "nightly",
               user=owner)
    return table(made)["id"]


def test_show(image, disk, owner):
    shown = table(run("glance", "image-show", "--max-column-width", 200, image, user=owner))
    assert shown["name"] == NAME and shown["os_distro"] == "debian" and shown["owner"] == owner.project_id
    disk.described_by({**shown, "size": int(shown["size"])})


@pytest.mark.parametrize("words, found", [
    (["--property-filter", f"name={NAME}"], True),
    (["--property-filter", "os_distro=debian"], True),
    (["--property-filter", "os_distro=plan9"], False),
    (["--property-filter", "status=in:active,queued"], True),
    (["--tag", "nightly"], True),
    (["--tag", "absent"], False),
    (["--visibility", "shared"], True),
    (["--visibility", "public"], False),
    (["--sort", "name:asc,size:desc"], True),
    (["--limit", "1", "--page-size", "1"], True),
])
def test_list(image, owner, words, found):
    assert (image in ids(run("glance", "image-list", *words, user=owner))) == found


def test_update(image, owner):
    run("glance", "image-update", image, "--property", "os_version=12", "--min-ram", 256,
        "--remove-property", "os_distro", user=owner)
    run("glance", "image-tag-update", image, "release", user=owner)
    run("glance", "image-tag-delete", image, "nightly", user=owner)
    shown = table(run("glance", "image-show", "--max-column-width", 200, image, user=owner))
    assert shown["os_version"] == "12" and shown["min_ram"] == "256"
    assert "os_distro" not in shown
    assert shown["tags"] == "['release']" or shown["tags"] == '["release"]'


def test_share_and_download_as_the_member(image, disk, owner, member, tmp_path):
    run("glance", "image-show", image, user=member, fails=True)
    run("glance", "member-create", image, member.project_id, user=owner)
    assert member.project_id in run("glance", "member-list", "--image-id", image, user=owner)
    run("glance", "member-update", image, member.project_id, "accepted", user=member)
    assert "accepted" in run("glance", "member-list", "--image-id", image, user=owner)
    assert image in ids(run("glance", "image-list", user=member))
    saved = tmp_path / "saved"
    run("glance", "image-download", "--file", saved, image, user=member)
    disk.same_as(saved)
    run("glance", "member-delete", image, member.project_id, user=owner)
    run("glance", "image-show", image, user=member, fails=True)


def test_deactivate_and_reactivate(image, disk, owner, tmp_path):
    run("glance", "image-deactivate", image, user=owner)
    run("glance", "image-download", "--file", tmp_path / "refused", image, user=owner, fails=True)
    run("glance", "image-reactivate", image, user=owner)
    saved = tmp_path / "saved"
    run("glance", "image-download", "--file", saved, image, user=owner)
    disk.same_as(saved)


def test_upload_from_a_pipe_after_an_interrupted_one(admin, disk, tmp_path):
    made = table(run("glance", "image-create", "--name", unique("queued"), "--disk-format", "qcow2",
                     "--container-format", "bare"))
    image = made["id"]
    assert made["status"] == "queued"
    interrupt(["glance", "image-upload", image], admin, lambda: image, disk)
    with open(disk.path, "rb") as file:
        run("glance", "image-upload", image, stdin=file)
    saved = tmp_path / "saved"
    run("glance", "image-download", "--file", saved, image)
    disk.same_as(saved)
    run("glance", "image-delete", image)


def test_information():
    assert "import-methods" in run("glance", "import-info")
    assert "name" in run("glance", "explain", "image")
    run("glance", "usage")


def test_protected_then_deleted(image, owner):
    run("glance", "image-update", image, "--protected", "True", user=owner)
    run("glance", "image-delete", image, user=owner, fails=True)
    run("glance", "image-update", image, "--protected", "False", user=owner)
    run("glance", "image-delete", image, user=owner)
    assert "404" in run("glance", "image-show", image, user=owner, fails=True)
