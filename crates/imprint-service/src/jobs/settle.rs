//! What each kind of work does, and what its end means for what it worked on: one transaction ends the job and writes
//! that, so that job and image never disagree. A row for every kind; the kinds themselves are elsewhere.

use imprint_catalogue::Tx;
use imprint_model::Job;
use serde_json::Value;

use super::Work;
use super::exports::Keys;
use crate::Service;
use crate::error::Error;

/// What a job that did its work writes, in the transaction that ends it; answers the job's result. Holds whatever
/// protects bytes that no row names yet, and may be called again when others were in the way.
pub(crate) type Ending = Box<dyn FnMut(&mut Tx<'_>) -> Result<Value, Error> + Send>;

impl Service {
    /// Does a job's work, all but writing it down.
    pub(crate) async fn carry_out_work(&self, job: &Job) -> Result<Ending, Error> {
        match Work::of(job)? {
            Work::Import { source, .. } => self.run_import(job, &source).await,
            Work::MakeImage => self.run_make(job).await,
            Work::CopyImage => Ok(self.copy_ending(job)),
            Work::ImportObjects { disks } => self.run_import_objects(job, &disks).await,
            Work::ExportImage { bucket, stem, format, key } => {
                self.run_export(job, &bucket, &Keys { stem, format, only: key }).await
            }
            Work::CheckImage { again } => self.run_check(job, again).await,
            Work::CopyElsewhere(copy) => self.run_copy_elsewhere(job, &copy).await,
            Work::TakeBack { region, complete_too } => self.run_take_back(job, &region, complete_too).await,
            Work::Noted => Ok(Box::new(|_| Ok(Value::Null))),
        }
    }

    /// Ends a job that moves no bytes; `None` when it has to be carried out after all. What is not there any more is
    /// found out before anything is written.
    pub(super) fn settle_at_once(&self, tx: &mut Tx<'_>, job: &Job) -> Result<Option<Value>, Error> {
        match Work::of(job)? {
            Work::MakeImage => self.settle_make(tx, job, None),
            Work::CopyImage => self.settle_copy(tx, job).map(Some),
            Work::Noted => Ok(Some(Value::Null)),
            Work::Import { .. }
            | Work::ImportObjects { .. }
            | Work::ExportImage { .. }
            | Work::CheckImage { .. }
            | Work::CopyElsewhere(_)
            | Work::TakeBack { .. } => Ok(None),
        }
    }

    /// Writes what the failure of a job means.
    pub(super) fn settle_failure(&self, tx: &mut Tx<'_>, job: &Job, error: &Error) -> Result<(), Error> {
        match Work::of(job)? {
            Work::Import { .. } => self.settle_failed_import(tx, job, error),
            Work::MakeImage | Work::ImportObjects { .. } => self.give_up_image(tx, job, error),
            Work::CopyImage => self.give_up_copy(tx, job, error),
            Work::CopyElsewhere(_) => self.take_back_later(tx, job, false),
            // what it did not finish was never seen
            Work::ExportImage { .. } | Work::CheckImage { .. } | Work::TakeBack { .. } | Work::Noted => Ok(()),
        }
    }
}
