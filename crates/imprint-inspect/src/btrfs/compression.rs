//! Unpacking what is compressed.

use flate2::{Decompress, FlushDecompress};
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

use super::lzo;
use crate::error::{Error, Result};
use crate::fields::{le32, slice};

/// How an extent is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Zlib,
    Lzo,
    Zstd,
}

impl Method {
    /// By its number; none for bytes as they are.
    pub(super) fn of(number: u8) -> Result<Option<Method>> {
        match number {
            0 => Ok(None),
            1 => Ok(Some(Method::Zlib)),
            2 => Ok(Some(Method::Lzo)),
            3 => Ok(Some(Method::Zstd)),
            other => Err(Error::Unsupported(format!("btrfs compression {other}"))),
        }
    }
}

/// Unpacks an extent into exactly `len` bytes; what it does not fill is zeros. It may hold more than its stream: the
/// rest of its last sector.
pub(super) fn decompress(method: Method, packed: &[u8], len: usize, sector_bytes: usize) -> Result<Vec<u8>> {
    let mut out = vec![0; len];
    let is_whole = match method {
        Method::Zlib => inflate(packed, &mut out),
        Method::Zstd => unpack_zstd(packed, &mut out),
        Method::Lzo => unpack_lzo(packed, &mut out, sector_bytes)?,
    };
    if is_whole { Ok(out) } else { Err(Error::corrupt("btrfs: a compressed extent cannot be unpacked")) }
}

/// Whether the stream ended, or held all that was wanted.
fn inflate(packed: &[u8], out: &mut [u8]) -> bool {
    let mut stream = Decompress::new(true);
    match stream.decompress(packed, out, FlushDecompress::Finish) {
        Ok(flate2::Status::StreamEnd) => true,
        Ok(_) => stream.total_out() == out.len() as u64,
        Err(_) => false,
    }
}

fn unpack_zstd(packed: &[u8], out: &mut [u8]) -> bool {
    // As the kernel: the window is no longer than an extent.
    const WINDOW_LOG: u32 = 17;
    let Ok(mut stream) = Decoder::new() else { return false };
    if stream.set_parameter(zstd::zstd_safe::DParameter::WindowLogMax(WINDOW_LOG)).is_err() {
        return false;
    }
    let mut input = InBuffer::around(packed);
    let len = out.len();
    let mut output = OutBuffer::around(out);
    loop {
        let before = (input.pos(), output.pos());
        match stream.run(&mut input, &mut output) {
            Ok(0) => return true,
            Ok(_) if output.pos() == len => return true,
            Ok(_) if (input.pos(), output.pos()) == before => return false,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

/// LZO has no container of its own: the length of all, then segments of one sector each behind their length. A length
/// never lies across the end of a sector.
fn unpack_lzo(packed: &[u8], out: &mut [u8], sector_bytes: usize) -> Result<bool> {
    const LENGTH_BYTES: usize = 4;
    let all = packed.get(..le32(packed, 0)? as usize);
    let all = all.ok_or_else(|| Error::corrupt("btrfs: an LZO extent is cut"))?;
    let mut at = LENGTH_BYTES;
    for segment in out.chunks_mut(sector_bytes) {
        let left_in_sector = sector_bytes - at % sector_bytes;
        if left_in_sector < LENGTH_BYTES {
            at += left_in_sector;
        }
        if at >= all.len() {
            // The rest is zeros.
            return Ok(true);
        }
        let len = le32(all, at)? as usize;
        if lzo::decompress(slice(all, at + LENGTH_BYTES, len)?, segment).is_none() {
            return Ok(false);
        }
        at += LENGTH_BYTES + len;
    }
    Ok(true)
}
