//! Who may call which operation: admin everything; who reads the whole system also all lists and records; everybody
//! what is their own.

use imprint_identity::Scope;
use imprint_model::role;

use crate::auth::Asker;
use crate::error::Refusal;

impl Asker {
    /// Whether they may change everything.
    pub(crate) fn is_admin(&self) -> bool {
        self.claims.has_role(role::ADMIN)
    }

    /// Whether they may see everything.
    pub(crate) fn sees_all(&self) -> bool {
        self.is_admin() || (self.claims.scope == Scope::System && self.claims.has_role(role::READER))
    }

    /// Whether they are another service of this installation.
    pub(crate) fn is_service(&self) -> bool {
        self.claims.has_role(role::SERVICE)
    }

    /// Whether this is their own user.
    pub(crate) fn is_user(&self, user_id: &str) -> bool {
        self.claims.user_id == user_id
    }

    /// # Errors
    /// 403 for all but admin. `action` is the name the refusal gives.
    pub(crate) fn must_be_admin(&self, action: &str) -> Result<(), Refusal> {
        if self.is_admin() { Ok(()) } else { Err(Refusal::forbidden(action)) }
    }

    /// # Errors
    /// 403 for all who may not see everything.
    pub(crate) fn must_see_all(&self, action: &str) -> Result<(), Refusal> {
        if self.sees_all() { Ok(()) } else { Err(Refusal::forbidden(action)) }
    }

    /// # Errors
    /// 403 for all but the user and those who may see everything.
    pub(crate) fn must_see_user(&self, user_id: &str, action: &str) -> Result<(), Refusal> {
        if self.is_user(user_id) || self.sees_all() { Ok(()) } else { Err(Refusal::forbidden(action)) }
    }
}
