//! Tasks: imports and exports, shown and stopped.

use std::time::Duration;

use imprint_catalogue::jobs;
use imprint_model::{Clock, ImageId, Job, JobId, JobState};
use serde_json::{Value, json};

use super::{Case, case};
use crate::ids::WireId;
use crate::tests::World;

pub(super) const CASES: &[Case] = &[
    case(
        "DescribeTasks",
        &["OK", "MissingParameter", "InvalidRegionId.NotFound", "InvalidParameter"],
        "imports and exports by all that can be asked for, and no other jobs",
        |world| Box::pin(list(world)),
    ),
    case(
        "DescribeTaskAttribute",
        &["OK", "MissingParameter", "InvalidRegionId.NotFound", "InvalidTaskId.NotFound"],
        "how far a task is, with or without a region",
        |world| Box::pin(show(world)),
    ),
    case(
        "CancelTask",
        &[
            "OK",
            "MissingParameter",
            "InvalidRegionId.NotFound",
            "InvalidTaskId.NotFound",
            "InvalidTaskId.TaskActionNotSupport",
            "InvalidTaskId.IncorrectTaskStatus",
            "DryRunOperation",
        ],
        "an export that has not ended is stopped, once",
        |world| Box::pin(cancel(world)),
    ),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

/// A job of the first account; `change` makes it what it should be.
async fn job(world: &World, kind: &str, state: JobState, change: impl FnOnce(&mut Job)) -> String {
    let now = world.engine.clock.now();
    let mut job = Job {
        id: JobId::random(),
        kind: kind.to_owned(),
        owner: world.project("acme").await,
        user: "somebody".to_owned(),
        image: None,
        request_id: "req-test".to_owned(),
        payload: json!({}),
        result: None,
        message: String::new(),
        state,
        done_bytes: 0,
        total_bytes: None,
        attempts: 0,
        created_at: now,
        updated_at: now,
        ended_at: None,
    };
    change(&mut job);
    let id = job.id.wire();
    world.put(move |tx| jobs::insert(tx, &job)).await;
    world.engine.pass(Duration::from_secs(60));
    id
}

async fn ids(world: &World, params: &[(&str, &str)]) -> Vec<String> {
    let body = world.owner.ask("DescribeTasks", params).await.ok();
    let tasks = body["TaskSet"]["Task"].as_array().expect("a list");
    tasks.iter().map(|task| task["TaskId"].as_str().expect("an id").to_owned()).collect()
}

async fn list(world: World) -> World {
    let image = ImageId::random();
    let import = job(&world, "import_objects", JobState::Running, |job| job.image = Some(image)).await;
    let export = job(&world, "export_image", JobState::Succeeded, |job| job.ended_at = Some(job.created_at)).await;
    job(&world, "copy_image", JobState::Running, |_| {}).await;
    let failed = job(&world, "export_image", JobState::Failed, |_| {}).await;
    let both = format!("{import}, {failed} ,t-1");
    for (params, wanted) in [
        (vec![], vec![&failed, &export, &import]),
        (vec![("TaskAction", "ImportImage")], vec![&import]),
        (vec![("TaskAction", "ExportImage"), ("TaskStatus", "Finished")], vec![&export]),
        (vec![("TaskAction", "CopyImage")], vec![]),
        (vec![("TaskStatus", "Processing")], vec![&import]),
        (vec![("TaskStatus", "Failed")], vec![&failed]),
        (vec![("TaskStatus", "Whatever")], vec![&failed, &export, &import]),
        (vec![("TaskIds", both.as_str())], vec![&failed, &import]),
        (vec![("TaskIds", "t-1")], vec![]),
        (vec![("ResourceIds.1", &image.wire())], vec![&import]),
        (vec![("ResourceIds.1", "m-1")], vec![]),
        (vec![("StartTime", "2026-11-22T01:29:00Z"), ("EndTime", "2026-11-22T01:30:00Z")], vec![&export]),
        (vec![("PageSize", "2"), ("PageNumber", "2")], vec![&import]),
    ] {
        let found = ids(&world, &params).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), wanted, "{params:?}");
    }
    let body = world.owner.ask("DescribeTasks", &[("TaskIds", &import)]).await.ok();
    assert_eq!((&body["TotalCount"], &body["RegionId"]), (&json!(1), &json!("local-1")));
    assert_eq!(
        body["TaskSet"]["Task"][0],
        json!({
            "TaskId": import,
            "TaskAction": "ImportImage",
            "TaskStatus": "Processing",
            "SupportCancel": "true",
            "CreationTime": "2026-11-22T01:28:36Z",
            "FinishedTime": "",
            "ResourceId": image.wire(),
        })
    );
    assert_eq!(world.other.ask("DescribeTasks", &[]).await.ok()["TotalCount"], 0);
    world.owner.ask_plainly("DescribeTasks", &[]).await.refused("MissingParameter");
    let answer = world.owner.ask("DescribeTasks", &[("RegionId", "nowhere")]).await;
    assert_eq!(answer.status, 400);
    answer.refused("InvalidRegionId.NotFound");
    let many = vec!["t-1"; 101].join(",");
    for bad in [("StartTime", "yesterday"), ("TaskIds", many.as_str()), ("PageSize", "0")] {
        world.owner.ask("DescribeTasks", &[bad]).await.refused("InvalidParameter");
    }
    world
}

async fn show(world: World) -> World {
    let task = job(&world, "import_objects", JobState::Running, |job| {
        (job.done_bytes, job.total_bytes) = (25, Some(100));
    })
    .await;
    let copy = job(&world, "copy_image", JobState::Running, |_| {}).await;
    let body: Value = world.owner.ask("DescribeTaskAttribute", &[("TaskId", &task)]).await.ok();
    for (name, value) in [
        ("TaskId", json!(task)),
        ("TaskProcess", json!("25%")),
        ("TaskStatus", json!("Processing")),
        ("SupportCancel", json!("true")),
        ("TotalCount", json!(1)),
        ("SuccessCount", json!(0)),
    ] {
        assert_eq!(body[name], value, "{name}");
    }
    world.owner.ask("DescribeTaskAttribute", &[("TaskId", &task), ("RegionId", "local-2")]).await.ok();
    world.owner.ask("DescribeTaskAttribute", &[]).await.refused("MissingParameter");
    for id in ["t-1", &copy] {
        world.owner.ask("DescribeTaskAttribute", &[("TaskId", id)]).await.refused("InvalidTaskId.NotFound");
    }
    world.other.ask("DescribeTaskAttribute", &[("TaskId", &task)]).await.refused("InvalidTaskId.NotFound");
    let nowhere = [("TaskId", task.as_str()), ("RegionId", "nowhere")];
    world.owner.ask("DescribeTaskAttribute", &nowhere).await.refused("InvalidRegionId.NotFound");
    world
}

async fn cancel(world: World) -> World {
    let image = world.image(|_| {}).await;
    let of = ImageId::read(&image);
    let payload = json!({ "work": "export_image", "bucket": "b", "stem": "s", "format": "raw" });
    let export = job(&world, "export_image", JobState::Pending, |job| (job.image, job.payload) = (of, payload)).await;
    let import = job(&world, "import", JobState::Running, |_| {}).await;
    let copy = job(&world, "copy_image", JobState::Running, |_| {}).await;
    let ended = job(&world, "export_image", JobState::Succeeded, |_| {}).await;
    for (task, code) in [
        ("", "MissingParameter"),
        ("t-1", "InvalidTaskId.NotFound"),
        (&copy, "InvalidTaskId.NotFound"),
        (&import, "InvalidTaskId.TaskActionNotSupport"),
        (&ended, "InvalidTaskId.IncorrectTaskStatus"),
    ] {
        world.owner.ask("CancelTask", &[("TaskId", task)]).await.refused(code);
    }
    let nowhere = [("TaskId", export.as_str()), ("RegionId", "nowhere")];
    world.owner.ask("CancelTask", &nowhere).await.refused("InvalidRegionId.NotFound");
    world.other.ask("CancelTask", &[("TaskId", &export)]).await.refused("InvalidTaskId.NotFound");
    world.owner.ask("CancelTask", &[("TaskId", &export), ("DryRun", "true")]).await.refused("DryRunOperation");
    world.owner.ask("CancelTask", &[("TaskId", &export)]).await.ok();
    let body = world.owner.ask("DescribeTaskAttribute", &[("TaskId", &export)]).await.ok();
    assert_eq!((&body["TaskStatus"], &body["SupportCancel"]), (&json!("Cancelled"), &json!("false")));
    world.owner.ask("CancelTask", &[("TaskId", &export)]).await.refused("InvalidTaskId.IncorrectTaskStatus");
    world
}
