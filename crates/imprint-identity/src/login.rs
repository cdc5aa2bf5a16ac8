//! Log-in: from a password, an earlier token or an application credential to a new token.
//!
//! Everything the database has to say is read first, in one go, and the number of the last revocation before all else:
//! so whatever changes while a password is being checked ends the token that comes out.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use imprint_catalogue::Tx;
use imprint_catalogue::identity::{self as tables, AppCredentialRow};
use imprint_model::Timestamp;

use crate::grants::is_bound;
use crate::roles::{RoleTree, effective_roles};
use crate::secrets::random_bytes;
use crate::throttle::Suspect;
use crate::tokens::{AuditId, Claims, Method, Scope};
use crate::{Domain, Error, Identity, Project, Target, User};

/// A domain, as a client names it.
#[derive(Debug, Clone)]
pub enum DomainRef {
    /// By id.
    Id(String),
    /// By name.
    Name(String),
}

/// A user, as a client names it.
#[derive(Debug, Clone)]
pub enum UserRef {
    /// By id.
    Id(String),
    /// By name within a domain.
    Name(String, DomainRef),
}

/// A project, as a client names it.
#[derive(Debug, Clone)]
pub enum ProjectRef {
    /// By id.
    Id(String),
    /// By name within a domain.
    Name(String, DomainRef),
}

/// What proves who the user is.
#[derive(Clone)]
pub enum Credential {
    /// The user's password.
    Password {
        /// Who.
        user: UserRef,
        /// The password.
        password: String,
    },
    /// An earlier token.
    Token(String),
    /// An application credential by id.
    AppCredential {
        /// Its id.
        id: String,
        /// Its secret.
        secret: String,
    },
    /// An application credential by its user and name.
    NamedAppCredential {
        /// Whose.
        user: UserRef,
        /// Its name.
        name: String,
        /// Its secret.
        secret: String,
    },
}

/// What the token shall be good for.
#[derive(Debug, Clone)]
pub enum WantedScope {
    /// Not said: the user's default project if there is one that works, else nothing.
    Default,
    /// Nothing, explicitly.
    Unscoped,
    /// A project.
    Project(ProjectRef),
    /// A domain.
    Domain(DomainRef),
    /// The whole installation.
    System,
}

/// One attempt to log in.
#[derive(Clone)]
pub struct Login {
    /// The proof.
    pub credential: Credential,
    /// What for.
    pub scope: WantedScope,
    /// From where, for counting failures.
    pub address: IpAddr,
}

/// A new token.
#[derive(Clone)]
pub struct Issued {
    /// Its text, which is secret.
    pub token: String,
    /// What it says.
    pub claims: Arc<Claims>,
}

/// Who and what for, with the hash that is still to be checked.
struct Found {
    user: User,
    secret_hash: Option<String>,
    /// What the token is good for; `None` when the user has no right to what was wanted.
    granted: Option<(Scope, Vec<String>)>,
    credential_id: Option<String>,
    expires_at: Option<i64>,
    bound: bool,
    revocations_seen: i64,
}

impl Identity {
    /// Logs in. While an outside service is trusted nobody can: a token issued here would open nothing.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] whatever was wrong; [`Error::Throttled`] after too many failures;
    /// [`Error::Unavailable`] when too many log in at once; [`Error::Catalogue`].
    pub async fn login(&self, login: Login) -> Result<Issued, Error> {
        if self.trusts_outside() {
            return Err(Error::Unauthenticated);
        }
        match login.credential.clone() {
            Credential::Token(token) => self.login_by_token(&token, login.scope).await,
            Credential::Password { password, .. } => self.login_by_secret(login, password, Method::Password).await,
            Credential::AppCredential { secret, .. } | Credential::NamedAppCredential { secret, .. } => {
                self.login_by_secret(login, secret, Method::AppCredential).await
            }
        }
    }

    async fn login_by_secret(&self, login: Login, secret: String, method: Method) -> Result<Issued, Error> {
        let suspect = Suspect::new(&login.credential.suspect_name(), login.address);
        self.0.throttle.admit(suspect)?;
        let now = self.0.clock.now();
        let found = self.read(move |tx| find(tx, &login, now)).await?;
        // also when nobody was found: the answer must not come sooner then
        let hash = found.as_ref().and_then(|found| found.secret_hash.as_deref());
        let proven = self.0.passwords.verify(hash, &secret).await?;
        let Some(found) = found.filter(|_| proven) else {
            self.0.throttle.failed(suspect);
            return Err(Error::Unauthenticated);
        };
        self.0.throttle.succeeded(suspect);
        let (scope, roles) = found.granted.ok_or(Error::Unauthenticated)?;
        let expires_at = self.expiry(now, found.expires_at.map(Timestamp));
        Ok(self.issue(Claims {
            user_id: found.user.id,
            user_domain_id: found.user.domain_id,
            scope,
            roles,
            methods: vec![method],
            issued_at: now,
            expires_at,
            audit_id: AuditId(random_bytes()),
            parent_audit_id: None,
            credential_id: found.credential_id,
            bound: found.bound,
            revocations_seen: found.revocations_seen,
        }))
    }

    async fn login_by_token(&self, token: &str, wanted: WantedScope) -> Result<Issued, Error> {
        let before = self.verify_token(token).await?;
        if before.credential_id.is_some() && !stays_in_scope(&before, &wanted) {
            // what was made for one project must not become a way into another
            return Err(Error::Unauthenticated);
        }
        let now = self.0.clock.now();
        let (claims, user_id) = (Arc::clone(&before), before.user_id.clone());
        let (seen, user, granted) = self
            .read(move |tx| {
                let seen = tables::last_revocation(tx)?;
                let named = tables::user(tx, &user_id)?;
                let user = enabled_user(tx, named)?.ok_or(Error::Unauthenticated)?;
                let granted = if claims.credential_id.is_some() {
                    Some((claims.scope.clone(), claims.roles.clone()))
                } else {
                    grant_scope(tx, &user, &wanted)?
                };
                Ok((seen, user, granted))
            })
            .await?;
        let (scope, roles) = granted.ok_or(Error::Unauthenticated)?;
        let mut methods = before.methods.clone();
        if !methods.contains(&Method::Token) {
            methods.push(Method::Token);
        }
        Ok(self.issue(Claims {
            user_id: user.id,
            user_domain_id: user.domain_id,
            scope,
            roles,
            methods,
            issued_at: now,
            // a token never outlives the one it was got with
            expires_at: before.expires_at,
            audit_id: AuditId(random_bytes()),
            parent_audit_id: Some(before.parent_audit_id.unwrap_or(before.audit_id)),
            credential_id: before.credential_id.clone(),
            // what the user is was settled when they were made
            bound: before.bound,
            // with roles taken over as they are, what would end the old token must end the new one
            revocations_seen: if before.credential_id.is_some() { before.revocations_seen } else { seen },
        }))
    }

    /// Signs.
    pub(crate) fn issue(&self, claims: Claims) -> Issued {
        Issued { token: self.0.follower.sign(&claims), claims: Arc::new(claims) }
    }

    /// When a token made now ends.
    pub(crate) fn expiry(&self, now: Timestamp, at_latest: Option<Timestamp>) -> Timestamp {
        let usual = now.after(Duration::from_secs(self.0.settings.token_lifetime_secs.into()));
        at_latest.map_or(usual, |latest| latest.min(usual))
    }
}

impl Credential {
    fn suspect_name(&self) -> String {
        let of_user = |user: &UserRef| match user {
            UserRef::Id(id) => format!("id {id}"),
            UserRef::Name(name, DomainRef::Id(domain)) => format!("name {name} id {domain}"),
            UserRef::Name(name, DomainRef::Name(domain)) => format!("name {name} name {domain}"),
        };
        match self {
            Self::Password { user, .. } => of_user(user),
            Self::Token(_) => String::new(),
            Self::AppCredential { id, .. } => format!("credential {id}"),
            Self::NamedAppCredential { user, name, .. } => format!("credential {name} of {}", of_user(user)),
        }
    }
}

fn stays_in_scope(before: &Claims, wanted: &WantedScope) -> bool {
    match wanted {
        WantedScope::Default => true,
        WantedScope::Project(ProjectRef::Id(id)) => before.project_id() == Some(id),
        _ => false,
    }
}

/// Whom the credential names; `None` when there is nobody who may log in.
fn find(tx: &mut Tx<'_>, login: &Login, now: Timestamp) -> Result<Option<Found>, Error> {
    let revocations_seen = tables::last_revocation(tx)?;
    match &login.credential {
        Credential::Password { user, .. } => {
            let named = user_named(tx, user)?;
            let Some(user) = enabled_user(tx, named)? else {
                return Ok(None);
            };
            let secret_hash = tables::password_hash(tx, &user.id)?;
            let granted = grant_scope(tx, &user, &login.scope)?;
            let bound = is_bound(tx, &user.id)?;
            let (credential_id, expires_at) = (None, None);
            Ok(Some(Found { user, secret_hash, granted, credential_id, expires_at, bound, revocations_seen }))
        }
        Credential::AppCredential { id, .. } => {
            let row = tables::app_credential(tx, id)?;
            find_app_credential(tx, row, login, now, revocations_seen)
        }
        Credential::NamedAppCredential { user, name, .. } => {
            let row = match user_named(tx, user)? {
                Some(user) => tables::app_credential_by_name(tx, &user.id, name)?,
                None => None,
            };
            find_app_credential(tx, row, login, now, revocations_seen)
        }
        Credential::Token(_) => Ok(None),
    }
}

fn find_app_credential(
    tx: &mut Tx<'_>,
    row: Option<AppCredentialRow>,
    login: &Login,
    now: Timestamp,
    revocations_seen: i64,
) -> Result<Option<Found>, Error> {
    let Some(row) = row.filter(|row| row.expires_at.is_none_or(|expires| expires > now.0)) else {
        return Ok(None);
    };
    let owner = tables::user(tx, &row.user_id)?;
    let Some(user) = enabled_user(tx, owner)? else {
        return Ok(None);
    };
    let wanted_here = match &login.scope {
        WantedScope::Default => true,
        WantedScope::Project(ProjectRef::Id(id)) => *id == row.project_id,
        _ => false,
    };
    let granted = if wanted_here { app_credential_rights(tx, &user, &row)? } else { None };
    let bound = is_bound(tx, &user.id)?;
    Ok(Some(Found {
        user,
        secret_hash: Some(row.secret_hash),
        granted,
        credential_id: Some(row.id),
        expires_at: row.expires_at,
        bound,
        revocations_seen,
    }))
}

/// The credential's roles, as far as its user still holds them.
fn app_credential_rights(
    tx: &mut Tx<'_>,
    user: &User,
    row: &AppCredentialRow,
) -> Result<Option<(Scope, Vec<String>)>, Error> {
    let wanted = WantedScope::Project(ProjectRef::Id(row.project_id.clone()));
    let Some((scope, held)) = grant_scope(tx, user, &wanted)? else {
        return Ok(None);
    };
    let ids: Vec<String> = serde_json::from_str(&row.role_ids)
        .map_err(|why| Error::Internal(format!("roles of application credential {}: {why}", row.id)))?;
    let carried = RoleTree::load(tx)?.expand(&ids);
    let roles: Vec<String> = carried.into_iter().map(|role| role.name).filter(|name| held.contains(name)).collect();
    Ok(Some((scope, roles)).filter(|(_, roles)| !roles.is_empty()))
}

/// What the user may do in the scope they want; `None` when nothing.
fn grant_scope(tx: &mut Tx<'_>, user: &User, wanted: &WantedScope) -> Result<Option<(Scope, Vec<String>)>, Error> {
    let (scope, target) = match wanted {
        WantedScope::Unscoped => return Ok(Some((Scope::Unscoped, Vec::new()))),
        WantedScope::Default => return default_scope(tx, user).map(Some),
        WantedScope::System => (Scope::System, Target::System),
        WantedScope::Project(named) => {
            let Some(project) = project_named(tx, named)? else {
                return Ok(None);
            };
            (Scope::Project { id: project.id.clone(), domain_id: project.domain_id }, Target::Project(project.id))
        }
        WantedScope::Domain(named) => {
            let Some(domain) = domain_named(tx, named)? else {
                return Ok(None);
            };
            (Scope::Domain { id: domain.id.clone() }, Target::Domain(domain.id))
        }
    };
    let roles: Vec<String> = effective_roles(tx, &user.id, &target)?.into_iter().map(|role| role.name).collect();
    Ok(Some((scope, roles)).filter(|(_, roles)| !roles.is_empty()))
}

fn default_scope(tx: &mut Tx<'_>, user: &User) -> Result<(Scope, Vec<String>), Error> {
    if let Some(id) = &user.default_project_id {
        let wanted = WantedScope::Project(ProjectRef::Id(id.clone()));
        if let Some(granted) = grant_scope(tx, user, &wanted)? {
            return Ok(granted);
        }
    }
    Ok((Scope::Unscoped, Vec::new()))
}

/// The user, if they and their domain are enabled.
fn enabled_user(tx: &mut Tx<'_>, user: Option<User>) -> Result<Option<User>, Error> {
    let Some(user) = user.filter(|user| user.enabled) else {
        return Ok(None);
    };
    let domain = tables::domain(tx, &user.domain_id)?;
    Ok(domain.filter(|domain| domain.enabled).map(|_| user))
}

fn user_named(tx: &mut Tx<'_>, named: &UserRef) -> Result<Option<User>, Error> {
    match named {
        UserRef::Id(id) => Ok(tables::user(tx, id)?),
        UserRef::Name(name, domain) => match domain_named(tx, domain)? {
            Some(domain) => Ok(tables::user_by_name(tx, &domain.id, name)?),
            None => Ok(None),
        },
    }
}

/// An enabled project in an enabled domain.
fn project_named(tx: &mut Tx<'_>, named: &ProjectRef) -> Result<Option<Project>, Error> {
    let project = match named {
        ProjectRef::Id(id) => tables::project(tx, id)?,
        ProjectRef::Name(name, domain) => match domain_named(tx, domain)? {
            Some(domain) => tables::project_by_name(tx, &domain.id, name)?,
            None => None,
        },
    };
    let Some(project) = project.filter(|project| project.enabled) else {
        return Ok(None);
    };
    let domain = tables::domain(tx, &project.domain_id)?;
    Ok(domain.filter(|domain| domain.enabled).map(|_| project))
}

/// An enabled domain.
fn domain_named(tx: &mut Tx<'_>, named: &DomainRef) -> Result<Option<Domain>, Error> {
    let domain = match named {
        DomainRef::Id(id) => tables::domain(tx, id)?,
        DomainRef::Name(name) => tables::domain_by_name(tx, name)?,
    };
    Ok(domain.filter(|domain| domain.enabled))
}
