//! Stopping a job before its end. What was made for it goes in the same transaction; whoever carries it out finds out
//! when it renews its lease, or when it wants to note an end that is there already.

use imprint_catalogue::{Tx, images, jobs};
use imprint_model::{Caller, Job, JobId, JobState, role};

use super::Work;
use crate::Service;
use crate::error::{Conflict, Error, Resource};
use crate::images::forget_copy;

impl Service {
    /// Stops a job of the caller's account.
    ///
    /// # Errors
    /// [`Error::NotFound`] also for another account's, [`Error::Denied`], [`Conflict::JobNotStoppable`] for one that
    /// has ended or is of a kind that ends by itself.
    pub async fn cancel_job(&self, caller: &Caller, id: JobId) -> Result<(), Error> {
        let (service, caller) = (self.clone(), caller.clone());
        let cancel = move |tx: &mut Tx<'_>| {
            let own = |job: &Job| caller.is_admin() || caller.acts_for(&job.owner);
            let job = jobs::get(tx, id)?.filter(own);
            let job = job.ok_or_else(|| Error::NotFound(Resource::Job(id.to_string())))?;
            if !caller.has_role(role::MEMBER) {
                return Err(Error::Denied("stopping a job".to_owned()));
            }
            if job.state.has_ended() {
                return Err(Error::Conflict(Conflict::JobNotStoppable));
            }
            service.settle_cancelled(tx, &job)?;
            Ok(jobs::finish(tx, id, JobState::Cancelled, None, "", service.clock.now())?)
        };
        self.catalogue.write(cancel).await
    }

    /// Writes what it means that a job was stopped.
    fn settle_cancelled(&self, tx: &mut Tx<'_>, job: &Job) -> Result<(), Error> {
        match Work::of(job)? {
            Work::CopyImage => match job.image.map(|id| images::get(tx, id)).transpose()?.flatten() {
                Some(image) => forget_copy(tx, &image, self.clock.now()),
                None => Ok(()),
            },
            Work::ImportObjects { .. } => self.settle_cancelled_objects(tx, job),
            Work::CopyElsewhere(_) => self.take_back_later(tx, job, true),
            // what it did not finish is never seen
            Work::ExportImage { .. } | Work::CheckImage { .. } => Ok(()),
            Work::Import { .. } | Work::MakeImage | Work::TakeBack { .. } | Work::Noted => {
                Err(Error::Conflict(Conflict::JobNotStoppable))
            }
        }
    }
}
