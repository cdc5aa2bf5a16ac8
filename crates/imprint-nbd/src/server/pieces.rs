//! A range of a disk as pieces of data and holes, a bounded part at a time. For blocking threads.

use std::io;

use bytes::Bytes;
use imprint_disk::ReadAt;

/// Data of one part.
pub(super) const PART_BYTES: u32 = 1 << 20;
/// Runs that one part is put together from.
const RUNS_MAX: usize = 256;
/// Zeros that are told as a hole; shorter ones are sent along.
const HOLE_BYTES_MIN: u64 = 4096;

/// A stretch of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Data(Bytes),
    /// That many zeros.
    Hole(u64),
}

/// The beginning of a range: pieces that follow one another, and where they end. Never empty unless the range is.
pub(super) fn part(disk: &dyn ReadAt, start: u64, end: u64) -> io::Result<(Vec<Piece>, u64)> {
    let mut stretches: Vec<(bool, u64)> = Vec::new();
    let (mut at, mut data) = (start, 0);
    for _ in 0..RUNS_MAX {
        let room = u64::from(PART_BYTES) - data;
        if at >= end || room == 0 {
            break;
        }
        let run = disk.run_at(at)?;
        let len = run.len.min(end - at).max(1);
        let is_hole = run.kind.is_zero() && len >= HOLE_BYTES_MIN;
        let len = if is_hole { len } else { len.min(room) };
        data += if is_hole { 0 } else { len };
        match stretches.last_mut() {
            Some(last) if last.0 == is_hole => last.1 += len,
            _ => stretches.push((is_hole, len)),
        }
        at += len;
    }
    let mut pieces = Vec::with_capacity(stretches.len());
    let mut from = start;
    for (is_hole, len) in stretches {
        pieces.push(if is_hole { Piece::Hole(len) } else { Piece::Data(whole(disk, from, len)?) });
        from += len;
    }
    Ok((pieces, at))
}

/// All bytes of a range that the caller has bounded.
pub(super) fn whole(disk: &dyn ReadAt, start: u64, len: u64) -> io::Result<Bytes> {
    let mut bytes = vec![0; usize::try_from(len).map_err(|_| imprint_disk::past_the_end())?];
    disk.read_at(start, &mut bytes)?;
    Ok(bytes.into())
}
