//! The frames of a zstd file (RFC 8878), found by stepping from block to block without decoding any.

use std::io;
use std::sync::Arc;

use super::DECODER_BYTES_MAX;
use crate::fields::{le16, le32, le64};
use crate::read_at::{ReadAt, corrupt};

const MAGIC: u32 = 0xfd2f_b528;
const SKIPPABLE_MASK: u32 = 0xffff_fff0;
const SKIPPABLE: u32 = 0x184d_2a50;
/// A writer that packs piece by piece makes one of each piece. Each costs 64 bytes of memory here.
pub(super) const FRAMES_MAX: usize = 1024 * 1024;
/// The longest header: signature, descriptor, window, dictionary, length.
const HEADER_BYTES_MAX: usize = 18;
/// Bytes read at a time to find the next block; blocks are of 128 KiB at most.
const LOOK_BYTES: u64 = 4096;
const BLOCK_BYTES_MAX: u64 = 128 * 1024;

/// A frame as the walk finds it.
pub(super) struct Frame {
    pub(super) start: u64,
    pub(super) end: u64,
    /// The unpacked length that its header tells.
    pub(super) content: Option<u64>,
}

/// Finds all frames; they must fill the file.
pub(super) fn find(file: &Arc<dyn ReadAt>) -> io::Result<Vec<Frame>> {
    let mut walk = Walk { file, at: 0, near: Vec::new(), near_at: 0 };
    let mut frames = Vec::new();
    while walk.at < file.size_bytes() {
        let start = walk.at;
        let head = walk.look(HEADER_BYTES_MAX)?.to_vec();
        let magic = le32(&head, 0).ok_or_else(garbage)?;
        if magic & SKIPPABLE_MASK == SKIPPABLE {
            let len = le32(&head, 4).ok_or_else(garbage)?;
            walk.skip(8 + u64::from(len))?;
            continue;
        }
        if magic != MAGIC {
            return Err(garbage());
        }
        let header = Header::parse(&head).ok_or_else(|| corrupt("zst: it is cut short"))?;
        header.check()?;
        walk.skip(header.len)?;
        while !walk.pass_block()? {}
        if header.has_checksum {
            walk.skip(4)?;
        }
        frames.push(Frame { start, end: walk.at, content: header.content });
        if frames.len() > FRAMES_MAX {
            return Err(corrupt("zst: it has too many frames"));
        }
    }
    if frames.is_empty() { Err(corrupt("zst: it has no frame")) } else { Ok(frames) }
}

fn garbage() -> io::Error {
    corrupt("zst: something stands behind its end")
}

struct Header {
    len: u64,
    window: u64,
    dictionary: u32,
    content: Option<u64>,
    has_checksum: bool,
    reserved: bool,
}

impl Header {
    fn parse(head: &[u8]) -> Option<Header> {
        let descriptor = *head.get(4)?;
        let single_segment = descriptor & 0x20 != 0;
        let mut at = 5;
        let mut window = 0;
        if !single_segment {
            let byte = u64::from(*head.get(at)?);
            let base = 1_u64 << (10 + (byte >> 3));
            window = base + base / 8 * (byte & 7);
            at += 1;
        }
        let (dictionary, dictionary_len) = match descriptor & 3 {
            0 => (0, 0),
            1 => (u32::from(*head.get(at)?), 1),
            2 => (u32::from(le16(head, at)?), 2),
            _ => (le32(head, at)?, 4),
        };
        at += dictionary_len;
        let (content, content_len) = match descriptor >> 6 {
            0 if single_segment => (Some(u64::from(*head.get(at)?)), 1),
            0 => (None, 0),
            1 => (Some(u64::from(le16(head, at)?) + 256), 2),
            2 => (Some(u64::from(le32(head, at)?)), 4),
            _ => (Some(le64(head, at)?), 8),
        };
        at += content_len;
        if single_segment {
            window = content.unwrap_or(0);
        }
        let (has_checksum, reserved) = (descriptor & 0x04 != 0, descriptor & 0x08 != 0);
        Some(Header { len: at as u64, window, dictionary, content, has_checksum, reserved })
    }

    fn check(&self) -> io::Result<()> {
        let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::Unsupported, format!("zst: {why}")));
        if self.reserved {
            return Err(corrupt("zst: a reserved bit is set"));
        }
        if self.dictionary != 0 {
            return refuse("it needs a dictionary");
        }
        if self.window > DECODER_BYTES_MAX {
            return refuse("it needs a window of more than 128 MiB");
        }
        Ok(())
    }
}

/// A place in the file with some bytes around it.
struct Walk<'a> {
    file: &'a Arc<dyn ReadAt>,
    at: u64,
    near: Vec<u8>,
    near_at: u64,
}

impl Walk<'_> {
    /// Up to `count` bytes from here on, fewer only at the end of the file.
    fn look(&mut self, count: usize) -> io::Result<&[u8]> {
        let rest = self.file.size_bytes() - self.at;
        let count = usize::try_from(rest.min(count as u64)).map_err(io::Error::other)?;
        let held = |walk: &Walk<'_>| {
            let start = usize::try_from(walk.at.checked_sub(walk.near_at)?).ok()?;
            (start + count <= walk.near.len()).then_some(start)
        };
        if held(self).is_none() {
            self.near.resize(usize::try_from(rest.min(LOOK_BYTES)).map_err(io::Error::other)?, 0);
            self.file.read_at(self.at, &mut self.near)?;
            self.near_at = self.at;
        }
        let start = held(self).ok_or_else(|| corrupt("zst: it is cut short"))?;
        Ok(&self.near[start..start + count])
    }

    fn skip(&mut self, count: u64) -> io::Result<()> {
        let next = self.at.checked_add(count).filter(|&next| next <= self.file.size_bytes());
        self.at = next.ok_or_else(|| corrupt("zst: it is cut short"))?;
        Ok(())
    }

    /// Steps over one block; true when it was a frame's last.
    fn pass_block(&mut self) -> io::Result<bool> {
        let &[a, b, c] = self.look(3)? else { return Err(corrupt("zst: it is cut short")) };
        let word = u64::from(u32::from_le_bytes([a, b, c, 0]));
        let len = word >> 3;
        if len > BLOCK_BYTES_MAX {
            return Err(corrupt("zst: a block is too long"));
        }
        let stored = match word >> 1 & 3 {
            0 | 2 => len,
            1 => 1,
            _ => return Err(corrupt("zst: a block is of a reserved kind")),
        };
        self.skip(3 + stored)?;
        Ok(word & 1 != 0)
    }
}
