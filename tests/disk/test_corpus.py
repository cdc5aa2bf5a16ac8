"""Files that other programs wrote, from the shared corpus when it is there."""

import bz2
import hashlib
import os
import pathlib
import shutil

import pytest

from disk.tools import TARGETS, imprint, judge, run
from harness.process import root_of_tree

CORPUS = pathlib.Path(root_of_tree()) / ".." / "shared" / "corpus"
FORMATS = sorted((CORPUS / "formats").glob("*.*")) if CORPUS.is_dir() else []
REFUSED = {"dfvfs-fat-differential.vhd.xz", "dfvfs-image-differential.vhd.xz",
           # its checksum does not hold: it was changed by hand
           "dfvfs-image.vhd.xz"}
# As every target; of the others each is written as some, so that all together cover every target several times.
SMALL = {"dfvfs-ext2.qcow2.xz", "dfvfs-ext2.vhd.xz", "dfvfs-ext2.vmdk.xz", "qemu-grub_mbr.raw.bz2"}
EACH = 13 if os.environ.get("DISK_MATRIX") == "full" else 2
QEMU_NAMES = {"vhd": "vpc", "raw": "raw"}

# The project stands alone: what others wrote is data of the corpus, which a clone may not have.
pytestmark = pytest.mark.skipif(not FORMATS, reason="there is no corpus")


def sums():
    """What each of the Alpine disks must be: file name without its packing, digest."""
    lines = (CORPUS / "formats" / "alp.sha256").read_text().splitlines()
    return {line.split()[2]: line.split()[0] for line in lines}


def unpacked(path, folder):
    """The file as qemu-img can read it."""
    if path.suffix not in (".xz", ".bz2"):
        return path
    plain = folder / path.stem
    if path.suffix == ".bz2":
        plain.write_bytes(bz2.decompress(path.read_bytes()))
    else:
        run("bash", "-c", 'xz -dc "$0" > "$1"', path, plain)
    return plain


def images():
    files = [path for path in FORMATS if path.suffix != ".sha256" and path.name not in REFUSED]
    return [*files, *sorted((CORPUS / "guests").glob("*.qcow2"))[-2:]]


def targets(place, path):
    names = list(TARGETS)
    if path.name in SMALL:
        return names
    return [names[(place * EACH + step) % len(names)] for step in range(EACH)]


@pytest.mark.parametrize("path", images(), ids=lambda path: path.name)
def test_what_others_wrote(path, tmp_path):
    plain = unpacked(path, tmp_path)
    # xz is read as it is
    source = plain if path.suffix == ".bz2" else path
    raw = tmp_path / "disk.raw"
    imprint("convert", source, raw)
    kind = plain.suffix[1:]
    run("qemu-img", "compare", "-f", "raw", "-F", QEMU_NAMES.get(kind, kind), raw, plain)
    digest = sums().get(plain.name)
    if digest:
        with open(raw, "rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == digest
    assert imprint("check", source, "--data")["errors"] == 0
    for target in targets(images().index(path), path):
        out = tmp_path / "out"
        imprint("convert", source, out, "--format", target, "--force")
        judge(raw, out, target)
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_needs_another_file_is_refused(name, tmp_path):
    plain = unpacked(CORPUS / "formats" / name, tmp_path)
    for source in (plain, CORPUS / "formats" / name):
        assert "refused" in imprint("convert", source, tmp_path / "out.raw", code=6)
        assert not (tmp_path / "out.raw").exists()


@pytest.mark.parametrize("path", sorted((CORPUS / "corrupt").glob("qemu-*")) if FORMATS else [], ids=lambda path: path.name)
def test_a_corrupt_file_is_an_answer(path, tmp_path):
    plain = unpacked(path, tmp_path)
    imprint("info", plain, code=6)
