//! Users and their passwords.

use std::net::IpAddr;

use imprint_catalogue::Tx;
use imprint_catalogue::identity::{self as tables, UserFilter, UserRow};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::domains::existing_domain;
use crate::projects::as_invalid;
use crate::ram::Holder;
use crate::revoked::Revoked;
use crate::text::{check_description, check_name, extra_text, merge_extra};
use crate::throttle::Suspect;
use crate::{DEFAULT_DOMAIN, Error, Identity, Kind, User, revoke};

const NAME_MAX: usize = 255;
/// Longest address, in bytes.
const EMAIL_MAX: usize = 255;

/// A user to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Unique within the domain.
    pub name: String,
    /// Its domain; the default one when not given.
    pub domain_id: Option<String>,
    /// The password; without one the user cannot log in by password.
    pub password: Option<String>,
    /// Free text.
    pub description: String,
    /// Address.
    pub email: Option<String>,
    /// Whether the user may log in.
    pub enabled: bool,
    /// The project meant when none is named.
    pub default_project_id: Option<String>,
    /// Further attributes.
    pub extra: Map<String, Value>,
}

impl NewUser {
    /// An enabled user of this name in the default domain, without a password.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            domain_id: None,
            password: None,
            description: String::new(),
            email: None,
            enabled: true,
            default_project_id: None,
            extra: Map::new(),
        }
    }
}

/// What to change of a user.
#[derive(Debug, Clone, Default)]
pub struct UserPatch {
    /// New name.
    pub name: Option<String>,
    /// New password.
    pub password: Option<String>,
    /// New text.
    pub description: Option<String>,
    /// New address, or none.
    pub email: Option<Option<String>>,
    /// New state.
    pub enabled: Option<bool>,
    /// New default project, or none.
    pub default_project_id: Option<Option<String>>,
    /// Further attributes to set.
    pub extra: Map<String, Value>,
}

impl Identity {
    /// Makes a user.
    ///
    /// # Errors
    /// [`Error::Invalid`] also for a domain that is not there, [`Error::Duplicate`], [`Error::Unavailable`] when too
    /// many passwords are being hashed, [`Error::Catalogue`].
    pub async fn create_user(&self, new: NewUser) -> Result<User, Error> {
        // before the hash is paid for
        check(&new)?;
        let hash = match &new.password {
            Some(password) => Some(self.0.passwords.hash(password).await?),
            None => None,
        };
        let now = self.now_micros();
        self.write(move |tx| insert(tx, &new, hash.as_deref(), now)).await
    }

    /// One user.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn user(&self, id: &str) -> Result<User, Error> {
        let id = id.to_owned();
        self.read(move |tx| existing_user(tx, &id)).await
    }

    /// All users that meet the filter.
    ///
    /// # Errors
    /// [`Error::Catalogue`].
    pub async fn list_users(&self, filter: UserFilter) -> Result<Vec<User>, Error> {
        self.read(move |tx| Ok(tables::list_users(tx, &filter)?)).await
    }

    /// Changes a user. Disabling and a new password end the user's tokens.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], [`Error::Duplicate`], [`Error::Unavailable`], [`Error::Catalogue`].
    pub async fn update_user(&self, id: &str, patch: UserPatch) -> Result<User, Error> {
        let hash = match &patch.password {
            Some(password) => Some(self.0.passwords.hash(password).await?),
            None => None,
        };
        let (id, now) = (id.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            let mut row = existing_user(tx, &id)?;
            let disabled = row.enabled && patch.enabled == Some(false);
            apply(tx, &mut row, &patch)?;
            tables::update_user(tx, &row)?;
            if let Some(hash) = &hash {
                tables::set_password_hash(tx, &id, Some(hash))?;
            }
            if disabled || hash.is_some() {
                revoke(tx, &Revoked::User(&id), now)?;
            }
            Ok(row)
        })
        .await
    }

    /// Lets a user who knows the old password set a new one. Ends the user's tokens.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for a wrong old password or no such user, [`Error::Throttled`], [`Error::Invalid`],
    /// [`Error::Catalogue`].
    pub async fn change_password(&self, id: &str, old: &str, new: &str, address: IpAddr) -> Result<(), Error> {
        let suspect = Suspect::new(id, address);
        self.0.throttle.admit(suspect)?;
        let wanted = id.to_owned();
        let before = self.read(move |tx| Ok(tables::password_hash(tx, &wanted)?)).await?;
        if !self.0.passwords.verify(before.as_deref(), old).await? {
            self.0.throttle.failed(suspect);
            return Err(Error::Unauthenticated);
        }
        let hash = self.0.passwords.hash(new).await?;
        let (id, now) = (id.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            // whoever changed it meanwhile knew a newer one
            if tables::password_hash(tx, &id)? != before {
                return Err(Error::Unauthenticated);
            }
            tables::set_password_hash(tx, &id, Some(&hash))?;
            revoke(tx, &Revoked::User(&id), now)
        })
        .await
    }

    /// Removes a user with all roles, keys and credentials. Ends the user's tokens.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn delete_user(&self, id: &str) -> Result<(), Error> {
        let (id, now) = (id.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            existing_user(tx, &id)?;
            delete_rows(tx, &id)?;
            revoke(tx, &Revoked::User(&id), now)
        })
        .await
    }
}

/// Adds a user in the caller's transaction.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &NewUser, hash: Option<&str>, now_micros: i64) -> Result<User, Error> {
    check(new)?;
    let domain_id = new.domain_id.as_deref().unwrap_or(DEFAULT_DOMAIN);
    existing_domain(tx, domain_id).map_err(as_invalid)?;
    free_name(tx, domain_id, &new.name)?;
    let row = UserRow {
        id: Uuid::new_v4().simple().to_string(),
        domain_id: domain_id.to_owned(),
        name: new.name.clone(),
        description: new.description.clone(),
        email: new.email.clone(),
        enabled: new.enabled,
        default_project_id: new.default_project_id.clone(),
        extra: extra_text(&new.extra)?,
        created_at: now_micros,
    };
    tables::insert_user(tx, &row, hash)?;
    Ok(row)
}

/// Removes a user and what hangs on it.
pub(crate) fn delete_rows(tx: &mut Tx<'_>, id: &str) -> Result<(), Error> {
    tables::delete_assignments_of_user(tx, id)?;
    tables::delete_access_keys_of_user(tx, id)?;
    tables::delete_app_credentials_of_user(tx, id)?;
    let holder = Holder::user(id);
    tables::delete_grant_attachments_of(tx, holder.kind(), holder.id())?;
    tables::delete_grant_user(tx, id)?;
    tables::delete_user(tx, id)?;
    Ok(())
}

pub(crate) fn existing_user(tx: &mut Tx<'_>, id: &str) -> Result<User, Error> {
    tables::user(tx, id)?.ok_or_else(|| Error::absent(Kind::User, id))
}

fn apply(tx: &mut Tx<'_>, row: &mut User, patch: &UserPatch) -> Result<(), Error> {
    if let Some(name) = patch.name.as_ref().filter(|name| **name != row.name) {
        check_name(Kind::User, name, NAME_MAX)?;
        free_name(tx, &row.domain_id, name)?;
        row.name.clone_from(name);
    }
    if let Some(text) = &patch.description {
        check_description(text)?;
        row.description.clone_from(text);
    }
    if let Some(email) = &patch.email {
        check_email(email.as_deref())?;
        row.email.clone_from(email);
    }
    if let Some(project) = &patch.default_project_id {
        check_default_project(project.as_deref())?;
        row.default_project_id.clone_from(project);
    }
    if let Some(enabled) = patch.enabled {
        row.enabled = enabled;
    }
    row.extra = merge_extra(&row.extra, &patch.extra)?;
    Ok(())
}

fn check(new: &NewUser) -> Result<(), Error> {
    check_name(Kind::User, &new.name, NAME_MAX)?;
    check_description(&new.description)?;
    check_email(new.email.as_deref())?;
    check_default_project(new.default_project_id.as_deref())
}

fn check_email(email: Option<&str>) -> Result<(), Error> {
    if email.is_some_and(|email| email.len() > EMAIL_MAX || email.contains('\0')) {
        return Err(Error::Invalid(format!("Invalid input for field 'email': at most {EMAIL_MAX} bytes")));
    }
    Ok(())
}

fn check_default_project(id: Option<&str>) -> Result<(), Error> {
    id.map_or(Ok(()), |id| crate::text::check_id("default_project_id", id))
}

fn free_name(tx: &mut Tx<'_>, domain_id: &str, name: &str) -> Result<(), Error> {
    match tables::user_by_name(tx, domain_id, name)? {
        Some(_) => Err(Error::taken(Kind::User, name)),
        None => Ok(()),
    }
}
