//! Blocking work on a stored disk that a job waits for: it ends soon after the job was stopped, or when it takes too
//! long.

use std::time::Duration;

use imprint_model::Job;
use tokio::task::JoinHandle;

use super::CallOff;
use crate::Service;
use crate::error::Error;

/// Time between two notes of progress, which is when a job learns that it was stopped.
const NOTE_EVERY: Duration = Duration::from_secs(2);
/// For work that takes as long as it takes.
pub(crate) const UNBOUNDED: Duration = Duration::MAX;

impl Service {
    /// What the work answers. It is called off, and left to find that out, after `time`; whoever stops waiting drops the
    /// handle. `progress` tells done and total bytes.
    ///
    /// # Errors
    /// [`Error::Gone`] when the job has ended meanwhile; what the work answers.
    pub(crate) async fn watch<T>(
        &self,
        job: &Job,
        mut work: JoinHandle<Result<T, Error>>,
        (call_off, time): (&mut Option<CallOff>, Duration),
        progress: impl Fn() -> (u64, u64),
    ) -> Result<T, Error> {
        let mut too_long = std::pin::pin!(tokio::time::sleep(time));
        loop {
            tokio::select! {
                done = &mut work => return done.map_err(Error::internal)?,
                () = &mut too_long, if call_off.is_some() => drop(call_off.take()),
                () = tokio::time::sleep(NOTE_EVERY) => {
                    let (done, total) = progress();
                    self.note_progress_of(job, done, total).await?;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use imprint_disk::ReadAt;
    use tokio::task::spawn_blocking;

    use super::*;
    use crate::testing::{World, caller};
    use crate::tests::{create, noise, raw, upload};

    #[tokio::test(flavor = "multi_thread")]
    async fn work_that_takes_too_long_is_called_off() {
        let (world, me) = (World::new(), caller("p", "member"));
        let image = create(&world, &me, raw()).await;
        let image = upload(&world, &me, image.id, &noise(100_000, 1)).await.expect("uploaded");
        let job = world.service.check_image(&me, image.id, true).await.expect("asked").expect("a job");
        let content = image.content.expect("bytes");
        let (disk, call_off) = world.service.stored_disk(&content).await.expect("opened");
        let work = spawn_blocking(move || {
            while disk.read_at(0, &mut [0]).is_ok() {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok((disk.is_called_off(), disk.trouble().is_some()))
        });
        let time = Duration::from_millis(50);
        let ended = world.service.watch(&job, work, (&mut Some(call_off), time), || (0, 0)).await.expect("an answer");
        assert_eq!(ended, (true, false), "nothing is wrong with the store");
    }
}
