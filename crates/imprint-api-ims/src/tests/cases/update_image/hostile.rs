//! Requests that nobody should send, and many that come at once.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::change;
use crate::tests::{Way, World};

/// "Specifies the operation. The value can be add, replace, or remove." "/ needs to be added in front of it."
pub(super) async fn malformed(world: World) -> World {
    let id = world.image(|_| {}).await;
    let path = format!("/v2/cloudimages/{id}");
    let before = world.stored(id).await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let nested = format!(r#"[{{"op":"add","path":"/a","value":{}"x"{}}}]"#, "[".repeat(100), "]".repeat(100));
    for (content, code) in [
        ("", "IMG.0007"),
        (" \n", "IMG.0007"),
        ("{", "IMG.0001"),
        ("null", "IMG.0001"),
        ("{}", "IMG.0001"),
        ("\"add\"", "IMG.0001"),
        ("[1]", "IMG.0001"),
        ("[null]", "IMG.0001"),
        ("[[]]", "IMG.0001"),
        ("[{}]", "IMG.0001"),
        ("[] []", "IMG.0001"),
        (&deep, "IMG.0001"),
        (&nested, "IMG.0001"),
    ] {
        let answer = world.owner.ask_as("PATCH", &path, "application/json", content.into()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, code), "{:.20}", content);
    }
    world.owner.ask_as("PATCH", &path, "application/json", vec![b'[', 0xff, b']']).await.refused("IMG.0001");
    for op in [json!("test"), json!("move"), json!("copy"), json!("Add"), json!(""), json!(1), json!(null)] {
        let body = json!([{ "op": op, "path": "/name", "from": "/name", "value": "x" }]);
        world.owner.patch(&path, &body).await.refused("IMG.0001");
    }
    let long = format!("/{}", "x".repeat(300));
    let deep = "/a".repeat(1_000);
    for pointer in
        ["name", "", "/", "//", "/a/b", "/name/", "/a~1b", "/a~0b", "/~", "/a\u{0}", "/a\nb", "/tags/-", &long, &deep]
    {
        let body = json!([{ "op": "add", "path": pointer, "value": "x" }]);
        world.owner.patch(&path, &body).await.refused("IMG.0001");
    }
    for element in [
        json!({ "path": "/name", "value": "x" }),
        json!({ "op": "replace", "value": "x" }),
        json!({ "op": "replace", "path": 1, "value": "x" }),
        json!({ "op": "replace", "path": "/name" }),
        json!({ "op": "add", "path": "/extension" }),
    ] {
        world.owner.patch(&path, &json!([element])).await.refused("IMG.0001");
    }
    assert_eq!(world.stored(id).await, before);
    forms_that_are_taken(&world, &path).await;
    world
}

/// Media types in use, members that are not looked at, and `remove` with and without a value.
async fn forms_that_are_taken(world: &World, path: &str) {
    let body = json!([{ "op": "add", "path": "/a", "value": "x", "more": [1] }]).to_string().into_bytes();
    for media_type in [
        "application/json",
        "application/json;charset=utf-8",
        "application/json; charset=UTF-8",
        "application/openstack-images-v2.1-json-patch",
    ] {
        for way in [Way::A, Way::Token] {
            world.owner.by(way).ask_as("PATCH", path, media_type, body.clone()).await.ok();
        }
    }
    for media_type in
        ["text/plain", "application/x-www-form-urlencoded", "application/openstack-images-v2.0-json-patch"]
    {
        world.owner.ask_as("PATCH", path, media_type, body.clone()).await.refused("IMG.0001");
    }
    for value in [json!("x"), json!(null), json!({})] {
        change(&world.owner, path, "add", "a", &json!("x")).await.ok();
        change(&world.owner, path, "remove", "a", &value).await.ok();
    }
}

pub(super) async fn many(world: World) -> World {
    let id = world.image(|_| {}).await;
    let path = format!("/v2/cloudimages/{id}");
    let before = world.stored(id).await;
    let patch = |count: usize, name: fn(usize) -> String| -> Value {
        (0..count).map(|place| json!({ "op": "add", "path": name(place), "value": "x" })).collect()
    };
    let same = |_: usize| "/name".to_owned();
    let each = |place: usize| format!("/x{place}");
    world.owner.patch(&path, &patch(10_000, same)).await.refused("IMG.0001");
    world.owner.patch(&path, &patch(10_000, each)).await.refused("IMG.0001");
    // more attributes than one image has
    world.owner.patch(&path, &patch(1_000, each)).await.refused("IMG.0035");
    assert_eq!(world.stored(id).await, before);
    // one path as often as one patch may name it
    assert_eq!(world.owner.patch(&path, &patch(1_000, same)).await.ok()["name"], "x");
    let most = world.owner.patch(&path, &patch(128, each)).await.ok();
    assert_eq!(most["x127"], "x");
    change(&world.owner, &path, "add", "x128", &json!("x")).await.refused("IMG.0035");
    world
}

/// Serialised: of every patch that was acknowledged there is a trace, and each answer shows its own.
pub(super) async fn races(world: World) -> World {
    let id = world.image(|_| {}).await;
    let path = format!("/v2/cloudimages/{id}");
    let asked = (0..64).map(|number| {
        let (client, path) = (world.owner.clone(), path.clone());
        tokio::spawn(async move {
            let body = json!([
                { "op": "add", "path": format!("/x{number}"), "value": number.to_string() },
                { "op": "add", "path": "/__description", "value": number.to_string() },
                { "op": "replace", "path": "/min_ram", "value": number },
            ]);
            (number, client.patch(&path, &body).await.ok())
        })
    });
    let mut seen = Vec::new();
    for answer in join_all(asked).await {
        let (number, shown) = answer.expect("ran");
        assert_eq!(shown[format!("x{number}")], number.to_string());
        // all of a patch or none of it
        assert_eq!(shown["__description"], shown["min_ram"].to_string());
        seen.push(shown.as_object().expect("an object").keys().filter(|key| key.starts_with('x')).count());
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=64).collect::<Vec<_>>(), "each saw all before it");
    world
}

/// Either first: the one deletes what the other changed, or the other finds nothing.
pub(super) async fn race_with_deletion(world: World) -> World {
    let caller = imprint_service::testing::caller(world.owner.project.as_str(), "member");
    for round in 0..16 {
        let id = world.image(|image| image.content = None).await;
        let path = format!("/v2/cloudimages/{id}");
        let body = json!([{ "op": "replace", "path": "/name", "value": "new" }]);
        let (service, client) = (world.engine.service.clone(), world.owner.clone());
        let (caller, target) = (caller.clone(), path.clone());
        let deleted = tokio::spawn(async move { service.delete_image(&caller, id).await });
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        let patched = client.patch(&target, &body).await;
        deleted.await.expect("ran").expect("deleted");
        if patched.status == 404 {
            patched.refused("IMG.0027");
        } else {
            assert_eq!(patched.ok()["name"], "new");
        }
        world.owner.patch(&path, &body).await.refused("IMG.0027");
    }
    world
}
