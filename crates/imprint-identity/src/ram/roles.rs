//! Roles of an account: rights that those whom the role trusts can take on for a while.

use std::ops::RangeInclusive;

use imprint_catalogue::Tx;
use imprint_catalogue::identity::{self as tables, GrantRoleRow};
use imprint_model::Timestamp;
use uuid::Uuid;

use super::attachments::Holder;
use super::document::parse_trust;
use super::names::{check_role_name, check_text};
use crate::projects::existing_project;
use crate::revoked::Revoked;
use crate::{Error, Identity, Kind, revoke};

/// Most roles of an account.
pub const RAM_ROLES_MAX: u64 = 1_000;
/// What the longest session of a role may be set to, seconds.
pub const SESSION_SECS_MAX: RangeInclusive<u32> = 3_600..=43_200;

/// A role of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RamRole {
    /// Its id.
    pub id: String,
    /// The account's project.
    pub project_id: String,
    /// Unique within the account.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Who may take it on: a document, as it was given.
    pub trust_document: String,
    /// For how long at most, seconds.
    pub max_session_secs: u32,
    /// Since when there is it.
    pub created_at: Timestamp,
}

/// A role of an account to be made.
#[derive(Debug, Clone)]
pub struct NewRamRole {
    /// Unique within the account.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Who may take it on.
    pub trust_document: String,
    /// For how long at most, seconds: see [`SESSION_SECS_MAX`].
    pub max_session_secs: u32,
}

/// What to change of a role of an account.
#[derive(Debug, Clone, Default)]
pub struct RamRolePatch {
    /// New text.
    pub description: Option<String>,
    /// Who may take it on from now on. Sessions that have begun go on.
    pub trust_document: Option<String>,
    /// New bound for sessions that begin from now on, seconds.
    pub max_session_secs: Option<u32>,
}

impl Identity {
    /// Makes a role of an account.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Document`], [`Error::NotFound`] for the project, [`Error::Duplicate`],
    /// [`Error::Limit`], [`Error::Catalogue`].
    pub async fn create_ram_role(&self, project_id: &str, new: NewRamRole) -> Result<RamRole, Error> {
        check_role_name(&new.name)?;
        check_text("Description", &new.description)?;
        check_session_secs(new.max_session_secs)?;
        parse_trust(&new.trust_document)?;
        let row = GrantRoleRow {
            id: Uuid::new_v4().simple().to_string(),
            project_id: project_id.to_owned(),
            name: new.name,
            trust_document: new.trust_document,
            description: new.description,
            max_session_secs: new.max_session_secs.into(),
            created_at: self.now_micros(),
        };
        let name = row.name.clone();
        let made = self.write(move |tx| insert(tx, &row)).await;
        made.map_err(|error| if error.is_conflict() { Error::taken(Kind::Role, name) } else { error })
    }

    /// One role of an account by its name.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn ram_role(&self, project_id: &str, name: &str) -> Result<RamRole, Error> {
        let (project_id, name) = (project_id.to_owned(), name.to_owned());
        self.read(move |tx| existing(tx, &project_id, &name).map(shown)).await
    }

    /// At most `limit` roles of an account whose names come after `after`, by name.
    ///
    /// # Errors
    /// [`Error::Catalogue`].
    pub async fn list_ram_roles(
        &self,
        project_id: &str,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<RamRole>, Error> {
        let project_id = project_id.to_owned();
        self.read(move |tx| {
            let rows = tables::list_grant_roles(tx, &project_id, after.as_deref(), limit)?;
            Ok(rows.into_iter().map(shown).collect())
        })
        .await
    }

    /// Changes a role of an account.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], [`Error::Document`], [`Error::Catalogue`].
    pub async fn update_ram_role(&self, project_id: &str, name: &str, patch: RamRolePatch) -> Result<RamRole, Error> {
        check_text("Description", patch.description.as_deref().unwrap_or_default())?;
        patch.max_session_secs.map_or(Ok(()), check_session_secs)?;
        if let Some(document) = &patch.trust_document {
            parse_trust(document)?;
        }
        let (project_id, name) = (project_id.to_owned(), name.to_owned());
        self.write(move |tx| {
            let mut row = existing(tx, &project_id, &name)?;
            if let Some(text) = &patch.description {
                row.description.clone_from(text);
            }
            if let Some(document) = &patch.trust_document {
                row.trust_document.clone_from(document);
            }
            if let Some(secs) = patch.max_session_secs {
                row.max_session_secs = secs.into();
            }
            tables::update_grant_role(tx, &row)?;
            Ok(shown(row))
        })
        .await
    }

    /// Removes a role of an account, and ends its sessions.
    ///
    /// # Errors
    /// [`Error::InUse`] while it has policies, [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn delete_ram_role(&self, project_id: &str, name: &str) -> Result<(), Error> {
        let (project_id, name, now) = (project_id.to_owned(), name.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            let row = existing(tx, &project_id, &name)?;
            let holder = Holder::role(&row.id);
            if !tables::grant_attachments_of(tx, holder.kind(), holder.id())?.is_empty() {
                return Err(Error::InUse { kind: Kind::Role, id: name.clone(), by: Kind::Policy });
            }
            tables::delete_grant_role(tx, &row.id)?;
            revoke(tx, &Revoked::User(&row.id), now)
        })
        .await
    }
}

fn insert(tx: &mut Tx<'_>, row: &GrantRoleRow) -> Result<RamRole, Error> {
    existing_project(tx, &row.project_id)?;
    if tables::grant_role_by_name(tx, &row.project_id, &row.name)?.is_some() {
        return Err(Error::taken(Kind::Role, &row.name));
    }
    if tables::count_grant_roles(tx, &row.project_id)? >= RAM_ROLES_MAX {
        return Err(Error::Limit { kind: Kind::Role, most: RAM_ROLES_MAX });
    }
    tables::insert_grant_role(tx, row)?;
    Ok(shown(row.clone()))
}

fn check_session_secs(secs: u32) -> Result<(), Error> {
    if SESSION_SECS_MAX.contains(&secs) {
        return Ok(());
    }
    let (least, most) = (SESSION_SECS_MAX.start(), SESSION_SECS_MAX.end());
    Err(Error::Invalid(format!("MaxSessionDuration is {least} to {most} seconds")))
}

pub(crate) fn existing(tx: &mut Tx<'_>, project_id: &str, name: &str) -> Result<GrantRoleRow, Error> {
    tables::grant_role_by_name(tx, project_id, name)?.ok_or_else(|| Error::absent(Kind::Role, name))
}

fn shown(row: GrantRoleRow) -> RamRole {
    let GrantRoleRow { id, project_id, name, trust_document, description, max_session_secs, created_at } = row;
    // it was checked when it was written
    let max_session_secs = u32::try_from(max_session_secs).unwrap_or(*SESSION_SECS_MAX.start());
    RamRole { id, project_id, name, description, trust_document, max_session_secs, created_at: Timestamp(created_at) }
}
