//! Making an image of snapshots, or of a machine's disks. No byte is copied where the snapshots are plain disks: the
//! image names what they name.
//! The record is there at once, its data when the job of kind `make_image` has ended.

use std::collections::BTreeSet;
use std::fmt::Display;

use imprint_catalogue::{Tx, images, jobs, snapshots};
use imprint_model::{
    Caller, ContainerFormat, Content, DiskFormat, Event, Facts, Image, ImageDisk, ImageId, Job, MapId, Snapshot,
    SnapshotStatus, Status, Timestamp, Visibility,
};
use imprint_store::{LeaseGuard, Written};
use serde_json::{Value, json};

use super::new::NewImage;
use super::rules::account_of;
use super::source::{ImageSource, Source, merge_facts};
use crate::Service;
use crate::access::require_unbound;
use crate::ask::{Ask, asked};
use crate::disks::{Noted, is_wrapped};
use crate::error::{Conflict, Error, Resource};
use crate::ingest::Digests;
use crate::jobs::{Asker, Ending, JobMark, Work, enqueue, note_ended};

/// An image that is wanted.
#[derive(Debug, Clone)]
pub struct MakeImage {
    /// Where.
    pub region: String,
    /// What it is made of.
    pub source: ImageSource,
    /// Its name; unique in its account and region.
    pub name: Option<String>,
    /// The id it will have.
    pub id: ImageId,
    /// What is said of it. What is not is taken over from the image that its source was made from.
    pub facts: Facts,
    /// What holds for facts that are neither said nor taken over.
    pub otherwise: Facts,
    /// Labels.
    pub tags: BTreeSet<String>,
}

impl Service {
    /// Makes an image; its data is there when the job has ended.
    ///
    /// # Errors
    /// [`Error::NotFound`] of region, machine, snapshot or resource group; of the source [`Error::Missing`],
    /// [`Error::Invalid`] and [`Error::Conflict`] as [`ImageSource`] tells; [`Error::Duplicate`] of the name;
    /// [`Error::OverQuota`]; [`Conflict::BootModeForArchitecture`]; [`Error::TokenReused`]; [`Error::DryRun`].
    pub async fn make_image(&self, caller: &Caller, wanted: MakeImage, ask: Ask) -> Result<ImageId, Error> {
        self.require_region(&wanted.region)?;
        let (service, caller) = (self.clone(), caller.clone());
        let make = move |tx: &mut Tx<'_>| {
            let new = NewImage::plain();
            asked(tx, &caller, &ask, service.clock.now(), |tx| service.make_record(tx, &caller, &wanted, &new))
        };
        let made = self.catalogue.write(make).await?;
        self.wake.notify_one();
        self.machines.wake.notify_one();
        Ok(made)
    }

    /// Makes images, all of them or none, each by a job of its own. `group` is the mark of one more job, for those that
    /// are spoken of as one; it has ended at once.
    ///
    /// # Errors
    /// Those of [`Service::make_image`].
    pub async fn make_images(
        &self,
        caller: &Caller,
        wanted: Vec<(MakeImage, NewImage)>,
        group: Option<JobMark>,
    ) -> Result<(), Error> {
        wanted.iter().try_for_each(|(one, _)| self.require_region(&one.region))?;
        let (service, caller) = (self.clone(), caller.clone());
        let make = move |tx: &mut Tx<'_>| {
            for (one, new) in &wanted {
                service.make_record(tx, &caller, one, new)?;
            }
            service.note_group(tx, &caller, group.as_ref())
        };
        self.catalogue.write(make).await?;
        self.wake.notify_one();
        self.machines.wake.notify_one();
        Ok(())
    }

    /// Writes the row of a job that stands for others, if one is wanted.
    pub(crate) fn note_group(&self, tx: &mut Tx<'_>, caller: &Caller, group: Option<&JobMark>) -> Result<(), Error> {
        let Some(group) = group else { return Ok(()) };
        note_ended(tx, caller, group, &Ok(Value::Null), self.clock.now()).map(|_| ())
    }

    fn make_record(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        wanted: &MakeImage,
        new: &NewImage,
    ) -> Result<ImageId, Error> {
        let (owner, now) = (account_of(caller)?, self.clock.now());
        require_unbound(caller, "making an image of a machine, disk or snapshot")?;
        let mut source = Source::of(tx, self, &owner, wanted, now)?;
        let mut image = Image::blank(wanted.id, owner, wanted.region.clone(), now);
        image.name.clone_from(&wanted.name);
        image.visibility = Visibility::Private;
        image.disk_format = Some(source.system.disk_format);
        image.container_format = Some(ContainerFormat::Bare);
        image.min_disk_gib = source.system_gib();
        image.facts = merge_facts(&wanted.facts, &source.inherited, &wanted.otherwise);
        image.tags.clone_from(&wanted.tags);
        image.disks = std::mem::take(&mut source.disks);
        new.describe(&mut image, &self.settings.limits)?;
        image.apply(Event::BeginImport)?;
        self.insert_counted(tx, caller, &image, new)?;
        self.require_room(tx, &image.owner, source.system_bytes(), 0)?;
        let job = enqueue(tx, &new.job, caller, &image.owner, Some(image.id), &Work::MakeImage, now)?;
        if source.waits {
            jobs::hold(tx, job.id, now)?;
        }
        Ok(image.id)
    }

    /// Does what cannot be done within a transaction: bytes for a disk that nothing was ever written to, and the disk
    /// inside bytes of another format.
    pub(crate) async fn run_make(&self, job: &Job) -> Result<Ending, Error> {
        let row = job.clone();
        let system = self.catalogue.read(move |tx| system_of(tx, &row).map(|(_, snapshot)| snapshot)).await?;
        let made = match &system.content {
            Some(content) if is_wrapped(system.disk_format) => {
                Some(self.unwrapped(job, content, system.disk_format).await?)
            }
            Some(_) => None,
            None => {
                let blank = self.store.assemble(u64::from(system.size_gib) << 30, Vec::new()).await?;
                Some((plain_content(blank.map, blank.size_bytes), blank.lease))
            }
        };
        if let Some((_, lease)) = &made {
            lease.ensure_live().await?;
        }
        let (service, job) = (self.clone(), job.clone());
        Ok(Box::new(move |tx| {
            let settled = service.settle_make(tx, &job, made.as_ref().map(|(content, _)| content))?;
            settled.ok_or_else(|| Error::internal("a snapshot lost its bytes"))
        }))
    }

    /// The disk inside bytes of another format, taken out unless that was done before.
    async fn unwrapped(
        &self,
        job: &Job,
        content: &Content,
        format: DiskFormat,
    ) -> Result<(Content, LeaseGuard), Error> {
        if let Some((map, lease)) = self.remembered_plain(content.map, format).await? {
            let size_bytes = self.store.reader(map).await?.size_bytes();
            return Ok((plain_content(map, size_bytes), lease));
        }
        let Written { map, size_bytes, lease, .. } =
            self.to_guest_disk((job, Noted::Own), content, format, Digests::LeftOut).await?.written;
        self.remember_plain(content.map, format, map).await?;
        Ok((plain_content(map, size_bytes), lease))
    }

    /// Gives the image its snapshot's bytes, or the plain disk that was `made` of them; `None` when that has to be made
    /// first.
    pub(crate) fn settle_make(
        &self,
        tx: &mut Tx<'_>,
        job: &Job,
        made: Option<&Content>,
    ) -> Result<Option<Value>, Error> {
        let (mut image, system) = system_of(tx, job)?;
        let (content, format) = match (made, system.content) {
            (Some(made), _) => {
                // when it was asked for, nobody knew how large what is in the snapshot is
                self.require_room(tx, &image.owner, made.size_bytes, 0)?;
                (made.clone(), DiskFormat::Raw)
            }
            (None, Some(stored)) if !is_wrapped(system.disk_format) => (stored, system.disk_format),
            (None, _) => return Ok(None),
        };
        image.content = Some(content);
        image.disk_format = Some(format);
        image.apply(Event::DataComplete)?;
        self.begin_check(tx, &mut image, &Asker::of_job(job))?;
        image.updated_at = self.clock.now();
        images::update(tx, &image)?;
        Ok(Some(json!({ "image_id": image.id })))
    }

    /// Puts a job aside whose image is made of snapshots that are being taken; whoever ends these takes it up again.
    /// Whether it did.
    pub(crate) fn hold_back(&self, tx: &mut Tx<'_>, job: &Job) -> Result<bool, Error> {
        let Some(image) = waiting_image(tx, job)? else { return Ok(false) };
        for id in image.disks.iter().filter_map(|disk| disk.snapshot) {
            if snapshots::get(tx, id)?.is_some_and(|found| found.status == SnapshotStatus::Progressing) {
                jobs::hold(tx, job.id, self.clock.now())?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The job that was to make an image gave up: the image stays, with the cause.
    pub(crate) fn give_up_image(&self, tx: &mut Tx<'_>, job: &Job, error: &Error) -> Result<(), Error> {
        let Some(image) = waiting_image(tx, job)? else { return Ok(()) };
        match why_not_taken(tx, &image)? {
            Some(why) => fail(tx, image, &why, self.clock.now()),
            None => fail(tx, image, error, self.clock.now()),
        }
    }
}

fn plain_content(map: MapId, size_bytes: u64) -> Content {
    Content { map, size_bytes, virtual_size_bytes: Some(size_bytes), md5: None, hash: None }
}

/// Writes that an image will never have data, and why.
pub(crate) fn fail(tx: &mut Tx<'_>, mut image: Image, why: &dyn Display, now: Timestamp) -> Result<(), Error> {
    image.apply(Event::GiveUp)?;
    image.content = None;
    image.failure = Some(why.to_string());
    image.updated_at = now;
    Ok(images::update(tx, &image)?)
}

/// Why a snapshot that an image is made of could not be taken.
fn why_not_taken(tx: &mut Tx<'_>, image: &Image) -> Result<Option<String>, Error> {
    for id in image.disks.iter().filter_map(|disk| disk.snapshot) {
        let failed = snapshots::get(tx, id)?.filter(|snapshot| snapshot.status == SnapshotStatus::Failed);
        if let Some(why) = failed.and_then(|snapshot| snapshot.failure) {
            return Ok(Some(format!("a snapshot could not be taken: {why}")));
        }
    }
    Ok(None)
}

/// The image of a job, when it still waits for the job.
pub(crate) fn waiting_image(tx: &mut Tx<'_>, job: &Job) -> Result<Option<Image>, Error> {
    let Some(id) = job.image else { return Ok(None) };
    Ok(images::get(tx, id)?.filter(|image| matches!(image.status, Status::Queued | Status::Importing)))
}

/// The image of a job, and the snapshot that its system disk comes from; all its snapshots must be complete.
fn system_of(tx: &mut Tx<'_>, job: &Job) -> Result<(Image, Snapshot), Error> {
    let image = waiting_image(tx, job)?.ok_or(Error::Gone)?;
    let mut system = None;
    for id in image.disks.iter().filter_map(|disk: &ImageDisk| disk.snapshot) {
        let found = snapshots::get(tx, id)?;
        let snapshot = found.ok_or_else(|| Error::NotFound(Resource::Snapshot(id.to_string())))?;
        match snapshot.status {
            SnapshotStatus::Accomplished => {}
            SnapshotStatus::Progressing => return Err(Error::Unavailable("a snapshot is being taken".to_owned())),
            SnapshotStatus::Failed => return Err(Error::Conflict(Conflict::SnapshotNotReady)),
        }
        // the system disk is the first
        system.get_or_insert(snapshot);
    }
    let system = system.ok_or_else(|| Error::internal("an image that is made of no snapshot"))?;
    Ok((image, system))
}
