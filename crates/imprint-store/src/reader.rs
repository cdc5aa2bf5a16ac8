//! Reading a disk through its map: streams, single ranges, and where the data is. Never returns unverified bytes,
//! and holds no thread while its caller is slow.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use imprint_model::{ChunkId, MapId};

use crate::chunk::{BLOCK_BYTES, WINDOW_BYTES};
use crate::error::{Error, Kind, Result};
use crate::fetch::LocatedPage;
use crate::map::{PageEntry, Root, root_id};
use crate::num::{to_u32, to_usize};
use crate::store::{Shared, blocking};

/// Pieces of a stream read ahead of its consumer.
const PIECES_AHEAD: usize = 2;
/// Bytes of one [`MapReader::read_at`] at most.
pub const READ_BYTES_MAX: u64 = 16 << 20;
/// Extents of one [`MapReader::extents`] at most.
pub const EXTENTS_MAX: usize = 65_536;

/// What holes read as; shared by all streams.
static ZEROS: [u8; 256 << 10] = [0; 256 << 10];

/// A part of a disk that is all hole or all data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Where it begins, in bytes.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u64,
    /// Whether it is in chunks; a hole reads as zeros.
    pub data: bool,
}

/// One chunk of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRef {
    /// Where it begins on the disk, in bytes.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u32,
    /// Its name.
    pub id: ChunkId,
}

/// Reads one map. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MapReader {
    shared: Arc<Shared>,
    map: MapId,
    root: Arc<Root>,
}

/// A part of one window to read.
struct Piece {
    page: Option<(ChunkId, Arc<LocatedPage>)>,
    range: Range<u64>,
}

impl MapReader {
    pub(crate) fn open(shared: Arc<Shared>, map: MapId) -> Result<Self> {
        let root = shared.roots.get_or_insert_with(&map, || {
            let bytes = shared.fetch(root_id(map)).map_err(|error| match error.kind() {
                Kind::Missing => Error::missing(format!("map {map}")),
                _ => error,
            })?;
            Root::decode(&bytes).map(Arc::new)
        })?;
        Ok(Self { shared, map, root })
    }

    /// The map's name.
    pub fn map(&self) -> MapId {
        self.map
    }

    pub(crate) fn root(&self) -> Arc<Root> {
        Arc::clone(&self.root)
    }

    /// The disk's size.
    pub fn size_bytes(&self) -> u64 {
        self.root.size_bytes()
    }

    /// Bytes of the disk that are not hole.
    pub fn data_bytes(&self) -> u64 {
        self.root.data_bytes()
    }

    /// The bytes of a range, cut off at the end of the disk, verified, and read ahead of the consumer by a few MiB
    /// at most.
    pub fn stream(&self, range: Range<u64>) -> impl Stream<Item = Result<Bytes>> + Send + use<> {
        let end = range.end.min(self.size_bytes());
        let reader = self.clone();
        let pieces = stream::try_unfold((reader, range.start), move |(reader, from)| async move {
            if from >= end {
                return Ok(None);
            }
            let piece = reader.plan(from, end).await?;
            let next = piece.range.end;
            Ok(Some((piece, (reader, next))))
        });
        let shared = Arc::clone(&self.shared);
        let size = self.size_bytes();
        pieces
            .map(move |piece: Result<Piece>| {
                let shared = Arc::clone(&shared);
                async move {
                    let piece = piece?;
                    if piece.page.is_none() {
                        return Ok(zeros(piece.range.end - piece.range.start).collect());
                    }
                    blocking(move || shared.read_piece(&piece, size)).await
                }
            })
            .buffered(PIECES_AHEAD)
            .map_ok(|parts: Vec<Bytes>| stream::iter(parts.into_iter().map(Ok)))
            .try_flatten()
    }

    /// The bytes at `offset`: `len` (at most [`READ_BYTES_MAX`]), or fewer at the end of the disk.
    ///
    /// # Errors
    /// [`Kind::Invalid`] when `len` is too large; [`Kind::Corrupt`] when stored bytes are damaged.
    pub async fn read_at(&self, offset: u64, len: u64) -> Result<Bytes> {
        let len = check_len(len)?.min(self.size_bytes().saturating_sub(offset));
        let reader = self.clone();
        blocking(move || {
            let mut parts = reader.parts(offset..offset + len)?;
            if parts.len() == 1 {
                return Ok(parts.remove(0));
            }
            Ok(parts.concat().into())
        })
        .await
    }

    /// Fills `buffer` from `offset`, for code that is itself on a blocking thread. The range must lie on the disk.
    ///
    /// # Errors
    /// [`Kind::Invalid`] when the range is too long or leaves the disk; [`Kind::Corrupt`] for damaged bytes.
    pub fn read_exact_at_blocking(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let len = check_len(buffer.len() as u64)?;
        let end = offset.checked_add(len).filter(|&end| end <= self.size_bytes());
        let end = end.ok_or_else(|| Error::invalid(format!("reading beyond the end of map {}", self.map)))?;
        let mut rest = buffer;
        for part in self.parts(offset..end)? {
            let (now, later) = rest.split_at_mut(part.len());
            now.copy_from_slice(&part);
            rest = later;
        }
        Ok(())
    }

    /// Where the data is in a range, from its beginning on; consecutive extents differ. Ends early after
    /// [`EXTENTS_MAX`] extents: go on from the end of the last.
    ///
    /// # Errors
    /// When a page of the map cannot be read.
    pub async fn extents(&self, range: Range<u64>) -> Result<Vec<Extent>> {
        let reader = self.clone();
        blocking(move || reader.extents_blocking(range)).await
    }

    /// As [`extents`](Self::extents), for code that is itself on a blocking thread.
    ///
    /// # Errors
    /// When a page of the map cannot be read.
    pub fn extents_blocking(&self, range: Range<u64>) -> Result<Vec<Extent>> {
        let end = range.end.min(self.size_bytes());
        let mut found = Vec::new();
        let mut from = range.start;
        while from < end && found.len() <= EXTENTS_MAX {
            let window = window_of(from);
            let window_end = end.min(window_start(window) + WINDOW_BYTES);
            if let Some(id) = self.root.page(window) {
                let page = self.shared.located_page(id)?;
                for entry in overlapping(&page, window, from..window_end) {
                    let chunk = extent_of(window, entry, self.size_bytes());
                    let (start, stop) = (chunk.start.max(from), chunk.end.min(window_end));
                    add_extent(&mut found, from..start, false);
                    add_extent(&mut found, start..stop, true);
                    from = stop;
                }
            }
            add_extent(&mut found, from..window_end, false);
            from = window_end;
        }
        found.truncate(EXTENTS_MAX);
        Ok(found)
    }

    /// How many windows of 64 MiB the disk has.
    pub fn windows(&self) -> u32 {
        u32::try_from(self.size_bytes().div_ceil(WINDOW_BYTES)).unwrap_or(u32::MAX)
    }

    /// The name of the page that covers a window: two windows with the same page have the same content, and a
    /// window without one is all hole.
    pub fn page(&self, window: u32) -> Option<ChunkId> {
        self.root.page(window)
    }

    /// The chunks of a window, ascending, for clients that fetch chunks themselves.
    ///
    /// # Errors
    /// When the window's page cannot be read.
    pub async fn chunks(&self, window: u32) -> Result<Vec<ChunkRef>> {
        let Some(id) = self.root.page(window) else { return Ok(Vec::new()) };
        let (shared, size) = (Arc::clone(&self.shared), self.size_bytes());
        blocking(move || {
            let page = shared.located_page(id)?;
            let chunk = |entry: &PageEntry| {
                let extent = extent_of(window, entry, size);
                let len = to_u32(to_usize(extent.end.saturating_sub(extent.start)));
                ChunkRef { offset: extent.start, len, id: entry.chunk }
            };
            Ok(page.page.entries.iter().map(chunk).collect())
        })
        .await
    }

    /// The chunks that a range touches, ascending, for code that is itself on a blocking thread; what none covers is
    /// hole. Of ranges of at most [`READ_BYTES_MAX`].
    ///
    /// # Errors
    /// [`Kind::Invalid`] when the range is too long; otherwise when a page of the map cannot be read.
    pub fn chunks_in_blocking(&self, range: Range<u64>) -> Result<Vec<ChunkRef>> {
        check_len(range.end.saturating_sub(range.start))?;
        let end = range.end.min(self.size_bytes());
        let mut found = Vec::new();
        let mut from = range.start;
        while from < end {
            let window = window_of(from);
            let to = end.min(window_start(window) + WINDOW_BYTES);
            if let Some(id) = self.root.page(window) {
                let page = self.shared.located_page(id)?;
                found.extend(overlapping(&page, window, from..to).map(|entry| {
                    let extent = extent_of(window, entry, self.size_bytes());
                    let len = to_u32(to_usize(extent.end.saturating_sub(extent.start)));
                    ChunkRef { offset: extent.start, len, id: entry.chunk }
                }));
            }
            from = to;
        }
        Ok(found)
    }

    /// The bytes of chunks of this map, in the order asked, neighbours in one read, for code that is itself on a blocking
    /// thread. They may be parts of longer buffers: copy what is to be kept.
    ///
    /// # Errors
    /// [`Kind::Corrupt`] when stored bytes are damaged or not as long as the map says.
    pub fn read_chunks_blocking(&self, chunks: &[ChunkRef]) -> Result<Vec<Bytes>> {
        let ids: Vec<ChunkId> = chunks.iter().map(|chunk| chunk.id).collect();
        let read = self.shared.fetch_all(&ids)?;
        match chunks.iter().zip(&read).find(|(chunk, bytes)| chunk.len as usize != bytes.len()) {
            Some((chunk, _)) => {
                Err(Error::corrupt(format!("a map gives chunk {} another length than it has", chunk.id)))
            }
            None => Ok(read),
        }
    }

    /// The piece that begins at `from`: of one window, about as long as one read of the backend, ending with a chunk.
    async fn plan(&self, from: u64, end: u64) -> Result<Piece> {
        let window = window_of(from);
        let window_end = end.min(window_start(window) + WINDOW_BYTES);
        let Some(id) = self.root.page(window) else {
            return Ok(Piece { page: None, range: from..window_end });
        };
        let page = match self.shared.pages.get(&id) {
            Some(page) => page,
            None => {
                let shared = Arc::clone(&self.shared);
                blocking(move || shared.located_page(id)).await?
            }
        };
        let enough = from.saturating_add(self.shared.backend.read_bytes());
        let piece_end = overlapping(&page, window, from..window_end)
            .map(|entry| extent_of(window, entry, self.size_bytes()).end)
            .find(|&chunk_end| chunk_end >= enough)
            .map_or(window_end, |chunk_end| chunk_end.min(window_end));
        Ok(Piece { page: Some((id, page)), range: from..piece_end })
    }

    /// All parts of a range that was cut off at the end of the disk.
    fn parts(&self, range: Range<u64>) -> Result<Vec<Bytes>> {
        let mut parts = Vec::new();
        let mut from = range.start;
        while from < range.end {
            let window = window_of(from);
            let to = range.end.min(window_start(window) + WINDOW_BYTES);
            match self.root.page(window) {
                None => parts.extend(zeros(to - from)),
                Some(id) => {
                    let page = Some((id, self.shared.located_page(id)?));
                    parts.extend(self.shared.read_piece(&Piece { page, range: from..to }, self.size_bytes())?);
                }
            }
            from = to;
        }
        Ok(parts)
    }
}

impl Shared {
    /// The bytes of a piece. When a pack went away since its page was located, the page is located afresh, once.
    fn read_piece(&self, piece: &Piece, disk_bytes: u64) -> Result<Vec<Bytes>> {
        let Some((id, page)) = &piece.page else {
            return Ok(zeros(piece.range.end - piece.range.start).collect());
        };
        match self.read_chunks(page, &piece.range, disk_bytes) {
            Err(error) if error.kind() == Kind::Missing => {
                self.pages.remove(id);
                self.read_chunks(&*self.located_page(*id)?, &piece.range, disk_bytes)
            }
            result => result,
        }
    }

    fn read_chunks(&self, page: &LocatedPage, range: &Range<u64>, disk_bytes: u64) -> Result<Vec<Bytes>> {
        let window = window_of(range.start);
        let (first, entries) = overlapping_slice(page, window, range.clone());
        let wanted: Vec<_> =
            entries.iter().zip(&page.places[first..]).map(|(entry, place)| (entry.chunk, *place)).collect();
        let chunks = self.read_records(&wanted)?;
        let mut parts = Vec::with_capacity(chunks.len() + 1);
        let mut from = range.start;
        for (entry, chunk) in entries.iter().zip(chunks) {
            let extent = extent_of(window, entry, disk_bytes);
            if extent.end.checked_sub(extent.start) != Some(chunk.len() as u64) {
                return Err(Error::corrupt(format!("a map gives chunk {} another length than it has", entry.chunk)));
            }
            let (start, stop) = (extent.start.max(from), extent.end.min(range.end));
            parts.extend(zeros(start - from));
            parts.push(chunk.slice(to_usize(start - extent.start)..to_usize(stop - extent.start)));
            from = stop;
        }
        parts.extend(zeros(range.end - from));
        Ok(parts)
    }
}

fn check_len(len: u64) -> Result<u64> {
    if len > READ_BYTES_MAX {
        return Err(Error::invalid(format!("one read of {len} bytes; at most {READ_BYTES_MAX}")));
    }
    Ok(len)
}

pub(crate) fn window_of(offset: u64) -> u32 {
    u32::try_from(offset / WINDOW_BYTES).unwrap_or(u32::MAX)
}

fn window_start(window: u32) -> u64 {
    u64::from(window) * WINDOW_BYTES
}

/// The bytes an entry covers; the last block of the disk may be short.
pub(crate) fn extent_of(window: u32, entry: &PageEntry, disk_bytes: u64) -> Range<u64> {
    let block = BLOCK_BYTES as u64;
    let start = window_start(window) + u64::from(entry.start) * block;
    start..(start + u64::from(entry.blocks) * block).min(disk_bytes)
}

/// The entries of a window's page that overlap a range within the window, and the place of the first.
fn overlapping_slice(page: &LocatedPage, window: u32, range: Range<u64>) -> (usize, &[PageEntry]) {
    let entries = &page.page.entries;
    let first = entries.partition_point(|entry| extent_of(window, entry, u64::MAX).end <= range.start);
    let after = entries.partition_point(|entry| extent_of(window, entry, u64::MAX).start < range.end);
    (first, &entries[first..after.max(first)])
}

fn overlapping(page: &LocatedPage, window: u32, range: Range<u64>) -> impl Iterator<Item = &PageEntry> {
    overlapping_slice(page, window, range).1.iter()
}

fn add_extent(found: &mut Vec<Extent>, range: Range<u64>, data: bool) {
    let Some(len) = range.end.checked_sub(range.start).filter(|&len| len > 0) else { return };
    match found.last_mut() {
        Some(last) if last.data == data => last.len += len,
        _ => found.push(Extent { offset: range.start, len, data }),
    }
}

fn zeros(len: u64) -> impl Iterator<Item = Bytes> {
    let step = ZEROS.len() as u64;
    (0..len.div_ceil(step)).map(move |at| {
        let part = to_usize((len - at * step).min(step));
        Bytes::from_static(&ZEROS[..part])
    })
}
