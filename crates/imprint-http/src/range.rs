//! Which bytes of a file a request is about (RFC 9110 §14). One range at most: nobody is given several at once.

use std::ops::Range;

/// What a `Range` header asks for of a file of a known length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ByteRange {
    /// These bytes, cut off at the file's end. Not empty.
    Part(Range<u64>),
    /// Bytes that the file does not have.
    Outside,
    /// Several ranges, another unit, or nothing that RFC 9110 knows; it allows to answer as if nothing was asked.
    Unknown,
}

impl ByteRange {
    /// Reads `bytes=a-b`, `bytes=a-` or `bytes=-n`, of a file of `size` bytes.
    pub fn read(text: &str, size: u64) -> Self {
        match parse(text, size) {
            None => Self::Unknown,
            Some(range) if range.is_empty() => Self::Outside,
            Some(range) => Self::Part(range),
        }
    }
}

/// A number of digits alone, as ranges are written with. One too large to hold is larger than any file.
pub fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

/// An empty range stands for one outside the file.
fn parse(text: &str, size: u64) -> Option<Range<u64>> {
    let (unit, range) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.split_once('-')?;
    match (first.trim(), last.trim()) {
        ("", suffix) => Some(size - digits(suffix)?.min(size)..size),
        (first, "") => Some(digits(first)?.min(size)..size),
        (first, last) => {
            let (first, last) = (digits(first)?, digits(last)?);
            (first <= last).then(|| first.min(size)..last.saturating_add(1).min(size))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_cut_off_at_the_end() {
        for (text, expected) in [
            ("bytes=0-0", 0..1),
            ("bytes=2-3", 2..4),
            ("Bytes = 2 - 3", 2..4),
            ("bytes=5-", 5..10),
            ("bytes=-3", 7..10),
            ("bytes=-99", 0..10),
            ("bytes=9-99", 9..10),
            ("bytes=0-99999999999999999999999", 0..10),
            ("bytes=0-18446744073709551615", 0..10),
        ] {
            assert_eq!(ByteRange::read(text, 10), ByteRange::Part(expected), "{text}");
        }
    }

    #[test]
    fn what_the_file_does_not_have_is_outside() {
        for text in ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(ByteRange::read(text, 10), ByteRange::Outside, "{text}");
        }
        assert_eq!(ByteRange::read("bytes=0-0", 0), ByteRange::Outside);
    }

    #[test]
    fn anything_else_is_unknown() {
        for text in ["bytes=3-2", "bytes=-", "bytes=a-b", "bytes=+1-2", "bytes=--2", "bytes=0-1,3-4", "items=0-1", ""] {
            assert_eq!(ByteRange::read(text, 10), ByteRange::Unknown, "{text}");
        }
    }
}
