//! The list of internal snapshots.

use std::io;

use crate::fields::{be16, be32, be64};
use crate::open::Snapshot;
use crate::{ReadAt, corrupt};

/// The part of each record that has a fixed form.
const FIXED_BYTES: usize = 40;
const EXTRA_BYTES_MAX: u32 = 1024;
/// QEMU's bound on the whole table.
const TABLE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Characters kept of identifiers and names.
const TEXT_CHARS_MAX: usize = 128;
/// The table is read in windows of this size; the largest record fits into one.
const WINDOW_BYTES: u64 = 256 * 1024;

/// Reads `count` records from `start` on.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] when they pass the end of the file or a bound.
pub(super) fn list(file: &dyn ReadAt, start: u64, count: u32) -> io::Result<Vec<Snapshot>> {
    let mut snapshots = Vec::new();
    let mut window = Window { start: 0, bytes: Vec::new() };
    let mut at = start;
    for _ in 0..count {
        let (snapshot, len) = record(window.at(file, at)?).ok_or_else(|| corrupt("qcow2: snapshot table"))?;
        snapshots.push(snapshot);
        at += len;
        if at - start > TABLE_BYTES_MAX {
            return Err(corrupt("qcow2: snapshot table of more than 64 MiB"));
        }
    }
    Ok(snapshots)
}

struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// The bytes from `at` on: as many as the largest record needs, unless the file ends before.
    fn at(&mut self, file: &dyn ReadAt, at: u64) -> io::Result<&[u8]> {
        let end = self.start + self.bytes.len() as u64;
        if at < self.start || at + WINDOW_BYTES / 2 > end {
            let len = file.size_bytes().saturating_sub(at).min(WINDOW_BYTES);
            self.bytes.clear();
            self.bytes.resize(usize::try_from(len).expect("a window fits into memory"), 0);
            file.read_at(at, &mut self.bytes)?;
            self.start = at;
        }
        let skip = usize::try_from(at - self.start).expect("a window fits into memory");
        Ok(self.bytes.get(skip..).unwrap_or_default())
    }
}

/// The record at the start of `bytes`, and its length.
fn record(bytes: &[u8]) -> Option<(Snapshot, u64)> {
    let id_len = usize::from(be16(bytes, 12)?);
    let name_len = usize::from(be16(bytes, 14)?);
    let extra_len = be32(bytes, 36).filter(|&len| len <= EXTRA_BYTES_MAX)?;
    let id_at = FIXED_BYTES + usize::try_from(extra_len).ok()?;
    let extra = bytes.get(FIXED_BYTES..id_at)?;
    let name_at = id_at + id_len;
    let end = (name_at + name_len).next_multiple_of(8);
    let snapshot = Snapshot {
        id: text(bytes.get(id_at..name_at)?),
        name: text(bytes.get(name_at..name_at + name_len)?),
        taken_secs: be32(bytes, 16)?.into(),
        // the fixed field was too narrow: newer writers repeat it in the extra data
        machine_state_bytes: be64(extra, 0).map_or_else(|| be32(bytes, 32).map(u64::from), Some)?,
        virtual_size_bytes: be64(extra, 8).unwrap_or(0),
    };
    Some((snapshot, end as u64))
}

fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().filter(|letter| !letter.is_control()).take(TEXT_CHARS_MAX).collect()
}
