//! The files an image is imported from: the first is the system disk's.

use imprint_model::{DATA_DISKS_MAX, DiskKind, ObjectPlace};
use imprint_service::ObjectDisk;

use super::{BAD_BUCKET, BAD_DATA_SIZE, BAD_OBJECT, BAD_SYSTEM_SIZE, NO_MAPPING, UNSUPPORTED_SUFFIX};
use crate::error::BAD_FORMAT;
use crate::fault::Fault;
use crate::image_codes::MISSING;
use crate::params::{Object, Params};
use crate::words;

/// Sizes of a disk, GiB.
const SIZE_GIB: std::ops::RangeInclusive<u32> = 1..=2_048;
/// Longest key of an object, in bytes.
const KEY_BYTES_MAX: usize = 1_023;
/// Shortest and longest name of a bucket, in bytes.
const BUCKET_BYTES: std::ops::RangeInclusive<usize> = 3..=63;

/// The disks, the system disk first. Those beyond the seventeenth are left out, as the API says.
pub(super) fn read(params: &Params) -> Result<Vec<ObjectDisk>, Fault> {
    let mappings = params.objects("DiskDeviceMapping");
    if mappings.is_empty() {
        return Err(NO_MAPPING.fault());
    }
    let kinds = std::iter::once(DiskKind::System).chain(std::iter::repeat_n(DiskKind::Data, DATA_DISKS_MAX));
    mappings.into_iter().zip(kinds).map(|(mapping, kind)| disk(mapping, kind)).collect()
}

fn disk(mapping: Object<'_>, kind: DiskKind) -> Result<ObjectDisk, Fault> {
    let need = |member: &str| mapping.text(member).ok_or_else(|| MISSING.filled(&[&mapping.name(member)]));
    let (bucket, key) = (need("OSSBucket")?, need("OSSObject")?);
    if !bucket_name(bucket) {
        return Err(BAD_BUCKET.fault());
    }
    if key.len() > KEY_BYTES_MAX || key.starts_with(['/', '\\']) || key.contains('\0') {
        return Err(BAD_OBJECT.fault());
    }
    let format = match mapping.text("Format") {
        Some(word) => Some(words::import_format_named(word).ok_or_else(|| BAD_FORMAT.fault())?),
        // a disc is no disk, whatever it holds
        None if key.to_ascii_lowercase().ends_with(".iso") => return Err(UNSUPPORTED_SUFFIX.fault()),
        None => None,
    };
    Ok(ObjectDisk {
        place: ObjectPlace { bucket: bucket.to_owned(), key: key.to_owned() },
        format,
        size_gib: size(mapping, kind)?,
        letter: None,
    })
}

fn bucket_name(text: &str) -> bool {
    BUCKET_BYTES.contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn size(mapping: Object<'_>, kind: DiskKind) -> Result<Option<u32>, Fault> {
    let text = mapping.text("DiskImageSize").or_else(|| mapping.text("DiskImSize"));
    let Some(text) = text else { return Ok(None) };
    let size = text.parse().ok().filter(|size| SIZE_GIB.contains(size));
    let refusal = || match kind {
        DiskKind::System => BAD_SYSTEM_SIZE.filled(&["The specified DiskImageSize beyond the permitted range."]),
        DiskKind::Data => BAD_DATA_SIZE.fault(),
    };
    size.map(Some).ok_or_else(refusal)
}
