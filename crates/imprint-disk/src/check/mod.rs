//! Whether a file's own records agree with each other: what a repair tool would look at. Reading a disk does not need
//! this, since readers look at each record as they use it.
//!
//! Here: what is counted and said, and which format looks at what. Never here: changing a file.

mod overlap;
mod qcow2;
mod qcow2_tables;
#[cfg(test)]
mod tests;
mod vmdk;

use std::io;
use std::sync::Arc;

use crate::formats::blocks::Placed;
use crate::formats::{vdi, vhd, vhdx};
use crate::open::{OpenError, open};
use crate::{Format, ReadAt};

/// Texts kept; what is beyond is only counted.
const TEXTS_MAX: usize = 50;
/// Records that one check looks at, and places that it compares: some seconds of work, since a file may lead to the same
/// ones again and again. A qcow2 of 32 TiB in clusters of the usual 64 KiB is not too much.
const STEPS_MAX: u64 = 1 << 30;
/// Bytes of the disk read at a time.
const PIECE_BYTES: u64 = 1024 * 1024;

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Check {
    /// Contradictions: using the file for writing may lose data.
    pub errors: u64,
    /// Places that are taken and not used: they cost room, no data.
    pub leaks: u64,
    /// The first findings in words.
    pub texts: Vec<String>,
    /// Whether there was anything to check: some formats keep no records that could contradict each other.
    pub has_records: bool,
}

impl Check {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.errors == 0 && self.leaks == 0
    }

    fn error(&mut self, text: impl FnOnce() -> String) {
        self.errors += 1;
        self.say(text);
    }

    fn leak(&mut self, text: impl FnOnce() -> String) {
        self.leaks += 1;
        self.say(text);
    }

    fn say(&mut self, text: impl FnOnce() -> String) {
        if self.texts.len() < TEXTS_MAX {
            self.texts.push(text());
        }
    }
}

/// Steps that are left.
struct Steps(u64);

impl Steps {
    fn take(&mut self, count: u64) -> io::Result<()> {
        let too_much = || io::Error::new(io::ErrorKind::Unsupported, "a file with too much to check");
        self.0 = self.0.checked_sub(count).ok_or_else(too_much)?;
        Ok(())
    }
}

/// Compares a file's records with each other. The file is not changed; its data is not read.
///
/// # Errors
/// When it cannot be opened as a disk at all: see [`open`]. [`OpenError::Unsupported`] when there is too much to check.
pub fn check_structure(file: &Arc<dyn ReadAt>, format: Format) -> Result<Check, OpenError> {
    check_within(file, format, Steps(STEPS_MAX))
}

fn check_within(file: &Arc<dyn ReadAt>, format: Format, steps: Steps) -> Result<Check, OpenError> {
    open(Arc::clone(file), format)?;
    let mut check = Check { has_records: true, ..Check::default() };
    match format {
        Format::Qcow2 => qcow2::check(&**file, steps, &mut check)?,
        Format::Vmdk => vmdk::check(file, steps, &mut check)?,
        Format::Vhd => blocks(vhd::places(file)?, steps, &mut check)?,
        Format::Vhdx => blocks(vhdx::places(file)?, steps, &mut check)?,
        Format::Vdi => blocks(vdi::places(file)?, steps, &mut check)?,
        _ => check.has_records = false,
    }
    Ok(check)
}

/// No two blocks share bytes, and none lies over headers or tables.
fn blocks(placed: Option<Placed>, steps: Steps, check: &mut Check) -> io::Result<()> {
    match placed {
        Some(placed) => overlap::look(placed.starts, placed.len, &placed.reserved, steps, check)?,
        None => check.has_records = false,
    }
    Ok(())
}

/// Reads every byte of a disk that is not known to be zero, which looks at every record and checksum there is.
///
/// # Errors
/// The first that reading answers.
pub fn read_through(disk: &dyn ReadAt) -> io::Result<()> {
    let mut buf = Vec::new();
    let mut at = 0;
    while at < disk.size_bytes() {
        let run = disk.run_at(at)?;
        let len = if run.kind.is_zero() { run.len } else { run.len.min(PIECE_BYTES) };
        if !run.kind.is_zero() {
            buf.resize(usize::try_from(len).map_err(io::Error::other)?, 0);
            disk.read_at(at, &mut buf)?;
        }
        at += len;
    }
    Ok(())
}
