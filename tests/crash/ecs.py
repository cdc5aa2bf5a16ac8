"""kill -9 while many clients make, change, list and delete ECS images that compete for names, families and a quota.

    python3 tests/crash/ecs.py [--calls N] [--kills K] [--seed S] [--postgres] [--s3] [--threads T]

After each restart: no name is there twice, no quota is overrun, every acknowledged image is there with what was
acknowledged of it, every deleted one is gone, and nothing is listed that nobody made. Each request that was under way is sent
again under its token and happens once; each that was acknowledged answers the same image again, and is refused when
it asks for something else.

CI makes 1,500 calls with 4 kills; the full run is `--calls 10000 --kills 20`.
"""

import argparse
import concurrent.futures
import contextlib
import os
import random
import shutil
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness.ecs import new_account  # noqa: E402
from harness.imprint import Imprint  # noqa: E402
from harness.postgres import Postgres  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.s3 import S3Server  # noqa: E402

IMAGES_MAX = 40
FAMILY_MAX = 6
NAMES = [f"name-{n}" for n in range(60)]
FAMILIES = [f"family-{n}" for n in range(4)]
TYPE = "ecs.g7.large"
# What a request may be answered with that asks for what another has, or for more than there may be.
REFUSED = {"InvalidImageName.Duplicated", "QuotaExceed.Image", "ImageQuotaExceed.ImageFamily",
           "ImageQuotaFull.ImageFamily", "InvalidStatus.ImageIsCreating", "IdempotentProcessing"}
SETTLED_SECS_MAX = 120


class ServerGone(Exception):
    """The connection broke: the server was killed."""


@dataclass
class Image:
    """One image: what was acknowledged of it, and what a call under way would make of it."""

    id: str
    said: dict
    exists: bool = True
    doubt: dict = field(default_factory=dict)
    busy: bool = False


@dataclass
class Ask:
    """A CreateImage under its token, and the image it made, once that is known."""

    parameters: dict
    image: str | None = None


class Ledger:
    """Everything that was asked for and answered, shared by the client threads."""

    def __init__(self, calls_max):
        self.lock = threading.Lock()
        self.images, self.asks, self.doubtful = {}, [], []
        self.calls, self.calls_max = Counter(), calls_max
        self.complaints = []

    def left(self):
        """Whether more calls are wanted."""
        return sum(self.calls.values()) < self.calls_max and not self.complaints

    def pick(self, rng):
        """An image that exists and nobody works on, now busy."""
        with self.lock:
            idle = [image for image in self.images.values() if image.exists and not image.busy and not image.doubt]
            if not idle:
                return None
            image = rng.choice(idle)
            image.busy = True
            return image


class Client:
    """One thread's calls until enough were made or the server dies."""

    def __init__(self, ecs, snapshot, ledger, rng):
        self.ecs, self.snapshot, self.ledger, self.rng = ecs, snapshot, ledger, rng

    def work(self):
        actions, weights = zip((self.create, 5), (self.again, 1), (self.modify, 4), (self.describe, 4), (self.delete, 3))
        while self.ledger.left():
            try:
                self.rng.choices(actions, weights)[0]()
            except ServerGone:
                return
            except AssertionError as error:
                with self.ledger.lock:
                    self.ledger.complaints.append(str(error))

    def call(self, action, allowed=REFUSED, **parameters):
        """What a call answers: its body, or None for a refusal that may be."""
        try:
            answer = self.ecs.answer(action, **parameters)
        except Exception as error:  # http.client has many ways to say that the server is gone
            raise ServerGone from error
        with self.ledger.lock:
            self.ledger.calls[action] += 1
        if answer.status == 200:
            return answer.json()
        if answer.status == 503:  # draining or overloaded: refused, so nothing happened
            return None
        code = answer.json()["Code"]
        assert code in allowed, f"{action} {parameters}: {answer.status} {code}"
        return None

    def create(self):
        parameters = {"SnapshotId": self.snapshot, "ImageName": self.rng.choice(NAMES), "ClientToken": uuid.uuid4().hex,
                      "Tag": [{"Key": "by", "Value": "crash"}]}
        if self.rng.random() < 0.5:
            parameters["ImageFamily"] = self.rng.choice(FAMILIES)
        ask = Ask(parameters)
        try:
            self.made(ask, self.call("CreateImage", **parameters))
        except ServerGone:
            with self.ledger.lock:
                self.ledger.doubtful.append(ask)
            raise

    def made(self, ask, body):
        """Notes what a CreateImage answered."""
        if body is None:
            return
        with self.ledger.lock:
            assert ask.image in (None, body["ImageId"]), f"one token made {ask.image} and {body['ImageId']}"
            if ask.image is None:
                ask.image = body["ImageId"]
                assert ask.image not in self.ledger.images, f"{ask.image} was made for two tokens"
                said = {name: ask.parameters.get(name, "") for name in ("ImageName", "ImageFamily")}
                self.ledger.images[ask.image] = Image(ask.image, {**said, "Description": ""})
                self.ledger.asks.append(ask)

    def again(self):
        """Sends an acknowledged request once more, or something else under its token."""
        with self.ledger.lock:
            ask = self.rng.choice(self.ledger.asks) if self.ledger.asks else None
        if ask is None:
            return
        if self.rng.random() < 0.5:
            self.made(ask, self.call("CreateImage", **ask.parameters))
            return
        other = {**ask.parameters, "Description": "not what was asked for"}
        body = self.call("CreateImage", allowed={"IdempotenceParamNotMatch", "IdempotentProcessing"}, **other)
        assert body is None, f"a used token made {body['ImageId']}"

    def change(self, action, doubt, allowed=REFUSED, **parameters):
        """A call that changes one image."""
        image = self.ledger.pick(self.rng)
        if image is None:
            return
        image.doubt = doubt
        try:
            body = self.call(action, allowed, ImageId=image.id, **parameters)
        finally:
            image.busy = False
        with self.ledger.lock:
            if body is not None:
                image.exists = doubt.get("exists", image.exists)
                image.said.update({name: value for name, value in doubt.items() if name != "exists"})
            image.doubt = {}

    def modify(self):
        doubt = {"Description": f"changed {self.rng.randrange(10**9)}"}
        if self.rng.random() < 0.5:
            doubt["ImageName"] = self.rng.choice(NAMES)
        if self.rng.random() < 0.3:
            doubt["ImageFamily"] = self.rng.choice(FAMILIES)
        self.change("ModifyImageAttribute", doubt, **doubt)

    def delete(self):
        with self.ledger.lock:
            live = sum(image.exists for image in self.ledger.images.values())
        if live > IMAGES_MAX // 2:
            self.change("DeleteImage", {"exists": False}, Force=True)

    def describe(self):
        body = self.call("DescribeImages", Status="ALL", PageSize=100, ImageOwnerAlias="self")
        if body is not None:
            complain_of(body["Images"]["Image"], body["TotalCount"])


def complain_of(images, total):
    """Fails unless a list of all images keeps every rule."""
    assert total == len(images) <= IMAGES_MAX, f"{total} counted, {len(images)} listed, at most {IMAGES_MAX}"
    names, families = Counter(image["ImageName"] for image in images), Counter(image["ImageFamily"] for image in images)
    twice = [name for name, count in names.items() if count > 1]
    assert not twice, f"names that are there twice: {twice}"
    over = {name: count for name, count in families.items() if name and count > FAMILY_MAX}
    assert not over, f"families over {FAMILY_MAX}: {over}"


def settle(client):
    """Sends what was under way again: it happens once, or it may not happen."""
    ledger = client.ledger
    doubtful, ledger.doubtful = ledger.doubtful, []
    for ask in doubtful:
        client.made(ask, client.call("CreateImage", **ask.parameters))


def verify(client):
    """Compares all that is listed with the ledger; settles what was in doubt."""
    settle(client)
    body = client.ecs.ok("DescribeImages", Status="ALL", PageSize=100, ImageOwnerAlias="self")
    found = {image["ImageId"]: image for image in body["Images"]["Image"]}
    complain_of(list(found.values()), body["TotalCount"])
    for image in client.ledger.images.values():
        shown, may_be_gone = found.pop(image.id, None), not image.doubt.get("exists", image.exists)
        if shown is None:
            assert may_be_gone, f"{image.id} was acknowledged, but is gone"
            image.exists = False
        else:
            assert image.exists, f"{image.id} was deleted, but is there as {shown['Status']}"
            # A change happened wholly or not at all.
            changed = {**image.said, **{name: value for name, value in image.doubt.items() if name != "exists"}}
            now = {name: shown[name] for name in image.said}
            assert now in (image.said, changed), f"{image.id}: {now}, not {image.said} or {changed}"
            image.said = now
        image.doubt, image.busy = {}, False
    found = {name: image for name, image in found.items() if image["ImageName"] != "base"}
    assert not found, f"listed, but nobody made them: {sorted(found)}"
    for ask in client.rng.sample(client.ledger.asks, min(20, len(client.ledger.asks))):
        client.made(ask, client.call("CreateImage", **ask.parameters))


def base(account):
    """The snapshot that every image is made from."""
    ecs, images = account.ecs(), account.images()
    images.upload(images.create(name="base", min_disk=1)["id"], b"imprint" * 1000).expect(204)
    source = ecs.images(ImageName="base")[0]["ImageId"]
    zone = ecs.ok("DescribeZones")["Zones"]["Zone"][0]["ZoneId"]
    instance = ecs.ok("CreateInstance", ImageId=source, InstanceType=TYPE, ZoneId=zone)["InstanceId"]
    disk = ecs.ok("DescribeDisks", InstanceId=instance)["Disks"]["Disk"][0]["DiskId"]
    snapshot = ecs.ok("CreateSnapshot", DiskId=disk)["SnapshotId"]

    def accomplished():
        said = ecs.ok("DescribeSnapshots", SnapshotIds=f'["{snapshot}"]')["Snapshots"]["Snapshot"]
        return said and said[0]["Status"] == "accomplished"
    wait_until(accomplished, "the snapshot")
    return snapshot


def end(client):
    """Every image becomes available, goes when told to, and leaves nothing behind."""
    ecs, ledger = client.ecs, client.ledger

    def settled():
        listed = ecs.images(ImageOwnerAlias="self")
        failed = [image for image in listed if image["Status"] == "CreateFailed"]
        assert not failed, f"images that failed: {failed}"
        return all(image["Status"] == "Available" for image in listed)
    wait_until(settled, "images under way", secs_max=SETTLED_SECS_MAX)
    for image in ledger.images.values():
        if image.exists:
            ecs.ok("DeleteImage", ImageId=image.id)
            image.exists = False
    verify(client)


def run(server, options, rng):
    """All calls and kills; (complaints, kills, calls)."""
    ledger, kills = Ledger(options.calls), 0
    account = new_account({**server.environment()})
    snapshot = base(account)
    client = Client(account.ecs(), snapshot, ledger, rng)
    try:
        while ledger.left():
            upto = sum(ledger.calls.values()) + max(1, options.calls // (options.kills + 1))
            clients = [Client(account.ecs(), snapshot, ledger, random.Random(rng.getrandbits(64)))
                       for _ in range(options.threads)]
            with concurrent.futures.ThreadPoolExecutor(options.threads) as pool:
                running = [pool.submit(one.work) for one in clients]
                while sum(ledger.calls.values()) < upto and not all(task.done() for task in running):
                    time.sleep(0.005)
                if kills < options.kills:
                    server.kill()
                    kills += 1
                for task in running:
                    task.result()
            if server.process.poll() is not None:
                server.start()
            if not ledger.complaints:
                verify(client)
        if not ledger.complaints:
            end(client)
    except AssertionError as error:
        ledger.complaints.append(str(error))
    return ledger.complaints, kills, ledger.calls


def main():
    """The command line; exit status 1 when anything was wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=1500)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--s3", action="store_true")
    options = parser.parse_args()
    print(f"crash: seed {options.seed}", flush=True)
    start = time.monotonic()
    with contextlib.ExitStack() as stack:
        work = tempfile.mkdtemp(prefix="imprint-crash-ecs.")
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        env = {"IMPRINT_LEASE_TTL_SECS": "5", "IMPRINT_RECOVER_SECS": "1", "IMPRINT_CLOCK_SKEW_SECS": "0",
               "IMPRINT_LIMIT_REGION_IMAGES": str(IMAGES_MAX), "IMPRINT_LIMIT_FAMILY_IMAGES": str(FAMILY_MAX)}
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
        complaints, kills, calls = run(server, options, random.Random(options.seed))
        complaints += server.panics()
        if server.stop() != 0:
            complaints.append("the server did not end cleanly")
        kept = os.environ.get("IMPRINT_TEST_LOGS")
        if complaints and kept:
            shutil.copy(server.log_path, os.path.join(kept, "imprint-crash-ecs.log"))
    for line in complaints:
        print(f"crash: {line}")
    print(f"crash: {kills} kills in {time.monotonic() - start:.0f} s, seed {options.seed}, calls {dict(calls)}")
    print(f"{kills - bool(complaints)} passed, {int(bool(complaints))} failed")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
