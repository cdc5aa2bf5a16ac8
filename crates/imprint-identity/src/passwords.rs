//! Password hashing: argon2id on blocking threads, a bounded number at once, and a short memory of what was right.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use hmac::{Hmac, KeyInit, Mac};
use imprint_model::{Clock, Timestamp};
use quick_cache::sync::Cache;
use sha2::Sha256;
use tokio::sync::Semaphore;

use crate::secrets::random_bytes;
use crate::{Error, Settings};

/// Longest password, in bytes.
pub(crate) const PASSWORD_LEN_MAX: usize = 4_096;
/// Log-ins that may wait for a hash; more are turned away instead of piling up.
const WAITING_MAX: usize = 256;
/// Right passwords that are remembered.
const RECENT_MAX: usize = 1_024;
/// For how long: a script that logs in for every command should not pay for a hash each time.
const RECENT_TTL: Duration = Duration::from_secs(60);

/// Hashes and checks passwords.
pub(crate) struct Passwords {
    argon2: Argon2<'static>,
    workers: Arc<Semaphore>,
    waiting: Semaphore,
    /// Hash of something nobody knows, to be checked in vain when there is no such user: so the answer takes as long.
    dummy: String,
    /// HMAC of hash and password → until when it is known to be right. It names the hash, so a new password is
    /// another entry; its key lives in this process alone, so the memory says nothing to who reads it without the key.
    recent: Cache<[u8; 32], Timestamp>,
    recent_key: Hmac<Sha256>,
    clock: Arc<dyn Clock>,
}

impl Passwords {
    pub(crate) fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let params = Params::new(settings.argon2_memory_kib, settings.argon2_passes, 1, None)
            .map_err(|why| Error::Invalid(format!("argon2 settings: {why}")))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy = hash_with(&argon2, &random_bytes::<32>())?;
        Ok(Self {
            argon2,
            workers: Arc::new(Semaphore::new(settings.login_workers.clamp(1, 64) as usize)),
            waiting: Semaphore::new(WAITING_MAX),
            dummy,
            recent: Cache::new(RECENT_MAX),
            recent_key: Hmac::new_from_slice(&random_bytes::<32>()).expect("HMAC takes a key of any length"),
            clock,
        })
    }

    /// The argon2id hash of a password, with its parameters and salt.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, Error> {
        if password.len() > PASSWORD_LEN_MAX {
            return Err(Error::Invalid(format!("a password has at most {PASSWORD_LEN_MAX} bytes")));
        }
        let password = password.to_owned();
        self.on_worker(move |argon2| hash_with(&argon2, password.as_bytes())).await?
    }

    /// Whether the password has this hash. Without a hash it takes as long and says no.
    pub(crate) async fn verify(&self, hash: Option<&str>, password: &str) -> Result<bool, Error> {
        if password.len() > PASSWORD_LEN_MAX {
            return Ok(false);
        }
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.dummy).to_owned();
        let remembered = self.remembered_as(&hash, password);
        if known && self.recent.get(&remembered).is_some_and(|until| self.clock.now() < until) {
            return Ok(true);
        }
        let password = password.to_owned();
        let matches = self
            .on_worker(move |argon2| {
                let parsed = PasswordHash::new(&hash)
                    .map_err(|why| Error::Internal(format!("a stored password hash cannot be read: {why}")))?;
                Ok::<_, Error>(argon2.verify_password(password.as_bytes(), &parsed).is_ok())
            })
            .await??;
        if known && matches {
            self.recent.insert(remembered, self.clock.now().after(RECENT_TTL));
        }
        Ok(known && matches)
    }

    fn remembered_as(&self, hash: &str, password: &str) -> [u8; 32] {
        let mut mac = self.recent_key.clone();
        mac.update(hash.as_bytes());
        // no hash contains a zero byte, so the two parts cannot run into each other
        mac.update(&[0]);
        mac.update(password.as_bytes());
        mac.finalize().into_bytes().into()
    }

    async fn on_worker<T: Send + 'static>(
        &self,
        work: impl FnOnce(Argon2<'static>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let busy = || Error::Unavailable("too many log-ins at once".to_owned());
        let _place = self.waiting.try_acquire().map_err(|_| busy())?;
        let permit = Arc::clone(&self.workers).acquire_owned().await.map_err(|_| busy())?;
        let argon2 = self.argon2.clone();
        tokio::task::spawn_blocking(move || {
            // held by the thread, not by the request: a client that goes away does not free a core that still hashes
            let _permit = permit;
            work(argon2)
        })
        .await
        .map_err(|why| Error::Internal(format!("hashing a password failed: {why}")))
    }
}

fn hash_with(argon2: &Argon2<'_>, password: &[u8]) -> Result<String, Error> {
    let salt: [u8; 16] = random_bytes();
    argon2
        .hash_password_with_salt(password, &salt)
        .map(|hash| hash.to_string())
        .map_err(|why| Error::Internal(format!("hashing a password failed: {why}")))
}

#[cfg(test)]
mod tests {
    use imprint_model::ManualClock;

    use super::*;

    fn passwords() -> Passwords {
        let settings = Settings { argon2_memory_kib: 64, argon2_passes: 1, ..Settings::default() };
        Passwords::new(&settings, Arc::new(ManualClock::new(Timestamp(0)))).expect("good settings")
    }

    #[tokio::test]
    async fn only_the_password_itself_is_right_also_from_memory() {
        let passwords = passwords();
        let hash = passwords.hash("correct horse").await.expect("short");
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        for _ in 0..2 {
            assert!(passwords.verify(Some(&hash), "correct horse").await.expect("works"));
            for wrong in ["", "correct", "correct horse ", "Correct horse"] {
                assert!(!passwords.verify(Some(&hash), wrong).await.expect("works"), "{wrong}");
            }
        }
    }

    #[tokio::test]
    async fn no_user_and_overlong_passwords_are_wrong_and_cannot_be_set() {
        let passwords = passwords();
        assert!(!passwords.verify(None, "x").await.expect("works"));
        let long = "x".repeat(PASSWORD_LEN_MAX + 1);
        assert!(!passwords.verify(None, &long).await.expect("works"));
        assert!(matches!(passwords.hash(&long).await, Err(Error::Invalid(_))));
    }

    #[test]
    fn the_default_costs_what_owasp_asks() {
        let settings = Settings::default();
        assert!(settings.argon2_memory_kib >= 19 * 1024 && settings.argon2_passes >= 2);
    }
}
