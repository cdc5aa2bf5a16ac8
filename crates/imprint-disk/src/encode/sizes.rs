//! The sizes that units took when they were compressed.

use std::sync::Arc;

use crate::crc32c::crc32c_with_hole;
use crate::fields::{array, le32, le64};

const MAGIC: &[u8; 8] = b"imp-siz1";
/// Magic, checksum, three numbers, the count and the length of the identity.
const HEAD_BYTES: usize = 8 + 4 + 8 + 8 + 4 + 8 + 1;
const CHECKSUM_AT: usize = 8;

/// How many bytes each unit of a disk takes in a compressed file: with it the file's length and every place in it are
/// known before anything is compressed again. It belongs to one content and one way of compressing and is worthless for
/// any other, which is noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitSizes {
    pub(super) identity: String,
    pub(super) disk_bytes: u64,
    /// Of the map of data units that the sizes belong to.
    pub(super) fingerprint: u64,
    /// The checksum over the whole disk that the format ends in; 0 where it has none.
    pub(super) check: u32,
    /// One for each unit that the map calls data; 0 when it was found to be all zeros and is left out.
    pub(super) sizes: Arc<[u32]>,
}

impl UnitSizes {
    /// The sizes as bytes: mostly three for a unit of 64 KiB.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let identity = self.identity.as_bytes();
        let mut bytes = Vec::with_capacity(HEAD_BYTES + identity.len() + self.sizes.len() * 3);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.disk_bytes.to_le_bytes());
        bytes.extend_from_slice(&self.fingerprint.to_le_bytes());
        bytes.extend_from_slice(&self.check.to_le_bytes());
        bytes.extend_from_slice(&(self.sizes.len() as u64).to_le_bytes());
        bytes.push(u8::try_from(identity.len()).expect("identities are short"));
        bytes.extend_from_slice(identity);
        for &size in &*self.sizes {
            push_number(&mut bytes, size);
        }
        let checksum = crc32c_with_hole(&bytes, CHECKSUM_AT);
        bytes[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The sizes that [`UnitSizes::to_bytes`] made `bytes` of; `None` when they are anything else, or damaged.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<UnitSizes> {
        bytes.starts_with(MAGIC).then_some(())?;
        (le32(bytes, CHECKSUM_AT)? == crc32c_with_hole(bytes, CHECKSUM_AT)).then_some(())?;
        let [identity_len] = array(bytes, 40)?;
        let sizes_at = HEAD_BYTES + usize::from(identity_len);
        let identity = std::str::from_utf8(bytes.get(HEAD_BYTES..sizes_at)?).ok()?;
        let mut rest = bytes.get(sizes_at..)?;
        // each takes a byte at least, so a count beyond that is a lie
        let count = usize::try_from(le64(bytes, 32)?).ok().filter(|&count| count <= rest.len())?;
        let mut sizes = Vec::with_capacity(count);
        for _ in 0..count {
            sizes.push(take_number(&mut rest)?);
        }
        rest.is_empty().then_some(())?;
        Some(UnitSizes {
            identity: identity.to_owned(),
            disk_bytes: le64(bytes, 12)?,
            fingerprint: le64(bytes, 20)?,
            check: le32(bytes, 28)?,
            sizes: sizes.into(),
        })
    }
}

/// Seven bits a byte, the lowest first, the eighth saying that more follow.
fn push_number(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push((number & 0x7f) as u8);
}

fn take_number(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0_u64;
    for place in 0..5 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return u32::try_from(number).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sizes(list: Vec<u32>) -> UnitSizes {
        UnitSizes {
            identity: "qcow2 zlib".to_owned(),
            disk_bytes: 7 << 40,
            fingerprint: u64::MAX - 5,
            check: 77,
            sizes: list.into(),
        }
    }

    proptest! {
        #[test]
        fn bytes_hold_everything(list in prop::collection::vec(any::<u32>(), 0..200)) {
            let sizes = sizes(list);
            prop_assert_eq!(UnitSizes::from_bytes(&sizes.to_bytes()), Some(sizes));
        }

        #[test]
        fn damage_is_noticed(at in 0_usize..60, flip in 1_u8..=255) {
            let mut bytes = sizes(vec![1, 300, 70_000, 0, 5]).to_bytes();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            prop_assert_eq!(UnitSizes::from_bytes(&bytes), None);
        }
    }

    #[test]
    fn cut_bytes_and_false_counts_are_nothing() {
        let bytes = sizes(vec![1, 300, 70_000]).to_bytes();
        for len in 0..bytes.len() {
            assert_eq!(UnitSizes::from_bytes(&bytes[..len]), None);
        }
        let mut lie = bytes;
        lie[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
        let checksum = crc32c_with_hole(&lie, CHECKSUM_AT);
        lie[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(UnitSizes::from_bytes(&lie), None);
    }
}
