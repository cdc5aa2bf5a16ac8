//! Taking in an image's bytes, to be used at once or put aside for a later import. Bytes first, map second, row last:
//! whatever goes wrong in between leaves garbage for collection, and the image as it was before.

use bytes::Bytes;
use imprint_catalogue::{Tx, images};
use imprint_disk::Inspection;
use imprint_model::{Action, Caller, ContainerFormat, Content, Event, Image, ImageId, LeaseId, ProjectId};

use crate::Service;
use crate::access::{load, note};
use crate::error::{Error, Field, Quota};
use crate::ingest::Ingest;
use crate::limits::within;

/// What the bytes are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// They become the image's data.
    Use,
    /// They wait for an import.
    Stage,
}

/// Bytes on their way into the store. Dropping it before [`Upload::finish`] gives them up.
#[derive(Debug)]
pub struct Upload {
    service: Service,
    caller: Caller,
    image: Image,
    purpose: Purpose,
    lease: LeaseId,
    /// `None` once the upload has ended, well or badly.
    ingest: Option<Ingest>,
}

impl Service {
    /// Begins to take in the bytes of a queued image. `declared_bytes` is what the client says will come; it is held
    /// against the limits now, and what really comes against them later.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Missing`] formats, [`Error::WrongStatus`], [`Error::OverQuota`].
    pub async fn begin_upload(&self, caller: &Caller, id: ImageId, declared_bytes: Option<u64>) -> Result<Upload, Error> {
        self.begin(caller, id, declared_bytes, Purpose::Use).await
    }

    /// Begins to put bytes aside for the import of a queued image.
    ///
    /// # Errors
    /// As [`Service::begin_upload`], but formats may still be missing.
    pub async fn begin_staging(&self, caller: &Caller, id: ImageId, declared_bytes: Option<u64>) -> Result<Upload, Error> {
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
        let lease = ingest.lease_id();
        let (asker, service) = (caller.clone(), self.clone());
        let image = self
            .catalogue
            .write(move |tx| {
                let mut image = load(tx, &asker, Action::Write, id)?;
                image.apply(if purpose == Purpose::Use { Event::BeginUpload } else { Event::BeginStaging })?;
                if purpose == Purpose::Use {
                    require_formats(&image)?;
                }
                service.require_room(tx, &image.owner, declared_bytes.unwrap_or(0))?;
                image.writer = Some(lease);
                image.updated_at = service.clock.now();
                images::update(tx, &image)?;
                Ok::<_, Error>(image)
            })
            .await?;
        Ok(Upload { service: self.clone(), caller: caller.clone(), image, purpose, lease, ingest: Some(ingest) })
    }

    /// Holds an account's bytes, with `more` to come, and its uploads against the limits.
    fn require_room(&self, tx: &mut Tx<'_>, owner: &ProjectId, more: u64) -> Result<(), Error> {
        let limits = &self.settings.limits;
        within(limits.image_size_bytes, more, Quota::ImageBytes)?;
        if limits.account_bytes < 0 && limits.account_uploads < 0 {
            return Ok(());
        }
        let used = images::usage(tx, owner)?;
        within(limits.account_uploads, used.uploading + 1, Quota::AccountUploads)?;
        within(limits.account_bytes, used.bytes + used.staged_bytes + more, Quota::AccountBytes)
    }
}

impl Upload {
    /// Takes the next bytes; waits while store or digests are behind.
    ///
    /// # Errors
    /// [`Error::OverQuota`] past the size limit, [`Error::StoreFull`], [`Error::Unavailable`]. The upload cannot be
    /// continued after an error.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        let ingest = self.ingest.as_mut().ok_or_else(|| Error::internal("bytes for an upload that has ended"))?;
        ingest.write(bytes).await
    }

    /// Makes the bytes durable and the image's own. When this returns `Ok`, no crash loses them.
    ///
    /// # Errors
    /// [`Error::FormatMismatch`], [`Error::Unsafe`], [`Error::Gone`], [`Error::StoreFull`], …; the image is as it was
    /// before the upload then.
    pub async fn finish(mut self) -> Result<Image, Error> {
        let ingest = self.ingest.take().ok_or_else(|| Error::internal("the end of an upload that has ended"))?;
        let result = self.complete(ingest).await;
        if result.is_err() {
            self.give_up().await;
        }
        result
    }

    /// Ends the upload without its bytes; `why` is for the log.
    pub async fn abort(mut self, why: &str) {
        tracing::info!(image = %self.image.id, request = %self.caller.request_id, why, "upload given up");
        if self.ingest.take().is_some() {
            self.give_up().await;
        }
    }

    async fn complete(&self, ingest: Ingest) -> Result<Image, Error> {
        let mut virtual_size_bytes = None;
        let accept = |inspection: &Inspection| {
            virtual_size_bytes = match self.purpose {
                Purpose::Use => self.service.accept(&self.image, inspection)?,
                Purpose::Stage => None,
            };
            Ok(())
        };
        let ingested = ingest.finish(accept).await?;
        let image = self.commit(ingested.content(virtual_size_bytes)).await?;
        // the row protects the bytes from here on
        drop(ingested);
        Ok(image)
    }

    async fn commit(&self, content: Content) -> Result<Image, Error> {
        let (service, caller) = (self.service.clone(), self.caller.clone());
        let (id, lease, purpose) = (self.image.id, self.lease, self.purpose);
        self.service
            .catalogue
            .write(move |tx| {
                let mut image = still_writing(tx, id, lease)?.ok_or(Error::Gone)?;
                image.writer = None;
                match purpose {
                    Purpose::Use => {
                        service.require_room(tx, &image.owner, content.size_bytes)?;
                        image.apply(Event::DataComplete)?;
                        image.content = Some(content.clone());
                    }
                    Purpose::Stage => image.staged = Some(content.clone()),
                }
                image.updated_at = service.clock.now();
                images::update(tx, &image)?;
                note(tx, &caller, image.updated_at, if purpose == Purpose::Use { "upload" } else { "stage" }, id)?;
                Ok(image)
            })
            .await
    }

    async fn give_up(&self) {
        let (id, lease) = (self.image.id, self.lease);
        if let Err(error) = self.service.forget_writer(id, lease).await {
            // recovery does it again once the lease has run out
            tracing::warn!(image = %id, %error, "a given-up upload could not be noted");
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if self.ingest.take().is_none() {
            return;
        }
        let (service, id, lease) = (self.service.clone(), self.image.id, self.lease);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = service.forget_writer(id, lease).await {
                    tracing::warn!(image = %id, %error, "a dropped upload could not be noted");
                }
            });
        }
    }
}

impl Service {
    /// Whether the bytes may be used as what the image declares; the size of the disk inside when it is known.
    pub(crate) fn accept(&self, image: &Image, inspection: &Inspection) -> Result<Option<u64>, Error> {
        let bare = image.container_format == Some(ContainerFormat::Bare);
        let Some(declared) = image.disk_format.filter(|_| bare) else { return Ok(None) };
        match imprint_disk::judge(declared.as_str(), inspection) {
            Ok(virtual_size_bytes) => Ok(virtual_size_bytes),
            Err(imprint_disk::Rejection::Mismatch { .. }) if !self.settings.check_format_match => {
                if inspection.is_safe() { Ok(None) } else { Err(Error::Unsafe(refusals(inspection))) }
            }
            Err(imprint_disk::Rejection::Mismatch { declared, detected }) => {
                Err(Error::FormatMismatch { declared, found: detected.to_string() })
            }
            Err(imprint_disk::Rejection::Unsafe(_)) => Err(Error::Unsafe(refusals(inspection))),
        }
    }

    /// Returns an image to what it was before whoever holds `lease` began to write it.
    pub(crate) async fn forget_writer(&self, id: ImageId, lease: LeaseId) -> Result<(), Error> {
        let clock = self.clock.clone();
        self.catalogue
            .write(move |tx| {
                let Some(mut image) = still_writing(tx, id, lease)? else { return Ok(()) };
                image.writer = None;
                image.staged = None;
                image.apply(Event::DataLost)?;
                image.updated_at = clock.now();
                Ok(images::update(tx, &image)?)
            })
            .await
    }
}

/// The image, when the holder of `lease` is still the one who writes it.
fn still_writing(tx: &mut Tx<'_>, id: ImageId, lease: LeaseId) -> Result<Option<Image>, Error> {
    Ok(images::get(tx, id)?.filter(|image| image.writer == Some(lease)))
}

/// Nothing can be done with bytes whose form nobody told.
pub(crate) fn require_formats(image: &Image) -> Result<(), Error> {
    if image.disk_format.is_none() {
        return Err(Error::Missing(Field::DiskFormat));
    }
    if image.container_format.is_none() {
        return Err(Error::Missing(Field::ContainerFormat));
    }
    Ok(())
}

fn refusals(inspection: &Inspection) -> String {
    inspection.refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
