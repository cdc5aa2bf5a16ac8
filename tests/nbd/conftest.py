"""A server whose disks can be read over NBD, and images of every format on it."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from disk import shapes  # noqa: E402
from disk.tools import make_source  # noqa: E402
from harness import process  # noqa: E402
from harness.imprint import Imprint  # noqa: E402
from nbd.served import Served  # noqa: E402


@pytest.fixture(scope="session")
def raw(tmp_path_factory):
    """The disk that is inside every image."""
    path = tmp_path_factory.mktemp("raw") / "mixed.raw"
    shapes.mixed(path)
    return path


@pytest.fixture(scope="session")
def source(raw, tmp_path_factory):
    """That disk as a file of a flavour, made when it is first asked for."""
    folder = tmp_path_factory.mktemp("sources")

    def made(flavour):
        path = folder / flavour
        if not path.exists():
            make_source(raw, flavour, path)
        return path

    return made


def started(work, **settings):
    env = {f"IMPRINT_{name.upper()}": value for name, value in settings.items()}
    port = process.free_port()
    env["IMPRINT_NBD_LISTEN"] = f"127.0.0.1:{port}"
    # what is served is told apart from what machines would read
    env.setdefault("IMPRINT_HYPERVISOR", "none")
    server = Imprint(str(work / "data"), str(work / "log"), env)
    return Served(server.start(), port)


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """Without TLS, on loopback."""
    running = started(tmp_path_factory.mktemp("server"))
    try:
        yield running
    finally:
        running.server.stop()
    assert running.server.panics() == []


@pytest.fixture
def start(tmp_path_factory):
    """Starts servers of one's own."""
    running = []

    def begin(**settings):
        running.append(started(tmp_path_factory.mktemp("own"), **settings))
        return running[-1]

    yield begin
    for served in running:
        served.server.stop()
        assert served.server.panics() == []
