//! `show_job` and `show_job_progress`.

use imprint_model::JobId;
use imprint_service::{CreateImage, ImportImage, ImportSource, JobMark};
use serde_json::{Value, json};

use super::making::{BUCKET, bytes, done, file, job};
use super::{Case, case};
use crate::tests::{Client, Way, World};

pub(super) const CASES: &[Case] = &[
    case("show_job", &["OK"], "a job begins, goes on, and ends", |world| Box::pin(goes_on(world))),
    case("show_job", &["OK"], "other dialects' jobs are shown, too", |world| Box::pin(of_others(world))),
    case("show_job", &["OK"], "what was done at once is a job that has ended", |world| Box::pin(noted(world))),
    case("show_job", &["IMG.0023", "IMG.0030", "APIGW.0301"], "others' jobs are not there", |world| {
        Box::pin(refusals(world))
    }),
    case("show_job_progress", &["OK", "IMG.0023", "APIGW.0301"], "a job tells the share that is done", |world| {
        Box::pin(progress(world))
    }),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

async fn begun(world: &World) -> Value {
    let body = json!({ "name": "n", "image_url": file(world, "disk.raw", &bytes(1)), "min_disk": 1 });
    world.owner.post("/v2/cloudimages/action", &body).await.ok()
}

fn job_path(client: &Client, id: &str) -> String {
    format!("/v1/{}/jobs/{id}", client.project)
}

async fn goes_on(world: World) -> World {
    let answer = begun(&world).await;
    let id = answer["job_id"].as_str().expect("an id").to_owned();
    for way in [Way::A, Way::B, Way::Token] {
        let shown = world.owner.by(way).get(&job_path(&world.owner, &id)).await.ok();
        let members: Vec<&String> = shown.as_object().expect("an object").keys().collect();
        let expected =
            ["begin_time", "end_time", "entities", "error_code", "fail_reason", "job_id", "job_type", "status"];
        assert!(expected.iter().all(|name| members.iter().any(|member| member == name)), "{shown}");
        assert_eq!(members.len(), expected.len());
        assert_eq!((&shown["status"], &shown["begin_time"]), (&json!("INIT"), &json!("2026-11-22T01:28:36.000Z")));
        assert_eq!((&shown["end_time"], &shown["fail_reason"]), (&json!(""), &Value::Null));
    }
    world.engine.pass(std::time::Duration::from_millis(1_500));
    world.settle().await;
    let shown = job(&world, &answer).await;
    assert_eq!((&shown["status"], &shown["end_time"]), (&json!("SUCCESS"), &json!("2026-11-22T01:28:37.500Z")));
    world
}

async fn of_others(world: World) -> World {
    // what another dialect asks of the engine
    let service = &world.engine.service;
    let caller = imprint_model::Caller {
        project: Some(world.owner.project.clone()),
        ..imprint_service::testing::caller("acme", "member")
    };
    let image = service.create_image(&caller, CreateImage { id: None, owner: None, changes: Vec::new() });
    let image = image.await.expect("made");
    file(&world, "disk.raw", &bytes(1));
    let place = imprint_model::ObjectPlace { bucket: BUCKET.to_owned(), key: "disk.raw".to_owned() };
    let wanted =
        ImportImage { source: ImportSource::Object { place, as_found: false }, request: Value::Null, credential: None };
    let begun = service.import_image(&caller, image.id, wanted).await.expect("begun");
    world.settle().await;
    let shown = job(&world, &json!({ "job_id": begun.id.0.simple().to_string() })).await;
    assert_eq!((&shown["status"], &shown["job_type"]), (&json!("SUCCESS"), &json!("imsNativeImportImageJob")));

    let disk = imprint_service::ObjectDisk {
        place: imprint_model::ObjectPlace { bucket: BUCKET.to_owned(), key: "disk.raw".to_owned() },
        format: None,
        size_gib: None,
        letter: None,
    };
    let wanted = imprint_service::ImportObjects {
        id: imprint_model::ImageId::random(),
        region: "local-1".to_owned(),
        name: Some("theirs".to_owned()),
        facts: imprint_model::Facts::default(),
        tags: [].into(),
        disks: vec![disk],
    };
    let ask = imprint_service::Ask::default();
    let (image, begun) = service.import_objects(&caller, wanted, ask).await.expect("begun");
    let answer = json!({ "job_id": begun.0.simple().to_string() });
    service.cancel_job(&caller, begun).await.expect("cancelled");
    let shown = job(&world, &answer).await;
    assert_eq!((&shown["status"], &shown["error_code"]), (&json!("FAIL"), &json!("IMG.0018")));
    assert_eq!(shown["entities"], json!({ "image_id": image, "image_name": "" }), "the image went with it");
    world
}

async fn noted(world: World) -> World {
    let caller = imprint_model::Caller {
        project: Some(world.owner.project.clone()),
        ..imprint_service::testing::caller("acme", "member")
    };
    let results = json!({ "results": [{ "image_id": "i", "project_id": "p", "status": "success" }] });
    for (outcome, status) in [(Ok(results.clone()), "SUCCESS"), (Err("it went wrong".to_owned()), "FAIL")] {
        let mark = JobMark::new("imsAddImageMembersJob");
        let id = world.engine.service.note_job(&caller, mark, outcome).await.expect("noted");
        let shown = job(&world, &json!({ "job_id": id.0.simple().to_string() })).await;
        assert_eq!((&shown["status"], &shown["job_type"]), (&json!(status), &json!("imsAddImageMembersJob")));
        if status == "SUCCESS" {
            assert_eq!(shown["entities"], results);
        } else {
            assert_eq!(shown["fail_reason"], "it went wrong");
        }
    }
    world
}

async fn refusals(world: World) -> World {
    let answer = begun(&world).await;
    let id = answer["job_id"].as_str().expect("an id");
    let hyphens = id.parse::<uuid::Uuid>().expect("an id").to_string();
    let unknown = JobId::random().0.simple().to_string();
    for wrong in [&*unknown, &*hyphens, "x"] {
        world.owner.get(&job_path(&world.owner, wrong)).await.refused("IMG.0023");
    }
    world.other.get(&job_path(&world.other, id)).await.refused("IMG.0023");
    world.owner.get(&job_path(&world.other, id)).await.refused("IMG.0030");
    let mut forged = world.owner.clone();
    forged.secret.push('x');
    forged.get(&job_path(&world.owner, id)).await.refused("APIGW.0301");
    world
}

async fn progress(world: World) -> World {
    let answer = begun(&world).await;
    let path = format!("/v1/cloudimages/job/{}", answer["job_id"].as_str().expect("an id"));
    let shown = world.owner.get(&path).await.ok();
    assert_eq!((&shown["status"], &shown["entities"]["process_percent"]), (&json!("INIT"), &json!(0.0)));
    assert_eq!(shown["entities"]["subJobId"], answer["job_id"]);
    world.settle().await;
    let shown = world.owner.get(&path).await.ok();
    assert_eq!(shown["entities"]["process_percent"], json!(1.0));
    assert_eq!(
        (&shown["entities"]["image_name"], &shown["job_type"]),
        (&json!("n"), &shown["entities"]["current_task"])
    );

    let server = super::making::server(&world, |_, _| {}).await;
    let body = json!({ "data_images": [{ "name": "d", "volume_id": server.data }] });
    let answer = world.owner.post("/v2/cloudimages/action", &body).await;
    let ended = done(&world, answer, "imsVolumesToSysDataImagesJob").await;
    let shown =
        world.owner.get(&format!("/v1/cloudimages/job/{}", ended["job_id"].as_str().expect("an id"))).await.ok();
    assert_eq!(shown["entities"]["process_percent"], json!(1.0));

    world.other.get(&path).await.refused("IMG.0023");
    let mut forged = world.owner.clone();
    forged.secret.push('x');
    forged.get(&path).await.refused("APIGW.0301");
    world
}
