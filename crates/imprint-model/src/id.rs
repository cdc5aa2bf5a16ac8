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
    /// One holder of a lease on bytes that no row names yet.
    LeaseId
}

/// A text that is not an id in canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier")]
pub struct BadId;

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
