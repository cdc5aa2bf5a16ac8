//! Temporary credentials.

use std::time::Duration;

use serde_json::{Value, json};

use super::ram::{trust, user};
use super::{Case, case};
use crate::tests::{Client, Style, World};

pub(super) const CASES: &[Case] = &[
    case(
        "AssumeRole",
        &["OK", "NoPermission", "EntityNotExist.Role"],
        "a role is lent to one who may take it on",
        |world| Box::pin(lent(world)),
    ),
    case(
        "AssumeRole",
        &[
            "InvalidParameter.RoleArn",
            "InvalidParameter.RoleSessionName",
            "InvalidParameter.DurationSeconds",
            "InvalidParameter.PolicyGrammar",
            "InvalidParameter.PolicySize",
        ],
        "what is wrong with a wish is said",
        |world| Box::pin(wrong_wishes(world)),
    ),
    case(
        "GetCallerIdentity",
        &[
            "OK",
            "MissingSecurityToken",
            "InvalidSecurityToken.Malformed",
            "InvalidSecurityToken.MismatchWithAccessKey",
            "InvalidSecurityToken.Expired",
        ],
        "a temporary key counts with its own token and for its time",
        |world| Box::pin(tokens(world)),
    ),
    case(
        "GetSessionToken",
        &["OK", "NoPermission", "InvalidParameter.DurationSeconds"],
        "a user's rights are lent to itself, once",
        |world| Box::pin(session(world)),
    ),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

/// A client with the credentials of an answer.
fn temporary(of: &Client, answer: &Value) -> Client {
    let text = |member: &str| answer["Credentials"][member].as_str().expect("a text").to_owned();
    let (key, secret) = (text("AccessKeyId"), text("AccessKeySecret"));
    Client { key, secret, token: Some(text("SecurityToken")), ..of.clone() }
}

/// A user that may take on roles, and the parameters that name one with the right to look at users.
async fn borrower(world: &World) -> (Client, String) {
    let owner = &world.owner;
    let trust = trust(&owner.account);
    let role = owner.ask("CreateRole", &[("RoleName", "looker"), ("AssumeRolePolicyDocument", &trust)]).await.ok();
    let policy = [("RoleName", "looker"), ("PolicyName", "AliyunRAMReadOnlyAccess"), ("PolicyType", "System")];
    owner.ask("AttachPolicyToRole", &policy).await.ok();
    (user(world, "ann").await, role["Role"]["Arn"].as_str().expect("a name").to_owned())
}

async fn may_assume(world: &World) {
    let policy = [("UserName", "ann"), ("PolicyName", "AliyunSTSAssumeRoleAccess"), ("PolicyType", "System")];
    world.owner.ask("AttachPolicyToUser", &policy).await.ok();
}

async fn lent(world: World) -> World {
    let (ann, arn) = borrower(&world).await;
    let wish = [("RoleArn", arn.as_str()), ("RoleSessionName", "s.1"), ("DurationSeconds", "900")];
    ann.ask("AssumeRole", &wish).await.refused("NoPermission");
    world.owner.ask("AssumeRole", &wish).await.refused("NoPermission");
    may_assume(&world).await;
    let absent = [("RoleArn", arn.replace("looker", "nobody")), ("RoleSessionName", "s.1".to_owned())];
    let absent = absent.each_ref().map(|(name, value)| (*name, value.as_str()));
    ann.ask("AssumeRole", &absent).await.refused("EntityNotExist.Role");
    let answer = ann.ask("AssumeRole", &wish).await.ok();
    assert_eq!(answer["AssumedRoleUser"]["Arn"], format!("{arn}/s.1"));
    assert_eq!(answer["Credentials"]["Expiration"], "2026-11-22T01:43:36Z");
    for style in [Style::V1Get, Style::V1Form, Style::V3Query, Style::V3Form] {
        let looker = temporary(&ann, &answer).styled(style);
        looker.ask("ListUsers", &[]).await.ok();
        let refused = looker.ask("CreateUser", &[("UserName", "bob")]).await;
        assert_eq!(refused.body()["AccessDeniedDetail"]["AuthPrincipalType"], "AssumedRoleUser");
        refused.refused("NoPermission");
    }
    let narrow =
        json!({ "Version": "1", "Statement": [{ "Effect": "Allow", "Action": "ram:ListRoles", "Resource": "*" }] });
    let narrow = narrow.to_string();
    let answer = ann.ask("AssumeRole", &[wish[0], wish[1], ("Policy", &narrow)]).await.ok();
    let looker = temporary(&ann, &answer);
    looker.ask("ListRoles", &[]).await.ok();
    looker.ask("ListUsers", &[]).await.refused("NoPermission");
    world
}

async fn wrong_wishes(world: World) -> World {
    let (ann, arn) = borrower(&world).await;
    may_assume(&world).await;
    let ask = async |parameter: &str, value: &str, code: &str| {
        let mut wish = vec![("RoleArn", arn.as_str()), ("RoleSessionName", "session")];
        wish.retain(|(name, _)| *name != parameter);
        wish.push((parameter, value));
        ann.ask("AssumeRole", &wish).await.refused(code);
    };
    let long = " ".repeat(2_049);
    ask("RoleArn", "looker", "InvalidParameter.RoleArn").await;
    ask("RoleSessionName", "a b", "InvalidParameter.RoleSessionName").await;
    ask("RoleSessionName", "a", "InvalidParameter.RoleSessionName").await;
    ask("DurationSeconds", "899", "InvalidParameter.DurationSeconds").await;
    ask("DurationSeconds", "3601", "InvalidParameter.DurationSeconds").await;
    ask("Policy", "{", "InvalidParameter.PolicyGrammar").await;
    ask("Policy", &long, "InvalidParameter.PolicySize").await;
    ask("RoleArn", "", "MissingParameter").await;
    world
}

async fn tokens(world: World) -> World {
    let (ann, arn) = borrower(&world).await;
    may_assume(&world).await;
    let account = &world.owner.account;
    let who = world.owner.ask("GetCallerIdentity", &[]).await.ok();
    assert_eq!((&who["AccountId"], &who["IdentityType"]), (&json!(account), &json!("Account")));
    let who = ann.ask("GetCallerIdentity", &[]).await.ok();
    assert_eq!(who["Arn"], format!("acs:ram::{account}:user/ann"));
    let wish = [("RoleArn", arn.as_str()), ("RoleSessionName", "one")];
    let one = temporary(&ann, &ann.ask("AssumeRole", &wish).await.ok());
    let two = temporary(&ann, &ann.ask("AssumeRole", &wish).await.ok());
    let who = one.ask("GetCallerIdentity", &[]).await.ok();
    assert_eq!(who["Arn"], format!("acs:ram::{account}:assumed-role/looker/one"));
    assert_eq!(who["IdentityType"], "AssumedRoleUser");
    let with = |token: Option<&str>| Client { token: token.map(str::to_owned), ..one.clone() };
    with(None).ask("GetCallerIdentity", &[]).await.refused("MissingSecurityToken");
    with(Some("nonsense")).ask("GetCallerIdentity", &[]).await.refused("InvalidSecurityToken.Malformed");
    let others = with(two.token.as_deref()).ask("GetCallerIdentity", &[]).await;
    others.refused("InvalidSecurityToken.MismatchWithAccessKey");
    let forged = Client { secret: "wrong".to_owned(), ..one.clone() };
    forged.ask("GetCallerIdentity", &[]).await.refused("SignatureDoesNotMatch");
    world.engine.pass(Duration::from_secs(3_601));
    one.ask("GetCallerIdentity", &[]).await.refused("InvalidSecurityToken.Expired");
    world
}

async fn session(world: World) -> World {
    let owner = &world.owner;
    owner.ask("GetSessionToken", &[("DurationSeconds", "60")]).await.refused("InvalidParameter.DurationSeconds");
    let answer = owner.ask("GetSessionToken", &[("DurationSeconds", "900")]).await.ok();
    let lent = temporary(owner, &answer);
    lent.ask("ListUsers", &[]).await.ok();
    lent.ask("GetSessionToken", &[]).await.refused("NoPermission");
    world
}
