"""Every format's export, read by programs that others wrote."""

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from disk import shapes
from disk.tools import run

# Flavours of uploads, and what Glance calls their format.
FLAVOURS = {
    "raw": "raw",
    "qcow2": "qcow2",
    "qcow2-zlib": "qcow2",
    "qcow2-zstd": "qcow2",
    "qcow2-subclusters": "qcow2",
    "vhd": "vhd",
    "vhd-fixed": "vhd",
    "vhdx": "vhdx",
    "vdi": "vdi",
    "vmdk-sparse": "vmdk",
    "vmdk-stream": "vmdk",
}
READERS = 20


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_whatever_was_uploaded_the_guest_s_disk_is_read(served, source, raw, flavour):
    uri = served.uri(served.image(source(flavour), FLAVOURS[flavour]))
    run("qemu-img", "compare", "-f", "raw", "-F", "raw", raw, uri)


def test_a_raw_disk_of_any_length(served, tmp_path):
    for shape in ("sector", "odd-bytes", "odd-sectors", "empty"):
        path, out = tmp_path / shape, tmp_path / "out"
        shapes.SHAPES[shape](path)
        run("nbdcopy", served.uri(served.image(path, "raw")), out)
        assert out.read_bytes() == path.read_bytes(), shape
        out.unlink()


def test_the_export_says_what_it_can(served, source, raw):
    told = json.loads(run("nbdinfo", "--json", served.uri(served.image(source("qcow2"), "qcow2"))).stdout)
    (export,) = told["exports"]
    assert told["structured"] and not told["TLS"]
    assert export["export-size"] == raw.stat().st_size
    assert export["is_read_only"] and export["can_multi_conn"] and export["can_df"] and export["can_cache"]
    assert not (export["can_flush"] or export["can_fua"] or export["can_trim"] or export["can_zero"])
    assert export["contexts"] == ["base:allocation"]


def test_holes_are_told(served, tmp_path):
    path = tmp_path / "sparse"
    shapes.SHAPES["sparse"](path)
    uri = served.uri(served.image(path, "raw"))
    extents = json.loads(run("nbdinfo", "--json", "--map", uri).stdout)
    assert sum(extent["length"] for extent in extents) == path.stat().st_size
    data = sum(extent["length"] for extent in extents if extent["type"] == 0)
    assert 0 < data < 2 * shapes.MIB, "holes are holes"
    told = json.loads(run("qemu-img", "map", "--output=json", "-f", "raw", uri).stdout)
    assert sum(extent["length"] for extent in told if extent["data"]) == data


def test_nbdcopy_over_several_connections(served, source, raw, tmp_path):
    out = tmp_path / "out"
    run("nbdcopy", "--connections=4", "--requests=32", served.uri(served.image(source("vmdk-stream"), "vmdk")), out)
    run("qemu-img", "compare", "-f", "raw", "-F", "raw", raw, out)
    assert out.stat().st_blocks * 512 < raw.stat().st_size, "holes came as holes"


def test_what_writes_is_refused(served, source):
    uri = served.uri(served.image(source("raw"), "raw"))
    told = subprocess.run(["qemu-io", "-f", "raw", "-c", "write 0 512", uri], capture_output=True, text=True, check=False)
    assert "Permission denied" in told.stderr, told
    run("qemu-io", "-r", "-f", "raw", "-c", "read 0 512", "-c", "read -P 0 6M 1M", uri)


def test_a_second_layer_over_an_export(served, source, raw, tmp_path):
    overlay = tmp_path / "overlay.qcow2"
    uri = served.uri(served.image(source("qcow2-zstd"), "qcow2"))
    run("qemu-img", "create", "-f", "qcow2", "-b", uri, "-F", "raw", overlay)
    run("qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 64k", "-c", "read -P 7 1M 64k", overlay)
    changed = tmp_path / "changed"
    run("cp", raw, changed)
    with open(changed, "r+b") as file:
        file.seek(shapes.MIB)
        file.write(b"\7" * 65_536)
    run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", changed, overlay)


def test_this_node_s_machines_read_by_content(served, source, raw):
    image = served.image(source("qcow2"), "qcow2")
    # what is given out as it is stored is told apart by the name of its map
    stored = served.api.call("GET", f"/imprint/v1/images/{image}/export?format=qcow2", headers={"Range": "bytes=0-0"})
    name = stored.expect(206).headers["ETag"].strip('"')
    uri = f"nbd+unix:///content/{name}/qcow2?socket={served.socket}"
    run("qemu-img", "compare", "-f", "raw", "-F", "raw", raw, uri)
    assert_no_export(f"nbd+unix:///content/{'0' * 64}/raw?socket={served.socket}")
    assert_no_export(f"nbd://127.0.0.1:{served.port}/content/{name}/qcow2")


def test_twenty_readers_read_each_chunk_from_the_store_once(start, tmp_path):
    served = start()
    path = tmp_path / "full"
    shapes.write(path, 24 * shapes.MIB, [(0, shapes.noise(24 * shapes.MIB))])
    image = served.image(path, "raw")
    # twice the same disk: shared chunks are read once, too
    uris = [served.uri(each) for each in (image, served.image(path, "raw"))]
    before = served.server.figure("imprint_nbd_read_bytes")
    with ThreadPoolExecutor(READERS) as pool:
        copies = [pool.submit(run, "qemu-img", "compare", "-f", "raw", "-F", "raw", path, uris[number % 2])
                  for number in range(READERS)]
        for copy in copies:
            copy.result()
    assert served.server.figure("imprint_nbd_read_bytes") - before == path.stat().st_size
    assert served.server.figure("imprint_nbd_chunks_remembered") >= (READERS - 1) * served.server.figure("imprint_nbd_chunks_read")


def test_names_that_are_none(served, source):
    image = served.image(source("raw"), "raw")
    uri = served.uri(image)
    assert_no_export(uri[:-1] + ("0" if uri[-1] != "0" else "1"))
    assert_no_export(f"nbd://127.0.0.1:{served.port}/")
    assert_no_export(f"nbd://127.0.0.1:{served.port}/{'x' * 4000}")
    served.api.call("DELETE", f"/v2/images/{image}").expect(204)
    assert_no_export(uri)
    run("nbdinfo", "--list", f"nbd://127.0.0.1:{served.port}", code=0)


def test_names_expire(served, source):
    image = served.image(source("raw"), "raw")
    uri = served.uri(image, ttl_secs=1)
    deadline = time.monotonic() + 30
    while subprocess.run(["nbdinfo", "--size", uri], capture_output=True, check=False).returncode == 0:
        assert time.monotonic() < deadline, "the name is still good"
    assert_no_export(uri)
    for wrong in (0, 30 * 24 * 3600 + 1):
        served.offer(image, ttl_secs=wrong).expect(400)


def test_who_may_not_download_gets_no_name(served, source):
    image = served.image(source("raw"), "raw")
    served.api.new_user("stranger", "a-password", "strangers")
    stranger = served.api.login("stranger", "a-password", "strangers")
    stranger.call("POST", f"/imprint/v1/images/{image}/nbd", {}).expect(404)
    queued = served.api.create(name="empty")["id"]
    served.offer(queued).expect(409)


def test_the_command_line_prints_the_address(served, source, raw):
    image = served.image(source("qcow2"), "qcow2")
    told = served.server.cli("image", "export-nbd", image, "--ttl", "60")
    assert told.returncode == 0, told.stderr
    run("qemu-img", "compare", "-f", "raw", "-F", "raw", raw, told.stdout.strip())


def assert_no_export(uri):
    told = subprocess.run(["nbdinfo", uri], capture_output=True, text=True, check=False)
    assert told.returncode != 0, told.stdout
    assert "no such export" in told.stderr or "No such file" in told.stderr, told.stderr
