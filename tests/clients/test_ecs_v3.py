"""`alibabacloud_ecs20140526`, unmodified, signing with ACS3-HMAC-SHA256: every operation, and its wire habits."""

import pytest
from aliyun import V3
from ecs_family import *  # noqa: F403
from ecs_images import *  # noqa: F403
from ecs_machines import *  # noqa: F403
from ecs_ram import *  # noqa: F403


@pytest.fixture(scope="module")
def connect(world):
    """Makes clients of this SDK."""
    return lambda key, secret, **how: V3(world.account.url, key, secret, **how)


@pytest.fixture(scope="module")
def sdk(connect, world):
    """The client of the account that the suite works in."""
    return connect(world.account.key, world.account.secret)


@pytest.fixture(scope="module")
def theirs(connect, world):
    """The client of somebody else's."""
    return connect(world.stranger.key, world.stranger.secret)


def test_booleans_with_capitals_and_plus_for_space(sdk, world):
    """The SDK writes `True` and, in the URL, `+`, and signs `%20`."""
    made = sdk("CreateImage", SnapshotId=world.snapshot, DryRun=False, Description="one two+three")["ImageId"]
    assert world.ecs.image(made)["Description"] == "one two+three"
    sdk("DeleteImage", ImageId=made, Force=True)
