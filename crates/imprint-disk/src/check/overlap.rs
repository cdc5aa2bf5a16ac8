//! Whether any two stored units share bytes of the file.

use std::io;

use super::{Check, Steps};

/// Looks at units of `len` bytes that begin at `starts`, and at ranges (from, to) that no unit may touch.
pub(super) fn look(
    mut starts: Vec<u64>,
    len: u64,
    reserved: &[(u64, u64)],
    mut steps: Steps,
    check: &mut Check,
) -> io::Result<()> {
    steps.take(starts.len() as u64)?;
    starts.sort_unstable();
    for pair in starts.windows(2) {
        if pair[1] - pair[0] < len {
            check.error(|| format!("units at bytes {} and {} of the file overlap", pair[0], pair[1]));
        }
    }
    for &(from, to) in reserved {
        let first = starts.partition_point(|&start| start.saturating_add(len) <= from);
        for start in starts[first..].iter().take_while(|&&start| start < to) {
            steps.take(1)?;
            check.error(|| format!("a unit at byte {start} of the file lies over the records from {from} to {to}"));
        }
    }
    Ok(())
}
