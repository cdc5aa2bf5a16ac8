//! Codes that several operations on images share, and the reading of parameters that they have in common. A code that
//! one operation alone has stands in its file.

use std::collections::BTreeSet;

use imprint_model::{Architecture, BootMode, MetadataAccess};

use crate::fault::{Code, Fault, code};
use crate::params::{Params, invalid};
use crate::validate::{self, TagProblem};
use crate::words;

pub(crate) use crate::conflict::{BOOT_MODE as BOOT_MODE_FOR_ARCHITECTURE, IMAGE_IMPORTING as ALREADY_IMPORTING};

pub(crate) const BAD_NAME: Code =
    Code::new(400, "InvalidImageName.Malformed", "The specified Image name is wrongly formed.");
pub(crate) const DUPLICATE_NAME: Code =
    Code::new(400, "InvalidImageName.Duplicated", "The specified image name is already in use.");
pub(crate) const BAD_DESCRIPTION: Code =
    Code::new(400, "InvalidDescription.Malformed", "The specified description is wrongly formed.");
pub(crate) const BAD_FAMILY: Code =
    Code::new(400, "InvalidImageFamily.Malformed", "The format of the specified image family is invalid.");
pub(crate) const BAD_VERSION: Code =
    Code::new(400, "InvalidImageVersion.Malformed", "The specified ImageVersion is wrongly formed.");
pub(crate) const BAD_PLATFORM: Code =
    Code::new(400, "InvalidPlatform.Malformed", "The specified Platform is wrongly formed.");
pub(crate) const BAD_ARCHITECTURE: Code =
    Code::new(400, "InvalidArchitecture.Malformed", "The specified Architecture is wrongly formed.");
pub(crate) const BAD_METADATA_ACCESS: Code = Code::new(
    400,
    "InvalidParameter.FeaturesImdsSupport",
    "The specified parameter Features.ImdsSupport is not supported.",
);
pub(crate) const BAD_TAG_KEY: Code = Code::new(400, "InvalidTagKey.Malformed", "The specified Tag.n.Key is not valid.");
pub(crate) const BAD_TAG_VALUE: Code =
    Code::new(400, "InvalidTagValue.Malformed", "The specified Tag.n.Value is not valid.");
pub(crate) const DUPLICATE_TAG_KEY: Code = Code::new(400, "Duplicate.TagKey", "The Tag.N.Key contain duplicate key.");

pub(crate) const MISSING: Code = Code::new(
    400,
    "MissingParameter",
    "An input parameter \"%s\" that is mandatory for processing the request is not supplied.",
);
pub(crate) const BAD_REGION: Code =
    Code::new(400, "InvalidRegionId.NotFound", "The specified RegionId does not exist.");

/// The tags of a new image, as the engine keeps them.
///
/// # Errors
/// [`BAD_TAG_KEY`], [`BAD_TAG_VALUE`], [`DUPLICATE_TAG_KEY`], [`code::QUOTA_TAGS`].
pub(crate) fn tags(params: &Params) -> Result<BTreeSet<String>, Fault> {
    validate::tags(&params.tags()).map_err(|problem| match problem {
        TagProblem::Key => BAD_TAG_KEY.fault(),
        TagProblem::Value => BAD_TAG_VALUE.fault(),
        TagProblem::Duplicate => DUPLICATE_TAG_KEY.fault(),
        TagProblem::TooMany => code::QUOTA_TAGS.filled(&[&validate::TAGS_MAX.to_string()]),
    })
}

/// A text that must look like something, when it is given.
///
/// # Errors
/// `refusal`.
pub(crate) fn checked(
    params: &Params,
    name: &str,
    looks_right: fn(&str) -> bool,
    refusal: Code,
) -> Result<Option<String>, Fault> {
    word(params, name, |text| looks_right(text).then(|| text.to_owned()), refusal)
}

/// A word out of a closed set, when one is given.
///
/// # Errors
/// `refusal`.
pub(crate) fn word<T>(
    params: &Params,
    name: &str,
    read: impl FnOnce(&str) -> Option<T>,
    refusal: Code,
) -> Result<Option<T>, Fault> {
    params.text(name).map(|text| read(text).ok_or_else(|| refusal.fault())).transpose()
}

/// The processor.
///
/// # Errors
/// [`BAD_ARCHITECTURE`].
pub(crate) fn architecture(params: &Params) -> Result<Option<Architecture>, Fault> {
    word(params, "Architecture", |text| text.parse().ok(), BAD_ARCHITECTURE)
}

/// The firmware.
///
/// # Errors
/// `refusal`, which differs between operations.
pub(crate) fn boot_mode(params: &Params, refusal: Code) -> Result<Option<BootMode>, Fault> {
    word(params, "BootMode", words::boot_mode_named, refusal)
}

/// Whether something is supported; there is no code for a word that is neither.
///
/// # Errors
/// `InvalidParameter`.
pub(crate) fn supported(params: &Params, name: &str) -> Result<Option<bool>, Fault> {
    params.text(name).map(|text| words::supported_named(text).ok_or_else(|| invalid(name))).transpose()
}

/// The metadata service's version.
///
/// # Errors
/// [`BAD_METADATA_ACCESS`].
pub(crate) fn metadata_access(params: &Params) -> Result<Option<MetadataAccess>, Fault> {
    word(params, "Features.ImdsSupport", words::metadata_access_named, BAD_METADATA_ACCESS)
}
