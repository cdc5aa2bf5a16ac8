//! The queue: one worker for each job, and another when that one dies.

use imprint_catalogue::jobs::{self, CLOCK_SKEW, JobFilter, JobSort};
use imprint_catalogue::{Catalogue, ErrorKind};
use imprint_model::{ImageId, Job, JobId, JobState, ProjectId, Timestamp};
use serde_json::json;

use crate::support::{on_each_engine, read, write};

fn job(at: i64) -> Job {
    Job {
        id: JobId::random(),
        kind: "import".to_owned(),
        owner: ProjectId::from("owner"),
        user: "user".to_owned(),
        image: Some(ImageId::random()),
        request_id: "req-1".to_owned(),
        payload: json!({"from": "somewhere", "n": 1}),
        result: None,
        message: String::new(),
        state: JobState::Pending,
        done_bytes: 0,
        total_bytes: None,
        attempts: 0,
        created_at: Timestamp(at),
        updated_at: Timestamp(at),
        ended_at: None,
    }
}

fn add(catalogue: &Catalogue, job: &Job) {
    let job = job.clone();
    write(catalogue, move |tx| jobs::insert(tx, &job)).expect("queued");
}

fn get(catalogue: &Catalogue, id: JobId) -> Job {
    read(catalogue, |tx| jobs::get(tx, id)).expect("read").expect("it is there")
}

fn lease(catalogue: &Catalogue, worker: &'static str, now: i64) -> Option<Job> {
    write(catalogue, move |tx| jobs::lease_next(tx, worker, Timestamp(now), Timestamp(now + 100))).expect("asked")
}

#[test]
fn a_job_is_carried_through_its_life() {
    on_each_engine(|catalogue| {
        let queued = job(1);
        let id = queued.id;
        add(catalogue, &queued);
        assert_eq!(get(catalogue, id), queued);
        let running = Job { state: JobState::Running, attempts: 1, updated_at: Timestamp(10), ..queued.clone() };
        assert_eq!(lease(catalogue, "w1", 10), Some(running));
        assert_eq!(lease(catalogue, "w2", 10), None);
        assert_eq!(read(catalogue, jobs::count_unended).expect("count"), (0, 1));
        write(catalogue, move |tx| jobs::progress(tx, id, 5, Some(9), "half", Timestamp(11))).expect("noted");
        let noted = get(catalogue, id);
        assert_eq!((noted.done_bytes, noted.total_bytes, noted.message.as_str()), (5, Some(9), "half"));
        let end = |state, now| {
            write(catalogue, move |tx| jobs::finish(tx, id, state, Some(&json!({"ok": 1})), "done", Timestamp(now)))
        };
        assert_eq!(end(JobState::Running, 12).expect_err("no end").kind(), ErrorKind::Other);
        end(JobState::Succeeded, 12).expect("ended");
        end(JobState::Failed, 13).expect("too late, and ignored");
        let ended = get(catalogue, id);
        assert_eq!((ended.state, ended.ended_at), (JobState::Succeeded, Some(Timestamp(12))));
        assert_eq!(ended.result, Some(json!({"ok": 1})));
        assert_eq!(lease(catalogue, "w1", 1000), None);
        let gone = |before| write(catalogue, move |tx| jobs::delete_ended_before(tx, Timestamp(before))).expect("kept");
        assert_eq!((gone(12), gone(13)), (0, 1));
    });
}

#[test]
fn a_silent_workers_job_is_taken_over() {
    on_each_engine(|catalogue| {
        let queued = job(1);
        let id = queued.id;
        add(catalogue, &queued);
        lease(catalogue, "w1", 0).expect("taken");
        let renew = |worker: &'static str, until| {
            write(catalogue, move |tx| jobs::renew(tx, id, worker, Timestamp(until))).expect("asked")
        };
        assert!(renew("w1", 200));
        assert_eq!(lease(catalogue, "w2", 201), None, "by the worker's clock it may not have run out");
        let surely_over = Timestamp(200).after(CLOCK_SKEW).0;
        assert_eq!(lease(catalogue, "w2", surely_over), None, "nor now");
        let taken = lease(catalogue, "w2", surely_over + 1).expect("taken over");
        assert_eq!((taken.id, taken.attempts), (id, 2));
        assert!(!renew("w1", surely_over + 500), "it is another's now");
        assert!(renew("w2", surely_over + 500));
    });
}

#[test]
fn workers_at_the_same_moment_get_different_jobs() {
    const JOBS: i64 = 20;
    on_each_engine(|catalogue| {
        for at in 0..JOBS {
            add(catalogue, &job(at));
        }
        let take_all = || {
            let mut taken = Vec::new();
            while let Some(job) = lease(catalogue, "w", 50) {
                taken.push(job.id);
            }
            taken
        };
        let mut taken: Vec<JobId> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(take_all)).collect();
            workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
        });
        taken.sort();
        let mut distinct = taken.clone();
        distinct.dedup();
        assert_eq!(taken, distinct, "a job was given twice");
        taken.extend(take_all());
        assert_eq!(taken.len() as i64, JOBS);
    });
}

#[test]
fn jobs_are_listed_by_what_is_asked() {
    on_each_engine(|catalogue| {
        let mut all: Vec<Job> = (0..6).map(|at| job(at / 2)).collect();
        all[0].owner = ProjectId::from("other");
        all[1].kind = "export".to_owned();
        all[2].state = JobState::Failed;
        all.iter().for_each(|job| add(catalogue, job));
        all.sort_by_key(|job| (job.created_at, job.id.to_string()));
        let list = |filter: JobFilter| {
            let jobs = read(catalogue, |tx| jobs::list(tx, &filter)).expect("listed");
            jobs.into_iter().map(|job| job.id).collect::<Vec<_>>()
        };
        let expected =
            |keep: &dyn Fn(&Job) -> bool| all.iter().filter(|job| keep(job)).map(|job| job.id).collect::<Vec<_>>();
        assert_eq!(list(JobFilter::default()), expected(&|_| true));
        let owner = Some(ProjectId::from("owner"));
        assert_eq!(list(JobFilter { owner, ..Default::default() }), expected(&|job| job.owner.as_str() == "owner"));
        let kind = Some("export".to_owned());
        assert_eq!(list(JobFilter { kind, ..Default::default() }), expected(&|job| job.kind == "export"));
        let state = Some(JobState::Failed);
        assert_eq!(list(JobFilter { state, ..Default::default() }), expected(&|job| job.state == JobState::Failed));
        let image = all[3].image;
        assert_eq!(list(JobFilter { image, ..Default::default() }), [all[3].id]);
        let mut newest = expected(&|_| true);
        newest.reverse();
        let sort = JobSort::NewestFirst;
        assert_eq!(list(JobFilter { sort, limit: 2, ..Default::default() }), newest[..2]);
        assert_eq!(list(JobFilter { sort, after: Some(newest[1]), ..Default::default() }), newest[2..]);
        let unknown = JobFilter { after: Some(JobId::random()), ..Default::default() };
        let refused = read(catalogue, |tx| jobs::list(tx, &unknown)).expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::UnknownMarker);
    });
}
