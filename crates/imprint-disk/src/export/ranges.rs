//! A range of a file in order.

use std::io;

use parking_lot::Mutex;

use crate::encode::in_order;
use crate::{ReadAt, past_the_end};

/// How much is produced at a time.
const PIECE_BYTES: u64 = 1024 * 1024;

/// Hands `len` bytes from `offset` on to `sink`.
pub(super) fn write_range(
    file: &dyn ReadAt,
    offset: u64,
    len: u64,
    threads: usize,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let end = offset.checked_add(len).filter(|&end| end <= file.size_bytes()).ok_or_else(past_the_end)?;
    let starts = (0..len.div_ceil(PIECE_BYTES)).map(|number| offset + number * PIECE_BYTES);
    // buffers go round: a new one would be cleared before it is filled
    let idle = Mutex::new(Vec::new());
    in_order(
        threads,
        starts,
        || Ok(()),
        |(), start| {
            let len = usize::try_from((end - start).min(PIECE_BYTES)).expect("a piece fits into memory");
            let mut buf: Vec<u8> = idle.lock().pop().unwrap_or_default();
            buf.resize(len, 0);
            file.read_at(start, &mut buf)?;
            Ok(buf)
        },
        |buf| {
            sink(&buf)?;
            idle.lock().push(buf);
            Ok(())
        },
    )
}
