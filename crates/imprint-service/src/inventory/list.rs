//! Looking at snapshots, disks and machines: the caller's account's own, whoever the caller is.

use imprint_catalogue::disks::{self, DiskQuery};
use imprint_catalogue::instances::{self, InstanceQuery};
use imprint_catalogue::inventory::Items;
use imprint_catalogue::snapshots::{self, SnapshotQuery, Uses};
use imprint_catalogue::{ErrorKind, Tx};
use imprint_model::{Caller, Disk, DiskId, Instance, InstanceId, ProjectId, Snapshot, SnapshotId, role};

use crate::Service;
use crate::access::require_unbound;
use crate::error::{Error, Field, Resource};

/// What is refused to whoever has no account here.
const LOOKING: &str = "looking at machines, disks or snapshots";

impl Service {
    /// A page of the account's disks, newest first. Whose is not for the query to say.
    ///
    /// # Errors
    /// [`Error::Invalid`] of [`Field::Marker`] when the page is to start after a disk that is not there;
    /// [`Error::Denied`] for a caller without an account.
    pub async fn list_disks(&self, caller: &Caller, query: DiskQuery) -> Result<Items<Disk>, Error> {
        let query = DiskQuery { owner: account(caller)?, ..query };
        self.catalogue.scan(move |tx| disks::list(tx, &query).map_err(list_error)).await
    }

    /// A page of the account's machines, newest first. Whose is not for the query to say.
    ///
    /// # Errors
    /// As [`Service::list_disks`].
    pub async fn list_instances(&self, caller: &Caller, query: InstanceQuery) -> Result<Items<Instance>, Error> {
        let query = InstanceQuery { owner: account(caller)?, ..query };
        self.catalogue.scan(move |tx| instances::list(tx, &query).map_err(list_error)).await
    }

    /// A page of the account's snapshots with what each is needed for, newest first. Whose is not for the query to say.
    ///
    /// # Errors
    /// As [`Service::list_disks`].
    pub async fn list_snapshots(
        &self,
        caller: &Caller,
        query: SnapshotQuery,
    ) -> Result<Items<(Snapshot, Uses)>, Error> {
        let query = SnapshotQuery { owner: account(caller)?, ..query };
        let list = move |tx: &mut Tx<'_>| {
            let page = snapshots::list(tx, &query).map_err(list_error)?;
            let ids: Vec<SnapshotId> = page.items.iter().map(|snapshot| snapshot.id).collect();
            let uses = snapshots::uses(tx, &ids)?;
            let items = page.items.into_iter().map(|snapshot| {
                let used = uses.get(&snapshot.id).copied().unwrap_or_default();
                (snapshot, used)
            });
            Ok(Items { items: items.collect(), total: page.total })
        };
        self.catalogue.scan(list).await
    }

    /// One disk.
    ///
    /// # Errors
    /// [`Error::NotFound`] also for another account's.
    pub async fn show_disk(&self, caller: &Caller, id: DiskId) -> Result<Disk, Error> {
        let found = self.catalogue.read(move |tx| Ok::<_, Error>(disks::get(tx, id)?)).await?;
        let own = found.filter(|disk| may_see(caller, &disk.owner));
        own.ok_or_else(|| Error::NotFound(Resource::Disk(id.to_string())))
    }

    /// One machine.
    ///
    /// # Errors
    /// [`Error::NotFound`] also for another account's.
    pub async fn show_instance(&self, caller: &Caller, id: InstanceId) -> Result<Instance, Error> {
        let found = self.catalogue.read(move |tx| Ok::<_, Error>(instances::get(tx, id)?)).await?;
        let own = found.filter(|instance| may_see(caller, &instance.owner));
        own.ok_or_else(|| Error::NotFound(Resource::Instance(id.to_string())))
    }

    /// One snapshot.
    ///
    /// # Errors
    /// [`Error::NotFound`] also for another account's.
    pub async fn show_snapshot(&self, caller: &Caller, id: SnapshotId) -> Result<Snapshot, Error> {
        let found = self.catalogue.read(move |tx| Ok::<_, Error>(snapshots::get(tx, id)?)).await?;
        let own = found.filter(|snapshot| may_see(caller, &snapshot.owner));
        own.ok_or_else(|| Error::NotFound(Resource::Snapshot(id.to_string())))
    }
}

fn account(caller: &Caller) -> Result<ProjectId, Error> {
    let account = caller.project.clone().filter(|_| caller.has_role(role::READER));
    require_unbound(caller, LOOKING)?;
    account.ok_or_else(|| Error::Denied(LOOKING.to_owned()))
}

fn may_see(caller: &Caller, owner: &ProjectId) -> bool {
    let by_role = caller.is_admin() || (caller.acts_for(owner) && caller.has_role(role::READER));
    by_role && caller.grants.is_none()
}

fn list_error(error: imprint_catalogue::Error) -> Error {
    match error.kind() {
        ErrorKind::UnknownMarker => Error::invalid(Field::Marker, "nothing of that id to go on after"),
        _ => error.into(),
    }
}
