//! The whole list of operators, and the matrix of decisions.

use super::*;
use crate::{ImageId, ProjectId, Timestamp};

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn statement(effect: Effect, actions: &[&str], resources: &[&str]) -> Statement {
    Statement {
        effect,
        actions: texts(actions),
        actions_excluded: false,
        resources: texts(resources),
        conditions: Vec::new(),
    }
}

fn grants(statements: Vec<Statement>) -> Grants {
    Grants { statements, ..Grants::default() }
}

/// Operator, known values, wanted values, whether it holds. Each operator with a hit, a miss, several values on either
/// side, nothing known, and something it cannot read.
type Row = (Operator, &'static [&'static str], &'static [&'static str], bool);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    (Operator::StringEquals, &["a"], &["a"], true),
    (Operator::StringEquals, &["a"], &["A"], false),
    (Operator::StringEquals, &["a"], &["b", "a"], true),
    (Operator::StringEquals, &["a", "c"], &["b", "c"], true),
    (Operator::StringEquals, &["a*"], &["a*"], true),
    (Operator::StringEquals, &["ab"], &["a*"], false),
    (Operator::StringEquals, &[], &["a"], false),
    (Operator::StringEquals, &["a"], &[], false),
    (Operator::StringNotEquals, &["a"], &["a"], false),
    (Operator::StringNotEquals, &["a"], &["A"], true),
    (Operator::StringNotEquals, &["a"], &["b", "a"], false),
    (Operator::StringNotEquals, &["a"], &["b", "c"], true),
    (Operator::StringNotEquals, &["a", "b"], &["b"], false),
    (Operator::StringNotEquals, &[], &["a"], true),
    (Operator::StringEqualsIgnoreCase, &["Ä"], &["ä"], true),
    (Operator::StringEqualsIgnoreCase, &["a"], &["b"], false),
    (Operator::StringEqualsIgnoreCase, &[], &["a"], false),
    (Operator::StringNotEqualsIgnoreCase, &["A"], &["a"], false),
    (Operator::StringNotEqualsIgnoreCase, &["A"], &["b"], true),
    (Operator::StringNotEqualsIgnoreCase, &[], &["a"], true),
    (Operator::StringLike, &["windows-11"], &["windows*"], true),
    (Operator::StringLike, &["Windows-11"], &["windows*"], false),
    (Operator::StringLike, &["v1"], &["v?", "x"], true),
    (Operator::StringLike, &[], &["*"], false),
    (Operator::StringNotLike, &["windows-11"], &["windows*"], false),
    (Operator::StringNotLike, &["debian"], &["windows*", "sles*"], true),
    (Operator::StringNotLike, &["sles"], &["windows*", "sles*"], false),
    (Operator::StringNotLike, &[], &["*"], true),
    (Operator::NumericEquals, &["1"], &["1.0"], true),
    (Operator::NumericEquals, &["1"], &["2"], false),
    (Operator::NumericEquals, &["one"], &["1"], false),
    (Operator::NumericEquals, &["nan"], &["nan"], false),
    (Operator::NumericEquals, &[], &["1"], false),
    (Operator::NumericNotEquals, &["1"], &["2", "3"], true),
    (Operator::NumericNotEquals, &["1"], &["2", "1"], false),
    (Operator::NumericNotEquals, &["one"], &["1"], true),
    (Operator::NumericNotEquals, &[], &["1"], true),
    (Operator::NumericLessThan, &["9"], &["10"], true),
    (Operator::NumericLessThan, &["10"], &["10"], false),
    (Operator::NumericLessThan, &[], &["10"], false),
    (Operator::NumericLessThanEquals, &["10"], &["10"], true),
    (Operator::NumericLessThanEquals, &["11"], &["10"], false),
    (Operator::NumericLessThanEquals, &[], &["10"], false),
    (Operator::NumericGreaterThan, &["11"], &["10"], true),
    (Operator::NumericGreaterThan, &["-11"], &["10"], false),
    (Operator::NumericGreaterThan, &[], &["10"], false),
    (Operator::NumericGreaterThanEquals, &["10"], &["10"], true),
    (Operator::NumericGreaterThanEquals, &["9"], &["10", "8"], true),
    (Operator::NumericGreaterThanEquals, &[], &["10"], false),
    (Operator::DateEquals, &["2026-01-01T00:00:00Z"], &["2026-01-01T01:00:00+01:00"], true),
    (Operator::DateEquals, &["2026-01-01T00:00:01Z"], &["2026-01-01T00:00:00Z"], false),
    (Operator::DateEquals, &["soon"], &["2026-01-01T00:00:00Z"], false),
    (Operator::DateEquals, &[], &["2026-01-01T00:00:00Z"], false),
    (Operator::DateNotEquals, &["2026-01-01T00:00:00Z"], &["2026-01-01T00:00:00Z"], false),
    (Operator::DateNotEquals, &["2026-01-02T00:00:00Z"], &["2026-01-01T00:00:00Z"], true),
    (Operator::DateNotEquals, &[], &["2026-01-01T00:00:00Z"], true),
    (Operator::DateLessThan, &["2025-12-31T23:59:59Z"], &["2026-01-01T00:00:00Z"], true),
    (Operator::DateLessThan, &["2026-01-01T00:00:00Z"], &["2026-01-01T00:00:00Z"], false),
    (Operator::DateLessThan, &[], &["2026-01-01T00:00:00Z"], false),
    (Operator::DateLessThanEquals, &["2026-01-01T00:00:00Z"], &["2026-01-01T00:00:00Z"], true),
    (Operator::DateLessThanEquals, &["2026-01-01T00:00:01Z"], &["2026-01-01T00:00:00Z"], false),
    (Operator::DateLessThanEquals, &[], &["2026-01-01T00:00:00Z"], false),
    (Operator::DateGreaterThan, &["2026-01-01T00:00:01Z"], &["2026-01-01T00:00:00Z"], true),
    (Operator::DateGreaterThan, &["2026-01-01T00:00:00Z"], &["2026-01-01T00:00:00Z"], false),
    (Operator::DateGreaterThan, &[], &["2026-01-01T00:00:00Z"], false),
    (Operator::DateGreaterThanEquals, &["2026-01-01T00:00:00Z"], &["2026-01-01T00:00:00Z"], true),
    (Operator::DateGreaterThanEquals, &["2025-12-31T00:00:00Z"], &["2026-01-01T00:00:00Z"], false),
    (Operator::DateGreaterThanEquals, &[], &["2026-01-01T00:00:00Z"], false),
    (Operator::Bool, &["True"], &["true"], true),
    (Operator::Bool, &["false"], &["true"], false),
    (Operator::Bool, &["yes"], &["true"], false),
    (Operator::Bool, &[], &["false"], false),
    (Operator::IpAddress, &["10.1.2.3"], &["10.0.0.0/8"], true),
    (Operator::IpAddress, &["11.1.2.3"], &["10.0.0.0/8", "11.1.2.3"], true),
    (Operator::IpAddress, &["11.1.2.3"], &["10.0.0.0/8"], false),
    (Operator::IpAddress, &["192.0.2.130"], &["192.0.2.128/25"], true),
    (Operator::IpAddress, &["192.0.2.127"], &["192.0.2.128/25"], false),
    (Operator::IpAddress, &["8.8.8.8"], &["0.0.0.0/0"], true),
    (Operator::IpAddress, &["2001:db8::1"], &["0.0.0.0/0"], false),
    (Operator::IpAddress, &["2001:db8::1"], &["2001:db8::/32"], true),
    (Operator::IpAddress, &["2001:db9::1"], &["2001:db8::/32"], false),
    (Operator::IpAddress, &["::ffff:10.1.2.3"], &["10.0.0.0/8"], true),
    (Operator::IpAddress, &["2001:db8::1"], &["::/0"], true),
    (Operator::IpAddress, &["10.1.2.3"], &["10.0.0.0/33"], false),
    (Operator::IpAddress, &["nowhere"], &["0.0.0.0/0"], false),
    (Operator::IpAddress, &[], &["0.0.0.0/0"], false),
    (Operator::NotIpAddress, &["10.1.2.3"], &["10.0.0.0/8"], false),
    (Operator::NotIpAddress, &["11.1.2.3"], &["10.0.0.0/8", "12.0.0.0/8"], true),
    (Operator::NotIpAddress, &["12.1.2.3"], &["10.0.0.0/8", "12.0.0.0/8"], false),
    (Operator::NotIpAddress, &[], &["0.0.0.0/0"], true),
];

#[test]
fn every_operator_compares_as_listed() {
    for &(operator, known, wanted, expected) in TABLE {
        assert_eq!(operator.holds(&texts(known), &texts(wanted)), expected, "{operator} {known:?} {wanted:?}");
    }
    for &operator in Operator::ALL {
        let of_operator = || TABLE.iter().filter(|row| row.0 == operator);
        assert!(of_operator().any(|row| row.3) && of_operator().any(|row| !row.3), "{operator} lacks a row");
        assert!(
            of_operator().any(|row| row.1.is_empty() && row.3 == operator.is_negative()),
            "{operator}: nothing known"
        );
    }
}

#[test]
fn an_operator_refuses_values_that_it_cannot_compare_with() {
    for (operator, good, bad) in [
        (Operator::NumericLessThan, "-1.5", "inf"),
        (Operator::NumericEquals, "1e3", "1x"),
        (Operator::DateGreaterThan, "2026-01-01", "tomorrow"),
        (Operator::Bool, "TRUE", "1"),
        (Operator::IpAddress, "::1/128", "::1/129"),
        (Operator::NotIpAddress, "10.0.0.0/32", "10.0.0.0/33"),
        (Operator::NotIpAddress, "10.0.0.1", "10.0.0"),
        (Operator::IpAddress, "10.0.0.1/0", "10.0.0.1/-1"),
    ] {
        assert_eq!((operator.takes(good), operator.takes(bad)), (true, false), "{operator}");
    }
    assert!(Operator::StringLike.takes(""));
}

#[test]
fn all_conditions_must_hold() {
    let mut allow = statement(Effect::Allow, &["*"], &["*"]);
    allow.conditions = vec![
        (Operator::StringEquals, "a".to_owned(), texts(&["1", "2"])),
        (Operator::StringEquals, "b".to_owned(), texts(&["1"])),
    ];
    let grants = grants(vec![allow]);
    let decide = |a: &str, b: &str| {
        let facts = Facts::from([("a".to_owned(), texts(&[a])), ("b".to_owned(), texts(&[b]))]);
        grants.decide("x:Do", "r", &facts)
    };
    assert_eq!((decide("1", "1"), decide("2", "1")), (Decision::Allowed, Decision::Allowed));
    assert_eq!((decide("1", "2"), decide("3", "1")), (Decision::ImplicitlyDenied, Decision::ImplicitlyDenied));
}

/// Documents in the columns, requests in the rows: `A` allowed, `D` explicitly denied, `.` implicitly denied.
#[test]
fn the_matrix_of_decisions_is_as_reviewed() {
    let everything = || statement(Effect::Allow, &["*"], &["*"]);
    let mut but_deleting = statement(Effect::Allow, &["c:Delete*"], &["*"]);
    but_deleting.actions_excluded = true;
    let mut deny_others = statement(Effect::Deny, &["c:Describe*"], &["*"]);
    deny_others.actions_excluded = true;
    let columns: [(&str, Grants); 9] = [
        ("nothing", grants(vec![])),
        ("everything", grants(vec![everything()])),
        ("only-look", grants(vec![statement(Effect::Allow, &["c:Describe*"], &["*"])])),
        ("one-image", grants(vec![statement(Effect::Allow, &["c:*"], &["arn:here:*:image/m-1"])])),
        ("all-but-delete", grants(vec![but_deleting])),
        ("deny-delete", grants(vec![statement(Effect::Deny, &["C:DELETEIMAGE"], &["*"]), everything()])),
        ("deny-m-1", grants(vec![everything(), statement(Effect::Deny, &["c:*"], &["*image/m-?"])])),
        ("deny-not-look", grants(vec![everything(), deny_others])),
        (
            "session-look",
            Grants {
                session: Some(vec![statement(Effect::Allow, &["c:Describe*"], &["*"])]),
                ..grants(vec![statement(Effect::Allow, &["c:*"], &["arn:here:*"])])
            },
        ),
    ];
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let mut matrix = names.join(" ") + "\n";
    for action in ["c:DescribeImages", "c:describeimages", "c:DeleteImage", "c:CopyImage", "d:Describe"] {
        for resource in ["arn:here:7:image/m-1", "arn:here:7:image/M-1", "arn:there:7:image/m-22"] {
            let letters = columns.iter().map(|(_, grants)| match grants.decide(action, resource, &Facts::new()) {
                Decision::Allowed => 'A',
                Decision::ExplicitlyDenied => 'D',
                Decision::ImplicitlyDenied => '.',
            });
            matrix += &format!("{action:17}{resource:23}{}\n", letters.map(String::from).collect::<Vec<_>>().join(" "));
        }
    }
    let expected = include_str!("../../tests/goldens/grants_matrix.txt");
    assert_eq!(matrix, expected, "\n{matrix}");
}

fn image() -> Image {
    let id = ImageId(uuid::Uuid::from_u128(1));
    Image::blank(id, ProjectId::from("owner"), "here".to_owned(), Timestamp(0))
}

fn for_images(statements: Vec<Statement>) -> Grants {
    Grants {
        operations: BTreeMap::from([
            (Action::Read, texts(&["c:Describe"])),
            (Action::Write, texts(&["c:Modify", "c:Delete"])),
        ]),
        image_resource: "arn:{region}:image/m-{id}".to_owned(),
        creation: texts(&["c:Import"]),
        creation_resource: "arn:{region}:image/*".to_owned(),
        tag_keys: texts(&["tag/"]),
        ..grants(statements)
    }
}

#[test]
fn an_action_needs_all_its_operations_on_the_image() {
    let own = "arn:here:image/m-0000000000000000000000001";
    let both = for_images(vec![statement(Effect::Allow, &["c:Modify", "c:Delete"], &[own])]);
    assert_eq!(both.permits(Action::Write, &image()), Decision::Allowed);
    assert_eq!(both.permits(Action::Read, &image()), Decision::ImplicitlyDenied);
    assert_eq!(both.permits(Action::Operate, &image()), Decision::ImplicitlyDenied, "it has no operation");
    let one = for_images(vec![statement(Effect::Allow, &["c:Modify"], &["*"])]);
    assert_eq!(one.permits(Action::Write, &image()), Decision::ImplicitlyDenied);
    let denied = for_images(vec![
        statement(Effect::Allow, &["*"], &["*"]),
        statement(Effect::Deny, &["c:Delete"], &["arn:here:*"]),
    ]);
    assert_eq!(denied.permits(Action::Write, &image()), Decision::ExplicitlyDenied);
    assert_eq!(denied.permits_new("here"), Decision::Allowed);
    let here = for_images(vec![statement(Effect::Allow, &["c:Import"], &["arn:here:image/*"])]);
    assert_eq!((here.permits_new("here"), here.permits_new("there")), (Decision::Allowed, Decision::ImplicitlyDenied));
}

#[test]
fn what_another_dialect_cannot_tell_is_decided_for_the_worst() {
    let under = |effect, operator, key: &str| Statement {
        conditions: vec![(operator, key.to_owned(), texts(&["10.0.0.0/8"]))],
        ..statement(effect, &["*"], &["*"])
    };
    for operator in [Operator::IpAddress, Operator::NotIpAddress] {
        let allowing = for_images(vec![under(Effect::Allow, operator, "from")]);
        assert_eq!(allowing.permits(Action::Read, &image()), Decision::ImplicitlyDenied, "{operator}");
        let all = statement(Effect::Allow, &["*"], &["*"]);
        let denying = for_images(vec![all, under(Effect::Deny, operator, "from")]);
        assert_eq!(denying.permits(Action::Read, &image()), Decision::ExplicitlyDenied, "{operator}");
    }
}

#[test]
fn conditions_on_an_image_s_tags_are_known_to_every_dialect() {
    let tagged = Statement {
        conditions: vec![(Operator::StringEquals, "tag/env".to_owned(), texts(&["test"]))],
        ..statement(Effect::Allow, &["*"], &["*"])
    };
    let not_prod = Statement {
        conditions: vec![(Operator::StringEquals, "tag/env".to_owned(), texts(&["prod"]))],
        ..statement(Effect::Deny, &["*"], &["*"])
    };
    let grants = for_images(vec![tagged, not_prod]);
    let decide = |tag: &str| {
        let mut image = image();
        image.tags.insert(tag.to_owned());
        grants.permits(Action::Read, &image)
    };
    assert_eq!(decide("env=test"), Decision::Allowed);
    assert_eq!(decide("env=prod"), Decision::ExplicitlyDenied);
    assert_eq!((decide("env"), decide("other=test")), (Decision::ImplicitlyDenied, Decision::ImplicitlyDenied));
}
