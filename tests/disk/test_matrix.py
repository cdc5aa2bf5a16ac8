"""Every format that is read, written as every format that can be written; judged by qemu-img, gzip and zstd."""

import filecmp
import os
import pathlib
import subprocess

import pytest

from disk import shapes
from disk.tools import FLAVOURS, FOREIGN, OWN, PACKED, TARGETS, imprint, judge, make_source, run
from harness.imprint import binary
from harness.process import root_of_tree

ISO = pathlib.Path(root_of_tree()) / "crates/imprint-inspect/fixtures/iso-rock-ridge.img.zst"
SMALL_SHAPES = sorted(set(shapes.SHAPES) - shapes.LARGE - {"mixed"})
# Made of a disk of 3 TiB within a second, and able to hold one.
HUGE_FLAVOURS = ["qcow2", "qcow2-v2", "qcow2-subclusters", "vhdx", "vdi", "vmdk-sparse", "vmdk-stream"]
# Formats that cannot hold a disk of 3 TiB, and those whose other readers would take minutes for its zeros.
TOO_SMALL_FOR_HUGE = {"vhd", "vhd-fixed"}
TOO_SLOW_FOR_HUGE = {"raw.gz", "raw.zst"}
# Of these qemu-img sees holes as large as they are.
QUICKLY_COMPARED = {"raw", "qcow2", "qcow2-zlib", "qcow2-zstd"}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_source_as_every_target(workshop, out, flavour, target):
    imprint("convert", workshop.source(flavour), out, "--format", target, *declared(flavour))
    judge(workshop.disk("mixed"), out, target)


def declared(flavour):
    # noise could look like anything
    return ["--from", "raw"] if flavour == "raw" else []


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("shape", SMALL_SHAPES)
def test_every_shape_as_every_target(workshop, out, shape, target):
    raw = workshop.disk(shape)
    imprint("convert", raw, out, "--format", target, "--from", "raw")
    judge(raw, out, target)
    back = out.with_name("back")
    try:
        imprint("convert", out, back, "--format", "raw", *(["--from", "raw"] if target == "raw" else []))
        run("qemu-img", "compare", "-f", "raw", "-F", "raw", raw, back)
        if shape == "sparse":
            assert shapes.allocated(back) < 4 * shapes.MIB
    finally:
        back.unlink(missing_ok=True)


@pytest.mark.parametrize("shape", SMALL_SHAPES)
@pytest.mark.parametrize("flavour", FOREIGN)
def test_every_shape_from_every_other_writer(workshop, tmp_path, out, flavour, shape):
    raw, source = workshop.disk(shape), tmp_path / "source"
    make_source(raw, flavour, source)
    imprint("convert", source, out, "--format", "raw")
    source.unlink()
    run("qemu-img", "compare", "-f", "raw", "-F", "raw", raw, out)
    size = os.stat(raw).st_size
    if flavour not in PACKED:
        size += -size % 512
    if flavour == "vhd-geometry":
        assert os.stat(out).st_size >= size
    else:
        assert os.stat(out).st_size == size
    if shape == "sparse":
        assert shapes.allocated(out) < 4 * shapes.MIB


@pytest.mark.parametrize("target", TARGETS)
def test_an_iso_as_every_target(tmp_path, out, target):
    iso = tmp_path / "disk.iso"
    run("zstd", "-qd", ISO, "-o", iso)
    assert imprint("info", iso)["format"] == "iso"
    imprint("convert", iso, out, "--format", target)
    judge(iso, out, target)


@pytest.mark.parametrize("target", sorted(set(TARGETS) - TOO_SLOW_FOR_HUGE - TOO_SMALL_FOR_HUGE))
def test_more_than_two_tebibytes(workshop, out, target):
    raw = workshop.disk("huge")
    imprint("convert", raw, out, "--format", target, "--from", "raw")
    judge(raw, out, target, spots=None if target in QUICKLY_COMPARED else shapes.HUGE)
    assert shapes.allocated(out) < 64 * shapes.MIB
    assert imprint("compare", raw, out, "--first-from", "raw", "--strict",
                   *(["--second-from", "raw"] if target == "raw" else []))["equal"]


@pytest.mark.parametrize("flavour", HUGE_FLAVOURS)
def test_more_than_two_tebibytes_from_other_writers(workshop, tmp_path, out, flavour):
    raw, source = workshop.disk("huge"), tmp_path / "source"
    make_source(raw, flavour, source)
    imprint("convert", source, out, "--format", "raw")
    source.unlink()
    assert os.stat(out).st_size == 3 * shapes.TIB
    assert shapes.allocated(out) < 64 * shapes.MIB
    with open(out, "rb") as file:
        for offset, data in shapes.HUGE:
            file.seek(offset)
            assert file.read(len(data)) == data, f"at {offset}"
    run("qemu-img", "compare", "-f", "raw", "-F", "raw", raw, out)


@pytest.mark.parametrize("target", ["raw.gz", "raw.zst"])
def test_more_than_32_bits_count(workshop, tmp_path, out, target):
    raw, back = workshop.disk("wrapping"), tmp_path / "back"
    imprint("convert", raw, out, "--format", target, "--from", "raw")
    if target == "raw.gz":
        # the length at its end is counted modulo 4 GiB
        assert out.read_bytes()[-4:] == (512).to_bytes(4, "little")
    # of both kinds, and of gzip in half the time that gzip takes
    run("zstd", "-q", "--test", out)
    imprint("convert", out, back, "--format", "raw")
    try:
        assert os.stat(back).st_size == os.stat(raw).st_size
        run("qemu-img", "compare", "-f", "raw", "-F", "raw", raw, back)
    finally:
        back.unlink()


@pytest.mark.parametrize("target", sorted(TOO_SMALL_FOR_HUGE))
def test_a_disk_that_does_not_fit_is_refused_at_once(workshop, out, target):
    complaint = imprint("convert", workshop.disk("huge"), out, "--format", target, "--from", "raw", code=1)
    assert "cannot write" in complaint
    assert not out.exists()


@pytest.mark.parametrize("target", TARGETS)
def test_the_same_bytes_each_time_on_any_number_of_threads(workshop, out, target):
    raw = workshop.disk("mixed")
    imprint("convert", raw, out, "--format", target, "--from", "raw", "--threads", "1")
    again = out.with_name("again")
    imprint("convert", raw, again, "--format", target, "--from", "raw", "--threads", "5")
    assert filecmp.cmp(out, again, shallow=False)
    streamed = out.with_name("streamed")
    with open(streamed, "wb") as file:
        subprocess.run([binary(), "disk", "convert", raw, "-", "--format", target, "--from", "raw"],
                       stdout=file, check=True)
    found = imprint("info", streamed, *(["--from", "raw"] if target == "raw" else []))
    assert found["format"] == imprint("info", out, *(["--from", "raw"] if target == "raw" else []))["format"]
    judge(raw, streamed, target)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_info_and_check(workshop, flavour):
    source = workshop.source(flavour)
    info = imprint("info", source, *declared(flavour))
    # geometries and vendors' units round sizes up
    assert info["virtual_size_bytes"] >= 12 * shapes.MIB
    if flavour not in (*OWN, "vhd-geometry"):
        assert info["virtual_size_bytes"] == 12 * shapes.MIB
    check = imprint("check", source, "--data", *declared(flavour))
    assert (check["errors"], check["leaks"], check["data_was_read"]) == (0, 0, True)
