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

/// Where everything is in a file of blocks, for comparing one place with another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    /// How many bytes a stored block takes in the file, with what belongs to it alone.
    pub(crate) len: u64,
    /// Where stored blocks begin, in the order of the table.
    pub(crate) starts: Vec<u64>,
    /// Headers and tables, from and to: no block may touch them.
    pub(crate) reserved: Vec<(u64, u64)>,
}

/// Places kept at once: 512 MiB of them.
const PLACES_MAX: usize = 1 << 26;

impl Placed {
    pub(crate) fn new(len: u64, reserved: Vec<(u64, u64)>) -> Placed {
        Placed { len, starts: Vec::new(), reserved }
    }

    /// Adds a stored block.
    pub(crate) fn push(&mut self, start: u64) -> Result<(), OpenError> {
        if self.starts.len() == PLACES_MAX {
            return Err(OpenError::Unsupported("a file of more than 2^26 blocks".to_owned()));
        }
        self.starts.push(start);
        Ok(())
    }
}

/// A block of the disk that lies outside the file.
pub(crate) fn outside(field: &'static str) -> OpenError {
    OpenError::Refused(vec![Refusal::OutsideFile { field }])
}
