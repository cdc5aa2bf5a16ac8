//! Which parts of a disk are holes, zeros and data: statuses of `base:allocation`. For blocking threads.

use std::io;

use imprint_disk::{ReadAt, RunKind};

use crate::wire::{STATE_HOLE, STATE_ZERO};

/// Extents of one answer.
pub(super) const EXTENTS_MAX: usize = 4096;
/// Runs that one answer is put together from.
const RUNS_MAX: usize = 65_536;

/// At most so many extents from `start` on up to `end`, as lengths and states; at least one unless the range is empty.
pub(super) fn extents(disk: &dyn ReadAt, start: u64, end: u64, wanted: usize) -> io::Result<Vec<(u32, u32)>> {
    let mut extents: Vec<(u32, u32)> = Vec::new();
    let mut at = start;
    for _ in 0..RUNS_MAX {
        if at >= end {
            break;
        }
        let run = disk.run_at(at)?;
        let len = run.len.clamp(1, end - at);
        let state = match run.kind {
            RunKind::Data => 0,
            RunKind::Zero => STATE_ZERO,
            RunKind::Hole => STATE_HOLE | STATE_ZERO,
        };
        let short = u32::try_from(len).expect("a range is shorter than 4 GiB");
        let is_full = extents.len() == wanted;
        match extents.last_mut() {
            Some(last) if last.1 == state => last.0 += short,
            _ if is_full => break,
            _ => extents.push((short, state)),
        }
        at += len;
    }
    Ok(extents)
}
