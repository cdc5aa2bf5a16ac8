//! Content names: a chunk, a map page or a map root is called by the BLAKE3 digest of its bytes.
//! Never computed here: hashing is the store's business.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

/// Length of a content name in bytes.
pub const DIGEST_BYTES: usize = 32;

macro_rules! digest_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; DIGEST_BYTES]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = BadDigest;

            fn from_str(text: &str) -> Result<Self, BadDigest> {
                if text.len() != DIGEST_BYTES * 2 {
                    return Err(BadDigest);
                }
                let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| BadDigest)?;
                Ok(Self(bytes.try_into().map_err(|_| BadDigest)?))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

digest_name! {
    /// Names one stored blob (a data chunk or a map page) by the BLAKE3-256 of its uncompressed bytes.
    ChunkId
}
digest_name! {
    /// Names the root of a disk's map, and with it every byte of the disk.
    MapId
}

/// A text that is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a content name is 64 lower-case hexadecimal digits")]
pub struct BadDigest;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_survives_its_text_and_nothing_else_parses() {
        let id = ChunkId([0xa5; DIGEST_BYTES]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "a5", &"A5".repeat(32), &"g5".repeat(32), &"a5".repeat(33)] {
            assert_eq!(bad.parse::<ChunkId>(), Err(BadDigest), "{bad}");
        }
    }
}
