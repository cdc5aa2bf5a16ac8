//! Access keys: an id and a secret that programs sign with. The secret is shown once, kept sealed, and used in here.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use imprint_catalogue::Tx;
use imprint_catalogue::identity::{self as tables, AccessKeyRow};
use imprint_model::Timestamp;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use crate::projects::existing_project;
use crate::revoked::Revoked;
use crate::roles::effective_roles;
use crate::secrets::{Sealer, random_bytes, random_text};
use crate::tokens::{AuditId, Claims, Method, Scope};
use crate::users::existing_user;
use crate::{Error, Identity, Issued, Kind, Target, Unauthenticated, revoke};

/// Unsealed keys kept in memory.
const CACHED_MAX: usize = 4_096;
/// For how long: a role that is given to a key's user counts after this at the latest. What is taken away counts with
/// the revocation log, like for tokens.
const CACHED_TTL: Duration = Duration::from_secs(30);
/// How far a signed request's time may be from ours.
const SKEW_MAX: Duration = Duration::from_secs(300);
/// Signed requests that are remembered so that they cannot be played back.
const NONCES_MAX: usize = 65_536;
/// Lengths of a nonce that are taken.
const NONCE_LEN: std::ops::RangeInclusive<usize> = 8..=64;

const ID_LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const SECRET_LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// An access key without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// Its id.
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// On behalf of which project it acts.
    pub project_id: String,
    /// Whether it may be used.
    pub enabled: bool,
    /// Since when there is it.
    pub created_at: Timestamp,
}

/// A new access key: the one time its secret is shown.
#[derive(Clone)]
pub struct NewAccessKey {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

/// What is known of keys that were used lately.
pub(crate) struct KeyCache {
    keys: Cache<String, Arc<Known>>,
    nonces: Cache<[u8; 32], Timestamp>,
}

struct Known {
    secret: Vec<u8>,
    claims: Arc<Claims>,
}

impl KeyCache {
    pub(crate) fn new() -> Self {
        Self { keys: Cache::new(CACHED_MAX), nonces: Cache::new(NONCES_MAX) }
    }
}

impl Identity {
    /// Makes an access key for a user, acting for a project.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn create_access_key(&self, user_id: &str, project_id: &str) -> Result<NewAccessKey, Error> {
        let (user_id, project_id) = (user_id.to_owned(), project_id.to_owned());
        let (sealer, now) = (Arc::clone(&self.0.sealer), self.now_micros());
        self.write(move |tx| {
            existing_user(tx, &user_id)?;
            existing_project(tx, &project_id)?;
            insert_new(tx, &sealer, &user_id, &project_id, now)
        })
        .await
    }

    /// One access key.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn access_key(&self, id: &str) -> Result<AccessKey, Error> {
        let id = id.to_owned();
        self.read(move |tx| existing(tx, &id).map(shown)).await
    }

    /// The access keys of a user or a project, or all there are.
    ///
    /// # Errors
    /// [`Error::Catalogue`].
    pub async fn list_access_keys(
        &self,
        user_id: Option<String>,
        project_id: Option<String>,
    ) -> Result<Vec<AccessKey>, Error> {
        self.read(move |tx| {
            let rows = tables::list_access_keys(tx, user_id.as_deref(), project_id.as_deref())?;
            Ok(rows.into_iter().map(shown).collect())
        })
        .await
    }

    /// Switches an access key on or off. Switching off ends the tokens got with it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn set_access_key_enabled(&self, id: &str, enabled: bool) -> Result<(), Error> {
        let (wanted, now) = (id.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            let row = AccessKeyRow { enabled, ..existing(tx, &wanted)? };
            tables::update_access_key(tx, &row)?;
            if enabled { Ok(()) } else { revoke(tx, &Revoked::Credential(&wanted), now) }
        })
        .await
    }

    /// Removes an access key. Ends the tokens got with it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn delete_access_key(&self, id: &str) -> Result<(), Error> {
        let (wanted, now) = (id.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            existing(tx, &wanted)?;
            tables::delete_access_key(tx, &wanted)?;
            revoke(tx, &Revoked::Credential(&wanted), now)
        })
        .await
    }

    /// Whose key signed `message` with HMAC-SHA256 under its secret. Compares in constant time.
    ///
    /// # Errors
    /// [`Unauthenticated`].
    pub async fn verify_hmac_sha256(
        &self,
        access_key_id: &str,
        message: &[u8],
        signature: &[u8],
    ) -> Result<Arc<Claims>, Unauthenticated> {
        // An unknown id is answered without computing anything, which shows in the time: ids are not secret.
        let known = self.known_key(access_key_id).await?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&known.secret).expect("HMAC takes a key of any length");
        mac.update(message);
        mac.verify_slice(signature).map_err(|_| Unauthenticated::Rejected)?;
        Ok(Arc::clone(&known.claims))
    }

    /// A token for who holds an access key. `signature` is HMAC-SHA256, under the key's secret, of
    /// `imprint-token\n{access_key_id}\n{timestamp}\n{nonce}`, where `timestamp` is ISO 8601 and at most 5 minutes off,
    /// and `nonce` is 8 to 64 characters that were not used before (on this node).
    ///
    /// # Errors
    /// [`Error::Unauthenticated`], [`Error::Unavailable`].
    pub async fn token_for_access_key(
        &self,
        access_key_id: &str,
        timestamp: &str,
        nonce: &str,
        signature: &[u8],
    ) -> Result<Issued, Error> {
        let now = self.0.clock.now();
        let signed_at = Timestamp::parse_iso8601(timestamp).ok_or(Error::Unauthenticated)?;
        if signed_at < now.before(SKEW_MAX) || signed_at > now.after(SKEW_MAX) || !NONCE_LEN.contains(&nonce.len()) {
            return Err(Error::Unauthenticated);
        }
        let message = format!("imprint-token\n{access_key_id}\n{timestamp}\n{nonce}");
        let claims = self.verify_hmac_sha256(access_key_id, message.as_bytes(), signature).await?;
        self.use_nonce(access_key_id, nonce, signed_at, now)?;
        let audit_id = AuditId(random_bytes());
        Ok(self.issue(Claims { issued_at: now, expires_at: self.expiry(now, None), audit_id, ..(*claims).clone() }))
    }

    fn use_nonce(&self, id: &str, nonce: &str, signed_at: Timestamp, now: Timestamp) -> Result<(), Error> {
        let digest: [u8; 32] = Sha256::new().chain_update(id).chain_update([0]).chain_update(nonce).finalize().into();
        let nonces = &self.0.access_keys.nonces;
        if nonces.get(&digest).is_some_and(|until| now <= until) {
            return Err(Error::Unauthenticated);
        }
        nonces.insert(digest, signed_at.after(SKEW_MAX));
        Ok(())
    }

    async fn known_key(&self, id: &str) -> Result<Arc<Known>, Unauthenticated> {
        self.0.follower.keep_fresh().await?;
        let keys = &self.0.access_keys.keys;
        if let Some(known) = keys.get(id)
            && known.claims.expires_at > self.0.clock.now()
            && !self.0.follower.is_revoked(&known.claims)
        {
            return Ok(known);
        }
        keys.remove(id);
        let (wanted, sealer, now) = (id.to_owned(), Arc::clone(&self.0.sealer), self.0.clock.now());
        let loaded = self.read(move |tx| load(tx, &sealer, &wanted, now)).await.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "an access key cannot be read");
            Unauthenticated::Unavailable("the identity tables cannot be read".to_owned())
        })?;
        let known = Arc::new(loaded.ok_or(Unauthenticated::Rejected)?);
        keys.insert(id.to_owned(), Arc::clone(&known));
        Ok(known)
    }
}

/// Reads a key with all it stands for; `None` when it may not be used.
fn load(tx: &mut Tx<'_>, sealer: &Sealer, id: &str, now: Timestamp) -> Result<Option<Known>, Error> {
    let revocations_seen = tables::last_revocation(tx)?;
    let Some(key) = tables::access_key(tx, id)?.filter(|key| key.enabled) else {
        return Ok(None);
    };
    let user = tables::user(tx, &key.user_id)?.filter(|user| user.enabled);
    let project = tables::project(tx, &key.project_id)?.filter(|project| project.enabled);
    let (Some(user), Some(project)) = (user, project) else {
        return Ok(None);
    };
    for domain_id in [&user.domain_id, &project.domain_id] {
        if !tables::domain(tx, domain_id)?.is_some_and(|domain| domain.enabled) {
            return Ok(None);
        }
    }
    let roles = effective_roles(tx, &user.id, &Target::Project(project.id.clone()))?;
    let claims = Claims {
        user_id: user.id,
        user_domain_id: user.domain_id,
        scope: Scope::Project { id: project.id, domain_id: project.domain_id },
        roles: roles.into_iter().map(|role| role.name).collect(),
        methods: vec![Method::AccessKey],
        issued_at: now,
        expires_at: now.after(CACHED_TTL),
        audit_id: AuditId(random_bytes()),
        parent_audit_id: None,
        credential_id: Some(key.id.clone()),
        revocations_seen,
    };
    Ok(Some(Known { secret: sealer.unseal(&place(&key.id), &key.sealed_secret)?, claims: Arc::new(claims) }))
}

/// Makes a key in the caller's transaction.
pub(crate) fn insert_new(
    tx: &mut Tx<'_>,
    sealer: &Sealer,
    user_id: &str,
    project_id: &str,
    now_micros: i64,
) -> Result<NewAccessKey, Error> {
    let new = NewAccessKey { id: random_text(ID_LETTERS, 20), secret: random_text(SECRET_LETTERS, 40) };
    insert_given(tx, sealer, &new, user_id, project_id, now_micros)?;
    Ok(new)
}

/// Stores a key whose id and secret were chosen elsewhere.
pub(crate) fn insert_given(
    tx: &mut Tx<'_>,
    sealer: &Sealer,
    key: &NewAccessKey,
    user_id: &str,
    project_id: &str,
    now_micros: i64,
) -> Result<(), Error> {
    let row = AccessKeyRow {
        id: key.id.clone(),
        user_id: user_id.to_owned(),
        project_id: project_id.to_owned(),
        sealed_secret: sealer.seal(&place(&key.id), key.secret.as_bytes())?,
        enabled: true,
        created_at: now_micros,
    };
    Ok(tables::insert_access_key(tx, &row)?)
}

/// Where a key's sealed secret belongs.
pub(crate) fn place(id: &str) -> String {
    format!("access key {id}")
}

fn existing(tx: &mut Tx<'_>, id: &str) -> Result<AccessKeyRow, Error> {
    tables::access_key(tx, id)?.ok_or_else(|| Error::absent(Kind::AccessKey, id))
}

fn shown(row: AccessKeyRow) -> AccessKey {
    let AccessKeyRow { id, user_id, project_id, sealed_secret: _, enabled, created_at } = row;
    AccessKey { id, user_id, project_id, enabled, created_at: Timestamp(created_at) }
}
