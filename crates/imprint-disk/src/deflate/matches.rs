//! Finding what stood before.

/// Shorter matches are not looked for: they save little and cost as much.
const MATCH_MIN: usize = 4;
const MATCH_MAX: usize = 258;
/// Bytes compared at once; fewer than that at the end of the data begin no match.
const AT_ONCE: usize = size_of::<u64>();
/// With four places each, the table just fits into the fastest cache.
const HASH_BITS: u32 = 12;
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

/// Remembers where groups of four bytes stood, by their hash the last `WAYS` places. The longest match is taken, the
/// nearest of equal ones; looking whether one at the next byte is longer saves another hundredth and costs a sixth of
/// the speed.
///
/// Places are kept in 16 bits, and those too far back to be used may look like nearer ones, so each is compared with the
/// data before it counts. A place that was never filled is the first byte, which is as good as any other.
pub(super) struct Finder<const WAYS: usize> {
    /// The last place first.
    places: Box<[[u16; WAYS]; 1 << HASH_BITS]>,
    window: usize,
}

impl<const WAYS: usize> Finder<WAYS> {
    pub(super) fn new(window_bits: u32) -> Finder<WAYS> {
        Finder { places: Box::new([[0; WAYS]; 1 << HASH_BITS]), window: 1 << window_bits }
    }

    /// Forgets everything: equal data is to give equal matches.
    pub(super) fn reset(&mut self) {
        self.places.fill([0; WAYS]);
    }

    /// The next match at or behind `from` and before `limit`, and where it begins. Everything before its end is
    /// remembered; the next search begins there.
    #[inline]
    pub(super) fn next(&mut self, data: &[u8], from: usize, limit: usize) -> Option<(usize, Match)> {
        let last = data.len().saturating_sub(AT_ONCE - 1);
        let limit = limit.min(last);
        let mut at = from;
        while at < limit {
            let Some(found) = self.at(data, at) else {
                at += 1 + (at - from) / PATIENCE;
                continue;
            };
            let first = at + 1;
            let end = (at + usize::from(found.length)).min(last).max(first);
            for (place, group) in (first..).zip(data[first..end + 3].windows(4)) {
                self.remember(place, u32::from_le_bytes([group[0], group[1], group[2], group[3]]));
            }
            return Some((at, found));
        }
        None
    }

    /// The match at `at`, with at least [`AT_ONCE`] bytes to the end.
    #[inline]
    fn at(&mut self, data: &[u8], at: usize) -> Option<Match> {
        let here = eight(data, at);
        let places = self.remember(at, group(here));
        let backs = places.map(|place| back(at, place));
        let differs = backs.map(|back| eight(data, at - back) ^ here);
        // most places of most data are none: that is to be known before anything else is
        if differs.iter().all(|&differs| group(differs) != 0) {
            return None;
        }
        // without a branch for each place, which nobody could predict: length and nearness in one number
        let mut best = 0;
        for (back, differs) in backs.into_iter().zip(differs) {
            let length = differs.trailing_zeros() / 8;
            let length = if self.reaches(back) { length as usize } else { 0 };
            best = best.max(length << 16 | (usize::from(u16::MAX) - back));
        }
        let length = best >> 16;
        if length < MATCH_MIN {
            return None;
        }
        let nearest = usize::from(u16::MAX) - (best & usize::from(u16::MAX));
        let (length, back) = if length < AT_ONCE { (length, nearest) } else { self.longest(data, at, backs) };
        Some(Match { length: low(length), distance: low(back - 1) })
    }

    /// The longest of the matches that are longer than what is compared at once, of which there is one at least.
    #[inline(never)]
    fn longest(&self, data: &[u8], at: usize, backs: [usize; WAYS]) -> (usize, usize) {
        let ahead = &data[at..data.len().min(at + MATCH_MAX)];
        let mut longest = (0, 0);
        for back in backs {
            if self.reaches(back) {
                let length = common(&data[at - back..][..ahead.len()], ahead);
                if length > longest.0 {
                    longest = (length, back);
                }
            }
        }
        longest
    }

    #[inline]
    fn reaches(&self, back: usize) -> bool {
        back.wrapping_sub(1) < self.window
    }

    /// Remembers a place; returns the last ones of the same hash.
    #[inline]
    fn remember(&mut self, place: usize, group: u32) -> [u16; WAYS] {
        let hash = group.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS);
        let places = &mut self.places[hash as usize];
        let last = *places;
        // written as a whole: reading soon after must not wait for several small writes
        let mut now = [low(place); WAYS];
        now[1..].copy_from_slice(&last[..WAYS - 1]);
        *places = now;
        last
    }
}

/// How far back `place` is from `at`: never before the data begins, since later places are not known yet.
#[inline]
fn back(at: usize, place: u16) -> usize {
    low(at).wrapping_sub(place).into()
}

/// The low 16 bits.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
fn low(number: usize) -> u16 {
    number as u16
}

/// The first four bytes of what [`eight`] gives.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
fn group(eight: u64) -> u32 {
    eight as u32
}

#[inline]
fn eight(data: &[u8], at: usize) -> u64 {
    data.get(at..).and_then(|rest| rest.first_chunk()).copied().map_or(0, u64::from_le_bytes)
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
