//! Taking in an image whose bytes are, for the most part, stored already: the client cuts the disk as the store does,
//! asks which chunks are missing, sends those, and then says how the disk is put together.
//!
//! Knowing a chunk's name must not be a way to its bytes, so whoever names a chunk proves to have it: by the digest of
//! its bytes under a key that is made from the image's id, and thus never the same twice. The server trusts no digest:
//! it reads the whole disk once to compute its own, and to check the proofs on the way.

use bytes::Bytes;
use imprint_disk::Inspector;
use imprint_model::{Action, Caller, ChunkId, Image, ImageId};
use imprint_store::ChunkRef;

use super::writing::{Purpose, Writing};
use crate::Service;
use crate::access::load;
use crate::error::{Error, Field};
use crate::hash::Hashers;
use crate::ingest::Ingested;

/// What the proof's key is made from, besides the image's id.
const PROOF_CONTEXT: &str = "imprint 2026-11 possession of a chunk";
/// Chunks that are read at once while the disk is checked: at most 16 MiB of the largest.
const READ_CHUNKS: usize = 64;
/// Bytes of hole that a disk may have however little data it has.
const HOLE_BYTES_FREE: u64 = 64 << 30;
/// Bytes of hole that it may have for each byte of data besides.
const HOLES_PER_DATA: u64 = 64;
/// Zeros that are hashed at once.
const ZERO_BYTES: usize = 1 << 20;

/// One chunk of a disk that is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvenChunk {
    /// Where it begins on the disk, in bytes.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u32,
    /// Its name.
    pub id: ChunkId,
    /// The digest of its bytes under [`possession_key`].
    pub proof: [u8; 32],
}

/// The key under which the chunks of a push to `image` are proven.
pub fn possession_key(image: ImageId) -> [u8; 32] {
    blake3::derive_key(PROOF_CONTEXT, image.0.as_bytes())
}

/// The proof of having `bytes`.
pub fn prove_possession(key: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
    *blake3::keyed_hash(key, bytes).as_bytes()
}

impl Service {
    /// The mean length of this store's chunks in bytes: who pushes has to cut alike.
    pub fn chunk_mean_bytes(&self) -> u32 {
        self.store.chunk_size().mean_bytes()
    }

    /// Which of `ids` have to be sent before a disk can be put together from them.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`] when the caller may not write the image.
    pub async fn missing_chunks(&self, caller: &Caller, id: ImageId, ids: Vec<ChunkId>) -> Result<Vec<ChunkId>, Error> {
        self.require_writable(caller, id).await?;
        Ok(self.store.missing(ids).await?)
    }

    /// Stores chunks for a disk that will be put together; durable when this returns.
    ///
    /// # Errors
    /// As [`Service::missing_chunks`]; [`Error::StoreFull`].
    pub async fn put_chunks(&self, caller: &Caller, id: ImageId, chunks: Vec<Bytes>) -> Result<Vec<ChunkId>, Error> {
        self.require_writable(caller, id).await?;
        Ok(self.store.put_chunks(chunks).await?)
    }

    /// Makes a disk of `size_bytes` put together from `chunks` (in ascending order; between them are holes) the data
    /// of a queued image.
    ///
    /// # Errors
    /// [`Error::NotFound`] never for a chunk: one that is missing or not proven is [`Error::Incomplete`]. Else as
    /// [`super::Upload::finish`].
    pub async fn push_content(
        &self,
        caller: &Caller,
        id: ImageId,
        size_bytes: u64,
        chunks: Vec<ProvenChunk>,
    ) -> Result<Image, Error> {
        require_mostly_data(size_bytes, &chunks)?;
        let lease = self.store.lease().await?;
        let mut writing = self.begin_writing(caller, id, Some(size_bytes), Purpose::Use, lease.id()).await?;
        match self.put_together(&mut writing, size_bytes, &chunks).await {
            Ok(image) => Ok(image),
            Err(error) => {
                writing.give_up(&error.to_string()).await;
                Err(error)
            }
        }
    }

    async fn put_together(
        &self,
        writing: &mut Writing,
        size_bytes: u64,
        chunks: &[ProvenChunk],
    ) -> Result<Image, Error> {
        let refs = chunks.iter().map(|chunk| ChunkRef { offset: chunk.offset, len: chunk.len, id: chunk.id });
        let written = self.store.assemble(size_bytes, refs.collect()).await.map_err(|error| match error.kind() {
            imprint_store::Kind::Missing => unproven(),
            imprint_store::Kind::Invalid => Error::invalid(Field::Data, error.to_string()),
            _ => error.into(),
        })?;
        let (hashers, inspector) = self.read_proving(writing.image.id, size_bytes, chunks).await?;
        let verdict = writing.accept(&inspector.finish())?;
        let ingested = Ingested { written, hashes: Some(hashers.finish().await?) };
        ingested.ensure_live().await?;
        let image = writing.commit(ingested.content(verdict.virtual_size_bytes), verdict.concerns).await?;
        drop(ingested);
        Ok(image)
    }

    /// Reads the disk from front to back, comparing every proof.
    async fn read_proving(
        &self,
        image: ImageId,
        size_bytes: u64,
        chunks: &[ProvenChunk],
    ) -> Result<(Hashers, Inspector), Error> {
        let key = possession_key(image);
        let (mut hashers, mut inspector) = (Hashers::new(self.settings.hash_algorithm), Inspector::new());
        let mut at = 0;
        for part in chunks.chunks(READ_CHUNKS) {
            let ids = part.iter().map(|chunk| chunk.id).collect();
            for (chunk, bytes) in part.iter().zip(self.store.read_chunks(ids).await?) {
                if prove_possession(&key, &bytes) != chunk.proof || bytes.len() as u64 != u64::from(chunk.len) {
                    return Err(unproven());
                }
                feed_zeros(chunk.offset - at, &mut hashers, &mut inspector).await?;
                at = chunk.offset + bytes.len() as u64;
                inspector.feed(&bytes);
                hashers.update(bytes).await?;
            }
        }
        feed_zeros(size_bytes - at, &mut hashers, &mut inspector).await?;
        Ok((hashers, inspector))
    }

    async fn require_writable(&self, caller: &Caller, id: ImageId) -> Result<(), Error> {
        let caller = caller.clone();
        self.catalogue.read(move |tx| load(tx, &caller, Action::Write, id).map(|_| ())).await
    }
}

/// Reading holes costs the server the time that sending them would have cost the client, and a description of a few
/// bytes may not cost an hour: a disk that is nearly all hole has to be uploaded as it is.
fn require_mostly_data(size_bytes: u64, chunks: &[ProvenChunk]) -> Result<(), Error> {
    let data_bytes: u64 = chunks.iter().map(|chunk| u64::from(chunk.len)).sum();
    if size_bytes > HOLE_BYTES_FREE.saturating_add(data_bytes.saturating_mul(HOLES_PER_DATA)) {
        return Err(Error::invalid(Field::Data, "too little data for a disk of this size to be put together"));
    }
    Ok(())
}

async fn feed_zeros(mut count: u64, hashers: &mut Hashers, inspector: &mut Inspector) -> Result<(), Error> {
    static ZEROS: [u8; ZERO_BYTES] = [0; ZERO_BYTES];
    while count > 0 {
        let part = usize::try_from(count).unwrap_or(ZERO_BYTES).min(ZERO_BYTES);
        let zeros = Bytes::from_static(&ZEROS[..part]);
        inspector.feed(&zeros);
        hashers.update(zeros).await?;
        count -= part as u64;
    }
    Ok(())
}

/// The one answer to a chunk that is missing and one that the client does not have.
fn unproven() -> Error {
    Error::Incomplete("a chunk is missing or was not proven; ask again which ones to send".to_owned())
}
