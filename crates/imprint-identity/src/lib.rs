//! Who asks: accounts, users, roles, access keys, tokens, and the check of whatever a request brings as proof.
//!
//! Plain secrets never leave this crate: what is kept is sealed (`secrets.rs`) or hashed (`passwords.rs`), a new key's
//! secret is given out once by the call that makes it, and signatures are checked in here. Never here: HTTP, the words
//! of any dialect, SQL text.
//!
//! A token says everything itself (`tokens.rs`), so checking one reads no database. What ends a token early is a
//! numbered log (`revoked.rs`) that every node follows (`follow.rs`) at most
//! [`Settings::revocation_staleness_ms`] behind.
//!
//! An account has users, policies and roles of its own (`ram/`). Whoever policies bound carries what they permit
//! (`grants.rs`) on every way in: by token, by key (`signatures.rs`), by a temporary key (`sts.rs`).

mod access_keys;
mod accounts;
mod app_credentials;
mod assignments;
mod bootstrap;
mod describe;
mod domains;
mod elsewhere;
mod error;
mod follow;
mod grants;
mod known_keys;
mod login;
mod numbers;
mod passwords;
mod projects;
mod ram;
mod revoked;
mod roles;
mod secrets;
mod services;
mod settings;
mod signatures;
mod signer;
mod sts;
mod text;
mod throttle;
mod tokens;
mod trusted;
mod users;
mod verify;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use imprint_catalogue::{Catalogue, Tx};
use imprint_model::Clock;

pub use access_keys::{AccessKey, NewAccessKey};
pub use accounts::{Account, NewAccount};
pub use app_credentials::{AppCredential, NewAppCredential};
pub use assignments::{AssignmentQuery, NamedAssignment, Target};
pub use bootstrap::check_root_keys;
pub use describe::Description;
pub use domains::{DomainPatch, NewDomain};
pub use error::{Error, Kind, Unauthenticated};
pub use imprint_catalogue::identity::{
    DomainRow as Domain, EndpointRow as Endpoint, LIST_MAX, ProjectFilter, ProjectRow as Project, RegionRow as Region,
    RoleRow as Role, ServiceRow as Service, UserFilter, UserRow as User,
};
pub use login::{Credential, DomainRef, Issued, Login, ProjectRef, UserRef, WantedScope};
pub use projects::{NewProject, ProjectPatch};
pub use ram::attachments::{AttachedHolder, AttachedPolicy, PolicyHolder, RAM_ATTACHMENTS_MAX};
pub use ram::document::{DOCUMENT_LEN_MAX, DocumentError, STATEMENTS_MAX, parse_document};
pub use ram::keys::RAM_KEYS_MAX;
pub use ram::policies::{NewPolicy, Policy, PolicyKind, RAM_POLICIES_MAX};
pub use ram::roles::{NewRamRole, RAM_ROLES_MAX, RamRole, RamRolePatch, SESSION_SECS_MAX};
pub use ram::system::{SYSTEM_POLICIES, SystemPolicy};
pub use ram::users::{NewRamUser, RAM_USERS_MAX, RamUser, RamUserPatch};
pub use roles::{NewRole, RolePatch};
pub use settings::Settings;
pub use signatures::{Proof, Scheme, SignatureRefusal};
pub use signer::{Principal, Signer};
pub use sts::{AssumeRole, SESSION_SECS_MIN, TemporaryKey};
pub use tokens::{AuditId, Claims, Method, Scope};
pub use trusted::TrustedSettings;
pub use users::{NewUser, UserPatch};

/// The domain that is always there, and the one meant when none is named.
pub const DEFAULT_DOMAIN: &str = "default";

/// Identity. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    catalogue: Catalogue,
    settings: Settings,
    clock: Arc<dyn Clock>,
    sealer: Arc<secrets::Sealer>,
    passwords: passwords::Passwords,
    throttle: throttle::Throttle,
    follower: follow::Follower,
    verified: verify::VerifiedTokens,
    access_keys: known_keys::KeyCache,
    grants: grants::GrantsCache,
    numbers: numbers::NumberCache,
    sessions: sts::SessionCache,
    trusted: Option<trusted::Trusted>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Identity {
    /// Opens identity on a catalogue. `master_key` seals the secrets there and must be the same at every start and on
    /// every node.
    ///
    /// # Errors
    /// [`Error::Sealed`] when the master key is not the one that was used before, [`Error::Invalid`] for a setting out
    /// of its range, [`Error::Catalogue`].
    pub async fn open(
        catalogue: Catalogue,
        settings: Settings,
        master_key: [u8; 32],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let sealer = Arc::new(secrets::Sealer::new(&master_key));
        let passwords = passwords::Passwords::new(&settings, Arc::clone(&clock))?;
        let throttle = throttle::Throttle::new(&settings, Arc::clone(&clock));
        let trusted = trusted::Trusted::new(&settings.trusted, Arc::clone(&clock))?;
        let follower = follow::Follower::open(&catalogue, &settings, Arc::clone(&sealer), Arc::clone(&clock)).await?;
        Ok(Self(Arc::new(Inner {
            catalogue,
            settings,
            clock,
            sealer,
            passwords,
            throttle,
            follower,
            verified: verify::VerifiedTokens::new(),
            access_keys: known_keys::KeyCache::new(),
            grants: grants::GrantsCache::new(),
            numbers: numbers::NumberCache::new(),
            sessions: sts::SessionCache::new(),
            trusted,
        })))
    }

    /// The settings it was opened with.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Whether an outside service is trusted, so that no tokens are issued here.
    pub fn trusts_outside(&self) -> bool {
        self.0.trusted.is_some()
    }

    fn now_micros(&self) -> i64 {
        self.0.clock.now().0
    }

    /// Runs a reading transaction.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.0.catalogue.read(work).await
    }

    /// Runs a changing transaction that ends no token.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.0.catalogue.write(work).await
    }

    /// Runs a changing transaction that may end tokens, and takes note of them before it returns: on this node they
    /// end at once.
    async fn write_revoking<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let done = self.0.catalogue.write(work).await?;
        self.0.follower.refresh().await?;
        Ok(done)
    }
}

/// Records, in the transaction of the change that causes it, whose tokens end.
fn revoke(tx: &mut Tx<'_>, whose: &revoked::Revoked<'_>, now_micros: i64) -> Result<(), Error> {
    let (kind, subject) = whose.words();
    imprint_catalogue::identity::insert_revocation(tx, kind, &subject, now_micros)?;
    Ok(())
}
