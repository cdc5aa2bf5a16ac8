//! Packs as objects of an S3-compatible store, through `object_store`. Short packs are put in one conditional
//! request, longer ones in parts with a bounded number in flight. Never overwrites an object.
//!
//! Parts of an upload that a crash cut off are invisible; a life-cycle rule of the bucket
//! (`AbortIncompleteMultipartUpload`) removes them.

use std::collections::VecDeque;
use std::future::Future;
use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{
    Error as ObjectError, MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, RetryConfig,
};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::{Backend, Found, PackFile};
use crate::error::{Error, Kind, Result};
use crate::layout;
use crate::pack::PackId;

/// Length of an upload's part. Of 10,000 parts at most, packs need 17.
const PART_BYTES: usize = 8 << 20;
/// Parts of one pack under way at a time.
const PARTS_IN_FLIGHT: usize = 2;
const RETRIES: usize = 6;
const RETRY_FOR: Duration = Duration::from_secs(30);

/// Packs as objects.
#[derive(Debug, Clone)]
pub struct ObjectBackend {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    runtime: Handle,
}

impl ObjectBackend {
    /// The objects under `prefix` of an S3 bucket; `variables` are the usual `AWS_…` ones.
    ///
    /// # Errors
    /// [`Kind::Invalid`] when a variable cannot be understood, [`Kind::Internal`] outside a tokio runtime.
    pub fn s3(bucket: &str, prefix: &str, variables: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        Self::new(s3_store(bucket, variables)?, prefix)
    }

    /// The objects under `prefix` of any object store.
    ///
    /// # Errors
    /// [`Kind::Invalid`] for an impossible prefix, [`Kind::Internal`] outside a tokio runtime.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: &str) -> Result<Self> {
        let prefix = Path::parse(prefix.trim_matches('/'))
            .map_err(|error| Error::invalid(format!("store prefix {prefix:?}")).with_source(error))?;
        let runtime = Handle::try_current()
            .map_err(|error| Error::new(Kind::Internal, "open an object store").with_source(error))?;
        Ok(Self { store, prefix, runtime })
    }

    fn path(&self, name: &str) -> Path {
        self.prefix.parts().chain(Path::from(name).parts()).collect()
    }

    fn pack(&self, id: PackId) -> Path {
        self.path(&layout::pack_name(id))
    }

    /// Puts a whole object that must not exist yet.
    async fn put_new(&self, path: &Path, bytes: Bytes) -> Result<(), ObjectError> {
        let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(path, bytes.clone().into(), create).await {
            // ids are never used twice, so what is there came from an attempt of ours whose answer was lost
            Err(error @ ObjectError::AlreadyExists { .. }) => {
                let present = self.store.get(path).await?.bytes().await?;
                if present == bytes { Ok(()) } else { Err(error) }
            }
            // a store without conditional puts
            Err(ObjectError::NotImplemented { .. } | ObjectError::NotSupported { .. }) => {
                self.store.put(path, bytes.into()).await.map(|_| ())
            }
            other => other.map(|_| ()),
        }
    }
}

impl Backend for ObjectBackend {
    fn create(&self, id: PackId) -> Result<Box<dyn PackFile>> {
        Ok(Box::new(ObjectFile {
            path: self.pack(id),
            backend: self.clone(),
            part: BytesMut::new(),
            upload: None,
            in_flight: VecDeque::new(),
        }))
    }

    fn read(&self, id: PackId, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let path = self.pack(id);
        let parts = self.runtime.block_on(self.store.get_ranges(&path, ranges));
        let parts = parts.map_err(|error| failed(format!("read {path}"), error))?;
        let whole = parts.iter().zip(ranges).all(|(part, range)| part.len() as u64 == range.end - range.start);
        if whole { Ok(parts) } else { Err(Error::corrupt(format!("{path} is too short"))) }
    }

    fn size(&self, id: PackId) -> Result<Option<u64>> {
        let path = self.pack(id);
        match self.runtime.block_on(self.store.head(&path)) {
            Ok(meta) => Ok(Some(meta.size)),
            Err(ObjectError::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(format!("look at {path}"), error)),
        }
    }

    fn list(&self, visit: &mut dyn FnMut(Found) -> Result<()>) -> Result<()> {
        let folder = self.path(layout::PACKS);
        self.runtime.block_on(async {
            let mut objects = self.store.list(Some(&folder));
            while let Some(object) = objects.next().await {
                let object = object.map_err(|error| failed(format!("list {folder}"), error))?;
                if let Some((id, sealed)) = object.location.filename().and_then(layout::parse_pack) {
                    visit(Found { id, sealed, bytes: object.size })?;
                }
            }
            Ok(())
        })
    }

    fn delete(&self, id: PackId) -> Result<()> {
        let path = self.pack(id);
        match self.runtime.block_on(self.store.delete(&path)) {
            Ok(()) | Err(ObjectError::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(format!("remove {path}"), error)),
        }
    }

    fn check(&self) -> Result<()> {
        let folder = self.path(layout::PACKS);
        match self.runtime.block_on(async { self.store.list(Some(&folder)).next().await }) {
            None | Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(failed("reach the object store".to_owned(), error)),
        }
    }

    fn read_bytes(&self) -> u64 {
        4 << 20
    }
}

/// An S3 bucket; `variables` are the usual `AWS_…` ones.
pub(super) fn s3_store(
    bucket: &str,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = AmazonS3Builder::new().with_bucket_name(bucket).with_retry(RetryConfig {
        max_retries: RETRIES,
        retry_timeout: RETRY_FOR,
        ..RetryConfig::default()
    });
    for (name, value) in variables {
        let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() else { continue };
        if matches!(key, AmazonS3ConfigKey::Endpoint) && value.starts_with("http:") {
            builder = builder.with_allow_http(true);
        }
        builder = builder.with_config(key, value);
    }
    let store = builder.build().map_err(|error| Error::invalid("settings of the S3 store").with_source(error))?;
    Ok(Arc::new(store))
}

pub(super) fn failed(context: String, error: ObjectError) -> Error {
    let kind = match &error {
        ObjectError::NotFound { .. } => Kind::Missing,
        // servers report a full medium in their own words; S3's code for it is the one below
        other if other.to_string().contains("InsufficientStorage") => Kind::Full,
        ObjectError::InvalidPath { .. } | ObjectError::AlreadyExists { .. } => Kind::Internal,
        _ => Kind::Unavailable,
    };
    Error::new(kind, context).with_source(error)
}

struct ObjectFile {
    path: Path,
    backend: ObjectBackend,
    part: BytesMut,
    upload: Option<Box<dyn MultipartUpload>>,
    in_flight: VecDeque<JoinHandle<Result<(), ObjectError>>>,
}

impl ObjectFile {
    fn wait<T>(&self, work: impl Future<Output = Result<T, ObjectError>>) -> Result<T> {
        self.backend.runtime.block_on(work).map_err(|error| failed(format!("upload {}", self.path), error))
    }

    fn send_part(&mut self) -> Result<()> {
        while self.in_flight.len() >= PARTS_IN_FLIGHT {
            self.join_part()?;
        }
        let mut upload = match self.upload.take() {
            Some(upload) => upload,
            None => self.wait(self.backend.store.put_multipart(&self.path))?,
        };
        let part = PutPayload::from(self.part.split().freeze());
        self.in_flight.push_back(self.backend.runtime.spawn(upload.put_part(part)));
        self.upload = Some(upload);
        Ok(())
    }

    fn join_part(&mut self) -> Result<()> {
        let Some(part) = self.in_flight.pop_front() else { return Ok(()) };
        self.wait(async { part.await.unwrap_or_else(|error| Err(ObjectError::JoinError { source: error })) })
    }
}

impl PackFile for ObjectFile {
    fn append(&mut self, parts: &mut [IoSlice<'_>]) -> Result<()> {
        for part in parts {
            let mut rest: &[u8] = part;
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rest.len().min(PART_BYTES - self.part.len()));
                self.part.extend_from_slice(now);
                rest = later;
                if self.part.len() == PART_BYTES {
                    self.send_part()?;
                }
            }
        }
        Ok(())
    }

    fn seal(mut self: Box<Self>) -> Result<()> {
        if self.upload.is_none() {
            let bytes = self.part.split().freeze();
            return self.wait(self.backend.put_new(&self.path, bytes));
        }
        if !self.part.is_empty() {
            self.send_part()?;
        }
        while !self.in_flight.is_empty() {
            self.join_part()?;
        }
        if let Some(upload) = self.upload.as_mut() {
            let done = self.backend.runtime.block_on(upload.complete());
            done.map_err(|error| failed(format!("complete the upload of {}", self.path), error))?;
            self.upload = None;
        }
        Ok(())
    }
}

impl Drop for ObjectFile {
    fn drop(&mut self) {
        for part in self.in_flight.drain(..) {
            part.abort();
        }
        if let Some(mut upload) = self.upload.take() {
            let path = self.path.clone();
            self.backend.runtime.spawn(async move {
                if let Err(error) = upload.abort().await {
                    tracing::debug!(%path, %error, "parts of an unfinished upload stay behind");
                }
            });
        }
    }
}

const _: () = assert!(PART_BYTES >= 5 << 20, "S3 refuses shorter parts");
