//! Sending a file: it is cut as the service cuts, the service says which chunks it lacks, and only these are sent; so a
//! push that was killed, or a new build of a known disk, sends the rest alone.

use std::collections::HashSet;
use std::fs::File;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use imprint_api_native::{frames, wire};
use imprint_model::{ChunkId, ImageId};
use imprint_service::possession_key;
use imprint_store::chunk::ChunkSize;
use indicatif::ProgressBar;
use reqwest::{Method, StatusCode};
use tokio::task::JoinSet;

use super::client::{self, Client};
use super::cutting::{self, Stretch};
use super::record::escape;
use super::{progress, upload};
use crate::failure::{ExitCode, Failure};

/// Questions which chunks are missing, under way at one time.
const ASKING_MAX: usize = 4;
/// Batches of chunks under way at one time.
const SENDING_MAX: usize = 3;
/// How often a push begins again because chunks went away under it.
const ROUNDS_MAX: usize = 3;

/// What was sent.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Sent {
    pub(super) bytes: u64,
    pub(super) chunks: u64,
    pub(super) chunks_of_all: u64,
}

/// Sends a file as the data of an image.
pub(super) async fn send_file(
    client: &Client,
    id: &str,
    file: File,
    size_bytes: u64,
    whole: bool,
) -> Result<Sent, Failure> {
    let bar = progress::bytes("pushing", Some(size_bytes));
    let sent = match whole {
        true => send_whole(client, id, file, size_bytes, &bar).await,
        false => send_missing(client, id, file, size_bytes, &bar).await,
    };
    bar.finish_and_clear();
    sent
}

async fn send_whole(
    client: &Client,
    id: &str,
    file: File,
    size_bytes: u64,
    bar: &ProgressBar,
) -> Result<Sent, Failure> {
    let shown = bar.clone();
    let source = tokio::fs::File::from_std(file);
    upload::send(client, id, Bytes::new(), source, Some(size_bytes), move |bytes| shown.inc(bytes)).await?;
    Ok(Sent { bytes: size_bytes, ..Sent::default() })
}

async fn send_missing(
    client: &Client,
    id: &str,
    file: File,
    size_bytes: u64,
    bar: &ProgressBar,
) -> Result<Sent, Failure> {
    let limits: wire::PushParameters = client.get("/imprint/v1/push").await?;
    let cannot = |error| Failure::doing("cannot read the file again", error);
    let mut sent = Sent::default();
    for _ in 0..ROUNDS_MAX {
        bar.set_position(0);
        let mut round = Round::new(client, id, limits, sent)?;
        let told = round.run(file.try_clone().map_err(cannot)?, size_bytes, bar).await?;
        sent = round.sent;
        if told == Told::TooMany {
            bar.set_position(0);
            let all = send_whole(client, id, file, size_bytes, bar).await?;
            return Ok(Sent { bytes: sent.bytes + all.bytes, ..sent });
        }
        bar.set_message("pushed; the service reads it once");
        if round.put_together(size_bytes).await? {
            return Ok(sent);
        }
    }
    Err(Failure::new(
        ExitCode::Unavailable,
        "chunks went away while they were sent: the service is collecting with too little grace",
    ))
}

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Everything is there.
    All,
    /// There are more chunks than one description may name.
    TooMany,
}

/// One pass over the file.
struct Round<'a> {
    client: &'a Client,
    id: &'a str,
    key: [u8; 32],
    chunk_size: ChunkSize,
    limits: wire::PushParameters,
    /// The description of the disk, and how many chunks it names.
    entries: Vec<u8>,
    count: usize,
    /// Chunks sent in this round: the file may hold them again.
    gone: HashSet<ChunkId>,
    batch: Vec<u8>,
    batch_chunks: usize,
    sending: JoinSet<Result<(), Failure>>,
    sent: Sent,
}

impl<'a> Round<'a> {
    fn new(client: &'a Client, id: &'a str, limits: wire::PushParameters, sent: Sent) -> Result<Self, Failure> {
        let unknown =
            || Failure::usage("this service cuts in a way that this program does not know: update it, or use --whole");
        let image: ImageId = id.parse().map_err(|_| unknown())?;
        Ok(Self {
            client,
            id,
            key: possession_key(image),
            chunk_size: ChunkSize::new(limits.chunk_mean_bytes).ok_or_else(unknown)?,
            limits,
            entries: Vec::new(),
            count: 0,
            gone: HashSet::new(),
            batch: Vec::new(),
            batch_chunks: 0,
            sending: JoinSet::new(),
            sent,
        })
    }

    /// Reads the file, asks, and sends what is missing.
    async fn run(&mut self, file: File, size_bytes: u64, bar: &ProgressBar) -> Result<Told, Failure> {
        self.entries.extend_from_slice(&frames::write_size(size_bytes));
        let cut = cutting::start(file, size_bytes, self.chunk_size, self.key);
        let stretches = stream::unfold(cut, |mut cut| async move { cut.recv().await.map(|next| (next, cut)) });
        let (client, id) = (self.client, self.id);
        let answers = stretches.map(|stretch| async move { ask(client, id, stretch?).await }).buffered(ASKING_MAX);
        let mut answers = std::pin::pin!(answers);
        while let Some(answer) = answers.next().await {
            let (stretch, missing) = answer?;
            for cut in &stretch.cuts {
                if self.count == self.limits.entries_max {
                    return Ok(Told::TooMany);
                }
                frames::write_entry(&mut self.entries, &cut.chunk);
                self.count += 1;
                if missing.contains(&cut.chunk.id) && self.gone.insert(cut.chunk.id) {
                    self.add(&cut.bytes).await?;
                }
            }
            bar.set_position(stretch.end);
        }
        self.flush().await?;
        while !self.sending.is_empty() {
            self.settle_one().await?;
        }
        self.sent.chunks_of_all = self.count as u64;
        Ok(Told::All)
    }

    async fn add(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        let full = self.batch.len() as u64 + frames::framed_bytes(chunk.len()) > self.limits.batch_bytes_max;
        if full || self.batch_chunks == self.limits.batch_chunks_max {
            self.flush().await?;
        }
        if self.batch.is_empty() {
            // grown by doubling, a batch would take twice what it holds
            self.batch
                .reserve_exact(usize::try_from(self.limits.batch_bytes_max.min(frames::BATCH_BYTES_MAX)).unwrap_or(0));
        }
        frames::write_chunk(&mut self.batch, chunk);
        self.batch_chunks += 1;
        self.sent.bytes += chunk.len() as u64;
        self.sent.chunks += 1;
        Ok(())
    }

    /// Sends the batch on its way.
    async fn flush(&mut self) -> Result<(), Failure> {
        if self.batch.is_empty() {
            return Ok(());
        }
        if self.sending.len() >= SENDING_MAX {
            self.settle_one().await?;
        }
        let batch = Bytes::from(std::mem::take(&mut self.batch));
        self.batch_chunks = 0;
        let (client, path) = (self.client.clone(), format!("/imprint/v1/images/{}/chunks", escape(self.id)));
        self.sending.spawn(async move {
            let put = client.send(Method::PUT, &path, |request| request.body(batch.clone()));
            put.await.map(|_| ())
        });
        Ok(())
    }

    async fn settle_one(&mut self) -> Result<(), Failure> {
        match self.sending.join_next().await {
            Some(Ok(sent)) => sent,
            Some(Err(error)) => Err(Failure::doing("sending chunks", error)),
            None => Ok(()),
        }
    }

    /// Has the disk put together; false when chunks went away meanwhile.
    async fn put_together(&mut self, size_bytes: u64) -> Result<bool, Failure> {
        let path = format!("/imprint/v1/images/{}/content", escape(self.id));
        let body = std::mem::take(&mut self.entries);
        let response = self.client.answer(Method::POST, &path, |request| request.body(body)).await?;
        let status = response.status();
        if status.is_success() {
            let pushed: wire::Pushed = client::json(response).await?;
            debug_assert_eq!(pushed.size_bytes, size_bytes);
            return Ok(true);
        }
        if status != StatusCode::CONFLICT {
            return Err(client::refused(response).await);
        }
        let refusal: wire::ErrorBody = client::json(response).await?;
        if refusal.error.code == "incomplete" {
            return Ok(false);
        }
        Err(Failure::new(ExitCode::Failed, refusal.error.message))
    }
}

/// Asks which chunks of a stretch are missing.
async fn ask(client: &Client, id: &str, stretch: Stretch) -> Result<(Stretch, HashSet<ChunkId>), Failure> {
    let mut ids: Vec<ChunkId> = stretch.cuts.iter().map(|cut| cut.chunk.id).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok((stretch, HashSet::new()));
    }
    let path = format!("/imprint/v1/images/{}/chunks/missing", escape(id));
    let question = Bytes::from(frames::write_ids(&ids));
    let answer = client.send(Method::POST, &path, |request| request.body(question.clone())).await?;
    let missing = frames::read_ids(&client::content(answer).await?);
    let missing = missing.map_err(|error| Failure::doing("the service's answer is not understood", error))?;
    Ok((stretch, missing.into_iter().collect()))
}
