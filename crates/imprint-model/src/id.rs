//! Identifiers. Inside, an image or a job is one 128-bit number; dialects write it in their own alphabet.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new random id.
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }

            /// The id in 25 digits of base 36, for dialects whose ids are shorter; see [`Self::from_short`].
            pub fn short(self) -> String {
                to_base36(self.0.as_u128())
            }

            /// Reads what [`Self::short`] writes, and nothing else.
            ///
            /// # Errors
            /// [`BadId`].
            pub fn from_short(text: &str) -> Result<Self, BadId> {
                from_base36(text).map(|number| Self(Uuid::from_u128(number)))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            /// Reads the canonical form alone: lower case, with hyphens.
            fn from_str(text: &str) -> Result<Self, BadId> {
                let id = Uuid::try_parse(text).map_err(|_| BadId)?;
                if id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text { Ok(Self(id)) } else { Err(BadId) }
            }
        }
    };
}

uuid_id! {
    /// One image.
    ImageId
}
uuid_id! {
    /// One job.
    JobId
}
uuid_id! {
    /// One snapshot of a disk.
    SnapshotId
}
uuid_id! {
    /// One disk.
    DiskId
}
uuid_id! {
    /// One machine.
    InstanceId
}
uuid_id! {
    /// One holder of a lease on bytes that no row names yet.
    LeaseId
}

/// A text that is not an id in canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier")]
pub struct BadId;

const BASE36_DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// Digits that hold any 128-bit number.
const BASE36_LEN: usize = 25;

fn to_base36(mut number: u128) -> String {
    let mut digits = [b'0'; BASE36_LEN];
    for place in digits.iter_mut().rev() {
        *place = BASE36_DIGITS[(number % 36) as usize];
        number /= 36;
    }
    digits.iter().map(|&digit| char::from(digit)).collect()
}

fn from_base36(text: &str) -> Result<u128, BadId> {
    if text.len() != BASE36_LEN {
        return Err(BadId);
    }
    text.bytes().try_fold(0_u128, |number, digit| {
        let value = BASE36_DIGITS.iter().position(|&known| known == digit).ok_or(BadId)?;
        number.checked_mul(36).and_then(|number| number.checked_add(value as u128)).ok_or(BadId)
    })
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// A new random id of 32 hexadecimal digits.
            pub fn random() -> Self {
                Self(Uuid::new_v4().simple().to_string())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

text_id! {
    /// An account: what owns images. Normally 32 hexadecimal digits, but a trusted outside identity chooses its own.
    ProjectId
}
text_id! {
    /// A person or program that logs in.
    UserId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_reads_back_and_has_one_spelling() {
        for number in [0, 1, 35, 36, u128::MAX, 0x1234_5678_9abc_def0_1234_5678_9abc_def0] {
            let id = ImageId(Uuid::from_u128(number));
            let short = id.short();
            assert_eq!((short.len(), ImageId::from_short(&short)), (25, Ok(id)));
        }
        let over = "z".repeat(25);
        for bad in ["", "0", &"A".repeat(25), &over, &"é".repeat(12), &"-".repeat(25)] {
            assert_eq!(ImageId::from_short(bad), Err(BadId), "{bad}");
        }
    }

    #[test]
    fn only_the_canonical_form_is_an_id() {
        let id = ImageId::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        let simple = id.0.simple().to_string();
        let upper = id.to_string().to_uppercase().replace('0', "A");
        for bad in ["", "!@#$%^", &simple, &upper, "../../etc/passwd"] {
            assert_eq!(bad.parse::<ImageId>(), Err(BadId), "{bad}");
        }
    }
}
