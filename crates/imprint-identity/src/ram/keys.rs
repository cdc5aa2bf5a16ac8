//! Access keys of an account's users.

use std::sync::Arc;

use imprint_catalogue::Tx;
use imprint_catalogue::identity::{self as tables, AccessKeyRow};

use super::users::existing;
use crate::access_keys::{existing as existing_key, insert_new, shown};
use crate::revoked::Revoked;
use crate::{AccessKey, Error, Identity, Kind, NewAccessKey, revoke};

/// Most access keys of one user of an account.
pub const RAM_KEYS_MAX: u64 = 2;

impl Identity {
    /// Makes an access key for a user of an account.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Limit`], [`Error::Catalogue`].
    pub async fn create_ram_key(&self, project_id: &str, user_name: &str) -> Result<NewAccessKey, Error> {
        let (project_id, name) = (project_id.to_owned(), user_name.to_owned());
        let (sealer, now) = (Arc::clone(&self.0.sealer), self.now_micros());
        self.write(move |tx| {
            let user = existing(tx, &project_id, &name)?;
            check_new_key(tx, &user.user_id, &project_id)?;
            insert_new(tx, &sealer, &user.user_id, &project_id, now)
        })
        .await
    }

    /// The access keys of a user of an account.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn list_ram_keys(&self, project_id: &str, user_name: &str) -> Result<Vec<AccessKey>, Error> {
        let (project_id, name) = (project_id.to_owned(), user_name.to_owned());
        self.read(move |tx| {
            let user = existing(tx, &project_id, &name)?;
            Ok(tables::list_access_keys(tx, Some(&user.user_id), None)?.into_iter().map(shown).collect())
        })
        .await
    }

    /// Switches an access key of an account's user on or off. Switching off ends what was got with it.
    ///
    /// # Errors
    /// [`Error::NotFound`] also for another user's key, [`Error::Catalogue`].
    pub async fn set_ram_key_enabled(
        &self,
        project_id: &str,
        user_name: &str,
        key_id: &str,
        enabled: bool,
    ) -> Result<(), Error> {
        let (project_id, name) = (project_id.to_owned(), user_name.to_owned());
        let (key_id, now) = (key_id.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            let row = AccessKeyRow { enabled, ..key_of(tx, &project_id, &name, &key_id)? };
            tables::update_access_key(tx, &row)?;
            if enabled { Ok(()) } else { revoke(tx, &Revoked::Credential(&key_id), now) }
        })
        .await
    }

    /// Removes an access key of an account's user. Ends what was got with it.
    ///
    /// # Errors
    /// [`Error::NotFound`] also for another user's key, [`Error::Catalogue`].
    pub async fn delete_ram_key(&self, project_id: &str, user_name: &str, key_id: &str) -> Result<(), Error> {
        let (project_id, name) = (project_id.to_owned(), user_name.to_owned());
        let (key_id, now) = (key_id.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            key_of(tx, &project_id, &name, &key_id)?;
            tables::delete_access_key(tx, &key_id)?;
            revoke(tx, &Revoked::Credential(&key_id), now)
        })
        .await
    }
}

/// Whether this user may get one more key for this project. Anything goes for one who is no account's user.
pub(crate) fn check_new_key(tx: &mut Tx<'_>, user_id: &str, project_id: &str) -> Result<(), Error> {
    let Some(user) = tables::grant_user(tx, user_id)? else {
        return Ok(());
    };
    if user.project_id != project_id {
        return Err(Error::Invalid(format!("{} is a user of another account", user.name)));
    }
    if tables::list_access_keys(tx, Some(user_id), None)?.len() as u64 >= RAM_KEYS_MAX {
        return Err(Error::Limit { kind: Kind::AccessKey, most: RAM_KEYS_MAX });
    }
    Ok(())
}

fn key_of(tx: &mut Tx<'_>, project_id: &str, user_name: &str, key_id: &str) -> Result<AccessKeyRow, Error> {
    let user = existing(tx, project_id, user_name)?;
    let key = existing_key(tx, key_id)?;
    if key.user_id == user.user_id { Ok(key) } else { Err(Error::absent(Kind::AccessKey, key_id)) }
}
