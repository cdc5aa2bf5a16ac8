"""Servers for the fault suites. Whatever a test did to one, it must have stayed alive and small."""

import os
import socket
import sys
import uuid

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness.imprint import Imprint  # noqa: E402
from harness.process import rss_kib  # noqa: E402

HEAD_SECS = 2
BODY_IDLE_SECS = 2
RSS_KIB_MAX = 400 * 1024
ANSWER_SECS_MAX = 30


def started(tmp_path_factory, **settings):
    """Starts a server with these settings, and little patience."""
    work = tmp_path_factory.mktemp("server")
    env = {
        "IMPRINT_HEADER_TIMEOUT_SECS": str(HEAD_SECS),
        "IMPRINT_BODY_IDLE_TIMEOUT_SECS": str(BODY_IDLE_SECS),
        **{f"IMPRINT_{name.upper()}": value for name, value in settings.items() if not name.startswith("AWS_")},
        **{name: value for name, value in settings.items() if name.startswith("AWS_")},
    }
    data_dir = env.pop("IMPRINT_DATA_DIR", str(work / "data"))
    return Imprint(data_dir, str(work / "log"), env).start()


def fared_well(server):
    """Fails unless the server lives, is small, never panicked, and ends cleanly."""
    assert server.process.poll() is None, "the server died"
    assert server.ready()
    resident = rss_kib(server.process.pid)
    assert resident < RSS_KIB_MAX, f"the server holds {resident} KiB"
    assert server.figure("imprint_http_panics_total") == 0, "operations broke"
    assert server.stop() == 0
    assert server.panics() == []


def gone(server):
    """Ends a server that a failed test left behind."""
    if server.process.poll() is None:
        server.kill()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The server that most tests abuse."""
    running = started(tmp_path_factory)
    try:
        yield running
        fared_well(running)
    finally:
        gone(running)


@pytest.fixture
def launch(tmp_path_factory):
    """Starts servers with settings of their own; none outlives its test."""
    running = []

    def start(**settings):
        running.append(started(tmp_path_factory, **settings))
        return running[-1]

    yield start
    for server in running:
        gone(server)


@pytest.fixture(scope="session")
def admin(server):
    """An administrator."""
    return server.admin()


@pytest.fixture(scope="session")
def alice(server, admin):
    """A member of one project."""
    admin.new_user("alice", "alice-secret", "wonderland")
    return admin.login("alice", "alice-secret", "wonderland")


@pytest.fixture(scope="session")
def mallory(server, admin):
    """A member of another project."""
    admin.new_user("mallory", "mallory-secret", "elsewhere")
    return admin.login("mallory", "mallory-secret", "elsewhere")


@pytest.fixture
def image(alice):
    """A queued image of Alice's."""
    made = alice.create(name="victim-" + uuid.uuid4().hex[:8])
    yield made["id"]
    alice.call("DELETE", f"/v2/images/{made['id']}")


def refused(answer, status, *words):
    """Fails unless the answer is this error, in the documented shape, and its text holds the words."""
    wanted = status if isinstance(status, tuple) else (status,)
    answer.expect(*wanted)
    body = answer.json()
    assert set(body) == {"message", "code", "title"}, body
    assert body["code"].startswith(str(answer.status)), body
    for word in words:
        assert word in body["message"], f"{word!r} is not in {body['message']!r}"


def raw(server, *pieces, close=False):
    """Sends bytes as they are; everything the server says until it closes (or answers and `close`)."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=ANSWER_SECS_MAX) as sock:
        try:
            for piece in pieces:
                sock.sendall(piece)
            if close:
                sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it had enough; what it said can still be read
        return received(sock)


def received(sock):
    """What comes until the other side closes."""
    out = b""
    try:
        while block := sock.recv(65536):
            out += block
    except ConnectionResetError:
        pass
    return out


def status_of(answer):
    """The status of a raw answer; None when there was none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


def put_head(api, image, extra=b""):
    """The head of an upload without its length."""
    return (f"PUT /v2/images/{image}/file HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {api.token}\r\n"
            "Content-Type: application/octet-stream\r\nAccept: application/json\r\n").encode() + extra
