"""Raw disks that formats have to get right, the same each time."""

import os
import random

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
SEED = 20_261_122


def noise(count, seed=SEED):
    return random.Random(seed).randbytes(count)


def text(count):
    """Compresses about as well as programs and logs do."""
    rng = random.Random(SEED)
    words = [rng.randbytes(rng.randint(2, 12)).hex() for _ in range(2000)]
    out = bytearray()
    while len(out) < count:
        out += " ".join(rng.choices(words, k=500)).encode()
    return bytes(out[:count])


def write(path, size, pieces):
    """A file of holes with these (offset, bytes) in it."""
    with open(path, "wb") as file:
        for offset, data in pieces:
            file.seek(offset)
            file.write(data)
        file.truncate(size)


def mixed(path):
    """12 MiB: text, noise, zeros that were written, holes, single sectors on both sides of unit boundaries."""
    write(path, 12 * MIB, [
        (0, text(2 * MIB + 700)),
        (3 * MIB, noise(MIB + 4096)),
        (5 * MIB, bytes(MIB)),
        (8 * MIB - 512, noise(1024, 2)),
        (9 * MIB + 65_536, text(512)),
        (12 * MIB - 100, noise(100, 3)),
    ])


SHAPES = {
    "mixed": mixed,
    "sector": lambda path: write(path, 512, [(0, noise(512))]),
    "empty": lambda path: write(path, 3 * MIB, []),
    "odd-bytes": lambda path: write(path, 1_000_001, [(0, text(400_000)), (999_990, noise(11))]),
    "odd-sectors": lambda path: write(path, 5 * MIB + 512, [(MIB, text(MIB)), (5 * MIB, noise(512))]),
    "full": lambda path: write(path, 6 * MIB, [(0, noise(6 * MIB))]),
    "sparse": lambda path: write(path, 160 * MIB, [
        (10, b"x"), (77 * MIB + 1, text(100_000)), (100 * MIB - 5, noise(10)), (160 * MIB - 1, b"y"),
    ]),
    "wrapping": lambda path: write(path, 4 * GIB + 512, [(0, b"first"), (4 * GIB + 500, b"last")]),
    "huge": lambda path: write(path, 3 * TIB, HUGE),
}
# These have tests of their own: as everything they would take minutes.
LARGE = {"wrapping", "huge"}
# Where the huge disk has data.
HUGE = [(0, text(100_000)), (2 * TIB - 5, noise(10)), (3 * TIB - 512, noise(512))]


def allocated(path):
    """Bytes that a file takes on disk."""
    return os.stat(path).st_blocks * 512
