"""Disks and files for the matrix: what is written once is used by every test."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from disk import shapes  # noqa: E402
from disk.tools import make_source  # noqa: E402


class Workshop:
    """A folder where disks are made when they are first asked for."""

    def __init__(self, folder):
        self.folder = folder

    def disk(self, shape):
        """The raw disk of that shape."""
        path = self.folder / f"{shape}.raw"
        if not path.exists():
            shapes.SHAPES[shape](path)
        return path

    def source(self, flavour):
        """The mixed disk as a file of that flavour."""
        path = self.folder / f"source.{flavour}"
        if not path.exists():
            make_source(self.disk("mixed"), flavour, path)
        return path


@pytest.fixture(scope="session")
def workshop(tmp_path_factory):
    return Workshop(tmp_path_factory.mktemp("disks"))


@pytest.fixture
def out(tmp_path):
    """A name for a file that is gone after the test: whole disks add up."""
    path = tmp_path / "out"
    yield path
    path.unlink(missing_ok=True)
