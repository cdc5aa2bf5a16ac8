"""The disk is full, the store or the database is gone: refused while it lasts, whole again afterwards."""

import os
import random
import sqlite3
import subprocess
import time

import pytest
from conftest import fared_well, refused
from harness.postgres import Postgres
from harness.s3 import S3Server

MIB = 1 << 20
TMPFS_MIB = 96
BACK_SECS_MAX = 60


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few MiB."""
    if os.geteuid() != 0:
        # a full disk can only be shown on a file system that is small, and CI is root
        pytest.skip("mounting a small file system needs root")
    place = str(tmp_path / "small")
    os.mkdir(place)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={TMPFS_MIB}m", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture
def cluster():
    """A PostgreSQL that can be taken away."""
    running = Postgres()
    yield running
    running.close()


@pytest.fixture
def bucket():
    """An S3 server that can be taken away."""
    running = S3Server()
    yield running
    running.close()


def eventually(succeeds, what):
    """Waits until something works again."""
    end = time.monotonic() + BACK_SECS_MAX
    while not succeeds():
        assert time.monotonic() < end, f"{what} does not work again after {BACK_SECS_MAX} s"
        time.sleep(0.2)


def test_disk_full_during_uploads(launch, small_disk):
    server = launch(data_dir=os.path.join(small_disk, "data"))
    api = server.admin()
    kept = api.create(name="kept")["id"]
    data = random.Random(1).randbytes(4 * MIB)
    api.upload(kept, data).expect(204)
    refusals = 0
    for number in range(6):
        made = api.create(name=f"too much {number}").get("id")
        try:
            answer = api.upload(made, random.Random(number + 2).randbytes(TMPFS_MIB * MIB // 2))
        except (BrokenPipeError, ConnectionResetError):
            answer = None  # refused before all was sent
        if answer is None or answer.status != 204:
            if answer is not None:
                refused(answer, (413, 500, 503, 507))
            refusals += 1
            eventually(lambda: api.show(made)["status"] == "queued", "the refused upload's image")
            break
    assert refusals == 1, "the disk never filled up"
    assert api.call("GET", f"/v2/images/{kept}/file").expect(200).body == data
    for record in api.list_all():
        if record["name"].startswith("too much"):
            api.call("DELETE", f"/v2/images/{record['id']}").expect(204)
    collected = server.cli("store", "gc", "--grace", "0")
    assert collected.returncode == 0, collected.stdout + collected.stderr
    again = api.create(name="fits again")["id"]
    eventually(lambda: api.upload(again, data[:MIB]).status == 204, "uploading")
    assert server.cli("store", "verify").returncode == 0
    fared_well(server)


def test_the_store_is_gone(launch, bucket):
    server = launch(**settings_of(bucket.environment("gone")))
    api = server.admin()
    image, other = api.create(name="kept")["id"], api.create(name="later")["id"]
    api.upload(image, random.Random(3).randbytes(8 * MIB)).expect(204)
    bucket.halt()
    refused(api.upload(other, random.Random(4).randbytes(8 * MIB)), (500, 503))
    assert api.call("GET", "/readyz").status == 503
    assert api.call("GET", "/healthz").status == 200
    assert api.show(image)["status"] == "active"
    eventually(lambda: api.show(other)["status"] == "queued", "the refused upload's image")
    bucket.start()
    eventually(lambda: api.call("GET", "/readyz").status == 200, "readiness")
    api.upload(other, b"it works again").expect(204)
    assert api.call("GET", f"/v2/images/{other}/file").expect(200).body == b"it works again"
    fared_well(server)


def settings_of(environment):
    """Environment names as `started` wants them."""
    return {name.removeprefix("IMPRINT_").lower() if name.startswith("IMPRINT_") else name: value
            for name, value in environment.items()}


def test_the_database_is_gone(launch, cluster):
    server = launch(database_url=cluster.url("gone"))
    api = server.admin()
    image = api.create(name="kept")["id"]
    api.upload(image, b"bytes").expect(204)
    cluster.halt()
    refused(api.call("GET", "/v2/images"), 503)
    refused(api.call("POST", "/v2/images", {"name": "x"}), 503)
    refused(api.upload(image, b"bytes"), 503)
    assert api.call("GET", "/readyz").status == 503
    assert api.call("GET", "/healthz").status == 200
    cluster.start()
    eventually(lambda: api.call("GET", "/readyz").status == 200, "readiness")
    assert api.call("GET", f"/v2/images/{image}/file").expect(200).body == b"bytes"
    assert len(api.list_all()) == 1
    fared_well(server)


def test_the_database_is_locked(launch):
    server = launch()
    api = server.admin()
    api.timeout = 120
    image = api.create(name="kept")["id"]
    locker = sqlite3.connect(os.path.join(server.data_dir, "imprint.db"), isolation_level=None)
    locker.execute("begin immediate")
    api.call("GET", f"/v2/images/{image}").expect(200)
    refused(api.call("POST", "/v2/images", {"name": "locked out"}), 503)
    locker.execute("rollback")
    locker.close()
    api.create(name="again")
    assert sorted(entry["name"] for entry in api.list_all()) == ["again", "kept"]
    fared_well(server)
