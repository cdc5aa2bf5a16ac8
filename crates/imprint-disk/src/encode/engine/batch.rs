//! Neighbouring data units, read at once and encoded one by one.

use std::io;

use super::{Source, length};
use crate::encode::UnitEncoder;
use crate::view::UnitMap;

/// How much of the disk a batch covers at most, unless one unit is larger.
const BATCH_BYTES: u64 = 1024 * 1024;

/// Data units without a gap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch {
    pub(super) first: u64,
    pub(super) count: u64,
}

/// All data units, in batches, in order.
pub(super) fn batches(map: &UnitMap) -> impl Iterator<Item = Batch> + '_ {
    let max = (BATCH_BYTES / map.unit_bytes()).max(1);
    let mut unit = 0;
    std::iter::from_fn(move || {
        let first = map.next_data(unit);
        let count = map.run_len(first, max);
        unit = first + count;
        (count > 0).then_some(Batch { first, count })
    })
}

/// The units of a batch, encoded.
pub(super) struct Encoded {
    pub(super) batch: Batch,
    /// One each; 0 when the unit is left out.
    pub(super) sizes: Vec<u32>,
    pub(super) checks: Vec<u32>,
    /// All of them one behind the other.
    payload: Box<[u8]>,
}

/// What a thread encodes with. Its buffers live as long as it does: new ones for each batch would be cleared each time,
/// by us and by the kernel.
pub(super) struct Worker {
    encoder: Box<dyn UnitEncoder>,
    data: Vec<u8>,
    unit: Vec<u8>,
    payload: Vec<u8>,
}

impl Worker {
    pub(super) fn new(encoder: Box<dyn UnitEncoder>) -> Worker {
        Worker { encoder, data: Vec::new(), unit: Vec::new(), payload: Vec::new() }
    }
}

impl Batch {
    pub(super) fn encode(self, source: &Source, worker: &mut Worker) -> io::Result<Encoded> {
        let Worker { encoder, data, unit: out, payload } = worker;
        source.read_units(self, data)?;
        let (mut sizes, mut checks) = (Vec::new(), Vec::new());
        payload.clear();
        let units = data.chunks(super::usize_of(source.format.unit_bytes()));
        for (unit, data) in (self.first..).zip(units) {
            out.clear();
            let is_left_out = source.zero.is_none() && is_zero(data);
            checks.push(if is_left_out { 0 } else { encoder.encode(unit, data, out)? });
            sizes.push(length(out));
            payload.extend_from_slice(out);
        }
        // what is kept for a second pass holds no more than it needs
        Ok(Encoded { batch: self, sizes, checks, payload: payload.as_slice().into() })
    }
}

impl Encoded {
    /// Each unit with its bytes; none when it is left out.
    pub(super) fn units(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut rest = &*self.payload;
        (self.batch.first..).zip(&self.sizes).map(move |(unit, &size)| {
            let (payload, behind) = rest.split_at(super::usize_of(size));
            rest = behind;
            (unit, payload)
        })
    }

    /// What keeping it costs.
    pub(super) fn memory_bytes(&self) -> usize {
        self.payload.len() + (self.sizes.len() + self.checks.len()) * size_of::<u32>() + size_of::<Encoded>()
    }
}

/// Whether all bytes are zero. Blocks without a way out between them are what the compiler makes fast.
pub(super) fn is_zero(data: &[u8]) -> bool {
    let (blocks, rest) = data.as_chunks::<256>();
    blocks.iter().all(|block| block.iter().fold(0, |all, &byte| all | byte) == 0) && rest.iter().all(|&byte| byte == 0)
}

#[cfg(test)]
mod tests {
    use super::is_zero;

    #[test]
    fn one_byte_anywhere_is_seen() {
        let mut data = vec![0; 1000];
        assert!(is_zero(&data) && is_zero(&[]));
        for at in [0, 255, 256, 767, 768, 999] {
            data[at] = 1;
            assert!(!is_zero(&data), "{at}");
            data[at] = 0;
        }
    }
}
