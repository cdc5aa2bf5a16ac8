"""Bills of materials of real guests, judged by the formats' own tools.

The image of the life cycles is a whole Debian; the corpus beside the project has an rpm and an apk guest.
"""

import json
import os
import pathlib
import time

import pytest
from conftest import openstack, unique
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

CHECK_SECS_MAX = 120
CORPUS = pathlib.Path(os.environ.get(
    "IMPRINT_TEST_CORPUS", pathlib.Path(__file__).resolve().parents[3] / "shared" / "corpus")) / "guests"
# The guest, the type of its packages, and one that it must have.
GUESTS = {"debian": ("deb", "debian", "openssh-server"), "rhel9-like": ("rpm", "rocky", "cloud-init"),
          "alpine-like": ("apk", "alpine", "busybox")}


def checked(admin, image):
    """Has the image looked into, and waits for that."""
    address = f"/imprint/v1/images/{image}/check"
    admin.call("POST", address, {}).expect(202)
    end = time.monotonic() + CHECK_SECS_MAX
    while not admin.call("GET", address).expect(200).json().get("report"):
        assert time.monotonic() < end, f"no report after {CHECK_SECS_MAX} s"
        time.sleep(0.2)
    return address


@pytest.fixture(scope="module", params=GUESTS)
def guest(request, admin, disk):
    """(where its check is, its report, what is expected) of each guest."""
    path = disk.path if request.param == "debian" else CORPUS / f"{request.param}.qcow2"
    if not os.path.exists(path):
        # the project stands alone: these guests are data of the corpus, which a clone may not have
        pytest.skip("the corpus is not beside the project")
    image = openstack("image", "create", unique(request.param), "--disk-format", "qcow2",
                      "--container-format", "bare", "--file", str(path))["id"]
    address = checked(admin, image)
    return address, admin.call("GET", address).json()["report"], GUESTS[request.param]


def packages_of(report):
    """(name, version) of each package."""
    return sorted((package["name"], package["version"]) for package in report["packages"])


def test_spdx_is_valid_and_whole(admin, guest):
    """The document has no fault that SPDX's own library knows, and every package of the report."""
    address, report, (kind, vendor, known) = guest
    said = admin.call("GET", f"{address}?as=spdx").expect(200).json()
    document = JsonLikeDictParser().parse(said)
    assert [fault.validation_message for fault in validate_full_spdx_document(document, "SPDX-2.3")] == []
    installed = [package for package in document.packages if package.external_references]
    assert sorted((package.name, package.version) for package in installed) == packages_of(report)
    assert known in {package.name for package in installed}
    for package in installed:
        url = PackageURL.from_string(package.external_references[0].locator)
        assert (url.type, url.namespace) == (kind, vendor)


def test_cyclonedx_is_valid_and_whole(admin, guest):
    """The document keeps to the schema, and its package URLs are in their canonical form."""
    address, report, (kind, vendor, known) = guest
    text = admin.call("GET", f"{address}?as=cyclonedx").expect(200).body.decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    components = [one for one in json.loads(text)["components"] if "purl" in one]
    assert sorted((one["name"], one["version"]) for one in components) == packages_of(report)
    assert known in {one["name"] for one in components}
    for one in components:
        url = PackageURL.from_string(one["purl"])
        assert url.to_string() == one["purl"]
        assert (url.type, url.namespace) == (kind, vendor)


def test_the_same_image_has_the_same_documents(admin, guest):
    """Asked twice, a document is the same byte for byte."""
    address, _, _ = guest
    for form in ("spdx", "cyclonedx"):
        first, second = (admin.call("GET", f"{address}?as={form}").body for _ in range(2))
        assert first == second
