"""An installation that looks into every image and makes imports raw: what a real Debian says of itself through each
API, and what comes out of it in other formats, judged by qemu-img.
"""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import urllib.request
from types import SimpleNamespace

import pytest
from conftest import run, unique
from ecs_world import until
from harness.ecs import Account, new_account
from harness.imprint import Imprint, binary
from harness.stack import keep_log, openstack_environment

BUCKET = "checked"
# What ECS calls a format, what qemu-img does.
ECS_FORMATS = {"raw": "raw", "qcow2": "qcow2", "vhd": "vpc", "vmdk": "vmdk", "vdi": "vdi"}
IMS_FORMATS = {"qcow2": "qcow2", "vhd": "vpc", "vmdk": "vmdk"}
NATIVE = {"format=qcow2": "qcow2", "format=qcow2&compress": "qcow2", "format=qcow2&compress=zstd": "qcow2",
          "format=vhd": "vpc", "format=vhd-fixed": "vpc", "format=vhdx": "vhdx", "format=vmdk": "vmdk", "format=vdi": "vdi"}
READ_BYTES = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of this module's own: the shared one looks only into what it is asked to, and converts nothing."""
    work = tmp_path_factory.mktemp("check")
    server = Imprint(str(work / "data"), str(work / "log"), {"IMPRINT_CHECK_IMAGES": "always", "IMPRINT_IMPORT_CONVERSION": "raw"})
    with contextlib.ExitStack() as stack:
        stack.callback(keep_log, server)
        server.start()
        stack.callback(lambda: server.process.poll() is None and server.kill())
        os.makedirs(os.path.join(server.data_dir, "oss", BUCKET), exist_ok=True)
        yield server
        assert server.stop() == 0 and server.panics() == []


@pytest.fixture(scope="module")
def account(server):
    return new_account(server.environment())


@pytest.fixture(scope="module")
def image(server, disk):
    """The UUID of the whole Debian, uploaded by the OpenStack client."""
    made = subprocess.run(
        ["openstack", "image", "create", unique("debian"), "--disk-format", "qcow2", "--container-format", "bare",
         "--property", "os_admin_user=debian", "--file", disk.path, "-f", "json"],
        env={**os.environ, **openstack_environment(server)}, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)["id"]


@pytest.fixture(scope="module")
def root(server):
    """The first account under its access key."""
    environment = server.environment()
    keys = environment["IMPRINT_ROOT_ACCESS_KEY"], environment["IMPRINT_ROOT_SECRET_KEY"]
    return Account(server.url, "admin", "", "", *keys)


@pytest.fixture(scope="module")
def checked(server, image, root):
    """The record as ECS shows it once the check has ended."""
    def look():
        found = root.ecs().image(ecs_id(image))
        assert found and found["Status"] == "Available", "a check keeps nobody waiting"
        return found["DetectionOptions"]["Status"] == "Finished" and found
    return until(look, "the check")


def ecs_id(uuid):
    """What ECS calls an image: 25 digits of base 36, zeros before a small number."""
    number, digits = int(uuid.replace("-", ""), 16), ""
    while number:
        number, place = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[place] + digits
    return f"m-{digits.zfill(25)}"


def imprint(server, *words):
    """The command line as the server's first account; the shared server's login must not be in its way."""
    env = {**server.environment(), **openstack_environment(server)}
    return subprocess.run([binary(), *words], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def object_path(server, key):
    return os.path.join(server.data_dir, "oss", BUCKET, key)


def same_disk(disk, path, format):
    """Fails unless qemu-img finds the same disk in both files, and nothing wrong with the second."""
    subprocess.run(["qemu-img", "compare", "-f", "qcow2", "-F", format, disk.path, path], check=True, capture_output=True)
    if format in ("qcow2", "vhdx", "vdi", "vmdk"):
        subprocess.run(["qemu-img", "check", "-f", format, path], check=True, capture_output=True)


def test_ecs_tells_what_was_found(checked):
    items = {item["Name"]: item for item in checked["DetectionOptions"]["Items"]["Item"]}
    assert items["GUESTOS.Platform"]["Value"].lower().startswith("debian")
    assert items["GUESTOS.OSVersion"]["Value"].startswith("12")
    for name in ("GUESTOS.Nvme", "GUESTOS.Virtio", "GUESTOS.Fstab", "GUESTOS.SystemImage"):
        assert "RiskLevel" not in items[name], items[name]
    assert items["GUESTOS.CloudAssistant"]["RiskLevel"] == "Medium"
    for item in items.values():
        assert item.get("RiskLevel") in (None, "Medium", "High") and ("RiskLevel" in item) == ("RiskCode" in item)
    tags = {tag["TagKey"]: tag["TagValue"] for tag in checked["Tags"]["Tag"]}
    if not any(item.get("RiskLevel") == "High" for item in items.values()):
        assert tags["acs:ecs:image:osVersion"].startswith("12") and tags["acs:ecs:image:kernelVersion"]
    assert checked["Platform"] == "Debian" and checked["Architecture"] == "x86_64"


def test_glance_tells_it_as_properties(server, image, checked):
    shown = server.admin().show(image)
    assert shown["status"] == "active" and shown["os_distro"] == "debian" and shown["os_version"].startswith("12")
    assert shown["architecture"] == "x86_64" and shown["os_type"] == "linux"
    assert shown["hw_firmware_type"] in ("bios", "uefi") and shown["os_admin_user"] == "debian"


def test_a_copy_is_not_looked_into_again(server, root, image, checked):
    copy = root.ecs().ok("CopyImage", ImageId=checked["ImageId"], DestinationImageName=unique("copy"))["ImageId"]
    def there():
        found = root.ecs().image(copy)
        return found and found["Status"] == "Available" and found
    found = until(there, "the copy")
    assert found["DetectionOptions"] == checked["DetectionOptions"]
    jobs = server.admin().call("GET", "/imprint/v1/jobs?limit=1000").expect(200).json()["items"]
    assert sum(job["kind"] == "check_image" for job in jobs) == 1


def test_the_command_line_prints_it(server, image, checked):
    said = imprint(server, "image", "check", image)
    assert said.returncode == 0 and "Debian" in said.stdout, said.stderr
    listed = imprint(server, "image", "check", image, "--sbom", "spdx")
    assert json.loads(listed.stdout)["spdxVersion"] == "SPDX-2.3", listed.stderr


@pytest.mark.parametrize("format", ECS_FORMATS)
def test_it_goes_to_a_bucket_through_ecs(server, root, disk, checked, format):
    task = root.ecs().ok("ExportImage", ImageId=checked["ImageId"], OSSBucket=BUCKET, OSSPrefix="ecs", ImageFormat=format)["TaskId"]
    def ended():
        told = root.ecs().ok("DescribeTaskAttribute", TaskId=task)
        return told["TaskStatus"] in ("Finished", "Failed") and told
    assert until(ended, "the export")["TaskStatus"] == "Finished"
    path = object_path(server, f"ecs_{checked['ImageId']}_system.{format}")
    same_disk(disk, path, ECS_FORMATS[format])
    os.remove(path)


@pytest.mark.parametrize("wanted", NATIVE)
def test_it_is_sent_in_any_format(server, image, disk, checked, tmp_path, wanted):
    """Twice the same bytes, the second time with a length, and any range of them."""
    address = f"{server.url}/imprint/v1/images/{image}/export?{wanted}"
    token, path = server.admin().token, tmp_path / "disk"
    def get(**headers):
        asked = urllib.request.Request(address, headers={"X-Auth-Token": token, **headers})
        return urllib.request.urlopen(asked, timeout=600)
    with get() as answer:
        sparse(answer, path)
    with get() as answer, open(path, "rb") as file:
        length = int(answer.headers["Content-Length"])
        while block := answer.read(READ_BYTES):
            assert file.read(len(block)) == block
        assert not file.read(1) and file.tell() == length
        for start, count in ((0, 1), (length // 3, 100_000), (length - 512, 512)):
            with get(Range=f"bytes={start}-{start + count - 1}") as part:
                file.seek(start)
                assert part.status == 206 and part.read() == file.read(count)
    same_disk(disk, path, NATIVE[wanted])
    path.unlink()


def sparse(answer, path):
    """Writes an answer into a file, its zeros as holes: ten such files would fill a small machine."""
    with open(path, "wb") as file:
        while block := answer.read(READ_BYTES):
            file.seek(len(block), os.SEEK_CUR) if block.count(0) == len(block) else file.write(block)
        file.truncate()


def test_a_file_is_pulled_in_a_format(server, image, disk, checked, tmp_path):
    path = tmp_path / "disk.vhdx"
    said = imprint(server, "image", "pull", image, str(path), "--format", "vhdx")
    assert said.returncode == 0, said.stderr
    same_disk(disk, path, "vhdx")
    path.unlink()
    packed = tmp_path / "disk.raw.zst"
    said = imprint(server, "image", "pull", image, str(packed), "--format", "raw", "--compress", "zstd")
    assert said.returncode == 0, said.stderr
    assert os.path.getsize(packed) < disk.size * 3
    run("zstd", "-q", "-t", packed)
    packed.unlink()


def test_what_glance_imports_becomes_raw(server, tmp_path):
    raw, qcow2, back = (tmp_path / name for name in ("raw", "qcow2", "back"))
    raw.write_bytes(os.urandom(3 << 20) + bytes(20 << 20) + b"the end" + bytes((1 << 20) - 7))
    run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c", raw, qcow2)
    user = SimpleNamespace(environment=lambda: {**os.environ, **openstack_environment(server)})
    name = unique("imported")
    run("glance", "image-create-via-import", "--name", name, "--disk-format", "qcow2", "--container-format", "bare",
        "--import-method", "glance-direct", "--file", qcow2, user=user)
    show = lambda: json.loads(run("openstack", "image", "show", name, "-f", "json", user=user))
    shown = until(lambda: (found := show())["status"] == "active" and found, "the import")
    assert (shown["disk_format"], shown["size"], shown["virtual_size"]) == ("raw", 24 << 20, 24 << 20)
    # the client compares the digest of what it gets with that of the record
    run("glance", "image-download", shown["id"], "--file", back, user=user)
    assert back.read_bytes() == raw.read_bytes()
    assert shown["checksum"] == hashlib.md5(raw.read_bytes()).hexdigest()


@pytest.mark.parametrize("format", IMS_FORMATS)
def test_it_goes_to_a_bucket_through_ims(server, account, disk, format):
    """The compressed file goes into a bucket, is imported, and comes out again as the same disk."""
    source = object_path(server, "ims-source.qcow2")
    if not os.path.exists(source):
        shutil.copyfile(disk.path, source)
    asked = {"name": unique("ims"), "image_url": f"{BUCKET}:ims-source.qcow2", "min_disk": 40}
    ims = account.ims()
    image = ended(ims, ims.call("POST", "/v2/cloudimages/action", asked))["image_id"]
    shown = ims.call("GET", f"/v2/cloudimages?id={image}").expect(200).json()["images"][0]
    assert (shown["status"], shown["disk_format"], shown["virtual_size"]) == ("active", "raw", shown["size"])
    until(lambda: ims.call("GET", f"/v2/cloudimages?id={image}").json()["images"][0]["__os_version"].startswith("Debian"), "the check")
    key = f"ims-out.{format}"
    ended(ims, ims.call("POST", f"/v1/cloudimages/{image}/file", {"bucket_url": f"{BUCKET}:{key}", "file_format": format}))
    same_disk(disk, object_path(server, key), IMS_FORMATS[format])
    os.remove(object_path(server, key))


def ended(ims, answer):
    """What an IMS job that was begun made, once it has ended well."""
    job = answer.expect(200).json()["job_id"]
    def look():
        told = ims.call("GET", f"/v1/{ims.project}/jobs/{job}").expect(200).json()
        assert told["status"] != "FAIL", told
        return told["status"] == "SUCCESS" and told
    return until(look, "the job")["entities"]
