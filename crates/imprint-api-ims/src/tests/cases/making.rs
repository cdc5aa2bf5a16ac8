//! What creations are tried on: servers with disks, files in a bucket, and jobs that are waited for.

use std::collections::BTreeSet;

use imprint_catalogue::{disks, instances, snapshots};
use imprint_identity::{NewUser, Target};
use imprint_model::{
    Architecture, BootMode, Clock, Content, Disk, DiskCategory, DiskFormat, DiskId, DiskKind, DiskSource, DiskStatus,
    ImageId, Instance, InstanceId, InstanceStatus, MapId, Snapshot, SnapshotId, SnapshotStatus,
};
use serde_json::{Value, json};

use crate::tests::{Answer, Client, World};

/// The bucket of every test.
pub(super) const BUCKET: &str = "bucket-1";

/// Puts a file into the bucket, and gives its `bucket:object`.
pub(super) fn file(world: &World, key: &str, bytes: &[u8]) -> String {
    let path = world.buckets.path().join(BUCKET).join(key);
    std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    std::fs::write(path, bytes).expect("written");
    format!("{BUCKET}:{key}")
}

/// Puts a file of this length into the bucket that takes no room.
pub(super) fn hollow_file(world: &World, key: &str, size_bytes: u64) -> String {
    let url = file(world, key, b"");
    let path = world.buckets.path().join(BUCKET).join(key);
    std::fs::OpenOptions::new().write(true).open(path).expect("there").set_len(size_bytes).expect("grows");
    url
}

/// A disk of one MiB that no other has.
pub(super) fn bytes(seed: u8) -> Vec<u8> {
    (0..1_u32 << 20)
        .map(|place| seed ^ u8::try_from(place.wrapping_mul(2_654_435_761) >> 24).expect("a byte"))
        .collect()
}

/// A sound, empty qcow2 of this virtual size.
pub(super) fn qcow2(size_bytes: u64) -> Vec<u8> {
    let mut file = vec![0; 256 << 10];
    file[..4].copy_from_slice(b"QFI\xfb");
    file[4..8].copy_from_slice(&2_u32.to_be_bytes());
    file[20..24].copy_from_slice(&16_u32.to_be_bytes());
    file[24..32].copy_from_slice(&size_bytes.to_be_bytes());
    let tables = u32::try_from(size_bytes.div_ceil(512 << 20)).expect("small");
    file[36..40].copy_from_slice(&tables.to_be_bytes());
    file[40..48].copy_from_slice(&0x3_0000_u64.to_be_bytes());
    file[48..56].copy_from_slice(&0x1_0000_u64.to_be_bytes());
    file[56..60].copy_from_slice(&1_u32.to_be_bytes());
    file
}

/// A server with a system disk and one data disk.
pub(super) struct Server {
    pub(super) id: InstanceId,
    pub(super) data: DiskId,
}

/// Puts a stopped server of the first project into the inventory; `change` makes it and its disks what they should be.
pub(super) async fn server(world: &World, change: impl FnOnce(&mut Instance, &mut Vec<Disk>)) -> Server {
    let image = world
        .image(|image| {
            image.name = Some("origin".to_owned());
            image.facts.platform = Some("Debian".to_owned());
        })
        .await;
    let at = world.engine.clock.now();
    let mut machine = Instance {
        id: InstanceId::random(),
        owner: world.project("acme").await,
        region: "local-1".to_owned(),
        name: None,
        host_name: None,
        description: None,
        status: InstanceStatus::Stopped,
        class: "small".to_owned(),
        image,
        locked: None,
        protected: false,
        user_data: None,
        resource_group: None,
        tags: BTreeSet::new(),
        created_at: at,
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
    let system = disk(&machine, DiskKind::System, 'a', DiskSource::Image(image));
    let data = disk(&machine, DiskKind::Data, 'b', DiskSource::Empty);
    let server = Server { id: machine.id, data: data.id };
    let mut attached = vec![system, data];
    change(&mut machine, &mut attached);
    let insert = move |tx: &mut imprint_catalogue::Tx<'_>| {
        instances::insert(tx, &machine)?;
        attached.iter().try_for_each(|disk| disks::insert(tx, disk))
    };
    world.put(insert).await;
    server
}

fn disk(machine: &Instance, kind: DiskKind, letter: char, source: DiskSource) -> Disk {
    Disk {
        id: DiskId::random(),
        owner: machine.owner.clone(),
        region: machine.region.clone(),
        kind,
        name: None,
        description: None,
        status: DiskStatus::InUse,
        category: DiskCategory::Ssd,
        size_gib: 40,
        source,
        base: Some(content()),
        base_format: DiskFormat::Raw,
        instance: Some(machine.id),
        letter: Some(letter),
        was_attached: true,
        delete_with_instance: true,
        resource_group: None,
        tags: BTreeSet::new(),
        created_at: machine.created_at,
        attached_at: Some(machine.created_at),
        node: None,
        generation: 0,
        written: false,
        grows: false,
    }
}

/// Bytes that nobody reads.
fn content() -> Content {
    Content { map: MapId([9; 32]), size_bytes: 1 << 20, virtual_size_bytes: None, md5: None, hash: None }
}

/// Puts a snapshot of a system disk of the first project into the inventory, and gives its id.
pub(super) async fn snapshot(world: &World, change: impl FnOnce(&mut Snapshot)) -> SnapshotId {
    let at = world.engine.clock.now();
    let mut snapshot = Snapshot {
        id: SnapshotId::random(),
        owner: world.project("acme").await,
        region: "local-1".to_owned(),
        disk: None,
        kind: DiskKind::System,
        name: None,
        description: None,
        status: SnapshotStatus::Accomplished,
        size_gib: 40,
        content: Some(content()),
        disk_format: DiskFormat::Raw,
        retention_days: None,
        resource_group: None,
        tags: BTreeSet::new(),
        created_at: at,
        updated_at: at,
        node: None,
        captured_with: None,
        generation: 0,
        done_bytes: 0,
        total_bytes: None,
        failure: None,
    };
    change(&mut snapshot);
    let id = snapshot.id;
    world.put(move |tx| snapshots::insert(tx, &snapshot)).await;
    id
}

/// The job that an answer speaks of, as it is now.
pub(super) async fn job(world: &World, answer: &Value) -> Value {
    let id = answer["job_id"].as_str().expect("a job");
    assert_eq!(id.len(), 32, "{id}");
    let path = format!("/v1/{}/jobs/{id}", world.owner.project);
    world.owner.get(&path).await.ok()
}

/// Insists that a request began a job of this type, and on its good end; gives the job.
pub(super) async fn done(world: &World, answer: Answer, kind: &str) -> Value {
    let answer = answer.ok();
    assert_eq!(answer.as_object().expect("an object").len(), 1, "{answer}");
    let begun = job(world, &answer).await;
    assert_eq!((&begun["job_type"], &begun["end_time"]), (&json!(kind), &json!("")), "{begun}");
    world.settle().await;
    let ended = job(world, &answer).await;
    assert_eq!((&ended["status"], &ended["error_code"]), (&json!("SUCCESS"), &Value::Null), "{ended}");
    ended
}

/// Insists that a request began a job that fails with this code; gives the job.
pub(super) async fn fails(world: &World, answer: Answer, code: &str) -> Value {
    let answer = answer.ok();
    world.settle().await;
    let ended = job(world, &answer).await;
    assert_eq!((&ended["status"], &ended["error_code"]), (&json!("FAIL"), &json!(code)), "{ended}");
    assert!(!ended["fail_reason"].as_str().expect("a reason").is_empty());
    ended
}

/// The image that a job made.
pub(super) fn image_of(job: &Value) -> ImageId {
    job["entities"]["image_id"].as_str().expect("an image").parse().expect("an id")
}

/// Somebody who may only look at what the first project has.
pub(super) async fn looker(world: &World) -> Client {
    let identity = &world.identity;
    let user = identity.create_user(NewUser::named("looker")).await.expect("a user");
    let roles = identity.list_roles(Some("reader".to_owned())).await.expect("roles");
    let project = world.owner.project.0.clone();
    identity.grant(&user.id, Target::Project(project.clone()), &roles[0].id).await.expect("granted");
    let key = identity.create_access_key(&user.id, &project).await.expect("a key");
    Client { key: key.id, secret: key.secret, ..world.owner.clone() }
}
