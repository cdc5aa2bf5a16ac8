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
use crate::disks::{StoredDisk, disk_format_of, guest_inside};
use crate::error::Error;
use crate::jobs::Ending;

/// How late a check may be with seeing that its time is over.
const LATE: Duration = Duration::from_secs(5);

/// What a check found.
struct Found {
    /// Where.
    reading: Reading,
    report: Report,
    /// The same as it is to be kept, when it is new.
    encoded: Option<Encoded>,
}

/// Looks into a disk. For blocking threads.
fn look(stored: &Arc<StoredDisk>, format: DiskFormat, limits: Limits) -> Result<(Report, Encoded), Error> {
    let looked = guest_inside(stored, format).map(|guest| imprint_inspect::inspect(&guest, limits));
    // what the store did not give says nothing about the image
    stored.trouble().map_or(Ok(()), Err)?;
    let ended = || Some(imprint_inspect::Error::Exhausted("too much time").to_string());
    let report = match looked {
        Ok(report) if report.incomplete.is_some() && stored.is_called_off() => Report { incomplete: ended(), ..report },
        Err(_) if stored.is_called_off() => Report { incomplete: ended(), ..Report::default() },
        looked => looked?,
    };
    let encoded = kept::encode(&report)?;
    Ok((report, encoded))
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
        let looking = spawn_blocking(move || look(&stored, format, limits));
        let most_bytes = content.size_bytes.min(limits.read_bytes);
        let progress = || (watched.bytes_read().min(most_bytes), most_bytes);
        // a check looks at the clock between reads; one read of a guest's disk may unpack most of it
        let time = limits.time + LATE;
        self.watch(job, looking, (&mut Some(call_off), time), progress).await
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use imprint_disk::{Compression, Export, Target};

    use super::*;
    use crate::testing::World;
    use crate::tests::noise;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_check_that_is_called_off_says_so_and_has_not_failed() {
        let world = World::new();
        let export =
            Export::new(Arc::new(noise(1 << 20, 1)), Target::qcow2(Compression::Zlib), None).expect("possible");
        let mut file = Vec::new();
        let mut take = |part: &[u8]| {
            file.extend_from_slice(part);
            Ok(())
        };
        export.write(1, &mut take).expect("written");
        let mut ingest = world.service.ingest().await.expect("begun");
        ingest.write(Bytes::from(file)).await.expect("taken");
        let (ingested, _) = ingest.finish_looked_at().await.expect("stored");
        let content = ingested.content(None);
        for format in [DiskFormat::Raw, DiskFormat::Qcow2] {
            let (disk, call_off) = world.service.stored_disk(&content).await.expect("opened");
            let whole = look(&disk, format, Limits::default()).expect("looked").0;
            assert_eq!(whole.incomplete, None, "{format}");
            drop(call_off);
            // the one while it is looked into, the other while it is opened
            let (disk, _) = world.service.stored_disk(&content).await.expect("opened");
            let cut = look(&disk, format, Limits::default()).expect("looked").0;
            assert_eq!(cut.incomplete.as_deref(), Some("the check stopped: too much time"), "{format}");
        }
    }
}
