//! What must be there before anybody can log in, made at every start if it is missing.

use std::sync::Arc;

use imprint_catalogue::Tx;
use imprint_catalogue::identity::{self as tables, AccessKeyRow, DomainRow, RoleRow};
use imprint_model::role;
use uuid::Uuid;

use crate::accounts::give;
use crate::revoked::Revoked;
use crate::secrets::Sealer;
use crate::{
    Account, DEFAULT_DOMAIN, Error, Identity, NewAccessKey, NewProject, NewUser, Project, Target, User, access_keys,
    projects, revoke, users,
};

/// Name of the default domain.
const DEFAULT_DOMAIN_NAME: &str = "Default";
/// Name of the first project and the first user.
const ADMIN: &str = "admin";
/// Lengths of an access key's id and secret that an operator may choose.
const KEY_LEN: std::ops::RangeInclusive<usize> = 3..=128;

/// Each role, and the one it includes.
const ROLES: [(&str, Option<&str>); 5] = [
    (role::READER, None),
    (role::MEMBER, Some(role::READER)),
    (role::MANAGER, Some(role::MEMBER)),
    (role::ADMIN, Some(role::MANAGER)),
    (role::SERVICE, None),
];

impl Identity {
    /// Makes the default domain, the roles, the project and user `admin`, and the root access key, as far as they are
    /// missing. The user's password is the root secret. When the root key is there with another secret, the operator
    /// has changed it: then secret and password become the new one. A password that was changed since stays.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a key of an impossible length, [`Error::Duplicate`] when the key is another user's,
    /// [`Error::Catalogue`].
    pub async fn bootstrap(&self, root_access_key: &str, root_secret_key: &str) -> Result<Account, Error> {
        let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if !KEY_LEN.contains(&root_access_key.len())
            || !KEY_LEN.contains(&root_secret_key.len())
            || !visible(root_access_key)
            || !visible(root_secret_key)
        {
            return Err(Error::Invalid("the root keys have 3 to 128 visible ASCII characters each".to_owned()));
        }
        let hash = self.0.passwords.hash(root_secret_key).await?;
        let root = NewAccessKey { id: root_access_key.to_owned(), secret: root_secret_key.to_owned() };
        let (sealer, now) = (Arc::clone(&self.0.sealer), self.now_micros());
        let project = self
            .write_revoking(move |tx| {
                ensure_domain(tx, now)?;
                ensure_roles(tx, now)?;
                let project = ensure_project(tx, now)?;
                let user = ensure_user(tx, &project, &hash, now)?;
                give(tx, &user.id, &Target::Project(project.id.clone()), role::ADMIN)?;
                give(tx, &user.id, &Target::System, role::ADMIN)?;
                ensure_root_key(tx, &sealer, &root, (&user, &project), &hash, now)?;
                Ok(project)
            })
            .await?;
        self.account(&project.id).await
    }
}

fn ensure_domain(tx: &mut Tx<'_>, now: i64) -> Result<(), Error> {
    if tables::domain(tx, DEFAULT_DOMAIN)?.is_some() {
        return Ok(());
    }
    let row = DomainRow {
        id: DEFAULT_DOMAIN.to_owned(),
        name: DEFAULT_DOMAIN_NAME.to_owned(),
        description: "The default domain".to_owned(),
        enabled: true,
        extra: "{}".to_owned(),
        created_at: now,
    };
    Ok(tables::insert_domain(tx, &row)?)
}

fn ensure_roles(tx: &mut Tx<'_>, now: i64) -> Result<(), Error> {
    for (name, included) in ROLES {
        if tables::role_by_name(tx, name)?.is_some() {
            continue;
        }
        let row = RoleRow {
            id: Uuid::new_v4().simple().to_string(),
            name: name.to_owned(),
            description: String::new(),
            extra: "{}".to_owned(),
            created_at: now,
        };
        tables::insert_role(tx, &row)?;
        if let Some(included) = included
            && let Some(included) = tables::role_by_name(tx, included)?
        {
            tables::insert_implication(tx, &row.id, &included.id)?;
        }
    }
    Ok(())
}

fn ensure_project(tx: &mut Tx<'_>, now: i64) -> Result<Project, Error> {
    match tables::project_by_name(tx, DEFAULT_DOMAIN, ADMIN)? {
        Some(project) => Ok(project),
        None => projects::insert(tx, &NewProject::named(ADMIN), now),
    }
}

fn ensure_user(tx: &mut Tx<'_>, project: &Project, hash: &str, now: i64) -> Result<User, Error> {
    if let Some(user) = tables::user_by_name(tx, DEFAULT_DOMAIN, ADMIN)? {
        return Ok(user);
    }
    let mut admin = NewUser::named(ADMIN);
    admin.default_project_id = Some(project.id.clone());
    users::insert(tx, &admin, Some(hash), now)
}

fn ensure_root_key(
    tx: &mut Tx<'_>,
    sealer: &Sealer,
    root: &NewAccessKey,
    (user, project): (&User, &Project),
    hash: &str,
    now: i64,
) -> Result<(), Error> {
    let Some(row) = tables::access_key(tx, &root.id)? else {
        access_keys::insert_given(tx, sealer, root, &user.id, &project.id, now)?;
        return set_password_if_new_root(tx, user, hash, now);
    };
    if row.user_id != user.id {
        return Err(Error::taken(crate::Kind::AccessKey, &root.id));
    }
    let place = access_keys::place(&root.id);
    if sealer.unseal(&place, &row.sealed_secret)? == root.secret.as_bytes() {
        return Ok(());
    }
    let sealed_secret = sealer.seal(&place, root.secret.as_bytes())?;
    tables::update_access_key(tx, &AccessKeyRow { sealed_secret, enabled: true, ..row })?;
    tables::set_password_hash(tx, &user.id, Some(hash))?;
    revoke(tx, &Revoked::User(&user.id), now)
}

/// A root key that is new beside an older `admin` user: the operator has named another key, so its secret is the
/// password from now on.
fn set_password_if_new_root(tx: &mut Tx<'_>, user: &User, hash: &str, now: i64) -> Result<(), Error> {
    if user.created_at == now {
        return Ok(());
    }
    tables::set_password_hash(tx, &user.id, Some(hash))?;
    revoke(tx, &Revoked::User(&user.id), now)
}
