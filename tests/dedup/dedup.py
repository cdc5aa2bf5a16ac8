"""What real images cost: bytes sent and bytes stored, for a build, the same again, and the next build.

    cd tests && python3 -m harness.stack --serve -- python3 dedup/dedup.py

Uploads over plain HTTP send every byte; what is stored is measured in the store's directory. The
command line's `image push` sends only what the server lacks; what it sent is what the server counted.
"""

import os
import re
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness.api import Api  # noqa: E402
from harness.imprint import binary  # noqa: E402

READ_BYTES = 4 << 20
MB = 1_000_000
RECEIVED = re.compile(r"^imprint_http_received_bytes_total(?:\{.*\})? (\S+)$", re.MULTILINE)


def stored_bytes():
    """Size of the store's directory: what is really on the disk."""
    total = 0
    for folder, _, names in os.walk(os.path.join(os.environ["IMPRINT_TEST_DATA_DIR"], "store")):
        total += sum(os.path.getsize(os.path.join(folder, name)) for name in names)
    return total


def received_bytes(url):
    """Content bytes the server has received so far."""
    with urllib.request.urlopen(f"{url}/metrics") as answer:
        return sum(float(value) for value in RECEIVED.findall(answer.read().decode()))


def upload(api, path, disk_format):
    """Uploads a file as an image."""
    made = api.create(name=os.path.basename(path), disk_format=disk_format)
    with open(path, "rb") as file:
        api.upload(made["id"], iter(lambda: file.read(READ_BYTES), b"")).expect(204)


def push(path):
    """Uploads a file with our own client."""
    command = [binary(), "image", "push", path, "--name", os.path.basename(path) + "-pushed"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"image push: {done.stdout}{done.stderr}")


def main():
    """Does the uploads, prints the table, checks the bounds."""
    url, images = os.environ["IMPRINT_URL"], os.environ["IMPRINT_TEST_IMAGES"]
    api = Api(url, timeout=600).login(os.environ["OS_USERNAME"], os.environ["OS_PASSWORD"], os.environ["OS_PROJECT_NAME"])
    build_a, build_b = os.path.join(images, "build-a.qcow2"), os.path.join(images, "build-b.qcow2")
    raw = os.path.join(os.path.dirname(os.environ["IMPRINT_TEST_DATA_DIR"]), "build-a.raw")
    subprocess.run(["qemu-img", "convert", "-O", "raw", build_a, raw], check=True)
    # (what, how, file, how much of the file's size may be stored anew at most, sent at most)
    steps = [
        ("build A, qcow2", lambda: upload(api, build_a, "qcow2"), build_a, 1.02, None),
        ("build A again", lambda: upload(api, build_a, "qcow2"), build_a, 0.01, None),
        ("build A as sparse raw", lambda: upload(api, raw, "raw"), raw, 0.05, None),
        ("build B, the next build", lambda: upload(api, build_b, "qcow2"), build_b, 0.60, None),
        ("build B with image push", lambda: push(build_b), build_b, 0.01, 0.01),
        ("compressed qcow2", lambda: upload(api, os.path.join(images, "cycle.qcow2"), "qcow2"),
         os.path.join(images, "cycle.qcow2"), 1.02, None),
    ]
    failed = 0
    print(f"{'step':<26} {'size MB':>9} {'sent MB':>9} {'stored MB':>10}  of its size")
    for what, act, path, stored_max, sent_max in steps:
        stored, sent, size = stored_bytes(), received_bytes(url), os.path.getsize(path)
        act()
        stored, sent = stored_bytes() - stored, received_bytes(url) - sent
        good = stored <= stored_max * size and (sent_max is None or sent <= sent_max * size)
        failed += not good
        print(f"{what:<26} {size / MB:>9.1f} {sent / MB:>9.1f} {stored / MB:>10.1f}  {100 * stored / size:.1f} %"
              f"{'' if good else '  TOO MUCH'}", flush=True)
    os.remove(raw)
    print(f"{len(steps) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
