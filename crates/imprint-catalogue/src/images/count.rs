//! How many images there are of each kind, kept as numbers: totals of lists and quotas must not look at every image.

use std::collections::{BTreeMap, BTreeSet};

use imprint_model::{FactKey, Facts, Image, ProjectId, Status, Visibility};

use super::record::Shadow;
use crate::{Error, Tx, Value};

/// Numbers changed by one statement at most; the number of places in it is part of its text.
const ROWS_MAX: usize = 16;

/// The label that stands for having none: it counts every image.
pub(super) const EVERY: &[u8] = &[];

/// The columns of a number, in the order of [`Cell::values`], after its label.
const COLUMNS: &str = "label, owner, visibility, hidden, status, region, architecture, os_type, resource_group";

/// What images that are counted together agree in. Words of facts are empty where there is no such fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell {
    pub(super) owner: ProjectId,
    pub(super) visibility: Visibility,
    pub(super) hidden: bool,
    pub(super) status: Status,
    pub(super) region: String,
    architecture: &'static str,
    os_type: &'static str,
    resource_group: String,
}

impl Cell {
    pub(super) fn of(image: &Image) -> Self {
        let Image { owner, visibility, hidden, status, region, facts, .. } = image;
        Self::new(owner.clone(), *visibility, *hidden, *status, region.clone(), facts)
    }

    pub(super) fn new(
        owner: ProjectId,
        visibility: Visibility,
        hidden: bool,
        status: Status,
        region: String,
        facts: &Facts,
    ) -> Self {
        Self {
            owner,
            visibility,
            hidden,
            status,
            region,
            architecture: facts.architecture.map_or("", imprint_model::Architecture::as_str),
            os_type: facts.os_type.map_or("", imprint_model::OsType::as_str),
            resource_group: facts.text(FactKey::ResourceGroup).unwrap_or_default().to_owned(),
        }
    }

    fn values(&self) -> [Value; 8] {
        let Self { owner, visibility, hidden, status, region, architecture, os_type, resource_group } = self;
        [
            owner.into(),
            visibility.as_str().into(),
            (*hidden).into(),
            status.as_str().into(),
            region.into(),
            (*architecture).into(),
            (*os_type).into(),
            resource_group.into(),
        ]
    }
}

/// Takes what an image counted before, and adds what it counts now.
pub(super) fn change(tx: &mut Tx<'_>, before: Option<&Shadow>, after: Option<&Shadow>) -> Result<(), Error> {
    // In one order whatever the change: transactions that touch the same numbers queue up instead of blocking each other.
    let mut changes: BTreeMap<(&[u8], &Cell), i64> = BTreeMap::new();
    for (shadow, step) in [(before, -1), (after, 1)] {
        let Some(shadow) = shadow else { continue };
        for label in counted(shadow) {
            *changes.entry((label, &shadow.cell)).or_default() += step;
        }
    }
    changes.retain(|_, change| *change != 0);
    add(tx, changes.iter().map(|((label, cell), change)| (*label, *cell, *change)))?;
    let Some(before) = before else { return Ok(()) };
    let fewer = changes.iter().filter(|(_, change)| **change < 0).map(|((label, _), _)| *label);
    forget(tx, &before.cell.owner, fewer.filter(|label| !label.is_empty()).collect())
}

fn counted(shadow: &Shadow) -> impl Iterator<Item = &[u8]> {
    let labels = shadow.labels.iter().filter(|(_, counted)| **counted).map(|(label, _)| label.as_slice());
    std::iter::once(EVERY).chain(labels)
}

/// Adds to numbers, making those that are not there.
pub(super) fn add<'a>(
    tx: &mut Tx<'_>,
    changes: impl IntoIterator<Item = (&'a [u8], &'a Cell, i64)>,
) -> Result<(), Error> {
    let changes: Vec<_> = changes.into_iter().collect();
    for some in changes.chunks(ROWS_MAX) {
        let mut values: Vec<Value> = Vec::new();
        let mut rows = Vec::new();
        for (label, cell, change) in some {
            let first = values.len() + 1;
            values.push((*label).into());
            values.extend(cell.values());
            values.push((*change).into());
            let places: Vec<String> = (first..=values.len()).map(|place| format!("?{place}")).collect();
            rows.push(format!("({})", places.join(", ")));
        }
        let text = format!(
            "INSERT INTO image_count ({COLUMNS}, images) VALUES {} ON CONFLICT ({COLUMNS}) \
             DO UPDATE SET images = image_count.images + excluded.images",
            rows.join(", ")
        );
        tx.execute(&text, &values)?;
    }
    Ok(())
}

/// Removes numbers of `labels` that came down to nothing: labels can be without end, unlike all else that is counted.
fn forget(tx: &mut Tx<'_>, owner: &ProjectId, labels: BTreeSet<&[u8]>) -> Result<(), Error> {
    let labels: Vec<&[u8]> = labels.into_iter().collect();
    for some in labels.chunks(ROWS_MAX) {
        let places: Vec<String> = (0..some.len()).map(|index| format!("?{}", index + 2)).collect();
        let text =
            format!("DELETE FROM image_count WHERE owner = ?1 AND label IN ({}) AND images = 0", places.join(", "));
        let values: Vec<Value> = std::iter::once(owner.into()).chain(some.iter().map(|&label| label.into())).collect();
        tx.execute(&text, &values)?;
    }
    Ok(())
}
