//! Overlay files that no machine has open: made, made longer, listed, removed.

use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};

use crate::bitmaps;
use crate::daemon::Daemon;
use crate::faults::unless_missing;
use crate::hypervisor::{Error, OverlaySpec};
use crate::nodes::{self, Names};
use crate::place::{Place, UNFINISHED};

/// Bytes of a cluster: what the first write to a place copies from the base.
const CLUSTER_BYTES: u32 = 64 << 10;
/// Where a qcow2 header holds the disk's length (qcow2 specification, "Header").
const SIZE_AT: usize = 24;
/// What a qcow2 file begins with.
const MAGIC: &[u8] = b"QFI\xfb";

/// Makes the file unless it is there, and makes it longer when it is shorter than told.
pub(crate) async fn prepare(place: &Place, nbd_socket: &Path, overlay: &OverlaySpec) -> Result<(), Error> {
    let file = place.disk(&overlay.name)?;
    if let Some(base) = &overlay.base
        && base.size_bytes > overlay.size_bytes
    {
        return Err(Error::Refused("a disk is never shorter than its base".to_owned()));
    }
    match size_bytes(&file)? {
        None => create(place, nbd_socket, overlay, &file).await,
        Some(size) if size < overlay.size_bytes => lengthen(place, overlay, &file).await,
        Some(_) => Ok(()),
    }
}

/// Length of the disk in an overlay's file; none when there is no file.
pub(crate) fn size_bytes(file: &Path) -> Result<Option<u64>, Error> {
    let mut head = [0; SIZE_AT + 8];
    match std::fs::File::open(file).and_then(|mut file| file.read_exact(&mut head)) {
        Ok(()) if head.starts_with(MAGIC) => {
            let size = head[SIZE_AT..].try_into().expect("eight bytes");
            Ok(Some(u64::from_be_bytes(size)))
        }
        Ok(()) => Err(Error::Refused(format!("{} is no qcow2 file", file.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::at("reading", file)(error)),
    }
}

/// The file appears whole, under its name, or not at all.
async fn create(place: &Place, nbd_socket: &Path, overlay: &OverlaySpec, file: &Path) -> Result<(), Error> {
    let unfinished = place.unfinished_disk(&overlay.name)?;
    unless_missing(tokio::fs::remove_file(&unfinished).await).map_err(Error::at("removing", &unfinished))?;
    let daemon = Daemon::start(place).await?;
    daemon.create(json!({ "driver": "file", "filename": unfinished, "size": 0 })).await?;
    daemon.add(vec![json!({ "driver": "file", "node-name": "new", "filename": unfinished })]).await?;
    let mut options = json!({
        "driver": "qcow2", "file": "new", "size": overlay.size_bytes, "cluster-size": CLUSTER_BYTES, "version": "v3",
    });
    if let Some(base) = &overlay.base {
        options["backing-file"] = nodes::base_uri(base, nbd_socket).into();
        options["backing-fmt"] = "raw".into();
    }
    let created = daemon.create(options).await;
    let ended = daemon.end().await;
    if let Err(error) = created.and(ended) {
        unless_missing(tokio::fs::remove_file(&unfinished).await).map_err(Error::at("removing", &unfinished))?;
        return Err(error);
    }
    durable(&unfinished).await?;
    tokio::fs::rename(&unfinished, file).await.map_err(Error::at("naming", file))?;
    durable(&place.disks()).await
}

async fn durable(path: &Path) -> Result<(), Error> {
    let synced = async { tokio::fs::File::open(path).await?.sync_all().await };
    synced.await.map_err(Error::at("writing", path))
}

async fn lengthen(place: &Place, overlay: &OverlaySpec, file: &Path) -> Result<(), Error> {
    let (names, daemon) = (Names::of(&overlay.name), Daemon::start(place).await?);
    // what is new lies past the base's end, so the base is not needed
    let alone = OverlaySpec { base: None, ..overlay.clone() };
    daemon.add(nodes::chain(&alone, file, Path::new(""))).await?;
    bitmaps::drop_broken(&daemon.qmp, &names).await?;
    resize(&daemon.qmp, &names.overlay(), overlay.size_bytes).await?;
    daemon.end().await
}

/// Makes what a node holds longer.
pub(crate) async fn resize(qmp: &crate::qmp::Qmp, node: &str, size_bytes: u64) -> Result<(), Error> {
    let arguments: Value = json!({ "node-name": node, "size": size_bytes });
    qmp.ask("block_resize", arguments).await.map(drop)
}

/// Removes the file; none is fine.
pub(crate) async fn remove(place: &Place, overlay: &str) -> Result<(), Error> {
    for file in [place.disk(overlay)?, place.unfinished_disk(overlay)?] {
        unless_missing(tokio::fs::remove_file(&file).await).map_err(Error::at("removing", &file))?;
    }
    Ok(())
}

/// Removes what a process that was killed was still making: overlays that are not whole, and room for captures. A
/// machine keeps the room that it has opened already.
pub(crate) async fn remove_unfinished(place: &Place) -> Result<(), Error> {
    let doing = "looking for unfinished files";
    for (directory, all) in [(place.disks(), false), (place.scratch(), true)] {
        let mut entries = tokio::fs::read_dir(directory).await.map_err(Error::io(doing))?;
        while let Some(entry) = entries.next_entry().await.map_err(Error::io(doing))? {
            let path = entry.path();
            if all || path.extension().is_some_and(|ending| ending == UNFINISHED) {
                unless_missing(tokio::fs::remove_file(&path).await).map_err(Error::at("removing", &path))?;
            }
        }
    }
    Ok(())
}

/// Names of all overlays.
pub(crate) async fn list(place: &Place) -> Result<Vec<String>, Error> {
    let (doing, mut names) = ("listing overlays", Vec::new());
    let mut entries = tokio::fs::read_dir(place.disks()).await.map_err(Error::io(doing))?;
    while let Some(entry) = entries.next_entry().await.map_err(Error::io(doing))? {
        let name = entry.file_name();
        names.extend(name.to_str().and_then(|name| name.strip_suffix(".qcow2")).map(str::to_owned));
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_being_made_goes_and_whole_overlays_stay() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = Place::at(directory.path());
        let (whole, unfinished) = (place.disk("d-0").expect("named"), place.unfinished_disk("e-0").expect("named"));
        let room = place.scratch().join("then-d-0");
        for file in [&whole, &unfinished, &room] {
            std::fs::create_dir_all(file.parent().expect("a directory")).expect("made");
            std::fs::write(file, b"").expect("written");
        }
        remove_unfinished(&place).await.expect("removed");
        assert!(whole.exists() && !unfinished.exists() && !room.exists());
    }
}
