//! Which condition a list begins with: the one that leaves the fewest images to look at.

use imprint_model::{FactKey, Filter, ImageQuery};

use super::condition::{fact_column, is_kept_by_label, is_selective, label_of};
use super::number;
use super::order::Order;
use super::statement::Statement;
use crate::{Error, Tx};

/// What a condition is taken to leave of which no numbers are kept: people look for what is rare.
const UNKNOWN: u64 = 1000;

/// Images whose names lie within the bounds of a pattern that are looked at rather than looked for.
const NAMED_MOST: u64 = 2000;
/// How many images a walk in order may meet for each that matches.
const SPARSE: u64 = 500;

/// What a list begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Driver<'a> {
    /// The index of images in the order asked for.
    Order,
    /// The index of labels at the label of this condition.
    Label(&'a Filter),
    /// The index of names, within the bounds of this pattern.
    Names(&'a str),
}

/// What to begin a list with.
pub(super) fn choose<'a>(tx: &mut Tx<'_>, query: &'a ImageQuery) -> Result<Driver<'a>, Error> {
    if query.filters.iter().any(is_selective) {
        return Ok(Driver::Order);
    }
    if let Some(label) = label(tx, query)? {
        return Ok(Driver::Label(label));
    }
    match pattern(query) {
        Some(pattern) if number(tx, Statement::named(query, pattern, NAMED_MOST)?)? < NAMED_MOST => {
            Ok(Driver::Names(pattern))
        }
        _ => Ok(Driver::Order),
    }
}

/// What to begin counting with: every match is looked for then.
pub(super) fn for_count<'a>(query: &'a ImageQuery, driver: Driver<'a>) -> Driver<'a> {
    match (driver, pattern(query)) {
        (Driver::Order, Some(pattern)) => Driver::Names(pattern),
        _ => driver,
    }
}

/// What to begin a page with when it is known how many images match.
pub(super) fn for_page<'a>(
    tx: &mut Tx<'_>,
    query: &'a ImageQuery,
    driver: Driver<'a>,
    total: u64,
) -> Result<Driver<'a>, Error> {
    match (driver, pattern(query)) {
        (Driver::Order, Some(pattern)) => {
            let whole = number(tx, Statement::walked(query, None)?)?;
            Ok(if total.saturating_mul(SPARSE) < whole { Driver::Names(pattern) } else { Driver::Order })
        }
        _ => Ok(driver),
    }
}

/// The pattern that names must match, where none must be one of a few.
fn pattern(query: &ImageQuery) -> Option<&str> {
    let few = |filter: &Filter| is_selective(filter) || matches!(filter, Filter::Names(_));
    if query.filters.iter().any(few) {
        return None;
    }
    query.filters.iter().find_map(|filter| match filter {
        Filter::NameLike(pattern) => Some(pattern.as_str()),
        _ => None,
    })
}

/// The condition on a label that leaves the fewest images, if those are few.
fn label<'a>(tx: &mut Tx<'_>, query: &'a ImageQuery) -> Result<Option<&'a Filter>, Error> {
    let labelled: Vec<&Filter> = query.filters.iter().filter(|filter| label_of(filter).is_some()).collect();
    // The images of a label are in this order, too: to meet them one by one costs no more than to ask each image for the
    // label. What has a column of its own is asked for at no cost.
    let in_order = Order::of(&query.sort).is_by_creation();
    let no_worse = |filter: &Filter| in_order && !matches!(filter, Filter::Fact(key, _) if is_apart(*key));
    if !labelled.iter().any(|filter| is_known(filter)) {
        return Ok(labelled.into_iter().next());
    }
    if let [only] = labelled[..]
        && no_worse(only)
    {
        return Ok(Some(only));
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
        // to look for fewer costs more than they would spare
        if images <= UNKNOWN {
            break;
        }
    }
    let Some((filter, images)) = best else { return Ok(None) };
    if no_worse(filter) || images.saturating_mul(2) <= UNKNOWN {
        return Ok(Some(filter));
    }
    // Each label leads to an image that must be looked at besides.
    let whole = number(tx, Statement::walked(query, None)?)?;
    Ok((images.saturating_mul(2) <= whole).then_some(filter))
}

/// Whether numbers are kept of the images that meet a condition.
fn is_known(filter: &Filter) -> bool {
    is_kept_by_label(filter) || matches!(filter, Filter::Fact(key, _) if is_apart(*key))
}

fn is_apart(key: FactKey) -> bool {
    fact_column(key).is_some()
}
