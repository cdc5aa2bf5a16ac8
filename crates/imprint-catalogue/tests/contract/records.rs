//! The small tables: audit, idempotency, quotas, and things kept by key.

use imprint_catalogue::audit::{self, AuditEntry};
use imprint_catalogue::idempotency::{self, Claim};
use imprint_catalogue::{kv, quotas};
use imprint_model::{ProjectId, Timestamp, UserId};
use serde_json::json;

use crate::support::{on_each_engine, read, write};

#[test]
fn the_audit_tells_what_was_done_to_what() {
    on_each_engine(|catalogue| {
        let entry = |at, resource: &str, project: Option<&str>| AuditEntry {
            at: Timestamp(at),
            user: UserId::from("u"),
            project: project.map(ProjectId::from),
            request_id: "r".to_owned(),
            action: "delete".to_owned(),
            resource: resource.to_owned(),
            detail: json!({"n": at}),
        };
        let all = [entry(1, "a", Some("p")), entry(2, "b", None), entry(3, "a", None)];
        let rows = all.clone();
        write(catalogue, move |tx| rows.iter().try_for_each(|entry| audit::record(tx, entry))).expect("written");
        let list = |resource, before: Option<i64>, limit| {
            read(catalogue, |tx| audit::list(tx, resource, before.map(Timestamp), limit)).expect("listed")
        };
        let [first, second, third] = all;
        assert_eq!(list(None, None, 2), [third.clone(), second]);
        assert_eq!(list(Some("a"), None, 9), [third, first.clone()]);
        assert_eq!(list(Some("a"), Some(3), 9), [first]);
        assert_eq!(write(catalogue, |tx| audit::delete_before(tx, Timestamp(3))).expect("cut"), 2);
        assert_eq!(list(None, None, 9).len(), 1);
    });
}

#[test]
fn a_token_stands_for_one_request_until_it_expires() {
    on_each_engine(|catalogue| {
        let project = ProjectId::from("p");
        let claim = |fingerprint: &'static str, now: i64| {
            let project = project.clone();
            let work = move |tx: &mut imprint_catalogue::Tx<'_>| {
                idempotency::claim(tx, &project, "token", fingerprint, Timestamp(now), Timestamp(now + 10))
            };
            write(catalogue, work).expect("claimed")
        };
        assert_eq!(claim("f", 0), Claim::New);
        assert_eq!(claim("f", 1), Claim::Same(None));
        assert_eq!(claim("g", 1), Claim::Different);
        let owner = project.clone();
        write(catalogue, move |tx| idempotency::answer(tx, &owner, "token", &json!({"id": 7}))).expect("answered");
        assert_eq!(claim("f", 9), Claim::Same(Some(json!({"id": 7}))));
        assert_eq!(claim("g", 10), Claim::New, "it has expired");
        assert_eq!(claim("g", 11), Claim::Same(None));
        assert_eq!(write(catalogue, |tx| idempotency::expire(tx, Timestamp(20))).expect("expired"), 1);
        assert_eq!(claim("f", 21), Claim::New);
    });
}

#[test]
fn quotas_are_set_and_taken_away() {
    on_each_engine(|catalogue| {
        let project = ProjectId::from("p");
        let set = |name: &'static str, most| {
            let project = project.clone();
            write(catalogue, move |tx| quotas::set(tx, &project, name, most)).expect("set");
        };
        set("images", Some(5));
        set("images", Some(6));
        set("bytes", Some(i64::MAX));
        assert_eq!(read(catalogue, |tx| quotas::get(tx, &project, "images")).expect("get"), Some(6));
        let all = read(catalogue, |tx| quotas::list(tx, &project)).expect("list");
        assert_eq!(all, [("bytes".to_owned(), i64::MAX), ("images".to_owned(), 6)]);
        set("images", None);
        assert_eq!(read(catalogue, |tx| quotas::get(tx, &project, "images")).expect("get"), None);
    });
}

#[test]
fn the_first_to_keep_a_thing_wins() {
    on_each_engine(|catalogue| {
        let keep = |value: &'static [u8]| {
            write(catalogue, move |tx| kv::put_if_absent(tx, "key", value, Timestamp(1))).expect("kept")
        };
        assert_eq!(keep(b"one"), b"one");
        assert_eq!(keep(b"two"), b"one");
        write(catalogue, |tx| kv::put(tx, "key", &[0, 255], Timestamp(2))).expect("replaced");
        assert_eq!(read(catalogue, |tx| kv::get(tx, "key")).expect("get"), Some(vec![0, 255]));
    });
}
