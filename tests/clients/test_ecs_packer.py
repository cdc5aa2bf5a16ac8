"""Debian's packer (1.6.6), unmodified, with its builder `alicloud-ecs`, as far as it asks about images.

The builder takes no address, so the service is its proxy. What follows in a build needs a network and a machine that
runs; `test_ecs_terraform.py` replays those of its later calls that are about images.
"""

import json
import os
import shutil
import subprocess

import pytest
from conftest import unique
from ecs_world import available

# A region that packer knows; `tests/run` lets the service have it.
REGION = "cn-hangzhou"
BUILD_SECS_MAX = 120

# CI installs it: there its absence is a failure
pytestmark = pytest.mark.skipif(not shutil.which("packer") and "CI" not in os.environ, reason="there is no packer: apt-get install packer")


@pytest.fixture(scope="module")
def source(world):
    """An image in packer's region."""
    there = world.account.ecs(REGION)
    copy = world.ecs.ok("CopyImage", ImageId=world.image, DestinationRegionId=REGION,
                        DestinationImageName=unique("source"))["ImageId"]
    available(there, copy)
    return copy


def build(world, folder, **changes):
    """What packer says to a template, and fails with: there is no network that it could use."""
    template = {"type": "alicloud-ecs", "access_key": world.account.key, "secret_key": world.account.secret,
                "region": REGION, "instance_type": "ecs.g7.large", "io_optimized": True, "ssh_username": "root",
                "ssh_password": "Not-used-1", **changes}
    path = folder / "template.json"
    path.write_text(json.dumps({"builders": [template]}))
    proxy = {name: world.account.url for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy")}
    env = {**os.environ, **proxy, "CHECKPOINT_DISABLE": "1", "PACKER_CONFIG_DIR": str(folder),
           "PACKER_CACHE_DIR": str(folder / "cache"), "HOME": str(folder)}
    done = subprocess.run(["packer", "build", "-color=false", str(path)], env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=BUILD_SECS_MAX)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_build_gets_past_regions_names_and_source(world, source, tmp_path):
    said = build(world, tmp_path, image_name=unique("built"), source_image=source)
    assert f"Found image ID: {source}" in said
    assert "Failed creating security group" in said and "InvalidAction.NotFound" in said


def test_a_name_that_is_taken_and_a_source_that_is_not_there(world, source, tmp_path):
    taken = world.account.ecs(REGION).image(source)["ImageName"]
    said = build(world, tmp_path, image_name=taken, source_image=source)
    assert "is used by an existing alicloud image" in said
    said = build(world, tmp_path, image_name=unique("built"), source_image="m-00000000000000000000")
    assert "No alicloud image was found" in said


def test_a_region_that_is_not_there(world, source, tmp_path):
    said = build(world, tmp_path, image_name=unique("built"), source_image=source, region="cn-shanghai")
    assert "cn-shanghai" in said and "Failed creating" not in said
