//! A key acts for one project. Whoever holds it may hold roles in others too, and name one of them in a request.

use imprint_catalogue::identity as tables;
use imprint_model::{Caller, ProjectId};

use crate::roles::effective_roles;
use crate::{Identity, Principal, Signer, Target, Unauthenticated};

/// Longest id of a project, bytes; what is longer is none.
const PROJECT_ID_BYTES_MAX: usize = 64;

impl Identity {
    /// The caller that `signer` is in another project than its key's, with the roles its user holds there. None when it
    /// holds none, when there is no such project or it is switched off, and for whomever policies bound: these permit
    /// something in their own account alone.
    ///
    /// # Errors
    /// [`Unauthenticated::Unavailable`].
    pub async fn signer_in(
        &self,
        signer: &Signer,
        project_id: &str,
        request_id: &str,
    ) -> Result<Option<Caller>, Unauthenticated> {
        let Principal::Account { user_id } = &signer.principal else { return Ok(None) };
        if signer.grants.is_some() || project_id.len() > PROJECT_ID_BYTES_MAX || project_id.contains('\0') {
            return Ok(None);
        }
        let (user, project) = (user_id.clone(), project_id.to_owned());
        let roles = self.read(move |tx| {
            let Some(row) = tables::project(tx, &project)?.filter(|row| row.enabled) else { return Ok(Vec::new()) };
            if !tables::domain(tx, &row.domain_id)?.is_some_and(|domain| domain.enabled) {
                return Ok(Vec::new());
            }
            effective_roles(tx, &user, &Target::Project(project.clone()))
        });
        let roles = roles.await.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "roles cannot be read");
            Unauthenticated::Unavailable("the identity tables cannot be read".to_owned())
        })?;
        if roles.is_empty() {
            return Ok(None);
        }
        let caller = signer.caller(request_id);
        Ok(Some(Caller {
            project: Some(ProjectId::from(project_id)),
            roles: roles.into_iter().map(|role| role.name).collect(),
            ..caller
        }))
    }
}
