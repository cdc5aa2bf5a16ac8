"""The least ECS client the suites need: both signatures, every way to place parameters, and exactly what came back.

Standard library only. The real SDKs are driven in `tests/clients`; this one sends what they would not: a parameter
in the query and the next in the body, a signature that is wrong in one place, a request twice.
"""

import base64
import datetime
import hashlib
import hmac
import http.client
import json
import subprocess
import uuid
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from .api import TIMEOUT_SECS, Answer, Api
from .imprint import binary
from .ims import Ims

ECS, STS, RAM = "2014-05-26", "2015-04-01", "2015-05-01"
REGION = "local-1"
FORM = "application/x-www-form-urlencoded"
V3_ALGORITHM = "ACS3-HMAC-SHA256"


def encode(text):
    """Percent-encoding as both signatures want it."""
    return quote(str(text), safe="-_.~")


def canonical(parameters):
    """Parameters, sorted by name, as both signatures list them."""
    return "&".join(f"{encode(name)}={encode(value)}" for name, value in sorted(parameters.items()))


def flat(parameters, prefix=""):
    """Lists as `Name.1`, objects as `Name.Member`, booleans as words; what is None is left out."""
    out = {}
    for name, value in parameters.items():
        if isinstance(value, dict):
            out.update(flat(value, f"{prefix}{name}."))
        elif isinstance(value, (list, tuple)):
            out.update(flat({str(n): entry for n, entry in enumerate(value, 1)}, f"{prefix}{name}."))
        elif isinstance(value, bool):
            out[prefix + name] = str(value).lower()
        elif value is not None:
            out[prefix + name] = str(value)
    return out


def now():
    """The time as requests carry it."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def v1_signature(secret, method, parameters):
    """The signature of all parameters of query and body, version 1."""
    message = f"{method}&%2F&{encode(canonical(parameters))}"
    digest = hmac.new(f"{secret}&".encode(), message.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def v3_signature(secret, method, query, headers, payload):
    """(names of the signed headers, signature), version 3; all `headers` are signed."""
    signed = ";".join(sorted(headers))
    listed = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    request = "\n".join([method, "/", canonical(query), listed, signed, payload])
    message = f"{V3_ALGORITHM}\n{hashlib.sha256(request.encode()).hexdigest()}"
    return signed, hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


class EcsError(AssertionError):
    """A call that should have succeeded was refused."""

    def __init__(self, action, answer):
        super().__init__(f"{action}: {answer.status} {answer.body[:600]!r}")
        self.status = answer.status
        self.code = answer.json().get("Code", "") if answer.body.startswith(b"{") else ""


@dataclass
class Ecs:
    """Calls under one access key; a fresh connection for each, so that threads may share it."""

    url: str
    key: str
    secret: str
    region: str = REGION
    token: str | None = None
    timeout: float = TIMEOUT_SECS

    def send(self, method, query, form, headers=None, raw=None):
        """One request as it is."""
        parts = urlsplit(self.url)
        body = raw if raw is not None else canonical(form).encode() if form else b""
        sent = {"host": parts.netloc, **({"content-type": FORM} if form else {}), **(headers or {})}
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=self.timeout)
        try:
            connection.request(method, f"/?{canonical(query)}" if query else "/", body=body, headers=sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def common(self, action, version=ECS, **changes):
        """The parameters that every request of version 1 has; a change to None leaves one out."""
        out = {"Action": action, "Version": version, "Format": "JSON", "AccessKeyId": self.key,
               "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0", "SignatureNonce": uuid.uuid4().hex,
               "Timestamp": now(), "SecurityToken": self.token, **changes}
        return {name: value for name, value in out.items() if value is not None}

    def v1(self, action, query=None, form=None, method="POST", version=ECS, **changes):
        """A request signed by version 1, its common parameters in the query."""
        query, form = {**self.common(action, version, **changes), **flat(query or {})}, flat(form or {})
        query.setdefault("Signature", v1_signature(self.secret, method, {**query, **form}))
        return self.send(method, query, form)

    def v3(self, action, query=None, form=None, method="POST", version=ECS, **headers):
        """A request signed by version 3; `headers` (with `_` for `-`) are added to the signed ones."""
        query, form = flat(query or {}), flat(form or {})
        payload = hashlib.sha256(canonical(form).encode() if form else b"").hexdigest()
        signed = {"host": urlsplit(self.url).netloc, "x-acs-action": action, "x-acs-version": version,
                  "x-acs-date": now(), "x-acs-signature-nonce": uuid.uuid4().hex, "x-acs-content-sha256": payload,
                  "accept": "application/json", **({"content-type": FORM} if form else {}),
                  **({"x-acs-security-token": self.token, "x-acs-accesskey-id": self.key} if self.token else {}),
                  **{name.replace("_", "-"): value for name, value in headers.items()}}
        names, signature = v3_signature(self.secret, method, query, signed, payload)
        signed["Authorization"] = f"{V3_ALGORITHM} Credential={self.key},SignedHeaders={names},Signature={signature}"
        return self.send(method, query, form, signed)

    def answer(self, action, version=ECS, **parameters):
        """The answer to a request as terraform sends it: version 1, POST, business parameters in the body."""
        form = parameters if version != ECS else {"RegionId": self.region, **parameters}
        return self.v1(action, form=form, version=version)

    def ok(self, action, version=ECS, **parameters):
        """What a call answers that must succeed."""
        answer = self.answer(action, version, **parameters)
        if answer.status != 200:
            raise EcsError(action, answer)
        return answer.json()

    def refused(self, status, code, action, version=ECS, **parameters):
        """The body of a refusal, which must be this one."""
        answer = self.answer(action, version, **parameters)
        body = answer.json()
        assert (answer.status, body.get("Code")) == (status, code), f"{action}: {answer.status} {body}"
        assert body["RequestId"] and body["HostId"] and body["Message"], body
        return body

    def images(self, **filters):
        """The images a list shows, of any status unless a filter says which."""
        return self.ok("DescribeImages", **{"Status": "ALL", "PageSize": 100, **filters})["Images"]["Image"]

    def image(self, image, **filters):
        """One image; None when the list does not show it."""
        found = self.images(ImageId=image, **filters)
        assert len(found) <= 1, found
        return found[0] if found else None


@dataclass(frozen=True)
class Account:
    """An account with its first access key."""

    url: str
    name: str
    account_id: str
    project_id: str
    key: str
    secret: str

    def ecs(self, region=REGION):
        """Calls of this account's own."""
        return Ecs(self.url, self.key, self.secret, region)

    def ims(self, **how):
        """The third API under the same key."""
        return Ims(self.url, self.key, self.secret, self.project_id, **how)

    def images(self):
        """The image API under the same key."""
        stamp, nonce, api = now(), uuid.uuid4().hex, Api(self.url)
        message = f"imprint-token\n{self.key}\n{stamp}\n{nonce}"
        signature = hmac.new(self.secret.encode(), message.encode(), hashlib.sha256).hexdigest()
        login = {"access_key_id": self.key, "timestamp": stamp, "nonce": nonce, "signature": signature}
        return Api(self.url, api.call("POST", "/imprint/v1/login", login).expect(201).json()["token"])


def admin_json(environment, *words):
    """What `imprint admin …` says, parsed."""
    done = subprocess.run([binary(), "admin", *words, "--output", "json"], env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, f"imprint admin {' '.join(words)}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout) if done.stdout.strip() else None


def new_account(environment, name=None):
    """Makes an account through the command line, which `environment` tells where the service is."""
    name = name or f"account-{uuid.uuid4().hex[:10]}"
    made = admin_json(environment, "account", "create", name)
    return Account(environment["IMPRINT_URL"], name, made["account_id"], made["project_id"],
                   made["access_key_id"], made["access_key_secret"])
