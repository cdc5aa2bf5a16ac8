//! Which dialect a request belongs to. Never here: which operation it is; that is the dialect's to find.

use std::fmt;
use std::sync::Arc;

use http::request::Parts;

use crate::Dialect;

/// What makes a request a dialect's own.
#[derive(Debug, Clone, Copy)]
pub enum Claim {
    /// The path is this one or lies under it: `Under("/identity")` takes `/identity` and `/identity/v3`, but not
    /// `/identityx`.
    Under(&'static str),
    /// Whatever this says of the request's head; for dialects that are known by a header or a query parameter.
    When(fn(&Parts) -> bool),
}

impl Claim {
    fn takes(self, head: &Parts) -> bool {
        match self {
            Self::Under(prefix) => {
                head.uri.path().strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            Self::When(test) => test(head),
        }
    }
}

/// All dialects a server speaks, in the order in which they are asked.
#[derive(Clone)]
pub struct Surface {
    claims: Vec<(Claim, Arc<dyn Dialect>)>,
    rest: Arc<dyn Dialect>,
}

impl Surface {
    /// A surface on which everything belongs to one dialect.
    pub fn new(rest: Arc<dyn Dialect>) -> Self {
        Self { claims: Vec::new(), rest }
    }

    /// Gives a dialect what it claims and no earlier claim took.
    #[must_use]
    pub fn mount(mut self, claim: Claim, dialect: Arc<dyn Dialect>) -> Self {
        self.claims.push((claim, dialect));
        self
    }

    /// The dialects in the order of their claims, the one that takes the rest last.
    pub fn dialects(&self) -> impl Iterator<Item = &Arc<dyn Dialect>> {
        self.claims.iter().map(|(_, dialect)| dialect).chain([&self.rest])
    }

    /// The place, in [`dialects`](Self::dialects), of the one a request belongs to.
    pub(crate) fn find(&self, head: &Parts) -> usize {
        self.claims.iter().position(|(claim, _)| claim.takes(head)).unwrap_or(self.claims.len())
    }

    pub(crate) fn dialect(&self, place: usize) -> &Arc<dyn Dialect> {
        self.claims.get(place).map_or(&self.rest, |(_, dialect)| dialect)
    }
}

impl fmt::Debug for Surface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.dialects().map(|dialect| dialect.name())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_takes_whole_segments_only() {
        let takes = |target: &str| {
            let (head, ()) = http::Request::builder().uri(target).body(()).expect("a valid target").into_parts();
            Claim::Under("/identity").takes(&head)
        };
        assert!(takes("/identity"));
        assert!(takes("/identity/"));
        assert!(takes("/identity/v3?x=1"));
        assert!(takes("/identity?x=1"));
        assert!(!takes("/identityx"));
        assert!(!takes("/v2/identity"));
    }
}
