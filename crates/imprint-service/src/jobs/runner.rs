//! The runner: takes jobs by lease, carries them out, and writes down how they ended. Any number of nodes run one.

use std::sync::Arc;
use std::time::Duration;

use imprint_catalogue::{Tx, jobs};
use imprint_model::{Job, JobState, LeaseId, Timestamp};
use tokio::sync::Semaphore;

use super::mark::failed_result;
use super::{Ending, Work};
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
/// Jobs that move no bytes that are ended together at most: others want to write, too.
const QUICK_AT_ONCE: usize = 32;

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
        self.release_dead().await;
        tokio::join!(self.run_jobs(), self.run_aside());
    }

    /// Jobs that somebody waits for.
    async fn run_jobs(&self) {
        let places = Arc::new(Semaphore::new(JOBS_AT_ONCE));
        loop {
            let place = Arc::clone(&places).try_acquire_owned().ok();
            match self.take(place.is_none()).await {
                Ok(Taken { job: Some(job), .. }) => {
                    let (service, worker) = (self.service.clone(), self.worker);
                    tokio::spawn(async move {
                        carry_out(&service, worker, *job).await;
                        drop(place);
                    });
                }
                Ok(Taken { ended: 0, .. }) => self.rest(&places, place.is_none()).await,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the job queue does not answer");
                    tokio::time::sleep(POLL).await;
                }
            }
        }
    }

    /// Jobs that nobody waits for.
    async fn run_aside(&self) {
        let places = Arc::new(Semaphore::new(self.service.settings.checks_at_once.max(1)));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match self.take_aside().await {
                Ok(Some(job)) => {
                    let (service, worker) = (self.service.clone(), self.worker);
                    tokio::spawn(async move {
                        carry_out(&service, worker, job).await;
                        drop(place);
                    });
                }
                Ok(None) => {
                    tokio::select! {
                        () = self.service.wake_aside.notified() => {}
                        () = tokio::time::sleep(POLL) => {}
                    }
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the job queue does not answer");
                    tokio::time::sleep(POLL).await;
                }
            }
        }
    }

    async fn take_aside(&self) -> Result<Option<Job>, Error> {
        let (clock, worker) = (self.service.clock.clone(), self.worker.to_string());
        let take = move |tx: &mut Tx<'_>| {
            let now = clock.now();
            Ok::<_, Error>(jobs::lease_next_of(tx, &worker, Work::ASIDE, now, now.after(LEASE))?)
        };
        self.service.catalogue.write(take).await
    }

    /// Waits until there may be something to do.
    async fn rest(&self, places: &Semaphore, full: bool) {
        tokio::select! {
            () = self.service.wake.notified() => {}
            place = places.acquire(), if full => drop(place),
            () = tokio::time::sleep(POLL) => {}
        }
    }

    /// Carries out every job that waits now, one after another; for tests.
    ///
    /// # Errors
    /// When the queue does not answer.
    pub async fn run_waiting(&self) -> Result<usize, Error> {
        let mut ran = 0;
        loop {
            match self.take(false).await? {
                Taken { ended: 0, job: None } => match self.take_aside().await? {
                    Some(job) => {
                        Box::pin(carry_out(&self.service, self.worker, job)).await;
                        ran += 1;
                    }
                    None => return Ok(ran),
                },
                Taken { ended, job: None } => ran += ended,
                Taken { ended, job: Some(job) } => {
                    Box::pin(carry_out(&self.service, self.worker, *job)).await;
                    ran += ended + 1;
                }
            }
        }
    }

    /// Jobs whose worker died are this node's at once when there can be no other node.
    pub(crate) async fn release_dead(&self) {
        if self.service.catalogue.engine_name() != "sqlite" {
            return;
        }
        let (worker, now) = (self.worker.to_string(), self.service.clock.now());
        let released =
            self.service.catalogue.write(move |tx| Ok::<_, Error>(jobs::release_others(tx, &worker, now)?)).await;
        match released {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "jobs of a worker that is gone wait again"),
            // their leases run out
            Err(error) => tracing::warn!(%error, "jobs of a worker that is gone could not be released"),
        }
    }

    /// The next jobs, of those that move no bytes when `quick_only`. Such jobs are ended by the transaction that takes
    /// them, many at a time, so no crash finds one half done; the first of another kind has to be carried out.
    async fn take(&self, quick_only: bool) -> Result<Taken, Error> {
        let (service, worker) = (self.service.clone(), self.worker.to_string());
        let at_once = move |tx: &mut Tx<'_>| {
            let now = service.clock.now();
            let mut taken = Taken::default();
            while taken.ended < QUICK_AT_ONCE && taken.job.is_none() {
                let Some(job) = lease(tx, &worker, quick_only, now)? else { break };
                if end_at_once(&service, tx, &job, now)? {
                    taken.ended += 1;
                } else {
                    taken.job = Some(Box::new(job));
                }
            }
            Ok::<_, Error>(taken)
        };
        if let Ok(taken) = self.service.catalogue.write(at_once).await {
            if taken.ended > 0 {
                self.service.wake_aside.notify_one();
            }
            return Ok(taken);
        }
        // one of them fails, or the queue does: taken on its own, a failure is noted as any other's
        let (clock, worker) = (self.service.clock.clone(), self.worker.to_string());
        let job = self.service.catalogue.write(move |tx| lease(tx, &worker, quick_only, clock.now())).await?;
        Ok(Taken { ended: 0, job: job.map(Box::new) })
    }
}

/// What came of looking into the queue.
#[derive(Default)]
struct Taken {
    /// So many jobs were taken and have ended.
    ended: usize,
    /// This one was taken and has to be carried out.
    job: Option<Box<Job>>,
}

/// Ends a job that moves no bytes, well or badly; false when it has to be carried out.
fn end_at_once(service: &Service, tx: &mut Tx<'_>, job: &Job, now: Timestamp) -> Result<bool, Error> {
    if job.kind == Work::MAKE_IMAGE && service.hold_back(tx, job)? {
        return Ok(true);
    }
    match service.settle_at_once(tx, job) {
        Ok(Some(result)) => jobs::finish(tx, job.id, JobState::Succeeded, Some(&result), "", now)?,
        Ok(None) => return Ok(false),
        // what the job needs is not there any more; nothing was written yet
        Err(error @ (Error::Gone | Error::NotFound(_) | Error::Conflict(_))) => {
            tracing::info!(job = %job.id, %error, "a job failed");
            service.settle_failure(tx, job, &error)?;
            let result = failed_result(&error);
            jobs::finish(tx, job.id, JobState::Failed, Some(&result), &error.to_string(), now)?;
        }
        Err(error) => return Err(error),
    }
    Ok(true)
}

fn lease(tx: &mut Tx<'_>, worker: &str, quick_only: bool, now: Timestamp) -> Result<Option<Job>, Error> {
    let until = now.after(LEASE);
    Ok(if quick_only {
        jobs::lease_next_of(tx, worker, Work::QUICK, now, until)?
    } else {
        jobs::lease_next_but(tx, worker, Work::ASIDE, now, until)?
    })
}

/// Runs one job to its end, renewing its lease meanwhile.
async fn carry_out(service: &Service, worker: LeaseId, job: Job) {
    let outcome = tokio::select! {
        outcome = attempt(service, &job) => outcome,
        () = keep_lease(service, worker, &job) => return, // somebody else has it now, or it was cancelled
    };
    if let Err(error) = &outcome {
        tracing::warn!(job = %job.id, error = error as &dyn std::error::Error, "a job failed");
        if error.is_passing() && (job.attempts < ATTEMPTS_MAX || job.kind == Work::TAKE_BACK) {
            return put_back(service, worker, &job).await;
        }
    }
    let ended = match end(service, &job, outcome).await {
        // what was brought in cannot be used: that is how the job ended, too
        Err(error) if !error.is_passing() => end(service, &job, Err(error)).await,
        ended => ended,
    };
    match ended {
        Ok(()) => {
            service.credentials.lock().remove(&job.id);
            // the end of one may be the beginning of another
            service.wake_aside.notify_one();
        }
        // the lease runs out, and the job runs a second time
        Err(error) => tracing::warn!(job = %job.id, %error, "the end of a job could not be noted"),
    }
}

/// Notes the end of a job and what it means for what it worked on, in one transaction.
async fn end(service: &Service, job: &Job, mut outcome: Result<Ending, Error>) -> Result<(), Error> {
    let (inner, id, now) = (service.clone(), job.id, service.clock.now());
    let end = move |tx: &mut Tx<'_>| {
        // ended by another worker, or cancelled: it keeps that end
        let Some(job) = jobs::get(tx, id)?.filter(|job| !job.state.has_ended()) else { return Ok(()) };
        let (state, result, message) = match &mut outcome {
            Ok(ending) => (JobState::Succeeded, Some(ending(tx)?), String::new()),
            Err(error) => {
                inner.settle_failure(tx, &job, error)?;
                (JobState::Failed, Some(failed_result(error)), error.to_string())
            }
        };
        Ok::<_, Error>(jobs::finish(tx, id, state, result.as_ref(), &message, now)?)
    };
    service.catalogue.write(end).await
}

/// Gives a job back, to be tried again soon by whoever is free.
async fn put_back(service: &Service, worker: LeaseId, job: &Job) {
    let (id, worker, until) = (job.id, worker.to_string(), service.clock.now().after(RETRY));
    let given = service.catalogue.write(move |tx| Ok::<_, Error>(jobs::renew(tx, id, &worker, until)?)).await;
    if let Err(error) = given {
        tracing::warn!(job = %job.id, %error, "a job could not be given back; its lease runs out");
    }
}

async fn attempt(service: &Service, job: &Job) -> Result<Ending, Error> {
    // what goes to another installation goes on where it was, however often this one is started
    let goes_on = job.kind == Work::COPY_ELSEWHERE || job.kind == Work::TAKE_BACK;
    if job.attempts > ATTEMPTS_MAX && !goes_on {
        return Err(Error::Unavailable("given up after too many attempts".to_owned()));
    }
    service.carry_out_work(job).await
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
        let what = if Work::ASIDE.contains(&job.kind.as_str()) { "Read" } else { "Copied" };
        let message = format!("{what} {} MiB", done >> 20);
        let noted =
            self.catalogue.write(move |tx| Ok::<_, Error>(jobs::progress(tx, id, done, total, &message, now)?)).await;
        if let Err(error) = noted {
            tracing::warn!(job = %job.id, %error, "the progress of a job could not be noted");
        }
    }
}
