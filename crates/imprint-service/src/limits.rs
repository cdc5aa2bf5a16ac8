//! The limits that hold for every image, whatever dialect made it. Stricter ones belong to the dialects.

use imprint_catalogue::{Tx, quotas};
use imprint_model::{Image, ProjectId};
use serde::Deserialize;

use crate::error::{Error, Field, Quota};

/// Longest name, tag, property name or owner, in characters.
pub const TEXT_CHARS_MAX: usize = 255;

/// Longest description, or tag of key and value, in characters.
const LONG_TEXT_CHARS_MAX: usize = 1024;

/// Longest value of one property, in bytes. The databases would hold more; a list of 1,000 images must not.
pub const PROPERTY_VALUE_BYTES_MAX: usize = 65_535;

/// Limits that an operator can set. A negative number means no limit.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Properties of one image.
    pub image_properties: i64,
    /// Tags of one image.
    pub image_tags: i64,
    /// Accounts one image is shared with.
    pub image_members: i64,
    /// Bytes of one image.
    pub image_size_bytes: i64,
    /// Bytes of all images of one account, uploads under way included.
    pub account_bytes: i64,
    /// Images of one account.
    pub account_images: i64,
    /// Uploads and imports of one account at one time.
    pub account_uploads: i64,
    /// Images of one account in one region, where a dialect knows regions.
    pub region_images: i64,
    /// Images of one family.
    pub family_images: i64,
    /// Families of one account in one region.
    pub families: i64,
    /// Snapshots of one disk.
    pub disk_snapshots: i64,
    /// Accounts one image is shared with, where a dialect shares without asking them.
    pub image_shares: i64,
    /// Copies of one account into one region at one time; further ones wait.
    pub region_copies: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            image_properties: 128,
            image_tags: 128,
            image_members: 128,
            image_size_bytes: 1 << 40,
            account_bytes: -1,
            account_images: -1,
            account_uploads: -1,
            region_images: 100,
            family_images: 30,
            families: 100,
            disk_snapshots: 256,
            image_shares: 50,
            region_copies: 5,
        }
    }
}

impl Limits {
    /// Accepts a short text.
    pub(crate) fn text(&self, field: Field, text: String) -> Result<String, Error> {
        if text.chars().count() > TEXT_CHARS_MAX {
            return Err(Error::invalid(field, format!("longer than {TEXT_CHARS_MAX} characters")));
        }
        self.storable(field, text)
    }

    /// Accepts a text that people write: a description, or a tag of key and value.
    pub(crate) fn long_text(&self, field: Field, text: &str) -> Result<(), Error> {
        if text.chars().count() > LONG_TEXT_CHARS_MAX {
            return Err(Error::invalid(field, format!("longer than {LONG_TEXT_CHARS_MAX} characters")));
        }
        if text.contains('\0') { Err(Error::invalid(field, "contains a NUL character")) } else { Ok(()) }
    }

    /// Accepts the value of the property `name`.
    pub(crate) fn property_value(&self, name: &str, value: String) -> Result<String, Error> {
        if value.len() > PROPERTY_VALUE_BYTES_MAX {
            let why = format!("value of '{name}' is longer than {PROPERTY_VALUE_BYTES_MAX} bytes");
            return Err(Error::invalid(Field::Property, why));
        }
        self.storable(Field::Property, value)
    }

    /// NUL is valid Unicode, but no SQL engine of ours stores it faithfully.
    fn storable(&self, field: Field, text: String) -> Result<String, Error> {
        if text.contains('\0') { Err(Error::invalid(field, "contains a NUL character")) } else { Ok(text) }
    }

    /// Holds for the whole record, after any change.
    pub(crate) fn check(&self, image: &Image) -> Result<(), Error> {
        within(self.image_properties, image.properties.len() as u64, Quota::Properties)?;
        within(self.image_tags, image.tags.len() as u64, Quota::Tags)
    }
}

/// The limit `name` that holds for `owner`: its own when it has one, `otherwise` else. Read in the transaction that is
/// held against it.
pub(crate) fn most(tx: &mut Tx<'_>, owner: &ProjectId, name: &str, otherwise: i64) -> Result<i64, Error> {
    Ok(quotas::get(tx, owner, name)?.unwrap_or(otherwise))
}

/// `Err` when `count` is over `limit` (negative: none).
pub(crate) fn within(limit: i64, count: u64, quota: Quota) -> Result<(), Error> {
    match u64::try_from(limit) {
        Ok(limit) if count > limit => Err(Error::OverQuota(quota, limit)),
        _ => Ok(()),
    }
}
