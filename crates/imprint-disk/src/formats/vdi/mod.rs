//! VirtualBox disk images, version 1.1: little endian, one header, then the block map, then the blocks.
//!
//! Here: the rules of the header ([`header`]), the disk inside ([`reader`]) and the file that a disk would be
//! ([`writer`]).

mod header;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

use super::Findings;
use crate::evidence::Evidence;

pub(crate) use reader::{open, places};
pub(crate) use writer::view;

pub(crate) fn recognise(head: &[u8]) -> bool {
    header::is_recognised(head)
}

pub(crate) fn check(evidence: &Evidence) -> Findings {
    header::examine(&evidence.head, evidence.total).0
}
