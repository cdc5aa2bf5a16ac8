//! Which tokens no longer count: the revocation log, as far as this node has read it.
//!
//! The same log tells which policy documents changed: that ends no token, but what is remembered of them.
//!
//! Each entry names whose tokens it ends. A token carries the number of the last entry its maker had seen, so an entry
//! ends exactly the tokens made before it, whatever the nodes' clocks say.

use std::collections::HashMap;

use crate::tokens::{Claims, Scope};

/// Whose tokens a revocation ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Revoked<'a> {
    /// One token, by its audit id.
    Token(&'a str),
    /// A user's: disabled, deleted, password changed.
    User(&'a str),
    /// Those scoped to a project: disabled, deleted.
    Project(&'a str),
    /// Those of a domain's users, or scoped to it or to a project in it.
    Domain(&'a str),
    /// Those of a user scoped to one target: a role was taken away there.
    Grant { user_id: &'a str, target_id: &'a str },
    /// Those that carry a role, by its name: deleted, renamed.
    Role(&'a str),
    /// Those that rest on an application credential or access key.
    Credential(&'a str),
    /// No tokens, but what is known of the documents of a user, of a role, or of all of a project.
    Documents(&'a str),
}

impl Revoked<'_> {
    /// The words it is stored under.
    pub(crate) fn words(&self) -> (&'static str, String) {
        match self {
            Self::Token(id) => ("token", (*id).to_owned()),
            Self::User(id) => ("user", (*id).to_owned()),
            Self::Project(id) => ("project", (*id).to_owned()),
            Self::Domain(id) => ("domain", (*id).to_owned()),
            Self::Grant { user_id, target_id } => ("grant", format!("{user_id} {target_id}")),
            Self::Role(name) => ("role", (*name).to_owned()),
            Self::Credential(id) => ("credential", (*id).to_owned()),
            Self::Documents(id) => ("documents", (*id).to_owned()),
        }
    }
}

/// Target id that stands for the whole installation.
pub(crate) const SYSTEM_TARGET: &str = "all";

/// The newest revocation of each subject.
#[derive(Debug, Default)]
pub(crate) struct RevocationSet {
    tokens: HashMap<String, i64>,
    users: HashMap<String, i64>,
    projects: HashMap<String, i64>,
    domains: HashMap<String, i64>,
    grants: HashMap<String, HashMap<String, i64>>,
    roles: HashMap<String, i64>,
    credentials: HashMap<String, i64>,
    documents: HashMap<String, i64>,
    /// The number of the last entry read.
    last: i64,
}

impl RevocationSet {
    pub(crate) fn last(&self) -> i64 {
        self.last
    }

    /// Takes in one entry of the log. A kind that a newer version writes is an error: ignoring it would trust too much.
    pub(crate) fn insert(&mut self, id: i64, kind: &str, subject: &str) -> Result<(), String> {
        let map = match kind {
            "token" => &mut self.tokens,
            "user" => &mut self.users,
            "project" => &mut self.projects,
            "domain" => &mut self.domains,
            "role" => &mut self.roles,
            "credential" => &mut self.credentials,
            "documents" => &mut self.documents,
            "grant" => {
                let (user_id, target_id) = subject.split_once(' ').ok_or("a grant names a user and a target")?;
                self.grants.entry(user_id.to_owned()).or_default().insert(target_id.to_owned(), id);
                self.last = self.last.max(id);
                return Ok(());
            }
            other => return Err(format!("unknown kind of revocation: {other}")),
        };
        map.insert(subject.to_owned(), id);
        self.last = self.last.max(id);
        Ok(())
    }

    /// Whether any entry ends these claims.
    pub(crate) fn hits(&self, claims: &Claims) -> bool {
        let seen = claims.revocations_seen;
        if seen >= self.last {
            return false;
        }
        let newer = |map: &HashMap<String, i64>, subject: &str| map.get(subject).is_some_and(|id| *id > seen);
        let scope_hit = match &claims.scope {
            Scope::Unscoped => false,
            Scope::Project { id, domain_id } => {
                newer(&self.projects, id) || newer(&self.domains, domain_id) || self.grant_hits(claims, id)
            }
            Scope::Domain { id } => newer(&self.domains, id) || self.grant_hits(claims, id),
            Scope::System => self.grant_hits(claims, SYSTEM_TARGET),
        };
        scope_hit
            || newer(&self.users, &claims.user_id)
            || newer(&self.domains, &claims.user_domain_id)
            || claims.credential_id.as_ref().is_some_and(|id| newer(&self.credentials, id))
            || claims.roles.iter().any(|role| newer(&self.roles, role))
            || (!self.tokens.is_empty() && newer(&self.tokens, &claims.audit_id.to_text()))
    }

    /// Whether any entry after number `seen` ends all that a user holds.
    pub(crate) fn hits_user(&self, user_id: &str, seen: i64) -> bool {
        self.users.get(user_id).is_some_and(|id| *id > seen)
    }

    /// Whether any entry after number `seen` says that the documents of one of these changed.
    pub(crate) fn changes_documents(&self, ids: [&str; 2], seen: i64) -> bool {
        seen < self.last && ids.iter().any(|id| self.documents.get(*id).is_some_and(|id| *id > seen))
    }

    fn grant_hits(&self, claims: &Claims, target_id: &str) -> bool {
        self.grants
            .get(&claims.user_id)
            .and_then(|targets| targets.get(target_id))
            .is_some_and(|id| *id > claims.revocations_seen)
    }
}
