//! What images that are older than labels of tags' keys and than numbers by kind lack.

use std::collections::{BTreeMap, BTreeSet};

use imprint_model::{ImageId, split_tag};

use super::count::{self, Cell, EVERY};
use super::label::{self, of_tag_key};
use super::record::Shadow;
use crate::label::Label;
use crate::{Error, Tx, params};

/// Images dealt with at once: bounds memory.
const BATCH: u32 = 1000;

/// Adds labels and numbers for every image there is. To be run once, by the migration that made the tables.
pub(crate) fn label_and_count(tx: &mut Tx<'_>) -> Result<(), Error> {
    let mut last = String::new();
    loop {
        let rows = tx.query("SELECT id FROM image WHERE id > ?1 ORDER BY id LIMIT ?2", params![last, BATCH])?;
        let ids: Vec<ImageId> = rows.iter().map(|row| row.parse(0)).collect::<Result<_, _>>()?;
        let Some(end) = ids.last() else { return Ok(()) };
        last = end.to_string();
        let mut numbers: BTreeMap<(Vec<u8>, Cell), i64> = BTreeMap::new();
        for id in ids {
            let shadow = Shadow::load(tx, id)?.ok_or_else(|| Error::corrupt(format!("image {id} has gone")))?;
            let missing = missing(tx, id)?;
            label::insert(tx, id, &shadow, &missing)?;
            let counted = shadow.labels.iter().filter(|(_, counted)| **counted).map(|(label, _)| label.to_vec());
            for label in counted.chain([EVERY.to_vec()]) {
                *numbers.entry((label, shadow.cell.clone())).or_default() += 1;
            }
        }
        count::add(tx, numbers.iter().map(|((label, cell), number)| (label.as_slice(), cell, *number)))?;
    }
}

/// The labels of an image's tags' keys, once each.
fn missing(tx: &mut Tx<'_>, id: ImageId) -> Result<Vec<Label>, Error> {
    let row = tx.query_opt("SELECT tags FROM image WHERE id = ?1", params![id])?;
    let tags: BTreeSet<String> = row.map_or(Ok(BTreeSet::new()), |row| row.json(0))?;
    let mut keys: Vec<Label> = tags.iter().map(|tag| of_tag_key(split_tag(tag).0)).collect();
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}
