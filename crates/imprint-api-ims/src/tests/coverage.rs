//! What holds for every operation: it is proved to work and to refuse, nobody gets in without a proof, and no content
//! or parameter, however wrong, makes the service fail.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use super::cases;
use super::{Answer, Client, Way, World};
use crate::op::{Access, Content, Family, Op, Place};
use crate::ops;

#[test]
fn every_operation_has_a_case_of_success_and_one_of_failure() {
    let mut uncovered = Vec::new();
    for op in ops::all() {
        let codes: BTreeSet<_> = cases::all().filter(|case| case.op == op.name).flat_map(|case| case.codes).collect();
        if !codes.contains(&"OK") {
            uncovered.push(format!("{}: never succeeds", op.name));
        }
        // what anybody may ask without parameters cannot fail
        let can_fail = op.access == Access::Project && !op.codes.is_empty();
        if can_fail && codes.iter().all(|code| **code == "OK") {
            uncovered.push(format!("{}: never fails", op.name));
        }
    }
    assert!(uncovered.is_empty(), "{}", uncovered.join("\n"));
}

#[test]
fn rows_are_told_apart_and_documented() {
    let mut names = BTreeSet::new();
    for op in ops::all() {
        assert!(names.insert(op.name), "{} is there twice", op.name);
        assert!(op.about.ends_with('.'), "{}: {:?} is no sentence", op.name, op.about);
        let named: Vec<_> = op.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        let mut parameters = BTreeSet::new();
        for parameter in op.parameters {
            assert!(parameters.insert(parameter.name), "{} takes {} twice", op.name, parameter.name);
            assert!(parameter.place != Place::Path || named.contains(&parameter.name), "{}", op.name);
        }
        for name in named.into_iter().filter(|name| *name != "project_id") {
            assert!(parameters.contains(name), "{} does not say what {name} is", op.name);
        }
    }
    assert!(ops::all().any(|op| op.family == Family::Images));
}

/// An operation's path with something in place of its parameters.
fn target(op: &Op, project: &str, other: &str) -> String {
    let parts = op.path.split('/').map(|part| match part {
        "{project_id}" => project.to_owned(),
        part if part.starts_with('{') => other.to_owned(),
        part => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn nobody_gets_in_without_a_good_proof() {
    let world = World::new().await;
    let project = world.owner.project.as_str();
    for op in ops::all().filter(|op| op.access == Access::Project) {
        let target = target(op, project, "7e9c5d3a-0000-4000-8000-000000000001");
        let ask = |client: Client| {
            let request = client.request(op.method.as_str(), &target, "application/json", b"{}".to_vec());
            async move { client.send(request).await }
        };
        for way in [Way::A, Way::AGo, Way::B, Way::Token] {
            let wrong = Client { secret: "wrong".to_owned(), token: "wrong".to_owned(), ..world.owner.by(way) };
            let answer = ask(wrong).await;
            assert_eq!((answer.op, answer.status.as_u16()), (op.name, 401));
            answer.refused("APIGW.0301");
        }
        let unknown = Client { key: "NOSUCHKEY".to_owned(), ..world.owner.clone() };
        ask(unknown).await.refused("APIGW.0301");
        let unsigned = http::Request::builder().method(&op.method).uri(&target).body(b"{}".to_vec()).expect("valid");
        let answer = world.owner.send(unsigned).await;
        assert_eq!((answer.op, answer.status.as_u16()), (op.name, 401));
    }
}

#[tokio::test]
async fn a_path_of_another_project_is_refused() {
    let world = World::new().await;
    for op in ops::all().filter(|op| op.names_project()) {
        for project in [world.other.project.as_str(), "x", "%27"] {
            let target = target(op, project, "7e9c5d3a-0000-4000-8000-000000000001");
            let request = world.owner.request(op.method.as_str(), &target, "application/json", b"{}".to_vec());
            let answer = world.owner.send(request).await;
            assert_eq!((answer.op, answer.status.as_u16()), (op.name, 400), "{}", answer.text);
            answer.refused("IMG.0030");
        }
    }
}

/// Contents that no operation wants.
fn wrong_contents() -> Vec<Vec<u8>> {
    let many = |element: &str| format!("[{}]", vec![element; 10_000].join(",")).into_bytes();
    let mut contents: Vec<Vec<u8>> = ["", " ", "null", "[]", "{}", "1", "\"x\"", "{\"a\"", "[{}]", "[1]", "\u{feff}{}"]
        .map(|text| text.as_bytes().to_vec())
        .into();
    contents.extend([vec![0xff, 0xfe], many("1"), many("{}"), "[".repeat(100_000).into_bytes()]);
    contents.push(vec![b' '; (1 << 20) + 1]);
    contents
}

/// An object of an operation's members, all of one value.
fn objects(op: &Op) -> Vec<Vec<u8>> {
    let names: Vec<&str> = op.parameters.iter().filter(|p| p.place == Place::Body).map(|p| p.name).collect();
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("x".repeat(100_000)),
        json!("a\u{0}\n<>'\"%s"),
        json!([]),
        json!([null, 1, {}, []]),
        json!({}),
        json!({ "key": 1, "value": [] }),
        json!("7e9c5d3a-0000-4000-8000-000000000001"),
    ];
    let mut objects = Vec::new();
    for value in &values {
        let all: serde_json::Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
        objects.push(Value::Object(all).to_string().into_bytes());
        objects.extend(names.iter().map(|name| json!({ *name: value }).to_string().into_bytes()));
    }
    objects
}

fn complaint(op: &Op, what: &str, answer: &Answer) -> Option<String> {
    let complaint = answer.complaint()?;
    Some(format!("{} ({what}): {complaint:.300}", op.name))
}

#[tokio::test]
async fn no_content_breaks_anything() {
    let world = World::new().await;
    let project = world.owner.project.as_str().to_owned();
    let image = world.image(|_| {}).await.to_string();
    let mut complaints = Vec::new();
    let client = world.owner.by(Way::Token);
    for op in ops::all().filter(|op| op.content == Content::Whole && op.method != Method::GET) {
        if op.method == Method::DELETE && op.name.contains("image") {
            // what deletes an image does so whatever stands in its content
            continue;
        }
        for other in [image.as_str(), "x", "7e9c5d3a-0000-4000-8000-000000000001"] {
            let target = target(op, &project, other);
            for content in wrong_contents().into_iter().chain(objects(op)) {
                let what = String::from_utf8_lossy(&content[..content.len().min(40)]).into_owned();
                let request = client.request(op.method.as_str(), &target, "application/json", content);
                complaints.extend(complaint(op, &what, &client.send(request).await));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[tokio::test]
async fn no_query_breaks_anything() {
    let world = World::new().await;
    let project = world.owner.project.as_str().to_owned();
    world.image(|_| {}).await;
    let long = "x".repeat(5_000);
    let values =
        ["", "x", "-1", "0", "1e9", "99999999999999999999", "%27%22%3C%3E", "%E9%94%AE", "true,false", "gt:", &long];
    let mut complaints = Vec::new();
    let client = world.owner.by(Way::Token);
    for op in ops::all() {
        let names: Vec<&str> = op.parameters.iter().filter(|p| p.place == Place::Query).map(|p| p.name).collect();
        for name in names {
            let target = target(op, &project, "x");
            for value in values {
                for target in [format!("{target}?{name}={value}"), format!("{target}?{name}={value}&{name}=y")] {
                    let request = client.request(op.method.as_str(), &target, "application/json", Vec::new());
                    complaints.extend(complaint(op, name, &client.send(request).await));
                }
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
