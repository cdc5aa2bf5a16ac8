//! How a pack is written: header, records, footer, trailer. Pure encoding and decoding, specified in
//! `docs/formats/pack.md` and pinned by golden bytes. Never does I/O and never decides what goes into a pack.

use std::fmt;

use imprint_model::{ChunkId, DIGEST_BYTES, Timestamp};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::map::MAX_ROOT_BYTES;
use crate::num::{to_u32, to_usize};

/// The only version of the encoding.
pub const VERSION: u8 = 1;
/// Length of the header at the beginning of a pack.
pub const HEADER_BYTES: usize = 32;
/// Length of the header of a record.
pub const RECORD_HEADER_BYTES: usize = 64;
/// Length of one row of the footer.
pub const FOOTER_ROW_BYTES: usize = 56;
/// Length of the trailer at the end of a pack.
pub const TRAILER_BYTES: usize = 64;
/// Records begin at multiples of this.
pub const ALIGN_BYTES: usize = 8;
/// Records a pack may hold.
pub const MAX_RECORDS: u32 = 65_536;
/// The greatest setting of a pack's target length.
pub const MAX_PACK_TARGET_BYTES: u64 = 128 << 20;
/// Bytes of one record at most, before compression: a map root of the greatest disk.
pub const MAX_RECORD_BYTES: u32 = MAX_ROOT_BYTES;

const PACK_MAGIC: [u8; 8] = *b"IMPRPACK";
const RECORD_MAGIC: [u8; 4] = *b"IMPR";
const TRAILER_MAGIC: [u8; 8] = *b"IMPRFOOT";

/// Names one pack. The id is a version 7 UUID, so it also tells when the pack was begun.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackId(pub Uuid);

impl PackId {
    /// A new id for a pack begun at `now`.
    pub fn new(now: Timestamp) -> Self {
        let micros = u64::try_from(now.0).unwrap_or(0);
        let nanos = u32::try_from(micros % 1_000_000).unwrap_or(0) * 1000;
        Self(Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, micros / 1_000_000, nanos)))
    }

    /// When the pack was begun, to the millisecond; `None` for an id that is no version 7 UUID.
    pub fn begun_at(self) -> Option<Timestamp> {
        let (secs, nanos) = self.0.get_timestamp()?.to_unix();
        let secs = i64::try_from(secs).ok()?;
        Some(Timestamp(secs.checked_mul(1_000_000)?.checked_add(i64::from(nanos / 1000))?))
    }
}

impl fmt::Display for PackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for PackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackId({self})")
    }
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// A chunk of a disk.
    Data,
    /// A page of a map.
    Page,
    /// The root of a map.
    Root,
}

impl RecordKind {
    /// The byte that stands for it.
    pub fn to_byte(self) -> u8 {
        match self {
            Self::Data => 1,
            Self::Page => 2,
            Self::Root => 3,
        }
    }

    /// What a byte stands for.
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Data),
            2 => Some(Self::Page),
            3 => Some(Self::Root),
            _ => None,
        }
    }
}

/// How a record's payload is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// As it came.
    Plain,
    /// One zstd frame.
    Zstd,
}

impl Codec {
    /// The byte that stands for it.
    pub fn to_byte(self) -> u8 {
        match self {
            Self::Plain => 0,
            Self::Zstd => 1,
        }
    }

    /// What a byte stands for.
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Plain),
            1 => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// One record of a pack: what its footer says, and what the index keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackEntry {
    /// Name of the uncompressed bytes.
    pub id: ChunkId,
    /// Place among the pack's records, from 0.
    pub ordinal: u32,
    /// Where the record's header begins, in bytes from the beginning of the pack; the payload follows it.
    pub offset: u64,
    /// Bytes of the payload.
    pub stored_len: u32,
    /// Bytes once uncompressed.
    pub len: u32,
    /// What the record is.
    pub kind: RecordKind,
    /// How the payload is stored.
    pub codec: Codec,
    /// CRC-32 of the payload.
    pub crc32: u32,
}

impl PackEntry {
    /// Where the payload begins.
    pub fn payload_offset(&self) -> u64 {
        self.offset + RECORD_HEADER_BYTES as u64
    }
}

/// Bytes from a record's beginning to where the next may begin.
pub fn record_span(stored_len: u32) -> u64 {
    (RECORD_HEADER_BYTES as u64 + u64::from(stored_len)).next_multiple_of(ALIGN_BYTES as u64)
}

/// The header of a pack. `cold` says that compression was already tried on its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackHeader {
    /// The pack's id.
    pub id: PackId,
    /// Compression was tried on every record; collection need not try again.
    pub cold: bool,
}

impl PackHeader {
    /// The header's bytes.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[..8].copy_from_slice(&PACK_MAGIC);
        out[8] = VERSION;
        out[9] = u8::from(self.cold);
        out[12..28].copy_from_slice(self.id.0.as_bytes());
        let crc = crc32fast::hash(&out[..28]);
        out[28..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads a header.
    ///
    /// # Errors
    /// [`Kind::Corrupt`](crate::Kind::Corrupt) when it is none, or of an unknown version.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let fields = Fields::checked(bytes, HEADER_BYTES, &PACK_MAGIC, "pack header")?;
        if fields.u8(8) != VERSION || fields.u8(9) > 1 {
            return Err(Error::corrupt(format!("pack header of unknown version {}", fields.u8(8))));
        }
        Ok(Self { id: PackId(Uuid::from_bytes(fields.array(12))), cold: fields.u8(9) == 1 })
    }
}

/// The bytes of the header that precedes a record's payload.
pub fn encode_record_header(entry: &PackEntry) -> [u8; RECORD_HEADER_BYTES] {
    let mut out = [0; RECORD_HEADER_BYTES];
    out[..4].copy_from_slice(&RECORD_MAGIC);
    out[4] = VERSION;
    out[5] = entry.kind.to_byte();
    out[6] = entry.codec.to_byte();
    out[8..12].copy_from_slice(&entry.len.to_le_bytes());
    out[12..16].copy_from_slice(&entry.stored_len.to_le_bytes());
    out[16..20].copy_from_slice(&entry.crc32.to_le_bytes());
    out[20..52].copy_from_slice(&entry.id.0);
    let crc = crc32fast::hash(&out[..60]);
    out[60..].copy_from_slice(&crc.to_le_bytes());
    out
}

/// Reads the header of a record found at `offset` as the `ordinal`th of its pack.
///
/// # Errors
/// [`Kind::Corrupt`](crate::Kind::Corrupt) when it is none, or breaks a limit.
pub fn decode_record_header(bytes: &[u8], offset: u64, ordinal: u32) -> Result<PackEntry> {
    let fields = Fields::checked(bytes, RECORD_HEADER_BYTES, &RECORD_MAGIC, "record header")?;
    if fields.u8(4) != VERSION {
        return Err(Error::corrupt(format!("record header of unknown version {}", fields.u8(4))));
    }
    let entry = PackEntry {
        id: ChunkId(fields.array(20)),
        ordinal,
        offset,
        len: fields.u32(8),
        stored_len: fields.u32(12),
        kind: kind_of(fields.u8(5))?,
        codec: codec_of(fields.u8(6))?,
        crc32: fields.u32(16),
    };
    check_lengths(&entry)?;
    Ok(entry)
}

/// The footer and trailer that end a pack whose records end at `offset`.
pub fn encode_footer(id: PackId, offset: u64, entries: &[PackEntry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(entries.len() * FOOTER_ROW_BYTES + TRAILER_BYTES);
    for entry in entries {
        out.extend_from_slice(&entry.id.0);
        out.extend_from_slice(&entry.offset.to_le_bytes());
        out.extend_from_slice(&entry.stored_len.to_le_bytes());
        out.extend_from_slice(&entry.len.to_le_bytes());
        out.extend_from_slice(&entry.crc32.to_le_bytes());
        out.extend_from_slice(&[entry.kind.to_byte(), entry.codec.to_byte(), 0, 0]);
    }
    let rows_crc = crc32fast::hash(&out);
    let mut trailer = [0; TRAILER_BYTES];
    trailer[..8].copy_from_slice(&TRAILER_MAGIC);
    trailer[8] = VERSION;
    trailer[12..16].copy_from_slice(&to_u32(entries.len()).to_le_bytes());
    trailer[16..24].copy_from_slice(&offset.to_le_bytes());
    trailer[24..28].copy_from_slice(&rows_crc.to_le_bytes());
    trailer[28..44].copy_from_slice(id.0.as_bytes());
    let crc = crc32fast::hash(&trailer[..60]);
    trailer[60..].copy_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&trailer);
    out
}

/// What the last 64 bytes of a pack say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trailer {
    /// The pack's id.
    pub id: PackId,
    /// Where the footer's rows begin.
    pub rows_offset: u64,
    /// How many rows there are.
    pub rows: u32,
    rows_crc: u32,
}

impl Trailer {
    /// Reads the trailer of a pack of `pack_bytes` bytes.
    ///
    /// # Errors
    /// [`Kind::Corrupt`](crate::Kind::Corrupt) when it is none, or does not fit the pack.
    pub fn decode(bytes: &[u8], pack_bytes: u64) -> Result<Self> {
        let fields = Fields::checked(bytes, TRAILER_BYTES, &TRAILER_MAGIC, "pack trailer")?;
        let trailer = Self {
            id: PackId(Uuid::from_bytes(fields.array(28))),
            rows_offset: fields.u64(16),
            rows: fields.u32(12),
            rows_crc: fields.u32(24),
        };
        let rows_bytes = u64::from(trailer.rows) * FOOTER_ROW_BYTES as u64;
        let end = trailer.rows_offset.checked_add(rows_bytes + TRAILER_BYTES as u64);
        if fields.u8(8) != VERSION || trailer.rows > MAX_RECORDS || end != Some(pack_bytes) {
            return Err(Error::corrupt("pack trailer does not fit its pack"));
        }
        Ok(trailer)
    }

    /// Bytes of all rows.
    pub fn rows_bytes(&self) -> usize {
        to_usize(u64::from(self.rows)) * FOOTER_ROW_BYTES
    }

    /// Reads the footer's rows.
    ///
    /// # Errors
    /// [`Kind::Corrupt`](crate::Kind::Corrupt) when they are damaged or name places outside the pack.
    pub fn decode_rows(&self, bytes: &[u8]) -> Result<Vec<PackEntry>> {
        if bytes.len() != self.rows_bytes() || crc32fast::hash(bytes) != self.rows_crc {
            return Err(Error::corrupt("pack footer fails its checksum"));
        }
        (0..).zip(bytes.chunks_exact(FOOTER_ROW_BYTES)).map(|(ordinal, row)| self.decode_row(ordinal, row)).collect()
    }

    fn decode_row(&self, ordinal: u32, row: &[u8]) -> Result<PackEntry> {
        let fields = Fields(row);
        let entry = PackEntry {
            id: ChunkId(fields.array(0)),
            ordinal,
            offset: fields.u64(32),
            stored_len: fields.u32(40),
            len: fields.u32(44),
            crc32: fields.u32(48),
            kind: kind_of(fields.u8(52))?,
            codec: codec_of(fields.u8(53))?,
        };
        check_lengths(&entry)?;
        let end = entry.offset.checked_add(record_span(entry.stored_len));
        if entry.offset < HEADER_BYTES as u64 || end.is_none_or(|end| end > self.rows_offset) {
            return Err(Error::corrupt(format!("pack footer row {ordinal} lies outside the records")));
        }
        Ok(entry)
    }
}

fn check_lengths(entry: &PackEntry) -> Result<()> {
    let plain_fits = entry.codec != Codec::Plain || entry.stored_len == entry.len;
    if entry.len > MAX_RECORD_BYTES || entry.stored_len > entry.len || !plain_fits {
        return Err(Error::corrupt(format!("record {} has impossible lengths", entry.ordinal)));
    }
    Ok(())
}

fn kind_of(byte: u8) -> Result<RecordKind> {
    RecordKind::from_byte(byte).ok_or_else(|| Error::corrupt(format!("record of unknown kind {byte}")))
}

fn codec_of(byte: u8) -> Result<Codec> {
    Codec::from_byte(byte).ok_or_else(|| Error::corrupt(format!("record of unknown codec {byte}")))
}

/// Little-endian fields of a structure whose length was checked.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// A structure of `len` bytes that begins with `magic` and ends with the CRC-32 of what precedes.
    fn checked(bytes: &'a [u8], len: usize, magic: &[u8], what: &str) -> Result<Self> {
        let fields = Self(bytes);
        if bytes.len() != len || !bytes.starts_with(magic) || fields.u32(len - 4) != crc32fast::hash(&bytes[..len - 4])
        {
            return Err(Error::corrupt(format!("no {what}, or one that fails its checksum")));
        }
        Ok(fields)
    }

    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        self.0[at..at + N].try_into().expect("the slice has N bytes")
    }

    fn u8(&self, at: usize) -> u8 {
        self.0[at]
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.array(at))
    }
}

const _: () = assert!(DIGEST_BYTES == 32, "the record header and footer row give a name 32 bytes");

#[cfg(test)]
mod tests;
