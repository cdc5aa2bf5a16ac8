//! A node in a temporary directory: an NBD server with one disk, and machines.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use imprint_disk::ReadAt;
use imprint_machine::{
    Accelerator, Architecture, Base, CaptureOf, CapturedDisk, Changed, Firmware, Hypervisor, MachineDisk, MachineSpec,
    OverlaySpec, Qemu, Settings,
};
use tokio::net::UnixListener;

use crate::guest;

/// Length of the base.
pub(crate) const BASE_BYTES: usize = 8 << 20;
/// What the base holds beside the guest.
pub(crate) const FILLER: u8 = 0xab;
/// How often it is looked whether something has happened.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Whether machines can run here; says why not.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
pub(crate) fn can_run() -> bool {
    let missing = |name: &&str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        !std::env::split_paths(&path).any(|place| place.join(name).is_file())
    };
    match ["qemu-system-x86_64", "qemu-storage-daemon", "setsid"].into_iter().find(missing) {
        Some(name) => {
            // where everything is installed, nothing may be left out
            assert!(std::env::var_os("CI").is_none(), "{name} is not installed");
            println!("not tested: {name} is not installed");
            false
        }
        None => true,
    }
}

struct Bytes(Vec<u8>);

impl ReadAt for Bytes {
    fn size_bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        let from = usize::try_from(offset).expect("small");
        buf.copy_from_slice(&self.0[from..from + buf.len()]);
        Ok(())
    }
}

struct OneDisk(Arc<Bytes>);

#[async_trait]
impl imprint_nbd::Exports for OneDisk {
    async fn open(&self, name: &str) -> Option<Arc<dyn ReadAt>> {
        (name == "content/ab/raw").then(|| Arc::clone(&self.0) as Arc<dyn ReadAt>)
    }
}

/// Serves the base until the runtime ends.
pub(crate) fn serve_base(directory: &Path) {
    let socket = directory.join("nbd.sock");
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind(socket).expect("bound");
    let exports = Arc::new(OneDisk(Arc::new(Bytes(guest::disk(BASE_BYTES, FILLER)))));
    let (limits, shared) = (imprint_nbd::Limits::default(), imprint_nbd::Shared::new(64 << 20));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (exports, shared) = (Arc::clone(&exports), shared.clone());
            tokio::spawn(async move {
                let _ = imprint_nbd::serve(stream, exports.as_ref(), None, &limits, &shared).await;
            });
        }
    });
}

pub(crate) async fn open(directory: &Path) -> Qemu {
    open_on(directory, Accelerator::Tcg).await
}

pub(crate) async fn open_on(directory: &Path, accelerator: Accelerator) -> Qemu {
    let settings =
        Settings { directory: directory.join("machines"), nbd_socket: directory.join("nbd.sock"), accelerator };
    Qemu::open(settings).await.expect("opened")
}

/// A directory whose machines end with the test, also when it fails.
pub(crate) struct Directory(tempfile::TempDir);

impl Directory {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let Ok(pid) = std::fs::read_to_string(self.path().join("machines/machines/m-1/pid")) else { return };
        let command = std::fs::read(format!("/proc/{}/cmdline", pid.trim())).unwrap_or_default();
        if String::from_utf8_lossy(&command).contains(&*self.path().to_string_lossy()) {
            let _ = std::process::Command::new("kill").args(["-9", pid.trim()]).status();
        }
    }
}

/// A node without machines.
pub(crate) struct World {
    pub(crate) qemu: Qemu,
    pub(crate) directory: Directory,
}

impl World {
    pub(crate) async fn new() -> World {
        let directory = Directory::new();
        serve_base(directory.path());
        let qemu = open(directory.path()).await;
        World { qemu, directory }
    }

    pub(crate) fn file(&self, below: &str) -> std::path::PathBuf {
        self.directory.path().join("machines").join(below)
    }
}

pub(crate) fn overlay(name: &str) -> OverlaySpec {
    let base = Base { export: "content/ab/raw".to_owned(), size_bytes: BASE_BYTES as u64 };
    OverlaySpec { name: name.to_owned(), size_bytes: 16 << 20, base: Some(base) }
}

pub(crate) fn disk(letter: char) -> MachineDisk {
    MachineDisk { overlay: overlay(&format!("disk-{letter}-1")), letter, serial: format!("serial{letter}") }
}

pub(crate) fn machine(letters: &str) -> MachineSpec {
    MachineSpec {
        name: "m-1".to_owned(),
        architecture: Architecture::X86_64,
        firmware: Firmware::Bios,
        cpus: 1,
        memory_mib: 64,
        nvme: false,
        disks: letters.chars().map(disk).collect(),
        host_name: "guest".to_owned(),
        user_data: Some(b"#cloud-config\n".to_vec()),
    }
}

/// Prepares its disks and starts it.
pub(crate) async fn start(qemu: &Qemu, machine: &MachineSpec) {
    for disk in &machine.disks {
        qemu.prepare(&disk.overlay).await.expect("prepared");
    }
    qemu.start(machine).await.expect("started");
}

/// Waits until the console satisfies something.
pub(crate) async fn until(qemu: &Qemu, is_it: impl Fn(&[u8]) -> bool) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        let console = qemu.console("m-1").await.expect("a console");
        if is_it(&console) {
            return;
        }
        assert!(!qemu.running().await.expect("a list").is_empty(), "{}", String::from_utf8_lossy(&console));
    }
}

/// How often the guest has gone round.
pub(crate) async fn rounds(qemu: &Qemu) -> usize {
    dots(&qemu.console("m-1").await.expect("a console"))
}

fn dots(console: &[u8]) -> usize {
    console.iter().filter(|&&byte| byte == b'.').count()
}

/// Waits until the guest has gone round some more times.
pub(crate) async fn more_rounds(qemu: &Qemu, more: usize) {
    let now = rounds(qemu).await;
    until(qemu, |console| dots(console) >= now + more).await;
}

pub(crate) async fn type_and_hear(qemu: &Qemu, text: &'static str) {
    qemu.type_in("m-1", text.into()).await.expect("typed");
    until(qemu, |console| console.windows(text.len()).any(|heard| heard == text.as_bytes())).await;
}

pub(crate) fn wanted(letters: &str, mark: &str, since: Option<&str>) -> Vec<CaptureOf> {
    let of =
        |letter| CaptureOf { overlay: disk(letter).overlay, mark: mark.to_owned(), since: since.map(str::to_owned) };
    letters.chars().map(of).collect()
}

/// All that changed.
pub(crate) async fn changed(disk: &dyn CapturedDisk) -> Vec<Changed> {
    let (mut all, mut at) = (Vec::new(), 0);
    loop {
        let part = disk.changed(at).await.expect("told");
        let Some(last) = part.last() else { return all };
        assert!(part[0].offset >= at && part.windows(2).all(|pair| pair[0].offset + pair[0].len <= pair[1].offset));
        at = last.offset + last.len;
        all.extend(part);
    }
}

/// The numbers in a captured disk's places from `from` on.
pub(crate) async fn numbers(disk: &dyn CapturedDisk, places: std::ops::Range<u32>) -> Vec<u32> {
    let mut numbers = Vec::new();
    for place in places {
        let bytes = disk.read((1 + u64::from(place)) * guest::STEP_BYTES, 1024).await.expect("read");
        numbers.push(u32::from_le_bytes(bytes[..4].try_into().expect("four bytes")));
        assert!(bytes[512..].iter().all(|&byte| byte == FILLER), "what is beside a number is the base's");
    }
    numbers
}
