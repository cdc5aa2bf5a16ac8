"""The least HTTP client the suites need: log in, call, and see exactly what came back."""

import contextlib
import http.client
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

TIMEOUT_SECS = 60


@dataclass
class Answer:
    """One HTTP answer, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        """The body as JSON."""
        return json.loads(self.body)

    def expect(self, *statuses):
        """This answer, when its status is one of these."""
        if self.status not in statuses:
            raise AssertionError(f"status {self.status}, expected {statuses}: {self.body[:500]!r}")
        return self


class Api:
    """Calls to one Imprint under one token; a fresh connection for each, so that threads may share it."""

    def __init__(self, url, token=None, timeout=TIMEOUT_SECS):
        parts = urlsplit(url)
        self.host, self.port = parts.hostname, parts.port
        self.token = token
        self.timeout = timeout

    def call(self, method, path, body=None, headers=None, raw=None):
        """`body` is sent as JSON, `raw` (bytes, or an iterator of bytes) as it is."""
        sent = {"Accept": "application/json"}
        if self.token:
            sent["X-Auth-Token"] = self.token
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        elif raw is not None:
            sent["Content-Type"] = "application/octet-stream"
        sent.update(headers or {})
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                # Who refuses a body may do so before reading all of it: the answer is there all the same.
                connection.request(method, path, body=data, headers=sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def login(self, user, password, project=None):
        """An `Api` with a token of `user`, scoped to `project` (by name in the default domain)."""
        domain = {"id": "default"}
        auth = {"identity": {"methods": ["password"], "password": {
            "user": {"name": user, "domain": domain, "password": password}}}}
        if project:
            auth["scope"] = {"project": {"name": project, "domain": domain}}
        answer = self.call("POST", "/identity/v3/auth/tokens", {"auth": auth}).expect(201)
        return Api(f"http://{self.host}:{self.port}", answer.headers["X-Subject-Token"], self.timeout)

    def new_user(self, name, password, project, role="member"):
        """Makes a project and a user with a role in it (this `Api` must be an administrator's)."""
        identity = "/identity/v3"
        project_id = self.call("POST", f"{identity}/projects", {
            "project": {"name": project, "domain_id": "default"}}).expect(201).json()["project"]["id"]
        user_id = self.call("POST", f"{identity}/users", {
            "user": {"name": name, "password": password, "domain_id": "default"}}).expect(201).json()["user"]["id"]
        roles = self.call("GET", f"{identity}/roles?name={role}").expect(200).json()["roles"]
        self.call("PUT", f"{identity}/projects/{project_id}/users/{user_id}/roles/{roles[0]['id']}").expect(204)
        return project_id, user_id

    # images

    def create(self, **fields):
        """Makes an image record; returns its JSON."""
        fields = {"container_format": "bare", "disk_format": "raw", **fields}
        return self.call("POST", "/v2/images", fields).expect(201).json()

    def show(self, image):
        """An image's JSON."""
        return self.call("GET", f"/v2/images/{image}").expect(200).json()

    def upload(self, image, data):
        """The answer to sending an image's data."""
        return self.call("PUT", f"/v2/images/{image}/file", raw=data)

    def patch(self, image, *changes):
        """The answer to a JSON patch."""
        return self.call("PATCH", f"/v2/images/{image}", list(changes),
                         {"Content-Type": "application/openstack-images-v2.1-json-patch"})

    def list_all(self, query=""):
        """Every image a list shows, page by page."""
        path, found = f"/v2/images?limit=1000{query}", []
        while path:
            page = self.call("GET", path).expect(200).json()
            found += page["images"]
            path = page.get("next")
        return found
