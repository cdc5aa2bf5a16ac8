"""openstacksdk, unmodified: the whole life of an image. The tests tell one story, in order."""

import hashlib
import os

import openstack
import pytest
from conftest import unique, wait_for_status
from openstack import exceptions

NAME = unique("sdk-cycle")
PART_BYTES = 1 << 20


def connect(user=None):
    """A connection of a user (the administrator by default)."""
    env = user.environment() if user else os.environ
    return openstack.connect(
        load_yaml_config=False, load_envvars=False, auth_url=env["OS_AUTH_URL"], username=env["OS_USERNAME"],
        password=env["OS_PASSWORD"], project_name=env["OS_PROJECT_NAME"], user_domain_id="default",
        project_domain_id="default", region_name=env["OS_REGION_NAME"])


@pytest.fixture(scope="module")
def mine(owner):
    """The owner's connection."""
    return connect(owner)


@pytest.fixture(scope="module")
def theirs(member):
    """The member's connection."""
    return connect(member)


@pytest.fixture(scope="module")
def image(mine, disk):
    """The real image, created and uploaded, its checksum compared by the SDK."""
    return mine.image.create_image(
        NAME, filename=disk.path, disk_format="qcow2", container_format="bare", wait=True,
        validate_checksum=True, tags=["nightly"], os_distro="debian").id


def described(record):
    """An SDK image as the suites' record."""
    return {"status": record.status, "size": record.size, "checksum": record.checksum,
            "os_hash_algo": record.hash_algo, "os_hash_value": record.hash_value}


def received(connection, image):
    """sha256 of a streamed download."""
    digest = hashlib.sha256()
    response = connection.image.download_image(image, stream=True)
    for block in response.iter_content(PART_BYTES):
        digest.update(block)
    return digest.hexdigest()


def test_show_and_find(mine, image, disk):
    disk.described_by(described(mine.image.get_image(image)))
    assert mine.image.find_image(NAME).id == image
    assert mine.get_image(NAME).id == image


@pytest.mark.parametrize("query, found", [
    ({"name": NAME}, True),
    ({"tag": "nightly"}, True),
    ({"os_distro": "debian"}, True),
    ({"os_distro": "plan9"}, False),
    ({"status": "active"}, True),
    ({"disk_format": "qcow2"}, True),
    ({"size_min": 1 << 20}, True),
    ({"size_max": 1 << 20}, False),
    ({"visibility": "shared"}, True),
    ({"sort": "name:asc"}, True),
    ({"limit": 1}, True),
])
def test_list(mine, image, query, found):
    assert (image in [entry.id for entry in mine.image.images(**query)]) == found


def test_update_and_tags(mine, image):
    mine.image.update_image(image, os_version="12", min_ram=128)
    mine.image.add_tag(image, "release")
    mine.image.remove_tag(image, "nightly")
    record = mine.image.get_image(image)
    assert record.os_version == "12" and record.min_ram == 128 and record.tags == ["release"]


def test_share_and_download_as_the_member(mine, theirs, image, disk, member):
    with pytest.raises(exceptions.NotFoundException):
        theirs.image.get_image(image)
    mine.image.add_member(image, member=member.project_id)
    with pytest.raises(exceptions.ForbiddenException):
        mine.image.update_member(member.project_id, image, status="accepted")
    theirs.image.update_member(member.project_id, image, status="accepted")
    assert [m.status for m in mine.image.members(image)] == ["accepted"]
    assert received(theirs, image) == disk.sha256
    with pytest.raises(exceptions.ForbiddenException):
        theirs.image.update_image(image, name="mine")
    mine.image.remove_member(member.project_id, image)
    with pytest.raises(exceptions.NotFoundException):
        theirs.image.get_image(image)


@pytest.mark.parametrize("first, last", [(0, 0), (1, PART_BYTES), (-1, None), (-PART_BYTES, None),
                                         (64 * PART_BYTES - 3, 64 * PART_BYTES + 70000)])
def test_ranges(mine, image, disk, first, last):
    with open(disk.path, "rb") as file:
        if last is None:
            wanted, start, stop = f"bytes={first}", disk.size + first, disk.size - 1
        else:
            wanted, start, stop = f"bytes={first}-{last}", first, last
        file.seek(start)
        expected = file.read(stop - start + 1)
    response = mine.image.get(f"/images/{image}/file", headers={"Range": wanted})
    assert response.status_code == 206
    assert response.headers["Content-Range"] == f"bytes {start}-{stop}/{disk.size}"
    assert response.content == expected


def test_a_range_past_the_end(mine, image, disk):
    response = mine.image.get(f"/images/{image}/file", headers={"Range": f"bytes={disk.size}-"})
    assert response.status_code == 416


def test_deactivate_and_reactivate(mine, image, disk):
    mine.image.deactivate_image(image)
    assert mine.image.get_image(image).status == "deactivated"
    assert mine.image.get(f"/images/{image}/file", raise_exc=False).status_code == 403
    mine.image.reactivate_image(image)
    assert received(mine, image) == disk.sha256


def test_interrupted_upload(mine, admin, disk):
    record = mine.image.create_image(unique("interrupted"), disk_format="qcow2", container_format="bare")

    def half():
        with open(disk.path, "rb") as file:
            for _ in range(disk.size // PART_BYTES // 2):
                yield file.read(PART_BYTES)
        raise ValueError("cut")

    with pytest.raises(ValueError, match="cut"):
        mine.image.put(f"/images/{record.id}/file", data=half(), connect_retries=0,
                       headers={"Content-Type": "application/octet-stream"})
    wait_for_status(admin, record.id, "queued")
    with open(disk.path, "rb") as file:
        mine.image.put(f"/images/{record.id}/file", data=file,
                       headers={"Content-Type": "application/octet-stream"})
    assert received(mine, record.id) == disk.sha256
    mine.image.delete_image(record.id)


def test_a_wrong_format_is_refused(mine, small):
    record = mine.image.create_image(unique("no-qcow2"), disk_format="qcow2", container_format="bare")
    with open(small.path, "rb") as file:
        response = mine.image.put(f"/images/{record.id}/file", data=file, raise_exc=False,
                                  headers={"Content-Type": "application/octet-stream"})
    assert response.status_code == 415
    assert mine.image.get_image(record.id).status == "queued"
    mine.image.delete_image(record.id)


def test_protected_then_deleted(mine, image):
    mine.image.update_image(image, is_protected=True)
    with pytest.raises(exceptions.ForbiddenException):
        mine.image.delete_image(image)
    mine.image.update_image(image, is_protected=False)
    mine.image.delete_image(image)
    with pytest.raises(exceptions.NotFoundException):
        mine.image.get_image(image)


def test_identity_through_the_sdk():
    root = connect()
    assert "admin" in [role.name for role in root.identity.roles()]
    assert root.identity.find_domain("Default").id == "default"
    assert root.current_user_id == root.identity.find_user("admin").id
