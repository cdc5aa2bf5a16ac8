//! Who signed: an account, one of its users, or somebody who has taken on one of its roles.

use std::sync::Arc;

use imprint_model::{Caller, Decision, GrantFacts, Grants, Timestamp, role};
use serde::{Deserialize, Serialize};

use crate::ram::names::{account_arn, role_arn, user_arn};
use crate::tokens::Claims;

/// Whom a key stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Principal {
    /// A user whom roles alone bound, like the one an account is made with.
    Account {
        /// The user of identity.
        user_id: String,
    },
    /// A user of an account, whom policies bound.
    User {
        /// Its id, also as a user of identity.
        id: String,
        /// Its name within the account.
        name: String,
    },
    /// A role of an account, taken on for a while.
    Role {
        /// The role's id.
        id: String,
        /// The role's name within the account.
        name: String,
        /// The session's name.
        session: String,
    },
}

/// Who signed a request, and what they may do.
#[derive(Debug, Clone)]
pub struct Signer {
    /// What a token of theirs would say.
    pub claims: Arc<Claims>,
    /// The account that the key acts for, 16 decimal digits.
    pub account_number: String,
    /// Who.
    pub principal: Principal,
    /// What policies permit; none for one whom only roles bound.
    pub grants: Option<Arc<Grants>>,
    /// When a temporary key ends; none for a lasting one.
    pub expires_at: Option<Timestamp>,
    /// The users and roles this one was taken on by: when one of them ends, so does this.
    pub(crate) sources: Vec<String>,
}

impl Signer {
    /// What authorisation looks at, the grants included.
    pub fn caller(&self, request_id: &str) -> Caller {
        self.claims.caller(self.grants.clone(), request_id)
    }

    /// The project of the account. A key always acts for one.
    pub fn project_id(&self) -> &str {
        self.claims.project_id().unwrap_or_default()
    }

    /// Whether it was an account itself rather than one of its users or roles.
    pub fn is_account(&self) -> bool {
        matches!(self.principal, Principal::Account { .. })
    }

    /// Whether policies permit an operation. Whoever manages an account may do everything, and an account's other users
    /// what does not need that; a policy that narrows a temporary key takes away from this and never adds.
    pub fn decide(&self, action: &str, resource: &str, facts: &GrantFacts) -> Decision {
        if self.is_account() && needs_manager(action) && !self.manages() {
            return Decision::ImplicitlyDenied;
        }
        self.grants.as_ref().map_or(Decision::Allowed, |grants| grants.decide(action, resource, facts))
    }

    /// Whether a role lets it manage the account.
    pub fn manages(&self) -> bool {
        [role::MANAGER, role::ADMIN].iter().any(|role| self.claims.has_role(role))
    }

    /// The principal as a resource: `acs:ram::ACCOUNT:root`, `…:user/NAME` or `…:assumed-role/NAME/SESSION`.
    pub fn arn(&self) -> String {
        match &self.principal {
            Principal::Account { .. } => account_arn(&self.account_number),
            Principal::User { name, .. } => user_arn(&self.account_number, name),
            Principal::Role { name, session, .. } => {
                format!("acs:ram::{}:assumed-role/{name}/{session}", self.account_number)
            }
        }
    }

    /// The same as trust and conditions name it: a role whoever has taken it on.
    pub fn principal_arn(&self) -> String {
        match &self.principal {
            Principal::Role { name, .. } => role_arn(&self.account_number, name),
            Principal::Account { .. } | Principal::User { .. } => self.arn(),
        }
    }

    /// Id of the principal: the account's number, the user's id, or `ROLE-ID:SESSION`.
    pub fn principal_id(&self) -> String {
        match &self.principal {
            Principal::Account { .. } => self.account_number.clone(),
            Principal::User { id, .. } => id.clone(),
            Principal::Role { id, session, .. } => format!("{id}:{session}"),
        }
    }

    /// What a person would call it: the account's number, the user's name, or `ROLE:SESSION`.
    pub fn display_name(&self) -> String {
        match &self.principal {
            Principal::Account { .. } => self.account_number.clone(),
            Principal::User { name, .. } => name.clone(),
            Principal::Role { name, session, .. } => format!("{name}:{session}"),
        }
    }

    /// The word for its kind: `Account`, `RAMUser` or `AssumedRoleUser`.
    pub fn identity_type(&self) -> &'static str {
        match &self.principal {
            Principal::Account { .. } => "Account",
            Principal::User { .. } => "RAMUser",
            Principal::Role { .. } => "AssumedRoleUser",
        }
    }
}

/// Whether an operation is about the users of an account, which only its manager may handle.
fn needs_manager(action: &str) -> bool {
    action.get(..4).is_some_and(|service| service.eq_ignore_ascii_case("ram:"))
}
