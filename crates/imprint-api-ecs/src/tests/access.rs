//! Who may do what: the rules of the account's owner, asked for every operation and every resource. The whole table of
//! operations and principals is in `access.txt`; `UPDATE_DOCS=1` writes it anew, for somebody to read.

use std::fmt::Write as _;

use imprint_model::DiskKind;
use serde_json::{Value, json};

use super::cases::ram::{trust, user};
use super::{Answer, Client, World};
use crate::op::{Api, Effect, Op};
use crate::ops;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tests/access.txt");

/// A user of the first account with one policy.
async fn user_with(world: &World, name: &str, document: Value) -> Client {
    let client = user(world, name).await;
    let document = document.to_string();
    world.owner.ask("CreatePolicy", &[("PolicyName", name), ("PolicyDocument", &document)]).await.ok();
    let given = [("UserName", name), ("PolicyName", name), ("PolicyType", "Custom")];
    world.owner.ask("AttachPolicyToUser", &given).await.ok();
    client
}

fn document(statements: &Value) -> Value {
    json!({ "Version": "1", "Statement": statements })
}

fn denial(answer: &Answer) -> Value {
    assert_eq!(answer.code(), "Forbidden.RAM", "{}", answer.text);
    answer.body()["AccessDeniedDetail"].clone()
}

#[tokio::test]
async fn a_user_without_policies_may_do_nothing_but_look_at_what_is_public() {
    let world = World::with(super::world::UNBOUNDED).await;
    let nobody = user(&world, "nobody").await;
    for op in ops::all().filter(|op| op.api == Api::Ecs) {
        let detail = denial(&nobody.ask(op.name, &[]).await);
        assert_eq!(detail["AuthAction"], op.action());
        assert_eq!(detail["NoPermissionType"], "ImplicitDeny");
    }
    for alias in ["system", "others"] {
        nobody.ask("DescribeImages", &[("ImageOwnerAlias", alias)]).await.ok();
    }
    for alias in ["self", "", "System"] {
        denial(&nobody.ask("DescribeImages", &[("ImageOwnerAlias", alias)]).await);
    }
}

#[tokio::test]
async fn a_right_is_to_one_resource_in_one_region_and_all_resources_are_asked() {
    let world = World::new().await;
    let (mine, other) = (world.image(|_| {}).await, world.image(|_| {}).await);
    let snapshot = world.snapshot(DiskKind::System, |_| {}).await;
    let one = format!("acs:ecs:local-1:{}:image/{mine}", world.owner.account);
    let statements = json!([
        { "Effect": "Allow", "Action": "ecs:ModifyImageAttribute", "Resource": one },
        { "Effect": "Allow", "Action": ["ecs:CreateImage"], "Resource": ["acs:ecs:*:*:image/*"] },
    ]);
    let ann = user_with(&world, "ann", document(&statements)).await;
    let change = |id: &'static str, image: &str| [("ImageId", image.to_owned()), ("Description", id.to_owned())];
    for (image, allowed) in [(&mine, true), (&other, false)] {
        let params = change("changed", image);
        let params = params.each_ref().map(|(name, value)| (*name, value.as_str()));
        let answer = ann.ask("ModifyImageAttribute", &params).await;
        assert_eq!(answer.code() == "OK", allowed, "{}", answer.text);
    }
    let elsewhere = [("ImageId", mine.as_str()), ("RegionId", "local-2"), ("Description", "elsewhere")];
    denial(&ann.ask("ModifyImageAttribute", &elsewhere).await);
    // the image may be made, but not of this snapshot, whatever else is sent that says nothing
    denial(&ann.ask("CreateImage", &[("SnapshotId", &snapshot)]).await);
    for nothing in [("DiskDeviceMapping.1.Colour", "blue"), ("DiskDeviceMapping.1.Size", "")] {
        denial(&ann.ask("CreateImage", &[("SnapshotId", &snapshot), nothing]).await);
    }
}

#[tokio::test]
async fn images_that_are_looked_for_are_asked_for_however_the_list_is_written() {
    let world = World::new().await;
    let (shown, secret) = (world.image(|_| {}).await, world.image(|_| {}).await);
    let not_this = format!("acs:ecs:*:*:image/{secret}");
    let statements = json!([
        { "Effect": "Allow", "Action": "ecs:DescribeImages", "Resource": "*" },
        { "Effect": "Deny", "Action": "*", "Resource": not_this },
    ]);
    let ann = user_with(&world, "ann", document(&statements)).await;
    ann.ask("DescribeImages", &[("ImageId", &shown)]).await.ok();
    for before in [String::new(), " , ".to_owned(), ",".repeat(100), format!("{shown},,")] {
        denial(&ann.ask("DescribeImages", &[("ImageId", &format!("{before}{secret}"))]).await);
    }
}

#[tokio::test]
async fn a_right_in_one_region_is_none_in_another_where_no_region_is_named() {
    let world = World::new().await;
    let image = world.image(|_| {}).await;
    let here = world.instance(&image, |_| {}).await;
    let there = world.instance(&image, |instance| instance.region = "local-2".to_owned()).await;
    let all_here = format!("acs:ecs:local-1:{}:*", world.owner.account);
    let statements = json!([{ "Effect": "Allow", "Action": "ecs:*", "Resource": all_here }]);
    let ann = user_with(&world, "ann", document(&statements)).await;
    denial(&ann.ask("DeleteInstance", &[("InstanceId", &there)]).await);
    for action in ["StartInstances", "StopInstances", "RebootInstances", "DeleteInstances"] {
        denial(&ann.ask(action, &[("InstanceId.1", &there)]).await);
    }
    denial(&ann.ask("GetInstanceConsoleOutput", &[("InstanceId", &there)]).await);
    // of an image of another region, too
    let abroad = world.image(|image| image.region = "local-2".to_owned()).await;
    denial(&ann.ask("ReplaceSystemDisk", &[("InstanceId", &here), ("ImageId", &abroad)]).await);
    // and of what is yet to be made of a thing there
    let disk = world.disk(&there, DiskKind::Data, |disk| disk.region = "local-2".to_owned()).await;
    denial(&ann.ask("CreateSnapshot", &[("DiskId", &disk)]).await);
    let bob = json!([
        { "Effect": "Allow", "Action": "ecs:*", "Resource": format!("acs:ecs:*:*:disk/{disk}") },
        { "Effect": "Allow", "Action": "ecs:*", "Resource": all_here },
    ]);
    let bob = user_with(&world, "bob", document(&bob)).await;
    denial(&bob.ask("CreateSnapshot", &[("DiskId", &disk)]).await);
    ann.ask("DeleteInstance", &[("InstanceId", &here)]).await.ok();
}

#[tokio::test]
async fn a_machine_is_not_there_for_a_call_of_another_region() {
    let world = World::new().await;
    let image = world.image(|_| {}).await;
    let there = world.instance(&image, |instance| instance.region = "local-2".to_owned()).await;
    let not_found = "InvalidInstanceId.NotFound";
    for action in ["StartInstances", "StopInstances", "RebootInstances", "DeleteInstances"] {
        world.owner.ask(action, &[("InstanceId.1", &there)]).await.refused(not_found);
    }
    world.owner.ask("GetInstanceConsoleOutput", &[("InstanceId", &there)]).await.refused(not_found);
    let one_by_one = [("InstanceId.1", there.as_str()), ("BatchOptimization", "SuccessFirst")];
    let answer = world.owner.ask("StopInstances", &one_by_one).await.ok();
    assert_eq!(answer["InstanceResponses"]["InstanceResponse"][0]["Code"], not_found);
    let in_its_region = [("InstanceId.1", there.as_str()), ("RegionId", "local-2")];
    world.owner.ask("DeleteInstances", &in_its_region).await.ok();
}

#[tokio::test]
async fn conditions_ask_for_tags_addresses_and_times() {
    let world = World::new().await;
    let prod = world.image(|image| image.tags.extend(["stage=prod".to_owned()])).await;
    let test = world.image(|image| image.tags.extend(["stage=test".to_owned(), "more".to_owned()])).await;
    let statements = json!([
        { "Effect": "Allow", "Action": "ecs:ModifyImageAttribute", "Resource": "*",
          "Condition": { "IpAddress": { "acs:SourceIp": ["192.0.2.0/24"] },
                         "DateLessThan": { "acs:CurrentTime": ["2027-01-01T00:00:00Z"] } } },
        { "Effect": "Deny", "Action": "*", "Resource": "*",
          "Condition": { "StringEquals": { "acs:ResourceTag/stage": ["prod"] } } },
        { "Effect": "Allow", "Action": "ecs:DeleteImage", "Resource": "*",
          "Condition": { "StringLike": { "ecs:tag/stage": ["t*"] } } },
        { "Effect": "Allow", "Action": "ecs:TagResources", "Resource": "*",
          "Condition": { "StringEquals": { "acs:RequestTag/stage": ["test"] } } },
        { "Effect": "Allow", "Action": "ecs:DescribeSnapshots", "Resource": "*",
          "Condition": { "IpAddress": { "acs:SourceIp": ["10.0.0.0/8"] } } },
    ]);
    let ann = user_with(&world, "ann", document(&statements)).await;
    ann.ask("ModifyImageAttribute", &[("ImageId", &test), ("Description", "changed")]).await.ok();
    let refused = ann.ask("ModifyImageAttribute", &[("ImageId", &prod), ("Description", "changed")]).await;
    assert_eq!(denial(&refused)["NoPermissionType"], "ExplicitDeny");
    let tag = |value: &'static str| {
        [("ResourceType", "image"), ("ResourceId.1", test.as_str()), ("Tag.1.Key", "stage"), ("Tag.1.Value", value)]
    };
    ann.ask("TagResources", &tag("test")).await.ok();
    denial(&ann.ask("TagResources", &tag("prod")).await);
    denial(&ann.ask("DescribeSnapshots", &[]).await);
    denial(&ann.ask("DeleteImage", &[("ImageId", &prod)]).await);
    ann.ask("DeleteImage", &[("ImageId", &test)]).await.ok();
}

#[tokio::test]
async fn a_dry_run_looks_at_rights_and_parameters_and_then_says_so() {
    let world = World::new().await;
    let image = world.image(|_| {}).await;
    let nobody = user(&world, "nobody").await;
    let before = world.inventory().await;
    let dry = ("DryRun", "true");
    for op in ops::all().filter(|op| op.api == Api::Ecs && op.effect == Effect::Reads && needs_nothing(op)) {
        world.owner.ask(op.name, &[dry]).await.refused("DryRunOperation");
        denial(&nobody.ask(op.name, &[dry]).await);
    }
    let delete = [("ImageId", image.as_str()), dry];
    world.owner.ask("DeleteImage", &delete).await.refused("DryRunOperation");
    world.owner.ask("DeleteImage", &[("ImageId", &image), ("DryRun", "perhaps")]).await.refused("InvalidParameter");
    denial(&nobody.ask("DeleteImage", &delete).await);
    assert_eq!(world.inventory().await, before);
}

fn needs_nothing(op: &Op) -> bool {
    op.parameters.iter().all(|parameter| parameter.missing.is_none()) && op.name != "ListTagResources"
}

/// What an operation needs to be about something that is there, with a dry run, so that the next one finds it, too.
fn about(op: &Op, things: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
    let mut params: Vec<_> = op
        .parameters
        .iter()
        .filter(|parameter| parameter.missing.is_some() || things.iter().any(|(known, _)| *known == parameter.name))
        .map(|parameter| (parameter.name, thing(parameter.name, things)))
        .collect();
    if op.api == Api::Ecs {
        params.push(("DryRun", "true".to_owned()));
    }
    params
}

fn thing(name: &str, things: &[(&'static str, String)]) -> String {
    things.iter().find(|(known, _)| *known == name).map_or_else(|| "x".to_owned(), |(_, value)| value.clone())
}

#[tokio::test]
async fn the_table_of_operations_and_principals_is_as_reviewed() {
    let world = World::with(super::world::UNBOUNDED).await;
    let table = table(&world).await;
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(TABLE, table).expect("the table can be written");
        return;
    }
    let written = std::fs::read_to_string(TABLE).unwrap_or_default();
    assert!(written == table, "tests/access.txt is not up to date: run this test with UPDATE_DOCS=1 and read it");
}

async fn table(world: &World) -> String {
    let image = world.image(|image| image.name = Some("one".to_owned())).await;
    let machine = world.machine(|_| {}).await;
    let disk = world.disk(&machine, DiskKind::Data, |disk| disk.letter = Some('c')).await;
    let things = [
        ("ImageId", image.clone()),
        ("DiskId", disk),
        ("InstanceId.N", machine.clone()),
        ("SnapshotId", world.snapshot(DiskKind::System, |_| {}).await),
        ("InstanceId", machine),
        ("ResourceType", "image".to_owned()),
        ("ResourceId", image.clone()),
        ("ResourceId.N", image.clone()),
        ("PolicyType", "System".to_owned()),
        ("PolicyName", "AliyunECSFullAccess".to_owned()),
    ];
    let principals = principals(world, &image).await;
    let mut table = String::from(
        "# Every operation, asked by everybody, about things of the first account, as a dry run.\n\
         # Written by the test beside it (UPDATE_DOCS=1); read it when it changes.\n",
    );
    for op in ops::all().filter(|op| op.api == Api::Ecs || op.effect == Effect::Reads) {
        let _ = writeln!(table, "\n{}", op.action());
        for (name, client) in &principals {
            let params = about(op, &things);
            let params: Vec<_> =
                params.iter().map(|(name, value)| (name.replace(".N", ".1"), value.as_str())).collect();
            let params: Vec<_> = params.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            let code = client.ask(op.name, &params).await.code();
            let _ = writeln!(table, "  {name:<12} {code}");
        }
    }
    table
}

async fn principals(world: &World, image: &str) -> Vec<(&'static str, Client)> {
    let all = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let not_this = json!({ "Effect": "Deny", "Action": "*", "Resource": format!("acs:ecs:*:*:image/{image}") });
    let reading = json!({ "Effect": "Allow", "Action": ["ecs:Describe*", "ecs:List*"], "Resource": "*" });
    let assume = json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*" });
    let trust = trust(&world.owner.account);
    world.owner.ask("CreateRole", &[("RoleName", "looker"), ("AssumeRolePolicyDocument", &trust)]).await.ok();
    let given = [("RoleName", "looker"), ("PolicyName", "AliyunECSReadOnlyAccess"), ("PolicyType", "System")];
    world.owner.ask("AttachPolicyToRole", &given).await.ok();
    let borrower = user_with(world, "borrower", document(&json!([assume]))).await;
    let arn = format!("acs:ram::{}:role/looker", world.owner.account);
    let lent = borrower.ask("AssumeRole", &[("RoleArn", &arn), ("RoleSessionName", "session")]).await.ok();
    let text = |member: &str| lent["Credentials"][member].as_str().expect("a text").to_owned();
    let (key, secret) = (text("AccessKeyId"), text("AccessKeySecret"));
    let role = Client { key, secret, token: Some(text("SecurityToken")), ..borrower };
    vec![
        ("owner", world.owner.clone()),
        ("user-all", user_with(world, "all", document(&json!([all]))).await),
        ("user-reads", user_with(world, "reads", document(&json!([reading]))).await),
        ("user-but-one", user_with(world, "but-one", document(&json!([all, not_this]))).await),
        ("user-none", user(world, "none").await),
        ("role-reads", role),
        ("other", world.other.clone()),
        ("root", world.root.clone()),
    ]
}
