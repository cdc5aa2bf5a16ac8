//! ZVHD and ZVHD2: compressed blocks of a disk, in one zlib stream (`zvhd`) or each by itself with an index (`zvhd2`).
//! Little endian. **Experimental**: neither layout was ever published, and what is written down of them has not been
//! held against a file made by their vendor. What departs from it is refused.
//!
//! A file is a header page, records of one block each in rising order, and a trailer page; blocks of zeros are left out.
//! `zvhd2` has an index and a bitmap of the blocks before its trailer. Here: the pages ([`page`]), the records
//! ([`record`]), what is packed in them ([`unpack`], [`pack`]), and reader and writer of both.

mod indexed_reader;
mod indexed_writer;
mod pack;
mod page;
mod record;
mod stream_reader;
mod stream_writer;
mod unpack;

#[cfg(test)]
mod tests;

use super::Findings;
use crate::evidence::Evidence;
use page::{Kind, Page};

pub(crate) use indexed_reader::open as open_indexed;
pub(crate) use indexed_writer::Indexed;
pub(crate) use stream_reader::open as open_stream;
pub(crate) use stream_writer::Stream;

pub(crate) fn is_stream(head: &[u8]) -> bool {
    Page::recognise(head) == Some(Kind::Stream)
}

pub(crate) fn is_indexed(head: &[u8]) -> bool {
    Page::recognise(head) == Some(Kind::Indexed)
}

pub(crate) fn check(evidence: &Evidence) -> Findings {
    Page::examine(&evidence.head).0
}
