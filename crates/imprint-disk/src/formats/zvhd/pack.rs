//! Packing one block.

use std::io;

use flate2::{Compress, Compression, FlushCompress};
use zstd::bulk::Compressor;

use crate::encode::UnitEncoder;

/// Level 1 has fixed codes only, which make data that cannot be packed longer by a twentieth.
pub(super) const DEFLATE_LEVEL: u32 = 2;
pub(super) const ZSTD_LEVEL: i32 = 1;

/// A part of a deflate stream: it refers to nothing before it and ends on a byte, so parts can be made in any order and
/// laid end to end.
pub(super) struct DeflatePart(Compress);

impl DeflatePart {
    pub(super) fn new() -> DeflatePart {
        DeflatePart(Compress::new(Compression::new(DEFLATE_LEVEL), false))
    }
}

impl UnitEncoder for DeflatePart {
    fn encode(&mut self, _: u64, data: &[u8], out: &mut Vec<u8>) -> io::Result<u32> {
        self.0.reset();
        out.reserve(data.len() / 2 + 64);
        let mut rest = data;
        loop {
            let before = self.0.total_in();
            self.0.compress_vec(rest, out, FlushCompress::Full).map_err(io::Error::other)?;
            let used = usize::try_from(self.0.total_in() - before).map_err(io::Error::other)?;
            rest = &rest[used..];
            // room left over means that everything is out
            if rest.is_empty() && out.len() < out.capacity() {
                return Ok(0);
            }
            out.reserve(data.len() / 4 + 64);
        }
    }
}

/// A zstd frame.
pub(super) struct ZstdFrame(Compressor<'static>);

impl ZstdFrame {
    pub(super) fn new() -> io::Result<ZstdFrame> {
        Ok(ZstdFrame(Compressor::new(ZSTD_LEVEL)?))
    }
}

impl UnitEncoder for ZstdFrame {
    fn encode(&mut self, _: u64, data: &[u8], out: &mut Vec<u8>) -> io::Result<u32> {
        out.reserve(zstd::zstd_safe::compress_bound(data.len()));
        self.0.compress_to_buffer(data, out)?;
        Ok(0)
    }
}
