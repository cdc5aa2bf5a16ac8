//! Everything that can be asked of snapshots, disks and machines. What holds for every dialect is here; a dialect adds
//! the sizes and names it allows. An item of another account is never told apart from one that does not exist.

mod attach;
mod delete_instances;
mod disk_bytes;
mod disks;
mod expiry;
mod instances;
mod list;
mod plan;
mod power;
mod snapshots;

use std::collections::BTreeSet;
use std::fmt::Display;

use imprint_catalogue::snapshots as snapshot_rows;
use imprint_catalogue::{Tx, audit, disks as disk_rows, instances as instance_rows};
use imprint_model::{
    Caller, Content, Disk, DiskEvent, DiskId, Instance, InstanceId, ProjectId, Snapshot, SnapshotId, Timestamp, role,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Service;
use crate::access::require_unbound;
use crate::ask::{Ask, asked};
use crate::error::{Conflict, Error, Field, Quota, Resource};
use crate::limits::within;

pub use attach::{AttachDisk, DetachDisk};
pub use delete_instances::DeleteInstances;
pub use disk_bytes::{ReplaceSystemDisk, ResetDisk};
pub use disks::{ChangeDisk, CreateDisk, ResizeDisk, SizesOf};
pub use instances::{ChangeInstance, MACHINES_AT_ONCE_MAX, MakeInstances, NewMachine};
pub use plan::{DataDisk, SystemDisk};
pub use power::{RebootInstance, StopInstance};
pub use snapshots::{ChangeSnapshot, CreateSnapshot, DeleteSnapshot};

pub(crate) use attach::let_go;
pub(crate) use power::{end, settle_disks};
pub(crate) use snapshots::{Instant, take_snapshot};

/// What is refused to whoever may only look.
const CHANGING: &str = "changing machines, disks or snapshots";

/// A change under way: who asks, and when.
#[derive(Debug)]
struct Errand {
    service: Service,
    caller: Caller,
    now: Timestamp,
}

impl Service {
    /// Runs a change of the inventory in one transaction, as it was asked for.
    async fn run_errand<T, W>(&self, caller: &Caller, ask: Ask, work: W) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        W: Fn(&mut Tx<'_>, &Errand) -> Result<T, Error> + Send + 'static,
    {
        if !caller.has_role(role::MEMBER) {
            return Err(Error::Denied(CHANGING.to_owned()));
        }
        require_unbound(caller, CHANGING)?;
        let errand = Errand { service: self.clone(), caller: caller.clone(), now: self.clock.now() };
        let done =
            self.catalogue.write(move |tx| asked(tx, &errand.caller, &ask, errand.now, |tx| work(tx, &errand))).await?;
        self.machines.wake.notify_one();
        Ok(done)
    }
}

impl Errand {
    /// The account that what is made will belong to.
    fn account(&self) -> Result<ProjectId, Error> {
        self.caller.project.clone().ok_or_else(|| Error::Denied("making something without an account".to_owned()))
    }

    fn may_reach(&self, owner: &ProjectId) -> bool {
        self.caller.is_admin() || self.caller.acts_for(owner)
    }

    fn disk(&self, tx: &mut Tx<'_>, id: DiskId) -> Result<Disk, Error> {
        let found = disk_rows::get(tx, id)?.filter(|disk| self.may_reach(&disk.owner));
        found.ok_or_else(|| Error::NotFound(Resource::Disk(id.to_string())))
    }

    fn snapshot(&self, tx: &mut Tx<'_>, id: SnapshotId) -> Result<Snapshot, Error> {
        let found = snapshot_rows::get(tx, id)?.filter(|snapshot| self.may_reach(&snapshot.owner));
        found.ok_or_else(|| Error::NotFound(Resource::Snapshot(id.to_string())))
    }

    fn instance(&self, tx: &mut Tx<'_>, id: InstanceId) -> Result<Instance, Error> {
        let found = instance_rows::get(tx, id)?.filter(|instance| self.may_reach(&instance.owner));
        found.ok_or_else(|| Error::NotFound(Resource::Instance(id.to_string())))
    }

    /// The machine, unless it may not be used now.
    fn usable_instance(&self, tx: &mut Tx<'_>, id: InstanceId) -> Result<Instance, Error> {
        let instance = self.instance(tx, id)?;
        if instance.locked.is_some() { Err(Error::Conflict(Conflict::InstanceLocked)) } else { Ok(instance) }
    }

    fn require_name(&self, name: Option<&String>) -> Result<(), Error> {
        name.map_or(Ok(()), |name| self.service.settings.limits.text(Field::Name, name.clone()).map(|_| ()))
    }

    fn require_description(&self, text: Option<&String>) -> Result<(), Error> {
        text.map_or(Ok(()), |text| self.service.settings.limits.long_text(Field::Description, text))
    }

    fn require_tags(&self, tags: &BTreeSet<String>) -> Result<(), Error> {
        let limits = &self.service.settings.limits;
        tags.iter().try_for_each(|tag| limits.long_text(Field::Tag, tag))?;
        within(limits.image_tags, tags.len() as u64, Quota::Tags)
    }

    /// Notes in the same transaction who did what to which item.
    fn note(&self, tx: &mut Tx<'_>, action: &str, item: impl Display) -> Result<(), Error> {
        let entry = audit::AuditEntry {
            at: self.now,
            user: self.caller.user.clone(),
            project: self.caller.project.clone(),
            request_id: self.caller.request_id.clone(),
            action: action.to_owned(),
            resource: item.to_string(),
            detail: serde_json::Value::Null,
        };
        Ok(audit::record(tx, &entry)?)
    }
}

/// Moves a disk through its status table.
pub(crate) fn step(disk: &mut Disk, event: DiskEvent) -> Result<(), Error> {
    disk.status = disk.status.on(event).map_err(|_| Error::Conflict(Conflict::DiskStatus))?;
    Ok(())
}

/// The smallest disk, in GiB, that holds these bytes.
pub(crate) fn least_gib(content: Option<&Content>) -> u32 {
    let bytes = content.map_or(0, |content| content.virtual_size_bytes.unwrap_or(content.size_bytes));
    u32::try_from(bytes.div_ceil(1 << 30)).unwrap_or(u32::MAX).max(1)
}
