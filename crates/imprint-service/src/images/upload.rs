//! Taking in an image's bytes, to be used at once or put aside for a later import. Bytes first, map second, row last:
//! whatever goes wrong in between leaves garbage for collection, and the image as it was before.

use bytes::Bytes;
use imprint_model::{Caller, Image, ImageId};

use super::safety::Verdict;
use super::writing::{Purpose, Writing};
use crate::Service;
use crate::error::Error;
use crate::ingest::Ingest;

/// Bytes on their way into the store. Dropping it before [`Upload::finish`] gives them up.
#[derive(Debug)]
pub struct Upload {
    writing: Writing,
    ingest: Ingest,
}

impl Service {
    /// Begins to take in the bytes of a queued image. `declared_bytes` is what the client says will come; it is held
    /// against the limits now, and what really comes against them later.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Missing`] formats, [`Error::WrongStatus`], [`Error::OverQuota`].
    pub async fn begin_upload(
        &self,
        caller: &Caller,
        id: ImageId,
        declared_bytes: Option<u64>,
    ) -> Result<Upload, Error> {
        self.begin(caller, id, declared_bytes, Purpose::Use).await
    }

    /// Begins to put bytes aside for the import of a queued image.
    ///
    /// # Errors
    /// As [`Service::begin_upload`], but formats may still be missing.
    pub async fn begin_staging(
        &self,
        caller: &Caller,
        id: ImageId,
        declared_bytes: Option<u64>,
    ) -> Result<Upload, Error> {
        self.begin(caller, id, declared_bytes, Purpose::Stage).await
    }

    async fn begin(
        &self,
        caller: &Caller,
        id: ImageId,
        declared_bytes: Option<u64>,
        purpose: Purpose,
    ) -> Result<Upload, Error> {
        let ingest = self.ingest().await?;
        let writing = self.begin_writing(caller, id, declared_bytes, purpose, ingest.lease_id()).await?;
        Ok(Upload { writing, ingest })
    }
}

impl Upload {
    /// Takes the next bytes; waits while store or digests are behind.
    ///
    /// # Errors
    /// [`Error::OverQuota`] past the size limit, [`Error::StoreFull`], [`Error::Unavailable`]. The upload cannot be
    /// continued after an error.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.ingest.write(bytes).await
    }

    /// Makes the bytes durable and the image's own. When this returns `Ok`, no crash loses them.
    ///
    /// # Errors
    /// [`Error::FormatMismatch`], [`Error::Unsafe`], [`Error::Gone`], [`Error::StoreFull`], …; the image is as it was
    /// before the upload then.
    pub async fn finish(self) -> Result<Image, Error> {
        let Self { mut writing, ingest } = self;
        // by itself on the heap: it holds all that writes, which is too large to be moved about
        match Box::pin(complete(&mut writing, ingest)).await {
            Ok(image) => Ok(image),
            Err(error) => {
                writing.give_up(&error.to_string()).await;
                Err(error)
            }
        }
    }

    /// Ends the upload without its bytes; `why` is for the log.
    pub async fn abort(self, why: &str) {
        self.writing.give_up(why).await;
    }
}

async fn complete(writing: &mut Writing, ingest: Ingest) -> Result<Image, Error> {
    let mut verdict = Verdict::default();
    let accept = |inspection: &_| {
        verdict = writing.accept(inspection)?;
        Ok(())
    };
    let ingested = ingest.finish(accept).await?;
    ingested.ensure_live().await?;
    let image = writing.commit(ingested.content(verdict.virtual_size_bytes), verdict.concerns).await?;
    // the row protects the bytes from here on
    drop(ingested);
    Ok(image)
}
