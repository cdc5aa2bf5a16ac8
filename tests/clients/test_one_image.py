"""One image through every dialect: made by one, changed by another, shown by all, as `goldens/one_image.txt` has it.

`UPDATE_GOLDENS=1` writes the file anew, for review. What differs from run to run stands there as a name: `$image`.
"""

import json
import os
import re

import pytest
from ecs_world import available, disk_bytes, until

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "goldens", "one_image.txt")
TIMES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}


class Story:
    """What was done and what was seen, with names for what nobody can foresee."""

    def __init__(self, world):
        self.ecs, self.glance, self.ims = world.ecs, world.account.images(), world.account.ims()
        self.stranger = world.stranger.project_id
        self.names = {world.account.account_id: "$account", world.account.project_id: "$project",
                      world.snapshot: "$snapshot"}
        self.lines, self.shown = [], {}

    def name(self, value, name):
        """Says from now on `name` where `value` would stand."""
        self.names[value] = name
        return value

    def write(self, text):
        """Adds text, made the same for every run."""
        for value, name in self.names.items():
            text = text.replace(value, name)
        self.lines.append(text)

    def did(self, what):
        """Begins a chapter."""
        self.write(f"\n## {what}")

    def show(self, image, uuid):
        """What the dialects say of the image: all of it the first time, then what is not as it was."""
        record = self.glance.show(uuid)
        record.pop("os_hash_value")  # long, and the hash of the same bytes every time
        for view, now in (("DescribeImages", self.ecs.image(image)), ("GET /v2/images/$uuid", record),
                          ("GET /v2/cloudimages?id=$uuid", self.ims.image(uuid))):
            now = {name: TIMES.sub("$time", json.dumps(value, ensure_ascii=False)) for name, value in now.items()}
            before, self.shown[view] = self.shown.get(view, {}), now
            self.write(view)
            for name in sorted({*before, *now}):
                if name not in now:
                    self.write(f"  - {name}")
                elif now[name] != before.get(name):
                    self.write(f"    {name}: {now[name]}")

    def uuid_of(self, image_name):
        """The id under which the image API shows it."""
        (found,) = self.glance.list_all(f"&name={image_name}")
        return found["id"]


def made_by_ecs(story, world):
    asked = {"ImageName": "one-image", "ImageFamily": "line", "ImageVersion": "2026.11", "Description": "From ECS, für alle",
             "Platform": "Debian", "BootMode": "UEFI", "Architecture": "arm64", "Features": {"ImdsSupport": "v2"},
             "Tag": [{"Key": "stage", "Value": "test"}, {"Key": "plain", "Value": ""}]}
    image = story.ecs.ok("CreateImage", SnapshotId=world.snapshot, **asked)["ImageId"]
    available(story.ecs, image)
    uuid = story.uuid_of("one-image")
    story.name(image, "$image")
    story.name(uuid, "$uuid")
    story.did(f"CreateImage of a snapshot: {json.dumps(asked, ensure_ascii=False)}")
    story.show(image, uuid)
    return image, uuid


def changed_by_all(story, image, uuid):
    patch = [{"op": "replace", "path": "/name", "value": "renamed-by-glance"},
             {"op": "replace", "path": "/description", "value": "From Glance"},
             {"op": "replace", "path": "/tags", "value": ["stage=release", "new"]},
             {"op": "replace", "path": "/image_family", "value": "other-line"},
             {"op": "add", "path": "/hw_disk_bus", "value": "virtio"}]
    story.glance.call("PATCH", f"/v2/images/{uuid}", patch, PATCH).expect(200)
    story.did(f"PATCH /v2/images/$uuid: {json.dumps(patch)}")
    story.show(image, uuid)
    story.ecs.ok("ModifyImageAttribute", ImageId=image, Status="Deprecated")
    story.did("ModifyImageAttribute: Status=Deprecated")
    story.show(image, uuid)
    story.ecs.ok("ModifyImageAttribute", ImageId=image, Status="Available")
    story.glance.call("POST", f"/v2/images/{uuid}/actions/deactivate").expect(204)
    story.did("POST /v2/images/$uuid/actions/deactivate")
    story.show(image, uuid)
    story.glance.call("POST", f"/v2/images/{uuid}/actions/reactivate").expect(204)
    patch = [{"op": "replace", "path": "/name", "value": "renamed by IMS"},
             {"op": "replace", "path": "/__description", "value": "From IMS"},
             {"op": "add", "path": "/max_ram", "value": 8192}, {"op": "add", "path": "/__support_kvm", "value": "true"},
             {"op": "replace", "path": "/min_ram", "value": 1024}, {"op": "add", "path": "/extension", "value": "any"}]
    story.ims.patch(uuid, *patch)
    tags = [{"key": "stage", "value": "live"}, {"key": "more", "value": "tags"}]
    story.ims.ok("POST", f"/v2/{story.ims.project}/images/{uuid}/tags/action", {"action": "create", "tags": tags}, status=204)
    story.did(f"POST …/reactivate; PATCH /v2/cloudimages/$uuid: {json.dumps(patch)}; POST …/tags/action: {json.dumps(tags)}")
    story.show(image, uuid)
    story.ims.ok("POST", f"/v2/images/{uuid}/members", {"member": story.stranger})
    story.did("POST /v2/images/$uuid/members")
    story.show(image, uuid)
    story.ims.ok("DELETE", f"/v2/images/{uuid}/members/{story.stranger}", status=204)
    story.glance.call("DELETE", f"/v2/images/{uuid}").expect(204)
    assert story.ecs.image(image) is None and story.ims.image(uuid) is None
    story.did("DELETE /v2/images/$uuid: gone for all")


def made_by_glance(story):
    asked = {"name": "two-image", "disk_format": "raw", "container_format": "bare", "min_disk": 3, "min_ram": 512,
             "tags": ["stage=test"], "os_distro": "ubuntu", "os_version": "24.04", "architecture": "x86_64",
             "hw_firmware_type": "bios", "os_type": "linux", "description": "From Glance"}
    uuid = story.glance.call("POST", "/v2/images", asked).expect(201).json()["id"]
    story.name(uuid, "$uuid")
    story.shown = {}
    story.did(f"POST /v2/images: {json.dumps(asked)}")
    (found,) = story.ecs.images(ImageName="two-image")
    image = story.name(found["ImageId"], "$image")
    story.show(image, uuid)
    story.glance.upload(uuid, disk_bytes(1)).expect(204)
    story.did("PUT /v2/images/$uuid/file: 1 MiB")
    story.show(image, uuid)
    story.ecs.ok("ModifyImageAttribute", ImageId=image, ImageFamily="line", Description="From ECS", BootMode="UEFI")
    story.ecs.ok("UntagResources", ResourceType="image", ResourceId=[image], TagKey=["stage"])
    story.did("ModifyImageAttribute: ImageFamily, Description, BootMode; UntagResources: stage")
    story.show(image, uuid)
    story.ecs.ok("DeleteImage", ImageId=image)
    until(lambda: story.glance.call("GET", f"/v2/images/{uuid}").status == 404, "the deletion")
    assert story.ims.image(uuid) is None
    story.did("DeleteImage: gone for all")


def made_by_ims(story):
    asked = {"name": "three image", "__os_version": "Windows Server 2016 Standard 64bit", "disk_format": "raw", "min_disk": 40,
             "min_ram": 2048, "tags": ["stage=test"]}
    uuid = story.ims.ok("POST", "/v2/images", asked, status=201)["id"]
    story.name(uuid, "$uuid")
    story.shown = {}
    octets = {"content-type": "application/octet-stream"}
    story.ims.ok("PUT", f"/v2/images/{uuid}/file", raw=disk_bytes(2), status=204, headers=octets)
    (found,) = story.ecs.images(ImageName="three image")
    image = story.name(found["ImageId"], "$image")
    story.did(f"POST /v2/images, signed: {json.dumps(asked)}; PUT /v2/images/$uuid/file: 1 MiB")
    story.show(image, uuid)
    story.ecs.ok("ModifyImageAttribute", ImageId=image, Description="From ECS", BootMode="UEFI")
    patch = [{"op": "add", "path": "/os_distro", "value": "windows"}, {"op": "add", "path": "/architecture", "value": "aarch64"}]
    story.glance.call("PATCH", f"/v2/images/{uuid}", patch, PATCH).expect(200)
    story.did(f"ModifyImageAttribute: Description, BootMode; PATCH /v2/images/$uuid: {json.dumps(patch)}")
    story.show(image, uuid)
    story.ims.ok("DELETE", f"/v2/images/{uuid}", status=204)
    until(lambda: story.glance.call("GET", f"/v2/images/{uuid}").status == 404, "the deletion")
    story.did("DELETE /v2/images/$uuid, signed: gone for all")


def test_one_image_through_every_dialect(world):
    story = Story(world)
    image, uuid = made_by_ecs(story, world)
    changed_by_all(story, image, uuid)
    made_by_glance(story)
    made_by_ims(story)
    told = "\n".join(story.lines).lstrip() + "\n"
    if os.environ.get("UPDATE_GOLDENS"):
        with open(GOLDEN, "w", encoding="utf-8") as file:
            file.write(told)
        # what was just written says nothing when it is compared with itself
        pytest.skip("written: review it")
    with open(GOLDEN, encoding="utf-8") as file:
        assert told.splitlines() == file.read().splitlines()
