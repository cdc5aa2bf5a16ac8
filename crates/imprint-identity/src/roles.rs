//! Roles, and what holding one includes.

use std::collections::{HashMap, HashSet};

use imprint_catalogue::Tx;
use imprint_catalogue::identity::{self as tables, AssignmentFilter, RoleRow};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::revoked::Revoked;
use crate::text::{check_description, check_name, extra_text, merge_extra};
use crate::tokens::ROLES_MAX;
use crate::{Error, Identity, Kind, Role, Target, revoke};

const NAME_MAX: usize = 255;
/// Longest role name that a token can carry, in bytes.
const NAME_BYTES_MAX: usize = 254;

/// A role to be made.
#[derive(Debug, Clone, Default)]
pub struct NewRole {
    /// Unique name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Further attributes.
    pub extra: Map<String, Value>,
}

/// What to change of a role.
#[derive(Debug, Clone, Default)]
pub struct RolePatch {
    /// New name.
    pub name: Option<String>,
    /// New text.
    pub description: Option<String>,
    /// Further attributes to set.
    pub extra: Map<String, Value>,
}

impl Identity {
    /// Makes a role.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Duplicate`], [`Error::Catalogue`].
    pub async fn create_role(&self, new: NewRole) -> Result<Role, Error> {
        check_role_name(&new.name)?;
        check_description(&new.description)?;
        let row = RoleRow {
            id: Uuid::new_v4().simple().to_string(),
            extra: extra_text(&new.extra)?,
            name: new.name,
            description: new.description,
            created_at: self.now_micros(),
        };
        self.write(move |tx| {
            free_name(tx, &row.name)?;
            tables::insert_role(tx, &row)?;
            Ok(row.clone())
        })
        .await
    }

    /// One role.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn role(&self, id: &str) -> Result<Role, Error> {
        let id = id.to_owned();
        self.read(move |tx| existing_role(tx, &id)).await
    }

    /// All roles, or the one of this name.
    ///
    /// # Errors
    /// [`Error::Catalogue`].
    pub async fn list_roles(&self, name: Option<String>) -> Result<Vec<Role>, Error> {
        self.read(move |tx| Ok(tables::list_roles(tx, name.as_deref())?)).await
    }

    /// Changes a role. A new name ends the tokens that carry the old one.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], [`Error::Duplicate`], [`Error::Catalogue`].
    pub async fn update_role(&self, id: &str, patch: RolePatch) -> Result<Role, Error> {
        let (id, now) = (id.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            let mut row = existing_role(tx, &id)?;
            if let Some(name) = patch.name.as_ref().filter(|name| **name != row.name) {
                check_role_name(name)?;
                free_name(tx, name)?;
                revoke(tx, &Revoked::Role(&row.name), now)?;
                row.name.clone_from(name);
            }
            if let Some(text) = &patch.description {
                check_description(text)?;
                row.description.clone_from(text);
            }
            row.extra = merge_extra(&row.extra, &patch.extra)?;
            tables::update_role(tx, &row)?;
            Ok(row)
        })
        .await
    }

    /// Removes a role from all who hold it, and then itself. Ends the tokens that carry it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn delete_role(&self, id: &str) -> Result<(), Error> {
        let (id, now) = (id.to_owned(), self.now_micros());
        self.write_revoking(move |tx| {
            let row = existing_role(tx, &id)?;
            tables::delete_assignments_of_role(tx, &id)?;
            tables::delete_role(tx, &id)?;
            revoke(tx, &Revoked::Role(&row.name), now)
        })
        .await
    }
}

pub(crate) fn existing_role(tx: &mut Tx<'_>, id: &str) -> Result<Role, Error> {
    tables::role(tx, id)?.ok_or_else(|| Error::absent(Kind::Role, id))
}

/// The roles a user holds on a target: those given, by name, then those they include.
pub(crate) fn effective_roles(tx: &mut Tx<'_>, user_id: &str, target: &Target) -> Result<Vec<Role>, Error> {
    let filter = AssignmentFilter {
        user_id: Some(user_id.to_owned()),
        target_kind: Some(target.kind().to_owned()),
        target_id: Some(target.id().to_owned()),
        role_id: None,
    };
    let held: Vec<String> = tables::list_assignments(tx, &filter)?.into_iter().map(|row| row.role_id).collect();
    if held.is_empty() {
        return Ok(Vec::new());
    }
    Ok(RoleTree::load(tx)?.expand(&held))
}

/// All roles with what they include.
pub(crate) struct RoleTree {
    roles: HashMap<String, Role>,
    includes: HashMap<String, Vec<String>>,
}

impl RoleTree {
    pub(crate) fn load(tx: &mut Tx<'_>) -> Result<Self, Error> {
        let roles = tables::list_roles(tx, None)?.into_iter().map(|role| (role.id.clone(), role)).collect();
        let mut includes: HashMap<String, Vec<String>> = HashMap::new();
        for (role, included) in tables::list_implications(tx)? {
            includes.entry(role).or_default().push(included);
        }
        Ok(Self { roles, includes })
    }

    /// The roles with these ids and all they include, each once; at most [`ROLES_MAX`], the most a token can carry.
    pub(crate) fn expand(&self, ids: &[String]) -> Vec<Role> {
        let mut seen = HashSet::new();
        let mut found: Vec<Role> =
            ids.iter().filter(|id| seen.insert(id.as_str())).filter_map(|id| self.roles.get(id).cloned()).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        let mut next = 0;
        while let Some(role) = found.get(next) {
            let included = self.includes.get(&role.id).map_or(&[][..], Vec::as_slice);
            let more: Vec<_> = included
                .iter()
                .filter(|id| seen.insert(id.as_str()))
                .filter_map(|id| self.roles.get(id).cloned())
                .collect();
            found.extend(more);
            next += 1;
        }
        found.truncate(ROLES_MAX);
        found
    }

    pub(crate) fn role(&self, id: &str) -> Option<&Role> {
        self.roles.get(id)
    }
}

fn check_role_name(name: &str) -> Result<(), Error> {
    check_name(Kind::Role, name, NAME_MAX)?;
    if name.len() > NAME_BYTES_MAX {
        return Err(Error::Invalid(format!("Invalid input for field 'name': at most {NAME_BYTES_MAX} bytes")));
    }
    Ok(())
}

fn free_name(tx: &mut Tx<'_>, name: &str) -> Result<(), Error> {
    match tables::role_by_name(tx, name)? {
        Some(_) => Err(Error::taken(Kind::Role, name)),
        None => Ok(()),
    }
}
