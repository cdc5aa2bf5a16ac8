//! The state that the system was left in.

use super::hive::Value;
use super::machine::Machine;
use super::{BITLOCKER, locked_volumes};
use crate::error::Result;
use crate::report::{Item, ItemName, Os, Risk};
use crate::text::clean_word;

/// The file of hibernation, and what it begins with while it holds a system.
const HIBERNATION: &str = "/hiberfil.sys";
const HIBERNATED: [&[u8]; 4] = [b"hibr", b"HIBR", b"rstr", b"RSTR"];

/// Clean volumes, no hibernation, no encryption that needs the old machine.
pub(super) fn file_system(machine: &Machine<'_>, _: &Os) -> Result<Option<Item>> {
    let item = |value, risk, problem, detail: String| Item::problem(ItemName::FileSystem, value, risk, problem, detail);
    let start = machine.tree().read_start(HIBERNATION, 4)?;
    if start.is_some_and(|start| HIBERNATED.contains(&start.as_slice())) {
        let detail = format!(
            "{HIBERNATION} holds a hibernated system, whose drivers are of the old machine: shut it down wholly (shutdown /s) before the image is made."
        );
        return Ok(Some(item("Hibernated", Risk::Error, "Hibernated", detail)));
    }
    let locked = locked_volumes(machine.scene.volumes);
    if !locked.is_empty() {
        let detail = format!("Volumes are encrypted with {BITLOCKER}: {}.", locked.join(", "));
        return Ok(Some(item("Encrypted", Risk::High, "BitLocker", detail)));
    }
    let dirty: Vec<_> = machine
        .scene
        .volumes
        .iter()
        .filter(|found| found.volume.clean == Some(false) || found.fs.as_ref().is_some_and(|fs| !fs.is_clean()))
        .map(|found| found.volume.name.as_str())
        .collect();
    if !dirty.is_empty() {
        let detail = format!("Volumes were not unmounted: {}. Windows checks them at its start.", dirty.join(", "));
        return Ok(Some(item("Dirty", Risk::Low, "NotClean", detail)));
    }
    Ok(Some(Item::fine(ItemName::FileSystem, "Clean", "All volumes were unmounted, and nothing is hibernated.")))
}

/// Whether the hardware clock is taken for UTC. Windows takes it for local time unless told, and hosts know that.
pub(super) fn clock(machine: &Machine<'_>, _: &Os) -> Result<Option<Item>> {
    let is_utc = machine.system_number("Control\\TimeZoneInformation", "RealTimeIsUniversal")?.unwrap_or(0) != 0;
    let (value, detail) = if is_utc {
        ("UTC", "The hardware clock is taken for UTC.")
    } else {
        ("Local", "The hardware clock is taken for local time, as Windows does by default.")
    };
    Ok(Some(Item::fine(ItemName::RtcTimeMode, value, detail)))
}

/// Where the state of sysprep stands.
const IMAGE_STATE: &str = "Microsoft\\Windows\\CurrentVersion\\Setup\\State";

/// Whether the system was generalised, and nothing of its setup is left half done.
pub(super) fn sysprep(machine: &Machine<'_>, _: &Os) -> Result<Option<Item>> {
    let state = clean_word(machine.software_text(IMAGE_STATE, "ImageState")?.unwrap_or_default());
    let number =
        |name| Ok::<_, crate::error::Error>(machine.setup(name)?.and_then(|value| value.number()).unwrap_or(0));
    let runs_first_start = number("OOBEInProgress")? != 0;
    let item =
        |value, risk, problem, detail: String| Some(Item::problem(ItemName::Sysprep, value, risk, problem, detail));
    Ok(match state.as_str() {
        "IMAGE_STATE_UNDEPLOYABLE" => item(
            "Interrupted",
            Risk::High,
            "Interrupted",
            "Sysprep was interrupted: the system cannot be deployed.".to_owned(),
        ),
        state if state.contains("GENERALIZE_RESEAL_TO_AUDIT") || state.contains("SPECIALIZE_RESEAL_TO_AUDIT") => item(
            "Audit",
            Risk::Medium,
            "Audit",
            format!("The system starts in audit mode ({state}): nobody can log on from outside."),
        ),
        state if state.contains("RESEAL_TO_OOBE") => {
            Some(Item::fine(ItemName::Sysprep, "Generalized", format!("The system was generalised ({state}).")))
        }
        _ if runs_first_start => item(
            "Interrupted",
            Risk::Medium,
            "SetupInProgress",
            "The first start was not finished (OOBEInProgress).".to_owned(),
        ),
        _ => {
            let detail =
                "The system was not generalised: all machines from it have one identity. Run sysprep /generalize.";
            item("NotGeneralized", Risk::Low, "NotGeneralized", detail.to_owned())
        }
    })
}

/// Keys below `SOFTWARE\Microsoft\Windows\CurrentVersion` that are there while an update waits for a start.
const UPDATE_KEYS: [&str; 4] = [
    "Component Based Servicing\\RebootPending",
    "Component Based Servicing\\RebootInProgress",
    "Component Based Servicing\\PackagesPending",
    "WindowsUpdate\\Auto Update\\RebootRequired",
];

/// The list of what an update does at the next start.
const PENDING_XML: &str = "WinSxS/pending.xml";

/// Updates that are half done go on at the first start of every machine, and may fail there.
pub(super) fn update(machine: &Machine<'_>, _: &Os) -> Result<Option<Item>> {
    let mut signs = Vec::new();
    for key in UPDATE_KEYS {
        if machine.software_key(&format!("Microsoft\\Windows\\CurrentVersion\\{key}"))?.is_some() {
            signs.push(key.to_owned());
        }
    }
    let pending = format!("{}/{PENDING_XML}", machine.windows);
    if machine.tree().is_file(&pending)? {
        signs.push(pending);
    }
    let renames = machine.system("Control\\Session Manager", "PendingFileRenameOperations")?;
    let renames = renames.map(Value::texts).is_some_and(|renames| !renames.is_empty());
    Ok(Some(if !signs.is_empty() {
        let detail = format!("An update waits for a restart ({}): restart before the image is made.", signs.join(", "));
        Item::problem(ItemName::Update, "Pending", Risk::Medium, "Pending", detail)
    } else if renames {
        let detail =
            "Files are renamed at the next start (PendingFileRenameOperations): restart before the image is made.";
        Item::problem(ItemName::Update, "Pending", Risk::Low, "RenamesPending", detail)
    } else {
        Item::fine(ItemName::Update, "Finished", "No update is half done.")
    }))
}
