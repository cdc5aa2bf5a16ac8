//! What holds for every operation: it is proved to work and to refuse, nobody gets in unsigned, and no parameter,
//! however wrong, makes the service fail or change anything.

use std::collections::BTreeSet;

use imprint_model::DiskKind;

use super::cases;
use super::{Client, Style, World};
use crate::op::{Api, Kind, Op, Parameter};
use crate::ops;

/// What no installation without machines that run can do; every check before that is proved by the cases.
const NEEDS_A_MACHINE: [&str; 4] = ["RebootInstance", "RunInstances", "StartInstance", "StopInstance"];

#[test]
fn every_operation_has_a_case_of_success_and_one_of_failure() {
    let mut uncovered = Vec::new();
    for op in ops::all() {
        let codes: BTreeSet<_> = cases::all().filter(|case| case.op == op.name).flat_map(|case| case.codes).collect();
        if !codes.contains(&"OK") && !NEEDS_A_MACHINE.contains(&op.name) {
            uncovered.push(format!("{}: never succeeds", op.name));
        }
        if codes.iter().all(|code| **code == "OK") {
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
        let mut parameters = BTreeSet::new();
        for parameter in op.parameters {
            assert!(parameters.insert(parameter.name), "{} takes {} twice", op.name, parameter.name);
            let implied = ["RegionId", "ClientToken", "DryRun"].contains(&parameter.name);
            assert!(!implied, "{}: {} follows from the row's other members", op.name, parameter.name);
        }
    }
}

#[tokio::test]
async fn nobody_gets_in_without_a_good_signature() {
    let world = World::with(super::world::UNBOUNDED).await;
    for op in ops::all() {
        let unknown = Client { key: "NOSUCHKEY".to_owned(), ..world.owner.clone() };
        unknown.ask(op.name, &[]).await.refused("InvalidAccessKeyId.NotFound");
        for style in [Style::V1Get, Style::V3Query] {
            let forged = Client { secret: "wrong".to_owned(), style, ..world.owner.clone() };
            forged.ask(op.name, &[]).await.refused("SignatureDoesNotMatch");
        }
        let target = format!("/?Action={}&Version={}&Format=JSON", op.name, op.api.version());
        let unsigned = http::Request::builder().uri(target).body(String::new()).expect("valid");
        world.owner.send(op.name, unsigned).await.refused("MissingAccessKeyId");
    }
}

#[tokio::test]
async fn no_parameter_breaks_or_changes_anything() {
    let world = World::with(super::world::UNBOUNDED).await;
    let things = things(&world).await;
    let before = world.inventory().await;
    let client = world.owner.styled(Style::V3Form);
    let mut complaints = Vec::new();
    for op in ops::all() {
        for parameter in op.parameters {
            for form in wrong_forms(parameter) {
                let params = with_others(op, parameter, &form, &things);
                let answer = client.send_unchecked(op.name, client.request(op.name, &params)).await;
                let refused = answer.status.is_client_error() || !must_be_refused(&form);
                if !refused || answer.complaint().is_some() {
                    let first = form.first().map(|(_, value)| value.chars().take(20).collect::<String>());
                    complaints.push(format!("{} {} {first:?}: {}", op.name, parameter.name, answer.text));
                }
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert_eq!(world.inventory().await, before);
}

/// Things that are there, so that the one wrong parameter is what is looked at.
async fn things(world: &World) -> Vec<(&'static str, String)> {
    vec![
        ("ImageId", world.image(|_| {}).await),
        ("SnapshotId", world.snapshot(DiskKind::System, |_| {}).await),
        ("InstanceId", world.machine(|_| {}).await),
        ("ResourceType", "image".to_owned()),
        ("RegionId", "local-1".to_owned()),
        ("PolicyType", "Custom".to_owned()),
        ("DryRun", "true".to_owned()),
    ]
}

/// The parameter in a wrong form, and the others as they should be. What might be carried out is asked as a dry run.
fn with_others<'a>(
    op: &Op,
    parameter: &Parameter,
    form: &'a [(String, String)],
    things: &'a [(&'static str, String)],
) -> Vec<(&'a str, &'a str)> {
    let mut params: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let given = |name: &str| form.iter().any(|(known, _)| known == name) || parameter.name == name;
    for (name, value) in things.iter().filter(|(name, _)| op.api == Api::Ecs && !given(name)) {
        params.push((name, value));
    }
    let needed = op.parameters.iter().filter(|other| other.missing.is_some() && !other.is_numbered());
    for other in needed.filter(|other| !given(other.name)) {
        if !params.iter().any(|(name, _)| *name == other.name) {
            params.push((other.name, "x"));
        }
    }
    params
}

/// Whether no operation may carry it out, whatever the parameter means: twice the same, or thousands.
fn must_be_refused(form: &[(String, String)]) -> bool {
    form.len() > 1_000 || matches!(form, [(one, _), (two, _)] if one == two)
}

/// Every wrong form of one parameter, as whole sets of parameters.
fn wrong_forms(parameter: &Parameter) -> Vec<Vec<(String, String)>> {
    let name = parameter_name(parameter.name, 1);
    let one = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let long = "x".repeat(30_000);
    let mut forms = vec![
        Vec::new(),
        one(&name, ""),
        one(&name, &long),
        one(&name, "\u{540d}\u{fe0f}é\u{202e}'\"<&>;--"),
        one(&name, "-1"),
        one(&name, "99999999999999999999"),
        one(&name, "[\"a\""),
        one(&name, "*"),
        one(&name.to_lowercase(), "x"),
        [one(&name, "a"), one(&name, "b")].concat(),
    ];
    if parameter.is_numbered() {
        forms.push(one(&parameter_name(parameter.name, 7), "x"));
        forms.push(one(&parameter_name(parameter.name, 0), "x"));
        forms.push((1..=900).map(|number| (parameter_name(parameter.name, number), "x".to_owned())).collect());
        forms.push((1..=10_000).map(|number| (parameter_name(parameter.name, number), "x".to_owned())).collect());
    }
    if parameter.kind == Kind::CommaList {
        forms.push(one(&name, &"a,".repeat(10_000)));
    }
    if parameter.kind == Kind::JsonList {
        forms.push(one(&name, &format!("[{}]", vec!["\"a\""; 10_000].join(","))));
    }
    forms
}

/// `Tag.N.Key` with a number.
fn parameter_name(name: &str, number: u32) -> String {
    let number = number.to_string();
    let parts: Vec<&str> = name.split('.').map(|part| if part == "N" { number.as_str() } else { part }).collect();
    parts.join(".")
}
