//! From a disk to an image and back again, each step resting on the one before.

use bytes::Bytes;
use imprint_service::{Change, CreateImage};
use serde_json::json;

use super::disks::ids;
use super::instances::make;
use super::{Case, case};
use crate::ids::WireId;
use crate::tests::World;

pub(super) const CASES: &[Case] =
    &[case("CreateImage", &["OK"], "the whole life: disk, machine, snapshot, image, and back again", |world| {
        Box::pin(whole_life(world))
    })];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

/// An image with real bytes, as another dialect's client would make it.
async fn uploaded(world: &World) -> String {
    let service = &world.engine.service;
    let mut caller = imprint_service::testing::caller("", "manager");
    caller.project = Some(world.project("acme").await);
    let changes = vec![
        Change::DiskFormat(Some(imprint_model::DiskFormat::Raw)),
        Change::ContainerFormat(Some(imprint_model::ContainerFormat::Bare)),
    ];
    let image = service.create_image(&caller, CreateImage { id: None, owner: None, changes }).await.expect("an image");
    let mut upload = service.begin_upload(&caller, image.id, None).await.expect("an upload");
    upload.write(Bytes::from_static(b"a small disk")).await.expect("written");
    upload.finish().await.expect("finished").id.wire()
}

async fn whole_life(world: World) -> World {
    let base = uploaded(&world).await;
    let owner = &world.owner;
    let disk = owner.ask("CreateDisk", &[("Size", "20"), ("DiskName", "data")]).await.ok()["DiskId"].clone();
    let disk = disk.as_str().expect("an id");
    owner.ask("CreateSnapshot", &[("DiskId", disk)]).await.refused("IncorrectDiskStatus.NeverAttached");
    let machine = make(&world, &[("ImageId", &base), ("InstanceType", "ecs.g7.large")]).await;
    owner.ask("AttachDisk", &[("InstanceId", &machine), ("DiskId", disk)]).await.ok();
    let system = ids(&world, "Disk", &[("InstanceId", &machine), ("DiskType", "system")]).await.remove(0);
    let taken = owner.ask("CreateSnapshot", &[("DiskId", &system), ("SnapshotName", "of-system")]).await.ok();
    let snapshot = taken["SnapshotId"].as_str().expect("an id").to_owned();
    let made = owner.ask("CreateImage", &[("SnapshotId", &snapshot), ("ImageName", "whole-life")]).await.ok();
    let image = made["ImageId"].as_str().expect("an id").to_owned();
    owner.ask("DeleteSnapshot", &[("SnapshotId", &snapshot), ("Force", "true")]).await.refused("SnapshotCreatedImage");
    world.settle().await;
    let shown = owner.ask("DescribeImages", &[("ImageId", &image)]).await.ok();
    assert_eq!(shown["Images"]["Image"][0]["Status"], "Available");
    let second = make(&world, &[("ImageId", &image), ("InstanceType", "ecs.g7.large")]).await;
    owner.ask("DeleteImage", &[("ImageId", &image)]).await.refused("ImageUsingByInstance");
    owner.ask("DeleteInstance", &[("InstanceId", &second)]).await.ok();
    owner.ask("DeleteImage", &[("ImageId", &image)]).await.ok();
    owner.ask("DeleteSnapshot", &[("SnapshotId", &snapshot)]).await.ok();
    owner.ask("DetachDisk", &[("InstanceId", &machine), ("DiskId", disk)]).await.ok();
    owner.ask("DeleteDisk", &[("DiskId", disk)]).await.ok();
    owner.ask("DeleteInstance", &[("InstanceId", &machine)]).await.ok();
    let left = world.inventory().await;
    let totals: Vec<_> = left.iter().map(|list| list["TotalCount"].clone()).collect();
    assert_eq!(totals, [json!(1), json!(0), json!(0), json!(0)], "the uploaded image alone");
    world
}
