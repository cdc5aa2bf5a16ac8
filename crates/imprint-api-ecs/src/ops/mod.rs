//! The operations: a file for each, or for a small family, holding how a call is read, which verb it is, and how it is
//! answered. The table below is all there is: dispatch, documentation, metrics and the coverage tests read it.

mod cancel_copy_image;
mod copy_image;
mod create_image;
mod delete_image;
mod describe_image_from_family;
mod describe_image_support_instance_types;
mod describe_images;
mod export_image;
mod image_share_permission;
mod import_image;
mod modify_image_attribute;

use crate::op::Op;

/// Every file's rows.
const FILES: &[&[Op]] = &[
    cancel_copy_image::OPS,
    copy_image::OPS,
    create_image::OPS,
    delete_image::OPS,
    describe_image_from_family::OPS,
    describe_image_support_instance_types::OPS,
    describe_images::OPS,
    export_image::OPS,
    image_share_permission::OPS,
    import_image::OPS,
    modify_image_attribute::OPS,
];

/// The whole registry.
pub(crate) fn all() -> impl Iterator<Item = &'static Op> {
    FILES.iter().chain(&ram::FILES).copied().flatten()
}
