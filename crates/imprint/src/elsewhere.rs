//! Other installations, as the engine has images copied to them: by the same push as the command line's, but straight
//! from the store.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use imprint_api_native::wire;
use imprint_model::{Image, ImageId};
use imprint_service::{Elsewhere, Errand, Error, Parcel, Told};
use imprint_store::chunk::ChunkSize;
use imprint_store::{ChunkRef, MapReader, Store};
use reqwest::Method;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::cli::client::Client;
use crate::cli::cutting::{self, AHEAD, Cut, Stretch, Stretches};
use crate::cli::record;
use crate::cli::sending::{self, Disk, Watch};
use crate::cli::upload::Pieces;
use crate::datadir::KeyPair;
use crate::failure::{ExitCode, Failure};

/// Chunks of one stretch: 4 MiB of the usual mean length, at most 32 MiB.
const STRETCH_CHUNKS: usize = 128;

/// What the settings say of other installations.
#[derive(Clone, Default)]
pub(crate) struct Remotes {
    /// Where each is.
    pub(crate) urls: BTreeMap<String, String>,
    /// What this installation proves itself with there.
    pub(crate) keys: BTreeMap<String, KeyPair>,
}

impl std::fmt::Debug for Remotes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remotes").field("urls", &self.urls).finish_non_exhaustive()
    }
}

impl Remotes {
    async fn client(&self, region: &str) -> Result<Client, Failure> {
        let known = self.urls.get(region).zip(self.keys.get(region));
        let (url, keys) =
            known.ok_or_else(|| Failure::usage(format!("{region} is no longer set as a region elsewhere")))?;
        Client::with_key(url, keys.clone()).await
    }

    async fn carry(&self, region: &str, parcel: Parcel, told: Arc<Told>) -> Result<(), Failure> {
        let client = self.client(region).await?;
        let id = parcel.image.id.to_string();
        let there = match record_there(&client, parcel.image.id).await? {
            Some(there) => there,
            None => create(&client, &parcel.image).await?,
        };
        let disk = Stored { store: parcel.store, reader: parcel.disk };
        match there["status"].as_str() {
            // an earlier errand was done, and died before it could say so
            Some("active") if record::number(&there, "size") == Some(disk.size_bytes()) => {}
            Some("queued") => drop(sending::send(&client, &id, &disk, false, &Telling(Arc::clone(&told))).await?),
            // an earlier errand's end: the bytes are being put together, or that is found to have died
            Some("saving") => return Err(Failure::new(ExitCode::Unavailable, "the copy is being put together there")),
            status => {
                let status = status.unwrap_or("in no status at all");
                return Err(Failure::new(ExitCode::Failed, format!("the copy is {status} there")));
            }
        }
        told.at(disk.size_bytes());
        Ok(())
    }

    async fn remove(&self, region: &str, id: ImageId, complete_too: bool) -> Result<(), Failure> {
        let client = self.client(region).await?;
        let there = record_there(&client, id).await?;
        if !complete_too && there.is_some_and(|there| there["status"] == "active") {
            // an errand got it there and died before it could say so: somebody may rely on it
            return Ok(());
        }
        if gone(record::delete(&client, &id.to_string()).await)? {
            return Ok(());
        }
        // an errand that does not know yet that it is not wanted finds the id used up
        let image =
            Image::blank(id, imprint_model::ProjectId(String::new()), String::new(), imprint_model::Timestamp(0));
        match make(&client, &image).await {
            Ok(()) => gone(record::delete(&client, &id.to_string()).await).map(|_| ()),
            Err(failure) if failure.code == ExitCode::Failed => {
                // it is used up already, or the errand was a moment faster
                gone(record::delete(&client, &id.to_string()).await).map(|_| ())
            }
            Err(failure) => Err(failure),
        }
    }
}

/// Whether something was deleted; false when there was nothing.
fn gone(deleted: Result<(), Failure>) -> Result<bool, Failure> {
    match deleted {
        Ok(()) => Ok(true),
        Err(failure) if failure.code == ExitCode::NotFound => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// The record there, when an earlier errand made it.
async fn record_there(client: &Client, id: ImageId) -> Result<Option<Value>, Failure> {
    match record::show(client, &id.to_string()).await {
        Ok(there) => Ok(Some(there)),
        Err(failure) if failure.code == ExitCode::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Makes the record. When that is refused although there is none, there was one.
async fn create(client: &Client, image: &Image) -> Result<Value, Failure> {
    make(client, image).await?;
    record::show(client, &image.id.to_string()).await
}

async fn make(client: &Client, image: &Image) -> Result<(), Failure> {
    let body = wire::CreateImage {
        id: image.id,
        name: image.name.clone(),
        disk_format: image.disk_format,
        container_format: image.container_format,
        min_disk_gib: image.min_disk_gib,
        min_ram_mib: image.min_ram_mib,
        properties: image.properties.clone(),
        tags: image.tags.clone(),
        facts: image.facts.clone(),
    };
    let _made: wire::CreatedImage = client.ask(Method::POST, "/imprint/v1/images", &body).await?;
    Ok(())
}

impl Elsewhere for Remotes {
    fn regions(&self) -> &BTreeMap<String, String> {
        &self.urls
    }

    fn send<'a>(&'a self, region: &'a str, parcel: Parcel, told: Arc<Told>) -> Errand<'a, ()> {
        Box::pin(async move { self.carry(region, parcel, told).await.map_err(|failure| error(region, failure)) })
    }

    fn take_back<'a>(&'a self, region: &'a str, id: ImageId, complete_too: bool) -> Errand<'a, ()> {
        Box::pin(async move { self.remove(region, id, complete_too).await.map_err(|failure| error(region, failure)) })
    }
}

/// What a failure means for a job.
fn error(region: &str, failure: Failure) -> Error {
    match failure.code {
        ExitCode::Unavailable => Error::Unavailable(failure.message),
        ExitCode::NotFound => Error::Gone,
        _ => Error::Denied(format!("{region} refuses the copy: {failure}")),
    }
}

/// Tells the engine how far a push is.
#[derive(Clone)]
struct Telling(Arc<Told>);

impl Watch for Telling {
    fn at(&self, position: u64) {
        self.0.at(position);
    }

    fn sent(&self, bytes: u64) {
        self.0.sent(bytes);
    }

    fn putting_together(&self) {}
}

/// A disk in the store.
struct Stored {
    store: Store,
    reader: MapReader,
}

impl Disk for Stored {
    fn size_bytes(&self) -> u64 {
        self.reader.size_bytes()
    }

    /// The chunks as they are stored where the other side cuts alike; cut anew otherwise.
    fn cut(&self, size: ChunkSize, key: [u8; 32]) -> Result<Stretches, Failure> {
        if self.store.chunk_size() != size {
            return Ok(cutting::start(self.reader.clone(), self.size_bytes(), size, key));
        }
        let (to, from) = mpsc::channel(AHEAD);
        let (store, reader) = (self.store.clone(), self.reader.clone());
        tokio::spawn(async move {
            if let Err(failure) = stretches(&store, &reader, key, &to).await {
                // nobody listens any more when this fails
                let _ = to.send(Err(failure)).await;
            }
        });
        Ok(from)
    }

    fn whole(&self) -> Result<Pieces, Failure> {
        Ok(Box::pin(self.reader.stream(0..self.size_bytes()).map_err(io::Error::other).boxed()))
    }
}

async fn stretches(
    store: &Store,
    reader: &MapReader,
    key: [u8; 32],
    to: &mpsc::Sender<Result<Stretch, Failure>>,
) -> Result<(), Failure> {
    let failed = |error| Failure::doing("the image could not be read to its end", error);
    for window in 0..reader.windows() {
        let chunks = reader.chunks(window).await.map_err(failed)?;
        for part in chunks.chunks(STRETCH_CHUNKS) {
            let bytes = store.read_chunks(part.iter().map(|chunk| chunk.id).collect()).await.map_err(failed)?;
            let (part, last) = (part.to_vec(), part.last().map_or(0, |last| last.offset + u64::from(last.len)));
            let cuts = tokio::task::spawn_blocking(move || prove(&part, bytes, &key)).await;
            let cuts = cuts.map_err(|error| Failure::doing("proving chunks", error))?;
            if to.send(Ok(Stretch { cuts, end: last })).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn prove(chunks: &[ChunkRef], bytes: Vec<Bytes>, key: &[u8; 32]) -> Vec<Cut> {
    chunks.iter().zip(bytes).map(|(chunk, bytes)| Cut::proven(chunk.offset, chunk.id, bytes, key)).collect()
}
