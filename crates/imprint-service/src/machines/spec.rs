//! Rows as a hypervisor is told of them. Names are made of ids, so that nothing has to be remembered besides.

use imprint_catalogue::{Tx, disks, instances};
use imprint_machine::{Firmware, MachineDisk, MachineSpec, OverlaySpec};
use imprint_model::{Disk, DiskId, DiskStatus, Instance, InstanceId, SnapshotId};

use super::kind::processor;
use crate::Service;
use crate::error::Error;
use crate::nbd::base_of;

/// Letters and digits of a disk's serial at most.
const SERIAL_CHARS: usize = 20;

/// A machine and its disks, as their rows are now.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) instance: Option<Instance>,
    pub(super) disks: Vec<Disk>,
}

impl Service {
    pub(super) async fn rows_of(&self, id: InstanceId) -> Result<Rows, Error> {
        let read = move |tx: &mut Tx<'_>| {
            Ok::<_, Error>(Rows { instance: instances::get(tx, id)?, disks: disks::of_instance(tx, id)? })
        };
        self.catalogue.read(read).await
    }
}

/// The name of the file that a disk's bytes of one time are written to.
pub(super) fn overlay_name(disk: DiskId, generation: u32) -> String {
    format!("{disk}-{generation}")
}

/// The mark of a snapshot in the file of its disk.
pub(super) fn mark(snapshot: SnapshotId) -> String {
    format!("s-{snapshot}")
}

/// The file of a disk.
pub(super) fn overlay(disk: &Disk) -> OverlaySpec {
    let base = disk.base.as_ref().map(|content| base_of(content, disk.base_format));
    let size_bytes = u64::from(disk.size_gib) << 30;
    OverlaySpec {
        name: overlay_name(disk.id, disk.generation),
        size_bytes: base.as_ref().map_or(size_bytes, |base| size_bytes.max(base.size_bytes)),
        base,
    }
}

/// A disk as its machine has it.
pub(super) fn machine_disk(disk: &Disk) -> MachineDisk {
    let serial: String = disk.id.to_string().chars().filter(char::is_ascii_alphanumeric).take(SERIAL_CHARS).collect();
    MachineDisk { overlay: overlay(disk), letter: disk.letter.unwrap_or('z'), serial }
}

/// The machine that a row describes, with those disks that are its.
pub(super) fn machine(service: &Service, instance: &Instance, disks: &[Disk], firmware: Firmware) -> MachineSpec {
    let user_data = instance.user_data.as_ref().map(|text| {
        // as it came: Base64 of what is meant
        data_encoding::BASE64.decode(text.as_bytes()).unwrap_or_else(|_| text.clone().into_bytes())
    });
    MachineSpec {
        name: instance.id.to_string(),
        architecture: processor(instance),
        firmware,
        cpus: instance.cpus.max(1),
        memory_mib: instance.memory_mib.min(service.settings.machine_memory_mib_max).max(1),
        nvme: instance.nvme,
        disks: disks.iter().filter(|disk| disk.status == DiskStatus::InUse).map(machine_disk).collect(),
        host_name: instance.host_name.clone().or_else(|| instance.name.clone()).unwrap_or_default(),
        user_data,
    }
}
