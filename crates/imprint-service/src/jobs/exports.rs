//! Export to buckets: an image's disks become objects, one for each, in the format that was asked for.

use futures_util::StreamExt;
use imprint_catalogue::{Tx, images, jobs, snapshots};
use imprint_model::{
    Action, Caller, Content, DiskFormat, DiskKind, Image, ImageId, Job, JobId, Snapshot, Status, Visibility,
};
use imprint_store::backend::{Bucket, check_key};
use serde_json::json;

use super::objects::{JOB_MAX, PROGRESS_BYTES};
use super::settle::Ending;
use super::{JobMark, Work, enqueue};
use crate::Service;
use crate::access::{load, note};
use crate::ask::{Ask, asked};
use crate::buckets::object_error;
use crate::disks::{ExportFormat, disk_format_of};
use crate::error::{Conflict, Error, Field, Resource};
use crate::images::require_in;

/// Most data disks of an image that is exported.
const EXPORTED_DATA_DISKS_MAX: usize = 4;
/// Largest data disk of an image that is exported, GiB.
const EXPORTED_DATA_GIB_MAX: u32 = 500;

/// An image that is wanted as objects.
#[derive(Debug, Clone)]
pub struct ExportImage {
    /// Which.
    pub image: ImageId,
    /// Where it is.
    pub region: String,
    /// The bucket.
    pub bucket: String,
    /// What the objects' keys begin with.
    pub prefix: Option<String>,
    /// What the objects are to be.
    pub format: ExportFormat,
}

/// How an export is asked for besides what it is.
#[derive(Debug, Clone)]
pub struct ExportTo {
    /// The key of the only object; made of prefix, id and format otherwise.
    pub key: Option<String>,
    /// Its job.
    pub job: JobMark,
}

/// The keys of an export's objects.
#[derive(Debug)]
pub(super) struct Keys {
    /// What they begin with, and how they end.
    pub(super) stem: String,
    /// See above.
    pub(super) format: ExportFormat,
    /// The only one's, where it was told.
    pub(super) only: Option<String>,
}

/// One object to write.
#[derive(Debug)]
struct Source {
    key: String,
    content: Content,
    stored: DiskFormat,
}

impl Service {
    /// Begins to write an image into a bucket; the job does the rest. Its objects are `PREFIX_m-ID_system.FORMAT`, and
    /// for each data disk that has bytes `PREFIX_m-ID_dataN.FORMAT`; what had such a key before is replaced.
    ///
    /// # Errors
    /// [`Error::NotFound`] of image or bucket, [`Error::Denied`] of another account's image, [`Conflict::ImagePublic`],
    /// [`Conflict::ImageNotAvailable`], [`Conflict::ImageExporting`], [`Conflict::ExportTooLarge`],
    /// [`Error::Unsupported`] of an image that is no disk, [`Error::Invalid`] of the prefix.
    pub async fn export_image(&self, caller: &Caller, wanted: ExportImage, ask: Ask) -> Result<JobId, Error> {
        let to = ExportTo { key: None, job: JobMark::plain(JobId::random()) };
        self.export_image_as(caller, wanted, to, ask).await
    }

    /// [`Service::export_image`] to a key that is told, which nothing has yet, or by a job that is known again.
    ///
    /// # Errors
    /// Also [`Error::Duplicate`] of [`Field::Object`], and [`Conflict::ImageHasDataDisks`] when one key is not enough.
    pub async fn export_image_as(
        &self,
        caller: &Caller,
        wanted: ExportImage,
        to: ExportTo,
        ask: Ask,
    ) -> Result<JobId, Error> {
        let stem = stem(&wanted);
        check_key(to.key.as_ref().unwrap_or(&stem)).map_err(|_| Error::invalid(Field::Object, "not a possible key"))?;
        // a request that was answered before is answered again, whatever has become of the bucket since
        let looked = self.look_for_room(&wanted.bucket, to.key.as_deref()).await;
        let found = looked.is_ok();
        let (service, asker) = (self.clone(), caller.clone());
        let begin = move |tx: &mut Tx<'_>| {
            let now = service.clock.now();
            asked(tx, &asker, &ask, now, |tx| {
                let image = load(tx, &asker, Action::Download, wanted.image)?;
                require_in(&image, &wanted.region)?;
                require_exportable(tx, &asker, &image)?;
                if to.key.is_some() && image.disks.iter().any(|disk| disk.kind == DiskKind::Data) {
                    return Err(Error::Conflict(Conflict::ImageHasDataDisks));
                }
                if !found {
                    return Err(Error::Gone);
                }
                let (bucket, stem, format) = (wanted.bucket.clone(), stem.clone(), wanted.format);
                let work = Work::ExportImage { bucket, stem, format, key: to.key.clone() };
                enqueue(tx, &to.job, &asker, &image.owner, Some(image.id), &work, now)?;
                note(tx, &asker, now, "export", image.id)?;
                Ok(to.job.id)
            })
        };
        let begun = match (looked, self.catalogue.write(begin).await) {
            (Err(why), Err(Error::Gone)) => return Err(why),
            (_, begun) => begun?,
        };
        self.wake.notify_one();
        Ok(begun)
    }

    /// The bucket is there, and nothing has the key.
    async fn look_for_room(&self, bucket: &str, key: Option<&str>) -> Result<(), Error> {
        let bucket = self.bucket(bucket).await?;
        let Some(key) = key else { return Ok(()) };
        let taken = bucket.size(key).await.map_err(|error| object_error(&error, key))?;
        if taken.is_some() { Err(Error::Duplicate(Field::Object)) } else { Ok(()) }
    }

    /// Writes the objects. Running twice writes the same bytes under the same keys.
    pub(super) async fn run_export(&self, job: &Job, bucket: &str, keys: &Keys) -> Result<Ending, Error> {
        let id = job.image.ok_or_else(|| Error::internal("an export without an image"))?;
        let (stem, format) = (keys.stem.clone(), keys.format);
        let mut sources = self.catalogue.read(move |tx| sources(tx, id, &stem, format)).await?;
        if let Some(key) = &keys.only {
            sources.truncate(1);
            sources.iter_mut().for_each(|source| source.key.clone_from(key));
        }
        let place = self.bucket(bucket).await?;
        let write = tokio::time::timeout(JOB_MAX, self.write_objects(job, &place, &sources, format)).await;
        write.unwrap_or_else(|_| Err(Error::Incomplete("the export took too long".to_owned())))?;
        let keys: Vec<String> = sources.into_iter().map(|source| source.key).collect();
        let result = json!({ "image_id": id, "bucket": bucket, "objects": keys });
        Ok(Box::new(move |_| Ok(result.clone())))
    }

    async fn write_objects(
        &self,
        job: &Job,
        bucket: &Bucket,
        sources: &[Source],
        format: ExportFormat,
    ) -> Result<(), Error> {
        let mut exports = Vec::with_capacity(sources.len());
        for source in sources {
            exports.push((&source.key, self.export_disk(&source.content, source.stored, format).await?));
        }
        // what a compressed file comes to is not known: as much as the disk has, at most
        let sizes = exports.iter().zip(sources).map(|((_, export), source)| {
            export.size_bytes().unwrap_or(source.content.virtual_size_bytes.unwrap_or(source.content.size_bytes))
        });
        let total_bytes = sizes.sum();
        let (mut done_bytes, mut noted_bytes) = (0, 0);
        self.note_progress_of(job, done_bytes, total_bytes).await?;
        for (key, export) in exports {
            let mut parts = export.stream(None);
            let failed = |error| object_error(&error, key);
            let mut object = bucket.write(key).await.map_err(failed)?;
            while let Some(part) = parts.next().await {
                let part = part?;
                done_bytes += part.len() as u64;
                object.write(part).await.map_err(failed)?;
                if done_bytes >= noted_bytes + PROGRESS_BYTES {
                    noted_bytes = done_bytes;
                    self.note_progress_of(job, done_bytes, total_bytes).await?;
                }
            }
            self.note_progress_of(job, done_bytes, total_bytes).await?;
            object.finish().await.map_err(failed)?;
        }
        Ok(())
    }
}

/// What the keys of an export's objects begin with.
fn stem(wanted: &ExportImage) -> String {
    let id = wanted.image.short();
    wanted.prefix.as_ref().map_or_else(|| format!("m-{id}"), |prefix| format!("{prefix}_m-{id}"))
}

fn require_exportable(tx: &mut Tx<'_>, caller: &Caller, image: &Image) -> Result<(), Error> {
    if matches!(image.visibility, Visibility::Public | Visibility::Community) {
        return Err(Error::Conflict(Conflict::ImagePublic));
    }
    if !caller.is_admin() && !caller.acts_for(&image.owner) {
        return Err(Error::Denied("exporting another account's image".to_owned()));
    }
    if image.status != Status::Available || image.content.is_none() {
        return Err(Error::Conflict(Conflict::ImageNotAvailable));
    }
    if jobs::open_of_images(tx, &[image.id])?.iter().any(|job| job.kind == Work::EXPORT_IMAGE) {
        return Err(Error::Conflict(Conflict::ImageExporting));
    }
    let data: Vec<_> = image.disks.iter().filter(|disk| disk.kind == DiskKind::Data).collect();
    if data.len() > EXPORTED_DATA_DISKS_MAX || data.iter().any(|disk| disk.size_gib > EXPORTED_DATA_GIB_MAX) {
        return Err(Error::Conflict(Conflict::ExportTooLarge));
    }
    disk_format_of(image.container_format, image.disk_format).map(|_| ())
}

/// The snapshots of an image's data disks that have bytes, by the place of the disk among the data disks, from 1.
fn data_snapshots(tx: &mut Tx<'_>, image: &Image) -> Result<Vec<(usize, Snapshot)>, Error> {
    let data = image.disks.iter().filter(|disk| disk.kind == DiskKind::Data);
    let mut found = Vec::new();
    for (place, id) in data.enumerate().filter_map(|(place, disk)| Some((place + 1, disk.snapshot?))) {
        let snapshot = snapshots::get(tx, id)?;
        let snapshot = snapshot.ok_or_else(|| Error::NotFound(Resource::Snapshot(id.to_string())))?;
        if snapshot.content.is_some() {
            found.push((place, snapshot));
        }
    }
    Ok(found)
}

/// The objects of an image that is still there.
fn sources(tx: &mut Tx<'_>, id: ImageId, stem: &str, format: ExportFormat) -> Result<Vec<Source>, Error> {
    let image = images::get(tx, id)?.filter(|image| image.status.has_data()).ok_or(Error::Gone)?;
    let stored = disk_format_of(image.container_format, image.disk_format)?;
    let data = data_snapshots(tx, &image)?;
    let (system, ending) = (image.content.ok_or(Error::Gone)?, format.ending());
    let mut sources = vec![Source { key: format!("{stem}_system.{ending}"), content: system, stored }];
    for (place, snapshot) in data {
        let Some(content) = snapshot.content else { continue };
        sources.push(Source { key: format!("{stem}_data{place}.{ending}"), content, stored: snapshot.disk_format });
    }
    Ok(sources)
}
