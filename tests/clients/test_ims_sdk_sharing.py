"""`huaweicloudsdkims`, unmodified: images given to others, one by one and many at a time."""

import pytest
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


def seen(sdk, image, **filters):
    """The image as this list shows it; None when it does not."""
    found = sdk("ListImages", id=image, **filters)["images"]
    return found[0] if found else None


def test_one_image_to_one_account(sdk, theirs, world):
    image, them = uploaded(sdk, world), world.stranger.project_id
    said = sdk.same("GlanceAddImageMember", image_id=image, body={"member": them})
    assert sdk.last.status_code == 200 and said["status"] == "pending" and said["schema"] == "/v2/schemas/member"
    assert (said["image_id"], said["member_id"]) == (image, them) and said["created_at"] and said["updated_at"]
    assert seen(theirs, image) is None
    assert seen(theirs, image, member_status="pending", visibility="shared", __imagetype="shared")
    assert (sdk.image(image)["visibility"], sdk.image(image)["__imagetype"]) == ("shared", "shared")
    assert [one["member_id"] for one in sdk.same("GlanceListImageMembers", image_id=image)["members"]] == [them]
    assert sdk("GlanceListImageMembers", image_id=image)["schema"] == "/v2/schemas/members"
    assert sdk("GlanceShowImageMember", image_id=image, member_id=them)["status"] == "pending"

    # The answer is the consumer's alone.
    sdk.refused((400, 403), ANY_CODE, "GlanceUpdateImageMember", image_id=image, member_id=them, body={"status": "accepted"})
    said = theirs("GlanceUpdateImageMember", image_id=image, member_id=them, body={"status": "accepted"})
    assert said["status"] == "accepted"
    found = seen(theirs, image)
    assert found["owner"] == world.account.project_id and found["__imagetype"] == found["visibility"] == "shared"
    assert seen(theirs, image, member_status="accepted", visibility="shared", __imagetype="shared")
    assert not seen(theirs, image, owner=them)
    theirs("GlanceUpdateImageMember", image_id=image, member_id=them, body={"status": "rejected"})
    assert seen(theirs, image) is None and theirs("GlanceShowImage", image_id=image)["id"] == image
    said = sdk.same("ListImageMembers", image_id=image)
    assert [(one["member_id"], one["status"]) for one in said["members"]] == [(them, "rejected")]
    assert sdk.same("ShowImageMember", image_id=image, member_id=them)["status"] == "rejected"

    theirs.refused((403, 404), ANY_CODE, "GlanceDeleteImageMember", image_id=image, member_id=them)
    sdk("GlanceDeleteImageMember", image_id=image, member_id=them)
    assert sdk.last.status_code == 204
    assert (sdk.image(image)["visibility"], sdk.image(image)["__imagetype"]) == ("private", "private")
    sdk.refused(404, ANY_CODE, "GlanceShowImageMember", image_id=image, member_id=them)
    sdk.refused(404, ANY_CODE, "ShowImageMember", image_id=image, member_id=them)
    sdk.refused(404, ANY_CODE, "GlanceDeleteImageMember", image_id=image, member_id=them)
    for operation, asked in [("GlanceAddImageMember", {"body": {"member": them}}), ("GlanceListImageMembers", {}),
                             ("ListImageMembers", {}), ("GlanceUpdateImageMember", {"member_id": them,
                                                                                    "body": {"status": "accepted"}})]:
        theirs.refused(404, ANY_CODE, operation, image_id=image, **asked)
    sdk.gone(image)


def test_pages_of_members(sdk, world):
    image = uploaded(sdk, world)
    members = sorted(project for project in (world.stranger.project_id, f"{1:032x}", f"{2:032x}"))
    for member in members:
        sdk("GlanceAddImageMember", image_id=image, body={"member": member})
    said = sdk("ListImageMembers", image_id=image, limit=2)
    assert len(said["members"]) == 2 and said["page_info"]["current_count"] == 2
    rest = sdk("ListImageMembers", image_id=image, limit=2, marker=said["page_info"]["next_marker"])
    assert sorted(one["member_id"] for one in said["members"] + rest["members"]) == members
    for member in members:
        sdk("GlanceDeleteImageMember", image_id=image, member_id=member)
    sdk.gone(image)


def test_several_images_to_several_accounts(sdk, theirs, world):
    them, nobody = world.stranger.project_id, f"{3:032x}"
    images = [uploaded(sdk, world) for _ in range(2)]
    told = sdk.done("BatchAddMembers", body={"images": images, "projects": [them, nobody]})
    assert told["job_type"] == "imsAddImageMembersJob"
    results = {(one["image_id"], one["project_id"], one["status"]) for one in told["entities"]["results"]}
    assert results == {(image, project, "success") for image in images for project in (them, nobody)}
    told = theirs.done("BatchUpdateMembers", body={"images": images, "project_id": them, "status": "accepted"})
    assert told["job_type"] == "imsUpdateImageMembersJob"
    assert all(seen(theirs, image) for image in images)
    theirs.done("BatchUpdateMembers", body={"images": images[:1], "project_id": them, "status": "rejected"})
    assert not seen(theirs, images[0]) and seen(theirs, images[1])
    told = sdk.done("BatchDeleteMembers", body={"images": images, "projects": [them, nobody]})
    assert told["job_type"] == "imsDelImageMembersJob"
    assert not seen(theirs, images[1]) and all(sdk.image(image)["visibility"] == "private" for image in images)
    for image in images:
        sdk.gone(image)


def test_what_cannot_be_shared(sdk, theirs, world):
    us, them = world.account.project_id, world.stranger.project_id
    image = uploaded(sdk, world)
    sdk.refused(400, "IMG.0076", "GlanceAddImageMember", image_id=image, body={"member": us})
    sdk.refused(400, "IMG.0076", "BatchAddMembers", body={"images": [image], "projects": [us]})
    sdk.refused((400, 404), ANY_CODE, "BatchAddMembers", body={"images": [image, NOBODY], "projects": [them]})
    theirs.refused((400, 403, 404), ANY_CODE, "BatchAddMembers", body={"images": [image], "projects": [them]})
    theirs.refused((400, 403, 404), ANY_CODE, "BatchDeleteMembers", body={"images": [image], "projects": [them]})
    theirs.refused((400, 403, 404), ANY_CODE, "BatchUpdateMembers", body={"images": [image], "project_id": them,
                                                                         "status": "accepted"})
    sdk.refused(400, ANY_CODE, "BatchUpdateMembers", body={"images": [image], "project_id": them, "status": "perhaps"})
    assert sdk("GlanceListImageMembers", image_id=image).get("members", []) == []
    assert sdk.image(image)["visibility"] == "private"
    sdk.gone(image)
