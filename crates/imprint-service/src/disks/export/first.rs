//! A compressed file that is made for the first time: its length is not known, so it is made in one go from front to
//! back, on all processors. That takes one of few places, and memory. Whoever takes the bytes slowly must not keep those
//! from others: after some waiting the file is made to its end without anybody, which makes its length known, and the
//! rest is given out as any known file is.

use std::io;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use imprint_disk::{Export, ReadAt, UnitSizes};
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::{SendTimeoutError, TrySendError};
use tokio::sync::mpsc::{self, Sender};
use tokio::task::spawn_blocking;

use super::super::disk_error;
use super::super::stored::CallOff;
use super::places::by_place;
use super::{Kept, THREADS_MAX, export_error, processors};
use crate::error::Error;

/// How long whoever takes the bytes may keep the work waiting, all in all.
const PATIENCE: Duration = if cfg!(test) { Duration::from_millis(20) } else { Duration::from_secs(20) };
/// Pieces made ahead of whoever takes them.
const PIECES_AHEAD: usize = 4;
/// Length of a piece.
const PIECE_BYTES: usize = 512 << 10;

type Part = Result<Handed, Error>;

/// What is handed over.
enum Handed {
    /// The next bytes.
    Bytes(Bytes),
    /// All that follows: the file, which is known now, from this place on.
    Rest(Arc<Export>, u64),
}

/// The whole file. Dropping the stream ends the work on it.
pub(super) fn first_time(
    kept: Kept,
    guest: Arc<dyn ReadAt>,
    export: Arc<Export>,
    call_off: Arc<CallOff>,
) -> BoxStream<'static, Result<Bytes, Error>> {
    let (to, from) = mpsc::channel(PIECES_AHEAD);
    tokio::spawn(make(kept, guest, export, to));
    let parts = stream::unfold(from, |mut from| async move { from.recv().await.map(|part| (part, from)) });
    let bytes = parts.flat_map(move |part| match part {
        Ok(Handed::Bytes(bytes)) => one(Ok(bytes)),
        Ok(Handed::Rest(export, start)) => {
            let end = export.size_bytes().unwrap_or(start);
            by_place(export, Arc::clone(&call_off), start..end)
        }
        Err(error) => one(Err(error)),
    });
    bytes.boxed()
}

fn one(part: Result<Bytes, Error>) -> BoxStream<'static, Result<Bytes, Error>> {
    stream::iter([part]).boxed()
}

async fn make(kept: Kept, guest: Arc<dyn ReadAt>, export: Arc<Export>, to: Sender<Part>) {
    let places = Arc::clone(&kept.service.compressing);
    let place = tokio::select! {
        place = places.acquire_owned() => place,
        () = to.closed() => return,
    };
    let mut handing = Handing::new(to.clone());
    let work = move || {
        let _place = place.map_err(Error::internal)?;
        let threads = processors().min(THREADS_MAX);
        let sizes = export.write(threads, &mut |bytes| handing.take(bytes)).map_err(disk_error)?;
        handing.flush().map_err(disk_error)?;
        let sizes = sizes.ok_or_else(|| Error::internal("a compressed file without sizes"))?;
        kept.keep(&sizes);
        handing.left_at().map(|start| rest(guest, &export, sizes, start)).transpose()
    };
    let last = match spawn_blocking(work).await.map_err(Error::internal) {
        Ok(Ok(None)) => return,
        Ok(Ok(Some(rest))) => Ok(rest),
        Ok(Err(error)) | Err(error) => Err(error),
    };
    // whoever listened may be gone
    drop(to.send(last).await);
}

/// What follows from `start` on, now that the file is known.
fn rest(guest: Arc<dyn ReadAt>, made: &Export, sizes: UnitSizes, start: u64) -> Result<Handed, Error> {
    let known = Export::new(guest, made.target(), Some(sizes)).map_err(export_error)?;
    Ok(Handed::Rest(Arc::new(known), start))
}

/// Bytes on their way from the thread that makes them to whoever takes them.
struct Handing {
    to: Sender<Part>,
    runtime: Handle,
    piece: Vec<u8>,
    handed_bytes: u64,
    /// What is left of it; none once whoever takes them was left behind.
    patience: Option<Duration>,
}

impl Handing {
    fn new(to: Sender<Part>) -> Self {
        let piece = Vec::with_capacity(PIECE_BYTES);
        Self { to, runtime: Handle::current(), piece, handed_bytes: 0, patience: Some(PATIENCE) }
    }

    fn take(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if self.patience.is_none() {
            return if self.to.is_closed() { Err(gone()) } else { Ok(()) };
        }
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_BYTES - self.piece.len()));
            self.piece.extend_from_slice(now);
            bytes = later;
            if self.piece.len() == PIECE_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Hands over what there is.
    fn flush(&mut self) -> io::Result<()> {
        let Some(patience) = self.patience.filter(|_| !self.piece.is_empty()) else {
            self.piece.clear();
            return Ok(());
        };
        let piece = Bytes::from(mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES)));
        let len = piece.len() as u64;
        match self.to.try_send(Ok(Handed::Bytes(piece))) {
            Ok(()) => {}
            Err(TrySendError::Closed(_)) => return Err(gone()),
            Err(TrySendError::Full(piece)) => {
                let began = Instant::now();
                let sent = self.runtime.block_on(self.to.send_timeout(piece, patience));
                match sent {
                    Ok(()) => self.patience = Some(patience.saturating_sub(began.elapsed())),
                    Err(SendTimeoutError::Closed(_)) => return Err(gone()),
                    Err(SendTimeoutError::Timeout(_)) => {
                        self.patience = None;
                        return Ok(());
                    }
                }
            }
        }
        self.handed_bytes += len;
        Ok(())
    }

    /// Up to where bytes were handed over when whoever takes them was left behind.
    fn left_at(&self) -> Option<u64> {
        self.patience.is_none().then_some(self.handed_bytes)
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "nobody listens any more")
}
