//! Access keys: an id and a secret that programs sign with. The secret is shown once and kept sealed; what it signed is
//! checked in `signatures.rs`.

use std::sync::Arc;
use std::time::Duration;

use imprint_catalogue::Tx;
use imprint_catalogue::identity::{self as tables, AccessKeyRow};
use imprint_model::Timestamp;

use crate::projects::existing_project;
use crate::revoked::Revoked;
use crate::secrets::{Sealer, random_bytes, random_text};
use crate::tokens::{AuditId, Claims};
use crate::users::existing_user;
use crate::{Error, Identity, Issued, Kind, Proof, Scheme, Unauthenticated, ram, revoke};

/// How far a signed request's time may be from ours.
const SKEW_MAX: Duration = Duration::from_secs(300);
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

impl Identity {
    /// Makes an access key for a user, acting for a project.
    ///
    /// # Errors
    /// [`Error::NotFound`], for a user of an account [`Error::Invalid`] when the project is not the account's and
    /// [`Error::Limit`], [`Error::Catalogue`].
    pub async fn create_access_key(&self, user_id: &str, project_id: &str) -> Result<NewAccessKey, Error> {
        let (user_id, project_id) = (user_id.to_owned(), project_id.to_owned());
        let (sealer, now) = (Arc::clone(&self.0.sealer), self.now_micros());
        self.write(move |tx| {
            existing_user(tx, &user_id)?;
            existing_project(tx, &project_id)?;
            ram::check_new_key(tx, &user_id, &project_id)?;
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

    /// A token for who holds an access key. `signature` is HMAC-SHA256, under the key's secret, of
    /// `imprint-token\n{access_key_id}\n{timestamp}\n{nonce}`, where `timestamp` is ISO 8601 and at most 5 minutes off,
    /// and `nonce` is 8 to 64 characters that were not used before.
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
        let proof = Proof {
            access_key_id,
            security_token: None,
            scheme: Scheme::Sha256,
            message: message.as_bytes(),
            signature,
        };
        let signer = self.verify_signature(proof).await.map_err(Unauthenticated::from)?;
        // a moment longer than the request can be played back
        let until = signed_at.after(SKEW_MAX + Duration::from_secs(1));
        if !self.claim_nonce(access_key_id, nonce, until).await? {
            return Err(Error::Unauthenticated);
        }
        let audit_id = AuditId(random_bytes());
        let claims = (*signer.claims).clone();
        Ok(self.issue(Claims { issued_at: now, expires_at: self.expiry(now, None), audit_id, ..claims }))
    }
}

/// Makes a key in the caller's transaction.
pub(crate) fn insert_new(
    tx: &mut Tx<'_>,
    sealer: &Sealer,
    user_id: &str,
    project_id: &str,
    now_micros: i64,
) -> Result<NewAccessKey, Error> {
    let new = random_key("");
    insert_given(tx, sealer, &new, user_id, project_id, now_micros)?;
    Ok(new)
}

/// A key that nobody can guess, with an id that begins as wanted.
pub(crate) fn random_key(before: &str) -> NewAccessKey {
    let id = before.to_owned() + &random_text(ID_LETTERS, 20);
    NewAccessKey { id, secret: random_text(SECRET_LETTERS, 40) }
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

pub(crate) fn existing(tx: &mut Tx<'_>, id: &str) -> Result<AccessKeyRow, Error> {
    tables::access_key(tx, id)?.ok_or_else(|| Error::absent(Kind::AccessKey, id))
}

pub(crate) fn shown(row: AccessKeyRow) -> AccessKey {
    let AccessKeyRow { id, user_id, project_id, sealed_secret: _, enabled, created_at } = row;
    AccessKey { id, user_id, project_id, enabled, created_at: Timestamp(created_at) }
}
