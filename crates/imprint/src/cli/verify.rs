//! Comparing what came with what the service says the image is.

use std::fs::File;
use std::io::Read;

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};

use crate::failure::{ExitCode, Failure};

/// Bytes that are read at once.
const READ_BYTES: usize = 1 << 20;

/// A digest in the making.
pub(super) enum Check {
    Sha256(Box<Sha256>, String),
    Sha512(Box<Sha512>, String),
}

impl Check {
    /// The digest an image's record promises; none when it promises none that is known here.
    pub(super) fn of(image: &Value) -> Option<Self> {
        let value = image["os_hash_value"].as_str()?.to_ascii_lowercase();
        match image["os_hash_algo"].as_str()? {
            "sha256" => Some(Self::Sha256(Box::default(), value)),
            "sha512" => Some(Self::Sha512(Box::default(), value)),
            _ => None,
        }
    }

    /// Takes the next bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(digest, _) => digest.update(bytes),
            Self::Sha512(digest, _) => digest.update(bytes),
        }
    }

    /// Whether these were the bytes of the image.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let (is, promised) = match self {
            Self::Sha256(digest, promised) => (HEXLOWER.encode(&digest.finalize()), promised),
            Self::Sha512(digest, promised) => (HEXLOWER.encode(&digest.finalize()), promised),
        };
        if is == promised {
            return Ok(());
        }
        Err(Failure::new(
            ExitCode::Corrupt,
            format!("the bytes are not the image's: their digest is {is}, not {promised}"),
        ))
    }

    /// Reads a whole file.
    pub(super) fn file(mut self, file: &mut File, progress: impl Fn(u64)) -> Result<(), Failure> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let read = file.read(&mut buffer).map_err(|error| Failure::doing("cannot read what was pulled", error))?;
            if read == 0 {
                return self.finish();
            }
            self.update(&buffer[..read]);
            progress(read as u64);
        }
    }
}
