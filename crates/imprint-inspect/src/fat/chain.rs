//! Chains of clusters, remembered as far as they were followed: whoever reads a file in parts does not begin anew each
//! time.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Fat;
use crate::budget::{Budget, Held};
use crate::error::{Error, Result};

/// How many chains are remembered: files that are read in turns, and their directories.
const CHAINS_MAX: usize = 4;
/// The longest chain: 1 GiB in the smallest clusters, 4 GiB from 2 KiB on.
const CLUSTERS_MAX: usize = 2 << 20;

/// The chains that were used last, the latest one last.
#[derive(Default)]
pub(super) struct Chains(VecDeque<Chain>);

/// A chain as far as it was followed.
struct Chain {
    clusters: Vec<u32>,
    /// What the entry of the last cluster says.
    next: u32,
    /// A cluster of the chain that must not come again, and the length at which a later one takes its place: a circle
    /// meets it within twice its own length.
    mark: u32,
    mark_until: usize,
    held: Held<Arc<Budget>>,
}

impl Chains {
    /// The chain that begins with a cluster, as it is known so far.
    fn of(&mut self, first: u32, budget: &Arc<Budget>) -> Result<&mut Chain> {
        let known = self.0.iter().position(|chain| chain.clusters.first().is_some_and(|cluster| *cluster == first));
        let chain = match known.and_then(|index| self.0.remove(index)) {
            Some(chain) => chain,
            None => {
                if self.0.len() >= CHAINS_MAX {
                    self.0.pop_front();
                }
                Chain { clusters: Vec::new(), next: first, mark: 0, mark_until: 1, held: budget.hold_shared(0)? }
            }
        };
        self.0.push_back(chain);
        Ok(self.0.back_mut().expect("it was just put there"))
    }
}

impl Fat {
    /// The cluster at a place of the chain that begins with `first`; none behind its end.
    pub(super) fn cluster(&self, first: u32, index: usize) -> Result<Option<u32>> {
        let mut chains = self.chains.lock();
        let chain = chains.of(first, &self.budget)?;
        while chain.clusters.len() <= index && self.is_cluster(chain.next) {
            self.budget.step()?;
            let cluster = chain.next;
            if cluster == chain.mark {
                return Err(Error::corrupt("a chain of clusters runs in a circle"));
            }
            if chain.clusters.len() >= CLUSTERS_MAX {
                return Err(Error::Unsupported("a file of so many clusters".to_owned()));
            }
            let next = self.entry(cluster)?;
            chain.held.grow(size_of::<u32>() as u64)?;
            chain.clusters.push(cluster);
            chain.next = next;
            if chain.clusters.len() >= chain.mark_until {
                chain.mark = cluster;
                chain.mark_until *= 2;
            }
        }
        Ok(chain.clusters.get(index).copied())
    }
}
