//! Projects, which are the accounts that own images.

use super::select::Select;
use crate::{Error, Row, Tx};

/// One project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRow {
    /// Id.
    pub id: String,
    /// Its domain.
    pub domain_id: String,
    /// Unique within the domain.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Whether anybody may act for it.
    pub enabled: bool,
    /// The project or domain above it.
    pub parent_id: String,
    /// 16 decimal digits.
    pub account_number: String,
    /// A JSON array of strings.
    pub tags: String,
    /// Further attributes: a JSON object.
    pub extra: String,
    /// Microseconds since 1970.
    pub created_at: i64,
}

/// What a list of projects is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct ProjectFilter {
    /// This name.
    pub name: Option<String>,
    /// In this domain.
    pub domain_id: Option<String>,
    /// Directly below this project or domain.
    pub parent_id: Option<String>,
    /// In this state.
    pub enabled: Option<bool>,
}

const COLUMNS: &str = "SELECT id, domain_id, name, description, enabled, parent_id, account_number, tags, extra, created_at \
                       FROM identity_projects";

impl ProjectRow {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get(0)?,
            domain_id: row.get(1)?,
            name: row.get(2)?,
            description: row.get(3)?,
            enabled: row.get(4)?,
            parent_id: row.get(5)?,
            account_number: row.get(6)?,
            tags: row.get(7)?,
            extra: row.get(8)?,
            created_at: row.get(9)?,
        })
    }
}

/// Adds one.
///
/// # Errors
/// A name, number or id that is taken, or the engine's.
pub fn insert_project(tx: &mut Tx<'_>, row: &ProjectRow) -> Result<(), Error> {
    let ProjectRow { id, domain_id, name, description, enabled, parent_id, account_number, tags, extra, created_at } =
        row;
    tx.execute(
        "INSERT INTO identity_projects \
         (id, domain_id, name, description, enabled, parent_id, account_number, tags, extra, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        &[
            id.into(),
            domain_id.into(),
            name.into(),
            description.into(),
            (*enabled).into(),
            parent_id.into(),
            account_number.into(),
            tags.into(),
            extra.into(),
            (*created_at).into(),
        ],
    )?;
    Ok(())
}

/// One by id.
///
/// # Errors
/// The engine's.
pub fn project(tx: &mut Tx<'_>, id: &str) -> Result<Option<ProjectRow>, Error> {
    tx.query_opt(&format!("{COLUMNS} WHERE id = ?1"), &[id.into()])?.as_ref().map(ProjectRow::read).transpose()
}

/// One by its domain and name.
///
/// # Errors
/// The engine's.
pub fn project_by_name(tx: &mut Tx<'_>, domain_id: &str, name: &str) -> Result<Option<ProjectRow>, Error> {
    tx.query_opt(&format!("{COLUMNS} WHERE domain_id = ?1 AND name = ?2"), &[domain_id.into(), name.into()])?
        .as_ref()
        .map(ProjectRow::read)
        .transpose()
}

/// All that meet the filter.
///
/// # Errors
/// The engine's.
pub fn list_projects(tx: &mut Tx<'_>, filter: &ProjectFilter) -> Result<Vec<ProjectRow>, Error> {
    let ProjectFilter { name, domain_id, parent_id, enabled } = filter;
    Select::new(&format!("{COLUMNS} WHERE 1 = 1"))
        .equals("name", name.as_deref())
        .equals("domain_id", domain_id.as_deref())
        .equals("parent_id", parent_id.as_deref())
        .equals("enabled", *enabled)
        .rows(tx, "name, id")?
        .iter()
        .map(ProjectRow::read)
        .collect()
}

/// The projects on which a user holds any role.
///
/// # Errors
/// The engine's.
pub fn list_projects_of_user(tx: &mut Tx<'_>, user_id: &str) -> Result<Vec<ProjectRow>, Error> {
    Select::new(&format!(
        "{COLUMNS} WHERE id IN (SELECT target_id FROM identity_assignments WHERE target_kind = 'project' AND user_id = ?1)"
    ))
    .bound(user_id)
    .rows(tx, "name, id")?
    .iter()
    .map(ProjectRow::read)
    .collect()
}

/// Writes what may change: name, description, state, tags and further attributes. Returns whether it was there.
///
/// # Errors
/// A name that is taken, or the engine's.
pub fn update_project(tx: &mut Tx<'_>, row: &ProjectRow) -> Result<bool, Error> {
    let changed = tx.execute(
        "UPDATE identity_projects SET name = ?2, description = ?3, enabled = ?4, tags = ?5, extra = ?6 WHERE id = ?1",
        &[
            (&row.id).into(),
            (&row.name).into(),
            (&row.description).into(),
            row.enabled.into(),
            (&row.tags).into(),
            (&row.extra).into(),
        ],
    )?;
    Ok(changed > 0)
}

/// Removes one. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn delete_project(tx: &mut Tx<'_>, id: &str) -> Result<bool, Error> {
    Ok(tx.execute("DELETE FROM identity_projects WHERE id = ?1", &[id.into()])? > 0)
}

/// One by its account number.
///
/// # Errors
/// The engine's.
pub fn project_by_account_number(tx: &mut Tx<'_>, number: &str) -> Result<Option<ProjectRow>, Error> {
    tx.query_opt(&format!("{COLUMNS} WHERE account_number = ?1"), &[number.into()])?
        .as_ref()
        .map(ProjectRow::read)
        .transpose()
}
