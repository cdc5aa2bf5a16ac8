//! Server and client against each other, by hand, and against hostile bytes.

mod by_hand;
mod hostile;
mod together;

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use imprint_disk::{ReadAt, Run, RunKind, past_the_end};
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;

use crate::{BoxStream, Error, Exports, Limits, Shared, Upgrade, serve};

/// The only name there is.
const NAME: &str = "disk";

/// Bytes with runs of every kind, each of so many bytes.
#[derive(Debug, Clone)]
struct Patchy(Vec<(RunKind, u32)>);

impl Patchy {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, len) in &self.0 {
            let start = bytes.len();
            let value = |at: usize| if kind.is_zero() { 0 } else { u8::try_from(at % 251 + 1).unwrap() };
            bytes.extend((start..start + usize::try_from(*len).unwrap()).map(value));
        }
        bytes
    }
}

impl ReadAt for Patchy {
    fn size_bytes(&self) -> u64 {
        self.0.iter().map(|(_, len)| u64::from(*len)).sum()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.bytes().read_at(offset, buf)
    }

    fn run_at(&self, offset: u64) -> io::Result<Run> {
        let mut at = 0;
        for (kind, len) in &self.0 {
            at += u64::from(*len);
            if offset < at {
                return Ok(Run { len: at - offset, kind: *kind });
            }
        }
        Err(past_the_end())
    }
}

/// A disk under one name.
struct One(Arc<dyn ReadAt>);

#[async_trait]
impl Exports for One {
    async fn open(&self, name: &str) -> Option<Arc<dyn ReadAt>> {
        (name == NAME).then(|| Arc::clone(&self.0))
    }
}

/// Encryption that only says that it is there: a byte each way.
struct PretendTls;

#[async_trait]
impl Upgrade for PretendTls {
    async fn upgrade(&self, mut stream: BoxStream) -> io::Result<BoxStream> {
        let hello = tokio::io::AsyncReadExt::read_u8(&mut stream).await?;
        if hello != b'T' {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no TLS"));
        }
        tokio::io::AsyncWriteExt::write_u8(&mut stream, b'T').await?;
        Ok(stream)
    }
}

/// A server over a pipe in memory, and our end of the pipe.
fn serving(disk: impl ReadAt + 'static) -> (DuplexStream, JoinHandle<Result<(), Error>>) {
    serving_with(disk, None, Limits::default())
}

fn serving_with(
    disk: impl ReadAt + 'static,
    tls: Option<PretendTls>,
    limits: Limits,
) -> (DuplexStream, JoinHandle<Result<(), Error>>) {
    serving_beside(disk, tls, limits, Shared::new(limits.held_bytes))
}

fn serving_beside(
    disk: impl ReadAt + 'static,
    tls: Option<PretendTls>,
    limits: Limits,
    shared: Shared,
) -> (DuplexStream, JoinHandle<Result<(), Error>>) {
    let (ours, theirs) = tokio::io::duplex(4096);
    let exports = One(Arc::new(disk));
    let served =
        async move { serve(theirs, &exports, tls.as_ref().map(|tls| tls as &dyn Upgrade), &limits, &shared).await };
    (ours, tokio::spawn(served))
}

/// Runs a future to its end, with threads for blocking work.
fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
