//! Following the revocation log and the signing keys, which all nodes share.
//!
//! There is no timer: whoever checks a token looks how old our knowledge is. Past half of the bound a refresh begins
//! beside the request; past the bound the request waits for it. An idle node costs nothing, and no answer rests on
//! older knowledge than the bound allows; when the database cannot be read, requests are refused as "not now".

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use imprint_catalogue::Catalogue;
use imprint_catalogue::identity::{self as tables, RevocationRow, TokenKeyRow};
use imprint_model::Clock;
use parking_lot::RwLock;

use crate::revoked::RevocationSet;
use crate::secrets::{Sealer, random_bytes};
use crate::tokens::{Claims, TokenKeys};
use crate::{Error, Identity, Settings, Unauthenticated};

/// Revocations read at once.
const PAGE: u32 = 1_000;
/// How often the set is read anew and the log pruned, so that neither grows forever.
const REBUILD_EVERY: Duration = Duration::from_secs(3_600);
/// How much longer than a token lives its revocation is kept: more than clocks of nodes can differ.
const PRUNE_SLACK: Duration = Duration::from_secs(86_400);

/// What this node knows of keys and revocations.
#[derive(Clone)]
pub(crate) struct Follower(Arc<Shared>);

struct Shared {
    catalogue: Catalogue,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    staleness: Duration,
    token_lifetime: Duration,
    known: RwLock<Known>,
    /// When the knowledge was last up to date, microseconds.
    as_of: AtomicI64,
    /// When the set was last read from its beginning, microseconds.
    rebuilt_at: AtomicI64,
    /// Held while refreshing, so that many requests cause one refresh.
    refreshing: tokio::sync::Mutex<()>,
}

struct Known {
    keys: TokenKeys,
    key_ids: Vec<i64>,
    signing: u32,
    revoked: RevocationSet,
}

impl Follower {
    pub(crate) async fn open(
        catalogue: &Catalogue,
        settings: &Settings,
        sealer: Arc<Sealer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let staleness = Duration::from_millis(settings.revocation_staleness_ms.into());
        let now = clock.now();
        let fresh = TokenKeyRow { id: 1, sealed_secret: new_sealed_key(&sealer, 1)?, created_at: now.0 };
        let rows = catalogue
            .write(move |tx| {
                let rows = tables::list_token_keys(tx)?;
                if rows.is_empty() {
                    tables::insert_token_key(tx, &fresh)?;
                    return Ok::<_, Error>(vec![fresh.clone()]);
                }
                Ok(rows)
            })
            .await?;
        let signing = signing_key(&rows, now.before(2 * staleness).0)?;
        let known = Known {
            keys: unseal_keys(&sealer, &rows, signing)?,
            key_ids: rows.iter().map(|row| row.id).collect(),
            signing,
            revoked: RevocationSet::default(),
        };
        let follower = Self(Arc::new(Shared {
            catalogue: catalogue.clone(),
            sealer,
            clock,
            staleness,
            token_lifetime: Duration::from_secs(settings.token_lifetime_secs.into()),
            known: RwLock::new(known),
            as_of: AtomicI64::new(i64::MIN),
            rebuilt_at: AtomicI64::new(now.0),
            refreshing: tokio::sync::Mutex::new(()),
        }));
        follower.refresh().await?;
        Ok(follower)
    }

    /// Makes sure that what is known is not older than the bound.
    pub(crate) async fn keep_fresh(&self) -> Result<(), Unauthenticated> {
        let bound = micros(self.0.staleness);
        let age = self.age();
        if (0..bound / 2).contains(&age) {
            return Ok(());
        }
        if (0..bound).contains(&age) {
            self.refresh_beside();
            return Ok(());
        }
        let _turn = self.0.refreshing.lock().await;
        if (0..bound).contains(&self.age()) {
            return Ok(());
        }
        self.reload().await.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "revocations cannot be read");
            Unauthenticated::Unavailable("the identity tables cannot be read".to_owned())
        })
    }

    /// Brings what is known up to date now.
    pub(crate) async fn refresh(&self) -> Result<(), Error> {
        let _turn = self.0.refreshing.lock().await;
        self.reload().await
    }

    pub(crate) fn sign(&self, claims: &Claims) -> String {
        self.0.known.read().keys.sign(claims)
    }

    pub(crate) fn open_token(&self, token: &str) -> Option<Claims> {
        self.0.known.read().keys.open(token)
    }

    pub(crate) fn is_revoked(&self, claims: &Claims) -> bool {
        self.0.known.read().revoked.hits(claims)
    }

    /// Whether a user was ended after revocation number `seen`.
    pub(crate) fn is_user_revoked(&self, user_id: &str, seen: i64) -> bool {
        self.0.known.read().revoked.hits_user(user_id, seen)
    }

    /// Whether the documents of a principal or its project changed after entry number `seen`.
    pub(crate) fn have_documents_changed(&self, principal: &str, project: &str, seen: i64) -> bool {
        self.0.known.read().revoked.changes_documents([principal, project], seen)
    }

    /// How old the knowledge is, microseconds; negative when the clock was set back, which counts as too old.
    fn age(&self) -> i64 {
        self.0.clock.now().0.saturating_sub(self.0.as_of.load(Ordering::Acquire))
    }

    fn refresh_beside(&self) {
        let follower = self.clone();
        tokio::spawn(async move {
            let Ok(_turn) = follower.0.refreshing.try_lock() else {
                return;
            };
            if let Err(error) = follower.reload().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "revocations cannot be read");
            }
        });
    }

    /// Reads what is new. The caller holds `refreshing`.
    async fn reload(&self) -> Result<(), Error> {
        let shared = &self.0;
        let started = shared.clock.now();
        let rebuild = started.0.saturating_sub(shared.rebuilt_at.load(Ordering::Acquire)) > micros(REBUILD_EVERY);
        if rebuild {
            self.prune(started.before(self.0.token_lifetime + PRUNE_SLACK).0).await?;
        }
        let after = if rebuild { 0 } else { shared.known.read().revoked.last() };
        let (keys, log) = shared
            .catalogue
            .read(move |tx| Ok::<_, Error>((tables::list_token_keys(tx)?, read_log(tx, after)?)))
            .await?;
        self.learn(&keys, &log, rebuild)?;
        if rebuild {
            shared.rebuilt_at.store(started.0, Ordering::Release);
        }
        shared.as_of.store(started.0, Ordering::Release);
        Ok(())
    }

    fn learn(&self, rows: &[TokenKeyRow], log: &[RevocationRow], rebuild: bool) -> Result<(), Error> {
        let settled = self.0.clock.now().before(2 * self.0.staleness).0;
        let signing = signing_key(rows, settled)?;
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let mut known = self.0.known.write();
        if known.key_ids != ids || known.signing != signing {
            known.keys = unseal_keys(&self.0.sealer, rows, signing)?;
            known.key_ids = ids;
            known.signing = signing;
        }
        if rebuild {
            known.revoked = RevocationSet::default();
        }
        for row in log {
            known.revoked.insert(row.id, &row.kind, &row.subject).map_err(Error::Internal)?;
        }
        Ok(())
    }

    async fn prune(&self, before: i64) -> Result<(), Error> {
        self.0
            .catalogue
            .write(move |tx| tables::prune_revocations(tx, before).map(drop))
            .await
            .map_err(Error::Catalogue)
    }
}

impl Identity {
    /// Makes a new key for signing tokens. It begins to sign once every node knows it; older keys are kept until the
    /// last token they signed has expired.
    ///
    /// # Errors
    /// [`Error::Catalogue`].
    pub async fn rotate_token_keys(&self) -> Result<(), Error> {
        let (sealer, now) = (Arc::clone(&self.0.sealer), self.0.clock.now());
        let lifetime = Duration::from_secs(self.0.settings.token_lifetime_secs.into());
        let dead = now.before(lifetime + PRUNE_SLACK).0;
        self.write(move |tx| {
            let rows = tables::list_token_keys(tx)?;
            // a key signs until its successor takes over
            for pair in rows.windows(2).filter(|pair| pair[1].created_at < dead) {
                tables::delete_token_key(tx, pair[0].id)?;
            }
            let id = rows.last().map_or(0, |row| row.id) + 1;
            let row = TokenKeyRow { id, sealed_secret: new_sealed_key(&sealer, id)?, created_at: now.0 };
            Ok(tables::insert_token_key(tx, &row)?)
        })
        .await?;
        self.0.follower.refresh().await
    }
}

fn read_log(tx: &mut imprint_catalogue::Tx<'_>, after: i64) -> Result<Vec<RevocationRow>, Error> {
    let mut log = Vec::new();
    let mut last = after;
    loop {
        let page = tables::revocations_after(tx, last, PAGE)?;
        let full = page.len() == PAGE as usize;
        last = page.last().map_or(last, |row| row.id);
        log.extend(page);
        if !full {
            return Ok(log);
        }
    }
}

/// The newest key that every node has had time to learn of, else the oldest.
fn signing_key(rows: &[TokenKeyRow], settled: i64) -> Result<u32, Error> {
    let row = rows.iter().rev().find(|row| row.created_at <= settled).or(rows.first());
    let row = row.ok_or_else(|| Error::Internal("the key that signs tokens is gone from the database".to_owned()))?;
    key_number(row)
}

fn unseal_keys(sealer: &Sealer, rows: &[TokenKeyRow], signing: u32) -> Result<TokenKeys, Error> {
    let keys = rows
        .iter()
        .map(|row| Ok((key_number(row)?, sealer.unseal(&place(row.id), &row.sealed_secret)?)))
        .collect::<Result<HashMap<_, _>, Error>>()?;
    Ok(TokenKeys::new(keys, signing))
}

fn key_number(row: &TokenKeyRow) -> Result<u32, Error> {
    u32::try_from(row.id).map_err(|_| Error::Internal(format!("token key {} has an impossible number", row.id)))
}

fn new_sealed_key(sealer: &Sealer, id: i64) -> Result<String, Error> {
    sealer.seal(&place(id), &random_bytes::<32>())
}

fn place(id: i64) -> String {
    format!("token key {id}")
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
