//! Which units of a disk hold data.

use std::io;

use crate::ReadAt;

/// Units per window: one word says nothing of them is there, or all; only mixed windows cost a bit each.
const WINDOW_UNITS: u64 = 4096;
const WORDS: usize = 64;

/// Which units (clusters, blocks, grains) of a disk hold data, as its runs tell without reading any: one bit for a unit
/// at most, nothing for long stretches of one kind. Knows how many come before each, which is where a writer puts them.
#[derive(Debug, Clone)]
pub(crate) struct UnitMap {
    unit_bytes: u64,
    units: u64,
    data_units: u64,
    windows: Vec<Window>,
}

#[derive(Debug, Clone)]
struct Window {
    /// Data units in all windows before.
    before: u64,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Empty,
    Full,
    Mixed(Box<[u64; WORDS]>),
}

impl UnitMap {
    /// Scans the runs of `disk` once. `unit_bytes` is not zero.
    ///
    /// # Errors
    /// What the disk answers; [`io::ErrorKind::InvalidData`] when it does not get on.
    pub(crate) fn scan(disk: &dyn ReadAt, unit_bytes: u64) -> io::Result<UnitMap> {
        let size = disk.size_bytes();
        let mut map = UnitMap::empty(size, unit_bytes);
        let mut at = 0;
        while at < size {
            let run = disk.run_at(at)?;
            if run.len == 0 || run.len > size - at {
                return Err(crate::corrupt("a run that is empty or passes the end"));
            }
            let end = at + run.len;
            if !run.kind.is_zero() {
                map.insert(at / unit_bytes, (end - 1) / unit_bytes + 1);
            }
            at = end;
        }
        map.count();
        Ok(map)
    }

    fn empty(size: u64, unit_bytes: u64) -> UnitMap {
        let units = size.div_ceil(unit_bytes);
        let windows = usize::try_from(units.div_ceil(WINDOW_UNITS)).expect("a disk has few windows");
        UnitMap { unit_bytes, units, data_units: 0, windows: vec![Window { before: 0, kind: Kind::Empty }; windows] }
    }

    /// Marks the units from `first` to before `end`.
    fn insert(&mut self, first: u64, end: u64) {
        let mut at = first;
        while at < end {
            let number = at / WINDOW_UNITS;
            let start = number * WINDOW_UNITS;
            let stop = end.min(start + WINDOW_UNITS);
            let full = at == start && stop == (start + WINDOW_UNITS).min(self.units);
            let kind = &mut self.windows[index(number)].kind;
            if full {
                *kind = Kind::Full;
            } else {
                kind.mark(index(at - start), index(stop - start));
            }
            at = stop;
        }
    }

    /// Marks one more unit; for the short last one of formats that encode it whatever it holds.
    pub(crate) fn insert_last(&mut self) {
        if let Some(last) = self.units.checked_sub(1) {
            self.insert(last, self.units);
            self.count();
        }
    }

    fn count(&mut self) {
        let mut before = 0;
        let units = self.units;
        for (number, window) in self.windows.iter_mut().enumerate() {
            window.before = before;
            before += match &window.kind {
                Kind::Empty => 0,
                Kind::Full => WINDOW_UNITS.min(units - number as u64 * WINDOW_UNITS),
                Kind::Mixed(words) => words.iter().map(|word| u64::from(word.count_ones())).sum(),
            };
        }
        self.data_units = before;
    }

    /// The size of a unit in bytes.
    pub(crate) fn unit_bytes(&self) -> u64 {
        self.unit_bytes
    }

    /// How many units the disk has; the last may be short.
    pub(crate) fn units(&self) -> u64 {
        self.units
    }

    /// How many of them hold data.
    pub(crate) fn data_units(&self) -> u64 {
        self.data_units
    }

    /// Whether `unit` holds data; one past the last does not.
    pub(crate) fn is_data(&self, unit: u64) -> bool {
        let Some(window) = self.windows.get(index(unit / WINDOW_UNITS)) else { return false };
        let bit = index(unit % WINDOW_UNITS);
        match &window.kind {
            Kind::Empty => false,
            Kind::Full => unit < self.units,
            Kind::Mixed(words) => words[bit / 64] >> (bit % 64) & 1 == 1,
        }
    }

    /// How many data units come before `unit`.
    pub(crate) fn rank(&self, unit: u64) -> u64 {
        let unit = unit.min(self.units);
        let Some(window) = self.windows.get(index(unit / WINDOW_UNITS)) else { return self.data_units };
        let bit = index(unit % WINDOW_UNITS);
        window.before
            + match &window.kind {
                Kind::Empty => 0,
                Kind::Full => bit as u64,
                Kind::Mixed(words) => {
                    let whole: u64 = words[..bit / 64].iter().map(|word| u64::from(word.count_ones())).sum();
                    whole + u64::from((words[bit / 64] & !(u64::MAX << (bit % 64))).count_ones())
                }
            }
    }

    /// The data unit that has `rank` others before it; the number of units when there is none.
    pub(crate) fn select(&self, rank: u64) -> u64 {
        if rank >= self.data_units {
            return self.units;
        }
        // the last window that begins at or before it
        let number = self.windows.partition_point(|window| window.before <= rank) - 1;
        let window = &self.windows[number];
        let start = number as u64 * WINDOW_UNITS;
        let mut left = rank - window.before;
        let Kind::Mixed(words) = &window.kind else { return start + left };
        for (number, &word) in words.iter().enumerate() {
            let ones = u64::from(word.count_ones());
            if left < ones {
                return start + number as u64 * 64 + u64::from(nth_one(word, left));
            }
            left -= ones;
        }
        unreachable!("the window holds more units than were passed")
    }

    /// The first data unit at or behind `unit`; the number of units when there is none.
    pub(crate) fn next_data(&self, unit: u64) -> u64 {
        if self.is_data(unit) { unit } else { self.select(self.rank(unit)) }
    }

    /// How many units from `unit` on hold data without a gap, at most `max`.
    pub(crate) fn run_len(&self, unit: u64, max: u64) -> u64 {
        (0..max).take_while(|&ahead| self.is_data(unit + ahead)).count() as u64
    }

    /// A number that tells most maps apart: equal maps have equal ones.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |value: u64| hash = (hash ^ value).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
        add(self.unit_bytes);
        add(self.units);
        for window in &self.windows {
            match &window.kind {
                Kind::Empty => add(0),
                Kind::Full => add(u64::MAX),
                Kind::Mixed(words) => words.iter().copied().for_each(&mut add),
            }
        }
        hash
    }
}

impl Kind {
    fn mark(&mut self, first: usize, end: usize) {
        if let Kind::Full = self {
            return;
        }
        if let Kind::Empty = self {
            *self = Kind::Mixed(Box::new([0; WORDS]));
        }
        let Kind::Mixed(words) = self else { return };
        for bit in first..end {
            words[bit / 64] |= 1 << (bit % 64);
        }
    }
}

/// The place of the one bit of `word` that has `rank` others below it.
fn nth_one(mut word: u64, rank: u64) -> u32 {
    for _ in 0..rank {
        word &= word - 1;
    }
    word.trailing_zeros()
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marked(units: u64, runs: &[(u64, u64)]) -> (UnitMap, Vec<bool>) {
        let mut map = UnitMap::empty(units * 10, 10);
        let mut bits = vec![false; index(units)];
        for &(first, len) in runs {
            let (first, end) = (first.min(units), (first + len).min(units));
            map.insert(first, end);
            bits[index(first)..index(end)].fill(true);
        }
        map.count();
        (map, bits)
    }

    proptest! {
        #[test]
        fn answers_as_a_plain_list_of_bits(
            units in 1_u64..10_000,
            runs in prop::collection::vec((0_u64..10_000, 1_u64..5_000), 0..12),
        ) {
            let (map, bits) = marked(units, &runs);
            let data: Vec<u64> = (0..units).filter(|&unit| bits[index(unit)]).collect();
            prop_assert_eq!(map.data_units(), data.len() as u64);
            for (rank, &unit) in data.iter().enumerate() {
                prop_assert_eq!(map.select(rank as u64), unit);
                prop_assert_eq!(map.rank(unit), rank as u64);
            }
            for unit in 0..units {
                prop_assert_eq!(map.is_data(unit), bits[index(unit)]);
                let next = (unit..units).find(|&unit| bits[index(unit)]).unwrap_or(units);
                prop_assert_eq!(map.next_data(unit), next);
            }
            prop_assert_eq!(map.rank(units), data.len() as u64);
            prop_assert_eq!(map.select(data.len() as u64), units);
            prop_assert!(!map.is_data(units));
        }
    }

    #[test]
    fn maps_that_differ_in_one_unit_have_other_fingerprints() {
        let (one, _) = marked(5000, &[(4999, 1)]);
        let (other, _) = marked(5000, &[(4998, 1)]);
        assert_ne!(one.fingerprint(), other.fingerprint());
        assert_eq!(one.fingerprint(), marked(5000, &[(4999, 1)]).0.fingerprint());
    }
}
