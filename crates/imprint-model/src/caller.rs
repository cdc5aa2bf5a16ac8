//! Who asks: the result of authentication, and all that authorisation looks at.

use std::sync::Arc;

use crate::{Grants, ProjectId, UserId};

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub user: UserId,
    /// On whose behalf; `None` for a caller that is not bound to one account (unscoped, or the whole system).
    pub project: Option<ProjectId>,
    /// Names of the roles held there, implied ones included.
    pub roles: Vec<String>,
    /// What the account's owner lets this user do; none for a user that only roles bound.
    pub grants: Option<Arc<Grants>>,
    /// The request this call belongs to, for logs, audit and jobs.
    pub request_id: String,
}

/// The roles that rules speak of. `admin` includes `manager` includes `member` includes `reader`.
pub mod role {
    /// May do everything.
    pub const ADMIN: &str = "admin";
    /// May manage an account.
    pub const MANAGER: &str = "manager";
    /// May write in an account.
    pub const MEMBER: &str = "member";
    /// May look.
    pub const READER: &str = "reader";
    /// Another service of the same installation.
    pub const SERVICE: &str = "service";
}

impl Caller {
    /// Whether the caller holds the role itself or one that includes it.
    pub fn has_role(&self, wanted: &str) -> bool {
        let including: &[&str] = match wanted {
            role::READER => &[role::READER, role::MEMBER, role::MANAGER, role::ADMIN],
            role::MEMBER => &[role::MEMBER, role::MANAGER, role::ADMIN],
            role::MANAGER => &[role::MANAGER, role::ADMIN],
            other => return self.roles.iter().any(|held| held.eq_ignore_ascii_case(other)),
        };
        self.roles.iter().any(|held| including.iter().any(|role| held.eq_ignore_ascii_case(role)))
    }

    /// Whether the caller may do everything.
    pub fn is_admin(&self) -> bool {
        self.has_role(role::ADMIN)
    }

    /// Whether the caller acts for `project`.
    pub fn acts_for(&self, project: &ProjectId) -> bool {
        self.project.as_ref() == Some(project)
    }
}
