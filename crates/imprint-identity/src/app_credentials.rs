//! Application credentials: a part of a user's rights on one project, with a secret of its own.

use imprint_catalogue::Tx;
use imprint_catalogue::identity::{self as tables, AppCredentialRow};
use imprint_model::Timestamp;
use uuid::Uuid;

use crate::revoked::Revoked;
use crate::secrets::random_text;
use crate::text::{check_description, check_name};
use crate::tokens::{Claims, Method};
use crate::{Error, Identity, Kind, Role, revoke};

const NAME_MAX: usize = 255;
const SECRET_LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Length of a secret that is made up here.
const SECRET_LEN: usize = 86;

/// An application credential without its secret.
#[derive(Debug, Clone)]
pub struct AppCredential {
    /// Id.
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// Where it acts.
    pub project_id: String,
    /// Unique for the user.
    pub name: String,
    /// Free text.
    pub description: String,
    /// The roles it carries.
    pub roles: Vec<Role>,
    /// Whether it may make further credentials.
    pub unrestricted: bool,
    /// Until when it works.
    pub expires_at: Option<Timestamp>,
}

/// An application credential to be made.
#[derive(Clone, Default)]
pub struct NewAppCredential {
    /// Unique for the user.
    pub name: String,
    /// Free text.
    pub description: String,
    /// The secret; made up when not given.
    pub secret: Option<String>,
    /// Roles by id or name; all that the maker's token carries when not given.
    pub roles: Option<Vec<String>>,
    /// Whether it may make further credentials.
    pub unrestricted: bool,
    /// Until when it works.
    pub expires_at: Option<Timestamp>,
}

impl Identity {
    /// Makes an application credential for the user and project of `claims`; gives it with its secret, which is shown
    /// this once.
    ///
    /// # Errors
    /// [`Error::Invalid`] also when the token has no project or lacks a role, [`Error::Forbidden`] when it comes from a
    /// restricted application credential itself, [`Error::Duplicate`], [`Error::Unavailable`], [`Error::Catalogue`].
    pub async fn create_app_credential(
        &self,
        claims: &Claims,
        new: NewAppCredential,
    ) -> Result<(AppCredential, String), Error> {
        check_name(Kind::AppCredential, &new.name, NAME_MAX)?;
        check_description(&new.description)?;
        if new.expires_at.is_some_and(|at| at <= self.0.clock.now()) {
            return Err(Error::Invalid("Invalid input for field 'expires_at': it is in the past".to_owned()));
        }
        let project_id = claims
            .project_id()
            .ok_or_else(|| Error::Invalid("an application credential needs a token with a project".to_owned()))?
            .to_owned();
        let secret = new.secret.clone().unwrap_or_else(|| random_text(SECRET_LETTERS, SECRET_LEN));
        if secret.is_empty() {
            return Err(Error::Invalid("Invalid input for field 'secret'".to_owned()));
        }
        let hash = self.0.passwords.hash(&secret).await?;
        let (claims, now) = (claims.clone(), self.now_micros());
        let made = self
            .write(move |tx| {
                check_maker(tx, &claims)?;
                if tables::app_credential_by_name(tx, &claims.user_id, &new.name)?.is_some() {
                    return Err(Error::taken(Kind::AppCredential, &new.name));
                }
                let roles = chosen_roles(tx, &claims, new.roles.as_deref())?;
                let ids: Vec<&str> = roles.iter().map(|role| role.id.as_str()).collect();
                let row = AppCredentialRow {
                    id: Uuid::new_v4().simple().to_string(),
                    user_id: claims.user_id.clone(),
                    project_id: project_id.clone(),
                    name: new.name.clone(),
                    description: new.description.clone(),
                    secret_hash: hash.clone(),
                    role_ids: serde_json::to_string(&ids).map_err(|why| Error::Internal(why.to_string()))?,
                    unrestricted: new.unrestricted,
                    expires_at: new.expires_at.map(|at| at.0),
                    created_at: now,
                };
                tables::insert_app_credential(tx, &row)?;
                shown(tx, row)
            })
            .await?;
        Ok((made, secret))
    }

    /// One application credential of a user.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn app_credential(&self, user_id: &str, id: &str) -> Result<AppCredential, Error> {
        let (user_id, id) = (user_id.to_owned(), id.to_owned());
        self.read(move |tx| {
            let row = existing(tx, &user_id, &id)?;
            shown(tx, row)
        })
        .await
    }

    /// The application credentials of a user, or the one of this name.
    ///
    /// # Errors
    /// [`Error::Catalogue`].
    pub async fn list_app_credentials(&self, user_id: &str, name: Option<String>) -> Result<Vec<AppCredential>, Error> {
        let user_id = user_id.to_owned();
        self.read(move |tx| {
            let rows = tables::list_app_credentials(tx, Some(&user_id), None, name.as_deref())?;
            rows.into_iter().map(|row| shown(tx, row)).collect()
        })
        .await
    }

    /// Removes an application credential of a user. Ends the tokens got with it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`] when the token comes from a restricted application credential,
    /// [`Error::Catalogue`].
    pub async fn delete_app_credential(&self, claims: &Claims, user_id: &str, id: &str) -> Result<(), Error> {
        let (claims, user_id, id, now) = (claims.clone(), user_id.to_owned(), id.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            check_maker(tx, &claims)?;
            existing(tx, &user_id, &id)?;
            tables::delete_app_credential(tx, &id)?;
            revoke(tx, &Revoked::Credential(&id), now)
        })
        .await
    }
}

/// A credential that got out must not be able to breed or to remove others, unless it was made to.
fn check_maker(tx: &mut Tx<'_>, claims: &Claims) -> Result<(), Error> {
    if !claims.methods.contains(&Method::AppCredential) {
        return Ok(());
    }
    let row = match &claims.credential_id {
        Some(id) => tables::app_credential(tx, id)?,
        None => None,
    };
    if row.is_some_and(|row| row.unrestricted) {
        return Ok(());
    }
    Err(Error::Forbidden("A restricted application credential cannot manage application credentials.".to_owned()))
}

fn chosen_roles(tx: &mut Tx<'_>, claims: &Claims, wanted: Option<&[String]>) -> Result<Vec<Role>, Error> {
    let mut held = Vec::with_capacity(claims.roles.len());
    for name in &claims.roles {
        held.extend(tables::role_by_name(tx, name)?);
    }
    // clients send an empty list when nobody named a role
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else {
        return Ok(held);
    };
    wanted
        .iter()
        .map(|named| {
            held.iter().find(|role| role.id == *named || role.name == *named).cloned().ok_or_else(|| {
                Error::Invalid("Invalid input for field 'roles': a role that the token does not carry".to_owned())
            })
        })
        .collect()
}

fn existing(tx: &mut Tx<'_>, user_id: &str, id: &str) -> Result<AppCredentialRow, Error> {
    tables::app_credential(tx, id)?
        .filter(|row| row.user_id == user_id)
        .ok_or_else(|| Error::absent(Kind::AppCredential, id))
}

fn shown(tx: &mut Tx<'_>, row: AppCredentialRow) -> Result<AppCredential, Error> {
    let ids: Vec<String> = serde_json::from_str(&row.role_ids)
        .map_err(|why| Error::Internal(format!("roles of application credential {}: {why}", row.id)))?;
    let mut roles = Vec::with_capacity(ids.len());
    for id in &ids {
        roles.extend(tables::role(tx, id)?);
    }
    Ok(AppCredential {
        id: row.id,
        user_id: row.user_id,
        project_id: row.project_id,
        name: row.name,
        description: row.description,
        roles,
        unrestricted: row.unrestricted,
        expires_at: row.expires_at.map(Timestamp),
    })
}
