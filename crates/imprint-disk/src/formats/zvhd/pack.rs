//! Packing one block.

use std::io;

use zstd::bulk::Compressor;

use crate::deflate::DeflatePart;
use crate::encode::UnitEncoder;

pub(super) const ZSTD_LEVEL: i32 = 1;

impl UnitEncoder for DeflatePart {
    fn encode(&mut self, _: u64, data: &[u8], out: &mut Vec<u8>) -> io::Result<u32> {
        self.compress(data, out)?;
        Ok(0)
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
