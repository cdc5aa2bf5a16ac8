//! Finding what stood before.

/// Shorter matches are not looked for: they save little and cost as much.
const MATCH_MIN: usize = 4;
const MATCH_MAX: usize = 258;
const HASH_BITS: u32 = 13;
/// After so many bytes without a match places are left out, more and more: noise costs little then.
const PATIENCE: usize = 64;

/// A copy of bytes before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    /// From 4 to 258 bytes.
    pub(super) length: u16,
    /// How far back, less one.
    pub(super) distance: u16,
}

/// Remembers where groups of four bytes stood, by their hash the last two places. The first that is a match is taken:
/// comparing both, or with the match at the next byte, was measured to cost more speed than it saves bytes.
///
/// Places are kept in 16 bits, and those too far back to be used may look like nearer ones, so each is compared with the
/// data before it counts.
pub(super) struct Finder {
    places: Box<[[u16; 2]; 1 << HASH_BITS]>,
    window: usize,
}

impl Finder {
    pub(super) fn new(window_bits: u32) -> Finder {
        Finder { places: Box::new([[0; 2]; 1 << HASH_BITS]), window: 1 << window_bits }
    }

    /// Forgets everything: equal data is to give equal matches.
    pub(super) fn reset(&mut self) {
        self.places.fill([0; 2]);
    }

    /// The next match at or behind `from` and before `limit`, and where it begins. Everything before its end is
    /// remembered; the next search begins there.
    #[inline]
    pub(super) fn next(&mut self, data: &[u8], from: usize, limit: usize) -> Option<(usize, Match)> {
        // the last bytes are no group of four
        let last = data.len().saturating_sub(MATCH_MIN - 1);
        let limit = limit.min(last);
        let mut at = from;
        while at < limit {
            let Some(found) = self.at(data, at) else {
                at += 1 + (at - from) / PATIENCE;
                continue;
            };
            for place in at + 1..(at + usize::from(found.length)).min(last) {
                self.remember(place, four(data, place));
            }
            return Some((at, found));
        }
        None
    }

    /// The match at `at`, where a group of four begins.
    #[inline]
    fn at(&mut self, data: &[u8], at: usize) -> Option<Match> {
        let here = four(data, at);
        let last = self.remember(at, here);
        let back = last
            .into_iter()
            .map(|last| usize::from(low(at).wrapping_sub(last)))
            .find(|&back| back != 0 && back <= self.window && back <= at && four(data, at - back) == here)?;
        let max = MATCH_MAX.min(data.len() - at);
        let length = common(&data[at - back..at - back + max], &data[at..at + max]);
        Some(Match { length: low(length), distance: low(back - 1) })
    }

    /// Remembers a place; returns the last two of the same hash, the nearer one first.
    #[inline]
    fn remember(&mut self, place: usize, group: u32) -> [u16; 2] {
        let hash = group.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS);
        let places = &mut self.places[hash as usize];
        let last = *places;
        *places = [low(place), last[0]];
        last
    }
}

/// The low 16 bits.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
fn low(number: usize) -> u16 {
    number as u16
}

#[inline]
fn four(data: &[u8], at: usize) -> u32 {
    data.get(at..).and_then(|rest| rest.first_chunk()).copied().map_or(0, u32::from_le_bytes)
}

/// How many bytes at the start of both are equal. Both have the same length.
#[inline]
fn common(one: &[u8], other: &[u8]) -> usize {
    let (ones, _) = one.as_chunks::<8>();
    let (others, _) = other.as_chunks::<8>();
    for (number, (a, b)) in ones.iter().zip(others).enumerate() {
        let differs = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differs != 0 {
            return number * 8 + differs.trailing_zeros() as usize / 8;
        }
    }
    let whole = ones.len() * 8;
    whole + one[whole..].iter().zip(&other[whole..]).take_while(|(a, b)| a == b).count()
}
