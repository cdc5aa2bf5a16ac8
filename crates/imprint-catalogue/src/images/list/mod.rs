//! Lists of images. The cost of a page depends on the page: what a caller can see is cut into parts that do not
//! overlap, each part gives its first few by walking an index in the order asked for, and only those are merged.

mod condition;
mod driver;
mod order;
mod part;
mod statement;
#[cfg(test)]
mod tests;

use imprint_model::{Image, ImageId, ImageQuery, MemberStatus, Page, ProjectId, Visibility};

use super::record;
use crate::{Error, ErrorKind, Tx, params};
use condition::{is_kept, is_kept_by_label};
use driver::Driver;
use order::Order;
use statement::{Slice, Statement};

/// Values that one condition may name at most.
pub const VALUES_MAX: usize = 1000;

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Its images, in order.
    pub images: Vec<Image>,
    /// How many there are on all pages; told for numbered pages only, since conditions that no numbers are kept of are
    /// checked on every image then.
    pub total: Option<u64>,
}

/// The page that `query` asks for.
///
/// # Errors
/// [`ErrorKind::UnknownMarker`] when the image to go on after is not within the query's reach; [`ErrorKind::Other`] when a
/// condition names more than [`VALUES_MAX`] values.
pub fn list(tx: &mut Tx<'_>, query: &ImageQuery) -> Result<Listing, Error> {
    let order = Order::of(&query.sort);
    let driver = driver::choose(tx, query)?;
    match query.page {
        Page::After { after, limit } => {
            let marker = after.map(|after| find_marker(tx, query, &order, after)).transpose()?;
            let slice = Slice { marker, offset: 0, limit: limit.into() };
            Ok(Listing { images: fetch(tx, query, driver, &order, &slice)?, total: None })
        }
        // The total is that of the moment whose images are shown.
        Page::Numbered { number, size } => tx.at_one_moment(|tx| {
            let total = count(tx, query, driver::for_count(query, driver))?;
            let driver = driver::for_page(tx, query, driver, total)?;
            let offset = u64::from(number.max(1) - 1) * u64::from(size);
            let images = if offset < total {
                fetch(tx, query, driver, &order, &Slice { marker: None, offset, limit: size.into() })?
            } else {
                Vec::new()
            };
            Ok(Listing { images, total: Some(total) })
        }),
    }
}

fn fetch(
    tx: &mut Tx<'_>,
    query: &ImageQuery,
    driver: Driver<'_>,
    order: &Order,
    slice: &Slice,
) -> Result<Vec<Image>, Error> {
    if slice.limit == 0 {
        return Ok(Vec::new());
    }
    let Some(Statement { text, values }) = Statement::page(query, driver, order, slice)? else {
        return Ok(Vec::new());
    };
    tx.query(&text, &values)?.iter().map(record::read).collect()
}

/// How many images there are on all pages: from the numbers that are kept where they tell, else by looking.
fn count(tx: &mut Tx<'_>, query: &ImageQuery, driver: Driver<'_>) -> Result<u64, Error> {
    let labels = query.filters.iter().filter(|filter| is_kept_by_label(filter)).count();
    let kept = labels <= 1 && query.filters.iter().all(|filter| is_kept(filter) || is_kept_by_label(filter));
    let statement = if kept { Statement::kept(query)? } else { Statement::count(query, driver)? };
    number(tx, statement)
}

fn number(tx: &mut Tx<'_>, statement: Option<Statement>) -> Result<u64, Error> {
    let Some(Statement { text, values }) = statement else { return Ok(0) };
    let row = tx.query_opt(&text, &values)?.ok_or_else(|| Error::corrupt("a count gave no row"))?;
    row.get(0)
}

/// The sort keys of the image to go on after, if the caller's lists reach it. Filters do not matter: the image may
/// have changed since it was listed.
fn find_marker(tx: &mut Tx<'_>, query: &ImageQuery, order: &Order, after: ImageId) -> Result<Vec<crate::Value>, Error> {
    let reach = &query.reach;
    let unknown = || Error::new(ErrorKind::UnknownMarker, format!("no image {after} to go on after"));
    let asker = reach.shared.as_ref().map(|shared| &shared.project);
    let text = format!(
        "SELECT i.owner, i.visibility, m.status, {} FROM image i \
         LEFT JOIN image_member m ON m.image_id = i.id AND m.project = ?2 WHERE i.id = ?1",
        order.columns(statement::Source::Image).join(", ")
    );
    let row = tx.query_opt(&text, params![after, asker])?.ok_or_else(unknown)?;
    let owner: ProjectId = row.get(0)?;
    let offered: Option<MemberStatus> = row.parse_opt(2)?;
    let reached = reach.own.as_ref() == Some(&owner)
        || match row.parse(1)? {
            Visibility::Community => reach.community,
            Visibility::Public => reach.everything || reach.public,
            Visibility::Private => reach.everything,
            Visibility::Shared => {
                reach.everything
                    || offered
                        .zip(reach.shared.as_ref())
                        .is_some_and(|(status, shared)| shared.statuses.contains(&status))
            }
        };
    if reached { Ok(row.0[3..].to_vec()) } else { Err(unknown()) }
}
