//! One block: what it consists of, and its bits.

use super::bits::Bits;
use super::huffman::{Codes, DISTANCES, SYMBOLS};
use super::matches::Match;

const END: usize = 256;
const FIRST_LENGTH: usize = 257;
const LONGEST_CODE: usize = 15;
const LONGEST_CODE_OF_LENGTHS: usize = 7;
/// A stored block holds less than 64 KiB.
const STORED_MAX: usize = 65_535;
/// The order in which the lengths of codes for lengths are written (RFC 1951, 3.2.7).
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const STORED: u64 = 0;
const FIXED: u64 = 1;
const DYNAMIC: u64 = 2;

/// Some literals and then a match.
#[derive(Debug, Clone, Copy)]
struct Sequence {
    literals: u32,
    found: Match,
}

/// What a block consists of: sequences, then literals; and how often each symbol occurs.
pub(super) struct Block {
    sequences: Vec<Sequence>,
    symbols: [u32; SYMBOLS],
    distances: [u32; DISTANCES],
    /// Bits that stand beside codes.
    extra_bits: u64,
    fixed: (Codes<SYMBOLS>, Codes<DISTANCES>),
}

impl Block {
    pub(super) fn new() -> Block {
        let fixed = (fixed_symbols(), fixed_distances());
        Block { sequences: Vec::new(), symbols: [0; SYMBOLS], distances: [0; DISTANCES], extra_bits: 0, fixed }
    }

    pub(super) fn clear(&mut self) {
        self.sequences.clear();
        self.symbols = [0; SYMBOLS];
        self.distances = [0; DISTANCES];
        self.extra_bits = 0;
        self.symbols[END] = 1;
    }

    pub(super) fn push(&mut self, literals: &[u8], found: Match) {
        self.push_literals(literals);
        let (length, distance) = (Part::of_length(found.length), Part::of_distance(found.distance));
        self.symbols[length.symbol] += 1;
        self.distances[distance.symbol] += 1;
        self.extra_bits += u64::from(length.extra_bits + distance.extra_bits);
        let literals = u32::try_from(literals.len()).expect("a block is short");
        self.sequences.push(Sequence { literals, found });
    }

    /// Literals without a match behind them: the last of the block.
    pub(super) fn push_literals(&mut self, literals: &[u8]) {
        for &byte in literals {
            self.symbols[usize::from(byte)] += 1;
        }
    }

    /// Writes the block in the form that takes the fewest bits. `data` is what it stands for.
    pub(super) fn write(&self, data: &[u8], is_last: bool, bits: &mut Bits<'_>) {
        let symbols = Codes::new(&self.symbols, LONGEST_CODE);
        let distances = Codes::new(&self.distances, LONGEST_CODE);
        let head = Head::new(&symbols, &distances);
        let dynamic = head.cost() + symbols.cost(&self.symbols) + distances.cost(&self.distances);
        let (fixed_symbols, fixed_distances) = &self.fixed;
        let fixed = fixed_symbols.cost(&self.symbols) + fixed_distances.cost(&self.distances);
        let stored = data.len() as u64 * 8 + 35;
        let coded = dynamic.min(fixed) + self.extra_bits;
        if stored <= coded {
            store(data, is_last, bits);
        } else if fixed <= dynamic {
            bits.add(u64::from(is_last) | FIXED << 1, 3);
            self.write_coded(data, fixed_symbols, fixed_distances, bits);
        } else {
            bits.add(u64::from(is_last) | DYNAMIC << 1, 3);
            head.write(bits);
            self.write_coded(data, &symbols, &distances, bits);
        }
    }

    fn write_coded(&self, data: &[u8], symbols: &Codes<SYMBOLS>, distances: &Codes<DISTANCES>, bits: &mut Bits<'_>) {
        let mut rest = data;
        for sequence in &self.sequences {
            let (literals, behind) = rest.split_at(sequence.literals as usize);
            write_literals(literals, symbols, bits);
            let length = Part::of_length(sequence.found.length);
            let distance = Part::of_distance(sequence.found.distance);
            // 15 + 5 + 15 + 13 bits at most
            symbols.write(length.symbol, bits);
            bits.add(length.extra, length.extra_bits);
            distances.write(distance.symbol, bits);
            bits.add(distance.extra, distance.extra_bits);
            bits.flush();
            rest = &behind[usize::from(sequence.found.length)..];
        }
        write_literals(rest, symbols, bits);
        symbols.write(END, bits);
        bits.flush();
    }
}

impl<const N: usize> Codes<N> {
    #[inline]
    fn write(&self, symbol: usize, bits: &mut Bits<'_>) {
        bits.add(self.codes[symbol].into(), self.lengths[symbol].into());
    }
}

fn write_literals(literals: &[u8], symbols: &Codes<SYMBOLS>, bits: &mut Bits<'_>) {
    let (threes, rest) = literals.as_chunks::<3>();
    // 45 bits at most, and 7 that wait
    for three in threes {
        for &byte in three {
            symbols.write(byte.into(), bits);
        }
        bits.flush();
    }
    for &byte in rest {
        symbols.write(byte.into(), bits);
    }
    bits.flush();
}

/// Writes data as it is.
fn store(data: &[u8], is_last: bool, bits: &mut Bits<'_>) {
    let mut rest = data;
    loop {
        let (now, behind) = rest.split_at(rest.len().min(STORED_MAX));
        rest = behind;
        bits.add(u64::from(is_last && rest.is_empty()) | STORED << 1, 3);
        bits.align();
        let len = u16::try_from(now.len()).expect("less than 64 KiB");
        bits.add(len.into(), 16);
        bits.add((!len).into(), 16);
        bits.bytes(now);
        if rest.is_empty() {
            return;
        }
    }
}

/// A length or distance: a symbol and the bits that tell which of its values it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    symbol: usize,
    extra: u64,
    extra_bits: u32,
}

impl Part {
    /// Of a length from 3 to 258. Symbols come in groups of four, each group with one more bit.
    #[inline]
    fn of_length(length: u16) -> Part {
        if length == 258 {
            return Part { symbol: 285, extra: 0, extra_bits: 0 };
        }
        let (index, extra, extra_bits) = grouped(u32::from(length) - 3, 2);
        Part { symbol: FIRST_LENGTH + index as usize, extra, extra_bits }
    }

    /// Of a distance less one. Symbols come in groups of two.
    #[inline]
    fn of_distance(distance: u16) -> Part {
        let (index, extra, extra_bits) = grouped(distance.into(), 1);
        Part { symbol: index as usize, extra, extra_bits }
    }
}

/// The number of the symbol of `value`, and what of it the symbol does not say, when each doubling of values has
/// `1 << bits` symbols.
#[inline]
fn grouped(value: u32, bits: u32) -> (u32, u64, u32) {
    let extra_bits = (31 - (value | 1).leading_zeros().min(31)).saturating_sub(bits);
    let index = (extra_bits << bits) + (value >> extra_bits);
    (index, u64::from(value & ((1 << extra_bits) - 1)), extra_bits)
}

/// The codes that need not be written (RFC 1951, 3.2.6).
fn fixed_symbols() -> Codes<SYMBOLS> {
    let length = |symbol| match symbol {
        0..=143 => 8,
        144..=255 => 9,
        256..=279 => 7,
        _ => 8,
    };
    Codes::of_lengths(std::array::from_fn(length))
}

fn fixed_distances() -> Codes<DISTANCES> {
    Codes::of_lengths([5; DISTANCES])
}

/// The lengths of a block's codes, as they are written: repetitions are told once.
struct Head {
    symbols: usize,
    distances: usize,
    /// A length or a repetition, and the bits beside it.
    parts: Vec<Part>,
    counts: [u32; 19],
    codes: Codes<19>,
    /// How many of the codes for lengths are written.
    written: usize,
}

impl Head {
    fn new(symbols: &Codes<SYMBOLS>, distances: &Codes<DISTANCES>) -> Head {
        let used =
            |lengths: &[u8], least: usize| lengths.iter().rposition(|&l| l > 0).map_or(least, |l| (l + 1).max(least));
        let (symbols_used, distances_used) = (used(&symbols.lengths, FIRST_LENGTH), used(&distances.lengths, 1));
        let lengths = [&symbols.lengths[..symbols_used], &distances.lengths[..distances_used]].concat();
        let parts = repetitions(&lengths);
        let mut counts = [0; 19];
        for part in &parts {
            counts[part.symbol] += 1;
        }
        let codes = Codes::new(&counts, LONGEST_CODE_OF_LENGTHS);
        let written = ORDER.iter().rposition(|&symbol| codes.lengths[symbol] > 0).map_or(4, |last| (last + 1).max(4));
        Head { symbols: symbols_used, distances: distances_used, parts, counts, codes, written }
    }

    fn cost(&self) -> u64 {
        let extra: u64 = self.parts.iter().map(|part| u64::from(part.extra_bits)).sum();
        5 + 5 + 4 + 3 * self.written as u64 + self.codes.cost(&self.counts) + extra
    }

    fn write(&self, bits: &mut Bits<'_>) {
        bits.add((self.symbols - FIRST_LENGTH) as u64, 5);
        bits.add((self.distances - 1) as u64, 5);
        bits.add((self.written - 4) as u64, 4);
        bits.flush();
        for &symbol in &ORDER[..self.written] {
            bits.add(self.codes.lengths[symbol].into(), 3);
            bits.flush();
        }
        for part in &self.parts {
            self.codes.write(part.symbol, bits);
            bits.add(part.extra, part.extra_bits);
            bits.flush();
        }
    }
}

/// Lengths with runs told once: 16 repeats the last one 3 to 6 times, 17 and 18 are 3 to 10 and 11 to 138 zeros.
fn repetitions(lengths: &[u8]) -> Vec<Part> {
    let mut parts = Vec::with_capacity(lengths.len());
    for run in lengths.chunk_by(|one, next| one == next) {
        let mut left = run.len();
        let plain = Part { symbol: run[0].into(), extra: 0, extra_bits: 0 };
        if run[0] != 0 {
            parts.push(plain);
            left -= 1;
        }
        while left >= 3 {
            let (symbol, least, most, extra_bits) = match run[0] {
                0 if left >= 11 => (18, 11, 138, 7),
                0 => (17, 3, 10, 3),
                _ => (16, 3, 6, 2),
            };
            let now = left.min(most);
            parts.push(Part { symbol, extra: (now - least) as u64, extra_bits });
            left -= now;
        }
        parts.extend(std::iter::repeat_n(plain, left));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_distances_have_the_symbols_of_the_standard() {
        let length = |length| {
            let part = Part::of_length(length);
            (part.symbol, part.extra, part.extra_bits)
        };
        // RFC 1951, 3.2.5
        assert_eq!(
            [length(3), length(10), length(11), length(12)],
            [(257, 0, 0), (264, 0, 0), (265, 0, 1), (265, 1, 1)]
        );
        assert_eq!(
            [length(18), length(19), length(114), length(131)],
            [(268, 1, 1), (269, 0, 2), (279, 15, 4), (281, 0, 5)]
        );
        assert_eq!([length(257), length(258)], [(284, 30, 5), (285, 0, 0)]);
        let distance = |distance: u16| {
            let part = Part::of_distance(distance - 1);
            (part.symbol, part.extra, part.extra_bits)
        };
        assert_eq!([distance(1), distance(4), distance(5), distance(6)], [(0, 0, 0), (3, 0, 0), (4, 0, 1), (4, 1, 1)]);
        assert_eq!([distance(7), distance(4096), distance(4097)], [(5, 0, 1), (23, 1023, 10), (24, 0, 11)]);
        assert_eq!(distance(32_768), (29, 8191, 13));
    }
}
