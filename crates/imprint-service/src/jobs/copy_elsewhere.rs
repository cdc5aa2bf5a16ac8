//! Copies to other installations. Nothing of such a copy is kept here but its job, whose image is the copy: the record
//! is made there, and what it lacks is sent straight from the store. However it is interrupted, it goes on by asking
//! again what is missing; what is not wanted any more is taken back by a job of its own.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use imprint_catalogue::{Tx, images, jobs};
use imprint_model::{
    Action, Caller, Content, DiskKind, Image, ImageId, Job, JobId, JobState, Status, Visibility, role,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::mark::JobMark;
use super::settle::Ending;
use super::{Work, enqueue};
use crate::Service;
use crate::access::{load, note};
use crate::ask::{Ask, asked};
use crate::elsewhere::{Parcel, Told};
use crate::error::{Conflict, Error, Resource};
use crate::images::{CopyImage, account_of, describe_copy, require_copyable, require_in};

/// How often it is noted how far a copy is, and looked whether it is still wanted.
const NOTE: Duration = Duration::from_secs(1);
/// First and longest pause before an errand is tried again that met something passing.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long the other side may be silent until the job is put back into the queue.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What is known of a copy to be made elsewhere, besides its original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyElsewhere {
    /// The region that stands for the other installation.
    pub region: String,
    /// The original.
    pub source: ImageId,
    /// Its name there.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// Its resource group there.
    pub resource_group: Option<String>,
    /// Labels.
    pub tags: BTreeSet<String>,
}

impl Service {
    /// Whether a region is another installation.
    pub fn is_elsewhere(&self, region: &str) -> bool {
        self.elsewhere.regions().contains_key(region)
    }

    /// The regions that are other installations, with the URL of each.
    pub fn regions_elsewhere(&self) -> impl Iterator<Item = (&str, &str)> {
        self.elsewhere.regions().iter().map(|(name, url)| (name.as_str(), url.as_str()))
    }

    /// Begins to copy an image to another installation; the job does the rest. The copy belongs to the account whose
    /// key this installation has there.
    ///
    /// # Errors
    /// As [`Service::copy_image`]; [`Error::Unsupported`] of an image with data disks.
    pub async fn copy_image_elsewhere(&self, caller: &Caller, wanted: CopyImage, ask: Ask) -> Result<ImageId, Error> {
        self.require_region(&wanted.from_region)?;
        if !self.is_elsewhere(&wanted.to_region) {
            return Err(Error::NotFound(Resource::Region(wanted.to_region)));
        }
        let (service, caller) = (self.clone(), caller.clone());
        let begin = move |tx: &mut Tx<'_>| {
            let now = service.clock.now();
            asked(tx, &caller, &ask, now, |tx| {
                let owner = account_of(&caller)?;
                let source = load(tx, &caller, Action::Download, wanted.source)?;
                require_in(&source, &wanted.from_region)?;
                require_sendable(&source)?;
                require_copyable(&owner, &source, &wanted.to_region)?;
                let work = Work::CopyElsewhere(CopyElsewhere {
                    region: wanted.to_region.clone(),
                    source: source.id,
                    name: wanted.name.clone(),
                    description: wanted.description.clone(),
                    resource_group: wanted.resource_group.clone(),
                    tags: wanted.tags.clone(),
                });
                let mark = JobMark::plain(JobId::random());
                enqueue(tx, &mark, &caller, &owner, Some(wanted.id), &work, now)?;
                note(tx, &caller, now, "copy elsewhere", source.id)?;
                Ok(wanted.id)
            })
        };
        let begun = self.catalogue.write(begin).await?;
        self.wake.notify_one();
        Ok(begun)
    }

    /// Gives a copy up that has not ended yet; what there is of it there is removed.
    ///
    /// # Errors
    /// [`Error::NotFound`] for anybody but its owner, [`Error::Denied`], [`Conflict::CopyCompleted`],
    /// [`Conflict::CopyFailed`].
    pub async fn cancel_copy_elsewhere(&self, caller: &Caller, region: &str, id: ImageId) -> Result<(), Error> {
        let (service, asker, region) = (self.clone(), caller.clone(), region.to_owned());
        let cancel = move |tx: &mut Tx<'_>| {
            let filter = jobs::JobFilter {
                image: Some(id),
                kind: Some(Work::COPY_ELSEWHERE.to_owned()),
                ..jobs::JobFilter::default()
            };
            let own = |job: &Job| asker.is_admin() || asker.acts_for(&job.owner);
            let there = |job: &Job| matches!(Work::of(job), Ok(Work::CopyElsewhere(copy)) if copy.region == region);
            let found = jobs::list(tx, &filter)?.into_iter().find(|job| own(job) && there(job));
            let job = found.ok_or_else(|| Error::NotFound(Resource::Image(id.to_string())))?;
            if !asker.has_role(role::MEMBER) {
                return Err(Error::Denied("cancelling a copy".to_owned()));
            }
            match job.state {
                JobState::Pending | JobState::Running => {}
                JobState::Succeeded => return Err(Error::Conflict(Conflict::CopyCompleted)),
                JobState::Failed | JobState::Cancelled => return Err(Error::Conflict(Conflict::CopyFailed)),
            }
            let now = service.clock.now();
            service.take_back_later(tx, &job, true)?;
            jobs::finish(tx, job.id, JobState::Cancelled, None, "", now)?;
            note(tx, &asker, now, "cancel copy elsewhere", id)
        };
        self.catalogue.write(cancel).await?;
        self.wake.notify_one();
        Ok(())
    }

    /// Sends the copy.
    pub(super) async fn run_copy_elsewhere(&self, job: &Job, copy: &CopyElsewhere) -> Result<Ending, Error> {
        let parcel = self.parcel(job, copy).await?;
        let (id, told, total_bytes) = (parcel.image.id, Arc::new(Told::default()), parcel.disk.size_bytes());
        tokio::select! {
            sent = self.send_persistently(&copy.region, parcel, &told) => sent?,
            ended = self.keep_noting(job, copy, &told, total_bytes) => return Err(ended),
        }
        let result = json!({ "image_id": id, "region": copy.region, "sent_bytes": told.sent_bytes() });
        Ok(Box::new(move |_| Ok(result.clone())))
    }

    /// The record as it is to be there, and its bytes.
    async fn parcel(&self, job: &Job, copy: &CopyElsewhere) -> Result<Parcel, Error> {
        let id = job.image.ok_or_else(|| Error::internal("a copy without an image"))?;
        let (from, owner) = (copy.source, job.owner.clone());
        let source = self.catalogue.read(move |tx| Ok::<_, Error>(images::get(tx, from)?)).await?;
        let source = source.filter(|source| source.status == Status::Available);
        let source = source.ok_or_else(|| Error::NotFound(Resource::Image(from.to_string())))?;
        let content: Content = source.content.clone().ok_or(Error::Gone)?;
        let mut image = Image::blank(id, owner, copy.region.clone(), self.clock.now());
        let wanted = CopyImage {
            id,
            source: from,
            from_region: source.region.clone(),
            to_region: copy.region.clone(),
            name: copy.name.clone(),
            description: copy.description.clone(),
            resource_group: copy.resource_group.clone(),
            tags: copy.tags.clone(),
        };
        describe_copy(&mut image, source, &wanted);
        image.visibility = Visibility::Private;
        // the original is not there
        image.facts.copied_from = None;
        let disk = self.store.reader(content.map).await?;
        Ok(Parcel { image, store: self.store.clone(), disk })
    }

    /// Sends until it is there, however often the other side goes away for a while.
    async fn send_persistently(&self, region: &str, parcel: Parcel, told: &Arc<Told>) -> Result<(), Error> {
        let (mut pause, mut moved, mut reached) = (PAUSE, Instant::now(), 0);
        loop {
            let error = match self.elsewhere.send(region, parcel.clone(), Arc::clone(told)).await {
                Err(error) if error.is_passing() => error,
                ended => return ended,
            };
            if told.sent_bytes() > reached {
                (pause, moved, reached) = (PAUSE, Instant::now(), told.sent_bytes());
            }
            if moved.elapsed() > PATIENCE {
                return Err(error);
            }
            tracing::info!(region, %error, "a copy waits for the other installation");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Notes how far the copy is until it is not wanted any more.
    async fn keep_noting(&self, job: &Job, copy: &CopyElsewhere, told: &Told, total_bytes: u64) -> Error {
        let begun = Instant::now();
        loop {
            let (id, now, done_bytes) = (job.id, self.clock.now(), told.done_bytes());
            let message = progress_text(&copy.region, told, total_bytes, begun.elapsed());
            let noted = self.catalogue.write(move |tx| {
                if jobs::get(tx, id)?.is_none_or(|job| job.state.has_ended()) {
                    return Err(Error::Gone);
                }
                Ok(jobs::progress(tx, id, done_bytes, Some(total_bytes), &message, now)?)
            });
            match noted.await {
                Ok(()) => {}
                Err(Error::Gone) => return Error::Gone,
                Err(error) => tracing::warn!(job = %job.id, %error, "the progress of a job could not be noted"),
            }
            tokio::time::sleep(NOTE).await;
        }
    }

    /// Puts a job into the queue that removes what there is of a copy, a complete one only with `complete_too`.
    pub(super) fn take_back_later(&self, tx: &mut Tx<'_>, job: &Job, complete_too: bool) -> Result<(), Error> {
        let Work::CopyElsewhere(copy) = Work::of(job)? else { return Ok(()) };
        let (work, now) = (Work::TakeBack { region: copy.region, complete_too }, self.clock.now());
        let job = Job {
            id: JobId::random(),
            kind: work.kind().to_owned(),
            payload: serde_json::to_value(&work).map_err(Error::internal)?,
            result: None,
            message: String::new(),
            state: JobState::Pending,
            done_bytes: 0,
            total_bytes: None,
            attempts: 0,
            created_at: now,
            updated_at: now,
            ended_at: None,
            ..job.clone()
        };
        Ok(jobs::insert(tx, &job)?)
    }

    /// Removes what there is of a copy.
    pub(super) async fn run_take_back(&self, job: &Job, region: &str, complete_too: bool) -> Result<Ending, Error> {
        let id = job.image.ok_or_else(|| Error::internal("a copy without an image"))?;
        self.elsewhere.take_back(region, id, complete_too).await?;
        Ok(Box::new(move |_| Ok(json!({ "image_id": id }))))
    }
}

/// An image has one content; what its data disks hold would be lost on the way.
fn require_sendable(source: &Image) -> Result<(), Error> {
    if source.disks.iter().any(|disk| disk.kind == DiskKind::Data) {
        return Err(Error::Unsupported("copying an image with data disks to another installation".to_owned()));
    }
    Ok(())
}

/// How far a copy is, for people: bytes there, bytes sent, seconds left if it goes on as it went.
fn progress_text(region: &str, told: &Told, total_bytes: u64, passed: Duration) -> String {
    let (done_bytes, sent_bytes) = (told.done_bytes(), told.sent_bytes());
    let so_far =
        format!("{} of {} MiB are in {region}, {} MiB sent", done_bytes >> 20, total_bytes >> 20, sent_bytes >> 20);
    if done_bytes == 0 {
        return so_far;
    }
    let left_bytes = u128::from(total_bytes.saturating_sub(done_bytes));
    format!("{so_far}, {} seconds remaining", left_bytes * passed.as_millis() / u128::from(done_bytes) / 1000)
}
