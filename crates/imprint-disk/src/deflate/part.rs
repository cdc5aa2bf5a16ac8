//! The library's encoder, for units that become parts of one deflate stream.

use std::io;

use flate2::{Compress, Compression, FlushCompress};

/// Level 1 has fixed codes only, which make data that cannot be packed longer by a twentieth.
pub(crate) const PART_LEVEL: u32 = 2;

/// Makes parts of a deflate stream: each refers to nothing before it and ends on a byte, so parts can be made in any
/// order and laid end to end.
pub(crate) struct DeflatePart(Compress);

impl DeflatePart {
    pub(crate) fn new() -> DeflatePart {
        DeflatePart(Compress::new(Compression::new(PART_LEVEL), false))
    }

    /// Appends what `data` becomes to `out`.
    pub(crate) fn compress(&mut self, data: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        self.0.reset();
        // More than a part can take: a flush that just fills its room is written once more by the next call, so the
        // bytes would depend on the room.
        out.reserve(data.len() + data.len() / 8 + 64);
        self.0.compress_vec(data, out, FlushCompress::Full).map_err(io::Error::other)?;
        if self.0.total_in() != data.len() as u64 || out.len() == out.capacity() {
            return Err(io::Error::other("a part of a deflate stream that takes more than can be"));
        }
        Ok(())
    }
}
