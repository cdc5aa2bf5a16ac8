//! Things that operations are tried on, written into the catalogue as they are: states that take long to come about,
//! or never do while nothing runs.

use imprint_catalogue::resource_groups::{self, ResourceGroup};
use imprint_catalogue::{Tx, disks, images, instances, quotas, snapshots};
use imprint_model::{
    Architecture, BootMode, Disk, DiskCategory, DiskFormat, DiskId, DiskKind, DiskSource, DiskStatus, Image, ImageId,
    Instance, InstanceId, InstanceStatus, ProjectId, Snapshot, SnapshotId, SnapshotStatus, Status, Visibility,
};

use super::World;
use crate::ids::WireId;

/// The region that clients name when they name none.
const REGION: &str = "local-1";

impl World {
    /// The project of an account of this world: `acme`, `other` or `admin`.
    pub(crate) async fn project(&self, name: &str) -> ProjectId {
        ProjectId(self.identity.account(name).await.expect("an account").project_id)
    }

    /// An image of the first account's own, available, private and without a name; `change` makes it what it should be.
    pub(crate) async fn image(&self, change: impl FnOnce(&mut Image)) -> String {
        let owner = self.project("acme").await;
        let mut image = Image::blank(ImageId::random(), owner, REGION.to_owned(), self.now());
        image.status = Status::Available;
        image.visibility = Visibility::Private;
        change(&mut image);
        let id = image.id.wire();
        self.put(move |tx| images::insert(tx, &image)).await;
        id
    }

    /// A complete snapshot of a disk of 40 GiB that nothing was written to.
    pub(crate) async fn snapshot(&self, kind: DiskKind, change: impl FnOnce(&mut Snapshot)) -> String {
        let mut snapshot = Snapshot {
            id: SnapshotId::random(),
            owner: self.project("acme").await,
            region: REGION.to_owned(),
            disk: None,
            kind,
            name: None,
            description: None,
            status: SnapshotStatus::Accomplished,
            size_gib: 40,
            content: None,
            disk_format: DiskFormat::Raw,
            retention_days: None,
            resource_group: None,
            tags: Default::default(),
            created_at: self.now(),
            updated_at: self.now(),
            node: None,
            captured_with: None,
            generation: 0,
            done_bytes: 0,
            total_bytes: None,
            failure: None,
        };
        change(&mut snapshot);
        let id = snapshot.id.wire();
        self.put(move |tx| snapshots::insert(tx, &snapshot)).await;
        id
    }

    /// A stopped machine made of `image`, without disks.
    pub(crate) async fn instance(&self, image: &str, change: impl FnOnce(&mut Instance)) -> String {
        let mut instance = Instance {
            id: InstanceId::random(),
            owner: self.project("acme").await,
            region: REGION.to_owned(),
            name: None,
            host_name: None,
            description: None,
            status: InstanceStatus::Stopped,
            class: "ecs.g7.large".to_owned(),
            image: ImageId::read(image).expect("an id"),
            locked: None,
            protected: false,
            user_data: None,
            resource_group: None,
            tags: Default::default(),
            created_at: self.now(),
            started_at: None,
            ended_at: None,
            node: None,
            cpus: 1,
            memory_mib: 1024,
            architecture: Architecture::X86_64,
            boot_mode: BootMode::Bios,
            nvme: false,
            stop_by: None,
            restart: false,
            failure: None,
        };
        change(&mut instance);
        let id = instance.id.wire();
        self.put(move |tx| instances::insert(tx, &instance)).await;
        id
    }

    /// A disk of 40 GiB that is attached to a machine since it was made.
    pub(crate) async fn disk(&self, instance: &str, kind: DiskKind, change: impl FnOnce(&mut Disk)) -> String {
        let mut disk = Disk {
            id: DiskId::random(),
            owner: self.project("acme").await,
            region: REGION.to_owned(),
            kind,
            name: None,
            description: None,
            status: DiskStatus::InUse,
            category: DiskCategory::Enhanced,
            size_gib: 40,
            source: DiskSource::Empty,
            base: None,
            base_format: DiskFormat::Raw,
            instance: InstanceId::read(instance),
            letter: Some(if kind == DiskKind::System { 'a' } else { 'b' }),
            was_attached: true,
            delete_with_instance: true,
            resource_group: None,
            tags: Default::default(),
            created_at: self.now(),
            attached_at: Some(self.now()),
            node: None,
            generation: 0,
            written: false,
            grows: false,
        };
        change(&mut disk);
        let id = disk.id.wire();
        self.put(move |tx| disks::insert(tx, &disk)).await;
        id
    }

    /// A stopped machine with a system disk and a data disk, made of an image with these facts.
    pub(crate) async fn machine(&self, change: impl FnOnce(&mut Image)) -> String {
        let image = self.image(change).await;
        let machine = self.instance(&image, |_| {}).await;
        self.disk(&machine, DiskKind::System, |_| {}).await;
        self.disk(&machine, DiskKind::Data, |disk| disk.size_gib = 100).await;
        machine
    }

    /// Lets the first account have at most `most` of something.
    pub(crate) async fn limit(&self, name: &'static str, most: i64) {
        let owner = self.project("acme").await;
        self.put(move |tx| quotas::set(tx, &owner, name, Some(most))).await;
    }

    /// A resource group of an account.
    pub(crate) async fn group(&self, id: &'static str, account: &str) {
        let (owner, created_at) = (self.project(account).await, self.now());
        let (id, name) = (id.to_owned(), id.to_owned());
        let group = ResourceGroup { id, owner, display_name: name.clone(), name, created_at };
        self.put(move |tx| resource_groups::insert(tx, &group)).await;
    }

    fn now(&self) -> imprint_model::Timestamp {
        imprint_model::Clock::now(&self.engine.clock)
    }

    /// Writes to the catalogue.
    pub(crate) async fn put<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, imprint_catalogue::Error> + Send + 'static,
    ) -> T {
        self.engine.catalogue.write(work).await.expect("written")
    }
}
