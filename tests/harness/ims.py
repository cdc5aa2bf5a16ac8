"""The least IMS client the suites need: both ways of signing, every header in its place, and exactly what came back.

Standard library only. The real SDKs are driven in `tests/clients`; this one sends what they would not, and what the Go
clients inside the two terraform providers send.
"""

import datetime
import hashlib
import hmac
import http.client
import json
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from .api import TIMEOUT_SECS, Answer

ALGORITHM = "SDK-HMAC-SHA256"
JSON = "application/json"
JSON_PATCH = "application/openstack-images-v2.1-json-patch"
# What the Go clients add after signing.
NEVER_SIGNED_BY_GO = ("x-project-id", "x-security-token")


def encode(text):
    """Percent-encoding as the signatures want it."""
    return quote(text, safe="-_.~")


def sha256(data):
    """The hexadecimal digest."""
    return hashlib.sha256(data).hexdigest()


def canonical_path(path):
    """The path, decoded once and encoded again, with a slash at its end."""
    encoded = "/".join(encode(unquote(segment)) for segment in path.split("/"))
    return encoded if encoded.endswith("/") else encoded + "/"


def canonical_query(pairs):
    """Pairs sorted by key and value."""
    return "&".join(f"{encode(key)}={encode(value)}" for key, value in sorted(pairs))


def canonical_request(method, target, headers, signed, payload):
    """What is hashed, of way A; way B differs only where its caller says so."""
    parts = urlsplit(target)
    listed = "".join(f"{name}:{headers[name].strip()}\n" for name in signed)
    query = canonical_query(parse_qsl(parts.query, keep_blank_values=True))
    return "\n".join([method, canonical_path(parts.path), query, listed, ";".join(signed), payload])


def way_a(secret, method, target, headers, signed, body):
    """(hash of the canonical request, signature) with the secret itself as the key."""
    payload = headers.get("x-sdk-content-sha256") or sha256(body)
    hashed = sha256(canonical_request(method, target, headers, signed, payload).encode())
    message = f"{ALGORITHM}\n{headers['x-sdk-date']}\n{hashed}"
    return hashed, hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


def way_b(secret, method, target, headers, signed, body, scope):
    """(hash of the canonical request, signature) with a key derived from the scope."""
    payload = sha256(body)
    if method == "POST" and not body:
        # Without a body the query stands for it.
        parts = urlsplit(target)
        form = "&".join(f"{quote_plus(key)}={quote_plus(value)}" for key, value in sorted(parse_qsl(parts.query)))
        target, payload = parts.path, sha256(form.encode())
    headers = {name: " ".join(value.split()) for name, value in headers.items()}
    hashed = sha256(canonical_request(method, target, headers, signed, payload).encode())
    key = f"SDK{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    message = f"{ALGORITHM}\n{headers['x-sdk-date']}\n{scope}\n{hashed}"
    return hashed, hmac.new(key, message.encode(), hashlib.sha256).hexdigest()


def now():
    """The time as requests carry it."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")


class ImsError(AssertionError):
    """A call that should have succeeded was refused."""

    def __init__(self, what, answer):
        super().__init__(f"{what}: {answer.status} {answer.body[:600]!r}")
        self.status, self.code = answer.status, code_of(answer)


def code_of(answer):
    """The code in the body of a refusal, of the service or of the gateway; empty without one."""
    if not answer.body.startswith(b"{"):
        return ""
    body = answer.json()
    error = body.get("error")
    return error.get("code", "") if isinstance(error, dict) else body.get("error_code", "")


@dataclass
class Ims:
    """Calls under one access key; a fresh connection for each, so that threads may share it.

    `way` is how requests are signed: "a" as the Python SDK does, "go" as terraform-provider-huaweicloud (neither the
    host nor the project), "b" as terraform-provider-opentelekomcloud. With `token` instead of a key nothing is signed.
    """

    url: str
    key: str = ""
    secret: str = ""
    project: str | None = None
    way: str = "a"
    token: str | None = None
    security_token: str | None = None
    timeout: float = TIMEOUT_SECS

    def signed_headers(self, method, target, body, headers):
        """All headers of a request, `authorization` among them."""
        host = urlsplit(self.url).netloc
        after = {"x-project-id": self.project, "x-security-token": self.security_token}
        after = {name: value for name, value in after.items() if value}
        if self.token:
            return {**headers, "x-auth-token": self.token}
        sent = {"host": host, "x-sdk-date": now(), **headers}
        if self.way == "a":
            sent.update(after)
        names = sorted(name for name in sent if not (self.way == "go" and name == "host"))
        if self.way == "b":
            scope = f"{sent['x-sdk-date'][:8]}///sdk_request"
            who = f"Credential={self.key}/{scope}"
            signature = way_b(self.secret, method, target, sent, names, body, scope)[1]
        else:
            who, signature = f"Access={self.key}", way_a(self.secret, method, target, sent, names, body)[1]
        sent.update(after)
        sent.setdefault("authorization",
                        f"{ALGORITHM} {who}, SignedHeaders={';'.join(names)}, Signature={signature}")
        return sent

    def call(self, method, target, body=None, headers=None, raw=None):
        """`body` is sent as JSON, `raw` bytes as they are; header names are lower case, None leaves one out."""
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else b""
        sent = {"accept": JSON, "content-type": JSON, "user-agent": "imprint-tests", **(headers or {})}
        sent = self.signed_headers(method, target, data, {name: value for name, value in sent.items() if value})
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=self.timeout)
        try:
            connection.request(method, target, body=data, headers=sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def ok(self, method, target, body=None, status=200, **how):
        """What a call answers that must succeed with exactly this status; None when there is no body."""
        answer = self.call(method, target, body, **how)
        if answer.status != status:
            raise ImsError(f"{method} {target} {body}", answer)
        return answer.json() if answer.body else None

    def refused(self, status, code, method, target, body=None, **how):
        """The message of a refusal, which must be this one."""
        answer = self.call(method, target, body, **how)
        assert (answer.status, code_of(answer)) == (status, code), (
            f"{method} {target} {body}: {answer.status} {answer.body[:600]!r}")
        said = answer.json()
        return said["error"]["message"] if "error" in said else said["error_msg"]

    def images(self, query=""):
        """The images one list shows."""
        return self.ok("GET", f"/v2/cloudimages?{query}")["images"]

    def image(self, image):
        """One image; None when the list does not show it."""
        found = self.images(f"id={image}")
        assert len(found) <= 1, found
        return found[0] if found else None

    def patch(self, image, *changes):
        """The image after a change that must succeed."""
        return self.ok("PATCH", f"/v2/cloudimages/{image}", list(changes))

    def job(self, job):
        """What is told of a job."""
        return self.ok("GET", f"/v1/{self.project}/jobs/{job}")
