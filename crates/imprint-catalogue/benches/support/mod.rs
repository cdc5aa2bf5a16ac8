//! What benches measure with.

use std::time::{Duration, Instant};

/// Calls of one kind.
pub(crate) const ROUNDS: usize = 2000;

/// Runs `call` again and again, and tells what it took.
pub(crate) fn measure(name: &str, mut call: impl FnMut(usize)) {
    const SLOW: Duration = Duration::from_secs(10);
    let (began, cpu) = (Instant::now(), cpu_time());
    let mut times = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        let begin = Instant::now();
        call(round);
        times.push(begin.elapsed());
        if began.elapsed() > SLOW && name.contains("list") {
            eprintln!("{name}: stopped after {round} rounds");
            break;
        }
    }
    let cpu = (cpu_time() - cpu).as_secs_f64() * 1e6 / times.len() as f64;
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    println!("{name:30} p50 {:>9.1?}  p99 {:>9.1?}  CPU {cpu:>7.1} µs", at(50), at(99));
}

/// CPU time of this process so far; PostgreSQL's own is not in it. To the hundredth of a second.
pub(crate) fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
