//! Looking into images: what system is inside, and whether it would start and could be reached. A check is a job that
//! begins when the image is complete and never keeps anybody from using it; what it finds is kept with the content, so
//! that the same bytes are looked into once. Never here: how to look into a disk.

mod describe;
mod job;
mod kept;

use std::collections::{BTreeMap, BTreeSet};

use imprint_catalogue::{Tx, images, jobs};
use imprint_inspect::Report;
use imprint_model::{Action, Caller, Image, ImageId, Job, MapId};

use crate::Service;
use crate::access::{load, note};
use crate::error::Error;
use crate::jobs::{Asker, JobMark, Work, enqueue_for};
use crate::settings::CheckPolicy;

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
            let content = image.content.clone().filter(|_| image.status.has_data());
            let content = content.ok_or(Error::WrongStatus(image.status))?;
            let open = jobs::open_of_images(tx, &[id])?.into_iter().find(|job| job.kind == Work::CHECK_IMAGE);
            if open.is_some() {
                return Ok(open);
            }
            let now = service.clock.now();
            image.facts.check_wanted = true;
            image.updated_at = now;
            if let Some(report) = kept::complete(tx, content.map)?.filter(|_| !again) {
                describe::apply(&mut image, &report);
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
            let bytes = match &image.content {
                Some(content) => kept::whole(tx, content.map)?,
                None => None,
            };
            Ok::<_, Error>((image, bytes, job))
        };
        let (image, bytes, job) = self.catalogue.scan(look).await?;
        let report = bytes.map(|bytes| kept::decode(&bytes)).transpose()?;
        Ok(Checked { image, report, job })
    }

    /// What became of the checks of these images, in their order; none for an image that was to have none, or that has
    /// no data yet. They are images that the caller was given, at most as many as a page has.
    ///
    /// # Errors
    /// When the catalogue does not answer.
    pub async fn check_outcomes(&self, images: &[Image]) -> Result<Vec<Option<CheckOutcome>>, Error> {
        let map_of = |image: &Image| -> Option<MapId> {
            let wanted = image.facts.check_wanted && image.status.has_data();
            image.content.as_ref().filter(|_| wanted).map(|content| content.map)
        };
        let maps: Vec<MapId> = images.iter().filter_map(map_of).collect();
        if maps.is_empty() {
            return Ok(vec![None; images.len()]);
        }
        let ids: Vec<ImageId> = images.iter().filter(|image| map_of(image).is_some()).map(|image| image.id).collect();
        let look = move |tx: &mut Tx<'_>| {
            let known = kept::short_of(tx, &maps)?;
            let open = jobs::open_of_images(tx, &ids)?;
            let open = open.iter().filter(|job| job.kind == Work::CHECK_IMAGE).filter_map(|job| job.image);
            Ok::<_, Error>((known, open.collect::<BTreeSet<ImageId>>()))
        };
        let (known, open): (BTreeMap<MapId, Report>, _) = self.catalogue.scan(look).await?;
        let outcome = |image: &Image| {
            let map = map_of(image)?;
            Some(match known.get(&map) {
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
        let map = image.content.as_ref().map(|content| content.map);
        let Some(map) = map.filter(|_| image.facts.check_wanted) else { return Ok(()) };
        if let Some(report) = kept::complete(tx, map)? {
            describe::apply(image, &report);
            return Ok(());
        }
        self.enqueue_check(tx, image, asker, false).map(|_| ())
    }

    fn enqueue_check(&self, tx: &mut Tx<'_>, image: &Image, asker: &Asker, again: bool) -> Result<Job, Error> {
        let (mark, work) = (JobMark::new(""), Work::CheckImage { again });
        enqueue_for(tx, &mark, asker, &image.owner, Some(image.id), &work, self.clock.now())
    }
}
