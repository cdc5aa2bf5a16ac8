//! A stored disk as a file of any format. Nothing is staged: bytes are made when they are asked for, on all cores where
//! they are compressed, and are the same each time. What the compressed parts came to is kept with the content, so that
//! from the second time on compressed files, too, have a length and ranges.

mod first;
mod places;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use imprint_catalogue::{Tx, content_facts};
use imprint_disk::{Export, ExportError, ReadAt, UnitSizes};
use imprint_model::{Content, DiskFormat, MapId};
use imprint_store::MapReader;
use tokio::task::spawn_blocking;

use super::stored::CallOff;
use super::{ExportFormat, disk_error, guest_inside, read_as};
use crate::Service;
use crate::error::{Conflict, Error};

/// Compressed files that are made for the first time on this node at one time; further ones wait. Each may hold some
/// hundreds of MiB.
pub(crate) const COMPRESSED_AT_ONCE: usize = 2;
/// Threads that one of them is made on at most.
const THREADS_MAX: usize = 16;

/// A stored disk as a file of some format.
pub struct DiskExport {
    service: Service,
    file: File,
    body: Body,
}

/// Which file of which bytes.
#[derive(Debug, Clone, Copy)]
struct File {
    map: MapId,
    /// What the bytes are read as.
    stored: DiskFormat,
    format: ExportFormat,
}

enum Body {
    /// The bytes are stored as what is asked for.
    Stored(MapReader, u64),
    /// They are made of the guest's disk; dropping the handle ends all work on them.
    Made(Arc<dyn ReadAt>, Arc<Export>, Arc<CallOff>),
}

impl Service {
    /// Stored bytes of this format as a file of that one.
    ///
    /// # Errors
    /// [`Error::Unsupported`] or [`Error::Unsafe`] when the bytes cannot be read as their format,
    /// [`Conflict::ExportTooLarge`] when the other has no room for the disk.
    pub(crate) async fn export_disk(
        &self,
        content: &Content,
        stored: DiskFormat,
        format: ExportFormat,
    ) -> Result<DiskExport, Error> {
        let file = File { map: content.map, stored, format };
        let plain = |format| if format == DiskFormat::Gpt { DiskFormat::Raw } else { format };
        let body = if format.stored() == Some(plain(stored)) {
            Body::Stored(self.store.reader(content.map).await?, content.size_bytes)
        } else {
            let sizes = self.kept_sizes(file).await?;
            let (disk, call_off) = self.stored_disk(content).await?;
            let make = move || {
                let guest = guest_inside(&disk, stored)?;
                // what cannot be read is not known
                let known = sizes.and_then(|bytes| UnitSizes::from_bytes(&bytes));
                let export = Export::new(Arc::clone(&guest), format.target(), known).map_err(export_error)?;
                Ok::<_, Error>((guest, export))
            };
            let (guest, export) = spawn_blocking(make).await.map_err(Error::internal)??;
            Body::Made(guest, Arc::new(export), Arc::new(call_off))
        };
        Ok(DiskExport { service: self.clone(), file, body })
    }

    /// What the compressed parts came to when such a file was made before.
    async fn kept_sizes(&self, file: File) -> Result<Option<Vec<u8>>, Error> {
        if !file.format.target().is_compressed() {
            return Ok(None);
        }
        let kept = move |tx: &mut Tx<'_>| Ok::<_, Error>(content_facts::get(tx, file.map, &file.fact_name())?);
        self.catalogue.scan(kept).await
    }
}

impl DiskExport {
    /// What it is.
    pub fn format(&self) -> ExportFormat {
        self.file.format
    }

    /// The length of the file in bytes; none for one that has to be compressed first.
    pub fn size_bytes(&self) -> Option<u64> {
        match &self.body {
            Body::Stored(_, size_bytes) => Some(*size_bytes),
            Body::Made(_, export, _) => export.size_bytes(),
        }
    }

    /// A text that differs when the file's bytes may differ.
    pub fn tag(&self) -> String {
        let File { map, stored, format } = self.file;
        match &self.body {
            Body::Stored(..) => map.to_string(),
            // how bytes are compressed may change from version to version
            Body::Made(..) => format!("{map}-{}-{format}-{}", read_as(stored), env!("CARGO_PKG_VERSION")),
        }
    }

    /// The whole file, or a range that lies in it when its length is known.
    pub fn stream(self, range: Option<Range<u64>>) -> BoxStream<'static, Result<Bytes, Error>> {
        match self.body {
            Body::Stored(reader, size_bytes) => {
                reader.stream(range.unwrap_or(0..size_bytes)).map(|part| part.map_err(Error::from)).boxed()
            }
            Body::Made(guest, export, call_off) => match (export.size_bytes(), range) {
                (Some(size_bytes), range) => places::by_place(export, call_off, range.unwrap_or(0..size_bytes)),
                (None, None) => {
                    first::first_time(Kept { service: self.service, file: self.file }, guest, export, call_off)
                }
                (None, Some(_)) => {
                    stream::iter([Err(Error::internal("a range of a file whose length is not known"))]).boxed()
                }
            },
        }
    }
}

impl fmt::Debug for DiskExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskExport").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Where what was found out about the file is kept.
struct Kept {
    service: Service,
    file: File,
}

impl Kept {
    /// Keeps what was found out. Not being able to is no reason to spoil the file. For blocking threads.
    fn keep(&self, sizes: &UnitSizes) {
        let (file, bytes, clock) = (self.file, sizes.to_bytes(), self.service.clock.clone());
        let keep = move |tx: &mut Tx<'_>| {
            Ok::<_, Error>(content_facts::put(tx, file.map, &file.fact_name(), &bytes, clock.now())?)
        };
        if let Err(error) = self.service.catalogue.write_blocking(keep) {
            tracing::warn!(?file, %error, "sizes of an export could not be kept");
        }
    }
}

impl File {
    fn fact_name(self) -> String {
        format!("sizes {} {}", read_as(self.stored), self.format)
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn export_error(error: ExportError) -> Error {
    match error {
        ExportError::Impossible { .. } => Error::Conflict(Conflict::ExportTooLarge),
        ExportError::Io(error) => disk_error(error),
    }
}
