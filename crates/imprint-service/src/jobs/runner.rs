//! The runner: takes jobs by lease, carries them out, and writes down how they ended. Any number of nodes run one.

use std::sync::Arc;
use std::time::Duration;

use imprint_catalogue::jobs;
use imprint_model::{Job, JobState, LeaseId};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::Work;
use crate::Service;
use crate::error::Error;

/// How long a worker may be silent before another takes its job.
const LEASE: Duration = Duration::from_secs(60);
/// How often a lease is renewed.
const RENEW: Duration = Duration::from_secs(15);
/// How often the queue is looked at when nobody said that there is something in it.
const POLL: Duration = Duration::from_secs(5);
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
    let (state, result, message) = match outcome {
        Ok(result) => (JobState::Succeeded, Some(result), String::new()),
        Err(error) => {
            tracing::warn!(job = %job.id, error = &error as &dyn std::error::Error, "a job failed");
            (JobState::Failed, None, error.to_string())
        }
    };
    let (id, now) = (job.id, service.clock.now());
    let ended = service
        .catalogue
        .write(move |tx| Ok::<_, Error>(jobs::finish(tx, id, state, result.as_ref(), &message, now)?))
        .await;
    if let Err(error) = ended {
        // the lease runs out, and the job runs a second time
        tracing::warn!(job = %job.id, %error, "the end of a job could not be noted");
    }
}

async fn attempt(service: &Service, job: &Job) -> Result<Value, Error> {
    let work: Work = serde_json::from_value(job.payload.clone()).map_err(Error::internal)?;
    match work {
        Work::Import { source, .. } => {
            if job.attempts > ATTEMPTS_MAX {
                service.abandon_import(job).await?;
                return Err(Error::internal("given up after too many attempts"));
            }
            service.run_import(job, &source).await
        }
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
    /// Notes how far a job is.
    pub(super) async fn note_progress(&self, job: &Job, done: u64, total: Option<u64>) -> Result<(), Error> {
        let (id, now) = (job.id, self.clock.now());
        let message = format!("Copied {} MiB", done >> 20);
        self.catalogue.write(move |tx| Ok::<_, Error>(jobs::progress(tx, id, done, total, &message, now)?)).await
    }
}
