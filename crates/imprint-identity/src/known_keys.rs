//! What is known of access keys that were used lately: unsealed secrets with whom they stand for, kept in memory for a
//! short while.

use std::sync::Arc;
use std::time::Duration;

use imprint_catalogue::Tx;
use imprint_catalogue::identity as tables;
use imprint_model::Timestamp;
use quick_cache::sync::Cache;

use crate::access_keys::place;
use crate::roles::effective_roles;
use crate::secrets::{Sealer, random_bytes};
use crate::tokens::{AuditId, Claims, Method, Scope};
use crate::{Error, Identity, Principal, SignatureRefusal, Target};

/// Unsealed keys kept in memory.
const CACHED_MAX: usize = 4_096;
/// For how long: a role that is given to a key's user counts after this at the latest. What is taken away counts with
/// the revocation log, like for tokens.
const CACHED_TTL: Duration = Duration::from_secs(30);

/// Keys that were used lately.
pub(crate) struct KeyCache(Cache<String, Arc<Known>>);

/// A key that may be used.
pub(crate) struct Known {
    pub(crate) secret: Vec<u8>,
    pub(crate) claims: Arc<Claims>,
    pub(crate) account_number: String,
    pub(crate) principal: Principal,
}

/// What became of looking for a key.
enum Found {
    Nothing,
    /// It, its user, its account or a domain is switched off.
    Disabled,
    Usable(Known),
}

impl KeyCache {
    pub(crate) fn new() -> Self {
        Self(Cache::new(CACHED_MAX))
    }
}

impl Identity {
    pub(crate) async fn known_key(&self, id: &str) -> Result<Arc<Known>, SignatureRefusal> {
        self.0.follower.keep_fresh().await?;
        let keys = &self.0.access_keys.0;
        if let Some(known) = keys.get(id)
            && known.claims.expires_at > self.0.clock.now()
            && !self.is_stale(&known)
        {
            return Ok(known);
        }
        keys.remove(id);
        let (wanted, sealer, now) = (id.to_owned(), Arc::clone(&self.0.sealer), self.0.clock.now());
        let found = self.read(move |tx| find(tx, &sealer, &wanted, now)).await.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "an access key cannot be read");
            SignatureRefusal::Unavailable("the identity tables cannot be read".to_owned())
        })?;
        let known = match found {
            Found::Nothing => return Err(SignatureRefusal::UnknownKey),
            Found::Disabled => return Err(SignatureRefusal::DisabledKey),
            Found::Usable(known) => Arc::new(known),
        };
        keys.insert(id.to_owned(), Arc::clone(&known));
        Ok(known)
    }

    fn is_stale(&self, known: &Known) -> bool {
        let claims = &known.claims;
        let project = claims.project_id().unwrap_or_default();
        self.0.follower.is_revoked(claims)
            || self.0.follower.have_documents_changed(&claims.user_id, project, claims.revocations_seen)
    }
}

/// Reads a key with all it stands for.
fn find(tx: &mut Tx<'_>, sealer: &Sealer, id: &str, now: Timestamp) -> Result<Found, Error> {
    let revocations_seen = tables::last_revocation(tx)?;
    let Some(key) = tables::access_key(tx, id)? else {
        return Ok(Found::Nothing);
    };
    let user = tables::user(tx, &key.user_id)?.filter(|user| user.enabled);
    let project = tables::project(tx, &key.project_id)?.filter(|project| project.enabled);
    let (true, Some(user), Some(project)) = (key.enabled, user, project) else {
        return Ok(Found::Disabled);
    };
    for domain_id in [&user.domain_id, &project.domain_id] {
        if !tables::domain(tx, domain_id)?.is_some_and(|domain| domain.enabled) {
            return Ok(Found::Disabled);
        }
    }
    let roles = effective_roles(tx, &user.id, &Target::Project(project.id.clone()))?;
    let principal = match tables::grant_user(tx, &user.id)? {
        Some(row) => Principal::User { id: user.id.clone(), name: row.name },
        None => Principal::Account { user_id: user.id.clone() },
    };
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
        bound: matches!(principal, Principal::User { .. }),
        revocations_seen,
    };
    Ok(Found::Usable(Known {
        secret: sealer.unseal(&place(&key.id), &key.sealed_secret)?,
        claims: Arc::new(claims),
        account_number: project.account_number,
        principal,
    }))
}
