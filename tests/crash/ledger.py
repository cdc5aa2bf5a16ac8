"""What the server has acknowledged, and what was under way when it died.

Every image is in one known state, or in doubt between two. After a restart each must be found in a
state that the ledger allows: acknowledged work is there, work under way happened wholly or not at all.
"""

import hashlib
import random
import threading
from dataclasses import dataclass, field

PIECE_BYTES = 64 * 1024


@dataclass
class Tracked:
    """One image: what is known of it. `None` as data is "no data yet"."""

    id: str
    exists: bool = False
    data_seed: tuple | None = None
    label: str = ""
    # What an operation under way would make of it.
    doubt: dict = field(default_factory=dict)
    busy: bool = False


def content(seed):
    """The bytes of a (seed, pieces) pair; equal pieces recur between images, so that chunks are shared."""
    number, pieces = seed
    maker = random.Random(number)
    out = []
    for _ in range(pieces):
        # A third of the pieces come from a small common stock, a few are holes.
        kind = maker.randrange(12)
        if kind == 0:
            out.append(bytes(PIECE_BYTES))
        elif kind < 5:
            out.append(random.Random(maker.randrange(50)).randbytes(PIECE_BYTES))
        else:
            out.append(random.Random(maker.getrandbits(64)).randbytes(PIECE_BYTES))
    return b"".join(out)[: pieces * PIECE_BYTES - maker.randrange(PIECE_BYTES)]


class Ledger:
    """All images of a run, shared by the client threads."""

    def __init__(self):
        self._lock = threading.Lock()
        self._images = {}
        self.acknowledged = {"create": 0, "upload": 0, "update": 0, "delete": 0, "gc": 0}

    def add(self, image):
        """Takes up a new image, busy."""
        with self._lock:
            image.busy = True
            self._images[image.id] = image
        return image

    def pick(self, rng, wanted):
        """An idle image that `wanted` accepts, now busy; None when there is none."""
        with self._lock:
            idle = [image for image in self._images.values() if not image.busy and not image.doubt and wanted(image)]
            if not idle:
                return None
            image = rng.choice(idle)
            image.busy = True
            return image

    def begin(self, image, **doubt):
        """Notes what the operation about to be sent would change."""
        with self._lock:
            image.doubt = doubt

    def settle(self, image, operation=None, **known):
        """The operation's outcome is known: these fields hold now."""
        with self._lock:
            for name, value in known.items():
                setattr(image, name, value)
            image.doubt = {}
            image.busy = False
            if operation:
                self.acknowledged[operation] += 1

    def release(self, image):
        """Leaves an image in doubt, as the server died."""
        with self._lock:
            image.busy = False

    def count(self, operation):
        """Notes an acknowledged operation that concerns no image."""
        with self._lock:
            self.acknowledged[operation] += 1

    def images(self):
        """Every image ever made."""
        with self._lock:
            return list(self._images.values())

    def live(self):
        """How many images exist for sure."""
        with self._lock:
            return sum(image.exists for image in self._images.values())


def check(image, show, data):
    """Compares one image with what the server says; a list of complaints, and settles doubts.

    `show` is the record or None; `data()` fetches the bytes' (status, sha256, md5).
    """
    exists = image.doubt.get("exists", image.exists)
    if show is None:
        if image.exists and exists:
            return [f"{image.id}: acknowledged, but gone"]
        image.exists, image.doubt = False, {}
        return []
    if not image.exists and not exists:
        return [f"{image.id}: was deleted, but is back as {show['status']}"]
    complaints = []
    if show["name"] not in (image.label, image.doubt.get("label", image.label)):
        complaints.append(f"{image.id}: is called {show['name']!r}, not {image.label!r}")
    allowed = [seed for seed in (image.data_seed, image.doubt.get("data_seed")) if seed]
    if show["status"] == "active":
        found = [seed for seed in allowed if matches(seed, show, data)]
        if not found:
            complaints.append(f"{image.id}: active with other bytes than were sent ({len(allowed)} candidates)")
        else:
            image.data_seed = found[0]
    elif image.data_seed:
        complaints.append(f"{image.id}: data was acknowledged, but it is {show['status']}")
    elif show["status"] not in ("queued", "saving"):
        complaints.append(f"{image.id}: has no data, but is {show['status']}")
    elif show["size"] is not None or show["checksum"] is not None:
        complaints.append(f"{image.id}: {show['status']} with size {show['size']} and checksum {show['checksum']}")
    if not complaints:
        image.exists, image.label = True, show["name"]
        # Whoever was writing is dead, but is held for alive until its lease ends.
        image.doubt = {"data_seed": None} if show["status"] == "saving" else {}
    return complaints


def matches(seed, show, data):
    """Whether record and bytes are those of a content seed."""
    expected = content(seed)
    sha256, md5 = hashlib.sha256(expected).hexdigest(), hashlib.md5(expected).hexdigest()
    if show["size"] != len(expected) or show["checksum"] != md5:
        return False
    return data() == (200, sha256, md5)
