//! What operations are proved to do: tables of cases, one file for each family. A case names its operation and the
//! codes it makes it answer (`OK` for success); the runner insists that it did. The documentation lists them.

mod copy_image;
mod create_image;
mod create_image_sources;
mod delete_image;
mod describe_images;
mod describe_instances;
mod disks;
mod image_family;
mod image_share_permission;
mod import_image;
mod instances;
mod machines;
mod modify_image_attribute;
mod places;
pub(crate) mod ram;
mod resource_groups;
mod snapshots;
mod sts;
mod tags;
mod tasks;
mod whole_life;

use imprint_http::BoxFuture;

use super::World;
use crate::op::Op;

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
        import_image::CASES,
        image_family::CASES,
        image_share_permission::CASES,
        copy_image::CASES,
        snapshots::CASES,
        instances::CASES,
        machines::CASES,
        describe_instances::CASES,
        whole_life::CASES,
        tags::CASES,
        tasks::CASES,
        places::CASES,
        resource_groups::CASES,
        disks::CASES,
        modify_image_attribute::CASES,
        describe_images::CASES,
        delete_image::CASES,
        create_image_sources::CASES,
        create_image::CASES,
        ram::CASES,
        sts::CASES,
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
        let op: &Op = super::client::op(case.op).unwrap_or_else(|| panic!("{}: no such operation", case.op));
        let known = super::client::known_codes(op.name);
        for code in case.codes {
            assert!(*code == "OK" || known.iter().any(|known| known.code == *code), "{}: {code}", case.shows);
        }
    }
}
