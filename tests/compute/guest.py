"""A machine as a user of the cloud has it: made by the unmodified SDK, spoken to over its serial console."""

import base64
import itertools
import json
import os
import re
import signal
import subprocess
import time
import uuid

from aliyun import V3
from harness.ecs import new_account
from harness.imprint import binary

# Two processors and half a GiB: the smallest that is offered.
TYPE = "ecs.t6-c4m1.large"
SECS_MAX = 90
POLL_SECS = 0.1
PROMPT = "guest# "


def uuid_of(ecs_id):
    """The same id as the other APIs write it."""
    return str(uuid.UUID(int=int(ecs_id.split("-", 1)[1], 36)))


def until(look, what, secs_max=SECS_MAX, poll_secs=POLL_SECS):
    """The first true thing that `look` finds."""
    end = time.monotonic() + secs_max
    while not (found := look()):
        assert time.monotonic() < end, f"{what}: not within {secs_max} s"
        time.sleep(poll_secs)
    return found


def qemu_of(text):
    """The numbers of the QEMU processes whose command lines hold a text: an instance's UUID, or a directory."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                command = file.read().decode(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        if command.split("\0", 1)[0].rsplit("/", 1)[-1].startswith("qemu-system") and text in command:
            found.append(int(entry))
    return found


class Cloud:
    """An account, called through the SDK; `api` is Imprint's own API under the same account."""

    def __init__(self, server):
        self.server = server
        self.account = new_account(server.environment())
        self.log_in()
        self.image = None

    def log_in(self):
        """Anew, after the server was started again."""
        self.sdk = V3(self.account.url, self.account.key, self.account.secret)
        self.api = self.account.images()

    def cli(self, *words):
        """Runs Imprint's command line as this account."""
        env = {**self.server.environment(), "IMPRINT_ACCESS_KEY": self.account.key,
               "IMPRINT_SECRET_KEY": self.account.secret}
        return subprocess.run([binary(), *words], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)

    def with_image(self, path, disk_format="qcow2"):
        """Uploads a disk and makes it the image that machines are made of."""
        made = self.api.create(name="guest", disk_format=disk_format, min_disk=1)
        with open(path, "rb") as file:
            self.api.upload(made["id"], file.read()).expect(204)
        self.image = until(lambda: self.images(ImageName="guest"), "the uploaded image")[0]["ImageId"]
        return self

    def images(self, **filters):
        """Images of any status."""
        return self.sdk("DescribeImages", Status="Creating,Available,UnAvailable,CreateFailed,Waiting",
                        **filters)["Images"]["Image"]

    def available(self, image):
        """Waits until an image is there for use."""
        def look():
            (found,) = self.images(ImageId=image)
            assert found["Status"] not in ("CreateFailed", "UnAvailable"), found
            return found["Status"] == "Available" and found
        return until(look, f"image {image}")

    def snapshot(self, one):
        """A snapshot as a list shows it."""
        (found,) = self.sdk("DescribeSnapshots", SnapshotIds=json.dumps([one]))["Snapshots"]["Snapshot"]
        return found

    def ended(self, one):
        """A snapshot once it is complete, or given up."""
        return until(lambda: (found := self.snapshot(one))["Status"] != "progressing" and found, f"snapshot {one}")

    def accomplished(self, one):
        """A snapshot that must become complete."""
        found = self.ended(one)
        assert (found["Status"], found["Progress"]) == ("accomplished", "100%"), (found, self.bytes_of(one))
        return found

    def bytes_of(self, snapshot):
        """A snapshot as Imprint's own API shows it: how many bytes had to be looked at, and why it failed."""
        return self.api.call("GET", f"/imprint/v1/snapshots/{uuid_of(snapshot)}").expect(200).json()

    def disk(self, one):
        """A disk as a list shows it."""
        (found,) = self.sdk("DescribeDisks", DiskIds=json.dumps([one]))["Disks"]["Disk"]
        return found


class Guest:
    """One machine."""

    numbers = itertools.count(1000)

    def __init__(self, cloud, instance):
        self.cloud, self.id, self.uuid = cloud, instance, uuid_of(instance)

    @classmethod
    def run(cls, cloud, image, **more):
        """A new machine of an image, which starts."""
        made = cloud.sdk("RunInstances", ImageId=image, InstanceType=TYPE, **more)
        (instance,) = made["InstanceIdSets"]["InstanceIdSet"]
        return cls(cloud, instance)

    def shown(self):
        """As a list shows it."""
        (found,) = self.cloud.sdk("DescribeInstances", InstanceIds=json.dumps([self.id]))["Instances"]["Instance"]
        return found

    def becomes(self, status):
        """Waits for a status."""
        def look():
            found = self.shown()
            return found["Status"] == status and found
        try:
            return until(look, f"{self.id} {status}")
        except AssertionError as error:
            own = self.cloud.api.call("GET", f"/imprint/v1/instances/{self.uuid}").body
            raise AssertionError(f"{error}: {own!r}; console: {self.console()[-600:]!r}") from error

    def disks(self, kind="all"):
        """Ids of its disks, by their devices."""
        found = self.cloud.sdk("DescribeDisks", InstanceId=self.id, DiskType=kind)["Disks"]["Disk"]
        return [disk["DiskId"] for disk in sorted(found, key=lambda disk: disk["Device"])]

    def qemu(self):
        """The number of its process; None when there is none."""
        found = qemu_of(self.uuid)
        assert len(found) <= 1, found
        return found[0] if found else None

    def kill_qemu(self):
        """Takes its process away."""
        os.kill(self.qemu(), signal.SIGKILL)

    # the console

    def console(self):
        """What it said last."""
        output = self.cloud.sdk("GetInstanceConsoleOutput", InstanceId=self.id)["ConsoleOutput"]
        return base64.b64decode(output).decode(errors="replace")

    def says(self, text, what=None):
        """Waits until it says something; all of its console then."""
        try:
            return until(lambda: text in (said := self.console()) and said, what or f"{text!r} on the console")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.console()[-1500:]!r}") from error

    def ready(self, boots=None):
        """Waits for the shell of a start: how often its disk was booted tells which."""
        self.becomes("Running")
        mark = "GUEST-READY boots=" + (f"{boots}\r" if boots else "")
        until(lambda: PROMPT in self.console().rpartition(mark)[2] and mark in self.console(),
              f"the shell of {self.id}")
        return self

    def type(self, text):
        """Types a line."""
        path = f"/imprint/v1/instances/{self.uuid}/console"
        self.cloud.api.call("POST", path, raw=text.encode() + b"\r").expect(204)

    def sh(self, command):
        """What a command printed, without the last line end; it must succeed."""
        mark = next(self.numbers)
        # what is typed is on the console too: the marks stand there only as sums
        self.type(f"echo B$(({mark - 1}+1)); {command}; echo E$(({mark - 1}+1))-$?")
        said = self.says(f"E{mark}-", command)
        found = re.search(rf"B{mark}\r?\n(.*?)(?:\r?\n)?E{mark}-(\d+)", said, re.DOTALL)
        if found is None:
            found = re.search(rf"B{mark}\r?\n(.*?)(?:\r?\n)?E{mark}-(\d+)", self.says(f"E{mark}-"), re.DOTALL)
        assert found and found[2] == "0", f"{command}: {said[-1500:]!r}"
        return found[1].replace("\r\n", "\n")

    def device(self, disk):
        """The guest's name of a disk, found by its serial; None when the guest does not have it."""
        serial = uuid_of(disk).replace("-", "")[:20]
        return self.sh(f"for d in /sys/block/vd*; do [ $(cat $d/serial) = {serial} ] && echo /dev/${{d##*/}}; done; true") or None

    def delete(self):
        """Takes it away, running or not."""
        self.cloud.sdk("DeleteInstance", InstanceId=self.id, Force=True)
        until(lambda: self.qemu() is None, f"the end of {self.id}")
