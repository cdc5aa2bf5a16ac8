//! The list of hostile constructions, read as far as they let themselves be read: what becomes of each, what the worst
//! of them cost in time and memory. The rules about headers have their details in `hostile.rs`; here is what only shows
//! once a file is opened and its disk read.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{hostile_images as images, hostile_largest as largest};
use crate::{OpenError, ReadAt, Refusal, detect, open};

/// How much of a disk is read: what comes behind costs the same again, up to its size, which is held against quotas.
const READ_BYTES_MAX: u64 = 64 << 20;
/// No image may take more memory than this to open and read.
const MEMORY_BYTES_MAX: u64 = 256 << 20;

static MEASURING: parking_lot::Mutex<()> = parking_lot::Mutex::new(());

/// What becomes of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The safety rules say no, before anything of the disk is read.
    Refused,
    /// Its records contradict themselves, which shows when it is opened or read.
    Corrupt,
    /// It is odd, and harmless.
    Read,
}

/// An image and what must become of it.
pub(super) struct Case {
    pub(super) what: &'static str,
    pub(super) file: Arc<dyn ReadAt>,
    pub(super) fate: Fate,
}

/// What became of an image, and why.
fn fate(file: &Arc<dyn ReadAt>) -> (Fate, String) {
    let inspection = detect(&**file).unwrap();
    // what is stored may not have a log to replay; what is converted may, so its replay is part of this
    if !matches!(inspection.refusals[..], [] | [Refusal::DirtyLog]) {
        return (Fate::Refused, inspection.refusals[0].to_string());
    }
    let disk = match open(Arc::clone(file), inspection.format) {
        Ok(disk) => disk,
        Err(error @ (OpenError::Refused(_) | OpenError::Unsupported(_))) => return (Fate::Refused, error.to_string()),
        Err(error @ OpenError::Corrupt(_)) => return (Fate::Corrupt, error.to_string()),
        Err(OpenError::Io(error)) => panic!("{error}"),
    };
    match read(&*disk.guest) {
        Ok(bytes) => (Fate::Read, format!("{bytes} bytes")),
        Err(error) => {
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
            (Fate::Corrupt, error.to_string())
        }
    }
}

/// Reads what is not known to be zeros, from the start on and then at the end.
fn read(disk: &dyn ReadAt) -> io::Result<u64> {
    let (mut at, mut bytes, mut buf) = (0, 0, vec![0; 1 << 20]);
    while at < disk.size_bytes() && bytes < READ_BYTES_MAX {
        let run = disk.run_at(at)?;
        assert!(run.len > 0 && run.len <= disk.size_bytes() - at);
        let len = if run.kind.is_zero() { run.len } else { run.len.min(buf.len() as u64) };
        if !run.kind.is_zero() {
            disk.read_at(at, &mut buf[..usize::try_from(len).unwrap()])?;
            bytes += len;
        }
        at += len;
    }
    if let Some(last) = disk.size_bytes().checked_sub(1) {
        disk.read_at(last, &mut [0])?;
    }
    Ok(bytes)
}

/// A figure of the process in bytes, where the system tells it.
fn memory(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// What `work` took: time, and memory at its peak beyond what there was before.
fn measured<T>(work: impl FnOnce() -> T) -> (T, Duration, Option<u64>) {
    // makes the system forget the peak so far
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = memory("VmRSS");
    let start = Instant::now();
    let result = work();
    let took = start.elapsed();
    let peak = memory("VmHWM").zip(before).map(|(peak, before)| peak.saturating_sub(before));
    (result, took, peak)
}

/// Every case has its fate, within the memory there is for it.
fn judge(cases: Vec<Case>) {
    // where tests share a process, what one of these takes would be counted in the others
    let _alone = MEASURING.lock();
    let mut worst_time = (Duration::ZERO, "");
    let mut worst_memory = (0, "");
    let mut wrong = Vec::new();
    for Case { what, file, fate: expected } in cases {
        let ((found, why), took, peak) = measured(|| fate(&file));
        println!("{:>6} ms {:>5} KiB  {found:?}: {what} ({why})", took.as_millis(), peak.unwrap_or(0) / 1024);
        if found != expected {
            wrong.push(format!("{what}: {found:?} ({why}), not {expected:?}"));
        }
        worst_time = worst_time.max((took, what));
        worst_memory = worst_memory.max((peak.unwrap_or(0), what));
    }
    println!("worst time: {} ms, {}", worst_time.0.as_millis(), worst_time.1);
    println!("worst memory: {} KiB, {}", worst_memory.0 / 1024, worst_memory.1);
    assert_eq!(wrong, Vec::<String>::new());
    assert!(worst_memory.0 <= MEMORY_BYTES_MAX, "{worst_memory:?}");
}

#[test]
fn every_construction_has_its_fate() {
    judge(images::all());
}

// memory that a case gave back may be kept for the next one and not be counted there: each reader has a test of its own

#[test]
fn the_largest_qcow2_tables() {
    judge(largest::qcow2_tables());
}

#[test]
fn the_largest_qcow2_snapshot_tables() {
    judge(largest::qcow2_snapshots());
}

#[test]
fn the_largest_vmdk_directories() {
    judge(largest::vmdk());
}

#[test]
fn the_largest_vhdx_logs() {
    judge(largest::vhdx());
}

#[test]
fn the_largest_xz_indexes() {
    judge(largest::xz());
}

#[test]
fn the_largest_numbers_of_zst_frames() {
    judge(largest::zst());
}
