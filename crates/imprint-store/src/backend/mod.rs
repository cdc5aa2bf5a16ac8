//! Where packs lie: the one place that knows a directory from an object store. Packs are written once, front to
//! back, appear whole or not at all, and are never changed. Never knows what is in a pack.
//!
//! All calls block: they are made from blocking threads.

mod bucket;
mod directory;
mod faulty;
mod memory;
mod objects;
mod pool;

use std::fmt::Debug;
use std::io::IoSlice;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::pack::PackId;

pub use bucket::{Bucket, KEY_BYTES_MAX, ObjectWriter, check_key};
pub use directory::DirectoryBackend;
pub use faulty::{Fault, FaultyBackend};
pub use memory::MemoryBackend;
pub use objects::ObjectBackend;

/// A pack, or what is left of one that was not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its id.
    pub id: PackId,
    /// Whether it was finished.
    pub sealed: bool,
    /// Its length in bytes.
    pub bytes: u64,
}

/// A place for packs.
pub trait Backend: Debug + Send + Sync + 'static {
    /// Begins a pack. Nothing can be read from it before it is sealed.
    fn create(&self, id: PackId) -> Result<Box<dyn PackFile>>;

    /// Reads the ranges (not empty) of a finished pack. Fails with [`Kind::Missing`](crate::Kind::Missing) when there
    /// is no such pack and [`Kind::Corrupt`](crate::Kind::Corrupt) when it is too short.
    fn read(&self, id: PackId, ranges: &[Range<u64>]) -> Result<Vec<Bytes>>;

    /// The length of a finished pack, or `None` when there is none.
    fn size(&self, id: PackId) -> Result<Option<u64>>;

    /// Shows everything that is there, in no order.
    fn list(&self, visit: &mut dyn FnMut(Found) -> Result<()>) -> Result<()>;

    /// Removes a pack, finished or not; one that is not there is no error.
    fn delete(&self, id: PackId) -> Result<()>;

    /// Whether the place can be read and written now.
    fn check(&self) -> Result<()>;

    /// Bytes worth fetching in one read, so that its fixed cost does not show.
    fn read_bytes(&self) -> u64;
}

/// A pack being written. Dropped without [`seal`](Self::seal), it leaves garbage at most.
pub trait PackFile: Send {
    /// Appends the parts, one after the other.
    fn append(&mut self, parts: &mut [IoSlice<'_>]) -> Result<()>;

    /// Makes the pack durable and then visible under its name.
    fn seal(self: Box<Self>) -> Result<()>;
}

/// Opens the place a URL names: `file:PATH`, `file:///PATH`, `s3://BUCKET/PREFIX` (endpoint, keys and region from the
/// usual `AWS_…` variables of the environment) or `memory:`. For `s3:` a tokio runtime must be running, and drives
/// the transfers.
///
/// # Errors
/// [`Kind::Invalid`](crate::Kind::Invalid) for a URL or variable that cannot be understood,
/// [`Kind::Unavailable`](crate::Kind::Unavailable) when the place cannot be made.
pub fn open(url: &str) -> Result<Arc<dyn Backend>> {
    open_with(url, aws_variables())
}

/// The `AWS_…` variables of the environment.
fn aws_variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| name.starts_with("AWS_"))?;
        Some((name, value.into_string().ok()?))
    })
}

/// As [`open`], with the `AWS_…` variables given.
///
/// # Errors
/// As [`open`].
pub fn open_with(url: &str, aws: impl IntoIterator<Item = (String, String)>) -> Result<Arc<dyn Backend>> {
    if let Some(path) = url.strip_prefix("file:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() {
            return Err(Error::invalid("store URL file: names no path"));
        }
        return Ok(Arc::new(DirectoryBackend::open(Path::new(path))?));
    }
    if let Some(place) = url.strip_prefix("s3://") {
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        return Ok(Arc::new(ObjectBackend::s3(bucket, prefix, aws)?));
    }
    if url == "memory:" {
        return Ok(Arc::new(MemoryBackend::default()));
    }
    Err(Error::invalid("store URL must begin with file:, s3:// or memory:"))
}
