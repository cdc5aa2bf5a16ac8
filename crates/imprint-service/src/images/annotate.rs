//! What lists say of images besides their records: how far a job is, who uses them.

use std::collections::BTreeMap;

use imprint_catalogue::{Tx, images, jobs};
use imprint_model::{Caller, Image, ImageId, Job, JobState, Timestamp, Visibility};

use super::read::SHORT_PAGE;
use crate::Service;
use crate::error::Error;

/// What is known of an image besides its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Annotation {
    /// How far the job is that works on it.
    pub progress: Option<Progress>,
    /// Whether a machine was made from it.
    pub used_by_instance: bool,
    /// Whether single accounts have been given it.
    pub shared: bool,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes dealt with.
    pub done_bytes: u64,
    /// Bytes to deal with, when known.
    pub total_bytes: Option<u64>,
    /// Seconds until the end, if it goes on as it went.
    pub remaining_secs: Option<u64>,
}

impl Progress {
    fn of(job: &Job, now: Timestamp) -> Self {
        let Job { done_bytes, total_bytes, created_at, .. } = *job;
        let passed_secs = u64::try_from(now.0.saturating_sub(created_at.0)).unwrap_or(0) / 1_000_000;
        let left_bytes = total_bytes.map(|total| total.saturating_sub(done_bytes));
        let remaining_secs = left_bytes.filter(|_| done_bytes > 0 && job.state == JobState::Running).map(|left| {
            let secs = u128::from(left) * u128::from(passed_secs) / u128::from(done_bytes);
            u64::try_from(secs).unwrap_or(u64::MAX)
        });
        Self { done_bytes, total_bytes, remaining_secs }
    }

    /// Whole percents, 100 only at the end.
    pub fn percent(&self) -> u8 {
        let Some(total) = self.total_bytes.filter(|&total| total > 0) else { return 0 };
        let percent = u128::from(self.done_bytes) * 100 / u128::from(total);
        u8::try_from(percent.min(99)).unwrap_or(99)
    }
}

impl Service {
    /// What is known of each of these images besides its record, in their order. They are images that the caller was
    /// given, at most as many as a page has; whom an image is shared with is its owner's to know.
    ///
    /// # Errors
    /// When the catalogue does not answer.
    pub async fn annotate(&self, caller: &Caller, images: &[Image]) -> Result<Vec<Annotation>, Error> {
        let ids: Vec<ImageId> = images.iter().map(|image| image.id).collect();
        let creating: Vec<ImageId> =
            images.iter().filter(|image| !image.status.has_data()).map(|image| image.id).collect();
        let single: Vec<ImageId> =
            images.iter().filter(|image| may_know(caller, image)).map(|image| image.id).collect();
        let (now, asked) = (self.clock.now(), ids.clone());
        let look = move |tx: &mut Tx<'_>| {
            let used = images::used_by_instances(tx, &asked)?;
            let shared = images::shared(tx, &single)?;
            let open = if creating.is_empty() { Vec::new() } else { jobs::open_of_images(tx, &creating)? };
            let progress: BTreeMap<ImageId, Progress> =
                open.iter().filter_map(|job| Some((job.image?, Progress::of(job, now)))).collect();
            Ok::<_, Error>((used, shared, progress))
        };
        let short = ids.len() <= SHORT_PAGE as usize;
        let found = if short { self.catalogue.read(look).await } else { self.catalogue.scan(look).await };
        let (used, shared, progress) = found?;
        let annotate = |id: &ImageId| Annotation {
            progress: progress.get(id).copied(),
            used_by_instance: used.contains(id),
            shared: shared.contains(id),
        };
        Ok(ids.iter().map(annotate).collect())
    }
}

fn may_know(caller: &Caller, image: &Image) -> bool {
    image.visibility == Visibility::Shared && (caller.is_admin() || caller.acts_for(&image.owner))
}
