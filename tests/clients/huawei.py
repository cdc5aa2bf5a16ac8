"""The unmodified `huaweicloudsdkims`, as a function from an operation's name and wire members to its answer's.

Requests are made through the SDK's own models, so what is sent is what its users send, and answers are read through
them: a member of another name is lost there, one of another type is seen to be.
"""

import json
import re

import pytest
from ecs_world import until
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkims import v2

# What has been asked in this session: (operation, whether it was done).
ASKED = set()
# Where the reference leaves open which code of the table it is.
ANY_CODE, IMS_CODE = object(), re.compile(r"IMG\.[0-9]{4}")
LIST = re.compile(r"list\[(.*)\]")


def snake(name):
    """`ListImages` as the method's name."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def to_model(kind, value):
    """A value as the SDK's model of this kind."""
    inner = LIST.fullmatch(kind)
    if inner:
        return [to_model(inner[1], entry) for entry in value]
    model = getattr(v2, kind, None)
    if model is None or not isinstance(value, dict):
        return value
    attributes = {wire: attribute for attribute, wire in model.attribute_map.items()}
    unknown = sorted(set(value) - set(attributes))
    assert not unknown, f"the SDK's {kind} does not know {unknown}"
    return model(**{attributes[wire]: to_model(model.openapi_types[attributes[wire]], entry)
                    for wire, entry in value.items()})


def from_model(value):
    """What a model holds, by its wire names; members that are not there are left out."""
    if isinstance(value, list):
        return [from_model(entry) for entry in value]
    if not hasattr(value, "attribute_map"):
        return value
    members = {wire: getattr(value, attribute) for attribute, wire in value.attribute_map.items()}
    return {wire: from_model(entry) for wire, entry in members.items() if entry is not None}


def without_nulls(value):
    """JSON as a model would hold it."""
    if isinstance(value, list):
        return [without_nulls(entry) for entry in value]
    if isinstance(value, dict):
        return {name: without_nulls(entry) for name, entry in value.items() if entry is not None}
    return value


def config():
    """How the SDK speaks: never through a proxy of the machine's, and each request once."""
    settings = HttpConfig.get_default_config()
    settings.retry_times = 0
    return settings


class Sdk:
    """The client of one account; `region` instead of a project makes it ask for the project first."""

    def __init__(self, account, region=None, token=None, key=None, secret=None, project=None):
        who = BasicCredentials(key or account.key, secret or account.secret,
                               None if region else project or account.project_id)
        who.with_iam_endpoint(account.url)
        if token:
            who.with_security_token(token)
        builder = v2.ImsClient.new_builder().with_http_config(config()).with_credentials(who)
        builder = builder.with_region(region) if region else builder.with_endpoints([account.url])
        self.client, self.credentials = builder.build(), who

    def __call__(self, operation, body=None, **parameters):
        """What an operation answers, as the SDK's model holds it."""
        request = getattr(v2, f"{operation}Request")
        attributes = {wire: attribute for attribute, wire in request.attribute_map.items()}
        asked = {attributes[name]: value for name, value in parameters.items()}
        if body is not None:
            asked["body"] = to_model(request.openapi_types["body"], body)
        response = getattr(self.client, snake(operation))(request(**asked))
        ASKED.add((operation, True))
        self.last = response
        return from_model(response)

    def same(self, operation, *ignored, **asked):
        """As a call, and nothing of the answer got lost in the SDK's model, except these members."""
        held = self(operation, **asked)
        said = without_nulls(json.loads(self.last.raw_content))
        for name in ignored:
            said.pop(name, None)
        lost = sorted(set(said) - set(held))
        assert not lost, f"the SDK does not read {lost} of {operation}"
        return held

    def refused(self, status, code, operation, body=None, **parameters):
        """The message of a call that must fail like this, or like one of these."""
        with pytest.raises(ServiceResponseException) as caught:
            self(operation, body, **parameters)
        ASKED.add((operation, False))
        error = caught.value
        failed, what = (error.status_code, error.error_code), f"{operation} {body} {parameters}: {error}"
        assert failed[0] in (status if isinstance(status, tuple) else (status,)), what
        if code is ANY_CODE:
            assert IMS_CODE.fullmatch(failed[1]), what
        else:
            assert failed[1] in (code if isinstance(code, tuple) else (code,)), what
        assert error.request_id, "no X-Request-Id"
        return error.error_msg

    def image(self, image):
        """One image as the list shows it; None when it does not."""
        found = self("ListImages", id=image)["images"]
        assert len(found) <= 1, found
        return found[0] if found else None

    def ended(self, job):
        """Waits until a job has ended; what is told of it."""
        def look():
            told = self("ShowJob", job_id=job)
            assert told["status"] in ("INIT", "RUNNING", "SUCCESS", "FAIL"), told
            return told["status"] in ("SUCCESS", "FAIL") and told
        return until(look, f"job {job}")

    def done(self, operation, body=None, **parameters):
        """Starts a job and waits for its success; what is told of it."""
        job = self(operation, body, **parameters)["job_id"]
        assert re.fullmatch(r"[0-9a-f]{32}", job), job
        told = self.ended(job)
        assert told["status"] == "SUCCESS", told
        return told

    def gone(self, image):
        """Deletes an image and waits until no list shows it."""
        self("GlanceDeleteImage", image_id=image)
        until(lambda: not self("ListImages", id=image)["images"], f"the deletion of {image}")
