"""What a caller of the ECS API may send without leave: too much, too fast, twice, broken. Never a 5xx, never a change."""

import concurrent.futures
import uuid
from xml.etree import ElementTree

import pytest

from harness.ecs import new_account

MEMBERS = 10_000
NONCES = 3_000


@pytest.fixture(scope="module")
def account(server):
    """An account of the server that everybody abuses."""
    return new_account(server.environment())


@pytest.fixture(scope="module")
def ecs(account):
    """Its calls."""
    return account.ecs()


def refused(answer, *codes):
    """Fails unless the answer is one of these refusals, in the shape that clients read."""
    assert 400 <= answer.status < 500, f"{answer.status} {answer.body[:300]!r}"
    body = answer.json()
    assert body["Code"] in codes and body["Message"] and body["RequestId"] and "HostId" in body, body


@pytest.mark.parametrize("action, name, codes", [
    ("CreateImage", "Tag.{}.Key", {"QuotaExceed.Tags", "InvalidParameter", "MissingParameter"}),
    ("CreateImage", "DiskDeviceMapping.{}.Size", {"InvalidParameter", "OperationDenied", "QuotaExceed.Tags"}),
    ("DescribeImages", "Tag.{}.Key", {"InvalidTagCount", "InvalidParameter"}),
    ("DescribeImages", "Filter.{}.Key", {"InvalidFilterKey.NotFound", "InvalidParameter"}),
    ("TagResources", "ResourceId.{}", {"NumberExceed.ResourceIds", "InvalidParameter", "MissingParameter.ResourceType"}),
])
def test_ten_thousand_members_of_a_list(ecs, action, name, codes):
    members = {name.format(n): "20" for n in range(1, MEMBERS + 1)}
    form = {"RegionId": ecs.region, "ResourceType": "image", "SnapshotId": "s-00000000000000000000", **members}
    refused(ecs.v1(action, form=form), *codes)
    refused(ecs.v3(action, form=form), *codes)


@pytest.mark.parametrize("size", [1 << 20, 8 << 20])
def test_a_form_that_is_too_long(ecs, size):
    """Nothing is signed: the sender need not be anybody."""
    raw = b"Action=DescribeImages&Description=" + b"x" * size
    answer = ecs.send("POST", {}, None, {"content-type": "application/x-www-form-urlencoded"}, raw=raw)
    assert 400 <= answer.status < 500, answer.status


@pytest.mark.parametrize("raw", [
    b"%", b"%zz=%", b"\xff\xfe\x00", b"a" * 5000, b"&" * 5000, b"=&=&=", b"Action=%C3%28&Version=2014-05-26", b"",
    b"Action=DescribeImages&Version=2014-05-26&Tag.0.Key=a&Tag.01.Key=b&Tag.-1.Key=c&Tag.99999999999999999999.Key=d",
])
def test_forms_that_are_none(ecs, raw):
    answer = ecs.send("POST", {}, None, {"content-type": "application/x-www-form-urlencoded"}, raw=raw)
    assert 400 <= answer.status < 500, answer.status
    assert b"<Error>" in answer.body or answer.body.startswith(b"{")


@pytest.mark.parametrize("authorization", [
    "ACS3-HMAC-SHA256", "ACS3-HMAC-SHA256 ", "ACS3-HMAC-SHA256 Credential=,SignedHeaders=,Signature=",
    "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=b",
    "ACS3-RSA-SHA256 Credential=a,SignedHeaders=host,Signature=b",
    "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=" + ";".join(["host"] * 1000) + ",Signature=" + "0" * 64,
])
def test_half_a_signature(ecs, authorization):
    answer = ecs.send("POST", {}, None, {"Authorization": authorization, "x-acs-action": "DescribeImages",
                                         "x-acs-version": "2014-05-26"})
    assert 400 <= answer.status < 500 and answer.json()["Code"], answer.body


def test_a_request_played_back_by_many_at_once_is_taken_once(ecs):
    common = ecs.common("DescribeRegions", SignatureNonce=uuid.uuid4().hex)

    def ask(_):
        return ecs.v1("DescribeRegions", SignatureNonce=common["SignatureNonce"], Timestamp=common["Timestamp"]).status
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(ask, range(64)))
    assert statuses.count(200) == 1 and set(statuses) == {200, 400}


def test_nonces_take_no_memory_of_whoever_cannot_sign(ecs):
    """The fixture of the server watches its size."""
    def ask(_):
        return ecs.v1("DescribeRegions", SignatureNonce=uuid.uuid4().hex * 100, Signature="AAAA").status
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(NONCES))) == {400}


def test_an_account_that_asks_too_fast_is_slowed_down(launch):
    server = launch(ecs_api_rate="1", ecs_api_burst="3", ecs_user_rate="1", ecs_user_burst="5")
    slow, other = new_account(server.environment()).ecs(), new_account(server.environment()).ecs()
    answers = [slow.answer("DescribeImages") for _ in range(5)]
    assert [answer.status for answer in answers[:3]] == [200] * 3
    refused(answers[4], "Throttling.Api", "Throttling.User", "Throttling")
    answers = [slow.answer("DescribeZones") for _ in range(5)]
    refused(answers[4], "Throttling.User")
    assert other.answer("DescribeImages").status == 200


def test_names_that_would_break_the_answer(account, ecs):
    """A name may hold what XML and JSON need to escape; control characters come from other dialects."""
    images = account.images()
    for name in ["<&>\"'", "]]>", "\u0001\u001f", "\ufffe", "😀", "a\nb"]:
        made = images.create(name=name)
        for style in ("JSON", "XML"):
            answer = ecs.v1("DescribeImages", {"RegionId": ecs.region, "Status": "ALL"}, Format=style).expect(200)
            if style == "JSON":
                assert name in {image["ImageName"] for image in answer.json()["Images"]["Image"]}
            else:
                ElementTree.fromstring(answer.body)
        images.call("DELETE", f"/v2/images/{made['id']}").expect(204)

