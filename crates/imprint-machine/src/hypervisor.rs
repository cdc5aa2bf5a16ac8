//! What a machine is to the engine above, whatever runs it.

use std::fmt;
use std::io;

use async_trait::async_trait;
use bytes::Bytes;

/// Why a machine could not be made to do something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing that runs machines is installed, or none of this kind.
    #[error("cannot run machines: {0}")]
    Unsupported(String),
    /// There is no such machine or overlay here.
    #[error("{0} is not there")]
    Missing(String),
    /// What runs the machine refused, or the machine ended meanwhile.
    #[error("{0}")]
    Refused(String),
    /// No space is left for what machines write.
    #[error("no space is left for overlays")]
    Full,
    /// Files, processes or sockets failed.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
}

/// What kind of processor a machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Architecture {
    /// 64-bit x86.
    X86_64,
    /// 64-bit ARM.
    Arm64,
}

/// What a machine begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Firmware {
    /// A PC's.
    Bios,
    /// UEFI without keys enrolled.
    Uefi,
}

/// The bytes under an overlay: an export of the NBD server on this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The export's name.
    pub export: String,
    /// Its length, bytes.
    pub size_bytes: u64,
}

/// A disk's file: what was written since its base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverlaySpec {
    /// Names the file; letters, digits and hyphens. Never used again for other bytes.
    pub name: String,
    /// Length of the disk, bytes; at least the base's.
    pub size_bytes: u64,
    /// What stands under it; zeros otherwise.
    pub base: Option<Base>,
}

/// A disk as a machine has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineDisk {
    /// Its file.
    pub overlay: OverlaySpec,
    /// `a` is what the machine boots from.
    pub letter: char,
    /// What the guest reads as its serial; at most 20 letters and digits.
    pub serial: String,
}

/// A machine to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineSpec {
    /// Names it, its directory and its process; letters, digits and hyphens.
    pub name: String,
    /// Processor.
    pub architecture: Architecture,
    /// What it begins with.
    pub firmware: Firmware,
    /// Processors.
    pub cpus: u32,
    /// Memory, MiB.
    pub memory_mib: u32,
    /// Whether its disks are NVMe, else virtio.
    pub nvme: bool,
    /// Its disks.
    pub disks: Vec<MachineDisk>,
    /// What the machine is to call itself; told beside its user data.
    pub host_name: String,
    /// What the first boot is told, by a disk that cloud-init finds; no such disk otherwise.
    pub user_data: Option<Vec<u8>>,
}

/// What a machine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MachineState {
    /// Its process runs.
    Running,
    /// There is no process.
    Gone,
}

/// One disk of a capture that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureOf {
    /// Its file.
    pub overlay: OverlaySpec,
    /// Where to begin to note what changes from this instant on: names a persistent bitmap in the overlay.
    pub mark: String,
    /// The mark of an earlier capture: only what changed since is told as changed. When that mark is gone, or none is
    /// named, everything written since the base is.
    pub since: Option<String>,
}

/// A stretch of a captured disk that may differ from what it is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// Where it begins, bytes.
    pub offset: u64,
    /// Its length, bytes.
    pub len: u64,
    /// Whether it reads as zeros.
    pub zero: bool,
}

/// A disk as it was at the capture's instant. Reading is for async code.
#[async_trait]
pub trait CapturedDisk: fmt::Debug + Send + Sync {
    /// Its length, bytes.
    fn size_bytes(&self) -> u64;

    /// Whether the mark that was named is what changes are told since; otherwise they are told since the base.
    fn since_mark(&self) -> bool;

    /// What changed, by ascending offset, without overlap; from `offset` on, a bounded part of it, empty at the end.
    ///
    /// # Errors
    /// [`Error::Refused`] when the machine is gone.
    async fn changed(&self, offset: u64) -> Result<Vec<Changed>, Error>;

    /// The bytes of a range of at most 4 MiB.
    ///
    /// # Errors
    /// As [`CapturedDisk::changed`].
    async fn read(&self, offset: u64, len: u64) -> Result<Bytes, Error>;
}

/// Disks at one instant, while they are written on. It costs the machine until it is ended.
#[async_trait]
pub trait Capture: fmt::Debug + Send + Sync {
    /// The disks, in the order they were named in.
    fn disks(&self) -> &[Box<dyn CapturedDisk>];

    /// Ends it. With `keep` the marks stay and the earlier ones that were named are forgotten; otherwise the new marks
    /// are forgotten and the earlier ones stay as if the capture had not been. Dropping a capture ends it without
    /// keeping, later.
    ///
    /// # Errors
    /// When the marks could not be kept or forgotten; the next capture then tells more than it must, never less.
    async fn end(self: Box<Self>, keep: bool) -> Result<(), Error>;
}

/// What runs machines on this node. Names are the engine's; what is asked twice is done once.
#[async_trait]
pub trait Hypervisor: fmt::Debug + Send + Sync {
    /// Whether machines of this kind can run here.
    ///
    /// # Errors
    /// [`Error::Unsupported`] with what is missing.
    fn require(&self, architecture: Architecture, firmware: Firmware) -> Result<(), Error>;

    /// Makes an overlay's file unless it is there, and makes it longer when it is shorter than told. Not for overlays
    /// of running machines: see [`Hypervisor::grow`].
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Io`].
    async fn prepare(&self, overlay: &OverlaySpec) -> Result<(), Error>;

    /// Removes an overlay's file; none is fine.
    ///
    /// # Errors
    /// [`Error::Io`].
    async fn remove(&self, overlay: &str) -> Result<(), Error>;

    /// Names of all overlays here.
    ///
    /// # Errors
    /// [`Error::Io`].
    async fn overlays(&self) -> Result<Vec<String>, Error>;

    /// Starts a machine; it runs when this returns. Its overlays were prepared. One that runs already is left alone.
    ///
    /// # Errors
    /// [`Error::Unsupported`], [`Error::Refused`] with what the process said.
    async fn start(&self, machine: &MachineSpec) -> Result<(), Error>;

    /// Names of the machines that run here, those that were started before this process, too.
    ///
    /// # Errors
    /// [`Error::Io`].
    async fn running(&self) -> Result<Vec<String>, Error>;

    /// What a machine does.
    async fn state(&self, machine: &str) -> MachineState;

    /// Asks a machine to shut down, as its power button does; it may take long, or never happen.
    ///
    /// # Errors
    /// [`Error::Refused`]; none for one that does not run.
    async fn shut_down(&self, machine: &str) -> Result<(), Error>;

    /// Ends a machine at once; it does not run when this returns, and what it flushed is in its overlays.
    ///
    /// # Errors
    /// [`Error::Io`].
    async fn kill(&self, machine: &str) -> Result<(), Error>;

    /// Removes what there is of a machine that does not run: its console, its directory.
    ///
    /// # Errors
    /// [`Error::Io`].
    async fn forget(&self, machine: &str) -> Result<(), Error>;

    /// Waits until some machine has ended, or a while has passed.
    async fn machine_ended(&self);

    /// Gives a disk to a running machine.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Refused`].
    async fn attach(&self, machine: &str, disk: &MachineDisk) -> Result<(), Error>;

    /// Takes a disk from a running machine; the guest has let it go when this returns.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Refused`] when the guest does not let it go in time.
    async fn detach(&self, machine: &str, overlay: &str) -> Result<(), Error>;

    /// Makes the disk of a running machine longer.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Refused`].
    async fn grow(&self, machine: &str, overlay: &str, size_bytes: u64) -> Result<(), Error>;

    /// The last of what a machine said on its serial console, 64 KiB at most; of one that has ended, too.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Io`].
    async fn console(&self, machine: &str) -> Result<Bytes, Error>;

    /// Types into a running machine's serial console.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Io`].
    async fn type_in(&self, machine: &str, bytes: Bytes) -> Result<(), Error>;

    /// Holds what disks of one running machine, or of none, are at this instant.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Refused`]; nothing is left behind then.
    async fn capture(&self, machine: Option<&str>, disks: &[CaptureOf]) -> Result<Box<dyn Capture>, Error>;
}
