//! Looking at jobs.

use imprint_catalogue::{ErrorKind, jobs};
use imprint_model::{Action, Caller, ImageId, Job, JobId, ProjectId};

pub use imprint_catalogue::jobs::{JobFilter, JobListing, JobQuery, JobSort};

use crate::Service;
use crate::access::load;
use crate::error::{Error, Field, Resource};

impl Service {
    /// The jobs of an image the caller can see, oldest first.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn image_jobs(&self, caller: &Caller, id: ImageId) -> Result<Vec<Job>, Error> {
        let caller = caller.clone();
        self.catalogue
            .scan(move |tx| {
                load(tx, &caller, Action::Read, id)?;
                let filter = JobFilter { image: Some(id), ..JobFilter::default() };
                Ok(jobs::list(tx, &filter)?)
            })
            .await
    }

    /// A page of jobs: all of them for an administrator, the account's own else.
    ///
    /// # Errors
    /// [`Error::Invalid`] of [`Field::Marker`] when the page is to start after a job that is not there.
    pub async fn jobs(&self, caller: &Caller, filter: JobFilter) -> Result<Vec<Job>, Error> {
        let owner = if caller.is_admin() { filter.owner.clone() } else { Some(own(caller)?) };
        let filter = JobFilter { owner, ..filter };
        let page = self.catalogue.scan(move |tx| {
            jobs::list(tx, &filter).map_err(|error| match error.kind() {
                ErrorKind::UnknownMarker => Error::invalid(Field::Marker, "no such job"),
                _ => error.into(),
            })
        });
        page.await
    }

    /// A numbered page of the jobs of the caller's account, whatever account the question names.
    ///
    /// # Errors
    /// [`Error::Denied`] without an account.
    pub async fn list_jobs(&self, caller: &Caller, query: JobQuery) -> Result<JobListing, Error> {
        let query = JobQuery { owner: own(caller)?, ..query };
        self.catalogue.scan(move |tx| Ok(jobs::search(tx, &query)?)).await
    }

    /// One job.
    ///
    /// # Errors
    /// [`Error::NotFound`] also for another account's.
    pub async fn job(&self, caller: &Caller, id: JobId) -> Result<Job, Error> {
        let caller = caller.clone();
        self.catalogue
            .read(move |tx| {
                let found = jobs::get(tx, id)?.filter(|job| caller.is_admin() || caller.acts_for(&job.owner));
                found.ok_or_else(|| Error::NotFound(Resource::Job(id.to_string())))
            })
            .await
    }
}

fn own(caller: &Caller) -> Result<ProjectId, Error> {
    caller.project.clone().ok_or_else(|| Error::Denied("jobs without an account".to_owned()))
}
