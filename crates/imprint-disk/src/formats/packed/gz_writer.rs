//! Writing one gzip member: each unit is deflated by itself and ends on a byte, so units can be packed in parallel and
//! again one by one; the checksum of the whole follows from theirs. Any reader of gzip unpacks it.

use std::io;
use std::sync::Arc;

use crate::ReadAt;
use crate::deflate::{self, DeflatePart, PART_LEVEL};
use crate::encode::{Layout, UnitEncoder, UnitFormat, ZeroUnits};

/// Small enough for ranges to be cheap, large enough for losing the window at each to be cheap, too.
const UNIT_BYTES: u32 = 512 * 1024;
/// Signature, deflate, no optional fields, no time, no word about the effort, made by nothing in particular.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// An empty last block, which also fills its byte.
const END_OF_DATA: [u8; 2] = [3, 0];

/// A disk as one gzip member.
pub(crate) struct GzMember {
    size: u64,
}

impl GzMember {
    pub(crate) fn new(disk_bytes: u64) -> GzMember {
        GzMember { size: disk_bytes }
    }
}

impl UnitFormat for GzMember {
    fn identity(&self) -> String {
        format!("gz parts {PART_LEVEL} {} {UNIT_BYTES}", deflate::LIBRARY)
    }

    fn unit_bytes(&self) -> u32 {
        UNIT_BYTES
    }

    fn zero_units(&self) -> ZeroUnits {
        ZeroUnits::Encoded
    }

    fn fills_last_unit(&self) -> bool {
        false
    }

    fn prefix_bytes(&self) -> u64 {
        HEADER.len() as u64
    }

    fn prefix_needs_layout(&self) -> bool {
        false
    }

    fn encoder(&self) -> io::Result<Box<dyn UnitEncoder>> {
        Ok(Box::new(Member(DeflatePart::new())))
    }

    fn combine(&self, so_far: u32, unit: u32, unit_bytes: u64) -> u32 {
        let mut whole = crc32fast::Hasher::new_with_initial(so_far);
        whole.combine(&crc32fast::Hasher::new_with_initial_len(unit, unit_bytes));
        whole.finalize()
    }

    fn prefix(&self, _: Option<&Arc<Layout>>) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(HEADER.to_vec()))
    }

    fn suffix(&self, layout: &Arc<Layout>) -> io::Result<Box<dyn ReadAt>> {
        let mut bytes = END_OF_DATA.to_vec();
        bytes.extend(layout.check().to_le_bytes());
        // modulo 2^32, as the format has it
        bytes.extend(&self.size.to_le_bytes()[..4]);
        Ok(Box::new(bytes))
    }
}

struct Member(DeflatePart);

impl UnitEncoder for Member {
    fn encode(&mut self, _: u64, data: &[u8], out: &mut Vec<u8>) -> io::Result<u32> {
        self.0.compress(data, out)?;
        Ok(crc32fast::hash(data))
    }
}
