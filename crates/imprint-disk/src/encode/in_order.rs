//! Work on several threads whose results come back in the order of the jobs.

use std::collections::VecDeque;
use std::io;

use parking_lot::{Condvar, Mutex};

/// Jobs handed out or finished and not yet taken, per thread: enough that a slow one does not stop the others.
const AHEAD: usize = 4;

/// Does each job on one of up to `threads` threads, each with its own `state`, and hands the results to `sink` on the
/// calling thread, in the order of the jobs. At most a handful of results per thread exist at a time.
///
/// # Errors
/// The first error of a state, a job or the sink, in the order of the jobs; nothing is handed to the sink behind it.
pub(crate) fn in_order<J: Send, S, R: Send>(
    threads: usize,
    mut jobs: impl Iterator<Item = J> + Send,
    state: impl Fn() -> io::Result<S> + Sync,
    work: impl Fn(&mut S, J) -> io::Result<R> + Sync,
    mut sink: impl FnMut(R) -> io::Result<()>,
) -> io::Result<()> {
    if threads <= 1 {
        let mut state = state()?;
        return jobs.try_for_each(|job| sink(work(&mut state, job)?));
    }
    let queue = Queue::new(jobs, threads * AHEAD);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| queue.serve(&state, &work));
        }
        // also when the sink panics: the scope waits for workers that would wait for room for ever
        let _stop = Stop(&queue);
        queue.drain(&mut sink)
    })
}

struct Queue<I, R> {
    inner: Mutex<Inner<I, R>>,
    /// A place became free, or everything ends.
    room: Condvar,
    /// A result arrived, or a worker is gone.
    news: Condvar,
}

struct Inner<I, R> {
    jobs: Option<I>,
    /// One place per job handed out and not yet taken, in order.
    results: VecDeque<Option<io::Result<R>>>,
    /// The number of the job at the front of `results`.
    first: u64,
    places: usize,
    /// A worker ended by a panic, which the scope passes on.
    broken: bool,
}

impl<I: Iterator + Send, R> Queue<I, R> {
    fn new(jobs: I, places: usize) -> Queue<I, R> {
        let inner = Inner { jobs: Some(jobs), results: VecDeque::new(), first: 0, places, broken: false };
        Queue { inner: Mutex::new(inner), room: Condvar::new(), news: Condvar::new() }
    }

    /// A worker's life.
    fn serve<S>(&self, state: &impl Fn() -> io::Result<S>, work: &impl Fn(&mut S, I::Item) -> io::Result<R>) {
        let _watch = Watch(self);
        let mut own = None;
        while let Some((number, job)) = self.next_job() {
            let result = match &mut own {
                Some(own) => work(own, job),
                None => state().and_then(|new| work(own.insert(new), job)),
            };
            let mut inner = self.inner.lock();
            let place = number.checked_sub(inner.first).and_then(|place| usize::try_from(place).ok());
            if let Some(place) = place.and_then(|place| inner.results.get_mut(place)) {
                *place = Some(result);
            }
            drop(inner);
            self.news.notify_one();
        }
    }

    fn next_job(&self) -> Option<(u64, I::Item)> {
        let mut inner = self.inner.lock();
        loop {
            inner.jobs.as_ref()?;
            if inner.results.len() < inner.places {
                break;
            }
            self.room.wait(&mut inner);
        }
        let Some(job) = inner.jobs.as_mut()?.next() else {
            inner.jobs = None;
            drop(inner);
            self.news.notify_one();
            self.room.notify_all();
            return None;
        };
        inner.results.push_back(None);
        Some((inner.first + inner.results.len() as u64 - 1, job))
    }

    fn drain(&self, sink: &mut impl FnMut(R) -> io::Result<()>) -> io::Result<()> {
        while let Some(result) = self.next_result() {
            sink(result?)?;
        }
        Ok(())
    }

    fn next_result(&self) -> Option<io::Result<R>> {
        let mut inner = self.inner.lock();
        loop {
            if matches!(inner.results.front(), Some(Some(_))) {
                let result = inner.results.pop_front().flatten();
                inner.first += 1;
                drop(inner);
                self.room.notify_one();
                return result;
            }
            if inner.broken || (inner.jobs.is_none() && inner.results.is_empty()) {
                return None;
            }
            self.news.wait(&mut inner);
        }
    }

    fn stop(&self) {
        self.inner.lock().jobs = None;
        self.room.notify_all();
    }
}

/// Ends the workers, however the calling thread leaves.
struct Stop<'a, I: Iterator + Send, R>(&'a Queue<I, R>);

impl<I: Iterator + Send, R> Drop for Stop<'_, I, R> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Wakes the calling thread when a worker panics, which would otherwise wait for its result for ever.
struct Watch<'a, I: Iterator + Send, R>(&'a Queue<I, R>);

impl<I: Iterator + Send, R> Drop for Watch<'_, I, R> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.inner.lock().broken = true;
            self.0.news.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(threads: usize, jobs: u64, fail_at: Option<u64>) -> (Vec<u64>, io::Result<()>) {
        let mut seen = Vec::new();
        let work = |done: &mut u64, job: u64| {
            *done += 1;
            if Some(job) == fail_at { Err(crate::corrupt("asked to")) } else { Ok(job * 2) }
        };
        let outcome = in_order(
            threads,
            0..jobs,
            || Ok(0),
            work,
            |result| {
                seen.push(result);
                Ok(())
            },
        );
        (seen, outcome)
    }

    #[test]
    fn results_come_in_order_whatever_the_number_of_threads() {
        for threads in [0, 1, 2, 7] {
            let (seen, outcome) = run(threads, 1000, None);
            assert!(outcome.is_ok());
            assert!(seen.iter().copied().eq((0..1000).map(|job| job * 2)), "{threads} threads");
            assert!(run(threads, 0, None).0.is_empty());
        }
    }

    #[test]
    fn nothing_is_handed_over_behind_an_error() {
        for threads in [1, 2, 7] {
            let (seen, outcome) = run(threads, 1000, Some(500));
            assert_eq!((seen.len(), outcome.is_err()), (500, true), "{threads} threads");
        }
    }

    #[test]
    fn errors_of_the_sink_and_of_states_end_it() {
        for threads in [1, 3] {
            let mut taken = 0;
            let stop_early = |_| {
                taken += 1;
                if taken == 3 { Err(crate::corrupt("enough")) } else { Ok(()) }
            };
            assert!(in_order(threads, 0..100_000, || Ok(()), |(), job: u32| Ok(job), stop_early).is_err());
            assert_eq!(taken, 3);
            let no_state = || Err::<(), _>(crate::corrupt("no state"));
            assert!(in_order(threads, 0..10, no_state, |(), job: u32| Ok(job), |_| Ok(())).is_err());
        }
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_is_passed_on() {
        let work = |(): &mut (), job: u32| if job == 5 { panic!("in a worker") } else { Ok(job) };
        let _ = in_order(2, 0..1000, || Ok(()), work, |_| Ok(()));
    }

    #[test]
    fn a_panic_of_the_sink_ends_it_too() {
        for threads in [1, 3] {
            let sink = |job: u32| if job == 5 { panic!("in the sink") } else { Ok(()) };
            let run = || in_order(threads, 0..100_000, || Ok(()), |(), job: u32| Ok(job), sink);
            assert!(std::panic::catch_unwind(run).is_err(), "{threads} threads");
        }
    }
}
