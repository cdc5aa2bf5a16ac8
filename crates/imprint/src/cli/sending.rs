//! Sending a disk: it is cut as the service cuts, the service says which chunks it lacks, and only these are sent; so a
//! push that was killed, or a new build of a known disk, sends the rest alone. The command line sends files, a service
//! that copies an image to another what it has stored.

use std::collections::HashSet;
use std::fs::File;
use std::io::Seek;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use imprint_api_native::{frames, wire};
use imprint_model::{ChunkId, ImageId};
use imprint_service::possession_key;
use imprint_store::chunk::ChunkSize;
use indicatif::ProgressBar;
use reqwest::{Method, StatusCode};
use tokio::task::JoinSet;

use super::client::{self, Client};
use super::cutting::{self, Stretch, Stretches};
use super::record::escape;
use super::upload::{self, Pieces};
use crate::failure::{ExitCode, Failure};

/// Questions which chunks are missing, under way at one time.
const ASKING_MAX: usize = 4;
/// Batches of chunks under way at one time.
const SENDING_MAX: usize = 3;
/// How often a push begins again because chunks went away under it.
const ROUNDS_MAX: usize = 3;

/// What was sent.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) bytes: u64,
    pub(crate) chunks: u64,
    pub(crate) chunks_of_all: u64,
}

/// A disk that can be read from its beginning as often as need be.
pub(crate) trait Disk: Send + Sync {
    /// Its size.
    fn size_bytes(&self) -> u64;
    /// Its chunks as a service cuts that has chunks of this size; `key` proves them.
    fn cut(&self, size: ChunkSize, key: [u8; 32]) -> Result<Stretches, Failure>;
    /// Its bytes.
    fn whole(&self) -> Result<Pieces, Failure>;
}

/// A file.
pub(super) struct FileDisk {
    pub(super) file: File,
    pub(super) size_bytes: u64,
}

impl FileDisk {
    fn again(&self) -> Result<File, Failure> {
        self.file.try_clone().map_err(|error| Failure::doing("cannot read the file again", error))
    }
}

impl Disk for FileDisk {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn cut(&self, size: ChunkSize, key: [u8; 32]) -> Result<Stretches, Failure> {
        Ok(cutting::start(self.again()?, self.size_bytes, size, key))
    }

    fn whole(&self) -> Result<Pieces, Failure> {
        let mut file = self.again()?;
        file.rewind().map_err(|error| Failure::doing("cannot read the file again", error))?;
        Ok(upload::pieces(Bytes::new(), tokio::fs::File::from_std(file)))
    }
}

/// Who wants to know how far it is.
pub(crate) trait Watch: Clone + Send + Sync + 'static {
    /// So much of the disk is there.
    fn at(&self, position: u64);
    /// So many bytes more were sent.
    fn sent(&self, bytes: u64);
    /// Everything was sent, and the service reads it once.
    fn putting_together(&self);
}

impl Watch for ProgressBar {
    fn at(&self, position: u64) {
        self.set_position(position);
    }

    fn sent(&self, _: u64) {}

    fn putting_together(&self) {
        self.set_message("pushed; the service reads it once");
    }
}

/// Sends a disk as the data of an image.
pub(crate) async fn send(
    client: &Client,
    id: &str,
    disk: &dyn Disk,
    whole: bool,
    watch: &impl Watch,
) -> Result<Sent, Failure> {
    match whole {
        true => send_whole(client, id, disk, watch).await,
        false => send_missing(client, id, disk, watch).await,
    }
}

async fn send_whole(client: &Client, id: &str, disk: &dyn Disk, watch: &impl Watch) -> Result<Sent, Failure> {
    let (size_bytes, watch, position) = (disk.size_bytes(), watch.clone(), AtomicU64::new(0));
    let told = move |bytes| {
        watch.at(position.fetch_add(bytes, Ordering::Relaxed) + bytes);
        watch.sent(bytes);
    };
    upload::send(client, id, disk.whole()?, Some(size_bytes), told).await?;
    Ok(Sent { bytes: size_bytes, ..Sent::default() })
}

async fn send_missing(client: &Client, id: &str, disk: &dyn Disk, watch: &impl Watch) -> Result<Sent, Failure> {
    let limits: wire::PushParameters = client.get("/imprint/v1/push").await?;
    let mut sent = Sent::default();
    for _ in 0..ROUNDS_MAX {
        watch.at(0);
        let mut round = Round::new(client, id, limits, sent)?;
        let told = round.run(disk, watch).await?;
        sent = round.sent;
        if told == Told::TooMany {
            watch.at(0);
            let all = send_whole(client, id, disk, watch).await?;
            return Ok(Sent { bytes: sent.bytes + all.bytes, ..sent });
        }
        watch.putting_together();
        if round.put_together(disk.size_bytes()).await? {
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

/// One pass over the disk.
struct Round<'a> {
    client: &'a Client,
    id: &'a str,
    key: [u8; 32],
    chunk_size: ChunkSize,
    limits: wire::PushParameters,
    /// The description of the disk, and how many chunks it names.
    entries: Vec<u8>,
    count: usize,
    /// Chunks sent in this round: the disk may hold them again.
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

    /// Reads the disk, asks, and sends what is missing.
    async fn run(&mut self, disk: &dyn Disk, watch: &impl Watch) -> Result<Told, Failure> {
        self.entries.extend_from_slice(&frames::write_size(disk.size_bytes()));
        let cut = disk.cut(self.chunk_size, self.key)?;
        let stretches = stream::unfold(cut, |mut cut| async move { cut.recv().await.map(|next| (next, cut)) }).boxed();
        let (client, id) = (self.client.clone(), self.id.to_owned());
        let answers = stretches.map(move |stretch| {
            let (client, id) = (client.clone(), id.clone());
            async move { ask(&client, &id, stretch?).await }.boxed()
        });
        let mut answers = answers.buffered(ASKING_MAX);
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
                    watch.sent(cut.bytes.len() as u64);
                }
            }
            watch.at(stretch.end);
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
