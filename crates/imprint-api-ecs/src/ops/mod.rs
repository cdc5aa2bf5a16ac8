//! The operations: a file for each, or for a small family, holding how a call is read, which verb it is, and how it is
//! answered. The table below is all there is: dispatch, documentation, metrics and the coverage tests read it.

mod cancel_copy_image;
mod cancel_task;
mod console_output;
mod copy_image;
mod create_image;
mod delete_image;
mod describe_disks;
mod describe_image_from_family;
mod describe_image_support_instance_types;
mod describe_images;
mod describe_instances;
mod describe_snapshots;
mod describe_task_attribute;
mod describe_tasks;
mod disks;
mod disks_create;
mod export_image;
mod image_share_permission;
mod import_image;
mod instance_types;
mod instances;
mod instances_create;
mod join_resource_group;
mod modify_image_attribute;
mod ram;
mod regions;
mod resource_groups;
mod snapshots;
mod sts;
mod tags;
mod tags_legacy;
mod zones;

use crate::op::Op;

/// Every file's rows.
const FILES: &[&[Op]] = &[
    cancel_copy_image::OPS,
    cancel_task::OPS,
    console_output::OPS,
    copy_image::OPS,
    create_image::OPS,
    delete_image::OPS,
    describe_disks::OPS,
    describe_image_from_family::OPS,
    describe_image_support_instance_types::OPS,
    describe_images::OPS,
    describe_instances::OPS,
    describe_snapshots::OPS,
    describe_task_attribute::OPS,
    describe_tasks::OPS,
    disks::OPS,
    disks_create::OPS,
    export_image::OPS,
    image_share_permission::OPS,
    import_image::OPS,
    instance_types::OPS,
    instances::OPS,
    instances_create::OPS,
    join_resource_group::OPS,
    modify_image_attribute::OPS,
    regions::OPS,
    resource_groups::OPS,
    snapshots::OPS,
    tags::OPS,
    tags_legacy::OPS,
    zones::OPS,
    sts::OPS,
];

/// The whole registry.
pub(crate) fn all() -> impl Iterator<Item = &'static Op> {
    FILES.iter().chain(&ram::FILES).copied().flatten()
}
