//! Machines run by QEMU. What a machine is lies in its directory and in its process; this holds only connections.

use std::collections::{BTreeSet, HashMap};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::{Notify, OnceCell};

use crate::capture::{self, Holder};
use crate::console::Kept;
use crate::daemon::{self, Daemon};
use crate::hotplug;
use crate::hypervisor::{
    Architecture, Capture, CaptureOf, Error, Firmware, Hypervisor, MachineDisk, MachineSpec, MachineState, OverlaySpec,
};
use crate::machine::{Machine, Since};
use crate::nodes;
use crate::overlay;
use crate::place::{MachinePlace, Place, SOCKET_LEN_MAX};
use crate::probe;
use crate::process::{self, Process};
use crate::settings::{Accelerator, Settings};
use crate::start;

/// How long a machine that is ended may take to write what it holds.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// How long it is waited for the end of a machine before it is looked again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// A name as long as the longest that the engine gives, to see whether sockets' paths fit.
const LONG_NAME: &str = "00000000-0000-0000-0000-000000000000";

/// Machines run by QEMU on this node. Machines outlive it; the next one that is opened finds them.
#[derive(Debug, Clone)]
pub struct Qemu(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    place: Place,
    machines: Mutex<HashMap<String, Arc<Machine>>>,
    /// One machine's start and end do not overlap.
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    ended: Arc<Notify>,
    /// Overlays that a storage daemon holds for a capture.
    held: Arc<Mutex<BTreeSet<String>>>,
    /// What machines run on; found out when the first one starts.
    accelerator: OnceCell<Accelerator>,
}

impl Qemu {
    /// Makes the directory when it is not there, and finds the machines that run already.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when QEMU is not installed, or the directory's path is too long for sockets.
    pub async fn open(settings: Settings) -> Result<Self, Error> {
        let kinds = [Architecture::X86_64, Architecture::Arm64].map(start::program);
        if kinds.iter().all(Result::is_err) {
            let [why, _] = kinds;
            why?;
        }
        for name in ["setsid", daemon::PROGRAM] {
            process::program(name).ok_or_else(|| Error::Unsupported(format!("{name} is not installed")))?;
        }
        let settings = Settings {
            directory: absolute(&settings.directory)?,
            nbd_socket: absolute(&settings.nbd_socket)?,
            ..settings
        };
        let place = Place::at(&settings.directory);
        let sockets = place.machine(LONG_NAME)?.sockets();
        if sockets.iter().chain([&settings.nbd_socket]).any(|path| path.as_os_str().len() > SOCKET_LEN_MAX) {
            let directory = settings.directory.display();
            return Err(Error::Unsupported(format!("the path {directory} is too long for the sockets of machines")));
        }
        for directory in [place.disks(), place.machines(), place.tools(), place.scratch()] {
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory);
            made.map_err(Error::at("making", &directory))?;
        }
        daemon::end_all(&place).await?;
        overlay::remove_unfinished(&place).await?;
        let qemu = Self(Arc::new(Inner {
            settings,
            place,
            machines: Mutex::default(),
            turns: Mutex::default(),
            ended: Arc::default(),
            held: Arc::default(),
            accelerator: OnceCell::new(),
        }));
        let (found, names) = (qemu.clone(), qemu.running().await?);
        // not waited for: a machine that reads its base waits itself until the NBD server is there again
        tokio::spawn(async move {
            for name in names {
                if let Err(error) = found.0.machine(&name).await {
                    tracing::warn!(machine = name, %error, "a machine that runs does not answer");
                }
            }
        });
        Ok(qemu)
    }
}

/// Processes with other working directories are told these paths, in JSON.
fn absolute(path: &Path) -> Result<std::path::PathBuf, Error> {
    let path = std::path::absolute(path).map_err(Error::at("finding", path))?;
    match path.to_str() {
        Some(_) => Ok(path),
        None => Err(Error::Unsupported(format!("the path {} is no text", path.display()))),
    }
}

impl Inner {
    /// A machine that runs; connected to anew when need be.
    async fn machine(&self, name: &str) -> Result<Arc<Machine>, Error> {
        let own = self.place.machine(name)?;
        let known = self.machines.lock().get(name).filter(|machine| !machine.qmp.is_closed()).cloned();
        if let Some(machine) = known {
            return Ok(machine);
        }
        let _turn = self.turn(name).lock_owned().await;
        let known = self.machines.lock().get(name).filter(|machine| !machine.qmp.is_closed()).cloned();
        match known {
            Some(machine) => Ok(machine),
            None => self.adopt(name, own).await,
        }
    }

    /// Connects to a machine that an earlier process started; it is this machine's turn.
    async fn adopt(&self, name: &str, own: MachinePlace) -> Result<Arc<Machine>, Error> {
        // an old connection would stand in the way of the new one
        drop(self.machines.lock().remove(name));
        if Process::of_file(own.process_file()).running().is_none() {
            return Err(Error::Missing(format!("machine {name}")));
        }
        let machine = Machine::connect(own, Since::Earlier, Arc::clone(&self.ended)).await?;
        self.machines.lock().insert(name.to_owned(), Arc::clone(&machine));
        Ok(machine)
    }

    fn turn(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock();
        // those that nobody waits for are forgotten
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(name.to_owned()).or_default())
    }

    fn process(&self, name: &str) -> Result<Process, Error> {
        Ok(Process::of_file(self.place.machine(name)?.process_file()))
    }

    async fn start(&self, spec: &MachineSpec) -> Result<(), Error> {
        let _turn = self.turn(&spec.name).lock_owned().await;
        if self.process(&spec.name)?.running().is_some() {
            let is_known = self.machines.lock().get(&spec.name).is_some_and(|machine| !machine.qmp.is_closed());
            if !is_known {
                self.adopt(&spec.name, self.place.machine(&spec.name)?).await?;
            }
            return Ok(());
        }
        for disk in &spec.disks {
            self.require_free(&disk.overlay.name)?;
        }
        drop(self.machines.lock().remove(&spec.name));
        let found_out = || probe::accelerator(self.settings.accelerator, &self.place);
        let accelerator = *self.accelerator.get_or_try_init(found_out).await?;
        let settings = Settings { accelerator, ..self.settings.clone() };
        let machine = start::start(&settings, &self.place, spec, Arc::clone(&self.ended)).await?;
        self.machines.lock().insert(spec.name.clone(), machine);
        Ok(())
    }

    async fn kill(&self, name: &str) -> Result<(), Error> {
        let _turn = self.turn(name).lock_owned().await;
        self.process(name)?.end(END_PATIENCE).await?;
        drop(self.machines.lock().remove(name));
        Ok(())
    }

    fn require_free(&self, overlay: &str) -> Result<(), Error> {
        if self.held.lock().contains(overlay) { Err(held(overlay)) } else { Ok(()) }
    }

    /// Captures disks that no machine has open.
    async fn capture_still(&self, disks: &[CaptureOf]) -> Result<Box<dyn Capture>, Error> {
        let mut taken = Taken { names: Vec::new(), held: Arc::clone(&self.held) };
        for disk in disks {
            if !self.held.lock().insert(disk.overlay.name.clone()) {
                return Err(held(&disk.overlay.name));
            }
            taken.names.push(disk.overlay.name.clone());
        }
        let daemon = Daemon::start(&self.place).await?;
        for CaptureOf { overlay, .. } in disks {
            let file = self.place.disk(&overlay.name)?;
            overlay::size_bytes(&file)?.ok_or_else(|| Error::Missing(format!("disk {}", overlay.name)))?;
            daemon.add(nodes::chain(overlay, &file, &self.settings.nbd_socket)).await?;
        }
        capture::begin(Holder::Daemon(Box::new(daemon), Box::new(taken)), &self.place.scratch(), disks).await
    }
}

fn held(overlay: &str) -> Error {
    Error::Refused(format!("disk {overlay} is being captured; try again later"))
}

/// Overlays that are held, let go when this is dropped.
#[derive(Debug)]
struct Taken {
    names: Vec<String>,
    held: Arc<Mutex<BTreeSet<String>>>,
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut held = self.held.lock();
        for name in &self.names {
            held.remove(name);
        }
    }
}

/// Runs to its end whether or not the caller stays.
async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(error) => Err(Error::Refused(format!("what was to be done to a machine broke off: {error}"))),
    }
}

#[async_trait]
impl Hypervisor for Qemu {
    fn require(&self, architecture: Architecture, firmware: Firmware) -> Result<(), Error> {
        start::require(architecture, firmware)
    }

    async fn prepare(&self, overlay: &OverlaySpec) -> Result<(), Error> {
        self.0.require_free(&overlay.name)?;
        let (qemu, overlay) = (self.clone(), overlay.clone());
        to_the_end(async move { overlay::prepare(&qemu.0.place, &qemu.0.settings.nbd_socket, &overlay).await }).await
    }

    async fn remove(&self, overlay: &str) -> Result<(), Error> {
        overlay::remove(&self.0.place, overlay).await
    }

    async fn overlays(&self) -> Result<Vec<String>, Error> {
        overlay::list(&self.0.place).await
    }

    async fn start(&self, machine: &MachineSpec) -> Result<(), Error> {
        let (qemu, machine) = (self.clone(), machine.clone());
        to_the_end(async move { qemu.0.start(&machine).await }).await
    }

    async fn running(&self) -> Result<Vec<String>, Error> {
        let (doing, mut names) = ("listing machines", Vec::new());
        let mut entries = tokio::fs::read_dir(self.0.place.machines()).await.map_err(Error::io(doing))?;
        while let Some(entry) = entries.next_entry().await.map_err(Error::io(doing))? {
            let name = entry.file_name();
            let name = name.to_str().filter(|name| self.0.process(name).is_ok_and(|it| it.running().is_some()));
            names.extend(name.map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }

    async fn state(&self, machine: &str) -> MachineState {
        match self.0.process(machine) {
            Ok(process) if process.running().is_some() => MachineState::Running,
            _ => MachineState::Gone,
        }
    }

    async fn shut_down(&self, machine: &str) -> Result<(), Error> {
        if self.state(machine).await == MachineState::Gone {
            return Ok(());
        }
        let machine = self.0.machine(machine).await?;
        machine.qmp.ask("system_powerdown", json!({})).await.map(drop)
    }

    async fn kill(&self, machine: &str) -> Result<(), Error> {
        let (qemu, machine) = (self.clone(), machine.to_owned());
        to_the_end(async move { qemu.0.kill(&machine).await }).await
    }

    async fn forget(&self, machine: &str) -> Result<(), Error> {
        let _turn = self.0.turn(machine).lock_owned().await;
        if self.0.process(machine)?.running().is_some() {
            return Err(Error::Refused(format!("machine {machine} runs")));
        }
        let own = self.0.place.machine(machine)?;
        let removed = tokio::fs::remove_dir_all(own.directory()).await;
        crate::faults::unless_missing(removed).map_err(Error::at("removing", own.directory()))?;
        drop(self.0.machines.lock().remove(machine));
        Ok(())
    }

    async fn machine_ended(&self) {
        // what it is told by is either, so it does not matter which
        let _ = tokio::time::timeout(LOOK_AGAIN, self.0.ended.notified()).await;
    }

    async fn attach(&self, machine: &str, disk: &MachineDisk) -> Result<(), Error> {
        self.0.require_free(&disk.overlay.name)?;
        let (qemu, disk, machine) = (self.clone(), disk.clone(), self.0.machine(machine).await?);
        to_the_end(async move {
            let file = qemu.0.place.disk(&disk.overlay.name)?;
            hotplug::attach(&machine, &disk, &file, &qemu.0.settings.nbd_socket).await
        })
        .await
    }

    async fn detach(&self, machine: &str, overlay: &str) -> Result<(), Error> {
        let (overlay, machine) = (overlay.to_owned(), self.0.machine(machine).await?);
        to_the_end(async move { hotplug::detach(&machine, &overlay).await }).await
    }

    async fn grow(&self, machine: &str, overlay: &str, size_bytes: u64) -> Result<(), Error> {
        hotplug::grow(self.0.machine(machine).await?.as_ref(), overlay, size_bytes).await
    }

    async fn console(&self, machine: &str) -> Result<Bytes, Error> {
        let own = self.0.place.machine(machine)?;
        match tokio::fs::try_exists(own.directory()).await {
            Ok(true) => Kept::of(own.directory()).last().await,
            Ok(false) => Err(Error::Missing(format!("machine {machine}"))),
            Err(error) => Err(Error::at("looking for", own.directory())(error)),
        }
    }

    async fn type_in(&self, machine: &str, bytes: Bytes) -> Result<(), Error> {
        self.0.machine(machine).await?.console.type_in(bytes).await
    }

    async fn capture(&self, machine: Option<&str>, disks: &[CaptureOf]) -> Result<Box<dyn Capture>, Error> {
        let machine = match machine {
            Some(name) => Some(self.0.machine(name).await?),
            None => None,
        };
        let (qemu, disks) = (self.clone(), disks.to_vec());
        to_the_end(async move {
            match machine {
                Some(machine) => {
                    capture::begin(Holder::Machine(machine.claim()?), &qemu.0.place.scratch(), &disks).await
                }
                None => qemu.0.capture_still(&disks).await,
            }
        })
        .await
    }
}
