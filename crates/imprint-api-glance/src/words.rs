//! This API's words for the model's nouns. Never here: what they mean.

use imprint_model::{DiskFormat, Status};
use imprint_service::{Conflict, Field, Quota};

/// Ways to import that a client may choose from.
pub(crate) const IMPORT_METHODS: [&str; 4] = ["glance-direct", "web-download", "copy-image", "glance-download"];

/// Disk formats that a client may declare.
pub(crate) const DISK_FORMATS: [DiskFormat; 12] = [
    DiskFormat::Ami,
    DiskFormat::Ari,
    DiskFormat::Aki,
    DiskFormat::Vhd,
    DiskFormat::Vhdx,
    DiskFormat::Vmdk,
    DiskFormat::Raw,
    DiskFormat::Qcow2,
    DiskFormat::Vdi,
    DiskFormat::Iso,
    DiskFormat::Ploop,
    DiskFormat::Gpt,
];

/// The name of the one store there is.
pub(crate) const STORE: &str = "default";

/// The store, and the two that clients know to be for staging and for tasks.
pub(crate) const STORES_OF_ALL_KINDS: [&str; 3] = [STORE, "os_glance_staging_store", "os_glance_tasks_store"];

/// Names of properties that the engine itself keeps begin so; a client can neither set nor remove them.
const KEPT_PREFIX: &str = "imprint:";
/// What such names begin with on the wire.
const RESERVED_PREFIX: &str = "os_glance_";
/// The properties the engine keeps that a client may see.
const KEPT_SHOWN: [&str; 4] = ["import_task", "importing_to_stores", "failed_import", "safety"];

/// Extra properties with a schema entry of their own: the only ones that may be null.
const KNOWN_EXTRAS: [&str; 6] = ["architecture", "kernel_id", "ramdisk_id", "os_distro", "os_version", "instance_uuid"];

/// The word for a status.
pub fn status(status: Status) -> &'static str {
    match status {
        Status::Queued => "queued",
        Status::Saving => "saving",
        Status::Staged => "uploading",
        Status::Importing => "importing",
        Status::Available => "active",
        Status::Deactivated => "deactivated",
        Status::Failed => "killed",
    }
}

/// The status a word stands for.
pub(crate) fn status_named(word: &str) -> Option<Status> {
    Status::ALL.into_iter().find(|&known| status(known) == word)
}

/// The name under which a stored property is shown; none for one that is not shown.
pub fn shown_property(stored: &str) -> Option<String> {
    let Some(kept) = stored.strip_prefix(KEPT_PREFIX) else {
        return Some(stored.to_owned());
    };
    KEPT_SHOWN.contains(&kept).then(|| format!("{RESERVED_PREFIX}{kept}"))
}

/// The name under which a shown property is stored.
pub(crate) fn stored_property(shown: &str) -> String {
    match shown.strip_prefix(RESERVED_PREFIX) {
        Some(kept) if KEPT_SHOWN.contains(&kept) => format!("{KEPT_PREFIX}{kept}"),
        _ => shown.to_owned(),
    }
}

/// Whether a property of this name belongs to the service, whichever way it is written.
pub(crate) fn is_reserved_property(name: &str) -> bool {
    name.starts_with(RESERVED_PREFIX)
        || name.starts_with(KEPT_PREFIX)
        || matches!(name, "location" | "deleted" | "deleted_at")
}

/// Whether a stored property needs no translation to be shown.
pub(crate) fn is_plain_property(stored: &str) -> bool {
    !stored.starts_with(KEPT_PREFIX)
}

/// Whether an extra property has a schema entry of its own.
pub(crate) fn is_known_extra(name: &str) -> bool {
    KNOWN_EXTRAS.contains(&name)
}

/// Whether a top-level key of an image is not an extra property.
pub(crate) fn is_base(name: &str) -> bool {
    matches!(
        name,
        "id" | "name"
            | "status"
            | "visibility"
            | "protected"
            | "os_hidden"
            | "owner"
            | "disk_format"
            | "container_format"
            | "min_disk"
            | "min_ram"
            | "tags"
            | "locations"
    ) || is_read_only(name)
}

/// Whether only the service sets this key. (`id` can be chosen when an image is made.)
pub(crate) fn is_read_only(name: &str) -> bool {
    matches!(
        name,
        "status"
            | "size"
            | "virtual_size"
            | "checksum"
            | "os_hash_algo"
            | "os_hash_value"
            | "created_at"
            | "updated_at"
            | "self"
            | "file"
            | "schema"
            | "stores"
            | "direct_url"
    )
}

/// The key a client knows a field by.
pub(crate) fn field(field: Field) -> &'static str {
    match field {
        Field::Id => "id",
        Field::Name => "name",
        Field::Visibility => "visibility",
        Field::Owner => "owner",
        Field::DiskFormat => "disk_format",
        Field::ContainerFormat => "container_format",
        Field::Tag => "tags",
        Field::Property => "property",
        Field::Member => "member",
        Field::Data => "data",
        Field::Source => "uri",
        Field::Marker => "marker",
        Field::Definition => "name",
        Field::Description => "description",
        Field::Family => "image_family",
        Field::Version => "image_version",
        Field::Architecture => "architecture",
        Field::Platform => "os_distro",
        Field::Device => "device",
        Field::DiskSize => "disk",
        Field::Object => "object",
    }
}

/// What stands in the way, in a sentence. Most of it only other dialects' requests can meet.
pub(crate) fn conflict(conflict: Conflict) -> &'static str {
    match conflict {
        Conflict::BootModeForArchitecture => "The firmware hw_firmware_type does not exist for this architecture.",
        Conflict::ImageUsedByInstance => "The image is used by an instance.",
        Conflict::ImageShared => "The image is shared with others.",
        Conflict::ImageCopying | Conflict::ImageImporting | Conflict::ImageExporting | Conflict::ImageCreating => {
            "The image is being worked on."
        }
        _ => "Something else is in a state that does not allow this operation.",
    }
}

/// What a limit is on, in a sentence.
pub(crate) fn quota(quota: Quota) -> &'static str {
    match quota {
        Quota::Properties => "number of allowed image properties",
        Quota::Tags => "number of allowed image tags",
        Quota::Members => "number of allowed image members for this image",
        Quota::ImageBytes => "size of one image in bytes",
        Quota::AccountBytes => "bytes of all images of a project",
        Quota::AccountImages => "number of images of a project",
        Quota::AccountUploads => "number of concurrent uploads of a project",
        Quota::RegionImages => "number of images of a project in a region",
        Quota::FamilyImages => "number of images of a family",
        Quota::Families => "number of image families of a project",
        Quota::DiskSnapshots => "number of snapshots of a disk",
        Quota::DataDisks => "number of data disks",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_word_of_its_own() {
        for known in Status::ALL {
            assert_eq!(status_named(status(known)), Some(known));
        }
        assert_eq!(status_named("pending_delete"), None);
    }

    #[test]
    fn kept_properties_are_shown_by_their_wire_names_or_not_at_all() {
        assert_eq!(shown_property("imprint:import_task").as_deref(), Some("os_glance_import_task"));
        assert_eq!(shown_property("imprint:other"), None);
        assert_eq!(shown_property("hw_disk_bus").as_deref(), Some("hw_disk_bus"));
        assert_eq!(stored_property("os_glance_failed_import"), "imprint:failed_import");
        assert_eq!(stored_property("os_glance_other"), "os_glance_other");
        for name in ["os_glance_x", "imprint:import_task", "deleted_at"] {
            assert!(is_reserved_property(name), "{name}");
        }
    }
}
