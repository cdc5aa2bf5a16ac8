//! A hypervisor whose machines are only said to run: overlays are maps in memory, guests write when a test says so, and
//! every call can be made to fail. It notes what no caller may do.

mod captured;
mod fault;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use self::captured::{Frozen, Held};
pub use self::fault::{Call, Fault};
use crate::{
    Architecture, Base, Capture, CaptureOf, CapturedDisk, Error, Firmware, Hypervisor, MachineDisk, MachineSpec,
    MachineState, OverlaySpec,
};

/// What guests write at once, bytes.
pub const GRAIN: u64 = 4096;
/// Stretches told at once.
const CHANGED_AT_ONCE: usize = 16;

/// An overlay's file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct File {
    /// Length of the disk, bytes.
    pub size_bytes: u64,
    /// What stands under it.
    pub base: Option<Base>,
    /// What was written, by its offset; [`GRAIN`] bytes each.
    pub grains: BTreeMap<u64, Bytes>,
    marks: BTreeMap<String, BTreeSet<u64>>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, File>,
    machines: BTreeMap<String, Vec<MachineDisk>>,
    consoles: BTreeMap<String, Vec<u8>>,
    faults: VecDeque<(Call, Fault)>,
    wrongs: Vec<String>,
    /// Overlays of machines that do not run that are being read.
    held: BTreeSet<String>,
    /// Which of all starts each machine runs since.
    runs: BTreeMap<String, usize>,
    /// Machines whose disks are captured, and which of their starts that is of.
    captured: BTreeMap<String, usize>,
    /// What each mark's disk was when the mark was last made.
    taken: BTreeMap<String, File>,
    stubborn: bool,
    clinging: bool,
    captures: usize,
    starts: usize,
    reads_wait: bool,
}

/// The hypervisor. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct FakeHypervisor {
    state: Arc<Mutex<State>>,
    ended: Arc<Notify>,
    reads: Arc<Notify>,
}

impl FakeHypervisor {
    /// One without machines.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next call of this kind fails; several wait for one another.
    pub fn order(&self, call: Call, fault: Fault) {
        self.state.lock().faults.push_back((call, fault));
    }

    /// Failures that did not happen yet do not happen.
    pub fn order_nothing(&self) {
        self.state.lock().faults.clear();
    }

    /// Whether guests ignore the power button from now on.
    pub fn be_stubborn(&self, stubborn: bool) {
        self.state.lock().stubborn = stubborn;
    }

    /// Whether guests let no disk go from now on.
    pub fn cling(&self, clinging: bool) {
        self.state.lock().clinging = clinging;
    }

    /// Whether reading captured disks waits from now on.
    pub fn hold_reads(&self, hold: bool) {
        self.state.lock().reads_wait = hold;
        self.reads.notify_waiters();
    }

    /// A guest writes a grain of one byte's value at the `number`th grain of a disk that its machine has. False when no
    /// running machine has that disk.
    pub fn write(&self, overlay: &str, number: u64, value: u8) -> bool {
        let mut state = self.state.lock();
        let has = state.machines.values().flatten().any(|disk| disk.overlay.name == overlay);
        let Some(file) = state.files.get_mut(overlay).filter(|_| has) else { return false };
        let offset = number * GRAIN;
        if offset + GRAIN > file.size_bytes {
            return false;
        }
        file.grains.insert(offset, Bytes::from(vec![value; usize::try_from(GRAIN).unwrap_or(4096)]));
        for mark in file.marks.values_mut() {
            mark.insert(offset);
        }
        true
    }

    /// A machine ends by itself, or somebody outside kills it. False when it does not run.
    pub fn end_machine(&self, machine: &str) -> bool {
        let ended = {
            let mut state = self.state.lock();
            state.runs.remove(machine);
            state.machines.remove(machine).is_some()
        };
        self.ended.notify_waiters();
        ended
    }

    /// Names of the machines that run, and the names of their disks' overlays.
    pub fn machines(&self) -> BTreeMap<String, BTreeSet<String>> {
        let state = self.state.lock();
        let names = |disks: &Vec<MachineDisk>| disks.iter().map(|disk| disk.overlay.name.clone()).collect();
        state.machines.iter().map(|(name, disks)| (name.clone(), names(disks))).collect()
    }

    /// All overlays' files.
    pub fn files(&self) -> BTreeMap<String, File> {
        self.state.lock().files.clone()
    }

    /// Names of machines of which there is a console.
    pub fn consoles(&self) -> BTreeSet<String> {
        self.state.lock().consoles.keys().cloned().collect()
    }

    /// What a disk held when this mark was last made.
    pub fn taken(&self, mark: &str) -> Option<File> {
        self.state.lock().taken.get(mark).cloned()
    }

    /// What callers did that they may not.
    pub fn wrongs(&self) -> Vec<String> {
        self.state.lock().wrongs.clone()
    }

    /// Captures that were not ended.
    pub fn open_captures(&self) -> usize {
        self.state.lock().captures
    }

    /// How many machines were ever started.
    pub fn starts(&self) -> usize {
        self.state.lock().starts
    }
}

impl State {
    fn wrong(&mut self, what: String) -> Error {
        self.wrongs.push(what.clone());
        Error::Refused(what)
    }

    fn is_used(&self, overlay: &str) -> bool {
        self.held.contains(overlay) || self.machines.values().flatten().any(|disk| disk.overlay.name == overlay)
    }

    /// Of a machine whose disks are captured, none goes or grows, and there is no second capture.
    fn require_uncaptured(&self, machine: &str) -> Result<(), Error> {
        if self.captured.get(machine).is_some_and(|of| self.runs.get(machine) == Some(of)) {
            return Err(Error::Refused(format!("the disks of {machine} are being captured")));
        }
        Ok(())
    }

    /// Takes overlays for a machine that begins to write to them.
    fn take(&mut self, overlay: &OverlaySpec) -> Result<(), Error> {
        let name = &overlay.name;
        if self.is_used(name) {
            return Err(self.wrong(format!("{name} is used already")));
        }
        match self.files.get(name) {
            None => Err(self.wrong(format!("{name} was not prepared"))),
            Some(file) if file.base != overlay.base => Err(self.wrong(format!("{name} has another base"))),
            Some(_) => Ok(()),
        }
    }
}

#[async_trait]
impl Hypervisor for FakeHypervisor {
    fn require(&self, architecture: Architecture, _firmware: Firmware) -> Result<(), Error> {
        match architecture {
            Architecture::X86_64 => Ok(()),
            Architecture::Arm64 => Err(Error::Unsupported("64-bit ARM".to_owned())),
        }
    }

    async fn prepare(&self, overlay: &OverlaySpec) -> Result<(), Error> {
        self.fault(Call::Prepare, false)?;
        {
            let mut state = self.state.lock();
            if state.is_used(&overlay.name) {
                return Err(state.wrong(format!("{} is prepared while it is used", overlay.name)));
            }
            let file = state
                .files
                .entry(overlay.name.clone())
                .or_insert_with(|| File { base: overlay.base.clone(), ..File::default() });
            file.size_bytes = file.size_bytes.max(overlay.size_bytes);
            if file.base != overlay.base {
                return Err(state.wrong(format!("{} is prepared over another base", overlay.name)));
            }
        }
        self.fault(Call::Prepare, true)
    }

    async fn remove(&self, overlay: &str) -> Result<(), Error> {
        self.fault(Call::Remove, false)?;
        {
            let mut state = self.state.lock();
            if state.is_used(overlay) {
                return Err(state.wrong(format!("{overlay} is removed while it is used")));
            }
            state.files.remove(overlay);
        }
        self.fault(Call::Remove, true)
    }

    async fn overlays(&self) -> Result<Vec<String>, Error> {
        self.fault(Call::Overlays, false)?;
        Ok(self.state.lock().files.keys().cloned().collect())
    }

    async fn start(&self, machine: &MachineSpec) -> Result<(), Error> {
        self.fault(Call::Start, false)?;
        {
            let mut state = self.state.lock();
            if state.machines.contains_key(&machine.name) {
                return Ok(());
            }
            machine.disks.iter().try_for_each(|disk| state.take(&disk.overlay))?;
            state.machines.insert(machine.name.clone(), machine.disks.clone());
            state.consoles.insert(machine.name.clone(), b"booted\n".to_vec());
            state.starts += 1;
            let run = state.starts;
            state.runs.insert(machine.name.clone(), run);
        }
        self.fault(Call::Start, true)
    }

    async fn running(&self) -> Result<Vec<String>, Error> {
        self.fault(Call::Running, false)?;
        Ok(self.state.lock().machines.keys().cloned().collect())
    }

    async fn state(&self, machine: &str) -> MachineState {
        let runs = self.state.lock().machines.contains_key(machine);
        if runs { MachineState::Running } else { MachineState::Gone }
    }

    async fn shut_down(&self, machine: &str) -> Result<(), Error> {
        self.fault(Call::ShutDown, false)?;
        if !self.state.lock().stubborn {
            self.end_machine(machine);
        }
        self.fault(Call::ShutDown, true)
    }

    async fn kill(&self, machine: &str) -> Result<(), Error> {
        self.fault(Call::Kill, false)?;
        self.end_machine(machine);
        self.fault(Call::Kill, true)
    }

    async fn forget(&self, machine: &str) -> Result<(), Error> {
        self.fault(Call::Forget, false)?;
        {
            let mut state = self.state.lock();
            if state.machines.contains_key(machine) {
                return Err(state.wrong(format!("{machine} is forgotten while it runs")));
            }
            state.consoles.remove(machine);
        }
        self.fault(Call::Forget, true)
    }

    async fn machine_ended(&self) {
        // a while is enough: whoever waits looks again
        let _ended = tokio::time::timeout(Duration::from_secs(5), self.ended.notified()).await;
    }

    async fn attach(&self, machine: &str, disk: &MachineDisk) -> Result<(), Error> {
        let has = self.machines().get(machine).is_some_and(|names| names.contains(&disk.overlay.name));
        if has {
            return Ok(());
        }
        self.fault(Call::Attach, false)?;
        {
            let mut state = self.state.lock();
            if !state.machines.contains_key(machine) || !state.files.contains_key(&disk.overlay.name) {
                return Err(Error::Missing(format!("{} or {machine}", disk.overlay.name)));
            }
            state.take(&disk.overlay)?;
            state.machines.entry(machine.to_owned()).or_default().push(disk.clone());
        }
        self.fault(Call::Attach, true)
    }

    async fn detach(&self, machine: &str, overlay: &str) -> Result<(), Error> {
        self.fault(Call::Detach, false)?;
        {
            let mut state = self.state.lock();
            state.require_uncaptured(machine)?;
            let clinging = state.clinging;
            let disks = state.machines.get_mut(machine).ok_or_else(|| Error::Missing(machine.to_owned()))?;
            let place = disks.iter().position(|disk| disk.overlay.name == overlay);
            let place = place.ok_or_else(|| Error::Missing(overlay.to_owned()))?;
            if clinging {
                return Err(Error::Refused("the guest does not let it go".to_owned()));
            }
            disks.remove(place);
        }
        self.fault(Call::Detach, true)
    }

    async fn grow(&self, machine: &str, overlay: &str, size_bytes: u64) -> Result<(), Error> {
        self.fault(Call::Grow, false)?;
        {
            let mut state = self.state.lock();
            state.require_uncaptured(machine)?;
            let disks = state.machines.get(machine).ok_or_else(|| Error::Missing(machine.to_owned()))?;
            if !disks.iter().any(|disk| disk.overlay.name == overlay) {
                return Err(Error::Missing(overlay.to_owned()));
            }
            let file = state.files.get_mut(overlay).ok_or_else(|| Error::Missing(overlay.to_owned()))?;
            file.size_bytes = file.size_bytes.max(size_bytes);
        }
        self.fault(Call::Grow, true)
    }

    async fn console(&self, machine: &str) -> Result<Bytes, Error> {
        let state = self.state.lock();
        let said = state.consoles.get(machine).ok_or_else(|| Error::Missing(machine.to_owned()))?;
        Ok(Bytes::copy_from_slice(said))
    }

    async fn type_in(&self, machine: &str, bytes: Bytes) -> Result<(), Error> {
        let mut state = self.state.lock();
        if !state.machines.contains_key(machine) {
            return Err(Error::Missing(machine.to_owned()));
        }
        state.consoles.entry(machine.to_owned()).or_default().extend_from_slice(&bytes);
        Ok(())
    }

    async fn capture(&self, machine: Option<&str>, disks: &[CaptureOf]) -> Result<Box<dyn Capture>, Error> {
        self.fault(Call::Capture, false)?;
        let held = self.hold(machine, disks)?;
        self.fault(Call::Capture, true)?;
        Ok(Box::new(held))
    }
}

impl FakeHypervisor {
    fn hold(&self, machine: Option<&str>, disks: &[CaptureOf]) -> Result<Held, Error> {
        let mut state = self.state.lock();
        machine.map_or(Ok(()), |machine| state.require_uncaptured(machine))?;
        for disk in disks {
            let name = &disk.overlay.name;
            if !state.files.contains_key(name) {
                return Err(Error::Missing(name.clone()));
            }
            let users: Vec<String> = state
                .machines
                .iter()
                .filter(|(_, has)| has.iter().any(|one| one.overlay.name == *name))
                .map(|(name, _)| name.clone())
                .collect();
            match machine {
                Some(machine) if users == [machine] => {}
                Some(machine) => return Err(Error::Missing(format!("{name} in {machine}"))),
                None if users.is_empty() && !state.held.contains(name) => {}
                None => {
                    return Err(state.wrong(format!("{name} is captured while it is captured, or {users:?} writes")));
                }
            }
        }
        let machine = machine.and_then(|name| Some((name.to_owned(), *state.runs.get(name)?)));
        let mut captured: Vec<Box<dyn CapturedDisk>> = Vec::new();
        for disk in disks {
            let name = &disk.overlay.name;
            let Some(file) = state.files.get_mut(name) else { continue };
            let since = disk.since.as_ref().and_then(|mark| file.marks.get(mark)).cloned();
            let frozen = file.clone();
            file.marks.insert(disk.mark.clone(), BTreeSet::new());
            state.taken.insert(disk.mark.clone(), frozen.clone());
            if machine.is_none() {
                state.held.insert(name.clone());
            }
            captured.push(Box::new(Frozen { hypervisor: self.clone(), machine: machine.clone(), file: frozen, since }));
        }
        state.captures += 1;
        state.captured.extend(machine.clone());
        Ok(Held { hypervisor: self.clone(), of: disks.to_vec(), captured, machine, open: true })
    }
}
