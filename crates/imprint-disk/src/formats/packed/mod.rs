//! Disks inside a compression: one gzip member, one xz stream, or zstd frames around a whole file, read without ever
//! being unpacked as a whole, and (gzip and zstd) written.
//!
//! Here: how the three are recognised, and what their readers share: decoding runs forward only, so a read behind the
//! place reached begins again at the last place where that can be done. Never here: what the unpacked bytes are.

mod gz;
mod gz_writer;
mod source;
#[cfg(test)]
mod tests;
mod unpacked;
mod xz;
mod xz_index;
mod zst;
mod zst_frames;
mod zst_writer;

use std::io;
use std::sync::Arc;

use crate::limits::VIRTUAL_SIZE_MAX;
use crate::open::{Disk, OpenError};
use crate::{Format, ReadAt, corrupt};
use unpacked::Unpacked;

pub(crate) use gz_writer::GzMember;
pub(crate) use zst_writer::ZstFrames;

/// What a decoder may take for its window and its tables. xz's strongest preset takes 65 MiB, zstd's 128 MiB.
const DECODER_BYTES_MAX: u64 = 128 * 1024 * 1024;

const GZ_RESERVED_FLAGS: u8 = 0xe0;
const GZ_MAGIC: &[u8] = b"\x1f\x8b\x08";
const XZ_MAGIC: &[u8] = b"\xfd7zXZ\0";
const ZST_MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";

/// Whether this is how a gzip member that deflates begins.
pub(crate) fn is_gz(head: &[u8]) -> bool {
    head.starts_with(GZ_MAGIC) && head.get(3).is_some_and(|flags| flags & GZ_RESERVED_FLAGS == 0)
}

/// Whether this is how an xz stream begins.
pub(crate) fn is_xz(head: &[u8]) -> bool {
    head.starts_with(XZ_MAGIC)
}

/// Whether this is how a zstd frame begins. Writers that work in parallel put a skippable frame of a few bytes first.
pub(crate) fn is_zst(head: &[u8]) -> bool {
    let skippable = head.first().is_some_and(|byte| byte & 0xf0 == 0x50) && head.get(1..4) == Some(b"\x2a\x4d\x18");
    if !skippable {
        return head.starts_with(ZST_MAGIC);
    }
    let behind =
        crate::fields::le32(head, 4).and_then(|len| usize::try_from(len).ok()).and_then(|len| len.checked_add(8));
    behind.and_then(|at| head.get(at..)).is_some_and(|rest| rest.starts_with(ZST_MAGIC))
}

/// Opens the disk inside what a file packs. What was unpacked is taken for what it is detected as; it may not be packed
/// once more.
pub(crate) fn open(file: Arc<dyn ReadAt>, format: Format) -> Result<Disk, OpenError> {
    let unpacked: Arc<dyn ReadAt> = Arc::new(unpack(file, format, VIRTUAL_SIZE_MAX)?);
    let inside = crate::detect(&*unpacked)?;
    if inside.format.is_packed() {
        return Err(OpenError::Unsupported(format!("{} inside {format}", inside.format)));
    }
    if !inside.refusals.is_empty() {
        return Err(OpenError::Refused(inside.refusals));
    }
    let mut disk = crate::open::open(unpacked, inside.format)?;
    disk.info.variant = inside.format.name();
    disk.info.format = format;
    disk.info.compression = Some(format.name());
    Ok(disk)
}

/// The bytes that a file packs, `bytes_max` at most. Where the format does not tell their number, they are all decoded
/// once for it, or as far as there are not too many.
pub(crate) fn unpack(file: Arc<dyn ReadAt>, format: Format, bytes_max: u64) -> Result<Unpacked, OpenError> {
    let unpacked = match format {
        Format::Gz => Unpacked::new(gz::Member::open(file, bytes_max)?),
        Format::Xz => Unpacked::new(xz::Stream::open(file)?),
        Format::Zst => Unpacked::new(zst::Frames::open(file, bytes_max)?),
        other => return Err(OpenError::Unsupported(format!("format {other} as packed"))),
    };
    no_more_than(bytes_max, unpacked.size_bytes(), format)?;
    Ok(unpacked)
}

/// Refuses what unpacks to more than any disk holds, or than is wanted.
fn no_more_than(bytes_max: u64, bytes: u64, format: Format) -> io::Result<()> {
    if bytes > VIRTUAL_SIZE_MAX {
        return Err(corrupt(format!("{format}: it unpacks to more than any disk holds")));
    }
    if bytes > bytes_max {
        let message = format!("{format}: it unpacks to more than {bytes_max} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(())
}
