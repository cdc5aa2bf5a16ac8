//! Both ends of NBD, each fed by a peer that says anything.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::{BufMut, Bytes};
use imprint_disk::ReadAt;
use imprint_nbd::{ALLOCATION, Client, Exports, Limits, Shared};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Runtime;

/// What the input begins with stands for itself up to here: a handshake with structured replies, as far as is chosen.
const STAGES: u8 = 4;

/// A peer that says the input and listens to nothing.
struct Said(Bytes);

impl AsyncRead for Said {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let len = buf.remaining().min(self.0.len());
        buf.put_slice(&self.0.split_to(len));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Said {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

struct One(Arc<dyn ReadAt>);

#[async_trait]
impl Exports for One {
    async fn open(&self, name: &str) -> Option<Arc<dyn ReadAt>> {
        (name == "d").then(|| Arc::clone(&self.0))
    }
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"))
}

fn option(option: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = b"IHAVEOPT".to_vec();
    bytes.put_u32(option);
    bytes.put_u32(payload.len() as u32);
    bytes.put_slice(payload);
    bytes
}

fn reply(option: u32, kind: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = 0x0003_e889_0455_65a9_u64.to_be_bytes().to_vec();
    bytes.put_u32(option);
    bytes.put_u32(kind);
    bytes.put_u32(payload.len() as u32);
    bytes.put_slice(payload);
    bytes
}

/// The first byte says how much of a sound handshake comes before the rest.
pub fn server(input: &[u8]) {
    let Some((&stage, rest)) = input.split_first() else { return };
    let sound = [
        vec![0, 0, 0, 3],
        option(8, &[]),
        option(10, b"\0\0\0\x01d\0\0\0\x01\0\0\0\x0fbase:allocation"),
        option(7, b"\0\0\0\x01d\0\0"),
    ];
    let mut said = sound[..usize::from(stage % (STAGES + 1))].concat();
    said.put_slice(rest);
    let exports = One(Arc::new(vec![7; 5000]));
    let (limits, shared) = (Limits::default(), Shared::new(64 << 20));
    let _ = runtime().block_on(imprint_nbd::serve(Said(said.into()), &exports, None, &limits, &shared));
}

/// The first byte says how much of a sound server's handshake comes before the rest.
pub fn client(input: &[u8]) {
    let Some((&stage, rest)) = input.split_first() else { return };
    let sound = [
        b"NBDMAGICIHAVEOPT\0\x03".to_vec(),
        reply(8, 1, &[]),
        [reply(10, 4, b"\0\0\0\x01base:allocation"), reply(10, 1, &[])].concat(),
        [reply(7, 3, b"\0\0\0\0\0\0\0\x10\0\0\0\x03"), reply(7, 1, &[])].concat(),
    ];
    let mut said = sound[..usize::from(stage % (STAGES + 1))].concat();
    said.put_slice(rest);
    runtime().block_on(async {
        let Ok(mut client) = Client::over(Said(said.into()), "d", &[ALLOCATION]).await else { return };
        let size = client.size_bytes();
        for (offset, len) in [(0, size.min(4096)), (size / 2, (size - size / 2).min(100_000))] {
            if let Ok(bytes) = client.read(offset, len).await {
                assert_eq!(bytes.len() as u64, len);
            }
            if let Ok(told) = client.block_status(offset, len).await {
                for context in told {
                    let covered: u64 = context.extents.iter().map(|extent| extent.len).sum();
                    assert!(covered > 0 && covered <= len, "a status of {covered} of {len} bytes");
                }
            }
        }
    });
}
