//! Labels of images by all families of paths.

use imprint_model::{ImageId, Visibility};
use serde_json::{Value, json};

use super::{Case, case};
use crate::tests::World;

pub(super) const CASES: &[Case] = &[
    case("add_tag", &["OK", "IMG.0001", "IMG.0007", "IMG.0027", "IMG.0047", "IMG.0115", "IMG.0116"], ONE, |world| {
        Box::pin(one(world))
    }),
    case("list_tags", &["OK", "IMG.0027"], ONE, |world| Box::pin(one(world))),
    case("delete_tag", &["OK", "IMG.0047", "IMG.0115"], ONE, |world| Box::pin(one(world))),
    case(
        "change_tags",
        &["OK", "IMG.0001", "IMG.0047", "IMG.0115", "IMG.0116"],
        "several tags at once, all or none",
        |world| Box::pin(several(world)),
    ),
    case("list_project_tags", &["OK", "IMG.0030"], "all tags of a project, by key", |world| Box::pin(all(world))),
    case("put_tag", &["OK", "IMG.0001", "IMG.0027", "IMG.0047", "IMG.0115", "IMG.0116"], OLDER, |world| {
        Box::pin(older(world))
    }),
    case("list_image_tags", &["OK", "IMG.0001", "IMG.0024"], OLDER, |world| Box::pin(older(world))),
    case("delete_tags", &["OK", "IMG.0001", "IMG.0047", "IMG.0115"], OLDER, |world| Box::pin(older(world))),
    case("native_add_tag", &["OK", "IMG.0027", "IMG.0047", "IMG.0115", "IMG.0116"], OLDER, |world| {
        Box::pin(older(world))
    }),
    case("native_delete_tag", &["OK", "IMG.0027", "IMG.0047", "IMG.0115"], OLDER, |world| Box::pin(older(world))),
    case("find_tagged_images", &["OK"], "images are found by what tags they have and have not", |world| {
        Box::pin(found(world))
    }),
    case(
        "find_tagged_images",
        &["IMG.0001", "IMG.0007", "IMG.0115"],
        "questions that cannot be are refused",
        |world| Box::pin(not_found(world)),
    ),
];

const ONE: &str = "a tag is added, replaced, listed and taken away";
const OLDER: &str = "the older paths act on the same tags";

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

async fn tags(world: &World, id: ImageId) -> Vec<String> {
    world.stored(id).await.tags.into_iter().collect()
}

/// The path of an image's tags, and an image of another's that the first account sees.
async fn places(world: &World, id: ImageId) -> (String, String) {
    let other = world.project("other").await;
    let public = world.image(|image| (image.owner, image.visibility) = (other, Visibility::Public)).await;
    let path = |id: ImageId| format!("/v2/{}/images/{id}/tags", world.owner.project);
    (path(id), path(public))
}

async fn one(world: World) -> World {
    let (owner, id) = (&world.owner, world.image(|_| {}).await);
    let (path, foreign) = places(&world, id).await;
    let tag = |key: &str, value: &str| json!({ "tag": { "key": key, "value": value } });
    owner.post(&path, &tag(" key ", "v.1")).await.done();
    owner.post(&path, &tag("key", "v.1")).await.done();
    owner.post(&path, &tag("键", "")).await.done();
    owner.post(&path, &json!({ "tag": { "key": "only" } })).await.done();
    owner.post(&path, &tag("key", "two")).await.done();
    assert_eq!(tags(&world, id).await, ["key=two", "only", "键"]);
    let listed = owner.get(&path).await.ok();
    assert_eq!(listed["tags"][0], json!({ "key": "key", "value": "two" }));
    assert_eq!(listed["tags"][1], json!({ "key": "only", "value": "" }));
    let long = |length: usize| "x".repeat(length);
    owner.post(&path, &tag(&long(36), &long(43))).await.done();
    for (key, value) in [
        (long(37), String::new()),
        ("k".into(), long(44)),
        (String::new(), "v".into()),
        ("a=b".into(), String::new()),
        ("k".into(), "a b".into()),
    ] {
        owner.post(&path, &tag(&key, &value)).await.refused("IMG.0115");
    }
    owner.post(&path, &json!({ "tag": "key" })).await.refused("IMG.0001");
    owner.post(&path, &json!({ "tag": { "key": 5 } })).await.refused("IMG.0001");
    owner.post(&path, &json!({})).await.refused("IMG.0001");
    owner.ask("POST", &path, None).await.refused("IMG.0007");
    owner.post(&foreign, &tag("a", "b")).await.refused("IMG.0047");
    owner.delete(&format!("{foreign}/a")).await.refused("IMG.0047");
    world
        .other
        .post(&path.replace(&world.owner.project.0, &world.other.project.0), &tag("a", "b"))
        .await
        .refused("IMG.0027");
    for number in 0..6 {
        owner.post(&path, &tag(&format!("n{number}"), "")).await.done();
    }
    owner.post(&path, &tag("eleventh", "")).await.refused("IMG.0116");
    owner.post(&path, &tag("key", "instead")).await.done();
    owner.delete(&format!("{path}/%E9%94%AE")).await.done();
    owner.delete(&format!("{path}/%E9%94%AE")).await.refused("IMG.0115");
    let gone = owner.get(&path.replace(&id.to_string(), "33ad552d-1149-471c-8190-ff6776174a00")).await;
    assert_eq!((gone.status.as_u16(), gone.code().as_str()), (404, "IMG.0027"));
    world
}

async fn several(world: World) -> World {
    let (owner, id) = (&world.owner, world.image(|image| image.tags = ["kept=1".to_owned()].into()).await);
    let (path, foreign) = places(&world, id).await;
    let (path, foreign) = (format!("{path}/action"), format!("{foreign}/action"));
    let ask = |action: &str, tags: Value| json!({ "action": action, "tags": tags });
    let two = json!([{ "key": "a", "value": "1" }, { "key": "b", "value": "" }]);
    owner.post(&path, &ask("create", two.clone())).await.done();
    owner.post(&path, &ask("create", two.clone())).await.done();
    assert_eq!(tags(&world, id).await, ["a=1", "b", "kept=1"]);
    owner
        .post(&path, &ask("delete", json!([{ "key": "a" }, { "key": "never", "value": "not looked at: *" }])))
        .await
        .done();
    assert_eq!(tags(&world, id).await, ["b", "kept=1"]);
    owner.post(&path, &ask("create", json!([{ "key": "c" }, { "key": "c", "value": "2" }]))).await.refused("IMG.0115");
    owner.post(&path, &ask("create", json!([{ "key": "d" }, { "key": "bad key" }]))).await.refused("IMG.0115");
    owner.post(&path, &ask("delete", json!([{ "key": "x".repeat(128) }]))).await.refused("IMG.0115");
    let many: Vec<Value> = (0..11).map(|number| json!({ "key": format!("n{number}") })).collect();
    owner.post(&path, &ask("create", json!(many))).await.refused("IMG.0116");
    owner.post(&path, &ask("create", json!(many[..9]))).await.refused("IMG.0116");
    for (action, tags) in
        [("Create", two.clone()), ("create", json!([])), ("delete", json!("a")), ("delete", json!([5]))]
    {
        owner.post(&path, &ask(action, tags)).await.refused("IMG.0001");
    }
    owner.post(&foreign, &ask("create", two)).await.refused("IMG.0047");
    assert_eq!(tags(&world, id).await, ["b", "kept=1"], "nothing of a refused request is carried out");
    world
}

async fn tagged(world: &World, name: &str, tags: &[&str]) -> String {
    let id = world.image(|image| {
        image.name = Some(name.to_owned());
        image.tags = tags.iter().map(|&tag| tag.to_owned()).collect();
    });
    id.await.to_string()
}

async fn all(world: World) -> World {
    tagged(&world, "one", &["env=prod", "bare"]).await;
    tagged(&world, "two", &["env=test", "env2=prod"]).await;
    let path = format!("/v2/{}/images/tags", world.owner.project);
    let expected = json!([
        { "key": "bare", "values": [""] },
        { "key": "env", "values": ["prod", "test"] },
        { "key": "env2", "values": ["prod"] },
    ]);
    assert_eq!(world.owner.get(&path).await.ok()["tags"], expected);
    world.other.get(&path).await.refused("IMG.0030");
    let theirs = format!("/v2/{}/images/tags", world.other.project);
    assert_eq!(world.other.get(&theirs).await.ok()["tags"], json!([]));
    world
}

async fn older(world: World) -> World {
    let (owner, id) = (&world.owner, world.image(|_| {}).await);
    let (_, foreign) = places(&world, id).await;
    let foreign = foreign.split('/').nth(4).expect("an id").to_owned();
    let path = "/v1/cloudimages/tags";
    let text = |id: &dyn std::fmt::Display, tag: &str| json!({ "image_id": id.to_string(), "tag": tag });
    owner.put(path, &text(&id, "key.v.1")).await.done();
    owner.put(path, &text(&id, "bare")).await.done();
    owner.put(path, &json!({ "image_id": id.to_string(), "image_tag": { "key": "k", "value": "v" } })).await.done();
    assert_eq!(tags(&world, id).await, ["bare", "k=v", "key=v.1"]);
    assert_eq!(owner.get(path).await.ok()["tags"], json!(["bare", "k=v", "key=v.1"]));
    assert_eq!(owner.get(&format!("{path}?limit=2&page=2&tag=bare")).await.ok()["tags"], json!(["key=v.1"]));
    assert_eq!(owner.get(&format!("{path}?name=none")).await.ok()["tags"], json!([]));
    owner.get(&format!("{path}?page=0")).await.refused("IMG.0001");
    owner.get(&format!("{path}?__imagetype=odd")).await.refused("IMG.0024");
    owner.put(path, &text(&id, "")).await.refused("IMG.0115");
    owner.put(path, &text(&"nonsense", "a")).await.refused("IMG.0027");
    owner.put(path, &text(&foreign, "a")).await.refused("IMG.0047");
    owner.put(path, &json!({ "image_id": id.to_string() })).await.refused("IMG.0001");
    let gone = format!("/v1/{}/cloudimages/{id}/tags/delete", owner.project);
    owner.ask("DELETE", &gone, Some(&json!({ "tags": [{ "key": "k", "value": "v" }] }))).await.done();
    owner.ask("DELETE", &gone, Some(&json!({ "tags": [] }))).await.refused("IMG.0001");
    owner.ask("DELETE", &gone, Some(&json!({ "tags": [{ "key": "" }] }))).await.refused("IMG.0115");
    let theirs = format!("/v1/{}/cloudimages/{foreign}/tags/delete", owner.project);
    owner.ask("DELETE", &theirs, Some(&json!({ "tags": [{ "key": "k" }] }))).await.refused("IMG.0047");
    let native = |id: &dyn std::fmt::Display, tag: &str| format!("/v2/images/{id}/tags/{tag}");
    owner.ask("PUT", &native(&id, "native%20tag"), None).await.done();
    assert_eq!(tags(&world, id).await, ["bare", "key=v.1", "native tag"]);
    owner.ask("PUT", &native(&id, "a%3Db"), None).await.refused("IMG.0115");
    owner.ask("PUT", &native(&id, &"x".repeat(256)), None).await.refused("IMG.0115");
    owner.ask("PUT", &native(&"nonsense", "a"), None).await.refused("IMG.0027");
    owner.ask("PUT", &native(&foreign, "a"), None).await.refused("IMG.0047");
    owner.delete(&native(&id, "native%20tag")).await.done();
    owner.delete(&native(&id, "native%20tag")).await.refused("IMG.0115");
    owner.delete(&native(&"nonsense", "a")).await.refused("IMG.0027");
    owner.delete(&native(&foreign, "a")).await.refused("IMG.0047");
    for number in 0..8 {
        owner.ask("PUT", &native(&id, &format!("n{number}")), None).await.done();
    }
    owner.ask("PUT", &native(&id, "eleventh"), None).await.refused("IMG.0116");
    owner.put(path, &text(&id, "eleventh")).await.refused("IMG.0116");
    world
}

async fn found(world: World) -> World {
    let path = format!("/v2/{}/images/resource_instances/action", world.owner.project);
    let one = tagged(&world, "web one", &["env=prod", "tier=web"]).await;
    let two = tagged(&world, "web two", &["env=test", "tier=web", "bare"]).await;
    let three = tagged(&world, "db", &["env=prod", "tier=db"]).await;
    let none = tagged(&world, "plain", &[]).await;
    let key = |key: &str, values: &[&str]| json!({ "key": key, "values": values });
    for (member, value, expected) in [
        ("tags", json!([key("env", &["prod"])]), vec![&one, &three]),
        ("tags", json!([key("env", &["prod", "test"]), key("tier", &["web"])]), vec![&one, &two]),
        ("tags", json!([key("bare", &[])]), vec![&two]),
        ("tags", json!([key("bare", &[""])]), vec![&two]),
        ("tags_any", json!([key("bare", &[]), key("tier", &["db"])]), vec![&two, &three]),
        ("not_tags", json!([key("env", &["prod"]), key("tier", &["web"])]), vec![&two, &three, &none]),
        ("not_tags_any", json!([key("env", &["prod"]), key("bare", &[])]), vec![&none]),
        ("without_any_tag", json!(true), vec![&none]),
        ("matches", json!([{ "key": "resource_name", "value": "web" }]), vec![&one, &two]),
        ("matches", json!([{ "key": "resource_name", "value": "" }]), vec![]),
        ("matches", json!([{ "key": "resource_id", "value": three }]), vec![&three]),
        ("matches", json!([{ "key": "resource_id", "value": "nonsense" }]), vec![]),
    ] {
        let ask = |action: &str| json!({ "action": action, member: value });
        let listed = world.owner.post(&path, &ask("filter")).await.ok();
        let mut ids: Vec<&str> = listed["resources"]
            .as_array()
            .expect("an array")
            .iter()
            .map(|one| one["resource_id"].as_str().expect("text"))
            .collect();
        let mut expected: Vec<&str> = expected.into_iter().map(String::as_str).collect();
        ids.sort_unstable();
        expected.sort_unstable();
        assert_eq!(ids, expected, "{member} {value}");
        assert_eq!(listed["total_count"], ids.len());
        let counted = world.owner.post(&path, &ask("count")).await.ok();
        assert_eq!(counted, json!({ "total_count": ids.len() }));
    }
    let mut walked = Vec::new();
    for offset in 0..5 {
        let ask = json!({ "action": "filter", "limit": "3", "offset": offset.to_string() });
        let page = world.owner.post(&path, &ask).await.ok();
        assert_eq!(page["total_count"], 4);
        let resources = page["resources"].as_array().expect("an array");
        assert_eq!(resources.len(), (4 - offset).min(3));
        walked.extend(resources.first().map(|one| one["resource_id"].clone()));
    }
    assert_eq!(walked.len(), 4);
    let shown = world.owner.post(&path, &json!({ "action": "filter", "tags": [key("bare", &[])] })).await.ok();
    assert_eq!(shown["resources"][0]["resource_name"], "web two");
    assert_eq!(shown["resources"][0]["resource_detail"], json!({ "status": "active" }));
    assert_eq!(shown["resources"][0]["tags"][0], json!({ "key": "bare", "value": "" }));
    world
}

async fn not_found(world: World) -> World {
    let path = format!("/v2/{}/images/resource_instances/action", world.owner.project);
    world.owner.ask("POST", &path, None).await.refused("IMG.0007");
    let keys: Vec<Value> = (0..11).map(|number| json!({ "key": format!("k{number}"), "values": [] })).collect();
    let values: Vec<String> = (0..11).map(|number| number.to_string()).collect();
    for (body, code) in [
        (json!({}), "IMG.0001"),
        (json!({ "action": "Filter" }), "IMG.0001"),
        (json!({ "action": "filter", "limit": "0" }), "IMG.0001"),
        (json!({ "action": "filter", "limit": "1001" }), "IMG.0001"),
        (json!({ "action": "filter", "offset": "-1" }), "IMG.0001"),
        (json!({ "action": "filter", "tags": "k" }), "IMG.0001"),
        (json!({ "action": "filter", "tags": keys }), "IMG.0001"),
        (json!({ "action": "filter", "without_any_tag": "yes" }), "IMG.0001"),
        (json!({ "action": "filter", "matches": [{ "key": "odd", "value": "x" }] }), "IMG.0001"),
        (json!({ "action": "filter", "tags": [{ "key": "" }] }), "IMG.0115"),
        (json!({ "action": "filter", "tags": [{ "key": "k", "values": values }] }), "IMG.0115"),
        (json!({ "action": "filter", "tags": [{ "key": "k", "values": ["a", "a"] }] }), "IMG.0115"),
        (json!({ "action": "count", "tags_any": [{ "key": "k" }, { "key": "k" }] }), "IMG.0115"),
    ] {
        world.owner.post(&path, &body).await.refused(code);
    }
    world
}
