"""`otcextensions` and openstacksdk, unmodified, by token (`otc_story.py`, in a process of its own)."""

import json
import os
import subprocess

from conftest import unique
from ecs_family import BUCKET, in_bucket
from ecs_world import disk_bytes

STORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "otc_story.py")


def test_the_story(owner):
    python = os.path.join(os.environ["IMPRINT_TEST_OTC"], "bin", "python3")
    raw, source, target = unique("otc") + ".raw", unique("otc") + ".qcow2", unique("otc") + ".qcow2"
    with open(in_bucket(raw), "wb") as file:
        file.write(disk_bytes(8))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", in_bucket(raw), in_bucket(source)], check=True)
    env = owner.environment()
    login = {"auth_url": env["OS_AUTH_URL"], "username": env["OS_USERNAME"], "password": env["OS_PASSWORD"],
             "project_name": env["OS_PROJECT_NAME"], "user_domain_id": "default", "project_domain_id": "default",
             "region_name": env["OS_REGION_NAME"]}
    words = [json.dumps(word) for word in (login, f"{BUCKET}:{source}", f"{BUCKET}:{target}")]
    # Nothing of the suites' own login may reach it.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    done = subprocess.run([python, STORY, *words], env=clean, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith("told\n"), done.stdout + done.stderr
    assert os.path.getsize(in_bucket(target)) > 0
