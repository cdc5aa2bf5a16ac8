"""`aliyun-python-sdk-ecs`, unmodified, signing with HMAC-SHA1: every operation, and its wire habits."""

import json

import pytest
from aliyun import V1
from aliyunsdkcore.acs_exception.exceptions import ServerException
from ecs_family import *  # noqa: F403
from ecs_images import *  # noqa: F403
from ecs_machines import *  # noqa: F403
from ecs_ram import *  # noqa: F403


@pytest.fixture(scope="module")
def connect(world):
    """Makes clients of this SDK."""
    return lambda key, secret, **how: V1(world.account.url, key, secret, **how)


@pytest.fixture(scope="module")
def sdk(connect, world):
    """The client of the account that the suite works in."""
    return connect(world.account.key, world.account.secret)


@pytest.fixture(scope="module")
def theirs(connect, world):
    """The client of somebody else's."""
    return connect(world.stranger.key, world.stranger.secret)


@pytest.mark.parametrize("wanted", ["JSON", "json", "XML"])
def test_the_answer_is_json_whatever_was_wanted(sdk, wanted):
    """The SDK sends `Format=JSON` whatever its caller set."""
    request = sdk.request("DescribeRegions", {})
    request.set_accept_format(wanted)
    assert json.loads(sdk.client.do_action_with_exception(request))["Regions"]["Region"]


def test_a_form_is_as_good_as_a_query(sdk, world):
    """Some operations of the SDK take their parameters in the body."""
    request = sdk.request("DescribeImages", {"ImageId": world.image})
    request.add_body_params("Status", "ALL")
    request.add_body_params("PageSize", 1)
    body = json.loads(sdk.client.do_action_with_exception(request))
    assert [image["ImageId"] for image in body["Images"]["Image"]] == [world.image]


def test_a_refusal_has_what_the_sdk_reads(sdk):
    with pytest.raises(ServerException) as caught:
        sdk("DescribeImages", OSType="beos")
    assert caught.value.get_http_status() == 404 and caught.value.get_error_code() == "InvalidOSType"
    assert caught.value.get_error_msg() == "The specified OSType is not valid."
