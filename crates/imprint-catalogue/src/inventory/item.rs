//! What snapshots, disks and machines have in common as rows: a key, tags, and lists of an account's own.

use std::collections::BTreeSet;
use std::fmt::Display;

use imprint_model::split_tag;

use crate::label::{self, Label};
use crate::{Error, ErrorKind, Row, Tx, Value, params};

/// Labels written by one statement at most; the number of places in it is part of its text.
const ROWS_MAX: usize = 32;

/// A record whose row holds all of it.
pub(super) trait Item: Sized {
    type Id: Copy + Display + Into<Value>;
    const TABLE: &'static str;
    /// Columns in the order of [`Item::values`] and [`Item::read`], the first being `id`, and one of them `tags`.
    const COLUMNS: &'static str;

    fn id(&self) -> Self::Id;
    fn tags(&self) -> &BTreeSet<String>;
    fn values(&self) -> Result<Vec<Value>, Error>;
    fn read(row: &Row) -> Result<Self, Error>;
}

/// The columns as they stand in a select from the table called `t`.
pub(super) fn columns<T: Item>() -> String {
    T::COLUMNS.split(", ").map(|name| format!("t.{name}")).collect::<Vec<_>>().join(", ")
}

pub(super) fn insert<T: Item>(tx: &mut Tx<'_>, item: &T) -> Result<(), Error> {
    let values = item.values()?;
    let places: Vec<String> = (1..=values.len()).map(|place| format!("?{place}")).collect();
    tx.execute(&format!("INSERT INTO {} ({}) VALUES ({})", T::TABLE, T::COLUMNS, places.join(", ")), &values)?;
    insert_labels(tx, &item.id().into(), item.tags())
}

pub(super) fn get<T: Item>(tx: &mut Tx<'_>, id: T::Id) -> Result<Option<T>, Error> {
    let text = format!("SELECT {} FROM {} t WHERE t.id = ?1", columns::<T>(), T::TABLE);
    tx.query_opt(&text, &[id.into()])?.as_ref().map(T::read).transpose()
}

/// All rows that meet `condition` on the table called `t`, in its order and up to its limit.
pub(super) fn select<T: Item>(tx: &mut Tx<'_>, condition: &str, values: &[Value]) -> Result<Vec<T>, Error> {
    let text = format!("SELECT {} FROM {} t WHERE {condition}", columns::<T>(), T::TABLE);
    tx.query(&text, values)?.iter().map(T::read).collect()
}

pub(super) fn update<T: Item>(tx: &mut Tx<'_>, item: &T) -> Result<(), Error> {
    let id: Value = item.id().into();
    let stored = tx.query_opt(&format!("SELECT tags FROM {} WHERE id = ?1", T::TABLE), std::slice::from_ref(&id))?;
    let stored = stored.ok_or_else(|| {
        Error::new(ErrorKind::Other, format!("changing {} {}, which is not there", T::TABLE, item.id()))
    })?;
    let sets: Vec<String> =
        T::COLUMNS.split(", ").enumerate().skip(1).map(|(index, name)| format!("{name} = ?{}", index + 1)).collect();
    tx.execute(&format!("UPDATE {} SET {} WHERE id = ?1", T::TABLE, sets.join(", ")), &item.values()?)?;
    if stored.json::<BTreeSet<String>>(0)? != *item.tags() {
        tx.execute("DELETE FROM inventory_label WHERE item_id = ?1", std::slice::from_ref(&id))?;
        insert_labels(tx, &id, item.tags())?;
    }
    Ok(())
}

pub(super) fn delete<T: Item>(tx: &mut Tx<'_>, id: T::Id) -> Result<bool, Error> {
    tx.execute("DELETE FROM inventory_label WHERE item_id = ?1", &[id.into()])?;
    Ok(tx.execute(&format!("DELETE FROM {} WHERE id = ?1", T::TABLE), &[id.into()])? > 0)
}

fn insert_labels(tx: &mut Tx<'_>, id: &Value, tags: &BTreeSet<String>) -> Result<(), Error> {
    let labels: BTreeSet<Label> =
        tags.iter().flat_map(|tag| [label::of_tag(tag), label::of_tag_key(split_tag(tag).0)]).collect();
    let labels: Vec<Label> = labels.into_iter().collect();
    for some in labels.chunks(ROWS_MAX) {
        let rows: Vec<String> = (0..some.len()).map(|index| format!("(?1, ?{})", index + 2)).collect();
        let text = format!("INSERT INTO inventory_label (item_id, label) VALUES {}", rows.join(", "));
        let labels = some.iter().map(|label| Value::from(label.as_slice()));
        tx.execute(&text, &std::iter::once(id.clone()).chain(labels).collect::<Vec<_>>())?;
    }
    Ok(())
}

/// Whether a statement that asks for one row gives one.
pub(super) fn exists(tx: &mut Tx<'_>, text: &str, value: impl Into<Value>) -> Result<bool, Error> {
    Ok(!tx.query(text, params![value.into()])?.is_empty())
}

/// The resource group as its column holds it: the default group is the empty text.
pub(super) fn group(name: Option<&String>) -> Value {
    name.map_or("", String::as_str).into()
}

/// The resource group that a column holds.
pub(super) fn read_group(row: &Row, column: usize) -> Result<Option<String>, Error> {
    let name: String = row.get(column)?;
    Ok(Some(name).filter(|name| !name.is_empty()))
}
