"""Connections that are slow, cut, too long or too many: nothing half-done stays visible."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import ANSWER_SECS_MAX, HEAD_SECS, put_head, raw, received, refused, status_of

MIB = 1 << 20
SETTLE_SECS_MAX = 20


def settled(api, image, status="queued"):
    """Waits until the server has noticed; then nothing of the attempt may be left."""
    end = time.monotonic() + SETTLE_SECS_MAX
    while (record := api.show(image))["status"] != status:
        assert time.monotonic() < end, f"still {record['status']}"
        time.sleep(0.05)
    if status == "queued":
        assert record["size"] is None and record["checksum"] is None and record["os_hash_value"] is None
    return record


def test_an_upload_that_stops_half_way(server, alice, image):
    raw(server, put_head(alice, image, b"Content-Length: 1000000\r\n\r\n"), b"x" * 500_000, close=True)
    settled(alice, image)
    alice.call("GET", f"/v2/images/{image}/file").expect(204)
    alice.upload(image, b"whole").expect(204)
    assert alice.call("GET", f"/v2/images/{image}/file").expect(200).body == b"whole"


def test_a_chunked_upload_without_its_end(server, alice, image):
    raw(server, put_head(alice, image, b"Transfer-Encoding: chunked\r\n\r\n"), b"5\r\nhello\r\n", close=True)
    settled(alice, image)


def test_a_chunked_upload_with_broken_chunks(server, alice, image):
    raw(server, put_head(alice, image, b"Transfer-Encoding: chunked\r\n\r\n"), b"5\r\nhello\r\nzz\r\nx", close=True)
    settled(alice, image)


def test_more_bytes_than_were_declared(server, alice, image):
    answer = raw(server, put_head(alice, image, b"Content-Length: 5\r\nConnection: close\r\n\r\n"), b"hello" + b"x" * 5000)
    assert status_of(answer) == 204
    assert settled(alice, image, "active")["size"] == 5


def test_another_size_than_was_announced(alice, image):
    answer = alice.call("PUT", f"/v2/images/{image}/file", raw=b"hello", headers={"x-openstack-image-size": "4"})
    assert answer.status in (204, 400, 413), answer.status
    if answer.status != 204:
        settled(alice, image)


@pytest.mark.parametrize("lengths", [b"Content-Length: -1\r\n", b"Content-Length: 5x\r\n",
                                     b"Content-Length: 99999999999999999999999\r\n",
                                     b"Content-Length: 5\r\nContent-Length: 6\r\n",
                                     b"Transfer-Encoding: gzip\r\n"])
def test_lengths_that_make_no_sense(server, alice, image, lengths):
    answer = raw(server, put_head(alice, image, lengths + b"\r\n"), b"hello", close=True)
    assert status_of(answer) in (None, 400, 411, 413, 501)
    settled(alice, image)


def test_an_upload_of_a_petabyte_costs_nothing_to_announce(server, alice, image):
    answer = raw(server, put_head(alice, image, b"Content-Length: 1125899906842624\r\n\r\n"), b"x" * 1000, close=True)
    assert status_of(answer) in (None, 400, 413)
    settled(alice, image)


def test_a_body_that_trickles(server, alice, image):
    with socket.create_connection(("127.0.0.1", server.port), timeout=ANSWER_SECS_MAX) as sock:
        sock.sendall(put_head(alice, image, b"Content-Length: 1000\r\n\r\n") + b"x")
        answer = received(sock)  # we send nothing more: the server must end it
    assert status_of(answer) in (None, 400, 408)
    settled(alice, image)


def test_heads_that_trickle(server, alice):
    idle = [socket.create_connection(("127.0.0.1", server.port), timeout=HEAD_SECS * 10) for _ in range(200)]
    try:
        for sock in idle:
            sock.sendall(b"GET /v2/images HTTP/1.1\r\nHost: ")
        alice.call("GET", "/v2/images").expect(200)
        for sock in idle:
            assert status_of(received(sock)) in (None, 400, 408)
    finally:
        for sock in idle:
            sock.close()
    alice.call("GET", "/v2/images").expect(200)


def test_junk_in_the_head(server):
    many = b"".join(b"X-Junk-%d: x\r\n" % number for number in range(100_000))
    assert status_of(raw(server, b"GET / HTTP/1.1\r\nHost: x\r\n", many, b"\r\n")) in (None, 400, 431)
    long = b"X-Junk: " + b"x" * (10 * MIB) + b"\r\n"
    assert status_of(raw(server, b"GET / HTTP/1.1\r\nHost: x\r\n", long, b"\r\n")) in (None, 400, 431)
    for line in (b"No colon\r\n", b": no name\r\n", b"X Y: z\r\n", b"X: \x00\r\n", b"X: a\r\n folded\r\n"):
        assert status_of(raw(server, b"GET / HTTP/1.1\r\nHost: x\r\n" + line + b"\r\n", close=True)) in (None, 300, 400)


def test_a_million_headers_one_connection_after_another(server, alice):
    head = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"A%d: b\r\n" % n for n in range(10_000)) + b"\r\n"
    with ThreadPoolExecutor(4) as pool:
        statuses = set(pool.map(lambda _: status_of(raw(server, head)), range(100)))
    assert statuses <= {None, 400, 431}
    alice.call("GET", "/v2/images").expect(200)


def test_json_bodies_that_never_end(server, alice):
    head = (f"POST /v2/images HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {alice.token}\r\nAccept: application/json\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").encode()
    piece = b"100000\r\n" + b" " * MIB + b"\r\n"
    assert status_of(raw(server, head, *[piece] * 200)) in (None, 400, 413)


def test_two_uploads_to_one_image(alice, image):
    first, second = b"a" * (8 * MIB), b"b" * (8 * MIB)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda data: alice.upload(image, data), (first, second)))
    assert sorted(answer.status for answer in answers) == [204, 409]
    refused(answers[0] if answers[0].status == 409 else answers[1], 409)
    winner = first if answers[0].status == 204 else second
    assert alice.call("GET", f"/v2/images/{image}/file").expect(200).body == winner
    refused(alice.upload(image, b"again"), 409)


def test_an_image_deleted_during_its_upload(server, alice, image):
    with socket.create_connection(("127.0.0.1", server.port), timeout=ANSWER_SECS_MAX) as sock:
        sock.sendall(put_head(alice, image, b"Content-Length: 2097152\r\n\r\n") + b"x" * MIB)
        settled(alice, image, "saving")
        alice.call("DELETE", f"/v2/images/{image}").expect(204)
        try:
            sock.sendall(b"x" * MIB)
        except OSError:
            pass
        assert status_of(received_head(sock)) in (None, 404, 409, 410)
    alice.call("GET", f"/v2/images/{image}").expect(404)


def received_head(sock):
    """The first bytes of an answer."""
    try:
        return sock.recv(65536)
    except ConnectionResetError:
        return b""


def test_an_image_deleted_during_its_download(server, alice):
    data = bytes(range(256)) * (64 * MIB // 256)
    made = alice.create(name="deleted while read")["id"]
    alice.upload(made, data).expect(204)
    with socket.create_connection(("127.0.0.1", server.port), timeout=ANSWER_SECS_MAX) as sock:
        sock.sendall((f"GET /v2/images/{made}/file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                      f"X-Auth-Token: {alice.token}\r\n\r\n").encode())
        begun = sock.recv(65536)
        alice.call("DELETE", f"/v2/images/{made}").expect(204)
        body = (begun + received(sock)).split(b"\r\n\r\n", 1)[1]
    # What was begun ends well, or is cut short: it never turns into other bytes.
    assert body == data[:len(body)]
    alice.call("GET", f"/v2/images/{made}/file").expect(404)


def test_many_clients_that_leave(server, alice):
    data = bytes(64 * 1024) + b"x" * (16 * MIB)
    made = alice.create(name="left alone")["id"]
    alice.upload(made, data).expect(204)

    def leave(_):
        with socket.create_connection(("127.0.0.1", server.port), timeout=ANSWER_SECS_MAX) as sock:
            sock.sendall((f"GET /v2/images/{made}/file HTTP/1.1\r\nHost: x\r\n"
                          f"X-Auth-Token: {alice.token}\r\n\r\n").encode())
            sock.recv(1000)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(leave, range(200)))
    assert alice.call("GET", f"/v2/images/{made}/file").expect(200).body == data
    alice.call("DELETE", f"/v2/images/{made}").expect(204)
