"""The life of an image as `otcextensions` and openstacksdk tell it, by token: run by `test_ims_otc.py` in an environment of
its own, because that package wants an older openstacksdk than the other suites, and changes parts of it.

The arguments, as JSON: where to log in, a file in a bucket, where to export to.
"""

import json
import os
import sys
import time

import openstack
from otcextensions import sdk

OS_VERSION = "Ubuntu 18.04 server 64bit"
GONE_SECS_MAX = 60


def connect(login):
    """A connection with the extensions."""
    connection = openstack.connect(load_yaml_config=False, load_envvars=False, **login)
    sdk.load(connection)
    return connection


def gone(connection, image):
    """Waits until no list shows the image."""
    end = time.monotonic() + GONE_SECS_MAX
    while list(connection.imsv2.images(id=image)):
        assert time.monotonic() < end, f"{image} is still there"
        time.sleep(0.05)


def finished(connection, job):
    """The job once it has ended; the SDK raises when it has failed."""
    told = connection.imsv1.wait_for_async_job(job, timeout=60, wait=0.1)
    assert told.status == "SUCCESS", told
    return told


def of_a_file(connection, source, target):
    """Made by a job, listed, changed, exported."""
    name = f"otc-{os.getpid()}"
    job = connection.imsv2.create_image(name=name, image_url=source, min_disk=40, os_version=OS_VERSION,
                                        description="from otcextensions", tags=["stage.test"])
    image = finished(connection, job).entities.image_id
    (found,) = connection.imsv2.images(id=image)
    assert (found.name, found.status, found.visibility, found.min_disk) == (name, "active", "private", 40)
    assert (found.platform, found.os_bit, found.imagetype) == ("Ubuntu", "64", "private")
    assert found.protected is False and int(found.image_size) > 0 and found.data_origin == f"file,{source}"
    for query, expected in [({"name": name}, 1), ({"name": "nobody's"}, 0), ({"__imagetype": "private"}, 1),
                            ({"protected": False}, 1), ({"protected": True}, 0), ({"tag": "stage=test"}, 1),
                            ({"__platform": "Ubuntu"}, 1), ({"status": "queued"}, 0), ({"__os_type": "Windows"}, 0)]:
        assert len(list(connection.imsv2.images(**{"name": name, **query}))) == expected, query
    changed = connection.imsv2.update_image(image_id=image, command_list=[
        {"op": "replace", "path": "/name", "value": f"{name}-2"}, {"op": "add", "path": "/max_ram", "value": 4096},
        {"op": "add", "path": "/__description", "value": "changed"}, {"op": "replace", "path": "/min_ram", "value": 1024}])
    assert (changed.name, changed.max_ram, changed.min_ram) == (f"{name}-2", 4096, 1024), changed
    job = connection.imsv1.export_image(image_id=image, bucket_url=target, file_format="qcow2")
    assert finished(connection, job).entities.image_id == image
    # The other API of the same image.
    assert connection.image.get_image(image).name == f"{name}-2"
    connection.image.delete_image(image)
    gone(connection, image)


def of_bytes(connection):
    """Uploaded by openstacksdk, changed by both, deleted."""
    name, data = f"bytes-{os.getpid()}", bytes(range(256)) * 16
    image = connection.image.create_image(name, data=data, disk_format="raw", container_format="bare", wait=True,
                                          tags=["bare"], hw_disk_bus="virtio").id
    (found,) = connection.imsv2.images(id=image)
    assert found.status == "active" and found.tags == ["bare"] and int(found.image_size) == len(data)
    connection.imsv2.update_image(image_id=image, command_list=[{"op": "add", "path": "/__support_kvm", "value": "true"}])
    assert connection.image.get_image(image).properties["__support_kvm"] == "true"
    connection.image.update_image(image, name=f"{name}-2", hw_firmware_type="uefi")
    (found,) = connection.imsv2.images(id=image)
    assert (found.name, found.hw_firmware_type) == (f"{name}-2", "uefi")
    connection.image.add_tag(image, "plain")
    assert sorted(list(connection.imsv2.images(id=image))[0].tags) == ["bare", "plain"]
    assert connection.image.download_image(image).content == data
    assert image in [entry.id for entry in connection.image.images(name=f"{name}-2")]
    connection.image.delete_image(image)
    gone(connection, image)


def refusals(connection, source):
    """What is not there, is said as the SDK knows it."""
    nobody = "00000000-0000-4000-8000-000000000000"
    for call, error in [
        (lambda: connection.imsv2.update_image(image_id=nobody, command_list=[
            {"op": "replace", "path": "/name", "value": "x"}]), openstack.exceptions.NotFoundException),
        (lambda: connection.imsv2.create_image(name="bad/name", image_url=source, min_disk=40),
         openstack.exceptions.BadRequestException),
        (lambda: connection.imsv1.get_async_job("0" * 32), openstack.exceptions.HttpException),
    ]:
        try:
            call()
        except error:
            continue
        raise AssertionError(f"{error.__name__} was not raised")


def main():
    """Tells all of it."""
    login, source, target = (json.loads(word) for word in sys.argv[1:])
    connection = connect(login)
    of_a_file(connection, source, target)
    of_bytes(connection)
    refusals(connection, source)
    print("told")


if __name__ == "__main__":
    main()
