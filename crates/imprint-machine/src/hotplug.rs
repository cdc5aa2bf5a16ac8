//! Disks that come, go and grow while a machine runs.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use crate::argv;
use crate::bitmaps;
use crate::hypervisor::{Error, MachineDisk};
use crate::machine::Machine;
use crate::nodes::{self, Names};
use crate::overlay;
use crate::qmp::Qmp;

/// How long a guest may take to let a disk go.
const LET_GO_LIMIT: Duration = Duration::from_secs(20);

/// Gives a disk to a machine; one that it has already is left alone.
pub(crate) async fn attach(machine: &Machine, disk: &MachineDisk, file: &Path, nbd_socket: &Path) -> Result<(), Error> {
    let _changing = machine.changing.lock().await;
    let (qmp, names) = (&machine.qmp, Names::of(&disk.overlay.name));
    let devices = devices(qmp).await?;
    if devices.iter().any(|(name, _)| *name == names.device()) {
        return Ok(());
    }
    let is_nvme = devices.iter().any(|(name, kind)| name.starts_with("dev-") && kind == "child<nvme>");
    let device = argv::device(disk, is_nvme)?;
    // an earlier try may have got half-way
    remove_nodes(qmp, &names).await?;
    let added = add(qmp, disk, &names, device, file, nbd_socket).await;
    if added.is_err() {
        remove_nodes(qmp, &names).await?;
    }
    added
}

async fn add(
    qmp: &Qmp,
    disk: &MachineDisk,
    names: &Names,
    device: Value,
    file: &Path,
    nbd_socket: &Path,
) -> Result<(), Error> {
    for node in nodes::chain(&disk.overlay, file, nbd_socket) {
        qmp.ask("blockdev-add", node).await?;
    }
    bitmaps::drop_broken(qmp, names).await?;
    qmp.ask("blockdev-add", nodes::top(names, &names.overlay())).await?;
    qmp.ask("device_add", device).await.map(drop)
}

/// Takes a disk from a machine; [`Error::Missing`] when it has none such.
pub(crate) async fn detach(machine: &Machine, overlay: &str) -> Result<(), Error> {
    machine.require_uncaptured()?;
    let _changing = machine.changing.lock().await;
    let (qmp, names) = (&machine.qmp, Names::of(overlay));
    let mut events = qmp.events();
    if has_device(qmp, &names).await? {
        // while the guest was asked already and has not answered, asking again is refused
        let asked = qmp.ask("device_del", json!({ "id": names.device() })).await;
        let gone = async {
            loop {
                match events.recv().await {
                    Ok(event) if event.name == "DEVICE_DELETED" && event.data["device"] == names.device() => return,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_) | RecvError::Closed) => return,
                }
            }
        };
        let in_time = tokio::time::timeout(LET_GO_LIMIT, gone).await;
        if in_time.is_err() || has_device(qmp, &names).await? {
            asked?;
            return Err(Error::Refused("the guest does not let the disk go".to_owned()));
        }
    }
    if remove_nodes(qmp, &names).await? == 0 {
        return Err(Error::Missing(format!("disk {overlay}")));
    }
    Ok(())
}

/// Makes a disk of a machine longer.
pub(crate) async fn grow(machine: &Machine, overlay: &str, size_bytes: u64) -> Result<(), Error> {
    machine.require_uncaptured()?;
    let _changing = machine.changing.lock().await;
    let names = Names::of(overlay);
    let open = bitmaps::of(&machine.qmp, &names).await?;
    if open.size_bytes >= size_bytes {
        return Ok(());
    }
    overlay::resize(&machine.qmp, &names.top(), size_bytes).await
}

/// Names and kinds of the devices that have names.
async fn devices(qmp: &Qmp) -> Result<Vec<(String, String)>, Error> {
    let devices = qmp.ask("qom-list", json!({ "path": "/machine/peripheral" })).await?;
    let named = |device: &Value| Some((device["name"].as_str()?.to_owned(), device["type"].as_str()?.to_owned()));
    Ok(devices.as_array().into_iter().flatten().filter_map(named).collect())
}

async fn has_device(qmp: &Qmp, names: &Names) -> Result<bool, Error> {
    Ok(devices(qmp).await?.iter().any(|(name, _)| *name == names.device()))
}

/// Removes those nodes of a disk that are there; how many they were.
async fn remove_nodes(qmp: &Qmp, names: &Names) -> Result<usize, Error> {
    let nodes = qmp.ask("query-named-block-nodes", json!({ "flat": true })).await?;
    let mut removed = 0;
    for name in names.all() {
        let is_there = nodes.as_array().is_some_and(|nodes| nodes.iter().any(|node| node["node-name"] == name));
        if is_there {
            qmp.ask("blockdev-del", json!({ "node-name": name })).await?;
            removed += 1;
        }
    }
    Ok(removed)
}
