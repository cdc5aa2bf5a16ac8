//! Domains: name spaces of users and projects.

use imprint_catalogue::Tx;
use imprint_catalogue::identity::{self as tables, DomainRow};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::revoked::Revoked;
use crate::text::{check_description, check_name, extra_text, merge_extra};
use crate::{DEFAULT_DOMAIN, Domain, Error, Identity, Kind, ProjectFilter, UserFilter, revoke};

const NAME_MAX: usize = 64;

/// A domain to be made.
#[derive(Debug, Clone)]
pub struct NewDomain {
    /// Unique name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Whether anybody of it may log in.
    pub enabled: bool,
    /// Further attributes.
    pub extra: Map<String, Value>,
}

/// What to change of a domain.
#[derive(Debug, Clone, Default)]
pub struct DomainPatch {
    /// New name.
    pub name: Option<String>,
    /// New text.
    pub description: Option<String>,
    /// New state.
    pub enabled: Option<bool>,
    /// Further attributes to set.
    pub extra: Map<String, Value>,
}

impl Identity {
    /// Makes a domain.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Duplicate`], [`Error::Catalogue`].
    pub async fn create_domain(&self, new: NewDomain) -> Result<Domain, Error> {
        check_name(Kind::Domain, &new.name, NAME_MAX)?;
        check_description(&new.description)?;
        let row = DomainRow {
            id: Uuid::new_v4().simple().to_string(),
            extra: extra_text(&new.extra)?,
            name: new.name,
            description: new.description,
            enabled: new.enabled,
            created_at: self.now_micros(),
        };
        self.write(move |tx| {
            free_name(tx, &row.name)?;
            tables::insert_domain(tx, &row)?;
            Ok(row.clone())
        })
        .await
    }

    /// One domain.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn domain(&self, id: &str) -> Result<Domain, Error> {
        let id = id.to_owned();
        self.read(move |tx| existing_domain(tx, &id)).await
    }

    /// All domains with this name and state, if given.
    ///
    /// # Errors
    /// [`Error::Catalogue`].
    pub async fn list_domains(&self, name: Option<String>, enabled: Option<bool>) -> Result<Vec<Domain>, Error> {
        self.read(move |tx| Ok(tables::list_domains(tx, name.as_deref(), enabled)?)).await
    }

    /// Changes a domain. Disabling it ends the tokens of its users and for its projects.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], [`Error::Duplicate`], [`Error::Catalogue`].
    pub async fn update_domain(&self, id: &str, patch: DomainPatch) -> Result<Domain, Error> {
        let (id, now) = (id.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            let mut row = existing_domain(tx, &id)?;
            if let Some(name) = patch.name.as_ref().filter(|name| **name != row.name) {
                check_name(Kind::Domain, name, NAME_MAX)?;
                free_name(tx, name)?;
                row.name.clone_from(name);
            }
            if let Some(text) = &patch.description {
                check_description(text)?;
                row.description.clone_from(text);
            }
            if let Some(enabled) = patch.enabled {
                if row.enabled && !enabled {
                    revoke(tx, &Revoked::Domain(&id), now)?;
                }
                row.enabled = enabled;
            }
            row.extra = merge_extra(&row.extra, &patch.extra)?;
            tables::update_domain(tx, &row)?;
            Ok(row)
        })
        .await
    }

    /// Removes a disabled domain with its users and projects.
    ///
    /// # Errors
    /// [`Error::Forbidden`] while it is enabled and for the default domain, [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn delete_domain(&self, id: &str) -> Result<(), Error> {
        let (id, now) = (id.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            let row = existing_domain(tx, &id)?;
            if id == DEFAULT_DOMAIN {
                return Err(Error::Forbidden("The default domain cannot be deleted.".to_owned()));
            }
            if row.enabled {
                return Err(Error::Forbidden(
                    "Cannot delete a domain that is enabled, please disable it first.".to_owned(),
                ));
            }
            delete_members(tx, &id, now)?;
            tables::delete_assignments_of_target(tx, "domain", &id)?;
            tables::delete_domain(tx, &id)?;
            revoke(tx, &Revoked::Domain(&id), now)
        })
        .await
    }
}

/// Removes users and projects page by page, since lists are bounded.
fn delete_members(tx: &mut Tx<'_>, domain_id: &str, now_micros: i64) -> Result<(), Error> {
    let of_domain = Some(domain_id.to_owned());
    loop {
        let users = tables::list_users(tx, &UserFilter { domain_id: of_domain.clone(), ..UserFilter::default() })?;
        let projects =
            tables::list_projects(tx, &ProjectFilter { domain_id: of_domain.clone(), ..ProjectFilter::default() })?;
        if users.is_empty() && projects.is_empty() {
            return Ok(());
        }
        for user in users {
            crate::users::delete_rows(tx, &user.id)?;
        }
        for project in projects {
            crate::projects::delete_rows(tx, &project.id, now_micros)?;
        }
    }
}

pub(crate) fn existing_domain(tx: &mut Tx<'_>, id: &str) -> Result<Domain, Error> {
    tables::domain(tx, id)?.ok_or_else(|| Error::absent(Kind::Domain, id))
}

fn free_name(tx: &mut Tx<'_>, name: &str) -> Result<(), Error> {
    match tables::domain_by_name(tx, name)? {
        Some(_) => Err(Error::taken(Kind::Domain, name)),
        None => Ok(()),
    }
}
