"""Servers and machines for the compute suite: real guests under QEMU, emulated even where KVM is there, so that every
machine of ours and CI's sees the same.

The suite starts its own servers: it kills them.  It needs `tests/images/guest.sh`'s guest.qcow2.
"""

import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "clients"))

pytest.register_assert_rewrite("guest", "aliyun")

from guest import Cloud, Guest, qemu_of  # noqa: E402
from harness.imprint import Imprint  # noqa: E402


def image_file():
    """The guest's disk: what IMPRINT_TEST_GUEST names, else the one of the cache, which must be there."""
    cache = os.environ.get("IMPRINT_TEST_IMAGES") or os.path.expanduser("~/.cache/imprint-test")
    path = os.environ.get("IMPRINT_TEST_GUEST") or os.path.join(cache, "guest.qcow2")
    assert os.path.exists(path), f"no {path}: run tests/images/guest.sh"
    return path


def launch(work, **settings):
    """A server that emulates its machines."""
    env = {"IMPRINT_MACHINE_ACCELERATOR": "tcg", "IMPRINT_MACHINE_STOP_SECS": "30",
           **{f"IMPRINT_{name.upper()}": str(value) for name, value in settings.items()}}
    return Imprint(str(work / "data"), str(work / "log"), env).start()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The server whose machines the tests use."""
    running = launch(tmp_path_factory.mktemp("server"))
    try:
        yield running
        assert running.process.poll() is None, "the server died"
        assert running.panics() == []
    finally:
        stop(running)


def stop(server):
    """Ends a server and every machine it leaves behind."""
    if server.process.poll() is None:
        server.kill()
    for pid in qemu_of(server.data_dir):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def another(tmp_path_factory):
    """Starts servers with settings of their own."""
    running = []

    def start(**settings):
        running.append(launch(tmp_path_factory.mktemp("another"), **settings))
        return running[-1]

    yield start
    for server in running:
        stop(server)


@pytest.fixture(scope="session")
def cloud(server):
    """An account on the server with the guest's image in it, as the real SDK sees it."""
    return Cloud(server).with_image(image_file())


@pytest.fixture(scope="session")
def guest(cloud):
    """A machine that runs, with two data disks of 1 GiB."""
    disks = [{"Category": "cloud_essd", "PerformanceLevel": "PL0", "Size": 1} for _ in range(2)]
    machine = Guest.run(cloud, cloud.image, DataDisk=disks, InstanceName="first",
                        UserData="IyEvYmluL3NoCmVjaG8gdG9sZC1vbi1maXJzdC1ib290Cg==")
    machine.ready()
    return machine
