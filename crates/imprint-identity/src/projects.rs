//! Projects, which are the accounts that own images.

use imprint_catalogue::Tx;
use imprint_catalogue::identity::{self as tables, ProjectFilter, ProjectRow};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::domains::existing_domain;
use crate::revoked::Revoked;
use crate::text::{check_description, check_name, extra_text, merge_extra};
use crate::{DEFAULT_DOMAIN, Error, Identity, Kind, Project, Target, ram, revoke};

const NAME_MAX: usize = 64;
/// Most tags of a project.
const TAGS_MAX: usize = 80;
/// Longest tag, in characters.
const TAG_LEN_MAX: usize = 255;
/// How often a free account number is tried: one of 9·10¹⁵ is taken about never.
const NUMBER_TRIES: usize = 8;

/// A project to be made.
#[derive(Debug, Clone)]
pub struct NewProject {
    /// Unique within the domain.
    pub name: String,
    /// Its domain; the default one when not given.
    pub domain_id: Option<String>,
    /// The project above it; its domain when not given.
    pub parent_id: Option<String>,
    /// Free text.
    pub description: String,
    /// Whether anybody may act for it.
    pub enabled: bool,
    /// Plain tags.
    pub tags: Vec<String>,
    /// Further attributes.
    pub extra: Map<String, Value>,
}

impl NewProject {
    /// An enabled project of this name in the default domain.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            domain_id: None,
            parent_id: None,
            description: String::new(),
            enabled: true,
            tags: Vec::new(),
            extra: Map::new(),
        }
    }
}

/// What to change of a project.
#[derive(Debug, Clone, Default)]
pub struct ProjectPatch {
    /// New name.
    pub name: Option<String>,
    /// New text.
    pub description: Option<String>,
    /// New state.
    pub enabled: Option<bool>,
    /// New tags, in place of the old.
    pub tags: Option<Vec<String>>,
    /// Further attributes to set.
    pub extra: Map<String, Value>,
}

impl Identity {
    /// Makes a project.
    ///
    /// # Errors
    /// [`Error::Invalid`] also for a domain or parent that is not there, [`Error::Duplicate`], [`Error::Catalogue`].
    pub async fn create_project(&self, new: NewProject) -> Result<Project, Error> {
        let now = self.now_micros();
        self.write(move |tx| insert(tx, &new, now)).await
    }

    /// One project.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn project(&self, id: &str) -> Result<Project, Error> {
        let id = id.to_owned();
        self.read(move |tx| existing_project(tx, &id)).await
    }

    /// All projects that meet the filter.
    ///
    /// # Errors
    /// [`Error::Catalogue`].
    pub async fn list_projects(&self, filter: ProjectFilter) -> Result<Vec<Project>, Error> {
        self.read(move |tx| Ok(tables::list_projects(tx, &filter)?)).await
    }

    /// The projects on which a user holds a role.
    ///
    /// # Errors
    /// [`Error::Catalogue`].
    pub async fn list_projects_of_user(&self, user_id: &str) -> Result<Vec<Project>, Error> {
        let user_id = user_id.to_owned();
        self.read(move |tx| Ok(tables::list_projects_of_user(tx, &user_id)?)).await
    }

    /// Changes a project. Disabling it ends the tokens for it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], [`Error::Duplicate`], [`Error::Catalogue`].
    pub async fn update_project(&self, id: &str, patch: ProjectPatch) -> Result<Project, Error> {
        let (id, now) = (id.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            let mut row = existing_project(tx, &id)?;
            if let Some(name) = patch.name.as_ref().filter(|name| **name != row.name) {
                check_name(Kind::Project, name, NAME_MAX)?;
                free_name(tx, &row.domain_id, name)?;
                row.name.clone_from(name);
            }
            if let Some(text) = &patch.description {
                check_description(text)?;
                row.description.clone_from(text);
            }
            if let Some(tags) = &patch.tags {
                row.tags = tags_text(tags)?;
            }
            if let Some(enabled) = patch.enabled {
                if row.enabled && !enabled {
                    revoke(tx, &Revoked::Project(&id), now)?;
                }
                row.enabled = enabled;
            }
            row.extra = merge_extra(&row.extra, &patch.extra)?;
            tables::update_project(tx, &row)?;
            Ok(row)
        })
        .await
    }

    /// Removes a project with all roles, keys and credentials on it. Its images stay as they are.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`] while it has projects below it, [`Error::Catalogue`].
    pub async fn delete_project(&self, id: &str) -> Result<(), Error> {
        let (id, now) = (id.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            existing_project(tx, &id)?;
            let below = ProjectFilter { parent_id: Some(id.clone()), ..ProjectFilter::default() };
            if !tables::list_projects(tx, &below)?.is_empty() {
                return Err(Error::Forbidden(format!(
                    "Cannot delete the project {id} since it has projects below it."
                )));
            }
            delete_rows(tx, &id, now)?;
            revoke(tx, &Revoked::Project(&id), now)
        })
        .await
    }
}

/// Adds a project in the caller's transaction.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &NewProject, now_micros: i64) -> Result<Project, Error> {
    check_name(Kind::Project, &new.name, NAME_MAX)?;
    check_description(&new.description)?;
    let domain_id = new.domain_id.as_deref().unwrap_or(DEFAULT_DOMAIN);
    existing_domain(tx, domain_id).map_err(as_invalid)?;
    let parent_id = match &new.parent_id {
        Some(parent) if parent != domain_id => {
            let above = existing_project(tx, parent).map_err(as_invalid)?;
            if above.domain_id != domain_id {
                return Err(Error::Invalid("Invalid input for field 'parent_id': it is in another domain".to_owned()));
            }
            parent
        }
        _ => domain_id,
    };
    free_name(tx, domain_id, &new.name)?;
    let row = ProjectRow {
        id: Uuid::new_v4().simple().to_string(),
        domain_id: domain_id.to_owned(),
        name: new.name.clone(),
        description: new.description.clone(),
        enabled: new.enabled,
        parent_id: parent_id.to_owned(),
        account_number: free_account_number(tx)?,
        tags: tags_text(&new.tags)?,
        extra: extra_text(&new.extra)?,
        created_at: now_micros,
    };
    tables::insert_project(tx, &row)?;
    Ok(row)
}

/// Removes a project and what hangs on it, its own users included.
pub(crate) fn delete_rows(tx: &mut Tx<'_>, id: &str, now_micros: i64) -> Result<(), Error> {
    ram::delete_of_project(tx, id, now_micros)?;
    tables::delete_assignments_of_target(tx, Target::Project(id.to_owned()).kind(), id)?;
    tables::delete_access_keys_of_project(tx, id)?;
    tables::delete_app_credentials_of_project(tx, id)?;
    tables::delete_project(tx, id)?;
    Ok(())
}

pub(crate) fn existing_project(tx: &mut Tx<'_>, id: &str) -> Result<Project, Error> {
    tables::project(tx, id)?.ok_or_else(|| Error::absent(Kind::Project, id))
}

/// Something named in a body that is not there makes the body wrong, not the address.
pub(crate) fn as_invalid(error: Error) -> Error {
    match error {
        Error::NotFound { .. } => Error::Invalid(error.to_string()),
        other => other,
    }
}

fn free_account_number(tx: &mut Tx<'_>) -> Result<String, Error> {
    for _ in 0..NUMBER_TRIES {
        let number = rand::random_range(1_000_000_000_000_000_u64..10_000_000_000_000_000).to_string();
        if tables::project_by_account_number(tx, &number)?.is_none() {
            return Ok(number);
        }
    }
    Err(Error::Internal("no free account number was found".to_owned()))
}

fn tags_text(tags: &[String]) -> Result<String, Error> {
    let bad = |tag: &String| tag.is_empty() || tag.chars().count() > TAG_LEN_MAX || tag.contains(['/', ',', '\0']);
    if tags.len() > TAGS_MAX || tags.iter().any(bad) {
        return Err(Error::Invalid(format!(
            "Invalid input for field 'tags': at most {TAGS_MAX}, each of 1 to {TAG_LEN_MAX} characters without / and ,"
        )));
    }
    serde_json::to_string(tags).map_err(|why| Error::Internal(format!("tags as JSON: {why}")))
}

fn free_name(tx: &mut Tx<'_>, domain_id: &str, name: &str) -> Result<(), Error> {
    match tables::project_by_name(tx, domain_id, name)? {
        Some(_) => Err(Error::taken(Kind::Project, name)),
        None => Ok(()),
    }
}
