//! Resource groups: names under which an account sorts its things. Every account has a default group besides, which
//! needs no row.

use imprint_catalogue::resource_groups::{self, ResourceGroup};
use imprint_catalogue::{ErrorKind, Tx};
use imprint_model::{Caller, ProjectId, role};

use crate::Service;
use crate::access::require_unbound;
use crate::ask::{Ask, asked};
use crate::error::{Error, Field, Resource};

/// A group that is wanted.
#[derive(Debug, Clone)]
pub struct CreateGroup {
    /// The id it will have, in the form of the dialect that makes it.
    pub id: String,
    /// Unique within the account.
    pub name: String,
    /// For people.
    pub display_name: String,
}

impl Service {
    /// Makes a resource group.
    ///
    /// # Errors
    /// [`Error::Duplicate`] of id or name, [`Error::Invalid`], [`Error::Denied`], [`Error::DryRun`].
    pub async fn create_group(&self, caller: &Caller, wanted: CreateGroup, ask: Ask) -> Result<(), Error> {
        let limits = &self.settings.limits;
        let group = ResourceGroup {
            id: limits.text(Field::Id, wanted.id)?,
            owner: writer_of(caller)?,
            name: limits.text(Field::Name, wanted.name)?,
            display_name: limits.text(Field::Name, wanted.display_name)?,
            created_at: self.clock.now(),
        };
        let caller = caller.clone();
        let work = move |tx: &mut Tx<'_>| {
            asked(tx, &caller, &ask, group.created_at, |tx| {
                resource_groups::insert(tx, &group).map_err(|error| match (error.kind(), error.constraint()) {
                    (ErrorKind::Duplicate, Some("resource_group(id)")) => Error::Duplicate(Field::Id),
                    (ErrorKind::Duplicate, _) => Error::Duplicate(Field::Name),
                    _ => error.into(),
                })
            })
        };
        self.catalogue.write(work).await
    }

    /// The account's resource groups, oldest first, the default group not among them.
    ///
    /// # Errors
    /// [`Error::Denied`] without an account.
    pub async fn groups(&self, caller: &Caller) -> Result<Vec<ResourceGroup>, Error> {
        let owner = account(caller, role::READER)?;
        self.catalogue.scan(move |tx| Ok(resource_groups::list(tx, &owner)?)).await
    }

    /// Deletes a resource group that nothing is in.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::InUse`], [`Error::Denied`], [`Error::DryRun`].
    pub async fn delete_group(&self, caller: &Caller, id: &str, ask: Ask) -> Result<(), Error> {
        let owner = writer_of(caller)?;
        let (caller, id, clock) = (caller.clone(), id.to_owned(), self.clock.clone());
        let work = move |tx: &mut Tx<'_>| {
            asked(tx, &caller, &ask, clock.now(), |tx| {
                if resource_groups::is_used(tx, &owner, &id)? {
                    return Err(Error::InUse("the resource group is not empty".to_owned()));
                }
                let deleted = resource_groups::delete(tx, &owner, &id)?;
                if deleted { Ok(()) } else { Err(Error::NotFound(Resource::ResourceGroup(id.clone()))) }
            })
        };
        self.catalogue.write(work).await
    }
}

fn writer_of(caller: &Caller) -> Result<ProjectId, Error> {
    account(caller, role::MEMBER)
}

fn account(caller: &Caller, role: &str) -> Result<ProjectId, Error> {
    let account = caller.project.clone().filter(|_| caller.has_role(role));
    require_unbound(caller, "resource groups")?;
    account.ok_or_else(|| Error::Denied("resource groups".to_owned()))
}
