//! What the verbs promise, on a real database and a real store.

mod buckets;
mod changing;
mod chaos;
mod checks;
mod copies;
mod definitions;
mod disks;
mod granted;
mod imports;
mod inventory;
mod inventory_model;
mod inventory_races;
mod labels;
mod machines;
mod machines_model;
mod making;
mod marks;
mod nbd;
mod offers;
mod pushes;
mod races;
mod sharing;
mod stock;
mod together;
mod tokens;
mod uploads;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use imprint_disk::{Export, ReadAt, Target};
use imprint_model::{Caller, ContainerFormat, DiskFormat, Image, ImageId};

use crate::testing::World;
use crate::{Change, CreateImage, Error};

/// The changes that make an image fit for raw data.
pub(super) fn raw() -> Vec<Change> {
    vec![Change::DiskFormat(Some(DiskFormat::Raw)), Change::ContainerFormat(Some(ContainerFormat::Bare))]
}

/// A queued image of `caller`'s with these changes.
pub(super) async fn create(world: &World, caller: &Caller, changes: Vec<Change>) -> Image {
    let wanted = CreateImage { id: None, owner: None, changes };
    world.service.create_image(caller, wanted).await.expect("an image")
}

/// Uploads all of `data`.
pub(super) async fn upload(world: &World, caller: &Caller, id: ImageId, data: &[u8]) -> Result<Image, Error> {
    let mut upload = world.service.begin_upload(caller, id, None).await?;
    for part in data.chunks(100_000) {
        upload.write(Bytes::copy_from_slice(part)).await?;
    }
    upload.finish().await
}

/// An image with these bytes, which are of this format.
pub(crate) async fn uploaded_as(world: &World, caller: &Caller, format: DiskFormat, data: &[u8]) -> Image {
    let mut changes = raw();
    changes.push(Change::DiskFormat(Some(format)));
    let image = create(world, caller, changes).await;
    upload(world, caller, image.id, data).await.expect("uploaded")
}

/// A disk as a file of a format.
pub(crate) fn written_of(disk: impl ReadAt + 'static, target: Target) -> Vec<u8> {
    let export = Export::new(Arc::new(disk), target, None).expect("possible");
    let mut file = Vec::new();
    let mut take = |part: &[u8]| {
        file.extend_from_slice(part);
        Ok(())
    };
    export.write(2, &mut take).expect("written");
    file
}

/// All bytes of an image.
pub(super) async fn download(world: &World, caller: &Caller, id: ImageId) -> Result<Vec<u8>, Error> {
    let download = world.service.download(caller, id).await?;
    let size = download.content.as_ref().map_or(0, |content| content.size_bytes);
    let parts: Vec<Bytes> = download.stream(0..size).try_collect().await?;
    Ok(parts.concat())
}

/// Bytes that no chunker finds twice in.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut reader = blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof();
    let mut bytes = vec![0; len];
    reader.fill(&mut bytes);
    bytes
}

/// Makes zeros of the first half of every file below a directory.
pub(crate) fn spoil_all(dir: &std::path::Path) {
    for entry in std::fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            spoil_all(&entry);
        } else {
            let mut bytes = std::fs::read(&entry).expect("read");
            let half = bytes.len() / 2;
            bytes[..half].fill(0);
            std::fs::write(&entry, bytes).expect("written");
        }
    }
}
