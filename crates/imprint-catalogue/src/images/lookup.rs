//! Questions about images that rules ask, each answered by an index or a kept number.

use std::collections::BTreeSet;

use imprint_model::{
    Direction, FactKey, Filter, Image, ImageId, ImageQuery, Page, ProjectId, Reach, SnapshotId, SortKey, Status,
    Visibility, join_tag,
};

use super::{VALUES_MAX, count, label, list};
use crate::inventory::{TAGGED_MAX, TagWanted, Tags};
use crate::{Error, ErrorKind, Row, Tx, Value, params};

/// Whether another image than `except` of the account in the region has this name.
///
/// # Errors
/// The engine's.
pub fn name_taken(
    tx: &mut Tx<'_>,
    owner: &ProjectId,
    region: &str,
    name: &str,
    except: Option<ImageId>,
) -> Result<bool, Error> {
    // All visibilities, so that the index on an account's names serves.
    let visibilities: Vec<String> = Visibility::ALL.iter().map(|visibility| format!("'{visibility}'")).collect();
    let text = format!(
        "SELECT id FROM image WHERE owner = ?1 AND visibility IN ({}) AND hidden IN (0, 1) AND name_sorted = ?2 \
         AND name = ?2 AND region = ?3 LIMIT 2",
        visibilities.join(", ")
    );
    let rows = tx.query(&text, params![owner, name, region])?;
    let ids: Vec<ImageId> = rows.iter().map(|row| row.parse(0)).collect::<Result<_, _>>()?;
    Ok(ids.into_iter().any(|id| Some(id) != except))
}

/// How many images of the account in the region belong to this family, and how many families there are there.
///
/// # Errors
/// The engine's.
pub fn family_counts(tx: &mut Tx<'_>, owner: &ProjectId, region: &str, family: &str) -> Result<(u64, u64), Error> {
    let scope = "FROM image WHERE owner = ?1 AND region = ?2 AND family IS NOT NULL";
    let images = tx.query_opt(&format!("SELECT COUNT(*) {scope} AND family = ?3"), params![owner, region, family])?;
    let families = tx.query_opt(&format!("SELECT COUNT(DISTINCT family) {scope}"), params![owner, region])?;
    Ok((number(images)?, number(families)?))
}

/// How many images the account has in the region.
///
/// # Errors
/// The engine's.
pub fn region_count(tx: &mut Tx<'_>, owner: &ProjectId, region: &str) -> Result<u64, Error> {
    let row = tx.query_opt(
        "SELECT CAST(COALESCE(SUM(images), 0) AS BIGINT) FROM image_count WHERE label = ?1 AND owner = ?2 \
         AND region = ?3",
        params![count::EVERY, owner, region],
    )?;
    number(row)
}

fn number(row: Option<Row>) -> Result<u64, Error> {
    row.ok_or_else(|| Error::corrupt("a count gave no row"))?.get(0)
}

/// The newest image within `reach` and the region that belongs to the family, is available and is not hidden.
///
/// # Errors
/// The engine's.
pub fn newest_of_family(tx: &mut Tx<'_>, reach: &Reach, region: &str, family: &str) -> Result<Option<Image>, Error> {
    let query = ImageQuery {
        reach: reach.clone(),
        filters: vec![
            Filter::Fact(FactKey::Family, family.to_owned()),
            Filter::Region(region.to_owned()),
            Filter::Statuses(vec![Status::Available]),
            Filter::Hidden(false),
        ],
        sort: vec![(SortKey::CreatedAt, Direction::Descending)],
        page: Page::After { after: None, limit: 1 },
    };
    Ok(list(tx, &query)?.images.pop())
}

/// Whether a disk of any image comes from this snapshot.
///
/// # Errors
/// The engine's.
pub fn with_snapshot(tx: &mut Tx<'_>, snapshot: SnapshotId) -> Result<bool, Error> {
    let label = label::of_snapshot(snapshot);
    Ok(!tx.query("SELECT 1 FROM image_label WHERE label = ?1 LIMIT 1", params![label.as_slice()])?.is_empty())
}

/// Those of `ids` from which a machine, anybody's, was made.
///
/// # Errors
/// [`ErrorKind::Other`] when there are more than [`VALUES_MAX`].
pub fn used_by_instances(tx: &mut Tx<'_>, ids: &[ImageId]) -> Result<BTreeSet<ImageId>, Error> {
    among(tx, "SELECT DISTINCT image_id FROM instance WHERE image_id", ids)
}

/// Those of `ids` that are shared with anybody.
///
/// # Errors
/// [`ErrorKind::Other`] when there are more than [`VALUES_MAX`].
pub fn shared(tx: &mut Tx<'_>, ids: &[ImageId]) -> Result<BTreeSet<ImageId>, Error> {
    among(tx, "SELECT DISTINCT image_id FROM image_member WHERE image_id", ids)
}

fn among(tx: &mut Tx<'_>, select: &str, ids: &[ImageId]) -> Result<BTreeSet<ImageId>, Error> {
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    if ids.len() > VALUES_MAX {
        return Err(Error::new(ErrorKind::Other, format!("a question names more than {VALUES_MAX} images")));
    }
    let places: Vec<String> = (1..=ids.len()).map(|place| format!("?{place}")).collect();
    let values: Vec<Value> = ids.iter().map(Value::from).collect();
    tx.query(&format!("{select} IN ({})", places.join(", ")), &values)?.iter().map(|row| row.parse(0)).collect()
}

/// Tags of an account's images in a region: of `ids` if there are any, which have all of `tags`, after `after`, newest
/// first; at most `limit` images, [`TAGGED_MAX`] of them.
///
/// # Errors
/// As [`list()`].
pub fn tagged(
    tx: &mut Tx<'_>,
    owner: &ProjectId,
    region: &str,
    ids: &[ImageId],
    tags: &[TagWanted],
    after: Option<ImageId>,
    limit: u32,
) -> Result<Tags<ImageId>, Error> {
    let limit = limit.min(TAGGED_MAX);
    let mut filters: Vec<Filter> = vec![Filter::Region(region.to_owned())];
    filters.extend(tags.iter().map(|(key, value)| match value {
        Some(value) => Filter::Tag(join_tag(key, value)),
        None => Filter::TagKey(key.clone()),
    }));
    if !ids.is_empty() {
        filters.push(Filter::Ids(ids.to_vec()));
    }
    let reach = Reach { everything: false, own: Some(owner.clone()), public: false, community: false, shared: None };
    let mut query = ImageQuery { reach, filters, sort: vec![], page: Page::After { after, limit } };
    let mut found = Vec::new();
    while found.len() < limit as usize {
        let images = list(tx, &query)?.images;
        let last = images.last().map(|image| image.id);
        let ended = images.len() < limit as usize;
        found.extend(images.into_iter().filter(|image| !image.tags.is_empty()).map(|image| (image.id, image.tags)));
        if ended {
            break;
        }
        query.page = Page::After { after: last, limit };
    }
    found.truncate(limit as usize);
    Ok(found)
}
