"""Users, policies and roles under an account, and what they may do with images.

Like `ecs_images.py`, imported by a module per SDK.
"""

import json

import pytest
from conftest import unique
from ecs_images import shown
from ecs_world import available


def document(*statements):
    """A policy's text: (effect, actions, resources)."""
    return json.dumps({"Version": "1", "Statement": [
        {"Effect": effect, "Action": actions, "Resource": resources} for effect, actions, resources in statements]})


@pytest.fixture(scope="module")
def ram(connect, world):
    """The account's users and policies."""
    return connect(world.account.key, world.account.secret, product="ram")


@pytest.fixture
def user(ram, connect):
    """(name, client) of a new user without any right."""
    name = unique("user")
    ram("CreateUser", UserName=name, DisplayName="Somebody")
    key = ram("CreateAccessKey", UserName=name)["AccessKey"]
    yield name, connect(key["AccessKeyId"], key["AccessKeySecret"])
    for policy in ram("ListPoliciesForUser", UserName=name)["Policies"]["Policy"]:
        ram("DetachPolicyFromUser", UserName=name, PolicyName=policy["PolicyName"], PolicyType=policy["PolicyType"])
    ram("DeleteAccessKey", UserName=name, UserAccessKeyId=key["AccessKeyId"])
    ram("DeleteUser", UserName=name)


@pytest.fixture(scope="module")
def plain(ram, connect):
    """Makes clients of a user without any right."""
    name = unique("plain")
    ram("CreateUser", UserName=name)
    key = ram("CreateAccessKey", UserName=name)["AccessKey"]
    yield lambda product: connect(key["AccessKeyId"], key["AccessKeySecret"], product=product)
    ram("DeleteAccessKey", UserName=name, UserAccessKeyId=key["AccessKeyId"])
    ram("DeleteUser", UserName=name)


@pytest.fixture
def policy(ram):
    """Makes policies, and removes them at the end."""
    made = []

    def make(text):
        made.append(unique("policy"))
        ram("CreatePolicy", PolicyName=made[-1], PolicyDocument=text, Description="for a test")
        return made[-1]

    yield make
    for name in made:
        for entity in ram("ListEntitiesForPolicy", PolicyName=name, PolicyType="Custom")["Users"]["User"]:
            ram("DetachPolicyFromUser", UserName=entity["UserName"], PolicyName=name, PolicyType="Custom")
        ram("DeletePolicy", PolicyName=name)


def test_a_user_is_made_shown_and_listed(ram, user):
    name, _ = user
    assert ram("GetUser", UserName=name)["User"]["DisplayName"] == "Somebody"
    assert name in {entry["UserName"] for entry in ram("ListUsers")["Users"]["User"]}
    keys = ram("ListAccessKeys", UserName=name)["AccessKeys"]["AccessKey"]
    assert [key["Status"] for key in keys] == ["Active"]
    ram.refused(409, "EntityAlreadyExists.User", "CreateUser", UserName=name)
    ram.refused(404, "EntityNotExist.User", "GetUser", UserName=unique("nobody"))
    ram.refused(409, "DeleteConflict.User.AccessKey", "DeleteUser", UserName=name)


def test_a_user_may_do_nothing_until_somebody_allows_it(ram, user, policy, world):
    name, client = user
    client.refused(403, "Forbidden.RAM", "DescribeImages", ImageId=world.image)
    reading = policy(document(("Allow", "ecs:Describe*", "*")))
    ram("AttachPolicyToUser", UserName=name, PolicyName=reading, PolicyType="Custom")
    assert shown(client, world.image)
    client.refused(403, "Forbidden.RAM", "ModifyImageAttribute", ImageId=world.image, Description="by a user")
    attached = ram("ListPoliciesForUser", UserName=name)["Policies"]["Policy"]
    assert [entry["PolicyName"] for entry in attached] == [reading]
    ram("DetachPolicyFromUser", UserName=name, PolicyName=reading, PolicyType="Custom")
    client.refused(403, "Forbidden.RAM", "DescribeImages", ImageId=world.image)


def test_a_refusal_stands_above_a_permission(ram, user, policy, world):
    name, client = user
    one = f"acs:ecs:*:{world.account.account_id}:image/{world.image}"
    everything = policy(document(("Allow", ["ecs:*"], ["*"]), ("Deny", "ecs:ModifyImageAttribute", one)))
    ram("AttachPolicyToUser", UserName=name, PolicyName=everything, PolicyType="Custom")
    client.refused(403, "Forbidden.RAM", "ModifyImageAttribute", ImageId=world.image, Description="by a user")
    made = client("CreateImage", SnapshotId=world.snapshot)["ImageId"]
    available(world.ecs, made)
    client("ModifyImageAttribute", ImageId=made, Description="by a user")
    client("DeleteImage", ImageId=made, Force=True)


def test_a_right_to_one_image_is_a_right_to_that_image(ram, user, policy, world):
    name, client = user
    mine, other = world.made(), world.made()
    one = policy(document(("Allow", "ecs:DeleteImage", f"acs:ecs:local-1:*:image/{mine}")))
    ram("AttachPolicyToUser", UserName=name, PolicyName=one, PolicyType="Custom")
    client.refused(403, "Forbidden.RAM", "DeleteImage", ImageId=other)
    client("DeleteImage", ImageId=mine)
    world.ecs.ok("DeleteImage", ImageId=other)


def test_the_providers_policies(ram, user, world):
    name, client = user
    names = {entry["PolicyName"] for entry in ram("ListPolicies", PolicyType="System")["Policies"]["Policy"]}
    assert {"AdministratorAccess", "AliyunECSFullAccess", "AliyunECSReadOnlyAccess"} <= names
    ram("AttachPolicyToUser", UserName=name, PolicyName="AliyunECSReadOnlyAccess", PolicyType="System")
    assert shown(client, world.image)
    client.refused(403, "Forbidden.RAM", "DeleteImage", ImageId=world.image)


NAMED = {"UserName": "nobody", "PolicyName": "nothing", "PolicyType": "Custom", "RoleName": "nothing"}


@pytest.mark.parametrize("product, action, asked", [
    *[("ram", action, asked) for action, asked in {
        "AttachPolicyToRole": ("PolicyName", "PolicyType", "RoleName"),
        "AttachPolicyToUser": ("PolicyName", "PolicyType", "UserName"),
        "DetachPolicyFromRole": ("PolicyName", "PolicyType", "RoleName"),
        "DetachPolicyFromUser": ("PolicyName", "PolicyType", "UserName"),
        "CreateAccessKey": ("UserName",), "CreateRole": ("RoleName",), "DeleteRole": ("RoleName",),
        "DeleteAccessKey": ("UserName",), "GetRole": ("RoleName",), "ListAccessKeys": ("UserName",),
        "ListEntitiesForPolicy": ("PolicyName", "PolicyType"), "ListPolicies": (), "ListRoles": (), "ListUsers": (),
        "ListPoliciesForRole": ("RoleName",), "ListPoliciesForUser": ("UserName",), "UpdateAccessKey": ("UserName",),
        "UpdateRole": ("RoleName",), "UpdateUser": ("UserName",)}.items()],
    ("groups", "CreateResourceGroup", ("Name",)), ("groups", "GetResourceGroup", ("ResourceGroupId",)),
    ("groups", "ListResourceGroups", ()),
])
def test_a_user_administers_nothing_until_somebody_allows_it(plain, product, action, asked):
    given = {**NAMED, "Name": "group", "ResourceGroupId": "rg-nowhere"}
    extra = {"CreateRole": {"AssumeRolePolicyDocument": "{}"}, "DeleteAccessKey": {"UserAccessKeyId": "LTAI0"},
             "UpdateAccessKey": {"UserAccessKeyId": "LTAI0", "Status": "Active"},
             "UpdateRole": {"NewAssumeRolePolicyDocument": "{}"}, "UpdateUser": {"NewUserName": "other"},
             "CreateResourceGroup": {"DisplayName": "Group"}}
    asked = {name: given[name] for name in asked}
    plain(product).refused(403, "NoPermission", action, **asked, **extra.get(action, {}))


def test_what_is_said_of_users_policies_and_roles(ram, user, world):
    name, _ = user
    other = unique("renamed")
    ram("UpdateUser", UserName=name, NewUserName=other)
    assert ram("GetUser", UserName=other)["User"]["UserName"] == other
    ram("UpdateUser", UserName=other, NewUserName=name)
    policy = ram("GetPolicy", PolicyName="AdministratorAccess", PolicyType="System")
    assert policy["Policy"]["PolicyType"] == "System"
    trust = json.dumps({"Version": "1", "Statement": [{
        "Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"RAM": [f"acs:ram::{world.account.account_id}:root"]}}]})
    role = unique("role")
    ram("CreateRole", RoleName=role, AssumeRolePolicyDocument=trust)
    ram("UpdateRole", RoleName=role, NewMaxSessionDuration=7200)
    assert ram("GetRole", RoleName=role)["Role"]["MaxSessionDuration"] == 7200
    assert role in {entry["RoleName"] for entry in ram("ListRoles")["Roles"]["Role"]}
    assert ram("ListPoliciesForRole", RoleName=role)["Policies"] == {"Policy": []}
    ram("DeleteRole", RoleName=role)


@pytest.mark.parametrize("status, code, action, asked", [
    (400, "MalformedPolicyDocument", "CreatePolicy", {"PolicyDocument": "{"}),
    (404, "EntityNotExist.Policy", "GetPolicy", {"PolicyType": "Custom"}),
    (404, "EntityNotExist.Policy", "DeletePolicy", {}),
    (404, "EntityNotExist.User", "DeleteUser", {"PolicyName": None, "UserName": "nobody-at-all"}),
])
def test_what_is_refused_of_users_and_policies(ram, status, code, action, asked):
    asked = {"PolicyName": unique("absent"), **asked}
    ram.refused(status, code, action, **{name: value for name, value in asked.items() if value is not None})


def test_a_switched_off_key_is_refused(ram, connect):
    name = unique("user")
    ram("CreateUser", UserName=name)
    key = ram("CreateAccessKey", UserName=name)["AccessKey"]
    ram("UpdateAccessKey", UserName=name, UserAccessKeyId=key["AccessKeyId"], Status="Inactive")
    connect(key["AccessKeyId"], key["AccessKeySecret"]).refused(403, "Forbidden.AccessKeyDisabled", "DescribeImages")
    ram("DeleteAccessKey", UserName=name, UserAccessKeyId=key["AccessKeyId"])
    ram("DeleteUser", UserName=name)


def test_a_role_for_a_while(ram, connect, world, policy, user):
    account, name = world.account.account_id, unique("role")
    trust = json.dumps({"Version": "1", "Statement": [{
        "Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"RAM": [f"acs:ram::{account}:root"]}}]})
    role = ram("CreateRole", RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    reading = policy(document(("Allow", "ecs:Describe*", "*")))
    ram("AttachPolicyToRole", RoleName=name, PolicyName=reading, PolicyType="Custom")
    anybody = policy(document(("Allow", "sts:AssumeRole", "*")))
    ram("AttachPolicyToUser", UserName=user[0], PolicyName=anybody, PolicyType="Custom")
    key = ram("CreateAccessKey", UserName=user[0])["AccessKey"]
    sts = connect(key["AccessKeyId"], key["AccessKeySecret"], product="sts")
    sts.refused(404, "EntityNotExist.Role", "AssumeRole", RoleArn=f"acs:ram::{account}:role/absent",
                RoleSessionName="session")
    said = sts("AssumeRole", RoleArn=role["Arn"], RoleSessionName="session", DurationSeconds=900)
    given = said["Credentials"]
    client = connect(given["AccessKeyId"], given["AccessKeySecret"], token=given["SecurityToken"])
    assert given["AccessKeyId"].startswith("STS.") and shown(client, world.image)
    client.refused(403, "Forbidden.RAM", "DeleteImage", ImageId=world.image)
    identity = connect(given["AccessKeyId"], given["AccessKeySecret"], token=given["SecurityToken"], product="sts")
    assert identity("GetCallerIdentity")["Arn"].startswith(f"acs:ram::{account}:assumed-role/{name.lower()}")
    without = connect(given["AccessKeyId"], given["AccessKeySecret"])
    without.refused(400, "MissingSecurityToken", "DescribeImages")
    other = connect(given["AccessKeyId"], given["AccessKeySecret"], token=given["SecurityToken"][:-4] + "AAAA")
    other.refused(400, "InvalidSecurityToken.Malformed", "DescribeImages")
    ram("DeleteAccessKey", UserName=user[0], UserAccessKeyId=key["AccessKeyId"])
    ram("DetachPolicyFromRole", RoleName=name, PolicyName=reading, PolicyType="Custom")
    ram("DeleteRole", RoleName=name)
    client.refused(400, "InvalidSecurityToken.Expired", "DescribeImages")
