//! How a machine comes to run: its directory, its process, and the wait until it answers.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::argv::{self, Around};
use crate::console::Kept;
use crate::faults::unless_missing;
use crate::firmware;
use crate::hypervisor::{Architecture, Error, Firmware, MachineSpec};
use crate::machine::{Machine, Since};
use crate::place::{MachinePlace, Place};
use crate::process::{self, Process, Started};
use crate::seed;
use crate::settings::Settings;

/// How long a machine may take until its process answers.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// How often it is tried to connect to it.
const TRY_EVERY: Duration = Duration::from_millis(20);
/// How long a process that does not answer may take to end.
const END_LIMIT: Duration = Duration::from_secs(2);

/// The program that runs machines of a kind.
pub(crate) fn program(architecture: Architecture) -> Result<PathBuf, Error> {
    let name = match architecture {
        Architecture::X86_64 => "qemu-system-x86_64",
        Architecture::Arm64 => "qemu-system-aarch64",
    };
    process::program(name).ok_or_else(|| Error::Unsupported(format!("{name} is not installed")))
}

/// Whether machines of a kind can run here.
pub(crate) fn require(architecture: Architecture, firmware: Firmware) -> Result<(), Error> {
    program(architecture)?;
    firmware::find(architecture, firmware).map(drop)
}

/// Starts a machine that does not run.
pub(crate) async fn start(
    settings: &Settings,
    place: &Place,
    spec: &MachineSpec,
    ended: Arc<Notify>,
) -> Result<Arc<Machine>, Error> {
    let (program, uefi) = (program(spec.architecture)?, firmware::find(spec.architecture, spec.firmware)?);
    let own = place.machine(&spec.name)?;
    let mut disks = Vec::with_capacity(spec.disks.len());
    for disk in &spec.disks {
        disks.push((disk, place.disk(&disk.overlay.name)?));
    }
    let around = Around {
        place: &own,
        disks,
        nbd_socket: &settings.nbd_socket,
        accelerators: settings.accelerator.names(spec.architecture),
        uefi: uefi.as_ref(),
        has_seed: spec.user_data.is_some(),
    };
    let words = argv::words(spec, &around)?;

    tokio::fs::create_dir_all(own.directory()).await.map_err(Error::at("making", own.directory()))?;
    for file in own.sockets().iter().chain([&own.process_file()]) {
        unless_missing(tokio::fs::remove_file(file).await).map_err(Error::at("removing", file))?;
    }
    Kept::of(own.directory()).clear().await?;
    if let Some(user_data) = &spec.user_data {
        write(&own.seed(), &seed::disk(&spec.name, &spec.host_name, user_data)?).await?;
    }
    let variables = own.firmware_variables();
    if let Some(uefi) = &uefi
        && !tokio::fs::try_exists(&variables).await.map_err(Error::at("looking for", &variables))?
    {
        let template = tokio::fs::read(&uefi.variables).await.map_err(Error::at("reading", &uefi.variables))?;
        write(&variables, &template).await?;
    }

    let mut started = Started::in_own_session(&program, words, own.directory())?;
    let answers = tokio::time::timeout(ANSWER_LIMIT, answering(&own, ended));
    let failed = tokio::select! {
        biased;
        answer = answers => match answer {
            Ok(Ok(machine)) => return Ok(machine),
            Ok(Err(error)) => error,
            Err(_) => Error::Refused("the machine's process does not answer".to_owned()),
        },
        () = started.ended() => Error::Refused("the machine's process has ended".to_owned()),
    };
    // what it said last tells more than that it ended
    Process::of_file(own.process_file()).end(END_LIMIT).await?;
    let said = started.said_at_the_end().await;
    Err(if said.is_empty() { failed } else { Error::said("the machine's process", &said) })
}

/// The machine as soon as its process listens.
async fn answering(own: &MachinePlace, ended: Arc<Notify>) -> Result<Arc<Machine>, Error> {
    let mut tries = tokio::time::interval(TRY_EVERY);
    loop {
        tries.tick().await;
        match Machine::connect(own.clone(), Since::Now, Arc::clone(&ended)).await {
            Err(Error::Io { source, .. })
                if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {}
            answer => return answer,
        }
    }
}

/// The file appears whole.
async fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let unfinished = path.with_extension("new");
    tokio::fs::write(&unfinished, bytes).await.map_err(Error::at("writing", &unfinished))?;
    tokio::fs::rename(&unfinished, path).await.map_err(Error::at("naming", path))
}
