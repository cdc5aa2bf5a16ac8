//! Formats made of blocks of one size and one table that says where each block is: what VHD, VHDX and VDI share.
//!
//! Here: reading entries of a table without holding it ([`table`]), the disk inside such a file ([`disk`]), a table
//! computed as it is read ([`entries`]), and identifiers ([`identity`]). Never here: any format's fields.

pub(crate) mod disk;
pub(crate) mod entries;
pub(crate) mod identity;
pub(crate) mod table;

#[cfg(test)]
mod tests;

use crate::{OpenError, Refusal};

/// A block of the disk that lies outside the file.
pub(crate) fn outside(field: &'static str) -> OpenError {
    OpenError::Refused(vec![Refusal::OutsideFile { field }])
}
