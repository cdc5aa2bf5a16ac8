//! From a file to the guest's disk inside it.

use std::io;
use std::sync::Arc;

use crate::evidence::Evidence;
use crate::formats::{Findings, packed, qcow2, raw, vdi, vhd, vhdx, vmdk, zvhd};
use crate::{Format, ReadAt, Refusal, Warning, detect};

/// The disk inside a file.
#[derive(Clone)]
pub struct Disk {
    /// The bytes that a guest sees.
    pub guest: Arc<dyn ReadAt>,
    /// What the file says about itself.
    pub info: Info,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk").field("info", &self.info).finish_non_exhaustive()
    }
}

/// What a file says about itself and the disk inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// The format of the file.
    pub format: Format,
    /// The kind within the format, in the format's own words: `streamOptimized`, `dynamic`, `v3`; may be empty.
    pub variant: &'static str,
    /// The size of the disk that a guest sees, in bytes.
    pub virtual_size_bytes: u64,
    /// The size of the format's unit of allocation (cluster, block, grain) in bytes; `None` where there is none.
    pub unit_bytes: Option<u64>,
    /// The codec of compressed units, when the file has (or, where telling would cost a scan, may have) some.
    pub compression: Option<&'static str>,
    /// States of the disk kept beside the current one; only the current one is read.
    pub snapshots: Vec<Snapshot>,
    /// What is odd but does not keep the disk from being read.
    pub warnings: Vec<Warning>,
}

impl Info {
    /// Information without variant, unit, compression, snapshots and warnings.
    #[must_use]
    pub fn new(format: Format, virtual_size_bytes: u64) -> Info {
        Info {
            format,
            variant: "",
            virtual_size_bytes,
            unit_bytes: None,
            compression: None,
            snapshots: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

/// A state of the disk kept inside the file. Texts are cut and hold no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its identifier.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was taken, in seconds since 1970.
    pub taken_secs: u64,
    /// The size of the disk then, in bytes.
    pub virtual_size_bytes: u64,
    /// How much memory of the machine was kept with it, in bytes.
    pub machine_state_bytes: u64,
}

/// Why a file cannot be opened as a disk.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The safety rules say no. Holds at least one reason.
    #[error("refused: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Refusal>),
    /// Sound as far as known, but nothing here reads it.
    #[error("{0} cannot be read")]
    Unsupported(String),
    /// Its own records contradict themselves.
    #[error("corrupt: {0}")]
    Corrupt(String),
    /// The file could not be read.
    #[error("reading failed: {0}")]
    Io(#[source] io::Error),
}

/// Errors of the bytes below and of the records in them look alike until here.
impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> OpenError {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => OpenError::Corrupt(error.to_string()),
            io::ErrorKind::Unsupported => OpenError::Unsupported(error.to_string()),
            _ => OpenError::Io(error),
        }
    }
}

/// Opens the disk inside `file`, which is taken for a `format` file whatever else it may look like ([`crate::detect()`]
/// tells what it looks like). The rules of the streaming inspection hold here, too.
///
/// # Errors
/// See [`OpenError`].
pub fn open(file: Arc<dyn ReadAt>, format: Format) -> Result<Disk, OpenError> {
    match format {
        Format::Raw | Format::Gpt | Format::Iso => Ok(raw::open(file, format)),
        Format::Qcow2 => qcow2::open(file),
        Format::Vmdk => vmdk::open(file),
        Format::Vhd => vhd::open(file),
        Format::Vhdx => vhdx::open(file),
        Format::Vdi => vdi::open(file),
        Format::Zvhd => zvhd::open_stream(file),
        Format::Zvhd2 => zvhd::open_indexed(file),
        Format::Gz | Format::Xz | Format::Zst => packed::open(file, format),
        other => Err(OpenError::Unsupported(format!("format {other}"))),
    }
}

/// The bytes inside a compressed file, whatever they are, when there are at most `bytes_max`: [`open`] goes on to the
/// disk inside them.
///
/// # Errors
/// See [`OpenError`]; [`OpenError::Unsupported`] for what is no compressed file, [`OpenError::Io`] with
/// [`io::ErrorKind::FileTooLarge`] for one with more bytes.
pub fn unpack(file: Arc<dyn ReadAt>, format: Format, bytes_max: u64) -> Result<Arc<dyn ReadAt>, OpenError> {
    if !format.is_packed() {
        return Err(OpenError::Unsupported(format!("format {format}")));
    }
    Ok(Arc::new(packed::unpack(file, format, bytes_max)?))
}

/// Runs a format's own check on `file`: its findings when nothing speaks against reading on. For the readers.
///
/// # Errors
/// [`OpenError::Refused`], or trouble with the file.
pub(crate) fn checked(file: &dyn ReadAt, format: Format) -> Result<Findings, OpenError> {
    accepted(detect::check(format, &Evidence::gather(file)?))
}

/// The findings when nothing speaks against reading on.
///
/// # Errors
/// [`OpenError::Refused`].
pub(crate) fn accepted(findings: Findings) -> Result<Findings, OpenError> {
    if findings.refusals.is_empty() { Ok(findings) } else { Err(OpenError::Refused(findings.refusals)) }
}
