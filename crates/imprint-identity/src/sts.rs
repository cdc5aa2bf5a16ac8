//! Temporary keys: what a role or a user may do, lent for a while. Nothing of them is stored: the token that comes with a
//! key holds everything about it, sealed, so every node can check it. What ends a token early is the log that all
//! follow: the role or user gone, or the key or user it was got with.

mod session;

use std::sync::Arc;
use std::time::Duration;

use imprint_catalogue::Tx;
use imprint_catalogue::identity::{self as tables, GrantRoleRow};
use imprint_model::{Decision, GrantFacts, Grants, Timestamp, role};
use quick_cache::sync::Cache;
use session::Session;
use sha2::{Digest, Sha256};

use crate::access_keys::random_key;
use crate::grants::for_account;
use crate::ram::document::{parse_document, parse_trust};
use crate::ram::names::{account_arn, check_session_name, parse_role_arn, role_arn};
use crate::ram::roles;
use crate::ram::system::system_policy;
use crate::roles::RoleTree;
use crate::secrets::random_bytes;
use crate::tokens::{AuditId, Claims, Method, Scope};
use crate::{Error, Identity, Kind, Principal, Project, Proof, SignatureRefusal, Signer};

/// How the id of every temporary key begins, and of no other.
pub(crate) const KEY_ID_BEGINNING: &str = "STS.";
/// Shortest session, seconds.
pub const SESSION_SECS_MIN: u32 = 900;
/// Session of one who does not say, seconds.
const SESSION_SECS_USUAL: u32 = 3_600;
/// Longest session of a user, seconds.
const USER_SESSION_SECS_MAX: u32 = 43_200;
/// Longest document that narrows a session, in bytes.
const SESSION_POLICY_LEN_MAX: usize = 2_048;
/// Longest token that is looked at, in bytes. Above the longest that is issued.
const TOKEN_LEN_MAX: usize = 16_384;
/// Roles that can be taken on one out of the other.
const CHAIN_MAX: usize = 4;
/// Tokens whose content is remembered.
const OPENED_MAX: usize = 4_096;

/// Tokens that were opened lately, by the digest of their text.
pub(crate) struct SessionCache(Cache<[u8; 32], Arc<Session>>);

impl SessionCache {
    pub(crate) fn new() -> Self {
        Self(Cache::new(OPENED_MAX))
    }
}

/// A wish to take on a role.
#[derive(Debug, Clone, Default)]
pub struct AssumeRole {
    /// The role: `acs:ram::ACCOUNT:role/NAME`.
    pub role_arn: String,
    /// What the session shall be called.
    pub session_name: String,
    /// For how long, seconds; an hour, or less where the role allows no more, when not given.
    pub duration_secs: Option<u32>,
    /// A document that narrows what the role may do.
    pub policy: Option<String>,
    /// What the role's owner and whoever takes it on agreed upon.
    pub external_id: Option<String>,
}

/// A key for a while: the one time its secret is shown.
#[derive(Clone)]
pub struct TemporaryKey {
    /// Its id.
    pub access_key_id: String,
    /// Its secret.
    pub access_key_secret: String,
    /// The token that every request must bring with it; secret, too.
    pub security_token: String,
    /// Until when.
    pub expires_at: Timestamp,
    /// The session as a resource: `acs:ram::ACCOUNT:role/NAME/SESSION` for a role.
    pub arn: String,
    /// Its id: `ROLE-ID:SESSION` for a role.
    pub principal_id: String,
}

impl Identity {
    /// Lends a role to whom it trusts. `facts` are what is known of the request, for conditions.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what breaks a rule, [`Error::Document`], [`Error::NotFound`] for the role,
    /// [`Error::Forbidden`] when policies do not permit it, the role does not trust the signer, or an account asks for
    /// itself; [`Error::Catalogue`].
    pub async fn assume_role(
        &self,
        signer: &Signer,
        wanted: AssumeRole,
        facts: &GrantFacts,
    ) -> Result<TemporaryKey, Error> {
        check_session_name(&wanted.session_name)?;
        check_session_policy(wanted.policy.as_deref())?;
        let (account, name) = parse_role_arn(&wanted.role_arn)
            .ok_or_else(|| Error::Invalid("RoleArn is acs:ram::ACCOUNT:role/NAME".to_owned()))?;
        let least = SESSION_SECS_MIN..=USER_SESSION_SECS_MAX;
        if wanted.duration_secs.is_some_and(|secs| !least.contains(&secs)) {
            return Err(bad_duration(USER_SESSION_SECS_MAX));
        }
        if signer.is_account() {
            return Err(Error::Forbidden("Roles may not be assumed by root accounts.".to_owned()));
        }
        if signer.decide("sts:AssumeRole", &wanted.role_arn, facts) != Decision::Allowed {
            return Err(not_permitted());
        }
        let (account, name) = (account.to_owned(), name.to_owned());
        let lent = self.read(move |tx| lent_role(tx, &account, &name)).await?;
        let most = u32::try_from(lent.row.max_session_secs).unwrap_or(SESSION_SECS_USUAL);
        if wanted.duration_secs.is_some_and(|secs| secs > most) {
            return Err(bad_duration(most));
        }
        if !trusts(&lent.row, signer, wanted.external_id, facts)? {
            return Err(not_permitted());
        }
        let mut sources = signer.sources.clone();
        sources.push(signer.claims.user_id.clone());
        if sources.len() > CHAIN_MAX {
            return Err(Error::Forbidden(format!("no more than {CHAIN_MAX} roles can be taken on in a row")));
        }
        let now = self.0.clock.now();
        let secs = wanted.duration_secs.unwrap_or(SESSION_SECS_USUAL).min(most);
        let claims = Claims {
            user_id: lent.row.id.clone(),
            user_domain_id: lent.project.domain_id.clone(),
            scope: Scope::Project { id: lent.project.id, domain_id: lent.project.domain_id },
            roles: lent.roles,
            methods: vec![Method::AccessKey],
            issued_at: now,
            expires_at: now.after(Duration::from_secs(secs.into())),
            audit_id: AuditId(random_bytes()),
            parent_audit_id: Some(signer.claims.parent_audit_id.unwrap_or(signer.claims.audit_id)),
            credential_id: signer.claims.credential_id.clone(),
            bound: true,
            // the older of the two, so that what ends the signer meanwhile ends this
            revocations_seen: lent.revocations_seen.min(signer.claims.revocations_seen),
        };
        let principal =
            Principal::Role { id: lent.row.id, name: lent.row.name.clone(), session: wanted.session_name.clone() };
        let arn = format!("{}/{}", role_arn(&lent.project.account_number, &lent.row.name), wanted.session_name);
        let account_number = lent.project.account_number;
        self.seal_session(claims, account_number, principal, sources, wanted.policy, Some(arn))
    }

    /// Lends a user or account what it may do itself, for 900 to 43,200 seconds; an hour when not given.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a duration out of its range, [`Error::Document`], [`Error::Forbidden`] when the signer's
    /// key is itself a temporary one.
    pub fn session_token(
        &self,
        signer: &Signer,
        duration_secs: Option<u32>,
        policy: Option<String>,
    ) -> Result<TemporaryKey, Error> {
        check_session_policy(policy.as_deref())?;
        let secs = duration_secs.unwrap_or(SESSION_SECS_USUAL);
        if !(SESSION_SECS_MIN..=USER_SESSION_SECS_MAX).contains(&secs) {
            return Err(bad_duration(USER_SESSION_SECS_MAX));
        }
        if signer.expires_at.is_some() {
            return Err(not_permitted());
        }
        let now = self.0.clock.now();
        let claims = Claims {
            issued_at: now,
            expires_at: now.after(Duration::from_secs(secs.into())),
            audit_id: AuditId(random_bytes()),
            parent_audit_id: Some(signer.claims.audit_id),
            ..(*signer.claims).clone()
        };
        let (account_number, principal) = (signer.account_number.clone(), signer.principal.clone());
        self.seal_session(claims, account_number, principal, Vec::new(), policy, None)
    }

    fn seal_session(
        &self,
        claims: Claims,
        account_number: String,
        principal: Principal,
        sources: Vec<String>,
        policy: Option<String>,
        arn: Option<String>,
    ) -> Result<TemporaryKey, Error> {
        let key = random_key(KEY_ID_BEGINNING);
        let expires_at = claims.expires_at;
        let signer = Signer {
            claims: Arc::new(claims),
            account_number,
            principal,
            grants: None,
            expires_at: Some(expires_at),
            sources,
        };
        let (arn, principal_id) = (arn.unwrap_or_else(|| signer.arn()), signer.principal_id());
        let security_token = Session::new(&key, signer, policy)?.seal(&self.0.sealer)?;
        Ok(TemporaryKey {
            access_key_id: key.id,
            access_key_secret: key.secret,
            security_token,
            expires_at,
            arn,
            principal_id,
        })
    }

    /// Whose temporary key signed a message.
    pub(crate) async fn verify_temporary(&self, proof: Proof<'_>) -> Result<Signer, SignatureRefusal> {
        let token = proof.token().ok_or(SignatureRefusal::TokenMissing)?;
        let session = self.open_session(token).ok_or(SignatureRefusal::TokenMalformed)?;
        if session.key_id() != proof.access_key_id {
            return Err(SignatureRefusal::TokenMismatch);
        }
        if !proof.holds(session.secret()) {
            return Err(SignatureRefusal::WrongSignature);
        }
        self.0.follower.keep_fresh().await?;
        let mut signer = session.signer().clone();
        let (claims, seen) = (&signer.claims, signer.claims.revocations_seen);
        let ended = claims.expires_at <= self.0.clock.now()
            || self.0.follower.is_revoked(claims)
            || signer.sources.iter().any(|user| self.0.follower.is_user_revoked(user, seen));
        if ended {
            return Err(SignatureRefusal::TokenExpired);
        }
        let grants = self.grants_of(claims).await?;
        signer.grants = narrowed(grants, &session, &signer.account_number);
        Ok(signer)
    }

    fn open_session(&self, token: &str) -> Option<Arc<Session>> {
        if token.len() > TOKEN_LEN_MAX {
            return None;
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        if let Some(session) = self.0.sessions.0.get(&digest) {
            return Some(session);
        }
        let session = Arc::new(Session::open(&self.0.sealer, token)?);
        self.0.sessions.0.insert(digest, Arc::clone(&session));
        Some(session)
    }
}

/// A role with what its session needs.
struct Lent {
    row: GrantRoleRow,
    project: Project,
    roles: Vec<String>,
    revocations_seen: i64,
}

fn lent_role(tx: &mut Tx<'_>, account_number: &str, name: &str) -> Result<Lent, Error> {
    let revocations_seen = tables::last_revocation(tx)?;
    let absent = || Error::absent(Kind::Role, name);
    let project = tables::project_by_account_number(tx, account_number)?.filter(|project| project.enabled);
    let project = project.ok_or_else(absent)?;
    if !tables::domain(tx, &project.domain_id)?.is_some_and(|domain| domain.enabled) {
        return Err(absent());
    }
    let row = roles::existing(tx, &project.id, name)?;
    let member = tables::role_by_name(tx, role::MEMBER)?.ok_or_else(|| Error::absent(Kind::Role, role::MEMBER))?;
    let held = RoleTree::load(tx)?.expand(&[member.id]);
    Ok(Lent { row, project, roles: held.into_iter().map(|role| role.name).collect(), revocations_seen })
}

/// Whether a role's owner lets the signer take it on.
fn trusts(
    role: &GrantRoleRow,
    signer: &Signer,
    external_id: Option<String>,
    facts: &GrantFacts,
) -> Result<bool, Error> {
    let asking = [signer.principal_arn(), account_arn(&signer.account_number)];
    let about = parse_trust(&role.trust_document)
        .map_err(|why| Error::Internal(format!("trust of role {}: {why}", role.name)))?
        .into_iter()
        .filter(|trust| trust.principals.iter().any(|named| asking.contains(named)))
        .map(|trust| trust.statement);
    let grants = Grants { statements: about.collect(), ..Grants::default() };
    let mut facts = facts.clone();
    facts.extend(external_id.map(|id| ("sts:ExternalId".to_owned(), vec![id])));
    Ok(grants.decide("sts:AssumeRole", "*", &facts) == Decision::Allowed)
}

/// What a session was narrowed to, on top of what its user or role may do.
fn narrowed(grants: Option<Arc<Grants>>, session: &Session, account_number: &str) -> Option<Arc<Grants>> {
    let Some(statements) = session.statements() else {
        return grants;
    };
    let everything = system_policy("AdministratorAccess").and_then(|policy| parse_document(policy.document).ok());
    let base = match grants {
        Some(grants) => (*grants).clone(),
        // one whom no policy bounds is bound by this one alone
        None => for_account(account_number, everything.unwrap_or_default()),
    };
    Some(Arc::new(Grants { session: Some(statements.to_vec()), ..base }))
}

fn check_session_policy(policy: Option<&str>) -> Result<(), Error> {
    let Some(policy) = policy else {
        return Ok(());
    };
    if policy.len() > SESSION_POLICY_LEN_MAX {
        return Err(Error::Invalid(format!("Policy has at most {SESSION_POLICY_LEN_MAX} bytes")));
    }
    parse_document(policy)?;
    Ok(())
}

fn bad_duration(most: u32) -> Error {
    Error::Invalid(format!("DurationSeconds is {SESSION_SECS_MIN} to {most}"))
}

fn not_permitted() -> Error {
    Error::Forbidden("You are not authorized to do this action. You should be authorized by RAM.".to_owned())
}
