//! Tags of every kind of thing, and the resource groups things are in.

use std::time::Duration;

use imprint_model::DiskKind;
use serde_json::{Value, json};

use super::disks::ids;
use super::{Case, case};
use crate::tests::World;

pub(super) const CASES: &[Case] = &[
    case("TagResources", &["OK"], "tags are added to every kind of thing, and replaced by their keys", |world| {
        Box::pin(tag(world))
    }),
    case(
        "TagResources",
        &[
            "MissingParameter.RegionId",
            "MissingParameter.ResourceType",
            "MissingParameter.ResourceIds",
            "MissingParameter.Tags",
            "NumberExceed.ResourceIds",
            "NumberExceed.Tags",
            "InvalidTagKey.Malformed",
            "InvalidTagValue.Malformed",
            "Duplicate.TagKey",
            "TagKey.Duplication",
            "InvalidResourceType.NotFound",
            "InvalidResourceId.NotFound",
            "InvalidRegionId.NotFound",
            "OperationDenied.QuotaExceed",
        ],
        "what is wrong is refused, and nothing is tagged then",
        |world| Box::pin(tag_refused(world)),
    ),
    case(
        "UntagResources",
        &[
            "OK",
            "MissingParameter.TagKeys",
            "MissingParameter.ResourceIds",
            "NumberExceed.TagKeys",
            "NumberExceed.ResourceIds",
            "InvalidResourceType.NotFound",
            "InvalidResourceId.NotFound",
        ],
        "tags go by their keys or all at once; one that is not there is fine",
        |world| Box::pin(untag(world)),
    ),
    case(
        "ListTagResources",
        &[
            "OK",
            "BothEmpty.TagsAndResources",
            "InvalidParameter.TagValue",
            "NumberExceed.ResourceIds",
            "NumberExceed.Tags",
            "InvalidNextToken.Malformed",
            "InvalidResourceType.NotFound",
        ],
        "by things, by tags, by both; pages by token hold every thing once",
        |world| Box::pin(list(world)),
    ),
    case(
        "AddTags",
        &[
            "OK",
            "MissingParameter",
            "InvalidTagKey.Malformed",
            "InvalidTagValue.Malformed",
            "Duplicate.TagKey",
            "InvalidTagCount",
            "InvalidResourceType.NotFound",
            "InvalidResourceId.NotFound",
            "QuotaExceed.Tags",
        ],
        "older clients tag one thing",
        |world| Box::pin(add(world)),
    ),
    case(
        "RemoveTags",
        &[
            "OK",
            "MissingParameter",
            "InvalidTag.Mismatch",
            "InvalidTagCount",
            "InvalidResourceType.NotFound",
            "InvalidResourceId.NotFound",
        ],
        "by key, and by value where it is given",
        |world| Box::pin(remove(world)),
    ),
    case(
        "DescribeTags",
        &["OK", "InvalidParameter", "InvalidTag.Mismatch", "InvalidResourceType.NotFound"],
        "each tag once, with how many things of each type have it",
        |world| Box::pin(describe(world)),
    ),
    case(
        "JoinResourceGroup",
        &[
            "OK",
            "MissingParameter",
            "InvalidResourceType.NotFound",
            "InvalidResourceId.NotFound",
            "InvalidResourceGroup.NotFound",
        ],
        "a thing of any kind goes into another group, and back into the default one",
        |world| Box::pin(join(world)),
    ),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

/// One thing of each kind, with the API's words for it.
async fn things(world: &World) -> [(&'static str, String); 4] {
    let image = world.image(|_| {}).await;
    let machine = world.instance(&image, |_| {}).await;
    let disk = world.disk(&machine, DiskKind::Data, |_| {}).await;
    let snapshot = world.snapshot(DiskKind::Data, |_| {}).await;
    [("image", image), ("instance", machine), ("disk", disk), ("snapshot", snapshot)]
}

/// Tags of one thing, as `key=value`.
async fn tags_of(world: &World, kind: &str, id: &str) -> Vec<String> {
    let body = world.owner.ask("ListTagResources", &[("ResourceType", kind), ("ResourceId.1", id)]).await.ok();
    let lines = body["TagResources"]["TagResource"].as_array().expect("a list");
    let text = |line: &Value, name: &str| line[name].as_str().expect("a text").to_owned();
    for line in lines {
        assert_eq!((text(line, "ResourceId"), text(line, "ResourceType")), (id.to_owned(), kind.to_owned()));
    }
    lines.iter().map(|line| format!("{}={}", text(line, "TagKey"), text(line, "TagValue"))).collect()
}

async fn tag(world: World) -> World {
    for (kind, id) in things(&world).await {
        let base = [("ResourceType", kind), ("ResourceId.1", id.as_str()), ("ResourceId.2", &id)];
        let tags = [("Tag.1.Key", "stage"), ("Tag.1.Value", "dev"), ("Tag.5.Key", "空"), ("Tag.5.Value", "")];
        world.owner.ask("TagResources", &[&base[..], &tags].concat()).await.ok();
        let again = [("Tag.1.Key", "stage"), ("Tag.1.Value", "prod=1")];
        world.owner.ask("TagResources", &[&base[..], &again].concat()).await.ok();
        assert_eq!(tags_of(&world, kind, &id).await, ["stage=prod=1", "空="], "{kind}");
    }
    world
}

async fn tag_refused(world: World) -> World {
    let [(_, image), _, (_, disk), _] = things(&world).await;
    let base = [("ResourceType", "image"), ("ResourceId.1", image.as_str())];
    let tag = [("Tag.1.Key", "k"), ("Tag.1.Value", "v")];
    let ask = async |params: &[(&str, &str)], code: &str| {
        world.owner.ask("TagResources", params).await.refused(code);
    };
    world.owner.ask_plainly("TagResources", &[&base[..], &tag].concat()).await.refused("MissingParameter.RegionId");
    ask(&[&base[..], &tag, &[("RegionId", "nowhere")]].concat(), "InvalidRegionId.NotFound").await;
    ask(&[&base[1..], &tag].concat(), "MissingParameter.ResourceType").await;
    ask(&[&base[..1], &tag].concat(), "MissingParameter.ResourceIds").await;
    ask(&base, "MissingParameter.Tags").await;
    ask(&[&base[..], &[("Tag.1.Key", "aliyun")]].concat(), "InvalidTagKey.Malformed").await;
    ask(&[&base[..], &[("Tag.1.Key", "a=b")]].concat(), "InvalidTagKey.Malformed").await;
    ask(&[&base[..], &[("Tag.1.Key", "k"), ("Tag.1.Value", "https://x")]].concat(), "InvalidTagValue.Malformed").await;
    ask(&[&base[..], &[("Tag.1.Key", "k"), ("Tag.2.Key", "k")]].concat(), "Duplicate.TagKey").await;
    ask(&[&base[..], &[("Tag.1.Key", "k"), ("Tag.2.Key", "K")]].concat(), "TagKey.Duplication").await;
    ask(&[&[("ResourceType", "keypair")], &base[1..], &tag].concat(), "InvalidResourceType.NotFound").await;
    ask(&[&base[..], &[("ResourceId.2", "m-1")], &tag].concat(), "InvalidResourceId.NotFound").await;
    ask(&[&base[..], &[("ResourceId.2", disk.as_str())], &tag].concat(), "InvalidResourceId.NotFound").await;
    ask(&[&base[..], &[("RegionId", "local-2")], &tag].concat(), "InvalidResourceId.NotFound").await;
    let names: Vec<_> = (1..=51).map(|n| format!("ResourceId.{n}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), image.as_str())).collect();
    ask(&[&base[..1], &many, &tag].concat(), "NumberExceed.ResourceIds").await;
    let names: Vec<_> = (1..=21).map(|n| (format!("Tag.{n}.Key"), format!("k{n}"))).collect();
    let many: Vec<_> = names.iter().map(|(name, key)| (name.as_str(), key.as_str())).collect();
    ask(&[&base[..], &many].concat(), "NumberExceed.Tags").await;
    assert!(tags_of(&world, "image", &image).await.is_empty());
    world.owner.ask("TagResources", &[&base[..], &many[..20]].concat()).await.ok();
    ask(&[&base[..], &tag].concat(), "OperationDenied.QuotaExceed").await;
    let theirs = world.other.ask("TagResources", &[&base[..], &tag].concat()).await;
    theirs.refused("InvalidResourceId.NotFound");
    assert_eq!(tags_of(&world, "image", &image).await.len(), 20);
    world
}

async fn untag(world: World) -> World {
    for (kind, id) in things(&world).await {
        let base = [("ResourceType", kind), ("ResourceId.1", id.as_str())];
        let tags = [("Tag.1.Key", "a"), ("Tag.1.Value", "1"), ("Tag.2.Key", "b"), ("Tag.3.Key", "c")];
        world.owner.ask("TagResources", &[&base[..], &tags].concat()).await.ok();
        let keys = [("TagKey.1", "a"), ("TagKey.2", "never there"), ("All", "true")];
        world.owner.ask("UntagResources", &[&base[..], &keys].concat()).await.ok();
        assert_eq!(tags_of(&world, kind, &id).await, ["b=", "c="], "{kind}");
        world.owner.ask("UntagResources", &base).await.refused("MissingParameter.TagKeys");
        world.owner.ask("UntagResources", &[&base[..], &[("All", "True")]].concat()).await.ok();
        assert!(tags_of(&world, kind, &id).await.is_empty(), "{kind}");
    }
    let ask = async |params: &[(&str, &str)], code: &str| {
        world.owner.ask("UntagResources", params).await.refused(code);
    };
    ask(&[("ResourceType", "image"), ("All", "true")], "MissingParameter.ResourceIds").await;
    ask(&[("ResourceType", "images"), ("ResourceId.1", "m-1"), ("All", "true")], "InvalidResourceType.NotFound").await;
    ask(&[("ResourceType", "image"), ("ResourceId.1", "m-1"), ("All", "true")], "InvalidResourceId.NotFound").await;
    let base = [("ResourceType", "image"), ("ResourceId.1", "m-1")];
    let names: Vec<_> = (1..=21).map(|n| format!("TagKey.{n}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "k")).collect();
    ask(&[&base[..], &many].concat(), "NumberExceed.TagKeys").await;
    let names: Vec<_> = (1..=51).map(|n| format!("ResourceId.{n}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "m-1")).collect();
    ask(&[&base[..1], &many].concat(), "NumberExceed.ResourceIds").await;
    world
}

async fn list(world: World) -> World {
    let mut all = Vec::new();
    for number in 0..53 {
        let tags = ["k=v".to_owned(), format!("n={number}")];
        all.push(world.snapshot(DiskKind::Data, |snapshot| snapshot.tags = tags.into()).await);
        world.engine.pass(Duration::from_secs(1));
    }
    world.snapshot(DiskKind::Data, |_| {}).await;
    let base = [("ResourceType", "snapshot")];
    let ask = async |more: &[(&str, &str)]| world.owner.ask("ListTagResources", &[&base[..], more].concat()).await;
    let first = ask(&[("Tag.1.Key", "k")]).await.ok();
    let token = first["NextToken"].as_str().expect("a token");
    let second = ask(&[("Tag.1.Key", "k"), ("NextToken", token)]).await.ok();
    assert_eq!(second["NextToken"], "");
    let mut found = Vec::new();
    for page in [&first, &second] {
        let lines = page["TagResources"]["TagResource"].as_array().expect("a list");
        found.extend(lines.iter().filter(|line| line["TagKey"] == "k").map(|line| line["ResourceId"].clone()));
    }
    all.reverse();
    assert_eq!(json!(found), json!(all));
    for (more, count) in [
        (vec![("Tag.1.Key", "k"), ("Tag.2.Key", "n"), ("Tag.2.Value", "7")], 2),
        (vec![("Tag.1.Key", "k"), ("Tag.1.Value", "w")], 0),
        (vec![("ResourceId.1", all[0].as_str()), ("ResourceId.9", all[1].as_str())], 4),
        (vec![("ResourceId.1", all[0].as_str()), ("Tag.1.Key", "n"), ("Tag.1.Value", "0")], 0),
        (vec![("ResourceId.1", "s-1")], 0),
    ] {
        let body = ask(&more).await.ok();
        assert_eq!(body["TagResources"]["TagResource"].as_array().map(Vec::len), Some(count), "{more:?}");
    }
    let theirs = [("ResourceType", "snapshot"), ("ResourceId.1", all[0].as_str())];
    let body = world.other.ask("ListTagResources", &theirs).await.ok();
    assert_eq!(body["TagResources"]["TagResource"], json!([]));
    ask(&[]).await.refused("BothEmpty.TagsAndResources");
    ask(&[("Tag.1.Value", "v")]).await.refused("InvalidParameter.TagValue");
    ask(&[("Tag.1.Key", "k"), ("NextToken", "m-1")]).await.refused("InvalidNextToken.Malformed");
    let gone = [("Tag.1.Key", "k"), ("NextToken", "s-0000000000000000000000000")];
    ask(&gone).await.refused("InvalidNextToken.Malformed");
    let names: Vec<_> = (1..=51).map(|n| format!("ResourceId.{n}")).collect();
    ask(&names.iter().map(|name| (name.as_str(), "s-1")).collect::<Vec<_>>()).await.refused("NumberExceed.ResourceIds");
    let names: Vec<_> = (1..=21).map(|n| format!("Tag.{n}.Key")).collect();
    ask(&names.iter().map(|name| (name.as_str(), "k")).collect::<Vec<_>>()).await.refused("NumberExceed.Tags");
    let unknown = [("ResourceType", "vpc"), ("ResourceId.1", "s-1")];
    world.owner.ask("ListTagResources", &unknown).await.refused("InvalidResourceType.NotFound");
    world
}

async fn add(world: World) -> World {
    for (kind, id) in things(&world).await {
        let base = [("ResourceType", kind), ("ResourceId", id.as_str())];
        let tags = [("Tag.1.key", "a"), ("Tag.1.value", "1"), ("Tag.2.Key", "b")];
        world.owner.ask("AddTags", &[&base[..], &tags].concat()).await.ok();
        world.owner.ask("AddTags", &[&base[..], &[("Tag.1.Key", "a"), ("Tag.1.Value", "2")]].concat()).await.ok();
        assert_eq!(tags_of(&world, kind, &id).await, ["a=2", "b="], "{kind}");
        let names: Vec<_> = (1..=21).map(|n| (format!("Tag.{n}.Key"), format!("k{n}"))).collect();
        let many: Vec<_> = names.iter().map(|(name, key)| (name.as_str(), key.as_str())).collect();
        for (more, code) in [
            (&[][..], "MissingParameter"),
            (&[("Tag.1.Key", "acs:a")], "InvalidTagKey.Malformed"),
            (&[("Tag.1.Key", "a"), ("Tag.1.Value", "acs:a")], "InvalidTagValue.Malformed"),
            (&[("Tag.1.Key", "a"), ("Tag.2.Key", "a")], "Duplicate.TagKey"),
            (&many, "InvalidTagCount"),
            (&many[..20], "QuotaExceed.Tags"),
        ] {
            world.owner.ask("AddTags", &[&base[..], more].concat()).await.refused(code);
        }
    }
    for (kind, id, code) in
        [("disks", "d-1", "InvalidResourceType.NotFound"), ("disk", "d-1", "InvalidResourceId.NotFound")]
    {
        let params = [("ResourceType", kind), ("ResourceId", id), ("Tag.1.Key", "k")];
        world.owner.ask("AddTags", &params).await.refused(code);
    }
    world
}

async fn remove(world: World) -> World {
    let [(_, image), ..] = things(&world).await;
    let base = [("ResourceType", "image"), ("ResourceId", image.as_str())];
    let tags = [("Tag.1.Key", "a"), ("Tag.1.Value", "1"), ("Tag.2.Key", "b"), ("Tag.2.Value", "2"), ("Tag.3.Key", "c")];
    world.owner.ask("AddTags", &[&base[..], &tags].concat()).await.ok();
    let other_value = [("Tag.1.Key", "a"), ("Tag.1.Value", "9"), ("Tag.2.Key", "nosuch")];
    world.owner.ask("RemoveTags", &[&base[..], &other_value].concat()).await.ok();
    assert_eq!(tags_of(&world, "image", &image).await, ["a=1", "b=2", "c="]);
    let mixed = [("Tag.1.Key", "a"), ("Tag.1.Value", "1"), ("Tag.2.Key", "b")];
    world.owner.ask("RemoveTags", &[&base[..], &mixed].concat()).await.ok();
    assert_eq!(tags_of(&world, "image", &image).await, ["c="]);
    world.owner.ask("RemoveTags", &base).await.refused("MissingParameter");
    world.owner.ask("RemoveTags", &[&base[..], &[("Tag.1.Value", "x")]].concat()).await.refused("InvalidTag.Mismatch");
    let names: Vec<_> = (1..=21).map(|n| format!("Tag.{n}.Key")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "k")).collect();
    world.owner.ask("RemoveTags", &[&base[..], &many].concat()).await.refused("InvalidTagCount");
    for (kind, id, code) in [
        ("", "m-1", "MissingParameter"),
        ("x", "m-1", "InvalidResourceType.NotFound"),
        ("image", "m-1", "InvalidResourceId.NotFound"),
    ] {
        let params = [("ResourceType", kind), ("ResourceId", id), ("Tag.1.Key", "k")];
        world.owner.ask("RemoveTags", &params).await.refused(code);
    }
    world
}

async fn describe(world: World) -> World {
    let things = things(&world).await;
    for (kind, id) in &things {
        let base = [("ResourceType", *kind), ("ResourceId.1", id.as_str())];
        world.owner.ask("TagResources", &[&base[..], &[("Tag.1.Key", "all")]].concat()).await.ok();
    }
    let (_, disk) = &things[2];
    let base = [("ResourceType", "disk"), ("ResourceId.1", disk.as_str())];
    world.owner.ask("TagResources", &[&base[..], &[("Tag.1.Key", "k"), ("Tag.1.Value", "v")]].concat()).await.ok();
    let body = world.owner.ask("DescribeTags", &[]).await.ok();
    assert_eq!((&body["TotalCount"], &body["PageSize"]), (&json!(2), &json!(50)));
    let count = |tag: &Value, kind: &str| tag["ResourceTypeCount"][kind].as_u64();
    let first = &body["Tags"]["Tag"][0];
    assert_eq!((&first["TagKey"], &first["TagValue"]), (&json!("all"), &json!("")));
    for kind in ["Image", "Instance", "Disk", "Snapshot"] {
        assert_eq!(count(first, kind), Some(1), "{kind}");
    }
    for (params, keys) in [
        (vec![("Tag.1.Key", "k")], vec!["k"]),
        (vec![("Tag.1.Key", "k"), ("Tag.1.Value", "w")], vec![]),
        (vec![("Tag.1.Key", "k"), ("Tag.2.Key", "all")], vec!["all", "k"]),
        (vec![("ResourceType", "disk")], vec!["all", "k"]),
        (vec![("ResourceType", "image")], vec!["all"]),
        (vec![("ResourceType", "disk"), ("ResourceId", disk.as_str())], vec!["all", "k"]),
        (vec![("ResourceType", "disk"), ("ResourceId", "d-1")], vec![]),
        (vec![("PageSize", "1"), ("PageNumber", "2")], vec!["k"]),
        (vec![("RegionId", "local-2")], vec![]),
    ] {
        let body = world.owner.ask("DescribeTags", &params).await.ok();
        let found: Vec<_> = body["Tags"]["Tag"].as_array().expect("a list").iter().map(|tag| &tag["TagKey"]).collect();
        assert_eq!(json!(found), json!(keys), "{params:?}");
    }
    assert_eq!(world.other.ask("DescribeTags", &[]).await.ok()["TotalCount"], 0);
    world.owner.ask("DescribeTags", &[("PageSize", "101")]).await.refused("InvalidParameter");
    world.owner.ask("DescribeTags", &[("Tag.1.Value", "v")]).await.refused("InvalidTag.Mismatch");
    world.owner.ask("DescribeTags", &[("ResourceType", "vpc")]).await.refused("InvalidResourceType.NotFound");
    world
}

async fn join(world: World) -> World {
    let group = imprint_service::CreateGroup {
        id: "rg-web".to_owned(),
        name: "web".to_owned(),
        display_name: "Web".to_owned(),
    };
    let mut caller = imprint_service::testing::caller("", "manager");
    caller.project = Some(world.project("acme").await);
    let service = &world.engine.service;
    service.create_group(&caller, group, imprint_service::Ask::default()).await.expect("a group");
    let things = things(&world).await;
    for (kind, id) in &things {
        let base = [("ResourceType", *kind), ("ResourceId", id.as_str())];
        world.owner.ask("JoinResourceGroup", &[&base[..], &[("ResourceGroupId", "rg-web")]].concat()).await.ok();
        for (group, code) in
            [("rg-none", "InvalidResourceGroup.NotFound"), ("\u{540d}", "InvalidResourceGroup.NotFound")]
        {
            let params = [&base[..], &[("ResourceGroupId", group)]].concat();
            world.owner.ask("JoinResourceGroup", &params).await.refused(code);
        }
        world.owner.ask("JoinResourceGroup", &base).await.refused("MissingParameter");
    }
    for kind in ["Instance", "Disk", "Snapshot"] {
        assert_eq!(ids(&world, kind, &[("ResourceGroupId", "rg-web")]).await.len(), 1, "{kind}");
    }
    let (_, disk) = &things[2];
    let base = [("ResourceType", "disk"), ("ResourceId", disk.as_str())];
    world.owner.ask("JoinResourceGroup", &[&base[..], &[("ResourceGroupId", "")]].concat()).await.ok();
    assert!(ids(&world, "Disk", &[("ResourceGroupId", "rg-web")]).await.is_empty());
    for (kind, id, code) in
        [("disks", "d-1", "InvalidResourceType.NotFound"), ("disk", "d-1", "InvalidResourceId.NotFound")]
    {
        let params = [("ResourceType", kind), ("ResourceId", id), ("ResourceGroupId", "rg-web")];
        world.owner.ask("JoinResourceGroup", &params).await.refused(code);
    }
    world
}
