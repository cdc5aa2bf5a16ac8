//! Reading one gzip member (RFC 1952). Its length is known only once it has been decoded, which is done when it is
//! opened; the state of the decoder is noted on the way every so often, so that later reads need not begin at the front.

use std::io;
use std::sync::Arc;

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

use super::source::Source;
use super::unpacked::{Decoder, Packing};
use crate::Format;
use crate::fields::{le16, le32};
use crate::read_at::{ReadAt, corrupt};

const FIXED_BYTES: usize = 10;
const FLAG_HEADER_CRC: u8 = 1 << 1;
const FLAG_EXTRA: u8 = 1 << 2;
const FLAG_NAME: u8 = 1 << 3;
const FLAG_COMMENT: u8 = 1 << 4;
/// Names and comments are short, extra fields end by 64 KiB.
const HEADER_BYTES_MAX: usize = 128 * 1024;
/// CRC-32 and the length modulo 2^32.
const TRAILER_BYTES: usize = 8;

/// Notes at most; each holds a decoder of some 43 KiB.
const NOTES_MAX: usize = 512;
/// How far notes stand apart at first; twice as far each time there are too many.
const NOTES_APART_BYTES: u64 = 4 * 1024 * 1024;
/// Decoded at a time while measuring; notes are taken in between.
const STEP_BYTES: usize = 256 * 1024;

/// A member that was decoded once and is sound.
pub(super) struct Member {
    file: Arc<dyn ReadAt>,
    data_end: u64,
    size: u64,
    notes: Vec<Note>,
}

/// A decoder as it was at some place.
struct Note {
    unpacked: u64,
    packed: u64,
    state: Box<InflateState>,
}

impl Member {
    /// # Errors
    /// [`io::ErrorKind::FileTooLarge`] as soon as more than `bytes_max` have come out.
    pub(super) fn open(file: Arc<dyn ReadAt>, bytes_max: u64) -> io::Result<Member> {
        let data = header_len(&*file)?;
        let data_end = file.size_bytes().checked_sub(TRAILER_BYTES as u64).filter(|&end| end > data);
        let data_end = data_end.ok_or_else(|| corrupt("gz: it is cut short"))?;
        let mut inflating = Inflating {
            source: Source::new(Arc::clone(&file), data, data_end),
            state: InflateState::new_boxed(DataFormat::Raw),
        };
        let (mut notes, mut apart) = (Vec::new(), NOTES_APART_BYTES);
        let mut digest = crc32fast::Hasher::new();
        let mut buf = vec![0; STEP_BYTES];
        let mut size = 0_u64;
        loop {
            if size.is_multiple_of(apart) {
                notes.push(inflating.note(size));
                if notes.len() > NOTES_MAX {
                    apart *= 2;
                    notes.retain(|note: &Note| note.unpacked.is_multiple_of(apart));
                }
            }
            let made = inflating.step(&mut buf)?;
            digest.update(&buf[..made]);
            size += made as u64;
            super::no_more_than(bytes_max, size, Format::Gz)?;
            if made < buf.len() {
                break;
            }
        }
        check_end(&*file, inflating.source.position(), data_end, digest.finalize(), size)?;
        Ok(Member { file, data_end, size, notes })
    }
}

/// The trailer must follow, say the same, and be the end of the file.
fn check_end(file: &dyn ReadAt, end: u64, data_end: u64, crc: u32, size: u64) -> io::Result<()> {
    if end != data_end {
        let mut behind = [0; 2];
        let at = end + TRAILER_BYTES as u64;
        let another = file.read_at(at, &mut behind).is_ok() && super::GZ_MAGIC.starts_with(&behind);
        return Err(corrupt(if another {
            "gz: it has several members; only one is read"
        } else {
            "gz: something stands behind its end"
        }));
    }
    let mut trailer = [0; TRAILER_BYTES];
    file.read_at(end, &mut trailer)?;
    if le32(&trailer, 0) != Some(crc) {
        return Err(corrupt("gz: its checksum is wrong"));
    }
    if le32(&trailer, 4).map(u64::from) != Some(size & u64::from(u32::MAX)) {
        return Err(corrupt("gz: its length is wrong"));
    }
    Ok(())
}

/// How long the header is, the fields that nobody needs included.
fn header_len(file: &dyn ReadAt) -> io::Result<u64> {
    let short = || corrupt("gz: its header is cut short, or too long");
    let len = file.size_bytes().min(HEADER_BYTES_MAX as u64);
    let mut head = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    file.read_at(0, &mut head)?;
    if !super::is_gz(&head) {
        return Err(corrupt("gz: its signature is missing"));
    }
    let flags = head[3];
    let mut at = FIXED_BYTES;
    if flags & FLAG_EXTRA != 0 {
        at += 2 + usize::from(le16(&head, at).ok_or_else(short)?);
    }
    for text in [FLAG_NAME, FLAG_COMMENT] {
        if flags & text != 0 {
            let rest = head.get(at..).ok_or_else(short)?;
            at += 1 + rest.iter().position(|&byte| byte == 0).ok_or_else(short)?;
        }
    }
    if flags & FLAG_HEADER_CRC != 0 {
        let covered = head.get(..at).ok_or_else(short)?;
        let crc = crc32fast::hash(covered) & u32::from(u16::MAX);
        if le16(&head, at).map(u32::from) != Some(crc) {
            return Err(corrupt("gz: its header has a wrong checksum"));
        }
        at += 2;
    }
    if at > head.len() { Err(short()) } else { Ok(at as u64) }
}

impl Packing for Member {
    fn size_bytes(&self) -> u64 {
        self.size
    }

    fn start_at(&self, offset: u64) -> u64 {
        self.note_before(offset).unpacked
    }

    fn decoder_at(&self, start: u64) -> io::Result<Box<dyn Decoder>> {
        let note = self.note_before(start);
        let source = Source::new(Arc::clone(&self.file), note.packed, self.data_end);
        Ok(Box::new(Inflating { source, state: note.state.clone() }))
    }
}

impl Member {
    fn note_before(&self, offset: u64) -> &Note {
        let behind = self.notes.partition_point(|note| note.unpacked <= offset);
        &self.notes[behind.checked_sub(1).expect("the first note stands at the beginning")]
    }
}

struct Inflating {
    source: Source,
    state: Box<InflateState>,
}

impl Inflating {
    fn note(&self, unpacked: u64) -> Note {
        Note { unpacked, packed: self.source.position(), state: self.state.clone() }
    }

    /// Fills the buffer as far as there is something; less than all of it is the end.
    fn step(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut made = 0;
        while made < buf.len() {
            let input = self.source.look()?;
            let at_end = input.is_empty();
            let result = inflate(&mut self.state, input, &mut buf[made..], MZFlush::None);
            self.source.used(result.bytes_consumed);
            made += result.bytes_written;
            match result.status {
                Ok(MZStatus::StreamEnd) => break,
                Ok(_) => {}
                // nothing could be done: it wants input
                Err(MZError::Buf) if !at_end => {}
                Err(MZError::Buf) => return Err(corrupt("gz: it is cut short")),
                Err(_) => return Err(corrupt("gz: it cannot be unpacked")),
            }
            if at_end && result.bytes_written == 0 {
                return Err(corrupt("gz: it is cut short"));
            }
        }
        Ok(made)
    }
}

impl Decoder for Inflating {
    fn fill(&mut self, buf: &mut [u8]) -> io::Result<()> {
        if self.step(buf)? == buf.len() { Ok(()) } else { Err(corrupt("gz: it changed since it was opened")) }
    }
}
