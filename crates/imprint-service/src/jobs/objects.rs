//! Import from buckets: objects become an image, the first one its system disk, the others snapshots that its data
//! disks name. The image is there from the beginning, and gone when the import is cancelled.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use imprint_catalogue::{Tx, images, jobs, snapshots};
use imprint_disk::{Format, Inspection};
use imprint_model::{
    Caller, ContainerFormat, Content, DATA_DISKS_MAX, DiskFormat, DiskKind, Event, Facts, Image, ImageDisk, ImageId,
    Job, JobId, ObjectPlace, Snapshot, SnapshotEvent, SnapshotId, SnapshotStatus, Status, Timestamp, Visibility,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::settle::Ending;
use super::{Asker, JobMark, Work, enqueue};
use crate::Service;
use crate::ask::{Ask, asked};
use crate::buckets::object_error;
use crate::disks::{Noted, is_wrapped};
use crate::error::{Conflict, Error, Field, Quota};
use crate::images::{NewImage, account_of, waiting_image};
use crate::ingest::{Digests, Ingested};
use crate::inventory::least_gib;

/// Bytes between two notes of progress.
pub(super) const PROGRESS_BYTES: u64 = 16 << 20;
/// Longest time that an import or export may take.
pub(super) const JOB_MAX: Duration = Duration::from_secs(24 * 3600);

/// An image that is wanted of objects.
#[derive(Debug, Clone)]
pub struct ImportObjects {
    /// The id it will have.
    pub id: ImageId,
    /// Where.
    pub region: String,
    /// Its name; unique among the account's in the region.
    pub name: Option<String>,
    /// What it is.
    pub facts: Facts,
    /// Labels.
    pub tags: BTreeSet<String>,
    /// The objects: the system disk's first.
    pub disks: Vec<ObjectDisk>,
}

/// One disk to be imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectDisk {
    /// Where its bytes lie.
    pub place: ObjectPlace,
    /// How they encode the disk; found out otherwise.
    pub format: Option<DiskFormat>,
    /// Size of the disk a machine gets, GiB; as small as possible otherwise.
    pub size_gib: Option<u32>,
    /// Letter of the device; in order otherwise.
    pub letter: Option<char>,
}

/// A disk that is in the store; protected from collection as long as this is kept.
#[derive(Debug)]
struct Taken {
    ingested: Ingested,
    content: Content,
    format: DiskFormat,
    /// Length of the object that it came in.
    object_bytes: u64,
    size_gib: u32,
    letter: char,
    place: ObjectPlace,
}

impl Service {
    /// Begins to make an image of objects; the job does the rest.
    ///
    /// # Errors
    /// [`Error::NotFound`] of bucket, object, region or resource group, [`Error::Invalid`] of [`Field::Object`] (a key),
    /// [`Field::Data`] (an object without bytes) or [`Field::Device`], [`Error::Duplicate`] of the name,
    /// [`Error::OverQuota`], [`Error::Denied`].
    pub async fn import_objects(
        &self,
        caller: &Caller,
        wanted: ImportObjects,
        ask: Ask,
    ) -> Result<(ImageId, JobId), Error> {
        self.require_region(&wanted.region)?;
        let letters = letters(&wanted.disks)?;
        // a request that was answered before is answered again, whatever has become of the objects since
        let looked = self.object_sizes(&wanted.disks).await;
        let sizes = looked.as_ref().ok().cloned();
        let (service, asker, new) = (self.clone(), caller.clone(), NewImage::plain());
        let begin = move |tx: &mut Tx<'_>| {
            let now = service.clock.now();
            asked(tx, &asker, &ask, now, |tx| {
                let sizes = sizes.as_deref().ok_or(Error::Gone)?;
                let id = service.import_record(tx, &asker, (&wanted, &new), &letters, sizes)?;
                Ok((id, new.job.id))
            })
        };
        let begun = match (looked, self.catalogue.write(begin).await) {
            (Err(why), Err(Error::Gone)) => return Err(why),
            (_, begun) => begun?,
        };
        self.wake.notify_one();
        Ok(begun)
    }

    /// Begins to make images of objects, all of them or none, each by a job of its own. `group` is the mark of one
    /// more job, for those that are spoken of as one; it has ended at once.
    ///
    /// # Errors
    /// Those of [`Service::import_objects`].
    pub async fn import_images(
        &self,
        caller: &Caller,
        wanted: Vec<(ImportObjects, NewImage)>,
        group: Option<JobMark>,
    ) -> Result<(), Error> {
        let mut looked = Vec::with_capacity(wanted.len());
        for (one, _) in &wanted {
            self.require_region(&one.region)?;
            looked.push((letters(&one.disks)?, self.object_sizes(&one.disks).await?));
        }
        let (service, asker) = (self.clone(), caller.clone());
        let begin = move |tx: &mut Tx<'_>| {
            for ((one, new), (letters, sizes)) in wanted.iter().zip(&looked) {
                service.import_record(tx, &asker, (one, new), letters, sizes)?;
            }
            service.note_group(tx, &asker, group.as_ref())
        };
        self.catalogue.write(begin).await?;
        self.wake.notify_one();
        Ok(())
    }

    /// Writes the record of one image and its job.
    fn import_record(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        (wanted, new): (&ImportObjects, &NewImage),
        letters: &[char],
        sizes: &[u64],
    ) -> Result<ImageId, Error> {
        let mut image = self.image_of_objects(caller, wanted, letters, sizes)?;
        new.describe(&mut image, &self.settings.limits)?;
        self.insert_counted(tx, caller, &image, new)?;
        self.require_room(tx, &image.owner, sizes.iter().sum(), 0)?;
        let work = Work::ImportObjects { disks: wanted.disks.clone() };
        enqueue(tx, &new.job, caller, &image.owner, Some(image.id), &work, self.clock.now())?;
        Ok(image.id)
    }

    async fn object_sizes(&self, disks: &[ObjectDisk]) -> Result<Vec<u64>, Error> {
        let mut sizes = Vec::with_capacity(disks.len());
        for disk in disks {
            sizes.push(self.require_object(&disk.place).await?);
        }
        Ok(sizes)
    }

    /// The record of an image whose bytes are still to come.
    fn image_of_objects(
        &self,
        caller: &Caller,
        wanted: &ImportObjects,
        letters: &[char],
        sizes: &[u64],
    ) -> Result<Image, Error> {
        let owner = account_of(caller)?;
        let mut image = Image {
            visibility: Visibility::Private,
            name: wanted.name.clone(),
            facts: wanted.facts.clone(),
            tags: wanted.tags.clone(),
            disk_format: wanted.disks.first().and_then(|disk| disk.format),
            container_format: Some(ContainerFormat::Bare),
            ..Image::blank(wanted.id, owner, wanted.region.clone(), self.clock.now())
        };
        let disks = wanted.disks.iter().zip(letters).zip(sizes);
        image.disks = disks
            .map(|((disk, &letter), &size)| ImageDisk {
                kind: kind_of(letter),
                letter,
                // a guess until the object was looked into
                size_gib: disk.size_gib.unwrap_or_else(|| gib(size)),
                snapshot: None,
                imported_from: Some(disk.place.clone()),
            })
            .collect();
        image.apply(Event::BeginImport)?;
        Ok(image)
    }

    /// Takes in the objects. What becomes of the image is written when the job ends.
    pub(crate) async fn run_import_objects(&self, job: &Job, disks: &[ObjectDisk]) -> Result<Ending, Error> {
        let work = tokio::time::timeout(JOB_MAX, self.take_objects(job, disks)).await;
        let taken = work.unwrap_or_else(|_| Err(Error::Incomplete("the import took too long".to_owned())))?;
        let (service, job) = (self.clone(), job.clone());
        Ok(Box::new(move |tx| service.settle_objects(tx, &job, &taken)))
    }

    async fn take_objects(&self, job: &Job, disks: &[ObjectDisk]) -> Result<Vec<Taken>, Error> {
        let id = job.image.ok_or_else(|| Error::internal("an import without an image"))?;
        let image = self.catalogue.read(move |tx| importing(tx, id)).await?;
        let (sizes, letters) = (self.object_sizes(disks).await?, letters(disks)?);
        let total_bytes = sizes.iter().sum();
        let mut taken = Vec::with_capacity(disks.len());
        let mut done_bytes = 0;
        for (disk, letter) in disks.iter().zip(letters) {
            self.note_progress_of(job, done_bytes, total_bytes).await?;
            let one = self.take_object(job, &image, disk, letter, (done_bytes, total_bytes)).await?;
            done_bytes += one.object_bytes;
            taken.push(one);
        }
        self.note_progress_of(job, done_bytes, total_bytes).await?;
        for one in &taken {
            one.ingested.ensure_live().await?;
        }
        Ok(taken)
    }

    async fn take_object(
        &self,
        job: &Job,
        image: &Image,
        disk: &ObjectDisk,
        letter: char,
        (before_bytes, total_bytes): (u64, u64),
    ) -> Result<Taken, Error> {
        let key = &disk.place.key;
        let bucket = self.bucket(&disk.place.bucket).await?;
        let (_, mut parts) = bucket.read(key).await.map_err(|error| object_error(&error, key))?;
        let mut ingest = self.ingest().await?;
        let mut noted_bytes = 0;
        while let Some(part) = parts.next().await {
            ingest.write(part.map_err(|error| object_error(&error, key))?).await?;
            if ingest.received_bytes() >= noted_bytes + PROGRESS_BYTES {
                noted_bytes = ingest.received_bytes();
                self.note_progress_of(job, before_bytes + noted_bytes, total_bytes).await?;
            }
        }
        let mut looked_at = None;
        let accept = |inspection: &Inspection| {
            // what is in a compressed file is looked at once it is unpacked
            if !inspection.format.is_packed() {
                self.accept_object(image, disk, inspection)?;
            }
            looked_at = Some(inspection.clone());
            Ok(())
        };
        let mut ingested = ingest.finish(accept).await?;
        let mut inspection = looked_at.ok_or_else(|| Error::internal("bytes that nobody looked at"))?;
        let object_bytes = ingested.written.size_bytes;
        let noted = Noted::Still(before_bytes + object_bytes, total_bytes);
        if inspection.format.is_packed() {
            (ingested, inspection) = self.unpack((job, noted), &ingested.content(None), inspection.format).await?;
        }
        let (mut format, virtual_size_bytes, size_gib) = self.accept_object(image, disk, &inspection)?;
        let mut content = ingested.content(virtual_size_bytes);
        if is_wrapped(format) {
            // what machines get is kept, not what it came in
            ingested = self.to_guest_disk((job, noted), &content, format, Digests::LeftOut).await?;
            content = ingested.content(Some(ingested.written.size_bytes));
            format = DiskFormat::Raw;
        }
        Ok(Taken { ingested, content, format, object_bytes, size_gib, letter, place: disk.place.clone() })
    }

    /// Takes one object in, to be what `image` says: its bytes, what protects them, and the format it was found to
    /// have.
    pub(super) async fn take_one_object(
        &self,
        job: &Job,
        image: &Image,
        place: &ObjectPlace,
    ) -> Result<(Content, Ingested, DiskFormat), Error> {
        let total_bytes = self.require_object(place).await?;
        let disk = ObjectDisk { place: place.clone(), format: image.disk_format, size_gib: None, letter: None };
        let taken = self.take_object(job, image, &disk, 'a', (0, total_bytes)).await?;
        Ok((taken.content, taken.ingested, taken.format))
    }

    /// What an object is, when it may be used: its format, the size of the disk inside in bytes, and the disk's in GiB.
    fn accept_object(
        &self,
        image: &Image,
        disk: &ObjectDisk,
        inspection: &Inspection,
    ) -> Result<(DiskFormat, Option<u64>, u32), Error> {
        // an optical disc is no disk of a machine, but what was told to be one may be one
        let disc = disk.format.filter(|&format| format == DiskFormat::Iso && inspection.format == Format::Iso);
        let found = disk_format(inspection.format).or(disc);
        let declared = disk.format.map(|format| if format == DiskFormat::Gpt { DiskFormat::Raw } else { format });
        let mismatch = |declared: &str| Error::FormatMismatch {
            declared: declared.to_owned(),
            found: inspection.format.to_string(),
        };
        let format = match (declared, found) {
            (Some(declared), Some(found)) if declared == found => declared,
            (Some(declared), _) if !self.settings.check_format_match => declared,
            (Some(declared), _) => return Err(mismatch(declared.as_str())),
            (None, Some(found)) => found,
            (None, None) => return Err(mismatch("of any disk")),
        };
        // what an object packed was unpacked, so it is the disk itself that is judged, whatever the image says it is in
        let container_format = Some(ContainerFormat::Bare);
        let probe = Image { disk_format: Some(format), container_format, ..image.clone() };
        let verdict = self.accept(&probe, inspection)?;
        if let Some(concerns) = verdict.concerns {
            // nothing is taken out of bytes that cannot be trusted
            return Err(Error::Unsafe(concerns));
        }
        let virtual_size_bytes = verdict.virtual_size_bytes;
        let least = gib(virtual_size_bytes.unwrap_or(inspection.stream_size_bytes));
        match disk.size_gib {
            Some(size_gib) if size_gib < least => {
                let why = format!("{size_gib} GiB do not hold the disk of {}, which has {least} GiB", disk.place.key);
                Err(Error::invalid(Field::DiskSize, why))
            }
            size_gib => Ok((format, virtual_size_bytes, size_gib.unwrap_or(least))),
        }
    }

    /// Gives the image its disks.
    fn settle_objects(&self, tx: &mut Tx<'_>, job: &Job, taken: &[Taken]) -> Result<Value, Error> {
        let id = job.image.ok_or_else(|| Error::internal("an import without an image"))?;
        let mut image = importing(tx, id)?;
        let now = self.clock.now();
        self.require_room(tx, &image.owner, taken.iter().map(|one| one.content.size_bytes).sum(), 0)?;
        image.disks.clear();
        for one in taken {
            let snapshot = match kind_of(one.letter) {
                DiskKind::System => {
                    image.content = Some(one.content.clone());
                    image.disk_format = Some(one.format);
                    image.min_disk_gib = image.min_disk_gib.max(least_gib(Some(&one.content)));
                    None
                }
                DiskKind::Data => {
                    let snapshot = snapshot_of(&image, one, now);
                    snapshots::insert(tx, &snapshot)?;
                    Some(snapshot.id)
                }
            };
            image.disks.push(ImageDisk {
                kind: kind_of(one.letter),
                letter: one.letter,
                size_gib: one.size_gib,
                snapshot,
                imported_from: Some(one.place.clone()),
            });
        }
        image.apply(Event::DataComplete)?;
        self.begin_check(tx, &mut image, &Asker::of_job(job))?;
        image.updated_at = now;
        images::update(tx, &image)?;
        Ok(json!({ "image_id": id }))
    }

    /// An import that was cancelled takes its image along.
    pub(super) fn settle_cancelled_objects(&self, tx: &mut Tx<'_>, job: &Job) -> Result<(), Error> {
        let Some(image) = waiting_image(tx, job)? else { return Ok(()) };
        images::delete(tx, image.id, self.clock.now())?;
        Ok(())
    }

    /// Notes how far a job is, and ends the work on one that has been ended meanwhile.
    pub(crate) async fn note_progress_of(&self, job: &Job, done_bytes: u64, total_bytes: u64) -> Result<(), Error> {
        let id = job.id;
        let ended = self.catalogue.read(move |tx| Ok::<_, Error>(jobs::get(tx, id)?)).await?;
        if ended.is_none_or(|job| job.state.has_ended()) {
            return Err(Error::Gone);
        }
        self.note_progress(job, done_bytes, Some(total_bytes)).await;
        Ok(())
    }
}

/// The devices of the disks, in their order: the first is the system disk.
fn letters(disks: &[ObjectDisk]) -> Result<Vec<char>, Error> {
    if disks.is_empty() {
        return Err(Error::Missing(Field::Object));
    }
    if disks.len() > 1 + DATA_DISKS_MAX {
        return Err(Error::OverQuota(Quota::DataDisks, DATA_DISKS_MAX as u64));
    }
    let mut taken: BTreeSet<char> = disks.iter().skip(1).filter_map(|disk| disk.letter).collect();
    let mut given = BTreeSet::new();
    let mut letters = Vec::with_capacity(disks.len());
    for (position, disk) in disks.iter().enumerate() {
        let letter = match (position, disk.letter) {
            (0, None | Some('a')) => 'a',
            (1.., Some(letter @ 'b'..='z')) => letter,
            (1.., None) => ('b'..='z').find(|letter| !taken.contains(letter)).unwrap_or('z'),
            _ => return Err(Error::invalid(Field::Device, "no such device for this disk")),
        };
        taken.insert(letter);
        if !given.insert(letter) {
            return Err(Error::Conflict(Conflict::DeviceTaken));
        }
        letters.push(letter);
    }
    Ok(letters)
}

fn kind_of(letter: char) -> DiskKind {
    if letter == 'a' { DiskKind::System } else { DiskKind::Data }
}

fn gib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1 << 30)).unwrap_or(u32::MAX).max(1)
}

/// The format of a disk that machines can have; none for what is no disk to be written to.
fn disk_format(found: Format) -> Option<DiskFormat> {
    match found {
        Format::Raw | Format::Gpt => Some(DiskFormat::Raw),
        Format::Qcow2 => Some(DiskFormat::Qcow2),
        Format::Vmdk => Some(DiskFormat::Vmdk),
        Format::Vhd => Some(DiskFormat::Vhd),
        Format::Vhdx => Some(DiskFormat::Vhdx),
        Format::Vdi => Some(DiskFormat::Vdi),
        Format::Zvhd => Some(DiskFormat::Zvhd),
        Format::Zvhd2 => Some(DiskFormat::Zvhd2),
        // a compressed file within a compressed file is as opaque as any
        Format::Gz | Format::Xz | Format::Zst => None,
        Format::Iso | Format::Qed | Format::Luks | Format::Ploop | Format::Dmg | Format::Bochs | Format::Cloop => None,
    }
}

/// The image while its import is under way.
fn importing(tx: &mut Tx<'_>, id: ImageId) -> Result<Image, Error> {
    images::get(tx, id)?.filter(|image| image.status == Status::Importing).ok_or(Error::Gone)
}

fn snapshot_of(image: &Image, one: &Taken, now: Timestamp) -> Snapshot {
    Snapshot {
        id: SnapshotId::random(),
        owner: image.owner.clone(),
        region: image.region.clone(),
        disk: None,
        kind: DiskKind::Data,
        name: None,
        description: None,
        status: SnapshotStatus::Progressing.on(SnapshotEvent::Taken).unwrap_or(SnapshotStatus::Accomplished),
        size_gib: one.size_gib,
        content: Some(one.content.clone()),
        disk_format: one.format,
        retention_days: None,
        resource_group: image.facts.resource_group.clone(),
        tags: BTreeSet::new(),
        created_at: now,
        updated_at: now,
        node: None,
        captured_with: None,
        generation: 0,
        done_bytes: 0,
        total_bytes: None,
        failure: None,
    }
}
