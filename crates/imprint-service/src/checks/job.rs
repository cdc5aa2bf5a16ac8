//! The check as a job. It may run twice, reads within bounds, and stops reading when the job was stopped.

use std::sync::Arc;
use std::time::Duration;

use imprint_catalogue::{Tx, images};
use imprint_inspect::{Limits, Report};
use imprint_model::{Content, DiskFormat, Image, Job};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::kept::{Encoded, Reading};
use super::{describe, kept};
use crate::Service;
use crate::disks::{disk_format_of, guest_inside};
use crate::error::Error;
use crate::jobs::Ending;

/// Time between two notes of progress.
const NOTE_EVERY: Duration = Duration::from_secs(2);

/// What a check found.
struct Found {
    /// Where.
    reading: Reading,
    report: Report,
    /// The same as it is to be kept, when it is new.
    encoded: Option<Encoded>,
}

impl Service {
    /// Looks into an image. What becomes of it is written when the job ends.
    pub(crate) async fn run_check(&self, job: &Job, again: bool) -> Result<Ending, Error> {
        let id = job.image.ok_or_else(|| Error::internal("a check without an image"))?;
        let load = move |tx: &mut Tx<'_>| {
            let image = images::get(tx, id)?.filter(|image| image.status.has_data()).ok_or(Error::Gone)?;
            let content = image.content.clone().ok_or(Error::Gone)?;
            let format = disk_format_of(image.container_format, image.disk_format)?;
            let known = if again { None } else { kept::complete(tx, (content.map, format))? };
            Ok::<_, Error>((content, format, known))
        };
        let (content, format, known) = self.catalogue.scan(load).await?;
        let (report, encoded) = match known {
            // somebody else looked into the same bytes meanwhile
            Some(report) => (report, None),
            None => self.look_into(job, &content, format).await.map(|(report, encoded)| (report, Some(encoded)))?,
        };
        let (service, job) = (self.clone(), job.clone());
        let found = Found { reading: (content.map, format), report, encoded };
        Ok(Box::new(move |tx| service.settle_check(tx, &job, &found)))
    }

    async fn look_into(&self, job: &Job, content: &Content, format: DiskFormat) -> Result<(Report, Encoded), Error> {
        let limits = Limits::default();
        let (stored, call_off) = self.stored_disk(content).await?;
        let watched = Arc::clone(&stored);
        let look = move || {
            let looked = guest_inside(&stored, format).map(|guest| imprint_inspect::inspect(&guest, limits));
            // what the store did not give says nothing about the image
            stored.trouble().map_or(Ok(()), Err)?;
            let report = looked?;
            let encoded = kept::encode(&report)?;
            Ok::<_, Error>((report, encoded))
        };
        let mut looking = spawn_blocking(look);
        let most_bytes = content.size_bytes.min(limits.read_bytes);
        let looked = loop {
            tokio::select! {
                looked = &mut looking => break looked.map_err(Error::internal)??,
                () = tokio::time::sleep(NOTE_EVERY) => {
                    self.note_progress_of(job, watched.bytes_read().min(most_bytes), most_bytes).await?;
                }
            }
        };
        drop(call_off);
        Ok(looked)
    }

    /// Keeps what was found out, and says of the image what nobody has said yet.
    fn settle_check(&self, tx: &mut Tx<'_>, job: &Job, found: &Found) -> Result<Value, Error> {
        let Found { reading, report, encoded } = found;
        let id = job.image.ok_or_else(|| Error::internal("a check without an image"))?;
        let now = self.clock.now();
        let same = |image: &Image| image.content.as_ref().is_some_and(|content| content.map == reading.0);
        let mut image = images::get(tx, id)?.filter(same).ok_or(Error::Gone)?;
        let better = match encoded {
            Some(encoded) => kept::keep(tx, *reading, encoded, now)?,
            None => None,
        };
        if describe::apply(&mut image, better.as_ref().unwrap_or(report), &self.settings.limits) {
            image.updated_at = now;
            images::update(tx, &image)?;
        }
        Ok(json!({ "image_id": id, "is_bootable": report.is_bootable(), "incomplete": report.incomplete }))
    }
}
