//! Requests of one connection: taken one after the other, worked on several at once, answered in any order.

use std::io;
use std::pin::pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, BufReader};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};

use super::answer::{Answerer, Writer};
use super::handshake::Chosen;
use super::options::BLOCK_BYTES_MAX;
use super::{Limits, Shared, pieces};
use crate::error::Error;
use crate::wire::{REQUEST_BYTES, Request, command, errno};

/// What an answer without data holds.
const SMALL_BYTES: u32 = 64 << 10;

/// Places of one connection, and those that it shares with others.
struct Places<'a> {
    requests: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    bytes_max: u32,
    shared: &'a Shared,
}

pub(super) async fn transmit(chosen: Chosen, limits: &Limits, shared: &Shared) -> Result<(), Error> {
    let (reader, writer) = tokio::io::split(chosen.stream);
    let mut reader = BufReader::new(reader);
    let writer = Writer::new(writer, limits.answer);
    let answerer = Arc::new(Answerer::new(writer, chosen.disk, chosen.structured, chosen.allocation));
    let places = Places {
        requests: Arc::new(Semaphore::new(usize::try_from(limits.requests.max(1)).unwrap_or(1))),
        bytes: Arc::new(Semaphore::new(usize::try_from(limits.held_bytes).unwrap_or(0))),
        bytes_max: limits.held_bytes,
        shared,
    };
    let mut tasks = JoinSet::new();
    loop {
        let request = {
            let mut next = pin!(next_request(&mut reader));
            loop {
                tokio::select! {
                    biased;
                    // an answer that could not be sent whole is the connection's end
                    Some(ended) = tasks.join_next() => answered(ended)?,
                    request = &mut next => break request?,
                }
            }
        };
        let Some(request) = request else { return Ok(()) };
        match request.command {
            command::DISC => break,
            command::WRITE => {
                drain(&mut reader, request.len).await?;
                answerer.refuse(&request, errno::EPERM, "this export is read-only").await?;
            }
            command::TRIM | command::WRITE_ZEROES | command::FLUSH => {
                answerer.refuse(&request, errno::EPERM, "this export is read-only").await?;
            }
            command::READ | command::CACHE | command::BLOCK_STATUS => {
                let places = places.take(cost(&request, chosen.structured)).await;
                let answerer = Arc::clone(&answerer);
                tasks.spawn(async move {
                    let _places = places;
                    answerer.answer(&request).await
                });
            }
            _ => answerer.refuse(&request, errno::EINVAL, "this command is not known").await?,
        }
    }
    while let Some(ended) = tasks.join_next().await {
        answered(ended)?;
    }
    answerer.close().await
}

/// What an answer holds in memory while it is made and sent.
fn cost(request: &Request, structured: bool) -> u32 {
    match request.command {
        command::READ if structured && request.flags & command::FLAG_DF == 0 => request.len.min(pieces::PART_BYTES),
        // longer ones are refused
        command::READ => request.len.min(BLOCK_BYTES_MAX),
        command::CACHE => pieces::PART_BYTES,
        _ => SMALL_BYTES,
    }
}

impl Places<'_> {
    async fn take(&self, bytes: u32) -> [OwnedSemaphorePermit; 3] {
        const OPEN: &str = "never closed";
        let request = Arc::clone(&self.requests).acquire_owned().await.expect(OPEN);
        let own = Arc::clone(&self.bytes).acquire_many_owned(bytes.min(self.bytes_max)).await.expect(OPEN);
        // last: who has these waits for nobody but its client, and not for ever
        let count = bytes.min(self.bytes_max).min(self.shared.bytes_max);
        let shared = Arc::clone(&self.shared.bytes).acquire_many_owned(count).await.expect(OPEN);
        [request, own, shared]
    }
}

fn answered(ended: Result<Result<(), Error>, JoinError>) -> Result<(), Error> {
    ended.unwrap_or_else(|error| Err(Error::io("answering a request")(io::Error::other(error))))
}

/// None when the client has left.
async fn next_request(reader: &mut (impl AsyncRead + Unpin)) -> Result<Option<Request>, Error> {
    let mut bytes = [0; REQUEST_BYTES];
    match reader.read_exact(&mut bytes).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(Error::io("reading a request")(error)),
    }
    let request = Request::decode(&bytes);
    request.map(Some).ok_or_else(|| Error::protocol("no request where one was expected"))
}

/// Reads what a refused request carries.
async fn drain(reader: &mut (impl AsyncRead + Unpin), len: u32) -> Result<(), Error> {
    if len > BLOCK_BYTES_MAX {
        return Err(Error::protocol(format!("a request that carries {len} bytes")));
    }
    let mut payload = reader.take(u64::from(len));
    let read = tokio::io::copy(&mut payload, &mut tokio::io::sink()).await;
    read.map_err(Error::io("reading a request")).map(drop)
}
