//! The queue: one worker for each job, and another when that one dies.

use imprint_catalogue::jobs::{self, CLOCK_SKEW, JobFilter, JobListing, JobQuery, JobSort};
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
    write(catalogue, move |tx| jobs::lease_next_but(tx, worker, &[], Timestamp(now), Timestamp(now + 100)))
        .expect("asked")
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

#[test]
fn an_accounts_jobs_are_found_by_everything_asked() {
    on_each_engine(|catalogue| {
        let mut all: Vec<Job> = (0..12).map(job).collect();
        for (place, job) in all.iter_mut().enumerate() {
            job.kind = ["import", "export", "copy"][place % 3].to_owned();
            job.state = [JobState::Pending, JobState::Cancelled, JobState::Succeeded][place / 4];
            if place == 7 {
                job.owner = ProjectId::from("other");
            }
        }
        all.iter().for_each(|job| add(catalogue, job));
        let owner = ProjectId::from("owner");
        let ask = |change: &dyn Fn(&mut JobQuery)| {
            let mut query = JobQuery::of(owner.clone(), 1, 100);
            change(&mut query);
            let JobListing { jobs, total } = read(catalogue, |tx| jobs::search(tx, &query)).expect("listed");
            let places: Vec<i64> = jobs.iter().map(|job| job.created_at.0).collect();
            (places, total)
        };
        let newest: Vec<i64> = (0..12).rev().filter(|at| *at != 7).collect();
        assert_eq!(ask(&|_| {}), (newest.clone(), 11));
        assert_eq!(ask(&|query| (query.number, query.size) = (3, 4)), (newest[8..].to_vec(), 11));
        assert_eq!(ask(&|query| (query.number, query.size) = (4, 4)), (vec![], 11));
        assert_eq!(ask(&|query| query.kinds = Some(vec!["copy".to_owned(), "x".to_owned()])), (vec![11, 8, 5, 2], 4));
        assert_eq!(ask(&|query| query.kinds = Some(vec![])), (vec![], 0));
        let states = [JobState::Cancelled, JobState::Failed];
        assert_eq!(ask(&|query| query.states = Some(states.to_vec())), (vec![6, 5, 4], 3));
        let images: Vec<ImageId> = [1, 7, 9].iter().filter_map(|place: &usize| all[*place].image).collect();
        assert_eq!(ask(&|query| query.images = Some(images.clone())), (vec![9, 1], 2));
        assert_eq!(ask(&|query| query.ids = Some(vec![all[3].id, all[7].id])), (vec![3], 1));
        let both = |query: &mut JobQuery| (query.since, query.until) = (Some(Timestamp(2)), Some(Timestamp(4)));
        assert_eq!(ask(&both), (vec![4, 3, 2], 3));
        let many = JobQuery { ids: Some(vec![all[0].id; 1001]), ..JobQuery::of(owner.clone(), 1, 1) };
        assert_eq!(read(catalogue, |tx| jobs::search(tx, &many)).expect_err("too many").kind(), ErrorKind::Other);
    });
}

#[test]
fn what_an_image_waits_for_is_found() {
    on_each_engine(|catalogue| {
        let of = |at: i64, image: Option<ImageId>, state| Job { image, state, ..job(at) };
        let (one, other) = (ImageId::random(), ImageId::random());
        let jobs = [
            of(1, Some(one), JobState::Succeeded),
            of(2, Some(one), JobState::Running),
            of(3, Some(one), JobState::Pending),
            of(4, Some(other), JobState::Pending),
            of(5, None, JobState::Pending),
        ];
        jobs.iter().for_each(|job| add(catalogue, job));
        assert_eq!(read(catalogue, |tx| jobs::open_of_image(tx, one)).expect("asked"), Some(jobs[1].clone()));
        assert_eq!(read(catalogue, |tx| jobs::open_of_image(tx, ImageId::random())).expect("asked"), None);
        let all = [one, other, ImageId::random()];
        let open = read(catalogue, |tx| jobs::open_of_images(tx, &all)).expect("asked");
        assert_eq!(open, jobs[1..4]);
        assert_eq!(read(catalogue, |tx| jobs::open_of_images(tx, &[])).expect("asked"), []);
    });
}

#[test]
fn workers_take_the_kinds_they_are_for() {
    on_each_engine(|catalogue| {
        let of = |at: i64, kind: &str| Job { kind: kind.to_owned(), ..job(at) };
        let jobs = [of(1, "long"), of(2, "quick"), of(3, "other"), of(4, "quick")];
        jobs.iter().for_each(|job| add(catalogue, job));
        let take = |kinds: &'static [&'static str]| {
            let until = Timestamp(1_000);
            let taken = write(catalogue, move |tx| jobs::lease_next_of(tx, "w1", kinds, Timestamp(10), until));
            taken.expect("asked").map(|job| job.created_at.0)
        };
        let long = write(catalogue, |tx| {
            jobs::lease_next_but(tx, "w1", &["quick", "long", "other"], Timestamp(10), Timestamp(1_000))
        });
        assert_eq!(long.expect("asked"), None);
        assert_eq!(take(&["quick", "other"]), Some(2));
        assert_eq!(take(&["quick", "other"]), Some(3));
        assert_eq!((take(&["nothing"]), take(&[])), (None, None));
        assert_eq!(take(&["quick"]), Some(4));
        assert_eq!(take(&["quick"]), None);
        let but = write(catalogue, |tx| jobs::lease_next_but(tx, "w2", &["quick"], Timestamp(10), Timestamp(1_000)));
        assert_eq!(but.expect("asked").map(|job| job.created_at.0), Some(1));
        // w2 is the only one left alive.
        let released = write(catalogue, |tx| jobs::release_others(tx, "w2", Timestamp(20))).expect("released");
        assert_eq!(released, 3);
        let again = lease(catalogue, "w2", 21).expect("at once, whatever the lease said");
        assert_eq!((again.created_at.0, again.attempts), (2, 2));
    });
}
