//! The runner: takes jobs by lease, carries them out, and writes down how they ended. Any number of nodes run one.

use std::sync::Arc;
use std::time::Duration;

use imprint_catalogue::{Tx, jobs};
use imprint_model::{Job, JobState, LeaseId};
use serde_json::json;
use tokio::sync::Semaphore;

use super::Work;
use super::import::Brought;
use crate::Service;
use crate::error::Error;

/// How long a worker may be silent before another takes its job.
const LEASE: Duration = Duration::from_secs(60);
/// How often a lease is renewed.
const RENEW: Duration = Duration::from_secs(15);
/// How often the queue is looked at when nobody said that there is something in it.
const POLL: Duration = Duration::from_secs(5);
/// How soon a job is tried again that failed of something passing.
const RETRY: Duration = Duration::from_secs(5);
/// How often a job is tried.
const ATTEMPTS_MAX: u32 = 3;
/// Jobs of this node at one time.
const JOBS_AT_ONCE: usize = 4;

/// Works on jobs until it is dropped.
#[derive(Debug)]
pub struct Runner {
    service: Service,
    worker: LeaseId,
}

impl Runner {
    /// A worker of this node.
    pub fn new(service: Service) -> Self {
        Self { service, worker: LeaseId::random() }
    }

    /// Runs until the future is dropped.
    pub async fn run(&self) {
        let places = Arc::new(Semaphore::new(JOBS_AT_ONCE));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match self.take().await {
                Ok(Some(job)) => {
                    let (service, worker) = (self.service.clone(), self.worker);
                    tokio::spawn(async move {
                        carry_out(&service, worker, job).await;
                        drop(place);
                    });
                }
                Ok(None) => {
                    tokio::select! { () = self.service.wake.notified() => {}, () = tokio::time::sleep(POLL) => {} }
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the job queue does not answer");
                    tokio::time::sleep(POLL).await;
                }
            }
        }
    }

    /// Carries out every job that waits now, one after another; for tests.
    ///
    /// # Errors
    /// When the queue does not answer.
    pub async fn run_waiting(&self) -> Result<usize, Error> {
        let mut ran = 0;
        while let Some(job) = self.take().await? {
            carry_out(&self.service, self.worker, job).await;
            ran += 1;
        }
        Ok(ran)
    }

    async fn take(&self) -> Result<Option<Job>, Error> {
        let (worker, now) = (self.worker.to_string(), self.service.clock.now());
        self.service
            .catalogue
            .write(move |tx| Ok::<_, Error>(jobs::lease_next(tx, &worker, now, now.after(LEASE))?))
            .await
    }
}

/// Runs one job to its end, renewing its lease meanwhile.
async fn carry_out(service: &Service, worker: LeaseId, job: Job) {
    let outcome = tokio::select! {
        outcome = attempt(service, &job) => outcome,
        () = keep_lease(service, worker, &job) => return, // somebody else has it now
    };
    if let Err(error) = &outcome {
        tracing::warn!(job = %job.id, error = error as &dyn std::error::Error, "a job failed");
        if error.is_passing() && job.attempts < ATTEMPTS_MAX {
            return put_back(service, worker, &job).await;
        }
    }
    let ended = match end(service, &job, outcome).await {
        // what was brought in cannot be used: that is how the job ended, too
        Err(error) if !error.is_passing() => end(service, &job, Err(error)).await,
        ended => ended,
    };
    match ended {
        Ok(()) => drop(service.credentials.lock().remove(&job.id)),
        // the lease runs out, and the job runs a second time
        Err(error) => tracing::warn!(job = %job.id, %error, "the end of a job could not be noted"),
    }
}

/// Notes the end of a job and what it means for its image, in one transaction.
async fn end(service: &Service, job: &Job, outcome: Result<Brought, Error>) -> Result<(), Error> {
    let (inner, row, now) = (service.clone(), job.clone(), service.clock.now());
    let end = move |tx: &mut Tx<'_>| {
        inner.settle_import(tx, &row, outcome.as_ref())?;
        let (state, result, message) = match &outcome {
            Ok(_) => (JobState::Succeeded, Some(json!({ "image_id": row.image })), String::new()),
            Err(error) => (JobState::Failed, None, error.to_string()),
        };
        Ok::<_, Error>(jobs::finish(tx, row.id, state, result.as_ref(), &message, now)?)
    };
    service.catalogue.write(end).await.map(|_| ())
}

/// Gives a job back, to be tried again soon by whoever is free.
async fn put_back(service: &Service, worker: LeaseId, job: &Job) {
    let (id, worker, until) = (job.id, worker.to_string(), service.clock.now().after(RETRY));
    let given = service.catalogue.write(move |tx| Ok::<_, Error>(jobs::renew(tx, id, &worker, until)?)).await;
    if let Err(error) = given {
        tracing::warn!(job = %job.id, %error, "a job could not be given back; its lease runs out");
    }
}

async fn attempt(service: &Service, job: &Job) -> Result<Brought, Error> {
    let work: Work = serde_json::from_value(job.payload.clone()).map_err(Error::internal)?;
    match work {
        Work::Import { .. } if job.attempts > ATTEMPTS_MAX => {
            Err(Error::Unavailable("given up after too many attempts".to_owned()))
        }
        Work::Import { source, .. } => service.run_import(job, &source).await,
    }
}

/// Ends when the lease is lost.
async fn keep_lease(service: &Service, worker: LeaseId, job: &Job) {
    loop {
        tokio::time::sleep(RENEW).await;
        let (id, worker, until) = (job.id, worker.to_string(), service.clock.now().after(LEASE));
        let kept = service.catalogue.write(move |tx| Ok::<_, Error>(jobs::renew(tx, id, &worker, until)?)).await;
        match kept {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(job = %job.id, %error, "a job's lease could not be renewed"),
        }
    }
}

impl Service {
    /// Notes how far a job is. Not being able to is no reason to end the job.
    pub(super) async fn note_progress(&self, job: &Job, done: u64, total: Option<u64>) {
        let (id, now) = (job.id, self.clock.now());
        let message = format!("Copied {} MiB", done >> 20);
        let noted =
            self.catalogue.write(move |tx| Ok::<_, Error>(jobs::progress(tx, id, done, total, &message, now)?)).await;
        if let Err(error) = noted {
            tracing::warn!(job = %job.id, %error, "the progress of a job could not be noted");
        }
    }
}
