//! Runs of clusters, as an attribute encodes them.

use std::sync::Arc;

use crate::budget::{Budget, Held};
use crate::error::{Error, Result};

/// How many runs one attribute may have.
const RUNS_MAX: usize = 1 << 20;

/// Where the clusters of an attribute are, in order and without gaps. Charged for as long as it is there.
pub(super) struct Runs {
    runs: Vec<Run>,
    held: Held<Arc<Budget>>,
}

/// Clusters that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Which cluster of the attribute comes first.
    first: u64,
    /// How many.
    pub(super) clusters: u64,
    /// The first one's place on the volume; none for clusters that are zeros.
    pub(super) cluster: Option<u64>,
}

impl Runs {
    pub(super) fn new(budget: &Arc<Budget>) -> Result<Runs> {
        Ok(Runs { runs: Vec::new(), held: budget.hold_shared(0)? })
    }

    /// Adds the runs of a part that begins with a cluster of the attribute: the one after those that are there.
    pub(super) fn add(&mut self, encoded: &[u8], first: u64, budget: &Budget) -> Result<()> {
        let mut next = self.runs.last().map_or(Some(0), |run| run.first.checked_add(run.clusters));
        if next != Some(first) {
            return Err(Error::corrupt("parts of a file that do not follow each other"));
        }
        let mut place = 0i64;
        let mut rest = encoded;
        while let Some((&header, after)) = rest.split_first().filter(|(header, _)| **header != 0) {
            budget.step()?;
            let (len_bytes, place_bytes) = (usize::from(header & 15), usize::from(header >> 4));
            let wrong = || Error::corrupt("a run of clusters that makes no sense");
            let clusters = signed(after.get(..len_bytes).ok_or_else(wrong)?).ok_or_else(wrong)?;
            let delta = after.get(len_bytes..len_bytes + place_bytes).ok_or_else(wrong)?;
            rest = &after[len_bytes + place_bytes..];
            let clusters = u64::try_from(clusters).ok().filter(|clusters| *clusters > 0).ok_or_else(wrong)?;
            let cluster = if delta.is_empty() {
                None
            } else {
                place = signed(delta).and_then(|delta| place.checked_add(delta)).ok_or_else(wrong)?;
                Some(u64::try_from(place).map_err(|_| wrong())?)
            };
            let first = next.ok_or_else(wrong)?;
            next = first.checked_add(clusters);
            if next.is_none() || self.runs.len() >= RUNS_MAX {
                return Err(wrong());
            }
            self.held.grow(size_of::<Run>() as u64)?;
            self.runs.push(Run { first, clusters, cluster });
        }
        Ok(())
    }

    /// The run from a cluster of the attribute on.
    pub(super) fn at(&self, wanted: u64) -> Option<Run> {
        let index = self.runs.partition_point(|run| run.first + run.clusters <= wanted);
        let run = self.runs.get(index)?;
        let skipped = wanted - run.first;
        Some(Run {
            first: wanted,
            clusters: run.clusters - skipped,
            cluster: run.cluster.map(|cluster| cluster.saturating_add(skipped)),
        })
    }
}

/// A little-endian number of up to 8 bytes with a sign.
fn signed(bytes: &[u8]) -> Option<i64> {
    let (&last, _) = bytes.split_last()?;
    let mut raw = if last & 0x80 != 0 { [0xff; 8] } else { [0; 8] };
    raw.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(raw))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Limits;

    #[test]
    fn runs_are_found_by_cluster_and_backward_steps_are_followed() {
        let budget = Arc::new(Budget::new(Limits::default()));
        let mut runs = Runs::new(&budget).unwrap();
        // 3 clusters from 100, 2 of zeros, 4 from 90; then a second part of 1 cluster from 7.
        runs.add(&[0x11, 3, 100, 0x01, 2, 0x11, 4, 0xf6, 0], 0, &budget).unwrap();
        runs.add(&[0x11, 1, 7], 9, &budget).unwrap();
        assert_eq!(runs.at(2).unwrap(), Run { first: 2, clusters: 1, cluster: Some(102) });
        assert_eq!(runs.at(3).unwrap().cluster, None);
        assert_eq!(runs.at(5).unwrap(), Run { first: 5, clusters: 4, cluster: Some(90) });
        assert_eq!(runs.at(9).unwrap().cluster, Some(7));
        assert_eq!(runs.at(10), None);
    }

    #[test]
    fn hostile_runs_are_refused() {
        let budget = Arc::new(Budget::new(Limits::default()));
        for encoded in [
            &[0x11, 3, 0x80][..],                  // before the volume
            &[0x11, 0xff, 1],                      // a negative length
            &[0xf1, 1, 1],                         // longer than the attribute
            &[0x19, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], // a length of 9 bytes
        ] {
            assert!(Runs::new(&budget).unwrap().add(encoded, 0, &budget).is_err(), "{encoded:?}");
        }
        assert!(Runs::new(&budget).unwrap().add(&[0x11, 1, 1], 5, &budget).is_err());
    }

    #[test]
    fn runs_are_charged() {
        let budget = Arc::new(Budget::new(Limits { held_bytes: 1000, ..Limits::default() }));
        let mut runs = Runs::new(&budget).unwrap();
        let error = runs.add(&[0x01, 1].repeat(1000), 0, &budget).unwrap_err();
        assert!(error.ends_the_check());
        assert_eq!(budget.bytes_held(), (runs.runs.len() * size_of::<Run>()) as u64);
        drop(runs);
        assert_eq!(budget.bytes_held(), 0);
    }
}
