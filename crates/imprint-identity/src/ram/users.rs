//! Users of an account.

use imprint_catalogue::Tx;
use imprint_catalogue::identity::{self as tables, GrantUserRow};
use imprint_model::{Timestamp, role};

use super::attachments::Holder;
use super::names::{check_text, check_user_name, login_name};
use crate::accounts::give;
use crate::projects::existing_project;
use crate::revoked::Revoked;
use crate::{Error, Identity, Kind, NewUser, Target, revoke, users};

/// Most users of an account.
pub const RAM_USERS_MAX: u64 = 1_000;

/// A user of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RamUser {
    /// Its id, also as a user of identity.
    pub id: String,
    /// The account's project.
    pub project_id: String,
    /// Unique within the account.
    pub name: String,
    /// What it is shown as.
    pub display_name: String,
    /// Free text.
    pub comments: String,
    /// Since when there is it.
    pub created_at: Timestamp,
}

/// A user of an account to be made.
#[derive(Clone, Default)]
pub struct NewRamUser {
    /// Unique within the account.
    pub name: String,
    /// What it is shown as.
    pub display_name: String,
    /// Free text.
    pub comments: String,
    /// The password for tokens, if it shall have one. Its name for logging in is `NAME@ACCOUNT`.
    pub password: Option<String>,
}

/// What to change of a user of an account.
#[derive(Debug, Clone, Default)]
pub struct RamUserPatch {
    /// New name.
    pub name: Option<String>,
    /// New shown name.
    pub display_name: Option<String>,
    /// New text.
    pub comments: Option<String>,
}

impl Identity {
    /// Makes a user of an account. No policy is attached, so it may do nothing yet.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NotFound`] for the project, [`Error::Duplicate`], [`Error::Limit`],
    /// [`Error::Unavailable`] when too many passwords are being hashed, [`Error::Catalogue`].
    pub async fn create_ram_user(&self, project_id: &str, new: NewRamUser) -> Result<RamUser, Error> {
        check_user_name(&new.name)?;
        check_text("DisplayName", &new.display_name)?;
        check_text("Comments", &new.comments)?;
        let hash = match &new.password {
            Some(password) => Some(self.0.passwords.hash(password).await?),
            None => None,
        };
        let (project_id, name, now) = (project_id.to_owned(), new.name.clone(), self.now_micros());
        let made = self.write(move |tx| insert(tx, &project_id, &new, hash.as_deref(), now)).await;
        // of two who want the name at the same moment the second may learn of it from the engine alone
        made.map_err(|error| if error.is_conflict() { Error::taken(Kind::User, name) } else { error })
    }

    /// One user of an account by its name.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn ram_user(&self, project_id: &str, name: &str) -> Result<RamUser, Error> {
        let (project_id, name) = (project_id.to_owned(), name.to_owned());
        self.read(move |tx| existing(tx, &project_id, &name).map(shown)).await
    }

    /// At most `limit` users of an account whose names come after `after`, by name.
    ///
    /// # Errors
    /// [`Error::Catalogue`].
    pub async fn list_ram_users(
        &self,
        project_id: &str,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<RamUser>, Error> {
        let project_id = project_id.to_owned();
        self.read(move |tx| {
            let rows = tables::list_grant_users(tx, &project_id, after.as_deref(), limit)?;
            Ok(rows.into_iter().map(shown).collect())
        })
        .await
    }

    /// Changes a user of an account.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], [`Error::Duplicate`], [`Error::Catalogue`].
    pub async fn update_ram_user(&self, project_id: &str, name: &str, patch: RamUserPatch) -> Result<RamUser, Error> {
        patch.name.as_deref().map_or(Ok(()), check_user_name)?;
        check_text("DisplayName", patch.display_name.as_deref().unwrap_or_default())?;
        check_text("Comments", patch.comments.as_deref().unwrap_or_default())?;
        let (project_id, name, now) = (project_id.to_owned(), name.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            let mut row = existing(tx, &project_id, &name)?;
            if let Some(name) = patch.name.as_ref().filter(|name| **name != row.name) {
                rename(tx, &mut row, name)?;
                // those who remember the key remember the name with it
                revoke(tx, &Revoked::Documents(&row.user_id), now)?;
            }
            if let Some(text) = &patch.display_name {
                row.display_name.clone_from(text);
            }
            if let Some(text) = &patch.comments {
                row.comments.clone_from(text);
            }
            tables::update_grant_user(tx, &row)?;
            Ok(shown(row))
        })
        .await
    }

    /// Removes a user of an account, and ends what was got with it.
    ///
    /// # Errors
    /// [`Error::InUse`] while it has access keys or policies, [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn delete_ram_user(&self, project_id: &str, name: &str) -> Result<(), Error> {
        let (project_id, name, now) = (project_id.to_owned(), name.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            let row = existing(tx, &project_id, &name)?;
            let in_use = |by| Err(Error::InUse { kind: Kind::User, id: name.clone(), by });
            if !tables::list_access_keys(tx, Some(&row.user_id), None)?.is_empty() {
                return in_use(Kind::AccessKey);
            }
            let holder = Holder::user(&row.user_id);
            if !tables::grant_attachments_of(tx, holder.kind(), holder.id())?.is_empty() {
                return in_use(Kind::Policy);
            }
            users::delete_rows(tx, &row.user_id)?;
            revoke(tx, &Revoked::User(&row.user_id), now)
        })
        .await
    }
}

fn insert(
    tx: &mut Tx<'_>,
    project_id: &str,
    new: &NewRamUser,
    hash: Option<&str>,
    now_micros: i64,
) -> Result<RamUser, Error> {
    let project = existing_project(tx, project_id)?;
    if tables::grant_user_by_name(tx, project_id, &new.name)?.is_some() {
        return Err(Error::taken(Kind::User, &new.name));
    }
    if tables::count_grant_users(tx, project_id)? >= RAM_USERS_MAX {
        return Err(Error::Limit { kind: Kind::User, most: RAM_USERS_MAX });
    }
    let mut user = NewUser::named(&login_name(&new.name, &project.account_number));
    user.domain_id = Some(project.domain_id);
    user.default_project_id = Some(project.id.clone());
    let user = users::insert(tx, &user, hash, now_micros)?;
    give(tx, &user.id, &Target::Project(project.id.clone()), role::MEMBER)?;
    let row = GrantUserRow {
        user_id: user.id,
        project_id: project.id,
        name: new.name.clone(),
        display_name: new.display_name.clone(),
        comments: new.comments.clone(),
        created_at: now_micros,
    };
    tables::insert_grant_user(tx, &row)?;
    Ok(shown(row))
}

fn rename(tx: &mut Tx<'_>, row: &mut GrantUserRow, name: &str) -> Result<(), Error> {
    let project = existing_project(tx, &row.project_id)?;
    if tables::grant_user_by_name(tx, &project.id, name)?.is_some() {
        return Err(Error::taken(Kind::User, name));
    }
    let mut user = users::existing_user(tx, &row.user_id)?;
    user.name = login_name(name, &project.account_number);
    tables::update_user(tx, &user)?;
    name.clone_into(&mut row.name);
    Ok(())
}

pub(crate) fn existing(tx: &mut Tx<'_>, project_id: &str, name: &str) -> Result<GrantUserRow, Error> {
    tables::grant_user_by_name(tx, project_id, name)?.ok_or_else(|| Error::absent(Kind::User, name))
}

fn shown(row: GrantUserRow) -> RamUser {
    let GrantUserRow { user_id, project_id, name, display_name, comments, created_at } = row;
    RamUser { id: user_id, project_id, name, display_name, comments, created_at: Timestamp(created_at) }
}
