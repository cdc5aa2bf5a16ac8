"""A running server with its NBD port, and the words to ask it in."""

import uuid


class Served:
    """One server, as its first account sees it."""

    def __init__(self, server, port):
        self.server = server
        self.port = port
        self.api = server.admin()

    @property
    def socket(self):
        """Where this node's machines read their disks."""
        return f"{self.server.data_dir}/run/nbd.sock"

    def image(self, path, disk_format):
        """Uploads a file as an image; the image's id."""
        made = self.api.create(name=f"nbd-{uuid.uuid4()}", disk_format=disk_format)
        self.api.upload(made["id"], path.read_bytes()).expect(204)
        assert self.api.show(made["id"])["status"] == "active"
        return made["id"]

    def offer(self, image, **wanted):
        """The answer to asking for a name."""
        return self.api.call("POST", f"/imprint/v1/images/{image}/nbd", wanted)

    def uri(self, image, **wanted):
        """Where an image's disk can be read."""
        return self.offer(image, **wanted).expect(201).json()["uri"]
