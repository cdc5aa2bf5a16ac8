//! Answers to requests. Reading happens on blocking threads; what is written belongs together until it is whole.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BufMut;
use imprint_disk::ReadAt;
use tokio::io::{AsyncWriteExt, BufWriter, WriteHalf};
use tokio::sync::{Mutex, MutexGuard};

use super::options::BLOCK_BYTES_MAX;
use super::pieces::{self, Piece};
use super::{allocation, meta};
use crate::error::Error;
use crate::stream::BoxStream;
use crate::wire::{self, CHUNK_BYTES, Chunk, Request, chunk, command, errno};

/// Short parts of answers are sent together.
const BUFFER_BYTES: usize = 64 << 10;
const DOING: &str = "sending an answer";

/// Our side of a connection. Once something could not be sent whole and in time, nothing more is: it would be taken for
/// the rest of that.
pub(super) struct Writer {
    stream: BufWriter<WriteHalf<BoxStream>>,
    limit: Duration,
    is_broken: bool,
}

/// One export on one connection.
pub(super) struct Answerer {
    writer: Mutex<Writer>,
    disk: Arc<dyn ReadAt>,
    structured: bool,
    allocation: bool,
}

/// Why a request is refused: a number and a text.
type Refusal = (u32, &'static str);

impl Answerer {
    pub(super) fn new(writer: Writer, disk: Arc<dyn ReadAt>, structured: bool, allocation: bool) -> Answerer {
        Answerer { writer: Mutex::new(writer), disk, structured, allocation }
    }

    /// Answers a request that reads.
    pub(super) async fn answer(&self, request: &Request) -> Result<(), Error> {
        if let Err((code, text)) = self.check(request) {
            return self.refuse(request, code, text).await;
        }
        match request.command {
            command::CACHE => self.cache(request).await,
            command::BLOCK_STATUS => self.status(request).await,
            _ if request.len == 0 => self.succeed(request).await,
            _ if !self.structured => self.read_simple(request).await,
            _ if request.flags & command::FLAG_DF != 0 => self.read_unfragmented(request).await,
            _ => self.read(request).await,
        }
    }

    fn check(&self, request: &Request) -> Result<(), Refusal> {
        let known = match request.command {
            command::READ if self.structured => command::FLAG_DF,
            command::BLOCK_STATUS => command::FLAG_REQ_ONE,
            _ => 0,
        };
        if request.flags & !known != 0 {
            return Err((errno::EINVAL, "a flag of this command is not known"));
        }
        let end = request.offset.checked_add(u64::from(request.len));
        if end.is_none_or(|end| end > self.disk.size_bytes()) {
            return Err((errno::EINVAL, "the range does not lie on the disk"));
        }
        match request.command {
            command::READ if request.len > BLOCK_BYTES_MAX => Err((errno::EINVAL, "this read is too long")),
            command::BLOCK_STATUS if !self.allocation => Err((errno::EINVAL, "no metadata context was chosen")),
            command::BLOCK_STATUS if request.len == 0 => Err((errno::EINVAL, "a status of nothing")),
            _ => Ok(()),
        }
    }

    /// Work on the disk, on a blocking thread.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn ReadAt) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let disk = Arc::clone(&self.disk);
        tokio::task::spawn_blocking(move || work(&disk)).await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    async fn read_simple(&self, request: &Request) -> Result<(), Error> {
        let (offset, len) = (request.offset, u64::from(request.len));
        match self.work(move |disk| pieces::whole(disk, offset, len)).await {
            Ok(bytes) => {
                let mut writer = self.writer.lock().await;
                send(&mut writer, &simple(0, request)).await?;
                send(&mut writer, &bytes).await?;
                flush(writer).await
            }
            Err(error) => self.fail(request, offset, &error).await,
        }
    }

    async fn read_unfragmented(&self, request: &Request) -> Result<(), Error> {
        let (offset, len) = (request.offset, u64::from(request.len));
        match self.work(move |disk| pieces::whole(disk, offset, len)).await {
            Ok(bytes) => {
                let mut writer = self.writer.lock().await;
                piece(&mut writer, request, chunk::DONE, offset, &Piece::Data(bytes)).await?;
                flush(writer).await
            }
            Err(error) => self.fail(request, offset, &error).await,
        }
    }

    /// Sends a range part by part, holes as holes.
    async fn read(&self, request: &Request) -> Result<(), Error> {
        let (mut at, end) = (request.offset, request.offset + u64::from(request.len));
        while at < end {
            let (pieces, next) = match self.work(move |disk| pieces::part(disk, at, end)).await {
                Ok(part) => part,
                Err(error) => return self.fail(request, at, &error).await,
            };
            let mut writer = self.writer.lock().await;
            let count = pieces.len();
            for (number, each) in pieces.iter().enumerate() {
                let done = if next == end && number + 1 == count { chunk::DONE } else { 0 };
                piece(&mut writer, request, done, at, each).await?;
                at += each.len();
            }
            flush(writer).await?;
        }
        Ok(())
    }

    async fn status(&self, request: &Request) -> Result<(), Error> {
        let (offset, end) = (request.offset, request.offset + u64::from(request.len));
        let wanted = if request.flags & command::FLAG_REQ_ONE == 0 { allocation::EXTENTS_MAX } else { 1 };
        let extents = match self.work(move |disk| allocation::extents(disk, offset, end, wanted)).await {
            Ok(extents) => extents,
            Err(error) => return self.fail(request, offset, &error).await,
        };
        let mut payload = Vec::with_capacity(4 + 8 * extents.len());
        payload.put_u32(meta::ALLOCATION_ID);
        for (len, state) in extents {
            payload.put_u32(len);
            payload.put_u32(state);
        }
        self.send_chunk(request, chunk::BLOCK_STATUS, &payload).await
    }

    /// Reads so that what is kept will be at hand. Only the beginning of a long range: nobody can tell the difference.
    async fn cache(&self, request: &Request) -> Result<(), Error> {
        let (mut at, len) = (request.offset, request.len.min(BLOCK_BYTES_MAX));
        let end = at + u64::from(len);
        while at < end {
            match self.work(move |disk| pieces::part(disk, at, end).map(|(_, next)| next)).await {
                Ok(next) => at = next,
                Err(error) => return self.fail(request, at, &error).await,
            }
        }
        self.succeed(request).await
    }

    /// An answer that only says that all is well.
    async fn succeed(&self, request: &Request) -> Result<(), Error> {
        if self.structured {
            return self.send_chunk(request, chunk::NONE, &[]).await;
        }
        let mut writer = self.writer.lock().await;
        send(&mut writer, &simple(0, request)).await?;
        flush(writer).await
    }

    /// Tells that the disk cannot be read. What is wrong with it stays here.
    async fn fail(&self, request: &Request, offset: u64, error: &io::Error) -> Result<(), Error> {
        tracing::warn!(offset, error = error as &dyn std::error::Error, "a disk that is exported cannot be read");
        if !self.structured {
            return self.refuse(request, errno::EIO, "").await;
        }
        let mut payload = error_payload(errno::EIO, "the disk cannot be read here");
        payload.put_u64(offset);
        self.send_chunk(request, chunk::ERROR_OFFSET, &payload).await
    }

    /// Answers with an error.
    pub(super) async fn refuse(&self, request: &Request, code: u32, text: &str) -> Result<(), Error> {
        if self.structured {
            return self.send_chunk(request, chunk::ERROR, &error_payload(code, text)).await;
        }
        let mut writer = self.writer.lock().await;
        send(&mut writer, &simple(code, request)).await?;
        flush(writer).await
    }

    /// The last chunk of an answer.
    async fn send_chunk(&self, request: &Request, kind: u16, payload: &[u8]) -> Result<(), Error> {
        let mut bytes = Vec::with_capacity(CHUNK_BYTES + payload.len());
        let len = u32::try_from(payload.len()).expect("bounded");
        Chunk { flags: chunk::DONE, kind, cookie: request.cookie, len }.put(&mut bytes);
        bytes.put_slice(payload);
        let mut writer = self.writer.lock().await;
        send(&mut writer, &bytes).await?;
        flush(writer).await
    }

    /// Closes our side of the connection.
    pub(super) async fn close(&self) -> Result<(), Error> {
        let mut writer = self.writer.lock().await;
        writer.begin()?;
        in_time(writer.limit, "closing the connection", writer.stream.shutdown()).await
    }
}

impl Piece {
    fn len(&self) -> u64 {
        match self {
            Piece::Data(bytes) => bytes.len() as u64,
            Piece::Hole(len) => *len,
        }
    }
}

/// Writes one chunk of an answer to a read.
async fn piece(writer: &mut Writer, request: &Request, flags: u16, offset: u64, piece: &Piece) -> Result<(), Error> {
    const SHORT: &str = "pieces are shorter than requests";
    let mut head = Vec::with_capacity(CHUNK_BYTES + 12);
    let cookie = request.cookie;
    match piece {
        Piece::Data(bytes) => {
            let len = u32::try_from(bytes.len() + 8).expect(SHORT);
            Chunk { flags, kind: chunk::OFFSET_DATA, cookie, len }.put(&mut head);
            head.put_u64(offset);
            send(writer, &head).await?;
            send(writer, bytes).await
        }
        Piece::Hole(len) => {
            Chunk { flags, kind: chunk::OFFSET_HOLE, cookie, len: 12 }.put(&mut head);
            head.put_u64(offset);
            head.put_u32(u32::try_from(*len).expect(SHORT));
            send(writer, &head).await
        }
    }
}

fn simple(code: u32, request: &Request) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16);
    bytes.put_u32(wire::SIMPLE_REPLY_MAGIC);
    bytes.put_u32(code);
    bytes.put_u64(request.cookie);
    bytes
}

fn error_payload(code: u32, text: &str) -> Vec<u8> {
    let mut payload = Vec::with_capacity(6 + text.len());
    payload.put_u32(code);
    payload.put_u16(u16::try_from(text.len()).expect("our own texts are short"));
    payload.put_slice(text.as_bytes());
    payload
}

async fn send(writer: &mut Writer, bytes: &[u8]) -> Result<(), Error> {
    writer.begin()?;
    in_time(writer.limit, DOING, writer.stream.write_all(bytes)).await?;
    writer.is_broken = false;
    Ok(())
}

async fn flush(mut writer: MutexGuard<'_, Writer>) -> Result<(), Error> {
    writer.begin()?;
    in_time(writer.limit, DOING, writer.stream.flush()).await?;
    writer.is_broken = false;
    Ok(())
}

async fn in_time(
    limit: Duration,
    doing: &'static str,
    work: impl Future<Output = io::Result<()>>,
) -> Result<(), Error> {
    tokio::time::timeout(limit, work).await.map_err(|_| Error::Silent)?.map_err(Error::io(doing))
}

impl Writer {
    pub(super) fn new(stream: WriteHalf<BoxStream>, limit: Duration) -> Writer {
        Writer { stream: BufWriter::with_capacity(BUFFER_BYTES, stream), limit, is_broken: false }
    }

    /// What begins now is broken until it has ended well.
    fn begin(&mut self) -> Result<(), Error> {
        if std::mem::replace(&mut self.is_broken, true) {
            return Err(Error::io(DOING)(io::ErrorKind::BrokenPipe.into()));
        }
        Ok(())
    }
}
