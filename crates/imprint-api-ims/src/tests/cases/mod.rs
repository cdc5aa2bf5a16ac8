//! What operations are proved to do: tables of cases, one file for each family. A case names its operation and the
//! codes it makes it answer (`OK` for success); the runner insists that it did. The documentation lists them.

mod about;
mod create_image;
mod export_copy;
mod files;
mod jobs;
mod list_images;
mod making;
mod members;
mod native;
mod tags;
mod update_image;

use imprint_http::BoxFuture;

use super::World;

/// One case.
pub(crate) struct Case {
    /// The operation.
    pub(crate) op: &'static str,
    /// The codes it is made to answer.
    pub(crate) codes: &'static [&'static str],
    /// What is proved, as a sentence.
    pub(crate) shows: &'static str,
    /// The proof.
    run: fn(World) -> BoxFuture<'static, World>,
}

/// A case; `run` takes the world and gives it back: `|world| Box::pin(name(world))`.
pub(crate) const fn case(
    op: &'static str,
    codes: &'static [&'static str],
    shows: &'static str,
    run: fn(World) -> BoxFuture<'static, World>,
) -> Case {
    Case { op, codes, shows, run }
}

/// Every table.
pub(crate) fn all() -> impl Iterator<Item = &'static Case> {
    let tables: &[&[Case]] = &[
        about::CASES,
        native::CASES,
        tags::CASES,
        create_image::CASES,
        export_copy::CASES,
        files::CASES,
        jobs::CASES,
        list_images::CASES,
        members::CASES,
        update_image::CASES,
    ];
    tables.iter().copied().flatten()
}

/// Runs the cases of one table, each in a world of its own.
async fn prove(cases: &[Case]) {
    for case in cases {
        let world = (case.run)(World::new().await).await;
        for code in case.codes {
            assert!(world.heard(case.op, code), "{}: {} never answered {code}", case.shows, case.op);
        }
    }
}

#[test]
fn cases_name_operations_and_codes_of_the_registry() {
    for case in all() {
        assert!(super::client::op(case.op).is_some(), "{}: no such operation", case.op);
        let known = super::client::known_codes(case.op);
        for code in case.codes {
            assert!(*code == "OK" || known.iter().any(|known| known.code == *code), "{}: {code}", case.shows);
        }
    }
}
