//! The operations: a file for each, or for a small family, holding how a call is read, which verb it is, and how it is
//! answered. The table below is all there is: routing, documentation, metrics and the coverage tests read it.

mod copy_image;
mod create_image;
mod data_image;
mod export_image;
pub(crate) mod jobs;
mod making;
mod quick_import;
mod register_image;
mod whole_image;
mod update_image;

use crate::op::Op;

/// Every file's rows.
const FILES: &[&[Op]] = &[
    copy_image::OPS,
    create_image::OPS,
    data_image::OPS,
    export_image::OPS,
    jobs::OPS,
    quick_import::OPS,
    register_image::OPS,
    whole_image::OPS,
    update_image::OPS,
];

/// The whole registry.
pub(crate) fn all() -> impl Iterator<Item = &'static Op> {
    FILES.iter().copied().flatten()
}
