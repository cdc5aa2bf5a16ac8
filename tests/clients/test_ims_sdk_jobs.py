"""`huaweicloudsdkims`, unmodified: everything that is a job: images of servers, disks and files, copies, exports."""

import os
import re
import subprocess

import pytest
from conftest import unique
from ecs_family import BUCKET, OTHER_REGION, in_bucket
from ecs_world import disk_bytes, uuid_of, zone
from huawei import ANY_CODE, Sdk
from test_ims_sdk_images import NOBODY, uploaded

MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture(scope="module")
def sdk(world):
    """The client of the account that the suite works in."""
    return Sdk(world.account)


@pytest.fixture(scope="module")
def theirs(world):
    """The client of somebody else's."""
    return Sdk(world.stranger)


@pytest.fixture(scope="module")
def file():
    """A raw file in the bucket, as requests name it."""
    name = unique("disk") + ".raw"
    with open(in_bucket(name), "wb") as out:
        out.write(disk_bytes(4))
    return f"{BUCKET}:{name}"


def made(sdk, told, job_type):
    """The image that a job made, as the list shows it."""
    assert told["job_type"] == job_type and told["begin_time"] and told["end_time"], told
    assert MILLISECONDS.fullmatch(told["begin_time"]) and MILLISECONDS.fullmatch(told["end_time"])
    assert "error_code" not in told and "fail_reason" not in told
    found = sdk.image(told["entities"]["image_id"])
    assert found["status"] == "active" and found["name"] == told["entities"]["image_name"]
    return found


def test_of_a_server(sdk, world):
    for operation in ("CreateImage", "CreateImageInSafeMode"):
        asked = {"name": unique("server"), "instance_id": uuid_of(world.instance), "description": "of a server",
                 "max_ram": 4096, "min_ram": 1024, "image_tags": [{"key": "stage", "value": "test"}]}
        found = made(sdk, sdk.done(operation, body=asked), "imsCreateImageByInstance")
        assert found["name"] == asked["name"] and found["__description"] == "of a server"
        assert (found["min_ram"], found["max_ram"]) == (1024, "4096") and found["tags"] == ["stage=test"]
        assert found["__data_origin"] == f"instance,{uuid_of(world.instance)}" and found["virtual_env_type"] == "FusionCompute"
        assert int(found["__image_size"]) > 0
        sdk.gone(found["id"])


def test_of_data_disks(sdk, world):
    ecs = world.ecs
    disk = ecs.ok("CreateDisk", ZoneId=zone(ecs), Size=20, DiskCategory="cloud_efficiency")["DiskId"]
    ecs.ok("AttachDisk", InstanceId=world.instance, DiskId=disk)
    volume = uuid_of(disk)
    told = sdk.done("CreateImage", body={"data_images": [
        {"name": unique("data"), "volume_id": volume, "description": "of a data disk", "tags": ["stage.test"]}]})
    assert told["job_type"] == "imsVolumesToSysDataImagesJob"
    (part,) = told["entities"]["sub_jobs_result"]
    assert part["job_type"] == "imsCopyVolumeToImageJob" and part["status"] == "SUCCESS"
    found = sdk.image(part["entities"]["image_id"])
    assert found["virtual_env_type"] == "DataImage" and found["tags"] == ["stage=test"]
    assert found["__data_origin"] == f"volume,{volume}" and found["__description"] == "of a data disk"
    assert sdk.ended(part["job_id"])["status"] == "SUCCESS"
    system = made(sdk, sdk.done("CreateImage", body={
        "name": unique("system"), "volume_id": volume, "os_version": "CentOS 7.6 64bit", "type": "ECS"}), "imsVolumeCreateImageJob")
    assert (system["__platform"], system["__os_version"]) == ("CentOS", "CentOS 7.6 64bit")
    for image in (found["id"], system["id"]):
        sdk.gone(image)
    ecs.ok("DetachDisk", InstanceId=world.instance, DiskId=disk)
    ecs.ok("DeleteDisk", DiskId=disk)


def test_of_a_file(sdk, file):
    asked = {"name": unique("file"), "image_url": file, "min_disk": 40, "os_version": "Debian GNU/Linux 10.0.0 64bit",
             "description": "of a file", "is_config": False, "architecture": "x86", "hw_firmware_type": "uefi",
             "min_ram": 512, "tags": ["stage.test"], "type": "ECS"}
    found = made(sdk, sdk.done("CreateImage", body=asked), "imsImportImageJob")
    assert (found["__platform"], found["__os_type"], found["__os_bit"]) == ("Debian", "Linux", "64")
    assert (found["min_disk"], found["min_ram"], found["hw_firmware_type"]) == (40, 512, "uefi")
    assert found["__data_origin"] == f"file,{file}" and found["tags"] == ["stage=test"]
    assert found["__root_origin"] == "file" and found["__image_source_type"] == "uds"
    sdk.gone(found["id"])


def test_of_a_file_with_a_data_disk(sdk, file):
    for operation in ("CreateDataImage", "CreateDataImageInSafeMode"):
        asked = {"name": unique("data"), "image_url": file, "min_disk": 50, "description": "only data", "os_type": "Linux"}
        found = made(sdk, sdk.done(operation, body=asked), "imsImportDataImageJob")
        assert found["virtual_env_type"] == "DataImage" and found["min_disk"] == 50
        sdk.gone(found["id"])


def test_quickly(sdk, file):
    with open(in_bucket(file.split(":")[1].replace(".raw", ".mf")), "w", encoding="utf-8") as bitmap:
        bitmap.write("0\n")
    for operation in ("ImportImageQuick", "ImportImageQuickInSafeMode"):
        told = sdk.done(operation, body={"name": unique("quick"), "os_version": "Ubuntu 18.04 server 64bit", "image_url": file,
                                         "min_disk": 40, "type": "ECS"})
        found = sdk.image(told["entities"]["image_id"])
        assert found["__platform"] == "Ubuntu" and found["status"] == "active"
        sdk.gone(found["id"])
    told = sdk.done("ImportImageQuick", body={"name": unique("quick"), "type": "DataImage", "os_type": "Linux", "image_url": file,
                                              "min_disk": 40})
    assert sdk.image(told["entities"]["image_id"])["virtual_env_type"] == "DataImage"
    sdk.gone(told["entities"]["image_id"])


def test_a_record_first_and_the_file_later(sdk, theirs, file):
    image = sdk("GlanceCreateImageMetadata", body={"name": unique("later"), "disk_format": "raw", "min_disk": 40,
                                                   "__os_version": "Ubuntu 18.04 server 64bit"})["id"]
    assert sdk.image(image)["status"] == "queued"
    theirs.refused(404, ANY_CODE, "RegisterImage", image_id=image, body={"image_url": file})
    sdk.refused(400, "IMG.0057", "RegisterImage", image_id=image, body={"image_url": f"{BUCKET}:nothing.raw"})
    told = sdk.done("RegisterImage", image_id=image, body={"image_url": file})
    assert told["job_type"] == "imsNativeImportImageJob" and told["entities"]["image_id"] == image
    assert sdk.image(image)["status"] == "active" and int(sdk.image(image)["__image_size"]) > 0
    sdk.refused((400, 409), ANY_CODE, "RegisterImage", image_id=image, body={"image_url": file})
    sdk.gone(image)


def converted(format):
    """A small disk in this format, in the bucket, as requests name it."""
    name = unique("disk")
    with open(in_bucket(f"{name}.raw"), "wb") as out:
        out.write(disk_bytes(4))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", {"vhd": "vpc"}.get(format, format),
                    in_bucket(f"{name}.raw"), in_bucket(f"{name}.{format}")], check=True)
    return f"{BUCKET}:{name}.{format}"


@pytest.mark.parametrize("format", ["qcow2", "vhd", "vmdk"])
def test_out_of_a_file_and_into_one(sdk, theirs, format):
    """What comes in a format goes out in it, and what went out comes in again."""
    asked = {"name": unique("file"), "image_url": converted(format), "min_disk": 40, "os_version": "Ubuntu 18.04 server 64bit"}
    image = made(sdk, sdk.done("CreateImageInSafeMode", body=asked), "imsImportImageJob")["id"]
    assert sdk.image(image)["disk_format"] == "raw", "kept as the disk that servers see"
    for operation in ("ExportImage", "ExportImageInSafeMode"):
        target = unique("export") + f".{format}"
        body = {"bucket_url": f"{BUCKET}:{target}", "file_format": format}
        told = sdk.done(operation, image_id=image, body=body)
        assert told["job_type"] == "imsNativeExportImageJob" and told["entities"]["image_id"] == image
        assert os.path.getsize(in_bucket(target)) > 0
        sdk.refused(400, "IMG.0070", operation, image_id=image, body=body)
        theirs.refused(404, ANY_CODE, operation, image_id=image, body=body)
        again = made(sdk, sdk.done("CreateImage", body={**asked, "image_url": f"{BUCKET}:{target}"}), "imsImportImageJob")
        assert again["virtual_size"] >= sdk.image(image)["virtual_size"]
        sdk.gone(again["id"])
    sdk.gone(image)


def test_what_does_not_go_out(sdk, world):
    image = uploaded(sdk, world)
    for code, body in [("IMG.0072", {"bucket_url": f"{BUCKET}:x.raw", "file_format": "raw"}),
                       (ANY_CODE, {"bucket_url": f"{BUCKET}:x.vhd", "file_format": "vhd", "is_quick_export": True}),
                       ("IMG.0017", {"bucket_url": "no-colon", "file_format": "vhd"})]:
        for operation in ("ExportImage", "ExportImageInSafeMode"):
            sdk.refused(400, code, operation, image_id=image, body=body)
    sdk.gone(image)


def test_copies(sdk, theirs, world):
    image, us, them = uploaded(sdk, world), world.account.project_id, world.stranger.project_id
    for operation in ("CopyImageInRegion", "CopyImageInRegionInSafeMode"):
        asked = {"name": unique("copy"), "description": "a copy"}
        found = made(sdk, sdk.done(operation, image_id=image, body=asked), "imsCopyImageInRegionJob")
        assert found["id"] != image and found["__originalimagename"] == image and found["__description"] == "a copy"
        assert found["owner"] == us and found["__os_version"] == "Ubuntu 18.04 server 64bit"
        sdk.gone(found["id"])
        sdk.refused(400, "IMG.0013", operation, image_id=image, body={})
        sdk.refused(400, "IMG.0003", operation, image_id=image, body={"name": "bad/name"})
        sdk.refused(404, "IMG.0027", operation, image_id=NOBODY, body=asked)
        theirs.refused(404, ANY_CODE, operation, image_id=image, body=asked)
    sdk("GlanceAddImageMember", image_id=image, body={"member": them})
    theirs.refused(400, "IMG.0196", "CopyImageInRegion", image_id=image, body={"name": unique("copy")})
    theirs("GlanceUpdateImageMember", image_id=image, member_id=them, body={"status": "accepted"})
    found = made(theirs, theirs.done("CopyImageInRegion", image_id=image, body={"name": unique("copy")}),
                 "imsCopyImageInRegionJob")
    assert found["owner"] == them
    theirs.gone(found["id"])
    sdk("GlanceDeleteImageMember", image_id=image, member_id=them)
    sdk.gone(image)


def test_into_another_region(sdk, world):
    image = uploaded(sdk, world)
    asked = {"name": unique("across"), "region": OTHER_REGION, "project_name": OTHER_REGION, "agency_name": "ims_admin_agency",
             "description": "far away"}
    told = sdk.done("CopyImageCrossRegion", image_id=image, body=asked)
    assert told["entities"]["image_id"] != image
    (found,) = world.account.ecs(OTHER_REGION).images(ImageName=asked["name"])
    assert found["Description"] == "far away" and found["Status"] == "Available"
    sdk.refused(400, "IMG.0142", "CopyImageCrossRegion", image_id=image, body={**asked, "region": "local-1"})
    sdk.refused(400, "IMG.0147", "CopyImageCrossRegion", image_id=image, body={**asked, "region": "nowhere"})
    world.account.ecs(OTHER_REGION).ok("DeleteImage", ImageId=found["ImageId"])
    sdk.gone(image)


def test_of_a_whole_server(sdk, world):
    told = sdk.done("CreateWholeImage", body={"name": unique("whole"), "instance_id": uuid_of(world.instance), "vault_id": "",
                                              "description": "all of it", "image_tags": [{"key": "a", "value": "b"}]})
    found = made(sdk, told, "imsCreateWholeImageByInstanceJob")
    assert world.account.ims().image(found["id"])["__whole_image"] == "true" and found["tags"] == ["a=b"]
    sdk.refused(400, "IMG.0128", "ExportImage", image_id=found["id"], body={"bucket_url": f"{BUCKET}:w.vhd", "file_format": "vhd"})
    sdk.refused(400, "IMG.0130", "CopyImageInRegion", image_id=found["id"], body={"name": "w"})
    sdk.gone(found["id"])
    sdk.refused(400, ANY_CODE, "CreateWholeImage", body={"name": "whole"})
    sdk.refused(400, "IMG.0020", "CreateWholeImage", body={"name": "whole", "backup_id": NOBODY})
    sdk.refused(400, "IMG.0005", "CreateWholeImage", body={"name": "whole", "instance_id": "i-00000000000000000000"})


@pytest.mark.parametrize("code, changes", [
    ("IMG.0013", {"name": None}),
    ("IMG.0002", {"name": "x" * 129}),
    ("IMG.0003", {"name": "bad/name"}),
    ("IMG.0004", {"description": "x" * 1025}),
    ("IMG.0054", {"description": "<b>"}),
    ("IMG.0017", {"image_url": "no-colon"}),
    ("IMG.0069", {"image_url": "no-such-bucket:x.raw"}),
    ("IMG.0057", {"image_url": f"{BUCKET}:nothing.raw"}),
    ("IMG.0055", {"min_disk": 0}),
    ("IMG.0055", {"min_disk": 4096}),
    ("IMG.0212", {"architecture": "riscv"}),
    ("IMG.0141", {"hw_firmware_type": "efi"}),
    ("IMG.0115", {"tags": ["x" * 40 + ".v"]}),
    ("IMG.0116", {"tags": [f"k{number}.v" for number in range(11)]}),
])
def test_a_file_that_is_refused(sdk, file, code, changes):
    before = len(sdk("ListImages", __imagetype="private")["images"])
    asked = {"name": unique("refused"), "image_url": file, "min_disk": 40, "os_version": "Ubuntu 18.04 server 64bit", **changes}
    asked = {name: value for name, value in asked.items() if value is not None}
    for operation in ("CreateImage", "CreateImageInSafeMode"):
        sdk.refused(400, code, operation, body=asked)
    assert len(sdk("ListImages", __imagetype="private")["images"]) == before


def test_sources_that_are_refused(sdk, file):
    name = unique("refused")
    for code, body in [("IMG.0005", {"name": name, "instance_id": "i-00000000000000000000"}),
                       (ANY_CODE, {"name": name}),
                       (ANY_CODE, {"name": name, "volume_id": "d-00000000000000000000", "os_version": "CentOS 7.6 64bit"}),
                       (ANY_CODE, {"data_images": [{"name": name, "volume_id": "d-00000000000000000000"}]})]:
        sdk.refused(400, code, "CreateImage", body=body)
    data = {"name": name, "image_url": file, "min_disk": 50}
    for operation in ("CreateDataImage", "CreateDataImageInSafeMode"):
        sdk.refused(400, "IMG.0055", operation, body={**data, "min_disk": 0})
        sdk.refused(400, "IMG.0122", operation, body={**data, "os_type": "BeOS"})
    for operation in ("ImportImageQuick", "ImportImageQuickInSafeMode"):
        sdk.refused(400, "IMG.0159", operation, body=data)
        other = f"{BUCKET}:{unique('no-bitmap')}.raw"
        with open(in_bucket(other.split(":")[1]), "wb") as out:
            out.write(disk_bytes(4))
        sdk.refused(400, "IMG.0158", operation, body={**data, "image_url": other, "os_version": "Ubuntu 18.04 server 64bit"})


def test_jobs_are_seen_by_their_owner(sdk, theirs, world, file):
    told = sdk.done("CreateImage", body={"name": unique("job"), "image_url": file, "min_disk": 40,
                                         "os_version": "Ubuntu 18.04 server 64bit"})
    said = sdk.same("ShowJob", job_id=told["job_id"])
    assert said == told
    progress = sdk("ShowJobProgress", job_id=told["job_id"])
    assert progress["status"] == "SUCCESS" and progress["entities"]["image_id"] == told["entities"]["image_id"]
    assert float(progress["entities"]["process_percent"]) == 1
    for job in (told["job_id"], "0" * 32):
        theirs.refused((400, 404), "IMG.0023", "ShowJob", job_id=job)
        theirs.refused((400, 404), "IMG.0023", "ShowJobProgress", job_id=job)
    sdk.gone(told["entities"]["image_id"])


def test_a_job_that_fails_says_why(sdk, world):
    name = unique("broken") + ".qcow2"
    with open(in_bucket(name), "wb") as out:
        out.write(b"QFI\xfb" + b"\x00\x00\x00\x63" + b"\xff" * 4096)
    job = sdk("CreateImage", body={"name": unique("broken"), "image_url": f"{BUCKET}:{name}", "min_disk": 40,
                                   "os_version": "Ubuntu 18.04 server 64bit"})["job_id"]
    told = sdk.ended(job)
    assert told["status"] == "FAIL" and re.fullmatch(r"IMG\.[0-9]{4}", told["error_code"]) and told["fail_reason"]


def test_a_job_is_seen_from_both(sdk, world):
    """What is exported here is a task there, and finished."""
    image = made(sdk, sdk.done("CreateImage", body={
        "name": unique("both"), "image_url": converted("qcow2"), "min_disk": 40,
        "os_version": "Ubuntu 18.04 server 64bit"}), "imsImportImageJob")["id"]
    before = {task["TaskId"] for task in tasks(world)}
    sdk.done("ExportImage", image_id=image, body={"bucket_url": f"{BUCKET}:{unique('ours')}.qcow2", "file_format": "qcow2"})
    (task,) = [task for task in tasks(world) if task["TaskId"] not in before]
    assert task["TaskStatus"] == "Finished"
    sdk.gone(image)


def tasks(world):
    """The exports that ECS shows."""
    return world.ecs.ok("DescribeTasks", TaskAction="ExportImage", PageSize=100)["TaskSet"]["Task"]
