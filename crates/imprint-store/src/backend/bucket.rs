//! Buckets: places outside the store where users' own objects lie, to be taken in or written out whole. The other way
//! to an object store beside packs, and never used for them. Never reaches outside the directory or prefix it was
//! opened at, whatever a key says and wherever a link points.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error as ObjectError, GetResultPayload, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, spawn_blocking};

use super::objects::{failed, s3_store};
use crate::error::{Error, Kind, Result};
use crate::num::to_usize;

/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 1023;
/// Bytes of a file that are read at once.
const FILE_PART_BYTES: u64 = 1 << 20;
/// Length of an upload's first parts. Of 10,000 parts at most.
const PART_BYTES_MIN: usize = 8 << 20;
/// Parts after which they become longer: 1,000 parts of each length, so that any object fits.
const PARTS_PER_LENGTH: usize = 1_000;

/// A place for objects.
#[derive(Debug, Clone)]
pub struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// The directory it is, when it is one.
    root: Option<PathBuf>,
}

impl Bucket {
    /// Opens the bucket that a URL names: `file:PATH` (the directory must exist) or `s3://BUCKET/PREFIX` (endpoint,
    /// keys and region from the usual `AWS_…` variables of the environment). May block.
    ///
    /// # Errors
    /// [`Kind::Invalid`] for a URL that cannot be understood, [`Kind::Missing`] when there is no such directory.
    pub fn open(url: &str) -> Result<Self> {
        Self::open_with(url, super::aws_variables())
    }

    /// As [`Bucket::open`], with the `AWS_…` variables given.
    ///
    /// # Errors
    /// As [`Bucket::open`].
    pub fn open_with(url: &str, aws: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        if let Some(path) = url.strip_prefix("file:") {
            return Self::directory(FilePath::new(path.strip_prefix("//").unwrap_or(path)));
        }
        let Some(place) = url.strip_prefix("s3://") else {
            return Err(Error::invalid("a bucket's URL must begin with file: or s3://"));
        };
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let store = s3_store(bucket, aws)?;
        let prefix = Path::parse(prefix.trim_matches('/'))
            .map_err(|error| Error::invalid(format!("bucket prefix {prefix:?}")).with_source(error))?;
        Ok(Self { store, prefix, root: None })
    }

    /// The bucket that a directory is; objects are its files. May block.
    ///
    /// # Errors
    /// [`Kind::Missing`] when there is no such directory.
    pub fn directory(path: &FilePath) -> Result<Self> {
        let at = |error| Error::io(format!("open bucket {}", path.display()), error);
        let root = path.canonicalize().map_err(at)?;
        if !root.is_dir() {
            return Err(Error::missing(format!("directory {}", path.display())));
        }
        let store = LocalFileSystem::new_with_prefix(&root)
            .map_err(|error| failed(format!("open bucket {}", path.display()), error))?;
        Ok(Self { store: Arc::new(store.with_fsync(true)), prefix: Path::default(), root: Some(root) })
    }

    /// The length of an object, or `None` when there is none.
    ///
    /// # Errors
    /// [`Kind::Invalid`] for an impossible key, [`Kind::Unavailable`] when the bucket does not answer.
    pub async fn size(&self, key: &str) -> Result<Option<u64>> {
        let path = self.path(key)?;
        if !self.is_inside(&path, Purpose::Read).await? {
            return Ok(None);
        }
        match self.store.head(&path).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(ObjectError::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(format!("look at object {path}"), error)),
        }
    }

    /// An object's length and its bytes, front to back.
    ///
    /// # Errors
    /// [`Kind::Missing`] when there is none; else as [`Bucket::size`].
    pub async fn read(&self, key: &str) -> Result<(u64, impl Stream<Item = Result<Bytes>> + Send + use<>)> {
        let path = self.path(key)?;
        if !self.is_inside(&path, Purpose::Read).await? {
            return Err(Error::missing(format!("object {path}")));
        }
        let object = self.store.get(&path).await.map_err(|error| failed(format!("read object {path}"), error))?;
        let size_bytes = object.meta.size;
        let parts = match object.payload {
            GetResultPayload::File(file, _) => read_file(file, size_bytes, path).boxed(),
            GetResultPayload::Stream(parts) => {
                parts.map_err(move |error| failed(format!("read object {path}"), error)).boxed()
            }
        };
        Ok((size_bytes, parts))
    }

    /// Begins an object, which replaces what has its key once it is complete, and is never seen before.
    ///
    /// # Errors
    /// As [`Bucket::size`].
    pub async fn write(&self, key: &str) -> Result<ObjectWriter> {
        let path = self.path(key)?;
        if !self.is_inside(&path, Purpose::Write).await? {
            return Err(Error::invalid(format!("key {key:?} leads out of the bucket")));
        }
        let begun = self.store.put_multipart(&path).await;
        let upload = begun.map_err(|error| failed(format!("write object {path}"), error))?;
        Ok(ObjectWriter { path, upload: Some(upload), part: BytesMut::new(), parts: 0, in_flight: None })
    }

    /// Where the object of a key lies: never outside, since no part of a key is `..`.
    fn path(&self, key: &str) -> Result<Path> {
        check_key(key)?;
        let path = Path::parse(key).map_err(|error| Error::invalid(format!("key {key:?}")).with_source(error))?;
        Ok(self.prefix.parts().chain(path.parts()).collect())
    }

    /// Whether the path, with all links followed, is inside of the bucket and, to be read, a file.
    async fn is_inside(&self, path: &Path, purpose: Purpose) -> Result<bool> {
        let Some(root) = self.root.clone() else { return Ok(true) };
        let wanted = root.join(path.as_ref());
        let look = move || match purpose {
            Purpose::Read => wanted.canonicalize().is_ok_and(|real| real.starts_with(&root) && real.is_file()),
            // folders that do not exist yet are made where the last one that does is
            Purpose::Write => wanted
                .ancestors()
                .skip(1)
                .find_map(|folder| folder.canonicalize().ok())
                .is_some_and(|real| real.starts_with(&root)),
        };
        spawn_blocking(look).await.map_err(|error| Error::new(Kind::Internal, "look at a bucket").with_source(error))
    }
}

/// The bytes of a file, in larger parts than the library reads them in: each part costs a hand-over between threads.
fn read_file(file: File, size_bytes: u64, path: Path) -> impl Stream<Item = Result<Bytes>> + Send {
    let file = Arc::new(file);
    stream::try_unfold(0, move |offset| {
        let (file, path) = (Arc::clone(&file), path.clone());
        async move {
            if offset >= size_bytes {
                return Ok(None);
            }
            let len = FILE_PART_BYTES.min(size_bytes - offset);
            let read = move || {
                let mut part = vec![0; to_usize(len)];
                file.read_exact_at(&mut part, offset).map(|()| part)
            };
            let read = spawn_blocking(read).await.unwrap_or_else(|error| Err(io::Error::other(error)));
            let part = read.map_err(|error| Error::io(format!("read object {path} at {offset}"), error))?;
            Ok(Some((Bytes::from(part), offset + len)))
        }
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Read,
    Write,
}

/// Accepts the key of an object: relative, without `.` and `..`, without control characters.
///
/// # Errors
/// [`Kind::Invalid`].
pub fn check_key(key: &str) -> Result<()> {
    let sound = !key.is_empty()
        && key.len() <= KEY_BYTES_MAX
        && !key.contains('\\')
        && !key.chars().any(char::is_control)
        && key.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if sound { Ok(()) } else { Err(Error::invalid("an object's key")) }
}

/// An object being written. Dropped before [`ObjectWriter::finish`], it leaves nothing that can be seen.
#[derive(Debug)]
pub struct ObjectWriter {
    path: Path,
    upload: Option<Box<dyn MultipartUpload>>,
    part: BytesMut,
    parts: usize,
    in_flight: Option<JoinHandle<Result<(), ObjectError>>>,
}

impl ObjectWriter {
    /// Takes the next bytes; waits while the part before is under way.
    ///
    /// # Errors
    /// [`Kind::Full`], [`Kind::Unavailable`]; the object cannot be completed after an error.
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        while !bytes.is_empty() {
            let room = self.part_bytes() - self.part.len();
            self.part.extend_from_slice(&bytes.split_to(bytes.len().min(room)));
            if self.part.len() == self.part_bytes() {
                self.send().await?;
            }
        }
        Ok(())
    }

    /// Makes the object complete: it is durable and seen when this returns.
    ///
    /// # Errors
    /// As [`ObjectWriter::write`].
    pub async fn finish(mut self) -> Result<()> {
        if !self.part.is_empty() || self.parts == 0 {
            self.send().await?;
        }
        self.settle().await?;
        let Some(upload) = self.upload.as_mut() else { return Ok(()) };
        upload.complete().await.map_err(|error| failed(format!("complete object {}", self.path), error))?;
        self.upload = None;
        Ok(())
    }

    fn part_bytes(&self) -> usize {
        PART_BYTES_MIN << (self.parts / PARTS_PER_LENGTH).min(4)
    }

    async fn send(&mut self) -> Result<()> {
        self.settle().await?;
        let Some(upload) = self.upload.as_mut() else { return Ok(()) };
        let part = PutPayload::from(self.part.split().freeze());
        self.in_flight = Some(tokio::spawn(upload.put_part(part)));
        self.parts += 1;
        Ok(())
    }

    async fn settle(&mut self) -> Result<()> {
        let Some(part) = self.in_flight.take() else { return Ok(()) };
        let sent = part.await.unwrap_or_else(|error| Err(ObjectError::JoinError { source: error }));
        sent.map_err(|error| failed(format!("write object {}", self.path), error))
    }
}

impl Drop for ObjectWriter {
    fn drop(&mut self) {
        let (Some(mut upload), Ok(runtime)) = (self.upload.take(), Handle::try_current()) else { return };
        let (path, in_flight) = (self.path.clone(), self.in_flight.take());
        runtime.spawn(async move {
            if let Some(part) = in_flight {
                part.abort();
                let _ended = part.await;
            }
            if let Err(error) = upload.abort().await {
                tracing::debug!(%path, %error, "parts of an unfinished object stay behind");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_key_and_no_link_leads_outside() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("bucket");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(dir.path().join("secret"), b"secret").unwrap();
        std::os::unix::fs::symlink(dir.path(), inside.join("up")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret"), inside.join("link")).unwrap();
        let bucket = Bucket::directory(&inside).unwrap();
        for key in ["../secret", "/etc/passwd", "a/../../secret", "", "a//b", ".", "a/./b", "a\\b", "a\nb", "x/"] {
            assert_eq!(bucket.size(key).await.unwrap_err().kind(), Kind::Invalid, "{key:?}");
            assert_eq!(bucket.write(key).await.unwrap_err().kind(), Kind::Invalid, "{key:?}");
        }
        assert_eq!(bucket.size(&"k".repeat(KEY_BYTES_MAX + 1)).await.unwrap_err().kind(), Kind::Invalid);
        for key in ["up/secret", "link", "%2e%2e/secret", "up"] {
            assert_eq!(bucket.size(key).await.unwrap(), None, "{key}");
            assert!(bucket.read(key).await.is_err_and(|error| error.kind() == Kind::Missing), "{key}");
        }
        assert_eq!(bucket.write("up/new").await.unwrap_err().kind(), Kind::Invalid);
        assert!(!dir.path().join("new").exists());
    }

    #[test]
    fn a_bucket_must_be_there() {
        assert_eq!(Bucket::open("file:/no/such/directory").unwrap_err().kind(), Kind::Missing);
        assert_eq!(Bucket::open("http://elsewhere").unwrap_err().kind(), Kind::Invalid);
    }
}
