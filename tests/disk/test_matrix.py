"""Every format that is read, written as every format that can be written; judged by qemu-img, gzip and zstd."""

import filecmp
import subprocess

import pytest

from disk import shapes
from disk.tools import FLAVOURS, OWN, TARGETS, imprint, judge, run
from harness.imprint import binary

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
@pytest.mark.parametrize("shape", sorted(set(shapes.SHAPES) - {"mixed", "huge"}))
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


@pytest.mark.parametrize("target", sorted(set(TARGETS) - TOO_SLOW_FOR_HUGE - TOO_SMALL_FOR_HUGE))
def test_more_than_two_tebibytes(workshop, out, target):
    raw = workshop.disk("huge")
    imprint("convert", raw, out, "--format", target, "--from", "raw")
    judge(raw, out, target, spots=None if target in QUICKLY_COMPARED else shapes.HUGE)
    assert shapes.allocated(out) < 64 * shapes.MIB
    assert imprint("compare", raw, out, "--first-from", "raw", "--strict",
                   *(["--second-from", "raw"] if target == "raw" else []))["equal"]


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
