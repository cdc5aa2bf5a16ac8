//! An image as this API shows it. Never here: which images a caller sees, or how an answer is encoded.

mod beside;
mod check;

use imprint_model::{DiskKind, Image, ImageDisk, OsType, ProjectId, Status, Visibility, split_tag};
use imprint_service::{Annotation, CheckOutcome, Progress};
use serde_json::{Map, Value};

pub(crate) use beside::{account_of, images, number_of, of_family, viewer};

use crate::answer::object;
use crate::ids::WireId;
use crate::words;

const GIB: u64 = 1 << 30;

/// What an image's view needs besides its record.
#[derive(Debug)]
pub(crate) struct Beside<'a> {
    /// The account that looks.
    pub(crate) viewer: &'a ProjectId,
    /// The owner's account number.
    pub(crate) owner_number: u64,
    /// The owner's name, which is the supplier of what it gives to everybody.
    pub(crate) owner_name: &'a str,
    /// What the catalogue knows of it beyond its record.
    pub(crate) annotation: &'a Annotation,
    /// What became of its check.
    pub(crate) check: Option<&'a CheckOutcome>,
}

/// An image as a list shows it.
pub(crate) fn image(image: &Image, beside: &Beside<'_>) -> Value {
    let mut shown = described(image, beside);
    let facts = &image.facts;
    let mut put = |key: &str, value: Value| shown.insert(key.to_owned(), value);
    put("OSNameEn", os_name(image, "bit").into());
    put("BootMode", boot_mode(image).into());
    put("IsPublic", is_public(image).into());
    put("ImageOwnerId", beside.owner_number.into());
    put("ResourceGroupId", facts.resource_group.as_deref().unwrap_or_default().into());
    put("Features", features(image));
    if let Some(check) = check::options(image, beside.check) {
        put("DetectionOptions", check);
    }
    Value::Object(shown)
}

/// The fields that every view of an image has, the newest image of a family included.
pub(crate) fn described(image: &Image, beside: &Beside<'_>) -> Map<String, Value> {
    let facts = &image.facts;
    let own = beside.viewer == &image.owner;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let community = image.visibility == Visibility::Community;
    let mut shown = object! {
        "ImageId": image.id.wire(),
        "ImageName": text(&image.name),
        "ImageFamily": text(&facts.family),
        "ImageVersion": text(&facts.version),
        "Description": text(&facts.description),
        "Status": words::status(image),
        "Progress": progress(image, beside.annotation.progress.as_ref()),
        "CreationTime": image.created_at.to_rfc3339_seconds(),
        "Size": size_gib(image),
        "ImageOwnerAlias": owner_alias(image, beside.viewer),
        "IsSelfShared": if own { self_shared(beside.annotation) } else { "" },
        "IsCopied": facts.copied_from.is_some(),
        "IsSubscribed": false,
        "IsSupportIoOptimized": true,
        "IsSupportCloudinit": true,
        "LoginAsNonRootSupported": facts.login_as_non_root.unwrap_or(false),
        "OSType": os_type(image),
        "OSName": os_name(image, "位"),
        "Platform": platform(image),
        "Architecture": architecture(image).as_str(),
        "Usage": if beside.annotation.used_by_instance { "instance" } else { "none" },
        "ProductCode": "",
        "SupplierName": if community { beside.owner_name } else { "" },
        "LicenseType": words::licence(facts.licence.unwrap_or(imprint_model::Licence::Auto)),
        "Usable": image.status == Status::Available,
        "Tags": object! { "Tag": tags(image, beside.check) },
        "DiskDeviceMappings": object! { "DiskDeviceMapping": mappings(image, beside.annotation.progress.as_ref()) },
    };
    if let Some(secure) = facts.secure_boot {
        shown.insert("SecureBootOptions".to_owned(), object! { "SecureBootSupport": words::supported(secure) }.into());
    }
    shown
}

/// Whose image it is, as the viewer says it.
pub(crate) fn owner_alias(image: &Image, viewer: &ProjectId) -> &'static str {
    match image.visibility {
        Visibility::Public => "system",
        _ if &image.owner == viewer => "self",
        _ => "others",
    }
}

/// The processor, told or taken for granted.
pub(crate) fn architecture(image: &Image) -> imprint_model::Architecture {
    image.facts.architecture.unwrap_or(words::ARCHITECTURE_DEFAULT)
}

/// Size of the system disk. What was uploaded tells it by its content, unless the owner wants a larger one.
pub(crate) fn size_gib(image: &Image) -> u64 {
    if let Some(disk) = image.disks.iter().find(|disk| disk.kind == DiskKind::System) {
        return u64::from(disk.size_gib);
    }
    let content = image.content.as_ref();
    let held = content.map_or(0, |content| content.virtual_size_bytes.unwrap_or(content.size_bytes).div_ceil(GIB));
    held.max(u64::from(image.min_disk_gib))
}

fn self_shared(annotation: &Annotation) -> &'static str {
    if annotation.shared { "true" } else { "false" }
}

fn is_public(image: &Image) -> bool {
    matches!(image.visibility, Visibility::Public | Visibility::Community)
}

fn platform(image: &Image) -> &str {
    image.facts.platform.as_deref().unwrap_or(words::PLATFORM_DEFAULT)
}

/// The kind of system inside. One that nobody told is shown as what it is found by.
pub(crate) fn os_type(image: &Image) -> &'static str {
    image.facts.os_type.unwrap_or(OsType::Linux).as_str()
}

fn boot_mode(image: &Image) -> &'static str {
    words::boot_mode(image.facts.firmware())
}

/// The system's full name where somebody told it; else what is known of it, with the unit in the reader's language.
pub(crate) fn os_name(image: &Image, unit: &str) -> String {
    let bits = if architecture(image) == imprint_model::Architecture::I386 { 32 } else { 64 };
    image.facts.os_name.clone().unwrap_or_else(|| format!("{} {bits}{unit}", platform(image)))
}

/// Nothing here is resized while a machine runs, so of these only the first two differ between images.
fn features(image: &Image) -> Value {
    let access = image.facts.metadata_access.unwrap_or(imprint_model::MetadataAccess::Open);
    object! {
        "NvmeSupport": words::supported(image.facts.nvme.unwrap_or(false)),
        "ImdsSupport": words::metadata_access(access),
        "CpuOnlineUpgrade": words::supported(false),
        "CpuOnlineDowngrade": words::supported(false),
        "MemoryOnlineUpgrade": words::supported(false),
        "MemoryOnlineDowngrade": words::supported(false),
    }
    .into()
}

/// The owner's tags, and those that the service gives to what passed its check.
fn tags(image: &Image, check: Option<&CheckOutcome>) -> Vec<Value> {
    let own = image.tags.iter().map(|tag| shown_tag(tag));
    own.chain(check::tags(check).into_iter().map(|(key, value)| object! { "TagKey": key, "TagValue": value }.into()))
        .collect()
}

fn shown_tag(tag: &str) -> Value {
    let (key, value) = split_tag(tag);
    object! { "TagKey": key, "TagValue": value.unwrap_or_default() }.into()
}

/// How far the image is. Only one that has its data is at the end.
fn progress(image: &Image, progress: Option<&Progress>) -> String {
    let percent = match image.status {
        Status::Available | Status::Deactivated => 100,
        Status::Queued | Status::Failed => 0,
        Status::Saving | Status::Staged | Status::Importing => progress.map_or(0, Progress::percent),
    };
    format!("{percent}%")
}

fn mappings(image: &Image, progress: Option<&Progress>) -> Vec<Value> {
    let copying = image.facts.copied_from.is_some() && matches!(image.status, Status::Importing | Status::Saving);
    let running = progress.filter(|_| copying);
    if !image.disks.is_empty() {
        return image.disks.iter().map(|disk| mapping(image, disk, running)).collect();
    }
    if image.content.is_none() {
        return Vec::new();
    }
    // uploaded: one disk, which no snapshot describes
    let size_gib = u32::try_from(size_gib(image)).unwrap_or(u32::MAX);
    let disk = ImageDisk { kind: DiskKind::System, letter: 'a', size_gib, snapshot: None, imported_from: None };
    vec![mapping(image, &disk, running)]
}

fn mapping(image: &Image, disk: &ImageDisk, copying: Option<&Progress>) -> Value {
    let format = image.disk_format.filter(|_| disk.kind == DiskKind::System || disk.snapshot.is_some());
    let from = disk.imported_from.as_ref();
    let mut shown = object! {
        "Type": disk.kind.as_str(),
        "Device": words::device(disk.letter),
        "Size": disk.size_gib.to_string(),
        "SnapshotId": disk.snapshot.map(WireId::wire).unwrap_or_default(),
        "Format": format.map(|format| format.as_str()).unwrap_or_default(),
        "ImportOSSBucket": from.map(|place| place.bucket.as_str()).unwrap_or_default(),
        "ImportOSSObject": from.map(|place| place.key.as_str()).unwrap_or_default(),
        "Encrypted": false,
    };
    if let Some(running) = copying {
        shown.insert("Progress".to_owned(), format!("{}%", running.percent()).into());
        shown.insert("RemainTime".to_owned(), running.remaining_secs.unwrap_or(0).into());
    }
    shown.into()
}

#[cfg(test)]
mod tests;
