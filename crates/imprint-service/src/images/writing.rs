//! The right to write an image's bytes: taken by one writer at a time, in the image's row, and given back whatever
//! happens. A writer that dies loses its lease, and recovery gives the right back in its place.

use imprint_catalogue::{Tx, images};
use imprint_disk::Inspection;
use imprint_model::{Action, Caller, Content, Event, Image, ImageId, LeaseId, ProjectId, Status};

use super::safety::Verdict;
use crate::Service;
use crate::access::{load, note};
use crate::error::{Error, Field, Quota};
use crate::jobs::Asker;
use crate::limits::within;

/// What the bytes are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// They become the image's data.
    Use,
    /// They wait for an import.
    Stage,
}

/// The right to write one image's bytes. Dropping it before [`Writing::commit`] succeeded gives it back.
#[derive(Debug)]
pub(super) struct Writing {
    service: Service,
    caller: Caller,
    pub(super) image: Image,
    purpose: Purpose,
    lease: LeaseId,
    /// Whether the right has been used up or given back.
    ended: bool,
}

impl Service {
    /// Takes the right to write a queued image, in the name of `lease`.
    pub(super) async fn begin_writing(
        &self,
        caller: &Caller,
        id: ImageId,
        declared_bytes: Option<u64>,
        purpose: Purpose,
        lease: LeaseId,
    ) -> Result<Writing, Error> {
        let (asker, service) = (caller.clone(), self.clone());
        let begin = move |tx: &mut Tx<'_>| {
            let mut image = load(tx, &asker, Action::Write, id)?;
            require_no_copy_waits(&image)?;
            image.apply(if purpose == Purpose::Use { Event::BeginUpload } else { Event::BeginStaging })?;
            if purpose == Purpose::Use {
                require_formats(&image)?;
            }
            service.require_room(tx, &image.owner, declared_bytes.unwrap_or(0), 1)?;
            image.writer = Some(lease);
            image.updated_at = service.clock.now();
            images::update(tx, &image)?;
            Ok::<_, Error>(image)
        };
        let image = self.catalogue.write(begin).await?;
        Ok(Writing { service: self.clone(), caller: caller.clone(), image, purpose, lease, ended: false })
    }

    /// Holds an account's bytes and uploads, with `bytes` and `uploads` to come, against the limits.
    pub(crate) fn require_room(
        &self,
        tx: &mut Tx<'_>,
        owner: &ProjectId,
        bytes: u64,
        uploads: u64,
    ) -> Result<(), Error> {
        let limits = &self.settings.limits;
        within(limits.image_size_bytes, bytes, Quota::ImageBytes)?;
        if limits.account_bytes < 0 && limits.account_uploads < 0 {
            return Ok(());
        }
        let used = images::usage(tx, owner)?;
        within(limits.account_uploads, used.uploading + uploads, Quota::AccountUploads)?;
        within(limits.account_bytes, used.bytes + used.staged_bytes + bytes, Quota::AccountBytes)
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

impl Writing {
    /// Whether the bytes may be used for what they are for, and what is known of them then.
    pub(super) fn accept(&self, inspection: &Inspection) -> Result<Verdict, Error> {
        match self.purpose {
            Purpose::Use => self.service.accept(&self.image, inspection),
            // looked at when they are imported
            Purpose::Stage => Ok(Verdict::default()),
        }
    }

    /// Makes bytes that are durable the image's own; `concerns` is what speaks against them.
    pub(super) async fn commit(&mut self, content: Content, concerns: Option<String>) -> Result<Image, Error> {
        let (service, caller) = (self.service.clone(), self.caller.clone());
        let (id, lease, purpose) = (self.image.id, self.lease, self.purpose);
        let commit = move |tx: &mut Tx<'_>| {
            let mut image = still_writing(tx, id, lease)?.ok_or(Error::Gone)?;
            image.writer = None;
            service.require_room(tx, &image.owner, content.size_bytes, 0)?;
            let action = match purpose {
                Purpose::Use => {
                    service.complete(&mut image, concerns.as_ref())?;
                    image.content = Some(content.clone());
                    service.begin_check(tx, &mut image, &Asker::of(&caller))?;
                    "upload"
                }
                Purpose::Stage => {
                    image.staged = Some(content.clone());
                    "stage"
                }
            };
            image.updated_at = service.clock.now();
            images::update(tx, &image)?;
            note(tx, &caller, image.updated_at, action, id)?;
            Ok::<_, Error>(image)
        };
        let image = self.service.catalogue.write(commit).await?;
        self.ended = true;
        self.service.wake_aside.notify_one();
        Ok(image)
    }

    /// Gives the right back; the image is as it was before.
    pub(super) async fn give_up(mut self, why: &str) {
        let id = self.image.id;
        tracing::info!(image = %id, request = %self.caller.request_id, why, "upload given up");
        self.ended = true;
        if let Err(error) = self.service.forget_writer(id, self.lease).await {
            // recovery does it again once the lease has run out
            tracing::warn!(image = %id, %error, "a given-up upload could not be noted");
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if self.ended {
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

/// The image, when the holder of `lease` is still the one who writes it.
fn still_writing(tx: &mut Tx<'_>, id: ImageId, lease: LeaseId) -> Result<Option<Image>, Error> {
    Ok(images::get(tx, id)?.filter(|image| image.writer == Some(lease)))
}

/// A copy that waits for its turn looks like any image without data, but its data is decided.
pub(crate) fn require_no_copy_waits(image: &Image) -> Result<(), Error> {
    let waits = image.status == Status::Queued && image.facts.copied_from.is_some();
    if waits { Err(Error::WrongStatus(image.status)) } else { Ok(()) }
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
