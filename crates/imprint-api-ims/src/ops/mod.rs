//! The operations: a file for each, or for a small family, holding how a call is read, which verb it is, and how it is
//! answered. The table below is all there is: routing, documentation, metrics and the coverage tests read it.

mod about;
mod copy_image;
mod create_image;
mod data_image;
mod export_image;
pub(crate) mod jobs;
mod list_images;
mod making;
mod members;
mod members_batch;
mod native;
mod native_file;
mod native_update;
mod os_versions;
mod projects;
mod quick_import;
mod quota;
mod register_image;
mod tagged_images;
mod tags;
mod tags_older;
mod update_image;
mod whole_image;

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
    about::OPS,
    list_images::OPS,
    members::OPS,
    members_batch::OPS,
    native::OPS,
    native_file::OPS,
    native_update::OPS,
    os_versions::OPS,
    projects::OPS,
    quota::OPS,
    tagged_images::OPS,
    tags::OPS,
    tags_older::OPS,
];

/// The whole registry.
pub(crate) fn all() -> impl Iterator<Item = &'static Op> {
    FILES.iter().copied().flatten()
}
