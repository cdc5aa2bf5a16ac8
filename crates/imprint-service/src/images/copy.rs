//! Copies. A copy names the bytes that its original names, so it costs no bytes, and neither of the two needs the other
//! afterwards. Its rows name them from the first moment on: no collection comes in between.

use std::collections::BTreeSet;

use imprint_catalogue::{Tx, images, jobs, snapshots};
use imprint_model::{
    Action, Caller, Content, Direction, Event, Facts, Filter, Image, ImageDisk, ImageId, ImageQuery, Job, JobState,
    Page, ProjectId, Reach, Snapshot, SnapshotId, SnapshotStatus, SortKey, Status, Timestamp, Visibility,
};
use serde_json::{Value, json};

use super::make::{fail, waiting_image};
use super::new::NewImage;
use super::rules::{absent, account_of, require_in};
use super::safety::KEY_CONCERNS;
use crate::Service;
use crate::access::{load, note, permit};
use crate::ask::{Ask, asked};
use crate::error::{Conflict, Error};
use crate::jobs::{Asker, Ending, Work, enqueue};
use crate::limits::most;

/// What the names of properties begin with that jobs write.
const OWN_PROPERTIES: &str = "imprint:";
/// Images under way that are looked at to find the copies among them.
const UNDER_WAY_MAX: u32 = 1000;

/// A copy that is wanted.
#[derive(Debug, Clone)]
pub struct CopyImage {
    /// The id it will have.
    pub id: ImageId,
    /// Of which image.
    pub source: ImageId,
    /// Where that is.
    pub from_region: String,
    /// Where the copy will be.
    pub to_region: String,
    /// Its name; unique in its account and region.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// The resource group it will be in.
    pub resource_group: Option<String>,
    /// Labels.
    pub tags: BTreeSet<String>,
}

impl Service {
    /// Copies an image of the caller's, or one that is shown to it. While as many copies into the region are under way
    /// as may be, the copy waits as a queued image.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Conflict::ImageNotAvailable`],
    /// [`Conflict::SharedImageToOtherRegion`], [`Conflict::CommunityImageCopied`], [`Error::Duplicate`] of the name,
    /// [`Error::OverQuota`], [`Error::TokenReused`], [`Error::DryRun`].
    pub async fn copy_image(&self, caller: &Caller, wanted: CopyImage, ask: Ask) -> Result<ImageId, Error> {
        self.copy_image_as(caller, wanted, NewImage::plain(), ask).await
    }

    /// [`Service::copy_image`] of a copy of which more is said; properties take the place of the original's.
    ///
    /// # Errors
    /// The same.
    pub async fn copy_image_as(
        &self,
        caller: &Caller,
        wanted: CopyImage,
        new: NewImage,
        ask: Ask,
    ) -> Result<ImageId, Error> {
        self.require_region(&wanted.from_region)?;
        self.require_region(&wanted.to_region)?;
        let (service, caller) = (self.clone(), caller.clone());
        let copy = move |tx: &mut Tx<'_>| {
            asked(tx, &caller, &ask, service.clock.now(), |tx| service.copy_record(tx, &caller, &wanted, &new))
        };
        let copied = self.catalogue.write(copy).await?;
        self.wake.notify_one();
        Ok(copied)
    }

    fn copy_record(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        wanted: &CopyImage,
        new: &NewImage,
    ) -> Result<ImageId, Error> {
        let (owner, now) = (account_of(caller)?, self.clock.now());
        let source = load(tx, caller, Action::Download, wanted.source)?;
        require_in(&source, &wanted.from_region)?;
        let content = require_copyable(&owner, &source, &wanted.to_region)?;
        self.require_room(tx, &owner, content.size_bytes, 0)?;
        let mut image = Image::blank(wanted.id, owner, wanted.to_region.clone(), now);
        image.disks = copy_disks(tx, &image, &source.disks, now)?;
        describe_copy(&mut image, source, wanted);
        new.describe(&mut image, &self.settings.limits)?;
        image.content = Some(content);
        let limit = most(tx, &image.owner, "region_copies", self.settings.limits.region_copies)?;
        if limit < 0 || copies_under_way(tx, &image.owner, &image.region)? < limit.unsigned_abs() {
            image.apply(Event::BeginImport)?;
        }
        self.insert_counted(tx, caller, &image, new)?;
        enqueue(tx, &new.job, caller, &image.owner, Some(image.id), &Work::CopyImage, now)?;
        Ok(image.id)
    }

    /// Gives a copy up that has not ended yet, and everything made for it.
    ///
    /// # Errors
    /// [`Error::NotFound`] for anybody but its owner; [`Conflict::ImageNotCopy`], [`Conflict::CopyCompleted`],
    /// [`Conflict::CopyFailed`].
    pub async fn cancel_copy(&self, caller: &Caller, region: &str, id: ImageId) -> Result<(), Error> {
        self.require_region(region)?;
        let (service, caller, region) = (self.clone(), caller.clone(), region.to_owned());
        let cancel = move |tx: &mut Tx<'_>| {
            let now = service.clock.now();
            let image = load(tx, &caller, Action::Read, id)?;
            require_own(&caller, &image)?;
            require_in(&image, &region)?;
            permit(&caller, Action::Write, &image, None)?;
            require_copying(&image)?;
            if let Some(job) = jobs::open_of_image(tx, id)? {
                jobs::finish(tx, job.id, JobState::Cancelled, None, "", now)?;
            }
            forget_copy(tx, &image, now)?;
            note(tx, &caller, now, "cancel copy", id)
        };
        self.catalogue.write(cancel).await
    }

    /// Ends a copy well.
    pub(crate) fn settle_copy(&self, tx: &mut Tx<'_>, job: &Job) -> Result<Value, Error> {
        let mut image = waiting_image(tx, job)?.ok_or(Error::Gone)?;
        if image.status == Status::Queued {
            // it waited for its turn, and this is it
            image.apply(Event::BeginImport)?;
        }
        image.apply(Event::DataComplete)?;
        self.begin_check(tx, &mut image, &Asker::of_job(job))?;
        image.updated_at = self.clock.now();
        images::update(tx, &image)?;
        Ok(json!({ "image_id": image.id }))
    }

    /// A copy that could not be ended well keeps its record, with the cause, and nothing else.
    pub(crate) fn give_up_copy(&self, tx: &mut Tx<'_>, job: &Job, error: &Error) -> Result<(), Error> {
        let Some(image) = waiting_image(tx, job)? else { return Ok(()) };
        let given_up = Image { disks: Vec::new(), ..image.clone() };
        fail(tx, given_up, error, self.clock.now())?;
        forget_snapshots(tx, &image)
    }

    /// [`Service::settle_copy`] for a runner that could not do it at once.
    pub(crate) fn copy_ending(&self, job: &Job) -> Ending {
        let (service, job) = (self.clone(), job.clone());
        Box::new(move |tx| service.settle_copy(tx, &job))
    }
}

/// Only its owner speaks of an image's copying, sharing and deleting; to all others it is not there.
pub(crate) fn require_own(caller: &Caller, image: &Image) -> Result<(), Error> {
    if caller.is_admin() || caller.acts_for(&image.owner) { Ok(()) } else { Err(absent(image.id)) }
}

/// Only a copy that has not ended can be given up.
fn require_copying(image: &Image) -> Result<(), Error> {
    let why = match image.status {
        _ if image.facts.copied_from.is_none() => Conflict::ImageNotCopy,
        Status::Queued | Status::Importing => return Ok(()),
        Status::Failed => Conflict::CopyFailed,
        Status::Saving | Status::Staged | Status::Available | Status::Deactivated => Conflict::CopyCompleted,
    };
    Err(Error::Conflict(why))
}

/// What is to be copied, when `owner` may copy it to `region`.
pub(crate) fn require_copyable(owner: &ProjectId, source: &Image, region: &str) -> Result<Content, Error> {
    if source.visibility == Visibility::Community {
        return Err(Error::Conflict(Conflict::CommunityImageCopied));
    }
    if source.owner != *owner && source.region != region {
        return Err(Error::Conflict(Conflict::SharedImageToOtherRegion));
    }
    let offered = source.status == Status::Available && !source.hidden;
    source.content.clone().filter(|_| offered).ok_or(Error::Conflict(Conflict::ImageNotAvailable))
}

/// What a copy says of itself: what its original does, but for what is the original's own.
pub(crate) fn describe_copy(image: &mut Image, source: Image, wanted: &CopyImage) {
    image.name.clone_from(&wanted.name);
    image.visibility = Visibility::Private;
    image.disk_format = source.disk_format;
    image.container_format = source.container_format;
    image.min_disk_gib = source.min_disk_gib;
    image.min_ram_mib = source.min_ram_mib;
    image.properties = source.properties;
    // what jobs noted there was about the original; what is held against the bytes is about those of the copy, too
    image.properties.retain(|name, _| !name.starts_with(OWN_PROPERTIES) || name == KEY_CONCERNS);
    image.tags.clone_from(&wanted.tags);
    image.facts = Facts {
        description: wanted.description.clone(),
        family: None,
        resource_group: wanted.resource_group.clone(),
        copied_from: Some(source.id),
        ..source.facts
    };
}

/// The disks of the copy: each snapshot becomes one of the copy's own, in its account and region.
fn copy_disks(tx: &mut Tx<'_>, image: &Image, disks: &[ImageDisk], now: Timestamp) -> Result<Vec<ImageDisk>, Error> {
    let mut copied = Vec::with_capacity(disks.len());
    for disk in disks {
        let id = SnapshotId::random();
        let original = disk.snapshot.map(|of| snapshots::get(tx, of)).transpose()?.flatten();
        let snapshot = original.map(|original| Snapshot {
            id,
            owner: image.owner.clone(),
            region: image.region.clone(),
            disk: None,
            name: None,
            description: None,
            status: SnapshotStatus::Accomplished,
            retention_days: None,
            resource_group: None,
            tags: BTreeSet::new(),
            created_at: now,
            updated_at: now,
            ..original
        });
        if let Some(snapshot) = &snapshot {
            snapshots::insert(tx, snapshot)?;
        }
        copied.push(ImageDisk { snapshot: snapshot.map(|_| id), ..disk.clone() });
    }
    Ok(copied)
}

/// Takes a copy away that has not ended, with the snapshots made for it.
pub(crate) fn forget_copy(tx: &mut Tx<'_>, image: &Image, now: Timestamp) -> Result<(), Error> {
    images::delete(tx, image.id, now)?;
    forget_snapshots(tx, image)
}

/// Takes the snapshots away that were made for a copy, once its record does not name them any more. Those that another
/// image was made of meanwhile stay.
fn forget_snapshots(tx: &mut Tx<'_>, image: &Image) -> Result<(), Error> {
    for id in image.disks.iter().filter_map(|disk| disk.snapshot) {
        if !images::with_snapshot(tx, id)? {
            snapshots::delete(tx, id)?;
        }
    }
    Ok(())
}

/// The account's copies into the region that have begun and not ended.
fn copies_under_way(tx: &mut Tx<'_>, owner: &ProjectId, region: &str) -> Result<u64, Error> {
    let query = ImageQuery {
        reach: Reach { everything: false, own: Some(owner.clone()), public: false, community: false, shared: None },
        filters: vec![Filter::Region(region.to_owned()), Filter::Statuses(vec![Status::Importing])],
        sort: vec![(SortKey::CreatedAt, Direction::Ascending)],
        page: Page::After { after: None, limit: UNDER_WAY_MAX },
    };
    let found = images::list(tx, &query)?.images;
    Ok(found.iter().filter(|image| image.facts.copied_from.is_some()).count() as u64)
}
