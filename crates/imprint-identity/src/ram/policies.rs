//! Policies of an account: its own, and those that every account has.

use std::str::FromStr;

use imprint_catalogue::Tx;
use imprint_catalogue::identity::{self as tables, GrantPolicyRow};
use imprint_model::Timestamp;

use super::document::parse_document;
use super::names::{check_policy_name, check_text};
use super::system::{SYSTEM_POLICIES, SystemPolicy, system_policy};
use crate::projects::existing_project;
use crate::revoked::Revoked;
use crate::{Error, Identity, Kind, revoke};

/// Most policies of an account's own.
pub const RAM_POLICIES_MAX: u64 = 1_500;

/// Whose a policy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyKind {
    /// The installation's: every account has it, nobody changes it.
    System,
    /// The account's own.
    Custom,
}

impl PolicyKind {
    /// `System` or `Custom`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Custom => "Custom",
        }
    }
}

impl FromStr for PolicyKind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::System, Self::Custom]
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or_else(|| format!("{word:?} is no kind of policy: System or Custom"))
    }
}

/// A policy, as an account sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whose it is.
    pub kind: PolicyKind,
    /// Unique among those of its kind.
    pub name: String,
    /// Free text.
    pub description: String,
    /// The document, as it was given.
    pub document: String,
    /// Since when there is it; none for one of the installation's.
    pub created_at: Option<Timestamp>,
    /// When its document was last changed.
    pub updated_at: Option<Timestamp>,
}

/// A policy to be made.
#[derive(Debug, Clone, Default)]
pub struct NewPolicy {
    /// Unique within the account.
    pub name: String,
    /// Free text.
    pub description: String,
    /// The document.
    pub document: String,
}

impl Identity {
    /// Makes a policy of an account.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Document`], [`Error::NotFound`] for the project, [`Error::Duplicate`],
    /// [`Error::Limit`], [`Error::Catalogue`].
    pub async fn create_policy(&self, project_id: &str, new: NewPolicy) -> Result<Policy, Error> {
        check_policy_name(&new.name)?;
        check_text("Description", &new.description)?;
        parse_document(&new.document)?;
        let now = self.now_micros();
        let row = GrantPolicyRow {
            project_id: project_id.to_owned(),
            name: new.name,
            description: new.description,
            document: new.document,
            created_at: now,
            updated_at: now,
        };
        let name = row.name.clone();
        let made = self.write(move |tx| insert(tx, &row)).await;
        made.map_err(|error| if error.is_conflict() { Error::taken(Kind::Policy, name) } else { error })
    }

    /// One policy.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn policy(&self, project_id: &str, kind: PolicyKind, name: &str) -> Result<Policy, Error> {
        let (project_id, name) = (project_id.to_owned(), name.to_owned());
        self.read(move |tx| existing(tx, &project_id, kind, &name)).await
    }

    /// At most `limit` policies of one kind whose names come after `after`, by name.
    ///
    /// # Errors
    /// [`Error::Catalogue`].
    pub async fn list_policies(
        &self,
        project_id: &str,
        kind: PolicyKind,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<Policy>, Error> {
        if kind == PolicyKind::System {
            let after = after.unwrap_or_default();
            let rest = SYSTEM_POLICIES.iter().filter(|policy| policy.name > after.as_str());
            return Ok(rest.take(limit as usize).map(of_system).collect());
        }
        let project_id = project_id.to_owned();
        self.read(move |tx| {
            let rows = tables::list_grant_policies(tx, &project_id, after.as_deref(), limit)?;
            Ok(rows.into_iter().map(of_account).collect())
        })
        .await
    }

    /// Gives a policy of an account another document. It counts for all who have it, on this node at once.
    ///
    /// # Errors
    /// [`Error::Document`], [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn update_policy(&self, project_id: &str, name: &str, document: String) -> Result<Policy, Error> {
        parse_document(&document)?;
        let (project_id, name, now) = (project_id.to_owned(), name.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            let row = existing_row(tx, &project_id, &name)?;
            let row = GrantPolicyRow { document: document.clone(), updated_at: now, ..row };
            tables::update_grant_policy(tx, &row)?;
            revoke(tx, &Revoked::Documents(&project_id), now)?;
            Ok(of_account(row))
        })
        .await
    }

    /// Removes a policy of an account.
    ///
    /// # Errors
    /// [`Error::InUse`] while it is attached, [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn delete_policy(&self, project_id: &str, name: &str) -> Result<(), Error> {
        let (project_id, name) = (project_id.to_owned(), name.to_owned());
        self.write(move |tx| {
            existing_row(tx, &project_id, &name)?;
            let kind = PolicyKind::Custom.as_str();
            if !tables::grant_attachments_of_policy(tx, &project_id, kind, &name)?.is_empty() {
                return Err(Error::InUse { kind: Kind::Policy, id: name.clone(), by: Kind::Attachment });
            }
            tables::delete_grant_policy(tx, &project_id, &name)?;
            Ok(())
        })
        .await
    }
}

fn insert(tx: &mut Tx<'_>, row: &GrantPolicyRow) -> Result<Policy, Error> {
    existing_project(tx, &row.project_id)?;
    if tables::grant_policy(tx, &row.project_id, &row.name)?.is_some() || system_policy(&row.name).is_some() {
        return Err(Error::taken(Kind::Policy, &row.name));
    }
    if tables::count_grant_policies(tx, &row.project_id)? >= RAM_POLICIES_MAX {
        return Err(Error::Limit { kind: Kind::Policy, most: RAM_POLICIES_MAX });
    }
    tables::insert_grant_policy(tx, row)?;
    Ok(of_account(row.clone()))
}

/// A policy of either kind, if it is there.
pub(crate) fn policy_row(
    tx: &mut Tx<'_>,
    project_id: &str,
    kind: PolicyKind,
    name: &str,
) -> Result<Option<Policy>, Error> {
    match kind {
        PolicyKind::System => Ok(system_policy(name).map(of_system)),
        PolicyKind::Custom => Ok(tables::grant_policy(tx, project_id, name)?.map(of_account)),
    }
}

pub(crate) fn existing(tx: &mut Tx<'_>, project_id: &str, kind: PolicyKind, name: &str) -> Result<Policy, Error> {
    policy_row(tx, project_id, kind, name)?.ok_or_else(|| Error::absent(Kind::Policy, name))
}

fn existing_row(tx: &mut Tx<'_>, project_id: &str, name: &str) -> Result<GrantPolicyRow, Error> {
    tables::grant_policy(tx, project_id, name)?.ok_or_else(|| Error::absent(Kind::Policy, name))
}

fn of_system(policy: &SystemPolicy) -> Policy {
    Policy {
        kind: PolicyKind::System,
        name: policy.name.to_owned(),
        description: policy.description.to_owned(),
        document: policy.document.to_owned(),
        created_at: None,
        updated_at: None,
    }
}

fn of_account(row: GrantPolicyRow) -> Policy {
    let GrantPolicyRow { project_id: _, name, description, document, created_at, updated_at } = row;
    Policy {
        kind: PolicyKind::Custom,
        name,
        description,
        document,
        created_at: Some(Timestamp(created_at)),
        updated_at: Some(Timestamp(updated_at)),
    }
}
