//! Tags, properties and facts as lists look for them: by a digest, so that long texts make no long index entries.

use std::collections::{BTreeMap, BTreeSet};

use imprint_model::{FactKey, Facts, ImageDisk, ImageId, SnapshotId, split_tag};

use super::record::Shadow;
use crate::label::{Label, digest};
use crate::{Error, Tx, Value, params};

/// Labels written by one statement at most; the number of places in it is part of its text.
const ROWS_MAX: usize = 32;

pub(super) fn of_tag(tag: &str) -> Label {
    crate::label::of_tag(tag)
}

pub(super) fn of_tag_key(key: &str) -> Label {
    crate::label::of_tag_key(key)
}

pub(super) fn of_property(name: &str, value: &str) -> Label {
    digest(&[b"property", name.as_bytes(), value.as_bytes()])
}

pub(super) fn of_fact(key: FactKey, value: &str) -> Label {
    digest(&[b"fact", key.as_str().as_bytes(), value.as_bytes()])
}

pub(crate) fn of_snapshot(snapshot: SnapshotId) -> Label {
    digest(&[b"snapshot", snapshot.0.as_bytes()])
}

/// Whether a fact's values are worth labels: the others are nearly all different, or nearly all alike.
pub(super) fn is_labelled(key: FactKey) -> bool {
    !matches!(key, FactKey::Description | FactKey::BootMode | FactKey::Nvme)
}

/// All labels of a record, each with whether images that have it are counted (see [`super::count`]). A property
/// without a value cannot be looked for.
pub(super) type Labels = BTreeMap<Label, bool>;

/// The labels of a record made of these.
pub(super) fn all(
    tags: &BTreeSet<String>,
    properties: &BTreeMap<String, Option<String>>,
    facts: &Facts,
    disks: &[ImageDisk],
) -> Labels {
    let of_properties =
        properties.iter().filter_map(|(name, value)| value.as_ref().map(|value| of_property(name, value)));
    let keys = FactKey::ALL.iter().copied().filter(|&key| is_labelled(key));
    let facts = keys.filter_map(|key| facts.text(key).map(|value| (key, value)));
    let of_facts = facts.map(|(key, value)| (of_fact(key, value), matches!(key, FactKey::Family | FactKey::Platform)));
    let of_snapshots = disks.iter().filter_map(|disk| disk.snapshot).map(of_snapshot);
    let of_tags = tags.iter().flat_map(|tag| [of_tag(tag), of_tag_key(split_tag(tag).0)]);
    let uncounted = of_properties.chain(of_snapshots).map(|label| (label, false));
    uncounted.chain(of_facts).chain(of_tags.map(|label| (label, true))).collect()
}

/// Adds `labels` to an image that lists find where `scope` says.
pub(super) fn insert<'a>(
    tx: &mut Tx<'_>,
    image: ImageId,
    scope: &Shadow,
    labels: impl IntoIterator<Item = &'a Label>,
) -> Result<(), Error> {
    let labels: Vec<&Label> = labels.into_iter().collect();
    if labels.is_empty() {
        return Ok(());
    }
    let number = number(tx, image)?;
    for some in labels.chunks(ROWS_MAX) {
        let rows: Vec<String> =
            (0..some.len()).map(|index| format!("(?1, ?{}, ?2, ?3, ?4, ?5, ?6)", index + 7)).collect();
        let text = format!(
            "INSERT INTO image_label (image_id, label, owner, visibility, hidden, created_at, image_number) VALUES {}",
            rows.join(", ")
        );
        let mut values: Vec<Value> = vec![
            image.into(),
            (&scope.cell.owner).into(),
            scope.cell.visibility.as_str().into(),
            scope.cell.hidden.into(),
            scope.created_at.into(),
            number.into(),
        ];
        values.extend(some.iter().map(|label| Value::from(label.as_slice())));
        tx.execute(&text, &values)?;
    }
    Ok(())
}

/// The number of an image's row: lists go from a label to its image by it.
fn number(tx: &mut Tx<'_>, image: ImageId) -> Result<i64, Error> {
    let row = tx.query_opt("SELECT number FROM image WHERE id = ?1", params![image])?;
    row.ok_or_else(|| Error::corrupt(format!("labels of image {image}, which is not there")))?.int(0)
}

/// Brings an image's labels from `before` to `after`, touching only what differs.
pub(super) fn update(tx: &mut Tx<'_>, image: ImageId, before: &Shadow, after: &Shadow) -> Result<(), Error> {
    if !before.same_scope(after) {
        if !before.labels.is_empty() {
            tx.execute("DELETE FROM image_label WHERE image_id = ?1", params![image])?;
        }
        return insert(tx, image, after, after.labels.keys());
    }
    for label in before.labels.keys().filter(|label| !after.labels.contains_key(*label)) {
        tx.execute("DELETE FROM image_label WHERE image_id = ?1 AND label = ?2", params![image, label.as_slice()])?;
    }
    insert(tx, image, after, after.labels.keys().filter(|label| !before.labels.contains_key(*label)))
}
