"""The unmodified Alibaba Cloud SDKs, each as a function from an operation's wire names to its answer's.

Both make their requests through the SDK's own request classes, so what is sent is what their users send. What the V3
SDK answers is read through its response classes: a list in the wrong wrapper or a member of another name is lost there.
"""

import importlib
import json
import re
from urllib.parse import urlsplit

import pytest
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.utils_models import Config
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.auth.credentials import StsTokenCredential
from aliyunsdkcore.request import CommonRequest

from harness.ecs import REGION

V3_PACKAGES = {"ecs": "alibabacloud_ecs20140526", "sts": "alibabacloud_sts20150401", "ram": "alibabacloud_ram20150501",
               "groups": "alibabacloud_resourcemanager20200331"}
V1_VERSIONS = {"sts": "2015-04-01", "ram": "2015-05-01", "groups": "2020-03-31"}


# What has been asked in this session: (SDK, operation, whether it was done).
ASKED = set()


def without_empty_lists(members):
    """What the V3 models add to a map by themselves, taken out again."""
    return {name: value for name, value in members.items() if value != []}


def request_id(text):
    """Whether this is a request id as clients know it."""
    return bool(re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", text))


class Sdk:
    """What both SDKs have in common."""

    def __call__(self, action, **parameters):
        answer = self.ask(action, parameters)
        ASKED.add((self.name, action, True))
        return answer

    def refused(self, status, code, action, **parameters):
        """The message of a call that must fail like this."""
        with pytest.raises((AlibabaCloudException, ServerException)) as caught:
            self(action, **parameters)
        ASKED.add((self.name, action, False))
        failed = self.failure(caught.value)
        assert failed[:2] == (status, code), f"{action} {parameters}: {failed}"
        return failed[2]


class V3(Sdk):
    """`alibabacloud_…` of one product, signing with ACS3-HMAC-SHA256."""

    name = "v3"

    def __init__(self, url, key, secret, token=None, product="ecs", region=REGION):
        package = V3_PACKAGES[product]
        self.models = importlib.import_module(f"{package}.models")
        config = Config(access_key_id=key, access_key_secret=secret, security_token=token, protocol="http",
                        endpoint=urlsplit(url).netloc, region_id=region)
        self.client = importlib.import_module(f"{package}.client").Client(config)
        self.region = region

    def ask(self, action, parameters):
        """What an operation answers."""
        method = getattr(self.client, re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower())
        if not hasattr(self.models, f"{action}Request"):
            return method().body.to_map()
        request = getattr(self.models, f"{action}Request")()
        if hasattr(request, "region_id"):
            parameters = {"RegionId": self.region, **parameters}
        request = request.from_map(parameters)
        assert without_empty_lists(request.to_map()) == parameters, "the SDK does not know a parameter"
        response = method(request)
        assert response.status_code == 200 and request_id(response.body.request_id)
        return response.body.to_map()

    @staticmethod
    def failure(error):
        """(status, code, message) of what the SDK raises."""
        assert isinstance(error, AlibabaCloudException), error
        assert request_id(error.data["RequestId"]) and error.data["HostId"]
        return error.status_code, error.code, error.data["Message"]


class V1(Sdk):
    """`aliyun-python-sdk-ecs`, signing with HMAC-SHA1; for other products the core's common request."""

    name = "v1"

    def __init__(self, url, key, secret, token=None, product="ecs", region=REGION):
        self.place, self.product = urlsplit(url).netloc, product
        how = {"credential": StsTokenCredential(key, secret, token)} if token else {"ak": key, "secret": secret}
        self.client = AcsClient(region_id=region, auto_retry=False, **how)

    def ask(self, action, parameters):
        """What an operation answers."""
        request = self.request(action, parameters)
        body = json.loads(self.client.do_action_with_exception(request))
        assert request_id(body["RequestId"])
        return body

    def request(self, action, parameters):
        """The SDK's own request, filled in by its own setters."""
        if self.product != "ecs":
            request = CommonRequest(domain=self.place, version=V1_VERSIONS[self.product], action_name=action)
            request.set_protocol_type("http")
            for name, value in parameters.items():
                request.add_query_param(name, value)
            return request
        module = importlib.import_module(f"aliyunsdkecs.request.v20140526.{action}Request")
        request = getattr(module, f"{action}Request")()
        request.set_endpoint(self.place)
        request.set_protocol_type("http")
        for name, value in parameters.items():
            if hasattr(request, f"set_{name}1"):
                # The SDK knows only the first of the list.
                (first,) = value
                getattr(request, f"set_{name}1")(first)
                continue
            setter = f"set_{name}{'s' if isinstance(value, list) else ''}"
            if hasattr(request, setter):
                getattr(request, setter)(value)
            else:
                request.add_query_param(name, value)
        return request

    @staticmethod
    def failure(error):
        """(status, code, message) of what the SDK raises."""
        assert isinstance(error, ServerException), error
        assert request_id(error.get_request_id())
        return error.get_http_status(), error.get_error_code(), error.get_error_msg()
