//! Looking into images: what system is inside, and whether it would start and could be reached. A check is a job that
//! begins when the image is complete and never keeps anybody from using it; what it finds is kept with the content, so
//! that the same bytes are looked into once. Never here: how to look into a disk.

mod describe;
mod job;
mod kept;

use std::collections::{BTreeMap, BTreeSet};

use imprint_catalogue::{Tx, images, jobs};
use imprint_inspect::Report;
use imprint_model::{Action, Caller, Image, ImageId, Job};
use tokio::task::spawn_blocking;

use crate::Service;
use crate::access::{load, note};
use crate::disks::disk_format_of;
use crate::error::Error;
use crate::jobs::{Asker, JobMark, Work, enqueue_for};
use crate::settings::CheckPolicy;
use kept::{Key, Reading};

/// What is known of a check that an image was to have.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckOutcome {
    /// It has not ended.
    UnderWay,
    /// It has, and could not say anything.
    Nothing,
    /// It has; packages and volumes are left out.
    Said(Box<Report>),
}

/// Everything that is known of the check of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The image.
    pub image: Image,
    /// What was found out, if anything was.
    pub report: Option<Report>,
    /// The check that is under way.
    pub job: Option<Job>,
}

impl Service {
    /// Has an image looked into, `again` also when that was done before. None when there is nothing to do.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::WrongStatus`] without data.
    pub async fn check_image(&self, caller: &Caller, id: ImageId, again: bool) -> Result<Option<Job>, Error> {
        let (service, asker) = (self.clone(), caller.clone());
        let begin = move |tx: &mut Tx<'_>| {
            let mut image = load(tx, &asker, Action::Write, id)?;
            if image.content.is_none() || !image.status.has_data() {
                return Err(Error::WrongStatus(image.status));
            }
            let open = jobs::open_of_images(tx, &[id])?.into_iter().find(|job| job.kind == Work::CHECK_IMAGE);
            if open.is_some() {
                return Ok(open);
            }
            let now = service.clock.now();
            image.facts.check_wanted = true;
            image.updated_at = now;
            if let Some(report) = known_of(tx, &image)?.filter(|_| !again) {
                describe::apply(&mut image, &report, &service.settings.limits);
                images::update(tx, &image)?;
                return Ok(None);
            }
            images::update(tx, &image)?;
            note(tx, &asker, now, "check", id)?;
            service.enqueue_check(tx, &image, &Asker::of(&asker), again).map(Some)
        };
        let begun = self.catalogue.write(begin).await?;
        self.wake_aside.notify_one();
        Ok(begun)
    }

    /// What was found out about an image whose bytes the caller may have.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`].
    pub async fn checked_image(&self, caller: &Caller, id: ImageId) -> Result<Checked, Error> {
        let asker = caller.clone();
        let look = move |tx: &mut Tx<'_>| {
            let image = load(tx, &asker, Action::Download, id)?;
            let job = jobs::open_of_images(tx, &[id])?.into_iter().find(|job| job.kind == Work::CHECK_IMAGE);
            let bytes = match reading_of(&image) {
                Some(reading) => kept::whole(tx, reading)?,
                None => None,
            };
            Ok::<_, Error>((image, bytes, job))
        };
        let (image, bytes, job) = self.catalogue.scan(look).await?;
        let decode = move || bytes.map(|bytes| kept::decode(&bytes)).transpose();
        let report = spawn_blocking(decode).await.map_err(Error::internal)??;
        Ok(Checked { image, report, job })
    }

    /// What became of the checks of these images, in their order; none for an image that was to have none, or that has
    /// no data yet. They are images that the caller was given, at most as many as a page has.
    ///
    /// # Errors
    /// When the catalogue does not answer.
    pub async fn check_outcomes(&self, images: &[Image]) -> Result<Vec<Option<CheckOutcome>>, Error> {
        let wanted = |image: &Image| reading_of(image).filter(|_| image.facts.check_wanted && image.status.has_data());
        let readings: Vec<Reading> = images.iter().filter_map(wanted).collect();
        if readings.is_empty() {
            return Ok(vec![None; images.len()]);
        }
        let ids: Vec<ImageId> = images.iter().filter(|image| wanted(image).is_some()).map(|image| image.id).collect();
        let look = move |tx: &mut Tx<'_>| {
            let known = kept::short_of(tx, &readings)?;
            let open = jobs::open_of_images(tx, &ids)?;
            let open = open.iter().filter(|job| job.kind == Work::CHECK_IMAGE).filter_map(|job| job.image);
            Ok::<_, Error>((known, open.collect::<BTreeSet<ImageId>>()))
        };
        let (known, open): (BTreeMap<Key, Report>, _) = self.catalogue.scan(look).await?;
        let outcome = |image: &Image| {
            let reading = wanted(image)?;
            Some(match known.get(&kept::key(reading)) {
                _ if open.contains(&image.id) => CheckOutcome::UnderWay,
                Some(report) => CheckOutcome::Said(Box::new(report.clone())),
                None => CheckOutcome::Nothing,
            })
        };
        Ok(images.iter().map(outcome).collect())
    }

    /// Begins the check of an image that is complete as of now, when one is wanted. What is known of the same bytes is
    /// taken over at once. The image's record is written by whoever calls.
    pub(crate) fn begin_check(&self, tx: &mut Tx<'_>, image: &mut Image, asker: &Asker) -> Result<(), Error> {
        image.facts.check_wanted |= self.settings.check_images == CheckPolicy::Always;
        if image.content.is_none() || !image.facts.check_wanted {
            return Ok(());
        }
        if let Some(report) = known_of(tx, image)? {
            describe::apply(image, &report, &self.settings.limits);
            return Ok(());
        }
        self.enqueue_check(tx, image, asker, false).map(|_| ())
    }

    fn enqueue_check(&self, tx: &mut Tx<'_>, image: &Image, asker: &Asker, again: bool) -> Result<Job, Error> {
        let (mark, work) = (JobMark::new(""), Work::CheckImage { again });
        enqueue_for(tx, &mark, asker, &image.owner, Some(image.id), &work, self.clock.now())
    }
}

/// The bytes of an image and what they are read as; none when they are no disk.
fn reading_of(image: &Image) -> Option<Reading> {
    let format = disk_format_of(image.container_format, image.disk_format).ok()?;
    image.content.as_ref().map(|content| (content.map, format))
}

/// What is known of the same bytes read the same way, when their check came to its end.
fn known_of(tx: &mut Tx<'_>, image: &Image) -> Result<Option<Report>, Error> {
    reading_of(image).map_or(Ok(None), |reading| kept::complete(tx, reading))
}
