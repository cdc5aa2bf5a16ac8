//! Codes made for what occurs how often.

/// Literals, the end of the block, and lengths; two that are never used belong to the fixed code.
pub(super) const SYMBOLS: usize = 288;
/// Distances.
pub(super) const DISTANCES: usize = 30;
const LENGTH_MAX: usize = 15;

/// The codes of up to `N` symbols.
#[derive(Clone)]
pub(super) struct Codes<const N: usize> {
    /// In bits; 0 for symbols that do not occur.
    pub(super) lengths: [u8; N],
    /// With the first bit in the lowest place, as they are written.
    pub(super) codes: [u16; N],
}

impl<const N: usize> Codes<N> {
    /// The best codes of up to `longest` bits, or nearly so where the bound matters. One symbol alone gets a second one
    /// for company, since a code of one symbol is not complete.
    pub(super) fn new(counts: &[u32; N], longest: usize) -> Codes<N> {
        let mut used: Vec<(u32, u16)> = (0..).zip(counts).filter(|(_, n)| **n > 0).map(|(s, &n)| (n, s)).collect();
        if used.len() == 1 {
            let company = u16::from(used[0].1 == 0);
            used.push((1, company));
        }
        used.sort_unstable();
        let mut lengths = [0; N];
        if used.len() > 1 {
            let per_length = bounded(&tree_lengths(&used), longest);
            // the rarest symbols come first and get the longest codes
            let of_each =
                (1_u8..16).rev().flat_map(|length| std::iter::repeat_n(length, per_length[usize::from(length)]));
            for (&(_, symbol), length) in used.iter().zip(of_each) {
                lengths[usize::from(symbol)] = length;
            }
        }
        Codes::of_lengths(lengths)
    }

    /// The codes that follow from their lengths (RFC 1951, 3.2.2).
    pub(super) fn of_lengths(lengths: [u8; N]) -> Codes<N> {
        let mut next = [0_u16; LENGTH_MAX + 2];
        for &length in lengths.iter().filter(|&&length| length > 0) {
            next[usize::from(length) + 1] += 1;
        }
        for length in 1..=LENGTH_MAX {
            next[length] = (next[length] + next[length - 1]) << 1;
        }
        let mut codes = [0; N];
        for (code, &length) in codes.iter_mut().zip(&lengths) {
            if length > 0 {
                let first = &mut next[usize::from(length)];
                *code = first.reverse_bits() >> (16 - u32::from(length));
                *first += 1;
            }
        }
        Codes { lengths, codes }
    }

    /// How many bits symbols of these counts take, without what some of them bring along.
    pub(super) fn cost(&self, counts: &[u32; N]) -> u64 {
        counts.iter().zip(&self.lengths).map(|(&count, &length)| u64::from(count) * u64::from(length)).sum()
    }
}

/// The lengths of the codes in Huffman's tree: how many there are of each. At least two symbols, by rising counts.
fn tree_lengths(used: &[(u32, u16)]) -> [usize; 64] {
    let leaves = used.len();
    // nodes are leaves first, then the inner ones in the order of their making, which is by rising counts, too
    let mut counts: Vec<u32> = used.iter().map(|&(count, _)| count).collect();
    let mut parents = vec![0; 2 * leaves - 1];
    let (mut leaf, mut inner) = (0, leaves);
    for node in leaves..2 * leaves - 1 {
        let mut sum = 0;
        for _ in 0..2 {
            let takes_leaf = leaf < leaves && (inner >= node || counts[leaf] <= counts[inner]);
            let child = if takes_leaf { &mut leaf } else { &mut inner };
            sum += counts[*child];
            parents[*child] = node;
            *child += 1;
        }
        counts.push(sum);
    }
    let mut depths = vec![0_usize; 2 * leaves - 1];
    let mut of_length = [0; 64];
    for node in (0..2 * leaves - 2).rev() {
        depths[node] = depths[parents[node]] + 1;
        if node < leaves {
            // counts of 32 bits cannot make a tree deeper than 47
            of_length[depths[node]] += 1;
        }
    }
    of_length
}

/// The same number of codes, none longer than `longest`, still complete.
fn bounded(of_length: &[usize; 64], longest: usize) -> [usize; LENGTH_MAX + 1] {
    let mut bounded = [0; LENGTH_MAX + 1];
    for (length, &count) in of_length.iter().enumerate() {
        bounded[length.min(longest)] += count;
    }
    // in units of the longest code; too many of them were put there
    let mut taken: usize = (1..=longest).map(|length| bounded[length] << (longest - length)).sum();
    while taken > 1 << longest {
        // one of the longest moves beside a shorter one, which becomes a bit longer
        let shorter = (1..longest).rev().find(|&length| bounded[length] > 0).expect("there are shorter codes");
        bounded[longest] -= 1;
        bounded[shorter] -= 1;
        bounded[shorter + 1] += 2;
        taken -= 1;
    }
    bounded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check<const N: usize>(counts: &[u32; N], longest: usize) {
        let codes = Codes::new(counts, longest);
        let used = counts.iter().filter(|&&count| count > 0).count();
        let space: u64 = codes.lengths.iter().filter(|&&l| l > 0).map(|&l| 1 << (longest - usize::from(l))).sum();
        assert!(codes.lengths.iter().all(|&length| usize::from(length) <= longest));
        assert!(space == if used == 0 { 0 } else { 1 << longest }, "the codes are not complete");
        for (count, length) in counts.iter().zip(&codes.lengths) {
            assert!(*count == 0 || *length > 0);
        }
    }

    proptest! {
        #[test]
        fn codes_are_complete_and_bounded(counts in prop::collection::vec(prop_oneof![Just(0), 1_u32..20, any::<u16>().prop_map(u32::from)], SYMBOLS)) {
            let counts: [u32; SYMBOLS] = counts.try_into().unwrap();
            check(&counts, 15);
            check(&counts, 9);
            let few: [u32; 19] = counts[..19].try_into().unwrap();
            check(&few, 7);
        }
    }

    #[test]
    fn counts_like_fibonaccis_make_the_deepest_trees() {
        let mut counts = [0_u32; 30];
        let (mut one, mut next) = (1, 1);
        for count in &mut counts {
            *count = one;
            (one, next) = (next, one + next);
        }
        check(&counts, 15);
        check(&counts, 7);
    }

    #[test]
    fn the_codes_of_the_standard() {
        // the example of RFC 1951, 3.2.2: A to H
        let codes = Codes::of_lengths([3, 3, 3, 3, 3, 2, 4, 4]);
        let expected = [0b010, 0b011, 0b100, 0b101, 0b110, 0b00, 0b1110, 0b1111_u16];
        for (symbol, expected) in expected.into_iter().enumerate() {
            let length = u32::from(codes.lengths[symbol]);
            assert_eq!(codes.codes[symbol].reverse_bits() >> (16 - length), expected, "{symbol}");
        }
    }
}
