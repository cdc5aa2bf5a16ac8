//! Parts laid end to end.

use std::io;

use crate::{ReadAt, Run, RunKind, past_the_end};

/// Parts, each at its place in a file, with zeros between them.
pub(crate) struct Concat {
    /// In rising order of places, without overlap, none empty.
    parts: Vec<(u64, Box<dyn ReadAt>)>,
    size: u64,
}

impl Concat {
    /// A file without parts.
    pub(crate) fn new() -> Concat {
        Concat { parts: Vec::new(), size: 0 }
    }

    /// Adds a part behind the others; returns where it begins.
    pub(crate) fn push(&mut self, part: impl ReadAt + 'static) -> u64 {
        self.push_boxed(Box::new(part))
    }

    /// As [`Concat::push`].
    pub(crate) fn push_boxed(&mut self, part: Box<dyn ReadAt>) -> u64 {
        let at = self.size;
        let len = part.size_bytes();
        if len > 0 {
            self.size = at.checked_add(len).expect("a file has less than 2^64 bytes");
            self.parts.push((at, part));
        }
        at
    }

    /// Fills up with zeros to a multiple of `unit` bytes.
    pub(crate) fn pad_to(&mut self, unit: u64) {
        self.size = self.size.next_multiple_of(unit);
    }

    /// The part at or before `offset`: where it begins and the part.
    fn part_at(&self, offset: u64) -> Option<(u64, &dyn ReadAt)> {
        let behind = self.parts.partition_point(|&(start, _)| start <= offset);
        self.parts.get(behind.checked_sub(1)?).map(|(start, part)| (*start, &**part))
    }

    /// Where the first part behind `offset` begins, or the end.
    fn next_start(&self, offset: u64) -> u64 {
        let behind = self.parts.partition_point(|&(start, _)| start <= offset);
        self.parts.get(behind).map_or(self.size, |&(start, _)| start)
    }
}

impl ReadAt for Concat {
    fn size_bytes(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        let mut at = offset;
        at.checked_add(buf.len() as u64).filter(|&end| end <= self.size).ok_or_else(past_the_end)?;
        while !buf.is_empty() {
            let inside = self.part_at(at).filter(|(start, part)| at - start < part.size_bytes());
            let end = inside.as_ref().map_or_else(|| self.next_start(at), |(start, part)| start + part.size_bytes());
            let take = usize::try_from(end - at).map_or(buf.len(), |room| room.min(buf.len()));
            let (now, rest) = buf.split_at_mut(take);
            match inside {
                Some((start, part)) => part.read_at(at - start, now)?,
                None => now.fill(0),
            }
            at += take as u64;
            buf = rest;
        }
        Ok(())
    }

    fn run_at(&self, offset: u64) -> io::Result<Run> {
        match self.part_at(offset).filter(|(start, part)| offset - start < part.size_bytes()) {
            Some((start, part)) => part.run_at(offset - start),
            None => Ok(Run { len: self.next_start(offset).saturating_sub(offset), kind: RunKind::Zero }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_the_zeros_between_them() {
        let mut file = Concat::new();
        assert_eq!(file.push(vec![1_u8; 3]), 0);
        file.pad_to(8);
        assert_eq!(file.push(Vec::new()), 8);
        assert_eq!(file.push(vec![2_u8; 4]), 8);
        assert_eq!(file.push(vec![3_u8; 2]), 12);
        file.pad_to(16);
        let whole = [1, 1, 1, 0, 0, 0, 0, 0, 2, 2, 2, 2, 3, 3, 0, 0];
        assert_eq!(file.size_bytes(), 16);
        for start in 0..16 {
            for end in start..=16 {
                let mut buf = vec![9; end - start];
                file.read_at(start as u64, &mut buf).unwrap();
                assert_eq!(buf, whole[start..end], "{start}..{end}");
            }
        }
        assert!(file.read_at(15, &mut [0; 2]).is_err());
        assert_eq!(file.run_at(4).unwrap(), Run { len: 4, kind: RunKind::Zero });
        assert_eq!(file.run_at(9).unwrap(), Run { len: 3, kind: RunKind::Data });
    }
}
