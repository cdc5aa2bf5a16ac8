//! Machines as records: made with their disks, and changed.

use std::collections::BTreeSet;

use imprint_catalogue::{Tx, disks, instances};
use imprint_model::{Architecture, BootMode, Caller, ImageId, Instance, InstanceEvent, InstanceId, InstanceStatus};

use super::Errand;
use super::disk_bytes::bootable_image;
use super::plan::{DataDisk, SystemDisk, plan};
use super::power::begin_start;
use crate::Service;
use crate::ask::Ask;
use crate::error::{Conflict, Error, Field};
use crate::images::require_group;
use crate::machines::describe;

/// Machines that one request may make.
pub const MACHINES_AT_ONCE_MAX: usize = 100;
/// Longest text for the first boot, in bytes.
const USER_DATA_BYTES_MAX: usize = 65_536;

/// One of the machines that are wanted.
#[derive(Debug, Clone)]
pub struct NewMachine {
    /// The id it will have.
    pub id: InstanceId,
    /// Name.
    pub name: Option<String>,
    /// The name it calls itself.
    pub host_name: Option<String>,
}

/// Machines that are wanted, alike but for their names.
#[derive(Debug, Clone)]
pub struct MakeInstances {
    /// Each of them.
    pub machines: Vec<NewMachine>,
    /// Where.
    pub region: String,
    /// From which image.
    pub image: ImageId,
    /// For people.
    pub description: Option<String>,
    /// Size class, in the words of the dialect.
    pub class: String,
    /// Processors of each.
    pub cpus: u32,
    /// Memory of each, MiB.
    pub memory_mib: u32,
    /// Whether they are started at once.
    pub start: bool,
    /// What the first boot is told.
    pub user_data: Option<String>,
    /// Refuses to be deleted.
    pub protected: bool,
    /// The resource group they, and their disks, will be in.
    pub resource_group: Option<String>,
    /// Labels.
    pub tags: BTreeSet<String>,
    /// The disk they boot from.
    pub system: SystemDisk,
    /// Further disks, besides those of the image.
    pub data: Vec<DataDisk>,
}

/// What is to change of a machine; what is none stays.
#[derive(Debug, Clone)]
pub struct ChangeInstance {
    /// Which.
    pub instance: InstanceId,
    /// New name.
    pub name: Option<String>,
    /// The name it calls itself.
    pub host_name: Option<String>,
    /// New description.
    pub description: Option<String>,
    /// What the first boot is told; only while it is stopped.
    pub user_data: Option<String>,
    /// Whether it refuses to be deleted.
    pub protected: Option<bool>,
}

impl Service {
    /// Makes machines with their disks: all of them, or none. They are stopped, or begin to start.
    ///
    /// # Errors
    /// [`Conflict::ImageNotAvailable`], [`Conflict::DiskTooSmall`], [`Conflict::DeviceTaken`],
    /// [`Conflict::SnapshotNotReady`], [`crate::Quota::DataDisks`], [`Error::Missing`] and [`Error::Invalid`] of sizes
    /// and devices, [`Error::NotFound`] of image, snapshot, region or resource group; those that are to start, also as
    /// [`Service::start_instance`].
    pub async fn create_instances(
        &self,
        caller: &Caller,
        wanted: MakeInstances,
        ask: Ask,
    ) -> Result<Vec<InstanceId>, Error> {
        self.run_errand(caller, ask, move |tx, errand| make(tx, errand, &wanted)).await
    }

    /// Changes what a machine says of itself.
    ///
    /// # Errors
    /// [`Conflict::InstanceStatus`] when it would have to be stopped, [`Error::NotFound`], [`Error::Invalid`].
    pub async fn change_instance(&self, caller: &Caller, wanted: ChangeInstance, ask: Ask) -> Result<(), Error> {
        let change = move |tx: &mut Tx<'_>, errand: &Errand| {
            let mut instance = errand.instance(tx, wanted.instance)?;
            errand.require_name(wanted.name.as_ref())?;
            errand.require_name(wanted.host_name.as_ref())?;
            errand.require_description(wanted.description.as_ref())?;
            require_user_data(wanted.user_data.as_ref())?;
            if wanted.user_data.is_some() && instance.status != InstanceStatus::Stopped {
                return Err(Error::Conflict(Conflict::InstanceStatus));
            }
            instance.name = wanted.name.clone().or(instance.name);
            instance.host_name = wanted.host_name.clone().or(instance.host_name);
            instance.description = wanted.description.clone().or(instance.description);
            instance.user_data = wanted.user_data.clone().or(instance.user_data);
            instance.protected = wanted.protected.unwrap_or(instance.protected);
            instances::update(tx, &instance)?;
            errand.note(tx, "change instance", instance.id)
        };
        self.run_errand(caller, ask, change).await
    }
}

fn make(tx: &mut Tx<'_>, errand: &Errand, wanted: &MakeInstances) -> Result<Vec<InstanceId>, Error> {
    let owner = errand.account()?;
    errand.service.require_region(&wanted.region)?;
    if wanted.machines.len() > MACHINES_AT_ONCE_MAX {
        return Err(Error::invalid(Field::Id, format!("more than {MACHINES_AT_ONCE_MAX} machines at once")));
    }
    errand.require_description(wanted.description.as_ref())?;
    require_user_data(wanted.user_data.as_ref())?;
    errand.require_name(Some(&wanted.class))?;
    errand.require_tags(&wanted.tags)?;
    require_group(tx, &owner, wanted.resource_group.as_deref())?;
    let image = bootable_image(tx, errand, wanted.image, &wanted.region)?;
    let planned = plan(tx, errand, &image, &wanted.system, &wanted.data)?;
    for machine in &wanted.machines {
        errand.require_name(machine.name.as_ref())?;
        errand.require_name(machine.host_name.as_ref())?;
        let mut instance = Instance {
            id: machine.id,
            owner: owner.clone(),
            region: wanted.region.clone(),
            name: machine.name.clone(),
            host_name: machine.host_name.clone(),
            description: wanted.description.clone(),
            status: after(InstanceStatus::Pending, InstanceEvent::Made)?,
            class: wanted.class.clone(),
            image: image.id,
            locked: None,
            protected: wanted.protected,
            user_data: wanted.user_data.clone(),
            resource_group: wanted.resource_group.clone(),
            tags: wanted.tags.clone(),
            created_at: errand.now,
            started_at: None,
            ended_at: None,
            node: None,
            cpus: wanted.cpus,
            memory_mib: wanted.memory_mib,
            architecture: Architecture::X86_64,
            boot_mode: BootMode::Bios,
            nvme: false,
            stop_by: None,
            restart: false,
            failure: None,
        };
        describe(&mut instance, &image.facts);
        instances::insert(tx, &instance)?;
        for disk in &planned {
            disks::insert(tx, &disk.make(errand, &instance)?)?;
        }
        if wanted.start {
            begin_start(tx, &errand.service, &mut instance, errand.now)?;
        }
        errand.note(tx, "create instance", instance.id)?;
    }
    Ok(wanted.machines.iter().map(|machine| machine.id).collect())
}

fn require_user_data(text: Option<&String>) -> Result<(), Error> {
    match text {
        Some(text) if text.len() > USER_DATA_BYTES_MAX || text.contains('\0') => {
            Err(Error::invalid(Field::Data, format!("not a text of at most {USER_DATA_BYTES_MAX} bytes")))
        }
        _ => Ok(()),
    }
}

/// The status of a machine after `event`.
pub(super) fn after(status: InstanceStatus, event: InstanceEvent) -> Result<InstanceStatus, Error> {
    status.on(event).map_err(|_| Error::Conflict(Conflict::InstanceStatus))
}
