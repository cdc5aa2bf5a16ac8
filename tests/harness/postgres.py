"""A throw-away PostgreSQL cluster on a loopback port."""

import glob
import os
import pwd
import shutil
import subprocess
import tempfile

from . import process

# The cluster dies with the suite: what a power cut would do to it is not what is tested here.
SETTINGS = {
    "fsync": "off",
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
    "timezone": "Asia/Kolkata",  # a zone that is not UTC: times must not depend on it
}


class Postgres:
    """Started on creation; `url(name)` is a database of its own."""

    def __init__(self):
        self._bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self._dir = tempfile.mkdtemp(prefix="imprint-pg.")
        self.port = process.free_port()
        if os.geteuid() == 0:  # the server refuses to run as root
            user = pwd.getpwnam("postgres")
            os.chown(self._dir, user.pw_uid, user.pw_gid)
        self._data = os.path.join(self._dir, "data")
        self._run("initdb", "-D", self._data, "-U", "imprint", "-A", "trust", "-E", "UTF8", "--no-sync")
        with open(os.path.join(self._data, "postgresql.conf"), "a") as conf:
            for name, value in SETTINGS.items():
                conf.write(f"{name} = '{value}'\n")
            conf.write(f"port = {self.port}\nunix_socket_directories = '{self._dir}'\n")
        self.start()

    def _run(self, tool, *args):
        command = [os.path.join(self._bin, tool), *args]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd="/")
        if done.returncode != 0:
            raise RuntimeError(f"{tool}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self):
        """Starts the server (again)."""
        log = os.path.join(self._dir, "log")
        self._run("pg_ctl", "-D", self._data, "-w", "-l", log, "start")

    def halt(self):
        """Stops the server at once, as when its machine is lost."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "stop")

    def url(self, name):
        """Makes the database `name`; returns its URL."""
        self._run("createdb", "-h", self._dir, "-p", str(self.port), "-U", "imprint", name)
        return f"postgres://imprint@127.0.0.1:{self.port}/{name}"

    def close(self):
        """Stops the server and removes the cluster."""
        try:
            self.halt()
        finally:
            shutil.rmtree(self._dir, ignore_errors=True)
