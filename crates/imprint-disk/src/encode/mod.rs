//! Files made of units that are compressed one by one: what such a format has to say, and everything that follows from
//! it once for all formats — compressing on several threads, sizes that are measured once and then known, any range of
//! a file that was never written, the same bytes each time.
//!
//! Such a file is `prefix`, then the units in the order of the disk, each in its frame, then `suffix`. Never here: what
//! a particular format's bytes mean.

mod engine;
mod in_order;
mod layout;
mod sizes;

use std::io;
use std::sync::Arc;

pub(crate) use engine::Units;
pub(crate) use in_order::in_order;
pub(crate) use layout::{Layout, Piece};
pub use sizes::UnitSizes;

use crate::ReadAt;

/// What becomes of a unit that is all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ZeroUnits {
    /// Nothing is written for it: the tables of the format say that it is not there.
    LeftOut,
    /// It is encoded as any other unit. A format of this kind has no frames, and encodes equal units equally wherever
    /// they stand, so that a long hole costs no more than one unit's work.
    Encoded,
}

/// A compressed target: how one unit is encoded, and what stands around the units.
///
/// Everything here is a function of its arguments and of what the format was made with: no clock, no chance.
pub(crate) trait UnitFormat: Send + Sync {
    /// Names everything that the encoded bytes depend on: format, codec, level, version of the library, size of the
    /// unit. Sizes measured under another identity are not used. At most 200 bytes.
    fn identity(&self) -> String;

    /// How many bytes of the disk one unit covers.
    fn unit_bytes(&self) -> u32;

    /// What becomes of zeros.
    fn zero_units(&self) -> ZeroUnits;

    /// Whether a short last unit is handed over filled up with zeros.
    fn fills_last_unit(&self) -> bool;

    /// Where the first unit's frame begins, known before anything was encoded.
    fn prefix_bytes(&self) -> u64;

    /// Whether the prefix can only be written once the sizes of all units are known. Costs a pass of measuring the
    /// first time a file is streamed.
    fn prefix_needs_layout(&self) -> bool;

    /// A new encoder, for one thread.
    ///
    /// # Errors
    /// When the codec cannot be set up.
    fn encoder(&self) -> io::Result<Box<dyn UnitEncoder>>;

    /// What stands around an encoded unit: cheap, computed in order.
    fn frame(&self, place: Place) -> Frame {
        let _ = place;
        Frame::default()
    }

    /// The checksum over everything so far and one more unit of `unit_bytes` bytes, for formats that end in one.
    fn combine(&self, so_far: u32, unit: u32, unit_bytes: u64) -> u32 {
        let _ = (unit, unit_bytes);
        so_far
    }

    /// The bytes before the first unit, [`UnitFormat::prefix_bytes`] of them. A layout is given when it is known; always
    /// when [`UnitFormat::prefix_needs_layout`].
    ///
    /// # Errors
    /// When the file cannot be laid out within the format's limits.
    fn prefix(&self, layout: Option<&Arc<Layout>>) -> io::Result<Box<dyn ReadAt>>;

    /// The bytes behind the last unit; a large table may be computed as it is read.
    ///
    /// # Errors
    /// As [`UnitFormat::prefix`].
    fn suffix(&self, layout: &Arc<Layout>) -> io::Result<Box<dyn ReadAt>>;
}

/// Encodes units, one after the other, in any order; keeps only what is worth reusing.
pub(crate) trait UnitEncoder: Send {
    /// Appends the encoded unit to `out`, which holds nothing else, and returns its checksum (0 where the format needs
    /// none). At least one byte, fewer than 2^31.
    ///
    /// # Errors
    /// When the codec fails.
    fn encode(&mut self, unit: u64, data: &[u8], out: &mut Vec<u8>) -> io::Result<u32>;
}

/// Where a unit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The number of the unit on the disk.
    pub(crate) unit: u64,
    /// How many units are written before it.
    pub(crate) ordinal: u64,
    /// Where its frame begins in the file.
    pub(crate) offset: u64,
    /// How many bytes it takes encoded, without its frame.
    pub(crate) payload_bytes: u32,
}

/// The bytes around an encoded unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// In front of it.
    pub(crate) head: Vec<u8>,
    /// Behind it.
    pub(crate) tail: Vec<u8>,
}

impl Frame {
    /// How many bytes the frame adds.
    pub(crate) fn len(&self) -> u64 {
        (self.head.len() + self.tail.len()) as u64
    }
}
