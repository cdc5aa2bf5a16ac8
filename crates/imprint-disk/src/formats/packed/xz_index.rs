//! What stands around the blocks of an xz stream (file format 1.2): header, index, footer. The index tells the lengths
//! of all blocks, so that none needs to be decoded to know where it belongs.

use std::io;

use crate::fields::{array, le32};
use crate::limits::VIRTUAL_SIZE_MAX;
use crate::read_at::{ReadAt, corrupt};

pub(super) const HEADER_BYTES: usize = 12;
const FOOTER_BYTES: usize = 12;
const FOOTER_MAGIC: &[u8] = b"YZ";
/// Two numbers a block, of two bytes at least: two million blocks, which take 64 MiB of memory here. A decoder may take
/// twice that, and both must fit beside what is kept unpacked. `xz` with threads makes blocks of 24 MiB, at its fastest
/// of 1 MiB: of 12 TiB and of more than half a TiB the index fits.
const INDEX_BYTES_MAX: u64 = 4 * 1024 * 1024;
const INDEX_INDICATOR: u8 = 0;
/// Seven bits in each.
const NUMBER_BYTES_MAX: usize = 9;

/// A block that holds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// Where it stands in the file.
    pub(super) packed: (u64, u64),
    /// Where its content belongs.
    pub(super) unpacked: (u64, u64),
}

/// Reads the index; blocks, index and footer must fill the file. Empty blocks are left out.
pub(super) fn read(file: &dyn ReadAt) -> io::Result<Vec<Block>> {
    let short = || corrupt("xz: it is cut short");
    let header: [u8; HEADER_BYTES] = fixed(file, 0)?;
    if !header.starts_with(super::XZ_MAGIC) || le32(&header, 8) != Some(crc32fast::hash(&header[6..8])) {
        return Err(corrupt("xz: its header is damaged"));
    }
    let footer_at =
        file.size_bytes().checked_sub(FOOTER_BYTES as u64).filter(|&at| at >= HEADER_BYTES as u64).ok_or_else(short)?;
    let footer: [u8; FOOTER_BYTES] = fixed(file, footer_at)?;
    if !footer.ends_with(FOOTER_MAGIC) {
        return Err(corrupt("xz: it is cut short, or something stands behind its end"));
    }
    if le32(&footer, 0) != Some(crc32fast::hash(&footer[4..10])) || footer[8..10] != header[6..8] {
        return Err(corrupt("xz: its footer is damaged"));
    }
    let index_len = (u64::from(le32(&footer, 4).unwrap_or(0)) + 1) * 4;
    if index_len > INDEX_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "xz: its index is longer than 4 MiB"));
    }
    let index_at = footer_at.checked_sub(index_len).filter(|&at| at >= HEADER_BYTES as u64).ok_or_else(short)?;
    let mut index = vec![0; usize::try_from(index_len).map_err(io::Error::other)?];
    file.read_at(index_at, &mut index)?;
    let (blocks, blocks_end) = parse(&index)?;
    match blocks_end {
        end if end == index_at => Ok(blocks),
        end if end < index_at => Err(corrupt("xz: it has several streams; only one is read")),
        _ => Err(corrupt("xz: its index contradicts the file's length")),
    }
}

fn fixed<const N: usize>(file: &dyn ReadAt, at: u64) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_at(at, &mut bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => corrupt("xz: it is cut short"),
        _ => error,
    })?;
    Ok(bytes)
}

/// The blocks, and where the last of all ends in the file.
fn parse(index: &[u8]) -> io::Result<(Vec<Block>, u64)> {
    let damaged = || corrupt("xz: its index is damaged");
    let (body, crc) = index.split_at_checked(index.len() - 4).ok_or_else(damaged)?;
    if array(crc, 0).map(u32::from_le_bytes) != Some(crc32fast::hash(body)) {
        return Err(damaged());
    }
    let mut rest = body.strip_prefix(&[INDEX_INDICATOR]).ok_or_else(damaged)?;
    let count = number(&mut rest).ok_or_else(damaged)?;
    // each record takes two bytes at least
    if count > (rest.len() / 2) as u64 {
        return Err(damaged());
    }
    let mut blocks = Vec::with_capacity(usize::try_from(count).map_err(io::Error::other)?);
    let (mut packed, mut unpacked) = (HEADER_BYTES as u64, 0_u64);
    for _ in 0..count {
        let taken = number(&mut rest).and_then(|bytes| bytes.checked_next_multiple_of(4)).ok_or_else(damaged)?;
        let holds = number(&mut rest).ok_or_else(damaged)?;
        let packed_end = packed.checked_add(taken).ok_or_else(damaged)?;
        let unpacked_end = unpacked.checked_add(holds).filter(|&end| end <= VIRTUAL_SIZE_MAX);
        let unpacked_end = unpacked_end.ok_or_else(|| corrupt("xz: it unpacks to more than any disk holds"))?;
        // an empty one holds nothing that could be asked for
        if holds > 0 {
            blocks.push(Block { packed: (packed, packed_end), unpacked: (unpacked, unpacked_end) });
        }
        (packed, unpacked) = (packed_end, unpacked_end);
    }
    let is_padding = rest.len() < 4 && rest.iter().all(|&byte| byte == 0);
    if is_padding { Ok((blocks, packed)) } else { Err(damaged()) }
}

/// A number of the format: seven bits to a byte, the lowest first, the shortest form only.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for place in 0..NUMBER_BYTES_MAX {
        let (&byte, later) = rest.split_first()?;
        *rest = later;
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return (byte != 0 || place == 0).then_some(value);
        }
    }
    None
}
