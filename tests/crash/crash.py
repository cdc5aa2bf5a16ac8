"""kill -9 in a loop, under load, with clients that verify.

    python3 tests/crash/crash.py [--kills N] [--seed S] [--postgres] [--s3] [--threads T]

Client threads create, upload, rename, download, delete and collect (`imprint store gc`); the server
is killed at a random moment and started again, every sixth time once more while it starts. After each
restart every image must be as the ledger allows: acknowledged images read back identical, deleted
ones are gone, work under way happened wholly or not at all, nothing unknown is listed. At the end the
store verifies clean, and when everything is deleted collection leaves nothing behind.

CI runs 25 kills; the full run is `--kills 200`.
"""

import argparse
import concurrent.futures
import contextlib
import hashlib
import os
import random
import re
import shutil
import sys
import tempfile
import threading
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from crash.ledger import Ledger, Tracked, check, content  # noqa: E402
from harness.imprint import Imprint  # noqa: E402
from harness.postgres import Postgres  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.s3 import S3Server  # noqa: E402

LIVE_MAX = 40
PIECES_MAX = 64
RUN_SECS = (0.05, 1.5)
START_SECS_MAX = 0.3
# A dead writer's lease, and the time until the next look for such.
LEASE_SECS_MAX = 180
COLLECT_EVERY_SECS = 5
# What may stay of the store when nothing is stored.
LEFT_BYTES_MAX = 1 << 20
PACKS = re.compile(r"^packs\s+(\d+)", re.MULTILINE)


class ServerGone(Exception):
    """The connection broke: the server was killed."""


class Client:
    """One thread's work until it is told to stop or the server dies."""

    def __init__(self, server, ledger, api, rng):
        self.server, self.ledger, self.api, self.rng = server, ledger, api, rng

    def work(self, stop):
        """Does random operations; unexpected answers are returned as complaints."""
        actions = [(self.create, 5), (self.upload, 5), (self.rename, 3), (self.read, 2), (self.delete, 3),
                   (self.collect, 1)]
        names, weights = zip(*actions)
        while not stop.is_set():
            try:
                self.rng.choices(names, weights)[0]()
            except ServerGone:
                return []
            except AssertionError as error:
                return [str(error)]
        return []

    def _send(self, image, operation, method, path, expect, known, **request):
        """Sends one operation whose outcome is `known` when it is acknowledged."""
        try:
            answer = self.api.call(method, path, **request)
        except Exception as error:  # http.client has many ways to say that the server is gone
            self.ledger.release(image)
            raise ServerGone from error
        if answer.status in expect:
            self.ledger.settle(image, operation, **known)
            return
        self.ledger.release(image)
        if answer.status == 503:  # draining or overloaded: refused, so nothing happened
            self.ledger.settle(image)
            return
        raise AssertionError(f"{method} {path}: {answer.status} {answer.body[:200]!r}")

    def create(self):
        if self.ledger.live() >= LIVE_MAX:
            return
        image = Tracked(str(uuid.UUID(int=self.rng.getrandbits(128), version=4)))
        self.ledger.add(image)
        label = f"crash-{self.rng.randrange(10**9)}"
        self.ledger.begin(image, exists=True, label=label)
        self._send(image, "create", "POST", "/v2/images", (201,), {"exists": True, "label": label}, body={
            "id": image.id, "name": label, "disk_format": "raw", "container_format": "bare"})

    def upload(self):
        image = self.ledger.pick(self.rng, lambda image: image.exists and not image.data_seed)
        if not image:
            return
        seed = (self.rng.randrange(1000), self.rng.randint(1, PIECES_MAX))
        self.ledger.begin(image, data_seed=seed)
        self._send(image, "upload", "PUT", f"/v2/images/{image.id}/file", (204,), {"data_seed": seed},
                   raw=content(seed))

    def rename(self):
        image = self.ledger.pick(self.rng, lambda image: image.exists)
        if not image:
            return
        label = f"crash-{self.rng.randrange(10**9)}"
        self.ledger.begin(image, label=label)
        self._send(image, "update", "PATCH", f"/v2/images/{image.id}", (200,), {"label": label},
                   body=[{"op": "replace", "path": "/name", "value": label}],
                   headers={"Content-Type": "application/openstack-images-v2.1-json-patch"})

    def delete(self):
        image = self.ledger.pick(self.rng, lambda image: image.exists)
        if not image:
            return
        self.ledger.begin(image, exists=False)
        self._send(image, "delete", "DELETE", f"/v2/images/{image.id}", (204,), {"exists": False})

    def read(self):
        image = self.ledger.pick(self.rng, lambda image: image.exists and image.data_seed)
        if not image:
            return
        try:
            answer = self.api.call("GET", f"/v2/images/{image.id}/file")
        except Exception as error:
            raise ServerGone from error
        finally:
            self.ledger.release(image)
        if answer.status == 200 and answer.body != content(image.data_seed):
            raise AssertionError(f"{image.id}: read back other bytes")
        if answer.status not in (200, 503):
            raise AssertionError(f"{image.id}: reading answered {answer.status}")

    def collect(self):
        if self.server.cli("store", "gc", "--grace", "0").returncode == 0:
            self.ledger.count("gc")


def verify(server, ledger):
    """Compares every image with the server; the complaints."""
    api = server.admin()

    def one(image):
        answer = api.call("GET", f"/v2/images/{image.id}").expect(200, 404)

        def data():
            got = api.call("GET", f"/v2/images/{image.id}/file")
            return got.status, hashlib.sha256(got.body).hexdigest(), hashlib.md5(got.body).hexdigest()

        return check(image, answer.json() if answer.status == 200 else None, data)

    images = [image for image in ledger.images() if image.exists or image.doubt]
    gone = [image for image in ledger.images() if not (image.exists or image.doubt)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        complaints = [line for lines in pool.map(one, images) for line in lines]
    listed = {entry["id"] for entry in api.list_all()}
    complaints += [f"{image.id}: was deleted, but is listed" for image in gone if image.id in listed]
    known = {image.id for image in ledger.images()}
    complaints += [f"{unknown}: listed, but nobody made it" for unknown in listed - known]
    complaints += [f"{image.id}: exists, but is not listed"
                   for image in images if image.exists and image.id not in listed]
    return complaints


def one_life(server, ledger, rng, threads):
    """Load, then a kill, then a restart; complaints of the clients."""
    stop = threading.Event()
    api = server.admin()
    clients = [Client(server, ledger, api, random.Random(rng.getrandbits(64))) for _ in range(threads)]
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(client.work, stop) for client in clients]
        time.sleep(rng.uniform(*RUN_SECS))
        server.kill()
        stop.set()
        complaints = [line for task in running for line in task.result()]
    if rng.randrange(6) == 0:
        server.start(wait=False)
        time.sleep(rng.uniform(0, START_SECS_MAX))
        server.kill()
    server.start()
    return complaints


def stored_bytes(server):
    """Size of what the store keeps in its directory."""
    total = 0
    for folder, _, names in os.walk(os.path.join(server.data_dir, "store")):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.path.getsize(os.path.join(folder, name))
    return total


def emptied(server, has_directory):
    """Collects until nothing is left; complaints.

    Once is not enough: collection condemns first and deletes when a later look finds the same, and the
    leases of writers and collectors that were killed hold both back until they end.
    """
    said = []

    def empty():
        done = server.cli("store", "gc", "--grace", "0")
        said[:] = [done.stdout + done.stderr + server.cli("store", "stats").stdout]
        packs = PACKS.search(server.cli("store", "stats").stdout)
        return done.returncode == 0 and packs and packs[1] == "0" and (
            not has_directory or stored_bytes(server) <= LEFT_BYTES_MAX)

    try:
        wait_until(empty, "collection of what was deleted", server.process, LEASE_SECS_MAX, COLLECT_EVERY_SECS)
    except RuntimeError as error:
        return [f"{error}: {' '.join(' '.join(said).split())}; {stored_bytes(server)} bytes are left"]
    return []


def clean_end(server, ledger, has_directory):
    """The store verifies, collection takes what is not used and nothing else; complaints."""
    api = server.admin()
    wait_until(lambda: not api.list_all("&status=saving"), "uploads of dead writers", server.process, LEASE_SECS_MAX)
    complaints = verify(server, ledger)
    for step in ("verify", "gc --grace 0", "verify"):
        done = server.cli("store", *step.split())
        if done.returncode != 0:
            complaints.append(f"store {step}: status {done.returncode}: {done.stdout}{done.stderr}")
    complaints += verify(server, ledger)
    for image in ledger.images():
        if image.exists:
            api.call("DELETE", f"/v2/images/{image.id}").expect(204)
            image.exists = False
    complaints += emptied(server, has_directory)
    return complaints


def main():
    """The command line; exit status 1 when anything was wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--threads", type=int, default=6)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--s3", action="store_true")
    options = parser.parse_args()
    print(f"crash: seed {options.seed}", flush=True)
    rng, ledger, start = random.Random(options.seed), Ledger(), time.monotonic()
    with contextlib.ExitStack() as stack:
        work = tempfile.mkdtemp(prefix="imprint-crash.")
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        # short leases, and one clock: the check at the end need not wait for the default ones
        env = {
            "IMPRINT_COLLECT_SECS": "0",
            "IMPRINT_LEASE_TTL_SECS": "5",
            "IMPRINT_RECOVER_SECS": "1",
            "IMPRINT_CLOCK_SKEW_SECS": "0",
        }
        if options.postgres:
            cluster = Postgres()
            stack.callback(cluster.close)
            env["IMPRINT_DATABASE_URL"] = cluster.url("crash")
        if options.s3:
            bucket = S3Server()
            stack.callback(bucket.close)
            env.update(bucket.environment("crash"))
        server = Imprint(os.path.join(work, "data"), os.path.join(work, "log"), env)
        server.start()
        stack.callback(lambda: server.process.poll() is None and server.kill())
        complaints, kills = [], 0
        while kills < options.kills and not complaints:
            complaints = one_life(server, ledger, rng, options.threads) + verify(server, ledger)
            kills += 1
            if kills % 25 == 0:
                print(f"crash: {kills} kills, {ledger.live()} images, acknowledged {ledger.acknowledged}", flush=True)
        complaints += clean_end(server, ledger, not options.s3) if not complaints else []
        complaints += server.panics()
        if server.stop() != 0:
            complaints.append("the server did not end cleanly")
        kept = os.environ.get("IMPRINT_TEST_LOGS")
        if complaints and kept:
            shutil.copy(server.log_path, os.path.join(kept, "imprint-crash.log"))
    for line in complaints:
        print(f"crash: {line}")
    print(f"crash: {kills} kills in {time.monotonic() - start:.0f} s, seed {options.seed}, "
          f"acknowledged {ledger.acknowledged}")
    print(f"{kills - bool(complaints)} passed, {int(bool(complaints))} failed")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
