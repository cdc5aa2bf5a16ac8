//! Tables of big-endian numbers that are computed as they are read.

use std::io;

use crate::{ReadAt, past_the_end};

/// How many numbers are computed at a time.
const AT_ONCE: usize = 512;

/// `count` numbers of `N` bytes, computed by `fill`, which gets the number of the first and room for the others.
pub(crate) struct Numbers<const N: usize, F> {
    count: u64,
    fill: F,
}

impl<const N: usize, F> Numbers<N, F>
where
    F: Fn(u64, &mut [[u8; N]]) -> io::Result<()> + Send + Sync,
{
    /// Such a table. The whole of it has fewer than 2^64 bytes.
    pub(crate) fn new(count: u64, fill: F) -> Numbers<N, F> {
        Numbers { count, fill }
    }
}

impl<const N: usize, F> ReadAt for Numbers<N, F>
where
    F: Fn(u64, &mut [[u8; N]]) -> io::Result<()> + Send + Sync,
{
    fn size_bytes(&self) -> u64 {
        self.count * N as u64
    }

    fn read_at(&self, offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        offset.checked_add(buf.len() as u64).filter(|&end| end <= self.size_bytes()).ok_or_else(past_the_end)?;
        let mut first = offset / N as u64;
        let mut within = usize::try_from(offset % N as u64).expect("less than a number's length");
        let mut numbers = [[0; N]; AT_ONCE];
        while !buf.is_empty() {
            let wanted = (within + buf.len()).div_ceil(N).min(AT_ONCE);
            let numbers = &mut numbers[..wanted];
            numbers.fill([0; N]);
            (self.fill)(first, numbers)?;
            let bytes = &numbers.as_flattened()[within..];
            let take = bytes.len().min(buf.len());
            let (now, rest) = buf.split_at_mut(take);
            now.copy_from_slice(&bytes[..take]);
            buf = rest;
            first += wanted as u64;
            within = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_range_is_that_of_the_whole() {
        let squares = |first: u64, numbers: &mut [[u8; 8]]| {
            for (index, number) in (first..).zip(numbers) {
                *number = (index * index).to_be_bytes();
            }
            Ok(())
        };
        let table = Numbers::new(1500, squares);
        let whole: Vec<u8> = (0..1500_u64).flat_map(|index| (index * index).to_be_bytes()).collect();
        for (start, len) in [(0, 12_000), (1, 11_999), (4095, 2), (4096, 4096), (7, 1), (11_999, 1), (5, 0)] {
            let mut buf = vec![0; len];
            table.read_at(start as u64, &mut buf).unwrap();
            assert_eq!(buf, whole[start..start + len], "{start} {len}");
        }
        assert!(table.read_at(11_999, &mut [0; 2]).is_err());
    }
}
