//! `update_image`.

use serde_json::json;

use super::{Case, case};
use crate::tests::{Way, World};

pub(super) const CASES: &[Case] = &[
    case("update_image", &["OK", "APIGW.0301"], "every way in works, and no other", |world| {
        Box::pin(ways_in(world))
    }),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
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
