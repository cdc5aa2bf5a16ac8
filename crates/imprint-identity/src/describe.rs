//! The names that go with a token's ids.

use imprint_catalogue::Tx;
use imprint_catalogue::identity as tables;

use crate::tokens::{Claims, Scope};
use crate::{Domain, Error, Identity, Project, Role, User};

/// Everything a token speaks of, with names.
#[derive(Debug, Clone)]
pub struct Description {
    /// Who.
    pub user: User,
    /// The user's domain.
    pub user_domain: Domain,
    /// The project it is scoped to, with its domain.
    pub project: Option<(Project, Domain)>,
    /// The domain it is scoped to.
    pub domain: Option<Domain>,
    /// The roles it carries.
    pub roles: Vec<Role>,
}

impl Identity {
    /// Looks up the names of what a token speaks of.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when a part is gone, which ends the token too; [`Error::Catalogue`].
    pub async fn describe(&self, claims: &Claims) -> Result<Description, Error> {
        let claims = claims.clone();
        self.read(move |tx| {
            let user = tables::user(tx, &claims.user_id)?.ok_or(Error::Unauthenticated)?;
            let user_domain = domain(tx, &user.domain_id)?;
            let (project, scope_domain) = match &claims.scope {
                Scope::Unscoped | Scope::System => (None, None),
                Scope::Domain { id } => (None, Some(domain(tx, id)?)),
                Scope::Project { id, .. } => {
                    let project = tables::project(tx, id)?.ok_or(Error::Unauthenticated)?;
                    let of_project = domain(tx, &project.domain_id)?;
                    (Some((project, of_project)), None)
                }
            };
            let mut roles = Vec::with_capacity(claims.roles.len());
            for name in &claims.roles {
                roles.extend(tables::role_by_name(tx, name)?);
            }
            Ok(Description { user, user_domain, project, domain: scope_domain, roles })
        })
        .await
    }
}

fn domain(tx: &mut Tx<'_>, id: &str) -> Result<Domain, Error> {
    tables::domain(tx, id)?.ok_or(Error::Unauthenticated)
}
