//! Virtual PC disks (VHD): big endian. A fixed disk ends in a footer; a dynamic one also starts with a copy of it,
//! followed by a header and the block allocation table.
//!
//! Here: the rules of its structures ([`header`]), the disk inside ([`reader`]) and both kinds of file ([`writer`]).

mod geometry;
mod header;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

use super::Findings;
use crate::evidence::Evidence;

pub(crate) use geometry::Geometry;
pub(crate) use header::byte_sum;
pub(crate) use reader::{open, places};
pub(crate) use writer::{dynamic, fixed};

pub(crate) fn recognise(evidence: &Evidence) -> bool {
    header::is_recognised(&evidence.head, &evidence.tail)
}

pub(crate) fn check(evidence: &Evidence) -> Findings {
    header::examine(&evidence.head, &evidence.tail, evidence.total).0
}
