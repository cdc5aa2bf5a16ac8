//! Accounts as an operator handles them: a project, its user and its first access key, made in one go.

use std::sync::Arc;

use imprint_catalogue::Tx;
use imprint_catalogue::identity::{self as tables, AssignmentRow};
use imprint_model::{Timestamp, role};

use crate::{
    DEFAULT_DOMAIN, Error, Identity, Kind, NewProject, NewUser, Project, ProjectFilter, ProjectPatch, Target,
    access_keys, projects, users,
};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// 16 decimal digits.
    pub account_id: String,
    /// 32 hexadecimal digits: the same account, as its images name it.
    pub project_id: String,
    /// Name.
    pub name: String,
    /// Whether anybody may act for it.
    pub enabled: bool,
    /// Since when there is it.
    pub created_at: Timestamp,
}

/// A new account: the one time its first key's secret is shown.
#[derive(Clone)]
pub struct NewAccount {
    /// The account.
    pub account: Account,
    /// Its user, of the same name.
    pub user_id: String,
    /// Id of its first access key.
    pub access_key_id: String,
    /// Secret of its first access key.
    pub access_key_secret: String,
}

impl Identity {
    /// Makes an account in the default domain, with a user of the same name (who manages it and has no password yet)
    /// and an access key.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Duplicate`], [`Error::Catalogue`].
    pub async fn create_account(&self, name: &str) -> Result<NewAccount, Error> {
        let (name, now, sealer) = (name.to_owned(), self.now_micros(), Arc::clone(&self.0.sealer));
        self.write(move |tx| {
            let project = projects::insert(tx, &NewProject::named(&name), now)?;
            let mut owner = NewUser::named(&name);
            owner.default_project_id = Some(project.id.clone());
            let user = users::insert(tx, &owner, None, now)?;
            give(tx, &user.id, &Target::Project(project.id.clone()), role::MANAGER)?;
            let key = access_keys::insert_new(tx, &sealer, &user.id, &project.id, now)?;
            Ok(NewAccount {
                account: shown(project),
                user_id: user.id,
                access_key_id: key.id,
                access_key_secret: key.secret,
            })
        })
        .await
    }

    /// All accounts.
    ///
    /// # Errors
    /// [`Error::Catalogue`].
    pub async fn list_accounts(&self) -> Result<Vec<Account>, Error> {
        let rows = self.list_projects(ProjectFilter::default()).await?;
        Ok(rows.into_iter().map(shown).collect())
    }

    /// One account by its number, its project id, or its name in the default domain.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn account(&self, named: &str) -> Result<Account, Error> {
        let named = named.to_owned();
        self.read(move |tx| {
            if let Some(project) = tables::project_by_account_number(tx, &named)? {
                return Ok(shown(project));
            }
            if let Some(project) = tables::project(tx, &named)? {
                return Ok(shown(project));
            }
            let project = tables::project_by_name(tx, DEFAULT_DOMAIN, &named)?;
            project.map(shown).ok_or_else(|| Error::absent(Kind::Project, &named))
        })
        .await
    }

    /// Switches an account on or off. Switching off ends all tokens for it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn set_account_enabled(&self, named: &str, enabled: bool) -> Result<Account, Error> {
        let account = self.account(named).await?;
        let patch = ProjectPatch { enabled: Some(enabled), ..ProjectPatch::default() };
        Ok(shown(self.update_project(&account.project_id, patch).await?))
    }
}

/// Gives a user the role of this name in the caller's transaction.
pub(crate) fn give(tx: &mut Tx<'_>, user_id: &str, target: &Target, role_name: &str) -> Result<(), Error> {
    let role = tables::role_by_name(tx, role_name)?.ok_or_else(|| Error::absent(Kind::Role, role_name))?;
    let row = AssignmentRow {
        user_id: user_id.to_owned(),
        target_kind: target.kind().to_owned(),
        target_id: target.id().to_owned(),
        role_id: role.id,
    };
    Ok(tables::insert_assignment(tx, &row)?)
}

fn shown(project: Project) -> Account {
    Account {
        account_id: project.account_number,
        project_id: project.id,
        name: project.name,
        enabled: project.enabled,
        created_at: Timestamp(project.created_at),
    }
}
