"""`@alicloud/ecs20140526` for Node, unmodified, through the three required operations (`ecs_node/images.mjs`)."""

import os
import shutil
import subprocess
from urllib.parse import urlsplit

import pytest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ecs_node", "images.mjs")
CHECKS = 13


# CI installs it: there its absence is a failure
@pytest.mark.skipif(not shutil.which("node") and "CI" not in os.environ, reason="there is no node: apt-get install nodejs npm")
def test_the_node_sdk(world):
    folder = os.environ.get("IMPRINT_TEST_NODE")
    assert folder, "IMPRINT_TEST_NODE does not say where the SDK is installed (tests/lib.sh)"
    account = world.account
    done = subprocess.run(
        ["node", SCRIPT, folder, urlsplit(account.url).netloc, account.key, account.secret, world.snapshot],
        stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") == CHECKS, done.stdout
