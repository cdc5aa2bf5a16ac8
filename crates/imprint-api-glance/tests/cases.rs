//! Requests and the answers clients rely on, as files under `cases/`; and that no operation is without them.
//!
//! `UPDATE_CASES=1` writes the answers that come into the files, for review.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use support::World;
use support::case::{self, Kind, Step};

const FILES: [&str; 12] = [
    "discovery",
    "images",
    "list",
    "update",
    "facts",
    "data",
    "members",
    "jobs",
    "metadefs_namespaces",
    "metadefs_items",
    "metadefs_schemas",
    "bad_input",
];

/// Operations that succeed whoever asks, once they know who: there is nothing to refuse.
const NEVER_FAIL: [&str; 23] = [
    "root",
    "list_versions",
    "find_api",
    "choose_version",
    "healthcheck",
    "info_import",
    "info_stores",
    "schema_image",
    "schema_images",
    "schema_member",
    "schema_members",
    "schema_task",
    "schema_tasks",
    "schema_metadef_namespace",
    "schema_metadef_namespaces",
    "schema_metadef_resource_type",
    "schema_metadef_resource_types",
    "schema_metadef_object",
    "schema_metadef_objects",
    "schema_metadef_property",
    "schema_metadef_properties",
    "schema_metadef_tag",
    "schema_metadef_tags",
];
/// Operations that are there to refuse.
const NEVER_SUCCEED: [&str; 5] =
    ["unknown_path", "wrong_method", "delete_from_store", "add_location", "show_cache_node"];
/// Operations for everybody.
const OPEN: [&str; 4] = ["root", "list_versions", "choose_version", "healthcheck"];

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(file).with_extension("case")
}

fn read(file: &str) -> String {
    fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

async fn check(file: &str) {
    let expected = read(file);
    let world = World::new().await;
    let actual = case::run(&world, &case::parse(&expected)).await;
    if std::env::var_os("UPDATE_CASES").is_some() {
        fs::write(path(file), actual).expect("the file can be written");
        return;
    }
    for (number, (expected, actual)) in expected.lines().zip(actual.lines()).enumerate() {
        assert_eq!(actual, expected, "{file}.case:{}", number + 1);
    }
    assert_eq!(actual.lines().count(), expected.lines().count(), "{file}.case: length");
}

#[tokio::test]
async fn discovery() {
    check("discovery").await;
}

#[tokio::test]
async fn images() {
    check("images").await;
}

#[tokio::test]
async fn list() {
    check("list").await;
}

#[tokio::test]
async fn update() {
    check("update").await;
}

#[tokio::test]
async fn facts() {
    check("facts").await;
}

#[tokio::test]
async fn data() {
    check("data").await;
}

#[tokio::test]
async fn members() {
    check("members").await;
}

#[tokio::test]
async fn jobs() {
    check("jobs").await;
}

#[tokio::test]
async fn metadefs_namespaces() {
    check("metadefs_namespaces").await;
}

#[tokio::test]
async fn metadefs_items() {
    check("metadefs_items").await;
}

#[tokio::test]
async fn metadefs_schemas() {
    check("metadefs_schemas").await;
}

#[tokio::test]
async fn bad_input() {
    check("bad_input").await;
}

#[test]
fn every_file_is_checked() {
    let mut found: Vec<_> = fs::read_dir(path("x").parent().expect("a directory"))
        .expect("the directory")
        .map(|entry| entry.expect("an entry").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    found.sort_unstable();
    let mut listed = FILES.map(str::to_owned);
    listed.sort_unstable();
    assert_eq!(found, listed);
}

#[tokio::test]
async fn every_operation_has_a_success_and_a_failure() {
    let mut shown: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for step in FILES.iter().flat_map(|file| case::parse(&read(file))) {
        let Step::Ask(case) = step else { continue };
        let (success, failure) = shown.entry(case.op).or_default();
        *success |= case.kind == Kind::Success;
        *failure |= case.kind == Kind::Failure;
    }
    for op in World::new().await.ops() {
        let (success, failure) = shown.remove(op.name).unwrap_or_default();
        assert_eq!(success, !NEVER_SUCCEED.contains(&op.name), "success of {}", op.name);
        assert_eq!(failure, !NEVER_FAIL.contains(&op.name), "failure of {}", op.name);
    }
    assert!(shown.is_empty(), "cases of no operation: {shown:?}");
}

/// Whatever the path names and whatever the body says: without a token, or with one that is not ours, 401.
#[tokio::test]
async fn every_operation_but_the_open_ones_asks_who_it_is() {
    let world = World::new().await;
    for op in world.ops() {
        let path: Vec<_> = op.path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
        for person in ["nobody", "stranger"] {
            let mut request = http::Request::builder()
                .method(op.method.clone())
                .uri(path.join("/"))
                .header("host", "glance.test")
                .header("content-type", "application/octet-stream");
            if let Some(token) = world.token(person) {
                request = request.header("x-auth-token", token);
            }
            let answer = world.ask(request.body(b"{".to_vec()).expect("a request")).await;
            assert_eq!(answer.op, Some(op.name), "{}", op.path);
            if OPEN.contains(&op.name) {
                assert!(answer.status.as_u16() < 400, "{}", op.name);
                continue;
            }
            assert_eq!(answer.status, http::StatusCode::UNAUTHORIZED, "{}", op.name);
            let challenge = answer.headers.get("www-authenticate").expect("a challenge");
            assert_eq!(challenge, "Keystone uri=\"http://glance.test/identity\"");
            assert!(answer.headers.contains_key("x-openstack-request-id"), "{}", op.name);
        }
    }
}

/// Requests that mean no operation at all are answered too, in JSON: nothing is known yet of what they accept.
#[tokio::test]
async fn a_target_that_is_no_text_is_a_bad_request() {
    let world = World::new().await;
    for target in ["/v2/images/%zz", "/v2/images/%ff", "/v2/images/a%00b", "/v2/images?name=%ff", "/versions/%c3%28"] {
        let request = http::Request::builder().uri(target).body(Vec::new()).expect("a request");
        let answer = world.ask(request).await;
        assert_eq!((answer.op, answer.status.as_u16()), (None, 400), "{target}");
        let body: serde_json::Value = serde_json::from_slice(&answer.content).expect("JSON");
        assert_eq!(body["code"], "400 Bad Request", "{target}");
    }
}
