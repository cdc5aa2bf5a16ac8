//! Which user or role has which policy. A change counts on this node at once, see `grants.rs`.

use imprint_catalogue::Tx;
use imprint_catalogue::identity::{self as tables, GrantAttachmentRow};
use imprint_model::Timestamp;

use super::policies::{self, Policy, PolicyKind};
use super::{roles, users};
use crate::revoked::Revoked;
use crate::{Error, Identity, Kind, revoke};

/// Most policies of one user or role.
pub const RAM_ATTACHMENTS_MAX: u64 = 20;

/// Whom a policy is attached to, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyHolder {
    /// A user of the account.
    User(String),
    /// A role of the account.
    Role(String),
}

/// A policy that a user or role has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedPolicy {
    /// The policy.
    pub policy: Policy,
    /// Since when.
    pub attached_at: Timestamp,
}

/// Who has a policy, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedHolder {
    /// Who.
    pub holder: PolicyHolder,
    /// The user's or role's id.
    pub id: String,
    /// Since when.
    pub attached_at: Timestamp,
}

/// Whom a policy is attached to, by id.
pub(crate) struct Holder {
    kind: &'static str,
    id: String,
}

impl Holder {
    pub(crate) fn user(id: &str) -> Self {
        Self { kind: "user", id: id.to_owned() }
    }

    pub(crate) fn role(id: &str) -> Self {
        Self { kind: "role", id: id.to_owned() }
    }

    pub(crate) fn kind(&self) -> &str {
        self.kind
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    fn named(tx: &mut Tx<'_>, project_id: &str, holder: &PolicyHolder) -> Result<Self, Error> {
        match holder {
            PolicyHolder::User(name) => Ok(Self::user(&users::existing(tx, project_id, name)?.user_id)),
            PolicyHolder::Role(name) => Ok(Self::role(&roles::existing(tx, project_id, name)?.id)),
        }
    }
}

impl Identity {
    /// Attaches a policy to a user or role of the account.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the policy, user or role, [`Error::Duplicate`] when it has it already, [`Error::Limit`],
    /// [`Error::Catalogue`].
    pub async fn attach_policy(
        &self,
        project_id: &str,
        kind: PolicyKind,
        policy_name: &str,
        holder: PolicyHolder,
    ) -> Result<(), Error> {
        let (project_id, name, now) = (project_id.to_owned(), policy_name.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            policies::existing(tx, &project_id, kind, &name)?;
            let holder = Holder::named(tx, &project_id, &holder)?;
            let held = tables::grant_attachments_of(tx, holder.kind(), holder.id())?;
            if !tables::insert_grant_attachment(tx, &row(&project_id, kind, &name, &holder, now))? {
                return Err(Error::taken(Kind::Attachment, &name));
            }
            if held.len() as u64 >= RAM_ATTACHMENTS_MAX {
                return Err(Error::Limit { kind: Kind::Attachment, most: RAM_ATTACHMENTS_MAX });
            }
            revoke(tx, &Revoked::Documents(holder.id()), now)
        })
        .await
    }

    /// Takes a policy from a user or role of the account.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the policy, user, role or attachment, [`Error::Catalogue`].
    pub async fn detach_policy(
        &self,
        project_id: &str,
        kind: PolicyKind,
        policy_name: &str,
        holder: PolicyHolder,
    ) -> Result<(), Error> {
        let (project_id, name, now) = (project_id.to_owned(), policy_name.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            policies::existing(tx, &project_id, kind, &name)?;
            let holder = Holder::named(tx, &project_id, &holder)?;
            if !tables::delete_grant_attachment(tx, &row(&project_id, kind, &name, &holder, now))? {
                return Err(Error::absent(Kind::Attachment, &name));
            }
            revoke(tx, &Revoked::Documents(holder.id()), now)
        })
        .await
    }

    /// The policies of a user or role.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn policies_of(&self, project_id: &str, holder: PolicyHolder) -> Result<Vec<AttachedPolicy>, Error> {
        let project_id = project_id.to_owned();
        self.read(move |tx| {
            let holder = Holder::named(tx, &project_id, &holder)?;
            let mut attached = Vec::new();
            for row in tables::grant_attachments_of(tx, holder.kind(), holder.id())? {
                let kind = row.policy_kind.parse().map_err(Error::Internal)?;
                let policy = policies::existing(tx, &project_id, kind, &row.policy_name)?;
                attached.push(AttachedPolicy { policy, attached_at: Timestamp(row.created_at) });
            }
            Ok(attached)
        })
        .await
    }

    /// The users and roles of the account that have a policy.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn holders_of_policy(
        &self,
        project_id: &str,
        kind: PolicyKind,
        policy_name: &str,
    ) -> Result<Vec<AttachedHolder>, Error> {
        let (project_id, name) = (project_id.to_owned(), policy_name.to_owned());
        self.read(move |tx| {
            policies::existing(tx, &project_id, kind, &name)?;
            let mut holders = Vec::new();
            for row in tables::grant_attachments_of_policy(tx, &project_id, kind.as_str(), &name)? {
                let holder = match row.principal_kind.as_str() {
                    "user" => tables::grant_user(tx, &row.principal_id)?.map(|user| PolicyHolder::User(user.name)),
                    _ => tables::grant_role(tx, &row.principal_id)?.map(|role| PolicyHolder::Role(role.name)),
                };
                let attached_at = Timestamp(row.created_at);
                holders.extend(holder.map(|holder| AttachedHolder { holder, id: row.principal_id, attached_at }));
            }
            Ok(holders)
        })
        .await
    }
}

fn row(project_id: &str, kind: PolicyKind, policy_name: &str, holder: &Holder, now_micros: i64) -> GrantAttachmentRow {
    GrantAttachmentRow {
        project_id: project_id.to_owned(),
        policy_kind: kind.as_str().to_owned(),
        policy_name: policy_name.to_owned(),
        principal_kind: holder.kind().to_owned(),
        principal_id: holder.id().to_owned(),
        created_at: now_micros,
    }
}
