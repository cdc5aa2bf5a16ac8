//! What an account grants to its users and roles.

use std::sync::Barrier;

use imprint_catalogue::identity::{self, GrantAttachmentRow, GrantPolicyRow, GrantRoleRow, GrantUserRow};
use imprint_catalogue::{Catalogue, Error, ErrorKind, Tx};

use crate::support::{on_each_engine, read, write};

fn user(id: &str, project: &str, name: &str) -> GrantUserRow {
    GrantUserRow {
        user_id: id.to_owned(),
        project_id: project.to_owned(),
        name: name.to_owned(),
        display_name: "D".to_owned(),
        comments: String::new(),
        created_at: 5,
    }
}

fn policy(project: &str, name: &str) -> GrantPolicyRow {
    GrantPolicyRow {
        project_id: project.to_owned(),
        name: name.to_owned(),
        description: String::new(),
        document: "{}".to_owned(),
        created_at: 5,
        updated_at: 5,
    }
}

fn role(id: &str, project: &str, name: &str) -> GrantRoleRow {
    GrantRoleRow {
        id: id.to_owned(),
        project_id: project.to_owned(),
        name: name.to_owned(),
        trust_document: "{}".to_owned(),
        description: String::new(),
        max_session_secs: 3600,
        created_at: 5,
    }
}

fn attachment(project: &str, policy: &str, kind: &str, principal: &str) -> GrantAttachmentRow {
    GrantAttachmentRow {
        project_id: project.to_owned(),
        policy_kind: "Custom".to_owned(),
        policy_name: policy.to_owned(),
        principal_kind: kind.to_owned(),
        principal_id: principal.to_owned(),
        created_at: 5,
    }
}

fn refused<T: Send + std::fmt::Debug + 'static>(
    catalogue: &Catalogue,
    work: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
) -> ErrorKind {
    write(catalogue, work).expect_err("refused").kind()
}

#[test]
fn users_have_names_of_their_own_in_an_account() {
    on_each_engine(|catalogue| {
        let add = |row: GrantUserRow| write(catalogue, move |tx| identity::insert_grant_user(tx, &row));
        for (id, project, name) in [("1", "p", "b"), ("2", "p", "a"), ("3", "q", "a"), ("4", "p", "c")] {
            add(user(id, project, name)).expect("added");
        }
        assert_eq!(add(user("5", "p", "a")).expect_err("taken").kind(), ErrorKind::Duplicate);
        let names = |after: Option<&str>, limit| {
            let found = read(catalogue, |tx| identity::list_grant_users(tx, "p", after, limit)).expect("listed");
            found.into_iter().map(|row| row.name).collect::<Vec<_>>()
        };
        assert_eq!(names(None, 10), ["a", "b", "c"]);
        assert_eq!(names(Some("a"), 1), ["b"]);
        assert_eq!(read(catalogue, |tx| identity::count_grant_users(tx, "p")).expect("counted"), 3);
        let changed = GrantUserRow { name: "z".to_owned(), comments: "c".to_owned(), ..user("2", "p", "a") };
        let row = changed.clone();
        assert!(write(catalogue, move |tx| identity::update_grant_user(tx, &row)).expect("changed"));
        assert_eq!(read(catalogue, |tx| identity::grant_user(tx, "2")).expect("read"), Some(changed.clone()));
        let found = read(catalogue, |tx| identity::grant_user_by_name(tx, "p", "z")).expect("read");
        assert_eq!(found, Some(changed));
        let taken = user("1", "p", "z");
        assert_eq!(refused(catalogue, move |tx| identity::update_grant_user(tx, &taken)), ErrorKind::Duplicate);
        assert!(write(catalogue, |tx| identity::delete_grant_user(tx, "2")).expect("deleted"));
        assert!(!write(catalogue, |tx| identity::delete_grant_user(tx, "2")).expect("gone"));
    });
}

#[test]
fn one_of_two_that_take_a_name_at_the_same_moment_gets_it() {
    on_each_engine(|catalogue| {
        for round in 0..10 {
            let start = Barrier::new(2);
            let take = |id: u32| {
                let row = user(&format!("{round}-{id}"), "p", &format!("n{round}"));
                start.wait();
                write(catalogue, move |tx| {
                    // As a rule does that wants to say more than the index can.
                    match identity::grant_user_by_name(tx, "p", &row.name)? {
                        Some(_) => Err(Error::new(ErrorKind::Duplicate, "taken")),
                        None => identity::insert_grant_user(tx, &row),
                    }
                })
            };
            let outcomes = std::thread::scope(|scope| {
                let both: Vec<_> = (0..2).map(|id| scope.spawn(move || take(id))).collect();
                both.into_iter().map(|one| one.join().expect("no panic")).collect::<Vec<_>>()
            });
            let lost: Vec<ErrorKind> =
                outcomes.into_iter().filter_map(|outcome| outcome.err()).map(|e| e.kind()).collect();
            assert_eq!(lost, [ErrorKind::Duplicate], "round {round}");
        }
    });
}

#[test]
fn policies_and_roles_are_kept() {
    on_each_engine(|catalogue| {
        write(catalogue, |tx| {
            identity::insert_grant_policy(tx, &policy("p", "b"))?;
            identity::insert_grant_policy(tx, &policy("p", "a"))?;
            identity::insert_grant_role(tx, &role("r1", "p", "b"))?;
            identity::insert_grant_role(tx, &role("r2", "p", "a"))
        })
        .expect("added");
        assert_eq!(refused(catalogue, |tx| identity::insert_grant_policy(tx, &policy("p", "a"))), ErrorKind::Duplicate);
        assert_eq!(
            refused(catalogue, |tx| identity::insert_grant_role(tx, &role("r3", "p", "a"))),
            ErrorKind::Duplicate
        );
        let changed = GrantPolicyRow { document: "[1]".to_owned(), updated_at: 9, ..policy("p", "a") };
        let row = changed.clone();
        assert!(write(catalogue, move |tx| identity::update_grant_policy(tx, &row)).expect("changed"));
        let page = read(catalogue, |tx| identity::list_grant_policies(tx, "p", None, 1)).expect("listed");
        assert_eq!(page, std::slice::from_ref(&changed));
        assert_eq!(read(catalogue, |tx| identity::grant_policy(tx, "p", "a")).expect("read"), Some(changed));
        let changed = GrantRoleRow { trust_document: "[2]".to_owned(), max_session_secs: 900, ..role("r2", "p", "a") };
        let row = changed.clone();
        assert!(write(catalogue, move |tx| identity::update_grant_role(tx, &row)).expect("changed"));
        let page = read(catalogue, |tx| identity::list_grant_roles(tx, "p", None, 1)).expect("listed");
        assert_eq!(page, std::slice::from_ref(&changed));
        assert_eq!(read(catalogue, |tx| identity::grant_role(tx, "r2")).expect("read"), Some(changed.clone()));
        assert_eq!(read(catalogue, |tx| identity::grant_role_by_name(tx, "p", "a")).expect("read"), Some(changed));
        let counts =
            read(catalogue, |tx| Ok((identity::count_grant_policies(tx, "p")?, identity::count_grant_roles(tx, "p")?)));
        assert_eq!(counts.expect("counted"), (2, 2));
        assert!(write(catalogue, |tx| identity::delete_grant_policy(tx, "p", "a")).expect("deleted"));
        assert!(write(catalogue, |tx| identity::delete_grant_role(tx, "r2")).expect("deleted"));
        assert!(!write(catalogue, |tx| identity::delete_grant_role(tx, "r2")).expect("gone"));
    });
}

#[test]
fn policies_hold_for_whom_they_are_attached_to() {
    on_each_engine(|catalogue| {
        let add = |row: GrantAttachmentRow| {
            write(catalogue, move |tx| identity::insert_grant_attachment(tx, &row)).expect("attached")
        };
        assert!(add(attachment("p", "a", "user", "1")));
        assert!(!add(GrantAttachmentRow { created_at: 9, ..attachment("p", "a", "user", "1") }), "it was");
        assert!(add(attachment("p", "a", "role", "1")));
        assert!(add(attachment("p", "b", "user", "1")));
        let of = |kind, id| read(catalogue, |tx| identity::grant_attachments_of(tx, kind, id)).expect("listed");
        assert_eq!(of("user", "1"), [attachment("p", "a", "user", "1"), attachment("p", "b", "user", "1")]);
        let of_policy = || {
            read(catalogue, |tx| identity::grant_attachments_of_policy(tx, "p", "Custom", "a")).expect("listed").len()
        };
        assert_eq!(of_policy(), 2);
        let row = attachment("p", "a", "role", "1");
        assert!(write(catalogue, move |tx| identity::delete_grant_attachment(tx, &row)).expect("detached"));
        let row = attachment("p", "a", "role", "1");
        assert!(!write(catalogue, move |tx| identity::delete_grant_attachment(tx, &row)).expect("gone"));
        assert_eq!(of_policy(), 1);
        assert_eq!(write(catalogue, |tx| identity::delete_grant_attachments_of(tx, "user", "1")).expect("gone"), 2);
        add(attachment("p", "a", "user", "1"));
        add(attachment("q", "a", "user", "2"));
        write(catalogue, |tx| {
            identity::insert_grant_policy(tx, &policy("p", "a"))?;
            identity::delete_grants_of_project(tx, "p")
        })
        .expect("the account has gone");
        assert_eq!((of("user", "1").len(), of("user", "2").len()), (0, 1));
        assert_eq!(read(catalogue, |tx| identity::count_grant_policies(tx, "p")).expect("counted"), 0);
    });
}
