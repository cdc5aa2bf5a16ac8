//! Tags and properties as lists look for them: by a digest, so that long texts make no long index entries.

use std::collections::{BTreeMap, BTreeSet};

use imprint_model::ImageId;

use super::record::Shadow;
use crate::{Error, Tx, Value, params};

/// Names a tag, or a property with its value. Half of a 256-bit digest: nobody finds two texts with the same one.
pub(super) type Label = [u8; 16];

/// Labels written by one statement at most; the number of places in it is part of its text.
const ROWS_MAX: usize = 32;

pub(super) fn of_tag(tag: &str) -> Label {
    digest(&[b"tag", tag.as_bytes()])
}

pub(super) fn of_property(name: &str, value: &str) -> Label {
    digest(&[b"property", name.as_bytes(), value.as_bytes()])
}

/// Each part is preceded by its length, so that no two lists of parts run together.
fn digest(parts: &[&[u8]]) -> Label {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    let mut label = Label::default();
    label.copy_from_slice(&hasher.finalize().as_bytes()[..size_of::<Label>()]);
    label
}

/// All labels of a record. A property without a value cannot be looked for.
pub(super) fn all(tags: &BTreeSet<String>, properties: &BTreeMap<String, Option<String>>) -> BTreeSet<Label> {
    let of_properties =
        properties.iter().filter_map(|(name, value)| value.as_ref().map(|value| of_property(name, value)));
    tags.iter().map(|tag| of_tag(tag)).chain(of_properties).collect()
}

/// Adds `labels` to an image that lists find where `scope` says.
pub(super) fn insert<'a>(
    tx: &mut Tx<'_>,
    image: ImageId,
    scope: &Shadow,
    labels: impl IntoIterator<Item = &'a Label>,
) -> Result<(), Error> {
    let labels: Vec<&Label> = labels.into_iter().collect();
    for some in labels.chunks(ROWS_MAX) {
        let rows: Vec<String> = (0..some.len()).map(|index| format!("(?1, ?{}, ?2, ?3, ?4, ?5)", index + 6)).collect();
        let text = format!(
            "INSERT INTO image_label (image_id, label, owner, visibility, hidden, created_at) VALUES {}",
            rows.join(", ")
        );
        let mut values: Vec<Value> = vec![
            image.into(),
            (&scope.owner).into(),
            scope.visibility.as_str().into(),
            scope.hidden.into(),
            scope.created_at.into(),
        ];
        values.extend(some.iter().map(|label| Value::from(label.as_slice())));
        tx.execute(&text, &values)?;
    }
    Ok(())
}

/// Brings an image's labels from `before` to `after`, touching only what differs.
pub(super) fn update(tx: &mut Tx<'_>, image: ImageId, before: &Shadow, after: &Shadow) -> Result<(), Error> {
    if !before.same_scope(after) {
        if !before.labels.is_empty() {
            tx.execute("DELETE FROM image_label WHERE image_id = ?1", params![image])?;
        }
        return insert(tx, image, after, &after.labels);
    }
    for label in before.labels.difference(&after.labels) {
        tx.execute("DELETE FROM image_label WHERE image_id = ?1 AND label = ?2", params![image, label.as_slice()])?;
    }
    insert(tx, image, after, after.labels.difference(&before.labels))
}
