//! The check as a job. It may run twice, reads within bounds, and stops reading when the job was stopped.

use std::sync::Arc;
use std::time::Duration;

use imprint_catalogue::{Tx, images};
use imprint_inspect::{Limits, Report};
use imprint_model::{Content, DiskFormat, Image, Job};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::{describe, kept};
use crate::Service;
use crate::disks::{disk_format_of, guest_inside};
use crate::error::Error;
use crate::jobs::Ending;

/// Time between two notes of progress.
const NOTE_EVERY: Duration = Duration::from_secs(2);

impl Service {
    /// Looks into an image. What becomes of it is written when the job ends.
    pub(crate) async fn run_check(&self, job: &Job, again: bool) -> Result<Ending, Error> {
        let id = job.image.ok_or_else(|| Error::internal("a check without an image"))?;
        let load = move |tx: &mut Tx<'_>| {
            let image = images::get(tx, id)?.filter(|image| image.status.has_data()).ok_or(Error::Gone)?;
            let content = image.content.clone().ok_or(Error::Gone)?;
            let known = kept::complete(tx, content.map)?.filter(|_| !again);
            Ok::<_, Error>((image, content, known))
        };
        let (image, content, known) = self.catalogue.read(load).await?;
        let (report, encoded) = match known {
            // somebody else looked into the same bytes meanwhile
            Some(report) => (report, None),
            None => {
                let format = disk_format_of(image.container_format, image.disk_format)?;
                let report = self.look_into(job, &content, format).await?;
                let encoded = kept::encode(&report)?;
                (report, Some(encoded))
            }
        };
        let (service, job) = (self.clone(), job.clone());
        Ok(Box::new(move |tx| service.settle_check(tx, &job, &content, &report, encoded.as_ref())))
    }

    async fn look_into(&self, job: &Job, content: &Content, format: DiskFormat) -> Result<Report, Error> {
        let limits = Limits::default();
        let (stored, call_off) = self.stored_disk(content).await?;
        let watched = Arc::clone(&stored);
        let look = move || {
            let guest = guest_inside(&stored, format)?;
            Ok::<_, Error>(imprint_inspect::inspect(&guest, limits))
        };
        let mut looking = spawn_blocking(look);
        let most_bytes = content.size_bytes.min(limits.read_bytes);
        let report = loop {
            tokio::select! {
                report = &mut looking => break report.map_err(Error::internal)??,
                () = tokio::time::sleep(NOTE_EVERY) => {
                    self.note_progress_of(job, watched.bytes_read().min(most_bytes), most_bytes).await?;
                }
            }
        };
        drop(call_off);
        Ok(report)
    }

    /// Keeps what was found out, and says of the image what nobody has said yet.
    fn settle_check(
        &self,
        tx: &mut Tx<'_>,
        job: &Job,
        content: &Content,
        report: &Report,
        encoded: Option<&(Vec<u8>, Vec<u8>)>,
    ) -> Result<Value, Error> {
        let id = job.image.ok_or_else(|| Error::internal("a check without an image"))?;
        let now = self.clock.now();
        let same = |image: &Image| image.content.as_ref().is_some_and(|found| found.map == content.map);
        let mut image = images::get(tx, id)?.filter(same).ok_or(Error::Gone)?;
        if let Some((whole, short)) = encoded {
            kept::keep(tx, content.map, (whole, short), now)?;
        }
        if describe::apply(&mut image, report) {
            image.updated_at = now;
            images::update(tx, &image)?;
        }
        Ok(json!({ "image_id": id, "is_bootable": report.is_bootable(), "incomplete": report.incomplete }))
    }
}
