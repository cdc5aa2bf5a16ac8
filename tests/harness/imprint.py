"""One Imprint process under test."""

import os
import re
import secrets
import signal
import subprocess

from . import process
from .api import Api

READY_PATH = "/readyz"


def binary():
    """The program under test: IMPRINT_BIN, else the release build, else the debug build."""
    named = os.environ.get("IMPRINT_BIN")
    if named:
        return os.path.abspath(named)
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(process.root_of_tree(), "target"))
    for profile in ("release", "debug"):
        path = os.path.join(target, profile, "imprint")
        if os.access(path, os.X_OK):
            return path
    raise RuntimeError("no imprint binary: run `cargo build --release` first")


class Imprint:
    """`imprint serve` on a loopback port that stays the same over restarts."""

    def __init__(self, data_dir, log_path, extra_env=None):
        self.port = process.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = data_dir
        self.log_path = log_path
        self.password = secrets.token_hex(16)
        self.process = None
        self._extra_env = dict(extra_env or {})

    def environment(self):
        """What the server and its command line are told."""
        return {
            **os.environ,
            "IMPRINT_LISTEN": f"127.0.0.1:{self.port}",
            "IMPRINT_DATA_DIR": self.data_dir,
            "IMPRINT_ROOT_ACCESS_KEY": "IMPRINTROOTKEY000001",
            "IMPRINT_ROOT_SECRET_KEY": self.password,
            "IMPRINT_URL": self.url,
            **self._extra_env,
        }

    def start(self, wait=True):
        """Starts the server; returns when it answers ready."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([binary(), "serve"], env=self.environment(),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if wait:
            process.wait_until(self.ready, f"imprint (log in {self.log_path})", self.process)
        return self

    def ready(self):
        """Whether it says that it can serve."""
        try:
            return Api(self.url, timeout=5).call("GET", READY_PATH).status == 200
        except OSError:
            return False

    def kill(self):
        """Ends it as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends it politely; its exit status."""
        return process.end(self.process, signal.SIGTERM)

    def admin(self):
        """An `Api` of the first account."""
        return Api(self.url).login("admin", self.password, "admin")

    def cli(self, *args):
        """Runs the program's command line against this server's settings."""
        return subprocess.run([binary(), *args], env=self.environment(), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)

    def figure(self, name):
        """A number among the metrics."""
        text = Api(self.url).call("GET", "/metrics").expect(200).body.decode()
        return int(re.search(rf"^{name} (\d+)$", text, re.MULTILINE).group(1))

    def panics(self):
        """Lines of the log that speak of a panic."""
        with open(self.log_path, errors="replace") as log:
            return [line for line in log if "panicked" in line]
