"""The program under test, and the programs that judge what it wrote."""

import json
import subprocess

from harness.imprint import binary

# What the program can write, and what another program calls it; None: no other program here reads it.
TARGETS = {
    "raw": "raw",
    "qcow2": "qcow2",
    "qcow2-zlib": "qcow2",
    "qcow2-zstd": "qcow2",
    "vhd-fixed": "vpc",
    "vhd": "vpc",
    "vhdx": "vhdx",
    "vdi": "vdi",
    "vmdk": "vmdk",
    "raw.gz": "gzip",
    "raw.zst": "zstd",
    "zvhd": None,
    "zvhd2": None,
}
# These qemu-img can check.
CHECKED = {"qcow2", "vhdx", "vdi", "vmdk"}

# How each flavour of a source is made of a raw disk.
QEMU = {
    "qcow2-v2": ["qcow2", "-o", "compat=0.10"],
    "qcow2": ["qcow2"],
    "qcow2-zlib": ["qcow2", "-c"],
    "qcow2-zstd": ["qcow2", "-c", "-o", "compression_type=zstd"],
    "qcow2-512": ["qcow2", "-o", "cluster_size=512"],
    "qcow2-2M": ["qcow2", "-o", "cluster_size=2M"],
    "qcow2-subclusters": ["qcow2", "-o", "extended_l2=on"],
    "qcow2-refcounts": ["qcow2", "-o", "refcount_bits=1"],
    "vhd": ["vpc", "-o", "subformat=dynamic,force_size=on"],
    "vhd-geometry": ["vpc", "-o", "subformat=dynamic"],
    "vhd-fixed": ["vpc", "-o", "subformat=fixed,force_size=on"],
    "vhdx": ["vhdx"],
    "vhdx-1M": ["vhdx", "-o", "block_size=1M"],
    "vhdx-fixed": ["vhdx", "-o", "subformat=fixed"],
    "vdi": ["vdi"],
    "vdi-static": ["vdi", "-o", "static=on"],
    "vmdk-sparse": ["vmdk", "-o", "subformat=monolithicSparse"],
    "vmdk-stream": ["vmdk", "-o", "subformat=streamOptimized"],
}
PACKED = {"gz": ["gzip", "-1c"], "xz": ["xz", "-0c"], "xz-blocks": ["xz", "-0c", "--block-size=1MiB"],
          "zst": ["zstd", "-qc"]}
# Written by the program itself: nobody else writes them, or not like this.
OWN = {"own-vmdk": "vmdk", "own-gz": "raw.gz", "own-zst": "raw.zst", "own-zvhd": "zvhd", "own-zvhd2": "zvhd2"}
FOREIGN = [*QEMU, *PACKED, "qcow2-in-gz"]
FLAVOURS = ["raw", *FOREIGN, *OWN]


def run(*command, code=0, **options):
    """Runs a program, which must end with that code."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == code, f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done


def imprint(*words, code=0):
    """Asks the program; the answer as a dictionary, or what it complained of."""
    done = run(binary(), "disk", *words, "--output", "json", code=code)
    return json.loads(done.stdout) if done.stdout else done.stderr


def make_source(raw, flavour, path):
    """The raw disk as a file of that flavour."""
    if flavour == "raw":
        run("cp", "--sparse=always", raw, path)
    elif flavour in QEMU:
        run("qemu-img", "convert", "-f", "raw", "-O", *QEMU[flavour], raw, path)
    elif flavour in PACKED:
        pack(PACKED[flavour], raw, path)
    elif flavour in OWN:
        imprint("convert", raw, path, "--format", OWN[flavour])
    else:
        inside = path.with_name("inside.qcow2")
        make_source(raw, "qcow2", inside)
        pack(PACKED["gz"], inside, path)
        inside.unlink()


def pack(command, source, path):
    with open(path, "wb") as out:
        subprocess.run([*command, str(source)], stdout=out, check=True)


def judge(raw, path, target, spots=None):
    """Other programs must find the raw disk in the file, and nothing wrong with the file. Where comparing everything
    would take minutes, only these (offset, bytes) are."""
    kind = TARGETS[target]
    if kind in ("gzip", "zstd"):
        plain = path.with_name("plain")
        run("bash", "-o", "pipefail", "-c", f'{kind} -qdc < "$0" | dd bs=64K conv=sparse of="$1"', path, plain)
        run("qemu-img", "compare", "-f", "raw", "-F", "raw", raw, plain)
        plain.unlink()
    elif kind is None:
        assert imprint("compare", raw, path, "--first-from", "raw")["equal"]
    elif spots:
        for offset, data in spots:
            judge_spot(path, kind, offset, data)
    else:
        run("qemu-img", "compare", "-f", "raw", "-F", kind, raw, path)
    if kind in CHECKED:
        run("qemu-img", "check", "-f", kind, path)
    own = imprint("check", path, *(["--from", "raw"] if target == "raw" else []))
    assert (own["errors"], own["leaks"]) == (0, 0), own


def judge_spot(path, kind, offset, data):
    """qemu-img must find these bytes there, and zeros around them in the same sectors."""
    sector = 512
    first, last = offset // sector, (offset + len(data) - 1) // sector
    spot = path.with_name("spot")
    run("qemu-img", "dd", "-f", kind, "-O", "raw", f"bs={sector}", f"skip={first}", f"count={last + 1}",
        f"if={path}", f"of={spot}")
    expected = bytes(offset % sector) + data
    expected += bytes(-len(expected) % sector)
    assert spot.read_bytes()[:len(expected)] == expected, f"{path} at {offset}"
    spot.unlink()
