"""`huaweicloudsdkims`, unmodified: tags through all three families of paths."""

import pytest
from conftest import unique
from huawei import ANY_CODE, Sdk
from test_ims_sdk_images import NOBODY, uploaded


@pytest.fixture(scope="module")
def sdk(world):
    """The client of the account that the suite works in."""
    return Sdk(world.account)


@pytest.fixture(scope="module")
def theirs(world):
    """The client of somebody else's."""
    return Sdk(world.stranger)


@pytest.fixture(scope="module")
def image(sdk, world):
    """An image with a key of its own."""
    return uploaded(sdk, world)


@pytest.fixture(autouse=True)
def bare(sdk, image):
    """Every test begins without tags."""
    tags = tags_of(sdk, image)
    if tags:
        sdk("BatchAddOrDeleteTags", image_id=image, body={"action": "delete", "tags": [{"key": key} for key in tags]})


def tags_of(sdk, image):
    """Values by key."""
    return {tag["key"]: tag["value"] for tag in sdk("ListImageTags", image_id=image)["tags"]}


def test_one_by_one(sdk, theirs, image):
    sdk("AddImageTag", image_id=image, body={"tag": {"key": "stage", "value": "test"}})
    assert sdk.last.status_code == 204
    sdk("AddImageTag", image_id=image, body={"tag": {"key": "stage", "value": "live"}})
    sdk("AddImageTag", image_id=image, body={"tag": {"key": "empty", "value": ""}})
    assert tags_of(sdk, image) == {"stage": "live", "empty": ""}
    assert sdk.image(image)["tags"] == ["empty", "stage=live"]
    sdk("DeleteImageTag", image_id=image, key="stage")
    assert sdk.last.status_code == 204
    sdk.refused(404, ANY_CODE, "DeleteImageTag", image_id=image, key="stage")
    assert tags_of(sdk, image) == {"empty": ""}
    for operation, asked in [("AddImageTag", {"body": {"tag": {"key": "a", "value": "b"}}}), ("ListImageTags", {}),
                             ("DeleteImageTag", {"key": "empty"}), ("BatchDeleteTags", {"body": {"tags": [{"key": "empty"}]}}),
                             ("BatchAddOrDeleteTags", {"body": {"action": "create", "tags": [{"key": "a", "value": "b"}]}})]:
        theirs.refused(404, ANY_CODE, operation, image_id=image, **asked)
    sdk.refused(404, ANY_CODE, "ListImageTags", image_id=NOBODY)


def test_many_at_once(sdk, image):
    tags = [{"key": f"k{number}", "value": f"v.{number}"} for number in range(10)]
    sdk("BatchAddOrDeleteTags", image_id=image, body={"action": "create", "tags": tags})
    assert sdk.last.status_code == 204 and len(tags_of(sdk, image)) == 10
    sdk.refused(400, "IMG.0116", "AddImageTag", image_id=image, body={"tag": {"key": "k10", "value": "v"}})
    sdk("AddImageTag", image_id=image, body={"tag": {"key": "k9", "value": "again"}})
    sdk("BatchAddOrDeleteTags", image_id=image, body={"action": "delete", "tags": [{"key": "k9"}, {"key": "nowhere"}]})
    assert sorted(tags_of(sdk, image)) == [f"k{number}" for number in range(9)]
    sdk("BatchDeleteTags", image_id=image, body={"tags": tags[:9]})
    assert sdk.last.status_code == 204 and tags_of(sdk, image) == {}
    for body in [{"action": "Create", "tags": tags[:1]}, {"action": "create", "tags": [tags[0], tags[0]]}, {"tags": tags}]:
        sdk.refused(400, ANY_CODE, "BatchAddOrDeleteTags", image_id=image, body=body)
    assert tags_of(sdk, image) == {}


@pytest.mark.parametrize("key, value", [("", "v"), ("x" * 37, "v"), ("k", "x" * 44), ("a=b", "v"), ("k", "a=b*")])
def test_tags_that_are_refused(sdk, image, key, value):
    sdk.refused(400, "IMG.0115", "AddImageTag", image_id=image, body={"tag": {"key": key, "value": value}})
    assert tags_of(sdk, image) == {}


def test_the_oldest_paths(sdk, theirs, image):
    sdk("CreateOrUpdateTags", body={"image_id": image, "tag": "one.two.three"})
    assert sdk.last.status_code == 204
    sdk("CreateOrUpdateTags", body={"image_id": image, "image_tag": {"key": "stage", "value": "test"}})
    sdk("CreateOrUpdateTags", body={"image_id": image, "tag": "alone"})
    assert tags_of(sdk, image) == {"one": "two.three", "stage": "test", "alone": ""}
    assert sorted(sdk("ListTags", id=image)["tags"]) == ["alone", "one=two.three", "stage=test"]
    assert sorted(sdk("ListTags", id=image, limit=2, page=1)["tags"] + sdk("ListTags", id=image, limit=2, page=2)["tags"]) == [
        "alone", "one=two.three", "stage=test"]
    assert sdk("ListTags", id=NOBODY)["tags"] == []
    sdk.refused(400, ANY_CODE, "CreateOrUpdateTags", body={"image_id": image})
    theirs.refused(404, ANY_CODE, "CreateOrUpdateTags", body={"image_id": image, "tag": "a.b"})


def test_every_dialect_sees_them(sdk, world, image):
    sdk("AddImageTag", image_id=image, body={"tag": {"key": "stage", "value": "test"}})
    sdk("GlanceCreateTag", image_id=image, tag="plain")
    name = sdk.image(image)["name"]
    (found,) = world.ecs.images(ImageName=name)
    assert {tag["TagKey"]: tag["TagValue"] for tag in found["Tags"]["Tag"]} == {"stage": "test", "plain": ""}
    assert sorted(world.account.images().show(image)["tags"]) == ["plain", "stage=test"]
    sdk.refused(400, ANY_CODE, "GlanceCreateTag", image_id=image, tag="a=b")


def test_of_the_whole_project_and_searched(sdk, world, image):
    key, other = unique("key"), uploaded(sdk, world)
    for one, value in ((image, "one"), (other, "two")):
        sdk("AddImageTag", image_id=one, body={"tag": {"key": key, "value": value}})
    listed = {tag["key"]: tag["values"] for tag in sdk("ListImagesTags")["tags"]}
    assert sorted(listed[key]) == ["one", "two"]

    def matching(**asked):
        said = sdk("ListImageByTags", body={"action": "filter", "limit": "1000", "offset": "0", **asked})
        assert said["total_count"] == len(said["resources"])
        counted = sdk("ListImageByTags", body={"action": "count", **asked})
        assert counted["total_count"] == said["total_count"] and "resources" not in counted
        return {entry["resource_id"] for entry in said["resources"]}

    both = {image, other}
    assert matching(tags=[{"key": key, "values": []}]) == both
    assert matching(tags=[{"key": key, "values": ["one"]}]) == {image}
    assert matching(tags=[{"key": key, "values": ["one", "two"]}]) == both
    assert matching(tags_any=[{"key": key, "values": ["two"]}, {"key": unique("no"), "values": []}]) == {other}
    assert matching(tags=[{"key": key, "values": []}], not_tags=[{"key": key, "values": ["one"]}]) == {other}
    assert matching(tags=[{"key": key, "values": []}], not_tags_any=[{"key": key, "values": []}]) == set()
    assert matching(matches=[{"key": "resource_id", "value": image}]) == {image}
    name = sdk.image(other)["name"]
    assert matching(matches=[{"key": "resource_name", "value": name[:-1]}]) >= {other}
    untagged = matching(without_any_tag=True)
    assert not untagged & both
    said = sdk("ListImageByTags", body={"action": "filter", "tags": [{"key": key, "values": ["one"]}]})
    (found,) = said["resources"]
    assert found == {"resource_id": image, "resource_name": sdk.image(image)["name"],
                     "resource_detail": {"status": "active"}, "tags": [{"key": key, "value": "one"}]}
    assert sdk("ListImageByTags", body={"action": "filter", "limit": "1", "offset": "1",
                                        "tags": [{"key": key, "values": []}]})["total_count"] == 2
    assert sdk("ListImageByTags", body={"action": "filter", "limit": "1", "offset": "2",
                                        "tags": [{"key": key, "values": []}]})["resources"] == []
    for body in [{"action": "find"}, {"action": "filter", "limit": "0"}, {"action": "filter", "limit": "1001"},
                 {"action": "filter", "tags": [{"key": f"k{number}", "values": []} for number in range(11)]},
                 {"action": "filter", "matches": [{"key": "colour", "value": "x"}]}]:
        sdk.refused(400, ANY_CODE, "ListImageByTags", body=body)
    sdk.gone(other)
