//! Encryption at rest. The master key comes from outside the database; every sealed value is bound to its place, so
//! that a sealed secret copied to another row does not open.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use data_encoding::BASE64;

use crate::Error;

/// Length of a nonce of XChaCha20: long enough to be chosen at random.
const NONCE_BYTES: usize = 24;
/// First byte of what is sealed: the scheme, so that it can change.
const SCHEME: u8 = 1;

/// Seals and unseals secrets under the master key.
pub(crate) struct Sealer(XChaCha20Poly1305);

impl Sealer {
    pub(crate) fn new(master_key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(master_key.into()))
    }

    /// Encrypts. `place` says where the result will be kept and must be the same at [`Self::unseal`].
    pub(crate) fn seal(&self, place: &str, secret: &[u8]) -> Result<String, Error> {
        let nonce: [u8; NONCE_BYTES] = random_bytes();
        let sealed = self
            .0
            .encrypt(&XNonce::from(nonce), Payload { msg: secret, aad: place.as_bytes() })
            .map_err(|_| Error::Internal(format!("the secret of {place} is too long to seal")))?;
        let mut all = Vec::with_capacity(1 + NONCE_BYTES + sealed.len());
        all.push(SCHEME);
        all.extend_from_slice(&nonce);
        all.extend_from_slice(&sealed);
        Ok(BASE64.encode(&all))
    }

    /// Decrypts what [`Self::seal`] made for this place under this key.
    pub(crate) fn unseal(&self, place: &str, sealed: &str) -> Result<Vec<u8>, Error> {
        let damaged = || Error::Sealed(place.to_owned());
        let all = BASE64.decode(sealed.as_bytes()).map_err(|_| damaged())?;
        let (scheme, rest) = all.split_first().ok_or_else(damaged)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or_else(damaged)?;
        if *scheme != SCHEME {
            return Err(damaged());
        }
        self.0.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: place.as_bytes() }).map_err(|_| damaged())
    }
}

/// Bytes that nobody can guess.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    // seeded from the operating system and cryptographically strong
    let mut bytes = [0; N];
    rand::fill(&mut bytes);
    bytes
}

/// `length` characters out of `alphabet` that nobody can guess. The alphabet has at most 256 letters.
pub(crate) fn random_text(alphabet: &[u8], length: usize) -> String {
    (0..length).map(|_| char::from(alphabet[rand::random_range(0..alphabet.len())])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_in_its_place_and_under_its_key() {
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealer.seal("key a", b"hidden").expect("short");
        assert_eq!(sealer.unseal("key a", &sealed).expect("same place"), b"hidden");
        assert!(matches!(sealer.unseal("key b", &sealed), Err(Error::Sealed(_))));
        assert!(matches!(Sealer::new(&[8; 32]).unseal("key a", &sealed), Err(Error::Sealed(_))));
        assert_ne!(sealed, sealer.seal("key a", b"hidden").expect("short"));
    }

    #[test]
    fn damaged_text_is_refused() {
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealer.seal("key", b"hidden").expect("short");
        for bad in ["", "AA==", "%%%", &sealed[..sealed.len() - 4], &sealed.replacen('A', "B", 1)] {
            assert!(sealer.unseal("key", bad).is_err(), "{bad}");
        }
    }
}
