//! A stored disk as a file of any format. Nothing is staged: bytes are made when they are asked for, on all cores where
//! they are compressed, and are the same each time. What the compressed parts came to is kept with the content, so that
//! from the second time on compressed files, too, have a length and ranges.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use imprint_catalogue::{Tx, content_facts};
use imprint_disk::{Export, ExportError, UnitSizes};
use imprint_model::{Content, DiskFormat, MapId};
use imprint_store::MapReader;
use tokio::sync::mpsc::{self, Sender};
use tokio::task::spawn_blocking;

use super::stored::CallOff;
use super::{ExportFormat, disk_error, guest_inside};
use crate::Service;
use crate::error::{Conflict, Error};

/// Compressed exports of this node at one time; further ones wait. Each may hold some hundreds of MiB.
pub(crate) const COMPRESSED_AT_ONCE: usize = 2;
/// Threads that one export is made on at most.
const THREADS_MAX: usize = 16;
/// Threads for a file that needs no compressing: one reads while another is waited for.
const THREADS_PLAIN: usize = 2;
/// Pieces of a file made ahead of whoever takes them. A piece is some MiB at most.
const PIECES_AHEAD: usize = 2;
/// Longest piece handed on at once.
const PIECE_BYTES_MAX: usize = 1 << 20;

/// A stored disk as a file of some format.
pub struct DiskExport {
    service: Service,
    map: MapId,
    format: ExportFormat,
    body: Body,
}

enum Body {
    /// The bytes are stored as what is asked for.
    Stored(MapReader, u64),
    /// They are made; dropping the handle ends all work on them.
    Made(Arc<Export>, Arc<CallOff>),
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
        let plain = |format| if format == DiskFormat::Gpt { DiskFormat::Raw } else { format };
        let body = if format.stored() == Some(plain(stored)) {
            Body::Stored(self.store.reader(content.map).await?, content.size_bytes)
        } else {
            let known = self.known_sizes(content.map, format).await?;
            let (disk, call_off) = self.stored_disk(content).await?;
            let make = move || {
                let guest = guest_inside(&disk, stored)?;
                Export::new(guest, format.target(), known).map_err(export_error)
            };
            let export = spawn_blocking(make).await.map_err(Error::internal)??;
            Body::Made(Arc::new(export), Arc::new(call_off))
        };
        Ok(DiskExport { service: self.clone(), map: content.map, format, body })
    }

    /// What the compressed parts came to when such a file was made before. What cannot be read is not known.
    async fn known_sizes(&self, map: MapId, format: ExportFormat) -> Result<Option<UnitSizes>, Error> {
        if !format.target().is_compressed() {
            return Ok(None);
        }
        let name = fact_name(format);
        let kept = self.catalogue.read(move |tx| content_facts::get(tx, map, &name)).await?;
        Ok(kept.and_then(|bytes| UnitSizes::from_bytes(&bytes)))
    }
}

impl DiskExport {
    /// What it is.
    pub fn format(&self) -> ExportFormat {
        self.format
    }

    /// The length of the file in bytes; none for one that has to be compressed first.
    pub fn size_bytes(&self) -> Option<u64> {
        match &self.body {
            Body::Stored(_, size_bytes) => Some(*size_bytes),
            Body::Made(export, _) => export.size_bytes(),
        }
    }

    /// A text that differs when the file's bytes may differ.
    pub fn tag(&self) -> String {
        match &self.body {
            Body::Stored(..) => self.map.to_string(),
            // how bytes are compressed may change from version to version
            Body::Made(..) => format!("{}-{}-{}", self.map, self.format, env!("CARGO_PKG_VERSION")),
        }
    }

    /// The whole file, or a range that lies in it when its length is known.
    pub fn stream(self, range: Option<Range<u64>>) -> BoxStream<'static, Result<Bytes, Error>> {
        match self.body {
            Body::Stored(reader, size_bytes) => {
                reader.stream(range.unwrap_or(0..size_bytes)).map(|part| part.map_err(Error::from)).boxed()
            }
            Body::Made(export, call_off) => {
                let kept = Kept { service: self.service, map: self.map, format: self.format };
                made(kept, export, call_off, range)
            }
        }
    }
}

impl fmt::Debug for DiskExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskExport").field("map", &self.map).field("format", &self.format).finish_non_exhaustive()
    }
}

/// Where what was found out about the file is kept.
struct Kept {
    service: Service,
    map: MapId,
    format: ExportFormat,
}

/// The file's bytes, made on threads of their own and handed over by a bounded channel.
fn made(
    kept: Kept,
    export: Arc<Export>,
    call_off: Arc<CallOff>,
    range: Option<Range<u64>>,
) -> BoxStream<'static, Result<Bytes, Error>> {
    let (to, from) = mpsc::channel(PIECES_AHEAD);
    let places = Arc::clone(&kept.service.compressing);
    tokio::spawn(async move {
        let compressed = kept.format.target().is_compressed();
        let place = if compressed { places.acquire_owned().await.ok() } else { None };
        if to.is_closed() {
            return;
        }
        let failed_to = to.clone();
        let work = move || {
            let _place = place;
            if let Err(error) = make(&kept, &export, range, &to) {
                // whoever listened may be gone
                drop(to.blocking_send(Err(error)));
            }
        };
        if let Err(panic) = spawn_blocking(work).await {
            drop(failed_to.send(Err(Error::internal(panic))).await);
        }
    });
    // the handle lives as long as somebody listens
    stream::unfold((from, call_off), |(mut from, call_off)| async move {
        from.recv().await.map(|part| (part, (from, call_off)))
    })
    .boxed()
}

fn make(
    kept: &Kept,
    export: &Export,
    range: Option<Range<u64>>,
    to: &Sender<Result<Bytes, Error>>,
) -> Result<(), Error> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let threads = if kept.format.target().is_compressed() { threads } else { threads.min(THREADS_PLAIN) };
    let gone = || io::Error::new(io::ErrorKind::BrokenPipe, "nobody listens any more");
    let mut sink = |bytes: &[u8]| {
        bytes
            .chunks(PIECE_BYTES_MAX)
            .try_for_each(|part| to.blocking_send(Ok(Bytes::copy_from_slice(part))).map_err(|_| gone()))
    };
    match range {
        Some(range) => export.write_range(range.start, range.end - range.start, threads, &mut sink).map_err(disk_error),
        None => match export.write(threads, &mut sink).map_err(disk_error)? {
            Some(sizes) if export.size_bytes().is_none() => kept.keep(&sizes),
            _ => Ok(()),
        },
    }
}

impl Kept {
    /// Keeps what was found out. Not being able to is no reason to spoil the file.
    fn keep(&self, sizes: &UnitSizes) -> Result<(), Error> {
        let (map, name, bytes, clock) =
            (self.map, fact_name(self.format), sizes.to_bytes(), self.service.clock.clone());
        let keep = move |tx: &mut Tx<'_>| Ok::<_, Error>(content_facts::put(tx, map, &name, &bytes, clock.now())?);
        if let Err(error) = self.service.catalogue.write_blocking(keep) {
            tracing::warn!(map = %self.map, format = %self.format, %error, "sizes of an export could not be kept");
        }
        Ok(())
    }
}

fn fact_name(format: ExportFormat) -> String {
    format!("sizes {format}")
}

fn export_error(error: ExportError) -> Error {
    match error {
        ExportError::Impossible { .. } => Error::Conflict(Conflict::ExportTooLarge),
        ExportError::Io(error) => disk_error(error),
    }
}
