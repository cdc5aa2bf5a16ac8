//! What must be there before anybody can log in: made at the first start, and again, as far as it is missing, at every
//! start that names the root keys.

use std::sync::Arc;

use imprint_catalogue::Tx;
use imprint_catalogue::identity::{self as tables, AccessKeyRow, DomainRow, RoleRow};
use imprint_model::role;
use uuid::Uuid;

use crate::accounts::give;
use crate::revoked::Revoked;
use crate::secrets::Sealer;
use crate::sts::KEY_ID_BEGINNING;
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
    /// Whether the first account has been made, by whichever node. From then on only an operator who names the root
    /// keys changes it ([`bootstrap`](Self::bootstrap)).
    ///
    /// # Errors
    /// [`Error::Catalogue`].
    pub async fn has_first_account(&self) -> Result<bool, Error> {
        self.read(|tx| Ok(tables::domain(tx, DEFAULT_DOMAIN)?.is_some())).await
    }

    /// Makes the default domain, the roles, the project and user `admin`, and the root access key, as far as they are
    /// missing. The user's password is the root secret. When the root key is there with another secret, the operator
    /// has changed it: then secret and password become the new one. A password that was changed since stays.
    ///
    /// # Errors
    /// [`Error::Invalid`] for keys that [`check_root_keys`] refuses, [`Error::Duplicate`] when the key is another
    /// user's, [`Error::Catalogue`].
    pub async fn bootstrap(&self, root_access_key: &str, root_secret_key: &str) -> Result<Account, Error> {
        let project = self.ensure_first_account(root_access_key, root_secret_key, false).await?;
        let project = project.ok_or_else(|| Error::Internal("the first account was not made".to_owned()))?;
        self.account(&project.id).await
    }

    /// The same with keys that nobody chose, and so only when there is no first account. Of two nodes that start at
    /// once the first one's keys count; says whether these are they.
    ///
    /// # Errors
    /// [`Error::Invalid`] for keys that [`check_root_keys`] refuses, [`Error::Catalogue`].
    pub async fn bootstrap_once(&self, root_access_key: &str, root_secret_key: &str) -> Result<bool, Error> {
        if self.ensure_first_account(root_access_key, root_secret_key, true).await?.is_some() {
            return Ok(true);
        }
        let id = root_access_key.to_owned();
        self.read(move |tx| Ok(tables::access_key(tx, &id)?.is_some())).await
    }

    /// `None` when there is a first account and `only_new` says to leave it alone.
    async fn ensure_first_account(
        &self,
        root_access_key: &str,
        root_secret_key: &str,
        only_new: bool,
    ) -> Result<Option<Project>, Error> {
        check_root_keys(root_access_key, root_secret_key)?;
        let hash = self.0.passwords.hash(root_secret_key).await?;
        let root = NewAccessKey { id: root_access_key.to_owned(), secret: root_secret_key.to_owned() };
        let (sealer, now) = (Arc::clone(&self.0.sealer), self.now_micros());
        self.write_revoking(move |tx| {
            if only_new && tables::domain(tx, DEFAULT_DOMAIN)?.is_some() {
                return Ok(None);
            }
            ensure_domain(tx, now)?;
            ensure_roles(tx, now)?;
            let project = ensure_project(tx, now)?;
            let user = ensure_user(tx, &project, &hash, now)?;
            give(tx, &user.id, &Target::Project(project.id.clone()), role::ADMIN)?;
            give(tx, &user.id, &Target::System, role::ADMIN)?;
            ensure_root_key(tx, &sealer, &root, (&user, &project), &hash, now)?;
            Ok(Some(project))
        })
        .await
    }
}

/// Whether these can be root keys.
///
/// # Errors
/// [`Error::Invalid`] unless each has 3 to 128 visible ASCII characters, and the access key does not begin like a
/// temporary one.
pub fn check_root_keys(access_key: &str, secret_key: &str) -> Result<(), Error> {
    let good = |key: &str| KEY_LEN.contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if !good(access_key) || !good(secret_key) {
        return Err(Error::Invalid("the root keys have 3 to 128 visible ASCII characters each".to_owned()));
    }
    if access_key.starts_with(KEY_ID_BEGINNING) {
        return Err(Error::Invalid(format!("the root access key cannot begin with {KEY_ID_BEGINNING}")));
    }
    Ok(())
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
