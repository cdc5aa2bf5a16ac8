//! Which condition a list begins with: the one that leaves the fewest images to look at.

use imprint_model::{FactKey, Filter, ImageQuery};

use super::condition::{fact_column, is_kept_by_label, is_selective, label_of};
use super::number;
use super::statement::Statement;
use crate::{Error, Tx};

/// What a condition is taken to leave of which no numbers are kept: people look for what is rare.
const UNKNOWN: u64 = 1000;

/// The condition whose label's index is walked; none to walk the index of images.
pub(super) fn choose<'a>(tx: &mut Tx<'_>, query: &'a ImageQuery) -> Result<Option<&'a Filter>, Error> {
    if query.filters.iter().any(is_selective) {
        return Ok(None);
    }
    let labelled: Vec<&Filter> = query.filters.iter().filter(|filter| label_of(filter).is_some()).collect();
    if !labelled.iter().any(|filter| is_known(filter)) {
        return Ok(labelled.into_iter().next());
    }
    let mut best: Option<(&Filter, u64)> = None;
    for filter in labelled {
        let images = match filter {
            Filter::Snapshot(_) => 0,
            known if is_known(known) => number(tx, Statement::walked(query, Some(known))?)?,
            _ => UNKNOWN,
        };
        if best.is_none_or(|(_, fewest)| images < fewest) {
            best = Some((filter, images));
        }
    }
    let Some((filter, images)) = best else { return Ok(None) };
    // Each label leads to an image that must be looked at besides.
    let whole = number(tx, Statement::walked(query, None)?)?;
    Ok((images.saturating_mul(2) <= whole.max(UNKNOWN)).then_some(filter))
}

/// Whether numbers are kept of the images that meet a condition.
fn is_known(filter: &Filter) -> bool {
    is_kept_by_label(filter) || matches!(filter, Filter::Fact(key, _) if is_apart(*key))
}

fn is_apart(key: FactKey) -> bool {
    fact_column(key).is_some()
}
