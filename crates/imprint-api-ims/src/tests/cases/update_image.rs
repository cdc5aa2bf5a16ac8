//! `update_image`: the required operation, statement by statement. Which statement of the requirement a function proves
//! is said above it, in the requirement's words.

mod hostile;
mod values;

use imprint_model::{Status, Visibility};
use serde_json::{Value, json};

use super::{Case, case};
use crate::tests::{Answer, Client, Way, World};

pub(super) const CASES: &[Case] = &[
    case("update_image", &["OK", "APIGW.0301"], "every way in works, and no other", |world| Box::pin(ways_in(world))),
    case("update_image", &["OK"], "the requirement's example is answered as it shows", |world| {
        Box::pin(the_example(world))
    }),
    case("update_image", &["OK", "IMG.0046"], "only information of images in active status can be changed", |world| {
        Box::pin(only_active(world))
    }),
    case("update_image", &["OK", "IMG.0027", "IMG.0047", "IMG.0026"], "whose the image is decides who may", |world| {
        Box::pin(whose(world))
    }),
    case("update_image", &["OK", "IMG.0035"], "every attribute is added, replaced and removed", |world| {
        Box::pin(values::every_operation_on_every_attribute(world))
    }),
    case(
        "update_image",
        &["IMG.0001", "IMG.0002", "IMG.0003", "IMG.0004", "IMG.0013", "IMG.0054", "IMG.0055", "IMG.0141", "IMG.0155"],
        "every value is held against its attribute's rules",
        |world| Box::pin(values::wrong_values(world)),
    ),
    case("update_image", &["OK", "IMG.0001"], "everything else cannot be changed here", |world| {
        Box::pin(values::unchangeable(world))
    }),
    case("update_image", &["OK", "IMG.0035"], "attributes that exclude one another are never on one image", |world| {
        Box::pin(values::exclusive(world))
    }),
    case("update_image", &["OK", "IMG.0001", "IMG.0007"], "op, path and value have one form", |world| {
        Box::pin(hostile::malformed(world))
    }),
    case(
        "update_image",
        &["OK", "IMG.0035", "IMG.0055"],
        "all operations are carried out, in order, or none",
        |world| Box::pin(all_or_nothing(world)),
    ),
    case(
        "update_image",
        &["OK", "IMG.0001", "IMG.0035"],
        "thousands of elements and attributes are bounded",
        |world| Box::pin(hostile::many(world)),
    ),
    case("update_image", &["OK"], "of patches that race one another all that are acknowledged are there", |world| {
        Box::pin(hostile::races(world))
    }),
    case("update_image", &["OK", "IMG.0027"], "an image that is deleted meanwhile is changed or gone", |world| {
        Box::pin(hostile::race_with_deletion(world))
    }),
    case("update_image", &["OK", "IMG.0035"], "what is changed here other dialects see", |world| {
        Box::pin(values::other_dialects(world))
    }),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

/// Changes one attribute.
async fn change(client: &Client, path: &str, op: &str, name: &str, value: &Value) -> Answer {
    client.patch(path, &json!([{ "op": op, "path": format!("/{name}"), "value": value }])).await
}

async fn ways_in(world: World) -> World {
    let id = world.image(|_| {}).await;
    let path = format!("/v2/cloudimages/{id}");
    for way in [Way::A, Way::AGo, Way::B, Way::Token] {
        let shown = world.owner.by(way).patch(&path, &json!([])).await.ok();
        assert_eq!(shown["id"], id.to_string());
    }
    let mut forged = world.owner.clone();
    forged.secret.push('x');
    for way in [Way::A, Way::AGo, Way::B] {
        let message = forged.by(way).patch(&path, &json!([])).await.refused("APIGW.0301");
        assert!(message.contains("verify aksk signature fail, canonicalRequest:PATCH|/v2/cloudimages/"), "{message}");
    }
    world
}

/// "Example request", "Example response": every member with its type and value, and no other but the two that later
/// revisions add to every image.
async fn the_example(world: World) -> World {
    let id = world
        .image(|image| {
            image.name = Some("before".to_owned());
            image.min_disk_gib = 40;
            image.facts.description = Some("ims test".to_owned());
            image.facts.os_name = Some("Ubuntu 14.04 server 64bit".to_owned());
            image.facts.copied_from = Some(image.id);
        })
        .await;
    let body = r#"[{"op": "replace", "path": "/name", "value": "ims_test"}]"#;
    world.engine.pass(std::time::Duration::from_secs(60));
    let answer = world.owner.ask_as("PATCH", &format!("/v2/cloudimages/{id}"), "application/json", body.into()).await;
    let expected = json!({
        "file": format!("/v2/images/{id}/file"),
        "owner": world.owner.project.as_str(),
        "id": id.to_string(),
        "size": 449_261_568,
        "self": format!("/v2/images/{id}"),
        "schema": "/v2/schemas/image",
        "status": "active",
        "tags": [],
        "visibility": "private",
        "name": "ims_test",
        "checksum": "99914b932bd37a50b983c5e7c90ae93b",
        "deleted": false,
        "protected": false,
        "container_format": "bare",
        "min_ram": 0,
        "updated_at": "2026-11-22T01:29:36Z",
        "__os_bit": "64",
        "__os_version": "Ubuntu 14.04 server 64bit",
        "__description": "ims test",
        "disk_format": "vhd",
        "__isregistered": "true",
        "__platform": "Ubuntu",
        "__os_type": "Linux",
        "min_disk": 40,
        "virtual_env_type": "FusionCompute",
        "__image_source_type": "uds",
        "__imagetype": "private",
        "created_at": "2026-11-22T01:28:36Z",
        "virtual_size": 0,
        "deleted_at": null,
        "__originalimagename": id.to_string(),
        "__backup_id": "",
        "__productcode": "",
        "__image_size": "449261568",
        "__data_origin": null,
        "hw_firmware_type": "bios",
        "enterprise_project_id": "0",
    });
    assert_eq!(answer.ok(), expected);
    world
}

/// "Only information of images in active status can be changed."
async fn only_active(world: World) -> World {
    for status in Status::ALL {
        let id = world.image(|image| image.status = status).await;
        let path = format!("/v2/cloudimages/{id}");
        for body in [json!([]), json!([{ "op": "replace", "path": "/name", "value": "new" }])] {
            let answer = world.owner.patch(&path, &body).await;
            if status == Status::Available {
                answer.ok();
            } else {
                assert_eq!(answer.status, 400);
                answer.refused("IMG.0046");
                assert_eq!(world.stored(id).await.name.as_deref(), Some("an image"), "{status}");
            }
        }
    }
    world
}

/// "404 The requested resource was not found", "403 You do not have the rights to perform the operation".
async fn whose(world: World) -> World {
    let body = json!([{ "op": "replace", "path": "/name", "value": "mine" }]);
    let path = |id: imprint_model::ImageId| format!("/v2/cloudimages/{id}");
    let unknown = imprint_model::ImageId::random().to_string();
    for id in [unknown.as_str(), "x", "%20", "33AD552D", "%27%3B--"] {
        let answer = world.owner.patch(&format!("/v2/cloudimages/{id}"), &body).await;
        assert_eq!(answer.status, 404);
        answer.refused("IMG.0027");
    }
    let private = world.image(|_| {}).await;
    for client in [&world.other, &world.root] {
        let answer = client.patch(&path(private), &body).await;
        assert_eq!(answer.status, 404);
        answer.refused("IMG.0027");
    }
    for visibility in [Visibility::Public, Visibility::Community] {
        let shown = world.image(|image| image.visibility = visibility).await;
        let answer = world.other.patch(&path(shown), &body).await;
        assert_eq!(answer.status, 403);
        answer.refused("IMG.0047");
        assert_eq!(world.stored(shown).await.name.as_deref(), Some("an image"));
        world.owner.patch(&path(shown), &body).await.ok();
    }
    // whoever may only look, in the project itself
    let user = world.user("other").await;
    world.grant(&user, world.owner.project.as_str(), "reader").await;
    let reader = Client { project: world.owner.project.clone(), ..world.other.clone() };
    let answer = reader.patch(&path(private), &body).await;
    assert_eq!(answer.status, 403);
    answer.refused("IMG.0026");
    assert_eq!(world.stored(private).await.name.as_deref(), Some("an image"));
    world
}

async fn all_or_nothing(world: World) -> World {
    let id = world.image(|_| {}).await;
    let path = format!("/v2/cloudimages/{id}");
    let before = world.stored(id).await;
    let bad = |last: Value| {
        json!([
            { "op": "replace", "path": "/name", "value": "new" },
            { "op": "add", "path": "/__description", "value": "new" },
            { "op": "add", "path": "/extension", "value": "new" },
            { "op": "replace", "path": "/min_ram", "value": 512 },
            last,
        ])
    };
    for (last, code) in [
        (json!({ "op": "replace", "path": "/min_ram", "value": -1 }), "IMG.0055"),
        (json!({ "op": "remove", "path": "/absent" }), "IMG.0035"),
        (json!({ "op": "replace", "path": "/max_ram", "value": 1 }), "IMG.0035"),
    ] {
        world.owner.patch(&path, &bad(last)).await.refused(code);
        assert_eq!(world.stored(id).await, before);
    }
    // in order: what was added is there to be replaced and removed
    let patch = json!([
        { "op": "add", "path": "/__description", "value": "one" },
        { "op": "replace", "path": "/__description", "value": "two" },
        { "op": "add", "path": "/extension", "value": "x" },
        { "op": "replace", "path": "/extension", "value": "y" },
        { "op": "remove", "path": "/extension" },
        { "op": "replace", "path": "/name", "value": "first" },
        { "op": "replace", "path": "/name", "value": "last" },
    ]);
    let shown = world.owner.patch(&path, &patch).await.ok();
    assert_eq!((&shown["__description"], &shown["name"]), (&json!("two"), &json!("last")));
    assert_eq!(shown.get("extension"), None);
    world
}
