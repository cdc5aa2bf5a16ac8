"""Runs a command against a freshly started stack, and takes the stack down again.

    python3 -m harness.stack [--postgres] [--s3] [--serve] [--set NAME=VALUE]... -- COMMAND...

--postgres  a throw-away cluster; its URL is in IMPRINT_TEST_POSTGRES
--s3        an S3 server; with --serve Imprint keeps its bytes in it
--serve     `imprint serve` (on SQLite and a directory unless the two above are given);
            IMPRINT_URL, OS_* and IMPRINT_TEST_DATA_DIR tell the command where it is
--set       one more setting of the server

The exit status is the command's; it is also a failure when the server's log speaks of a panic, or
the server does not end cleanly.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile

from . import process
from .imprint import Imprint
from .postgres import Postgres
from .s3 import S3Server


def openstack_environment(server):
    """The variables by which OpenStack clients find the server and log in."""
    return {
        "OS_AUTH_URL": f"{server.url}/identity/v3",
        "OS_IDENTITY_API_VERSION": "3",
        "OS_IMAGE_API_VERSION": "2",
        "OS_USERNAME": "admin",
        "OS_PASSWORD": server.password,
        "OS_PROJECT_NAME": "admin",
        "OS_USER_DOMAIN_ID": "default",
        "OS_PROJECT_DOMAIN_ID": "default",
        "OS_REGION_NAME": "local-1",
    }


def keep_log(server):
    """Copies the server's log where CI can show it."""
    kept = os.environ.get("IMPRINT_TEST_LOGS")
    if kept and os.path.exists(server.log_path):
        shutil.copy(server.log_path, os.path.join(kept, f"imprint-{server.port}.log"))


def run(options):
    """Starts what is asked for, runs the command, ends everything; the exit status."""
    env = dict(os.environ)
    server_env = dict(pair.split("=", 1) for pair in options.set)
    with contextlib.ExitStack() as stack:
        if options.postgres:
            cluster = Postgres()
            stack.callback(cluster.close)
            env["IMPRINT_TEST_POSTGRES"] = cluster.url("rust")
            server_env["IMPRINT_DATABASE_URL"] = cluster.url("imprint") if options.serve else ""
        if options.s3:
            bucket = S3Server()
            stack.callback(bucket.close)
            server_env.update(bucket.environment("serve"))
        if not options.serve:
            return subprocess.run(options.command, env=env).returncode
        work = tempfile.mkdtemp(prefix="imprint-serve.")
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        server = Imprint(os.path.join(work, "data"), os.path.join(work, "log"), server_env)
        stack.callback(keep_log, server)
        server.start()
        stack.callback(lambda: server.process.poll() is None and server.kill())
        env.update(openstack_environment(server))
        env.update({
            "IMPRINT_URL": server.url,
            "IMPRINT_ROOT_ACCESS_KEY": server.environment()["IMPRINT_ROOT_ACCESS_KEY"],
            "IMPRINT_ROOT_SECRET_KEY": server.password,
            "IMPRINT_TEST_DATA_DIR": server.data_dir,
        })
        status = subprocess.run(options.command, env=env).returncode
        print(f"stack: imprint used {process.rss_kib(server.process.pid)} KiB at the end")
        ended = server.stop()
        complaints = server.panics()
        if ended != 0 or complaints:
            print(f"stack: imprint ended with status {ended}; panics: {complaints}")
            return status or 1
        return status


def main():
    """The command line."""
    parser = argparse.ArgumentParser(prog="harness.stack")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--s3", action="store_true")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("command", nargs="+")
    sys.exit(run(parser.parse_args()))


if __name__ == "__main__":
    main()
