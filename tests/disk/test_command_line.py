"""What the command line does besides converting."""

from disk import shapes
from disk.tools import imprint, run


def test_comparing_tells_where(workshop, tmp_path):
    raw = workshop.disk("mixed")
    other = tmp_path / "other.raw"
    run("cp", "--sparse=always", raw, other)
    with open(other, "r+b") as file:
        file.seek(7 * shapes.MIB + 3)
        file.write(b"!")
    source = workshop.source("qcow2")
    assert imprint("compare", source, raw, "--second-from", "raw")["equal"]
    found = imprint("compare", source, other, "--second-from", "raw", code=6)
    assert (found["equal"], found["differs_at_bytes"]) == (False, 7 * shapes.MIB + 3)


def test_a_target_that_is_there_is_kept(workshop, tmp_path):
    target = tmp_path / "there.qcow2"
    target.write_text("mine")
    assert "--force" in imprint("convert", workshop.source("vdi"), target, code=1)
    assert target.read_text() == "mine"
    imprint("convert", workshop.source("vdi"), target, "--force", "-c")
    assert imprint("info", target)["compression"] is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there.qcow2"]


def test_counts_that_are_wrong_are_found(workshop, tmp_path):
    damaged = tmp_path / "damaged.qcow2"
    run("cp", workshop.source("qcow2"), damaged)
    with open(damaged, "r+b") as file:
        file.seek(48)
        table = int.from_bytes(file.read(8), "big")
        file.seek(table)
        block = int.from_bytes(file.read(8), "big")
        file.seek(block + 2)
        file.write(b"\0\5")
    found = imprint("check", damaged, code=6)
    assert (found["errors"], found["leaks"]) == (0, 1)


def test_files_that_name_others_are_refused(workshop, tmp_path):
    overlay = tmp_path / "overlay.qcow2"
    run("qemu-img", "create", "-f", "qcow2", "-F", "raw", "-b", workshop.disk("mixed"), overlay)
    assert "backing file" in imprint("convert", overlay, tmp_path / "out.raw", code=6)
    assert "backing file" in imprint("info", overlay, code=6)


def test_what_is_wrong_with_the_request(workshop, tmp_path):
    source = workshop.source("qcow2")
    assert "--format" in imprint("convert", source, tmp_path / "out.unknown", code=2)
    assert "cannot be compressed" in imprint("convert", source, tmp_path / "out.raw", "-c", code=2)
    imprint("info", tmp_path / "absent", code=3)
    assert list(tmp_path.iterdir()) == []
