//! Users, policies and roles of an account.

use serde_json::{Value, json};

use super::{Case, case};
use crate::tests::{Client, World};

pub(super) const CASES: &[Case] = &[
    case("CreateUser", &["OK", "EntityAlreadyExists.User"], "a name is given once", |world| Box::pin(users(world))),
    case("GetUser", &["OK", "EntityNotExist.User"], "what was made is shown", |world| Box::pin(users(world))),
    case("UpdateUser", &["OK", "EntityNotExist.User"], "a user is renamed", |world| Box::pin(users(world))),
    case("DeleteUser", &["OK", "EntityNotExist.User"], "what was removed is gone", |world| Box::pin(users(world))),
    case("ListUsers", &["OK", "InvalidParameter"], "pages follow each other", |world| Box::pin(pages(world))),
    case(
        "CreateUser",
        &["InvalidParameter.UserName.InvalidChars", "InvalidParameter.UserName.Length"],
        "names are short and plain",
        |world| Box::pin(bad_names(world)),
    ),
    case("CreateAccessKey", &["OK", "LimitExceeded.User.AccessKey"], "a user has two keys", |world| {
        Box::pin(keys(world))
    }),
    case("ListAccessKeys", &["OK", "EntityNotExist.User"], "a user's keys are listed", |world| Box::pin(keys(world))),
    case(
        "UpdateAccessKey",
        &["OK", "EntityNotExist.User.AccessKey", "InvalidParameter.Status"],
        "a key that is off lets nobody in",
        |world| Box::pin(keys(world)),
    ),
    case("DeleteAccessKey", &["OK", "EntityNotExist.User.AccessKey"], "a key is removed", |world| {
        Box::pin(keys(world))
    }),
    case("DeleteUser", &["DeleteConflict.User.AccessKey"], "keys go first", |world| Box::pin(keys(world))),
    case(
        "CreatePolicy",
        &["OK", "EntityAlreadyExists.Policy", "MalformedPolicyDocument", "InvalidParameter.PolicyDocument.Length"],
        "documents are checked",
        |world| Box::pin(policies(world)),
    ),
    case(
        "GetPolicy",
        &["OK", "EntityNotExist.Policy", "InvalidParameter.PolicyType"],
        "a document reads back",
        |world| Box::pin(policies(world)),
    ),
    case(
        "ListPolicies",
        &["OK", "InvalidParameter.PolicyType"],
        "the installation's and the account's are listed",
        |world| Box::pin(policies(world)),
    ),
    case(
        "DeletePolicy",
        &["OK", "EntityNotExist.Policy", "DeleteConflict.Policy.User"],
        "a policy that somebody has stays",
        |world| Box::pin(attached(world)),
    ),
    case(
        "AttachPolicyToUser",
        &["OK", "EntityAlreadyExists.User.Policy", "EntityNotExist.Policy"],
        "a policy is given once",
        |world| Box::pin(attached(world)),
    ),
    case("ListPoliciesForUser", &["OK", "EntityNotExist.User"], "what a user has is listed", |world| {
        Box::pin(attached(world))
    }),
    case("ListEntitiesForPolicy", &["OK", "EntityNotExist.Policy"], "who has a policy is listed", |world| {
        Box::pin(attached(world))
    }),
    case("DetachPolicyFromUser", &["OK", "EntityNotExist.User.Policy"], "a policy is taken once", |world| {
        Box::pin(attached(world))
    }),
    case("DeleteUser", &["DeleteConflict.User.Policy"], "policies go first", |world| Box::pin(attached(world))),
    case(
        "CreateRole",
        &["OK", "EntityAlreadyExists.Role", "MalformedPolicyDocument", "InvalidParameter.MaxSessionDuration"],
        "a role says whom it trusts",
        |world| Box::pin(roles(world)),
    ),
    case("GetRole", &["OK", "EntityNotExist.Role"], "a role is shown", |world| Box::pin(roles(world))),
    case("ListRoles", &["OK", "InvalidParameter"], "roles are listed", |world| Box::pin(roles(world))),
    case("UpdateRole", &["OK", "EntityNotExist.Role"], "a role is changed", |world| Box::pin(roles(world))),
    case(
        "DeleteRole",
        &["OK", "EntityNotExist.Role", "DeleteConflict.Role.Policy"],
        "a role with policies stays",
        |world| Box::pin(roles(world)),
    ),
    case("AttachPolicyToRole", &["OK", "EntityAlreadyExists.Role.Policy"], "a policy is given once", |world| {
        Box::pin(roles(world))
    }),
    case("ListPoliciesForRole", &["OK", "EntityNotExist.Role"], "what a role has is listed", |world| {
        Box::pin(roles(world))
    }),
    case("DetachPolicyFromRole", &["OK", "EntityNotExist.Role.Policy"], "a policy is taken once", |world| {
        Box::pin(roles(world))
    }),
    case("ListUsers", &["NoPermission"], "users may do what policies say and nothing else", |world| {
        Box::pin(permissions(world))
    }),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

const ALLOW_ALL: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// Trust in the account itself.
pub(crate) fn trust(account: &str) -> String {
    let principal = json!({ "RAM": [format!("acs:ram::{account}:root")] });
    let statement = json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal });
    json!({ "Version": "1", "Statement": [statement] }).to_string()
}

/// A client of a new user of the first account.
pub(crate) async fn user(world: &World, name: &str) -> Client {
    world.owner.ask("CreateUser", &[("UserName", name)]).await.ok();
    let key = world.owner.ask("CreateAccessKey", &[("UserName", name)]).await.ok();
    let text = |member: &str| key["AccessKey"][member].as_str().expect("a text").to_owned();
    Client { key: text("AccessKeyId"), secret: text("AccessKeySecret"), ..world.owner.clone() }
}

fn names(body: &Value, list: &str, entry: &str, member: &str) -> Vec<String> {
    let entries = body[list][entry].as_array().expect("a list");
    entries.iter().map(|entry| entry[member].as_str().expect("a name").to_owned()).collect()
}

async fn users(world: World) -> World {
    let owner = &world.owner;
    let made = owner.ask("CreateUser", &[("UserName", "ann"), ("DisplayName", "Ann"), ("Comments", "c")]).await.ok();
    assert_eq!((&made["User"]["UserName"], &made["User"]["Comments"]), (&json!("ann"), &json!("c")));
    owner.ask("CreateUser", &[("UserName", "ann")]).await.refused("EntityAlreadyExists.User");
    // another account has its own users
    world.other.ask("GetUser", &[("UserName", "ann")]).await.refused("EntityNotExist.User");
    world.other.ask("CreateUser", &[("UserName", "ann")]).await.ok();
    let shown = owner.ask("GetUser", &[("UserName", "ann")]).await.ok();
    assert_eq!(shown["User"], made["User"]);
    owner.ask("UpdateUser", &[("UserName", "bob"), ("NewUserName", "eve")]).await.refused("EntityNotExist.User");
    owner.ask("UpdateUser", &[("UserName", "ann"), ("NewUserName", "eve"), ("NewComments", "d")]).await.ok();
    let shown = owner.ask("GetUser", &[("UserName", "eve")]).await.ok();
    assert_eq!((&shown["User"]["DisplayName"], &shown["User"]["Comments"]), (&json!("Ann"), &json!("d")));
    owner.ask("DeleteUser", &[("UserName", "eve")]).await.ok();
    owner.ask("DeleteUser", &[("UserName", "eve")]).await.refused("EntityNotExist.User");
    world
}

async fn pages(world: World) -> World {
    let owner = &world.owner;
    for name in ["c", "a", "b"] {
        owner.ask("CreateUser", &[("UserName", name)]).await.ok();
    }
    let first = owner.ask("ListUsers", &[("MaxItems", "2")]).await.ok();
    assert_eq!(
        (names(&first, "Users", "User", "UserName"), &first["IsTruncated"]),
        (vec!["a".into(), "b".into()], &json!(true))
    );
    let marker = first["Marker"].as_str().expect("a marker");
    let second = owner.ask("ListUsers", &[("MaxItems", "2"), ("Marker", marker)]).await.ok();
    assert_eq!(
        (names(&second, "Users", "User", "UserName"), &second["IsTruncated"]),
        (vec!["c".into()], &json!(false))
    );
    for bad in ["0", "1001", "x"] {
        owner.ask("ListUsers", &[("MaxItems", bad)]).await.refused("InvalidParameter");
    }
    world
}

async fn bad_names(world: World) -> World {
    let long = "x".repeat(65);
    for bad in ["é", "a b", "a/b", "*"] {
        world.owner.ask("CreateUser", &[("UserName", bad)]).await.refused("InvalidParameter.UserName.InvalidChars");
    }
    world.owner.ask("CreateUser", &[("UserName", &long)]).await.refused("InvalidParameter.UserName.Length");
    world
}

async fn keys(world: World) -> World {
    let owner = &world.owner;
    let ann = user(&world, "ann").await;
    let mine = ann.ask("ListAccessKeys", &[]).await;
    mine.refused("NoPermission");
    owner.ask("CreateAccessKey", &[("UserName", "ann")]).await.ok();
    owner.ask("CreateAccessKey", &[("UserName", "ann")]).await.refused("LimitExceeded.User.AccessKey");
    let listed = owner.ask("ListAccessKeys", &[("UserName", "ann")]).await.ok();
    assert!(names(&listed, "AccessKeys", "AccessKey", "AccessKeyId").contains(&ann.key));
    owner.ask("ListAccessKeys", &[("UserName", "bob")]).await.refused("EntityNotExist.User");
    owner.ask("ListAccessKeys", &[]).await.refused("MissingParameter");
    let of = |status: &'static str| [("UserName", "ann"), ("UserAccessKeyId", ann.key.as_str()), ("Status", status)];
    owner.ask("UpdateAccessKey", &of("Off")).await.refused("InvalidParameter.Status");
    owner.ask("UpdateAccessKey", &of("Inactive")).await.ok();
    ann.ask("ListUsers", &[]).await.refused("Forbidden.AccessKeyDisabled");
    owner.ask("UpdateAccessKey", &of("Active")).await.ok();
    ann.ask("ListUsers", &[]).await.refused("NoPermission");
    let others = [("UserName", "ann"), ("UserAccessKeyId", owner.key.as_str()), ("Status", "Inactive")];
    owner.ask("UpdateAccessKey", &others).await.refused("EntityNotExist.User.AccessKey");
    owner.ask("DeleteAccessKey", &others[..2]).await.refused("EntityNotExist.User.AccessKey");
    owner.ask("DeleteUser", &[("UserName", "ann")]).await.refused("DeleteConflict.User.AccessKey");
    owner.ask("DeleteAccessKey", &of("")[..2]).await.ok();
    ann.ask("ListUsers", &[]).await.refused("InvalidAccessKeyId.NotFound");
    world
}

async fn policies(world: World) -> World {
    let owner = &world.owner;
    let make = |name: &'static str, document: String| async move {
        owner.ask("CreatePolicy", &[("PolicyName", name), ("PolicyDocument", &document), ("Description", "d")]).await
    };
    make("all", ALLOW_ALL.to_owned()).await.ok();
    make("all", ALLOW_ALL.to_owned()).await.refused("EntityAlreadyExists.Policy");
    for bad in ["{", "[]", r#"{"Version":"2","Statement":[]}"#, r#"{"Version":"1","Statement":[{"Effect":"Maybe"}]}"#] {
        make("bad", bad.to_owned()).await.refused("MalformedPolicyDocument");
    }
    make("bad", " ".repeat(6_145)).await.refused("InvalidParameter.PolicyDocument.Length");
    let shown = owner.ask("GetPolicy", &[("PolicyName", "all"), ("PolicyType", "Custom")]).await.ok();
    assert_eq!(shown["DefaultPolicyVersion"]["PolicyDocument"], ALLOW_ALL);
    owner.ask("GetPolicy", &[("PolicyName", "all"), ("PolicyType", "System")]).await.refused("EntityNotExist.Policy");
    owner
        .ask("GetPolicy", &[("PolicyName", "all"), ("PolicyType", "custom")])
        .await
        .refused("InvalidParameter.PolicyType");
    owner.ask("ListPolicies", &[("PolicyType", "Own")]).await.refused("InvalidParameter.PolicyType");
    let all = owner.ask("ListPolicies", &[]).await.ok();
    let all = names(&all, "Policies", "Policy", "PolicyName");
    assert!(all.contains(&"AliyunECSFullAccess".to_owned()) && all.last().is_some_and(|last| last == "all"), "{all:?}");
    let mut one_by_one = Vec::new();
    let mut marker = String::new();
    loop {
        let page = owner.ask("ListPolicies", &[("MaxItems", "1"), ("Marker", &marker)]).await.ok();
        one_by_one.extend(names(&page, "Policies", "Policy", "PolicyName"));
        match page["Marker"].as_str() {
            Some(next) => next.clone_into(&mut marker),
            None => break,
        }
    }
    assert_eq!(one_by_one, all);
    world
}

async fn attached(world: World) -> World {
    let owner = &world.owner;
    owner.ask("CreateUser", &[("UserName", "ann")]).await.ok();
    owner.ask("CreatePolicy", &[("PolicyName", "all"), ("PolicyDocument", ALLOW_ALL)]).await.ok();
    let given = [("UserName", "ann"), ("PolicyName", "all"), ("PolicyType", "Custom")];
    let absent = [("UserName", "ann"), ("PolicyName", "none"), ("PolicyType", "Custom")];
    owner.ask("AttachPolicyToUser", &absent).await.refused("EntityNotExist.Policy");
    owner.ask("AttachPolicyToUser", &given).await.ok();
    owner.ask("AttachPolicyToUser", &given).await.refused("EntityAlreadyExists.User.Policy");
    let held = owner.ask("ListPoliciesForUser", &[("UserName", "ann")]).await.ok();
    assert_eq!(names(&held, "Policies", "Policy", "PolicyName"), ["all"]);
    owner.ask("ListPoliciesForUser", &[("UserName", "bob")]).await.refused("EntityNotExist.User");
    let held = owner.ask("ListEntitiesForPolicy", &given[1..]).await.ok();
    assert_eq!(names(&held, "Users", "User", "UserName"), ["ann"]);
    owner.ask("ListEntitiesForPolicy", &absent[1..]).await.refused("EntityNotExist.Policy");
    owner.ask("DeletePolicy", &[("PolicyName", "all")]).await.refused("DeleteConflict.Policy.User");
    owner.ask("DeleteUser", &[("UserName", "ann")]).await.refused("DeleteConflict.User.Policy");
    owner.ask("DetachPolicyFromUser", &given).await.ok();
    owner.ask("DetachPolicyFromUser", &given).await.refused("EntityNotExist.User.Policy");
    owner.ask("DeletePolicy", &[("PolicyName", "all")]).await.ok();
    owner.ask("DeletePolicy", &[("PolicyName", "all")]).await.refused("EntityNotExist.Policy");
    world
}

async fn roles(world: World) -> World {
    let owner = &world.owner;
    let trust = trust(&owner.account);
    let new = [("RoleName", "Reader"), ("AssumeRolePolicyDocument", trust.as_str()), ("Description", "d")];
    let made = owner.ask("CreateRole", &new).await.ok();
    assert_eq!(made["Role"]["MaxSessionDuration"], 3_600);
    owner.ask("CreateRole", &new).await.refused("EntityAlreadyExists.Role");
    owner.ask("CreateRole", &[new[0], ("AssumeRolePolicyDocument", "{")]).await.refused("MalformedPolicyDocument");
    let short = [("RoleName", "short"), new[1], ("MaxSessionDuration", "60")];
    owner.ask("CreateRole", &short).await.refused("InvalidParameter.MaxSessionDuration");
    let shown = owner.ask("GetRole", &new[..1]).await.ok();
    assert_eq!(shown["Role"], made["Role"]);
    owner.ask("GetRole", &[("RoleName", "none")]).await.refused("EntityNotExist.Role");
    let listed = owner.ask("ListRoles", &[]).await.ok();
    assert_eq!(names(&listed, "Roles", "Role", "RoleName"), ["Reader"]);
    owner.ask("ListRoles", &[("MaxItems", "-1")]).await.refused("InvalidParameter");
    owner.ask("UpdateRole", &[new[0], ("NewMaxSessionDuration", "7200")]).await.ok();
    owner.ask("UpdateRole", &[("RoleName", "none")]).await.refused("EntityNotExist.Role");
    let given = [("RoleName", "Reader"), ("PolicyName", "AliyunECSReadOnlyAccess"), ("PolicyType", "System")];
    owner.ask("AttachPolicyToRole", &given).await.ok();
    owner.ask("AttachPolicyToRole", &given).await.refused("EntityAlreadyExists.Role.Policy");
    let held = owner.ask("ListPoliciesForRole", &given[..1]).await.ok();
    assert_eq!(names(&held, "Policies", "Policy", "PolicyName"), ["AliyunECSReadOnlyAccess"]);
    owner.ask("ListPoliciesForRole", &[("RoleName", "none")]).await.refused("EntityNotExist.Role");
    owner.ask("DeleteRole", &given[..1]).await.refused("DeleteConflict.Role.Policy");
    owner.ask("DetachPolicyFromRole", &given).await.ok();
    owner.ask("DetachPolicyFromRole", &given).await.refused("EntityNotExist.Role.Policy");
    owner.ask("DeleteRole", &given[..1]).await.ok();
    owner.ask("DeleteRole", &given[..1]).await.refused("EntityNotExist.Role");
    world
}

async fn permissions(world: World) -> World {
    let owner = &world.owner;
    let ann = user(&world, "ann").await;
    let refused = ann.ask("ListUsers", &[]).await;
    let detail = refused.body()["AccessDeniedDetail"].clone();
    assert_eq!((&detail["AuthAction"], &detail["NoPermissionType"]), (&json!("ram:ListUsers"), &json!("ImplicitDeny")));
    assert_eq!(
        (&detail["AuthPrincipalType"], &detail["AuthPrincipalOwnerId"]),
        (&json!("SubUser"), &json!(owner.account))
    );
    refused.refused("NoPermission");
    let one_user = format!("acs:ram:*:{}:user/ann", owner.account);
    let document = json!({ "Version": "1", "Statement": [
        { "Effect": "Allow", "Action": "ram:*", "Resource": "*" },
        { "Effect": "Deny", "Action": "ram:DeleteUser", "Resource": one_user },
    ] });
    owner.ask("CreatePolicy", &[("PolicyName", "p"), ("PolicyDocument", &document.to_string())]).await.ok();
    owner.ask("AttachPolicyToUser", &[("UserName", "ann"), ("PolicyName", "p"), ("PolicyType", "Custom")]).await.ok();
    ann.ask("ListUsers", &[]).await.ok();
    ann.ask("ListAccessKeys", &[]).await.ok();
    ann.ask("CreateUser", &[("UserName", "bob")]).await.ok();
    ann.ask("DeleteUser", &[("UserName", "bob")]).await.ok();
    let refused = ann.ask("DeleteUser", &[("UserName", "ann")]).await;
    assert_eq!(refused.body()["AccessDeniedDetail"]["NoPermissionType"], "ExplicitDeny");
    refused.refused("NoPermission");
    world
}
