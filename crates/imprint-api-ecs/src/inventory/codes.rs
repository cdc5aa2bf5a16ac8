//! Codes that several operations on machines, disks and snapshots answer with, and the checks that lead to them.

use super::{names, words};
use crate::call::Call;
use crate::fault::{Code, Fault};
use crate::params::Params;
use crate::validate;

pub(crate) use crate::image_codes::{BAD_DESCRIPTION, BAD_TAG_KEY, BAD_TAG_VALUE, DUPLICATE_TAG_KEY, tags as new_tags};
pub(crate) use crate::image_query::{TAG_COUNT, TAG_MISMATCH};

/// A zone that is none of the region's.
pub(crate) const ZONE_NOT_FOUND: Code =
    Code::new(404, "InvalidZoneId.NotFound", "The specified ZoneId does not exist.");
/// A device that cannot be one.
pub(crate) const BAD_DEVICE: Code =
    Code::new(400, "InvalidDevice.Malformed", "The specified parameter Device is not valid.");
/// A device that another disk has.
pub(crate) const DEVICE_IN_USE: Code =
    Code::new(400, "InvalidDevice.InUse", "The specified parameter Device has been occupied.");
/// A machine with as many data disks as it can have.
pub(crate) const DISK_LIMIT: Code =
    Code::new(403, "InstanceDiskLimitExceeded", "The amount of the disk on instance in question reach its limits.");

/// A status that a list cannot be asked for.
pub(crate) const BAD_STATUS: Code = Code::new(404, "InvalidStatus.NotFound", "The specified Status is not found.");
/// A category that no disk has.
pub(crate) const BAD_CATEGORY: Code =
    Code::new(400, "InvalidDiskCategory.ValueNotSupported", "The specified DiskCategory is not supported.");
/// A purpose that no disk has.
pub(crate) const BAD_DISK_TYPE: Code =
    Code::new(400, "InvalidDiskType.ValueNotSupported", "The specified disk type is not supported.");
/// A thing of whatever kind that is not there.
pub(crate) const RESOURCE_NOT_FOUND: Code =
    Code::new(404, "InvalidResourceId.NotFound", "The specified ResourceId is not found in our records.");

/// Entries of a list of ids at most.
pub(crate) const IDS_MAX: usize = 100;

/// Refuses a zone of another region; none means the region's own.
pub(crate) fn check_zone(call: &Call, parameter: &str) -> Result<(), Fault> {
    match call.params.text(parameter) {
        Some(zone) if !words::is_zone_of(zone, &call.region) => Err(ZONE_NOT_FOUND.fault()),
        _ => Ok(()),
    }
}

/// A name of a machine or a disk, by its parameter.
pub(crate) fn name(text: Option<&str>, refusal: Code) -> Result<Option<String>, Fault> {
    match text {
        Some(name) if !names::is_name(name) => Err(refusal.fault()),
        name => Ok(name.map(str::to_owned)),
    }
}

/// A description, by its parameter.
pub(crate) fn description(text: Option<&str>) -> Result<Option<String>, Fault> {
    match text {
        Some(text) if !validate::description(text) => Err(BAD_DESCRIPTION.fault()),
        text => Ok(text.map(str::to_owned)),
    }
}

/// The tags that a list asks for: all must be there, a key without a value with any value.
pub(crate) fn wanted_tags(params: &Params) -> Result<Vec<(String, Option<String>)>, Fault> {
    let pairs = params.tags();
    if pairs.len() > validate::TAGS_MAX {
        return Err(TAG_COUNT.fault());
    }
    let pairs =
        pairs.into_iter().filter(|pair| pair.key.is_some() || pair.value.is_some_and(|value| !value.is_empty()));
    pairs
        .map(|pair| match pair.key {
            Some(key) => Ok((key.to_owned(), pair.value.filter(|value| !value.is_empty()).map(str::to_owned))),
            None => Err(TAG_MISMATCH.fault()),
        })
        .collect()
}

/// The resource group a parameter names; none is the default group.
pub(crate) fn group(params: &Params) -> Option<String> {
    params.text("ResourceGroupId").map(str::to_owned)
}
