//! Whom images are offered to: one by one, and in batches.

use imprint_model::{ProjectId, Visibility};
use serde_json::{Value, json};

use super::{Case, case};
use crate::tests::{Client, World};

pub(super) const CASES: &[Case] = &[
    case("native_add_member", &["OK", "IMG.0112"], "an offer is made, seen, answered and taken back", |world| {
        Box::pin(one_by_one(world))
    }),
    case("native_list_members", &["OK", "IMG.0027"], "an offer is made, seen, answered and taken back", |world| {
        Box::pin(one_by_one(world))
    }),
    case("native_show_member", &["OK", "IMG.0108"], "an offer is made, seen, answered and taken back", |world| {
        Box::pin(one_by_one(world))
    }),
    case(
        "native_update_member",
        &["OK", "IMG.0001", "IMG.0007", "IMG.0026", "IMG.0108"],
        "an offer is made, seen, answered and taken back",
        |world| Box::pin(one_by_one(world)),
    ),
    case(
        "native_delete_member",
        &["OK", "IMG.0047", "IMG.0108"],
        "an offer is made, seen, answered and taken back",
        |world| Box::pin(one_by_one(world)),
    ),
    case("list_members", &["OK", "IMG.0001", "IMG.0027", "IMG.0030"], "members come in pages", |world| {
        Box::pin(paged(world))
    }),
    case("show_member", &["OK", "IMG.0108"], "members come in pages", |world| Box::pin(paged(world))),
    case(
        "native_add_member",
        &["IMG.0001", "IMG.0007", "IMG.0027", "IMG.0047", "IMG.0067", "IMG.0076", "IMG.0088", "IMG.0089", "IMG.0098"],
        "what cannot be offered is refused",
        |world| Box::pin(refused(world)),
    ),
    case(
        "add_members",
        &[
            "OK", "IMG.0001", "IMG.0007", "IMG.0027", "IMG.0041", "IMG.0047", "IMG.0067", "IMG.0076", "IMG.0088",
            "IMG.0089", "IMG.0098", "IMG.0105",
        ],
        "a batch is carried out whole, and its job has ended",
        |world| Box::pin(batch(world)),
    ),
    case(
        "update_members",
        &["OK", "IMG.0030", "IMG.0108"],
        "a batch is carried out whole, and its job has ended",
        |world| Box::pin(batch(world)),
    ),
    case("delete_members", &["OK", "IMG.0047"], "a batch is carried out whole, and its job has ended", |world| {
        Box::pin(batch(world))
    }),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

async fn kind(client: &Client, id: &str) -> Value {
    client.get(&format!("/v2/cloudimages?id={id}")).await.ok()["images"][0]["__imagetype"].clone()
}

async fn one_by_one(world: World) -> World {
    let id = world.image(|_| {}).await.to_string();
    let (owner, friend) = (&world.owner, &world.other);
    let path = format!("/v2/images/{id}/members");
    let own = format!("{path}/{}", friend.project);
    assert_eq!(owner.get(&path).await.ok(), json!({ "members": [], "schema": "/v2/schemas/members" }));
    friend.get(&path).await.refused("IMG.0027");
    let made = owner.post(&path, &json!({ "member": friend.project.0 })).await.ok();
    assert_eq!((&made["status"], &made["member_id"]), (&json!("pending"), &json!(friend.project.0)));
    assert_eq!((&made["image_id"], &made["schema"]), (&json!(id), &json!("/v2/schemas/member")));
    owner.post(&path, &json!({ "member": friend.project.0 })).await.refused("IMG.0112");
    assert_eq!(kind(owner, &id).await, "shared");
    assert_eq!(friend.get(&own).await.ok()["status"], "pending");
    owner.put(&own, &json!({ "status": "accepted" })).await.refused("IMG.0026");
    friend.put(&own, &json!({ "status": "odd" })).await.refused("IMG.0001");
    friend.ask("PUT", &own, None).await.refused("IMG.0007");
    friend.put(&format!("{path}/{}", owner.project), &json!({ "status": "accepted" })).await.refused("IMG.0047");
    owner.put(&format!("{path}/{}", owner.project), &json!({ "status": "accepted" })).await.refused("IMG.0108");
    let answered = friend.put(&own, &json!({ "status": "accepted", "vault_id": null })).await.ok();
    assert_eq!(answered["status"], "accepted");
    assert_eq!(friend.get("/v2/cloudimages").await.ok()["images"][0]["id"], json!(id));
    friend.put(&own, &json!({ "status": "rejected" })).await.ok();
    assert_eq!(friend.get("/v2/cloudimages").await.ok()["images"], json!([]));
    friend.get(&format!("/v2/images/{id}")).await.ok();
    friend.delete(&own).await.refused("IMG.0047");
    owner.delete(&own).await.done();
    owner.delete(&own).await.refused("IMG.0108");
    owner.get(&own).await.refused("IMG.0108");
    assert_eq!(kind(owner, &id).await, "private");
    friend.get(&format!("/v2/images/{id}")).await.refused("IMG.0027");
    world
}

async fn paged(world: World) -> World {
    let id = world.image(|_| {}).await;
    let (owner, project) = (&world.owner, &world.owner.project);
    let names: Vec<String> = (0..5).map(|_| ProjectId::random().0).collect();
    owner.post("/v1/cloudimages/members", &json!({ "images": [id.to_string()], "projects": names })).await.ok();
    let path = format!("/v1/{project}/cloudimages/{id}/members");
    let mut found: Vec<String> = Vec::new();
    let mut marker = String::new();
    loop {
        let page = owner.get(&format!("{path}?limit=2{marker}")).await.ok();
        let members = page["members"].as_array().expect("an array");
        assert_eq!(page["page_info"]["current_count"], members.len());
        found.extend(members.iter().map(|member| member["member_id"].as_str().expect("text").to_owned()));
        let Some(next) = page["page_info"]["next_marker"].as_str() else { break };
        marker = format!("&marker={next}");
    }
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(found, sorted);
    assert_eq!(owner.get(&format!("{path}/{}", names[0])).await.ok()["member_id"], json!(names[0]));
    owner.get(&format!("{path}/nobody")).await.refused("IMG.0108");
    owner.get(&format!("{path}?limit=x")).await.refused("IMG.0001");
    owner.get(&format!("{path}?marker=nobody")).await.refused("IMG.0001");
    world.other.get(&path).await.refused("IMG.0030");
    owner
        .get(&format!("/v1/{project}/cloudimages/33ad552d-1149-471c-8190-ff6776174a00/members"))
        .await
        .refused("IMG.0027");
    world
}

async fn refused(world: World) -> World {
    let owner = &world.owner;
    let plain = world.image(|_| {}).await;
    let public = world.image(|image| image.visibility = Visibility::Public).await;
    let locked =
        world.image(|image| drop(image.properties.insert("__system__cmkid".to_owned(), Some("key".to_owned())))).await;
    let path = |id: &dyn std::fmt::Display| format!("/v2/images/{id}/members");
    let friend = json!({ "member": world.other.project.0 });
    owner.post(&path(&plain), &json!({ "member": owner.project.0 })).await.refused("IMG.0076");
    owner.post(&path(&public), &friend).await.refused("IMG.0089");
    owner.post(&path(&locked), &friend).await.refused("IMG.0098");
    owner.post(&path(&"nonsense"), &friend).await.refused("IMG.0027");
    world.other.post(&path(&plain), &friend).await.refused("IMG.0027");
    owner.post(&path(&plain), &json!({})).await.refused("IMG.0001");
    owner.ask("POST", &path(&plain), None).await.refused("IMG.0007");
    owner.post(&path(&plain), &json!({ "member": "ümläut" })).await.refused("IMG.0067");
    owner.post(&path(&plain), &friend).await.ok();
    world.other.post(&path(&plain), &json!({ "member": "third" })).await.refused("IMG.0047");
    world.engine.service.set_quota(&owner.project, "image_members", Some(1)).await.expect("set");
    owner.post(&path(&plain), &json!({ "member": "third" })).await.refused("IMG.0088");
    let members = owner.get(&path(&plain)).await.ok();
    assert_eq!(members["members"].as_array().expect("an array").len(), 1);
    world
}

async fn batch(world: World) -> World {
    let (owner, friend) = (&world.owner, &world.other);
    let ids = [world.image(|_| {}).await.to_string(), world.image(|_| {}).await.to_string()];
    let path = "/v1/cloudimages/members";
    let project = friend.project.0.clone();
    let started = owner.post(path, &json!({ "images": ids, "projects": [project] })).await.ok();
    let job = started["job_id"].as_str().expect("text").to_owned();
    let told = owner.get(&format!("/v1/{}/jobs/{job}", owner.project)).await.ok();
    assert_eq!((&told["status"], &told["job_type"]), (&json!("SUCCESS"), &json!("imsAddImageMembersJob")));
    let result = |id: &String| json!({ "image_id": id, "project_id": project, "status": "success" });
    assert_eq!(told["entities"]["results"], json!([result(&ids[0]), result(&ids[1])]));
    let answer = json!({ "images": ids, "project_id": project, "status": "accepted" });
    owner.put(path, &answer).await.refused("IMG.0030");
    let job = friend.put(path, &answer).await.ok()["job_id"].as_str().expect("text").to_owned();
    let told = friend.get(&format!("/v1/{}/jobs/{job}", friend.project)).await.ok();
    assert_eq!((&told["status"], &told["job_type"]), (&json!("SUCCESS"), &json!("imsUpdateImageMembersJob")));
    assert_eq!(friend.get("/v2/cloudimages?__imagetype=shared").await.ok()["images"].as_array().expect("two").len(), 2);
    let public = world.image(|image| image.visibility = Visibility::Public).await.to_string();
    let locked = world
        .image(|image| drop(image.properties.insert("__system__cmkid".to_owned(), Some("key".to_owned()))))
        .await
        .to_string();
    for (body, code) in [
        (json!({ "images": [ids[0], public], "projects": ["third"] }), "IMG.0089"),
        (json!({ "images": [ids[0], locked], "projects": ["third"] }), "IMG.0098"),
        (json!({ "images": [ids[0], "nonsense"], "projects": ["third"] }), "IMG.0027"),
        (json!({ "images": ids, "projects": ["third", owner.project.0] }), "IMG.0076"),
        (json!({ "images": ids, "projects": ["ümläut"] }), "IMG.0067"),
        (json!({ "images": ids, "projects": [] }), "IMG.0041"),
        (json!({ "images": ids, "projects": ["third"], "domains": ["d"] }), "IMG.0105"),
        (json!({ "images": [], "projects": ["third"] }), "IMG.0001"),
        (json!({ "images": vec![&ids[0]; 51], "projects": ["third"] }), "IMG.0001"),
    ] {
        owner.post(path, &body).await.refused(code);
    }
    owner.ask("POST", path, None).await.refused("IMG.0007");
    friend.post(path, &json!({ "images": ids, "projects": ["third"] })).await.refused("IMG.0047");
    friend.ask("DELETE", path, Some(&json!({ "images": ids, "projects": ["third"] }))).await.refused("IMG.0047");
    world.engine.service.set_quota(&owner.project, "image_members", Some(1)).await.expect("set");
    owner.post(path, &json!({ "images": ids, "projects": ["third"] })).await.refused("IMG.0088");
    let gone = owner.ask("DELETE", path, Some(&json!({ "images": ids, "projects": [project, "never"] }))).await.ok();
    let job = gone["job_id"].as_str().expect("text");
    let told = owner.get(&format!("/v1/{}/jobs/{job}", owner.project)).await.ok();
    assert_eq!((&told["job_type"], &told["entities"]["results"]), (&json!("imsDelImageMembersJob"), &json!([])));
    assert_eq!(friend.get("/v2/cloudimages").await.ok()["images"].as_array().expect("one").len(), 1, "the public one");
    owner.post(path, &json!({ "images": [world.image(|_| {}).await.to_string()], "projects": [project] })).await.ok();
    let first = json!({ "images": [ids[0]], "project_id": project, "status": "accepted" });
    friend.put(path, &first).await.refused("IMG.0027");
    let shown = world.image(|image| image.visibility = Visibility::Public).await.to_string();
    let never = json!({ "images": [shown], "project_id": project, "status": "accepted" });
    friend.put(path, &never).await.refused("IMG.0108");
    world
}
