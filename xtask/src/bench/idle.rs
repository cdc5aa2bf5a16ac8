//! The idle suite: how long a start takes, and what a server holds when nobody asks.
//! Never: load.

use super::Outcome;
use super::peers::Peer;
use super::proc::Tree;
use super::report::Metrics;
use std::time::{Duration, Instant};

/// How long a server is left alone before its memory is read.
const REST: Duration = Duration::from_secs(5);

/// Restarts a server over the catalogue it holds. The clock runs from the start command
/// to the first list that an authenticated caller gets.
pub(super) fn measure(peer: &Peer) -> Outcome<Metrics> {
    peer.token()?;
    peer.stop()?;
    let began = Instant::now();
    peer.start()?;
    peer.wait_until_it_lists()?;
    let start_s = began.elapsed().as_secs_f64();
    std::thread::sleep(REST);
    let server = Tree::under(&peer.server_roots());
    let helpers = Tree::under(&peer.helper_roots());
    Ok(Metrics::from([
        ("start_s".into(), start_s),
        ("start_cpu_s".into(), server.cpu_seconds()),
        ("rss_mib".into(), server.rss_mib()),
        ("rss_with_helpers_mib".into(), server.rss_mib() + helpers.rss_mib()),
    ]))
}
