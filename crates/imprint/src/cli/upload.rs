//! Sending bytes as they are: what comes from a pipe, and files too large to name all their chunks.

use std::io;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::{self, Stream};
use reqwest::{Body, Method};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::client::Client;
use super::record::escape;
use crate::failure::Failure;

/// Bytes of one piece.
const PIECE_BYTES: usize = 256 << 10;

/// The content of a disk from its beginning to its end.
pub(crate) type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// Sends everything that `pieces` are as the data of an image, telling the length of each.
pub(crate) async fn send(
    client: &Client,
    id: &str,
    pieces: Pieces,
    size_bytes: Option<u64>,
    progress: impl Fn(u64) + Send + Sync + 'static,
) -> Result<(), Failure> {
    let path = format!("/v2/images/{}/file", escape(id));
    let body = Body::wrap_stream(pieces.inspect_ok(move |piece| progress(piece.len() as u64)));
    let send = client.send_once(Method::PUT, &path, |request| {
        let request = request.header("content-type", "application/octet-stream").body(body);
        match size_bytes {
            Some(size) => request.header("x-openstack-image-size", size),
            None => request,
        }
    });
    send.await.map(|_| ())
}

/// Everything that `source` gives, after `head`.
pub(super) fn pieces(head: Bytes, source: impl AsyncRead + Send + Unpin + 'static) -> Pieces {
    let first = Some(head).filter(|head| !head.is_empty());
    Box::pin(stream::try_unfold((first, source), |(mut first, mut source)| async move {
        let piece = match first.take() {
            Some(head) => head,
            None => {
                let mut buffer = Vec::with_capacity(PIECE_BYTES);
                (&mut source).take(PIECE_BYTES as u64).read_to_end(&mut buffer).await?;
                Bytes::from(buffer)
            }
        };
        if piece.is_empty() {
            return Ok(None);
        }
        Ok(Some((piece, (None, source))))
    }))
}
