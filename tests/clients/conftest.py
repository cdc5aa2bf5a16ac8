"""Fixtures of the client suites: real, unmodified clients against the server named in OS_*.

The suites run under `harness.stack --serve`; see tests/run.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness.api import Api  # noqa: E402

# Modules of tests that other modules import: their assertions shall explain themselves too.
pytest.register_assert_rewrite("aliyun", "ecs_family", "ecs_images", "ecs_machines", "ecs_ram", "ecs_world", "huawei")

READ_BYTES = 1 << 20
STATUS_SECS_MAX = 30


def digests(path):
    """(size, md5, sha256, sha512) of a file."""
    md5, sha256, sha512, size = hashlib.md5(), hashlib.sha256(), hashlib.sha512(), 0
    with open(path, "rb") as file:
        while block := file.read(READ_BYTES):
            size += len(block)
            for digest in (md5, sha256, sha512):
                digest.update(block)
    return size, md5.hexdigest(), sha256.hexdigest(), sha512.hexdigest()


@dataclass(frozen=True)
class DiskImage:
    """A disk image on this machine, and what every byte of it must hash to."""

    path: str
    size: int
    md5: str
    sha256: str
    sha512: str

    def same_as(self, path):
        """Fails unless the file at `path` holds the same bytes."""
        assert digests(path) == (self.size, self.md5, self.sha256, self.sha512)

    def described_by(self, record):
        """Fails unless an image record tells this image's size and hashes."""
        assert record["status"] == "active"
        assert record["size"] == self.size
        assert record["checksum"] == self.md5
        assert record["os_hash_algo"] == "sha512"
        assert record["os_hash_value"] == self.sha512


@dataclass(frozen=True)
class User:
    """Someone who can log in, as the clients' environment."""

    name: str
    password: str
    project: str
    project_id: str
    user_id: str

    def environment(self):
        """OS_* of this user."""
        return {**os.environ, "OS_USERNAME": self.name, "OS_PASSWORD": self.password,
                "OS_PROJECT_NAME": self.project}


def run(*command, user=None, stdin=None, fails=False):
    """Runs a client; its standard output, or with `fails` everything it said while failing.

    Without `stdin` the client gets none at all: what is merely empty would be taken for an image.
    """
    if stdin is None:
        command = ("sh", "-c", 'exec "$@" <&-', "sh", *command)
    env = user.environment() if user else dict(os.environ)
    done = subprocess.run([str(word) for word in command], env=env, stdin=stdin,
                          capture_output=True, text=True)
    said = done.stdout + done.stderr
    if fails:
        assert done.returncode != 0, f"{command} should have failed, and said: {said}"
        return said
    assert done.returncode == 0, f"{command}: {said}"
    return done.stdout


def openstack(*words, user=None):
    """Runs `openstack … -f json`; the parsed answer."""
    return json.loads(run("openstack", *words, "-f", "json", user=user))


def unique(prefix):
    """A name no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def wait_for_status(admin, image, status):
    """Waits until an image is in a status, which a client's death brings about in its own time."""
    end = time.monotonic() + STATUS_SECS_MAX
    while (now := admin.show(image)["status"]) != status:
        assert time.monotonic() < end, f"image is {now}, not {status}, after {STATUS_SECS_MAX} s"
        time.sleep(0.05)


def interrupt(command, admin, image_of, data):
    """Starts a client that uploads from its standard input, sends half of `data`, and kills it.

    `image_of` finds the image's id once the client has made it.
    """
    client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        with open(data.path, "rb") as file:
            left = data.size // 2
            while left > 0:
                block = file.read(min(READ_BYTES, left))
                client.stdin.write(block)
                left -= len(block)
        client.stdin.flush()
        image = image_of()
        wait_for_status(admin, image, "saving")
    finally:
        client.kill()
        client.stdin.close()
        client.wait()
    wait_for_status(admin, image, "queued")
    record = admin.show(image)
    assert record["size"] is None and record["checksum"] is None
    return image


@pytest.fixture(scope="session")
def admin():
    """Plain HTTP with an administrator's token, to look at things from outside the client."""
    return Api(os.environ["IMPRINT_URL"], openstack("token", "issue")["id"])


@pytest.fixture(scope="session")
def disk():
    """The real disk image of the life cycles."""
    path = os.environ["IMPRINT_TEST_IMAGE"]
    return DiskImage(path, *digests(path))


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A few KiB, for what needs no real image."""
    path = str(tmp_path_factory.mktemp("small") / "small.raw")
    with open(path, "wb") as file:
        file.write(bytes(range(256)) * 32)
    return DiskImage(path, *digests(path))


def make_user(role="member"):
    """A project and a user in it, made with the openstack client."""
    project, name, password = unique("project"), unique("user"), uuid.uuid4().hex
    project_id = openstack("project", "create", "--domain", "default", project)["id"]
    user_id = openstack("user", "create", "--domain", "default", "--password", password, name)["id"]
    run("openstack", "role", "add", "--project", project_id, "--user", user_id, role)
    return User(name, password, project, project_id, user_id)


@pytest.fixture(scope="module")
def owner():
    """Who uploads, in a project of its own."""
    return make_user()


@pytest.fixture(scope="module")
def member():
    """Who gets images shared, in a second project."""
    return make_user()


@pytest.fixture(scope="module")
def world():
    """Accounts with something in them, for the ECS suites."""
    import ecs_world
    return ecs_world.build()
