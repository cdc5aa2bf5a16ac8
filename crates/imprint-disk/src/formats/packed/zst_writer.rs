//! Writing zstd frames, one for each unit of the disk, each with its length and checksum. Any reader of zstd unpacks
//! them as one file; ours can begin at each.

use std::io;
use std::sync::Arc;

use zstd::zstd_safe::{CCtx, CParameter, get_error_name};

use super::zst_frames::FRAMES_MAX;
use crate::ReadAt;
use crate::encode::{Layout, UnitEncoder, UnitFormat, ZeroUnits};

/// What one frame packs at least.
const UNIT_BYTES: u32 = 1024 * 1024;
const LEVEL: i32 = 3;
/// A file without any frame would be no zstd file: signature, a length of 0, one empty last block.
const EMPTY_FRAME: [u8; 9] = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0];

/// A disk as zstd frames.
pub(crate) struct ZstFrames {
    size: u64,
    unit: u32,
}

impl ZstFrames {
    /// Frames grow with the disk, so that half of those that are read cover it.
    pub(crate) fn new(disk_bytes: u64) -> ZstFrames {
        let wanted = disk_bytes.div_ceil(FRAMES_MAX as u64 / 2).next_power_of_two();
        let largest = u64::from(u32::MAX / 2 + 1) / 4;
        let unit = u32::try_from(wanted.min(largest)).unwrap_or(UNIT_BYTES).max(UNIT_BYTES);
        ZstFrames { size: disk_bytes, unit }
    }
}

impl UnitFormat for ZstFrames {
    fn identity(&self) -> String {
        format!("zst {LEVEL} libzstd {} {}", zstd::zstd_safe::version_number(), self.unit)
    }

    fn unit_bytes(&self) -> u32 {
        self.unit
    }

    fn zero_units(&self) -> ZeroUnits {
        ZeroUnits::Encoded
    }

    fn fills_last_unit(&self) -> bool {
        false
    }

    fn prefix_bytes(&self) -> u64 {
        0
    }

    fn prefix_needs_layout(&self) -> bool {
        false
    }

    fn encoder(&self) -> io::Result<Box<dyn UnitEncoder>> {
        let mut context = CCtx::try_create().ok_or_else(|| io::Error::other("zstd cannot be set up"))?;
        for parameter in [CParameter::CompressionLevel(LEVEL), CParameter::ChecksumFlag(true)] {
            context.set_parameter(parameter).map_err(failed)?;
        }
        Ok(Box::new(Pack(context)))
    }

    fn prefix(&self, _: Option<&Arc<Layout>>) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(Vec::new()))
    }

    fn suffix(&self, _: &Arc<Layout>) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(if self.size == 0 { EMPTY_FRAME.to_vec() } else { Vec::new() }))
    }
}

struct Pack(CCtx<'static>);

impl UnitEncoder for Pack {
    fn encode(&mut self, _: u64, data: &[u8], out: &mut Vec<u8>) -> io::Result<u32> {
        out.reserve(zstd::zstd_safe::compress_bound(data.len()));
        self.0.compress2(out, data).map_err(failed)?;
        Ok(0)
    }
}

fn failed(code: usize) -> io::Error {
    io::Error::other(get_error_name(code))
}
