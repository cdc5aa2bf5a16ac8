//! Who holds which role where.

use std::collections::{HashMap, HashSet};

use imprint_catalogue::Tx;
use imprint_catalogue::identity::{self as tables, AssignmentFilter, AssignmentRow};

use crate::domains::existing_domain;
use crate::projects::existing_project;
use crate::revoked::{Revoked, SYSTEM_TARGET};
use crate::roles::{RoleTree, existing_role};
use crate::users::existing_user;
use crate::{Domain, Error, Identity, Kind, Project, Role, User, revoke};

/// Where a role is held.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// On a project, by id.
    Project(String),
    /// On a domain, by id.
    Domain(String),
    /// On the whole installation.
    System,
}

impl Target {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Project(_) => "project",
            Self::Domain(_) => "domain",
            Self::System => "system",
        }
    }

    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Project(id) | Self::Domain(id) => id,
            Self::System => SYSTEM_TARGET,
        }
    }

    fn of(row: &AssignmentRow) -> Result<Self, Error> {
        match row.target_kind.as_str() {
            "project" => Ok(Self::Project(row.target_id.clone())),
            "domain" => Ok(Self::Domain(row.target_id.clone())),
            "system" => Ok(Self::System),
            other => Err(Error::Internal(format!("unknown target of a role: {other}"))),
        }
    }
}

/// What a list of assignments is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct AssignmentQuery {
    /// Held by this user.
    pub user_id: Option<String>,
    /// Of this role.
    pub role_id: Option<String>,
    /// On this target.
    pub target: Option<Target>,
    /// Also roles that are held because another includes them.
    pub effective: bool,
}

/// One assignment with the names that go with its ids.
#[derive(Debug, Clone)]
pub struct NamedAssignment {
    /// Who.
    pub user: User,
    /// The user's domain.
    pub user_domain: Domain,
    /// Which role.
    pub role: Role,
    /// Where.
    pub target: Target,
    /// The project, if that is where.
    pub project: Option<Project>,
    /// The domain of the project, or the domain that is where.
    pub target_domain: Option<Domain>,
}

impl Identity {
    /// Gives a user a role on a target; again is no error.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a user, role or target that is not there, [`Error::Catalogue`].
    pub async fn grant(&self, user_id: &str, target: Target, role_id: &str) -> Result<(), Error> {
        let row = assignment(user_id, &target, role_id);
        self.write(move |tx| {
            check_parts(tx, &row, &target)?;
            Ok(tables::insert_assignment(tx, &row)?)
        })
        .await
    }

    /// Takes a role away. Ends the user's tokens for that target.
    ///
    /// # Errors
    /// [`Error::NotFound`] also when the user does not hold it, [`Error::Catalogue`].
    pub async fn take_away(&self, user_id: &str, target: Target, role_id: &str) -> Result<(), Error> {
        let (row, now) = (assignment(user_id, &target, role_id), self.now_micros());
        self.write_revoking(move |tx| {
            check_parts(tx, &row, &target)?;
            if !tables::remove_assignment(tx, &row)? {
                return Err(Error::absent(Kind::Assignment, &row.role_id));
            }
            revoke(tx, &Revoked::Grant { user_id: &row.user_id, target_id: target.id() }, now)
        })
        .await
    }

    /// Whether a user has been given a role on a target.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a user, role or target that is not there, [`Error::Catalogue`].
    pub async fn holds(&self, user_id: &str, target: Target, role_id: &str) -> Result<bool, Error> {
        let row = assignment(user_id, &target, role_id);
        self.read(move |tx| {
            check_parts(tx, &row, &target)?;
            Ok(tables::has_assignment(tx, &row)?)
        })
        .await
    }

    /// All assignments that meet the query.
    ///
    /// # Errors
    /// [`Error::Catalogue`].
    pub async fn list_assignments(&self, query: AssignmentQuery) -> Result<Vec<NamedAssignment>, Error> {
        self.read(move |tx| {
            let filter = AssignmentFilter {
                user_id: query.user_id.clone(),
                target_kind: query.target.as_ref().map(|target| target.kind().to_owned()),
                target_id: query.target.as_ref().map(|target| target.id().to_owned()),
                // an included role has no row of its own, so then the role is looked at after expanding
                role_id: query.role_id.clone().filter(|_| !query.effective),
            };
            let rows = tables::list_assignments(tx, &filter)?;
            let tree = RoleTree::load(tx)?;
            let rows = if query.effective { expand(rows, &tree) } else { rows };
            let mut names = Names::default();
            rows.into_iter()
                .filter(|row| query.role_id.as_ref().is_none_or(|wanted| *wanted == row.role_id))
                .filter_map(|row| named(tx, &row, &tree, &mut names).transpose())
                .collect()
        })
        .await
    }
}

fn assignment(user_id: &str, target: &Target, role_id: &str) -> AssignmentRow {
    AssignmentRow {
        user_id: user_id.to_owned(),
        target_kind: target.kind().to_owned(),
        target_id: target.id().to_owned(),
        role_id: role_id.to_owned(),
    }
}

fn check_parts(tx: &mut Tx<'_>, row: &AssignmentRow, target: &Target) -> Result<(), Error> {
    existing_role(tx, &row.role_id)?;
    existing_user(tx, &row.user_id)?;
    match target {
        Target::Project(id) => existing_project(tx, id).map(drop),
        Target::Domain(id) => existing_domain(tx, id).map(drop),
        Target::System => Ok(()),
    }
}

fn expand(rows: Vec<AssignmentRow>, tree: &RoleTree) -> Vec<AssignmentRow> {
    let mut seen = HashSet::new();
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        for role in tree.expand(std::slice::from_ref(&row.role_id)) {
            let one = AssignmentRow { role_id: role.id, ..row.clone() };
            let key = (one.user_id.clone(), one.target_kind.clone(), one.target_id.clone(), one.role_id.clone());
            if seen.insert(key) {
                all.push(one);
            }
        }
    }
    all
}

/// What has been looked up already.
#[derive(Default)]
struct Names {
    users: HashMap<String, Option<User>>,
    projects: HashMap<String, Option<Project>>,
    domains: HashMap<String, Option<Domain>>,
}

impl Names {
    fn user(&mut self, tx: &mut Tx<'_>, id: &str) -> Result<Option<User>, Error> {
        if !self.users.contains_key(id) {
            self.users.insert(id.to_owned(), tables::user(tx, id)?);
        }
        Ok(self.users[id].clone())
    }

    fn project(&mut self, tx: &mut Tx<'_>, id: &str) -> Result<Option<Project>, Error> {
        if !self.projects.contains_key(id) {
            self.projects.insert(id.to_owned(), tables::project(tx, id)?);
        }
        Ok(self.projects[id].clone())
    }

    fn domain(&mut self, tx: &mut Tx<'_>, id: &str) -> Result<Option<Domain>, Error> {
        if !self.domains.contains_key(id) {
            self.domains.insert(id.to_owned(), tables::domain(tx, id)?);
        }
        Ok(self.domains[id].clone())
    }
}

/// `None` when a part of it is gone: such a row means nothing any more.
fn named(
    tx: &mut Tx<'_>,
    row: &AssignmentRow,
    tree: &RoleTree,
    names: &mut Names,
) -> Result<Option<NamedAssignment>, Error> {
    let target = Target::of(row)?;
    let (Some(user), Some(role)) = (names.user(tx, &row.user_id)?, tree.role(&row.role_id).cloned()) else {
        return Ok(None);
    };
    let Some(user_domain) = names.domain(tx, &user.domain_id)? else {
        return Ok(None);
    };
    let (project, target_domain) = match &target {
        Target::System => (None, None),
        Target::Domain(id) => (None, names.domain(tx, id)?),
        Target::Project(id) => match names.project(tx, id)? {
            None => return Ok(None),
            Some(project) => {
                let domain = names.domain(tx, &project.domain_id)?;
                (Some(project), domain)
            }
        },
    };
    Ok(Some(NamedAssignment { user, user_domain, role, target, project, target_domain }))
}
