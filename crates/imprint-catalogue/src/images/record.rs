//! The image row: which column holds which part of the record.

use std::sync::LazyLock;

use imprint_model::{ContainerFormat, DiskFormat, FactKey, Facts, Image, ImageDisk, ImageId, Timestamp};

use super::count::Cell;
use super::label::{self, Labels};
use crate::content::{self, CONTENT_COLUMNS};
use crate::{Error, Row, Tx, Value, params, to_json};

/// Columns in the order of [`values`] and [`read`]. The last ones exist for lists alone and are not read back.
const NAMES: [&str; 38] = [
    "id",
    "owner",
    "name",
    "status",
    "visibility",
    "hidden",
    "protected",
    "disk_format",
    "container_format",
    "min_disk_gib",
    "min_ram_mib",
    "content_map",
    "content_bytes",
    "content_virtual_bytes",
    "content_md5",
    "content_hash_algorithm",
    "content_hash_value",
    "staged_map",
    "staged_bytes",
    "staged_virtual_bytes",
    "staged_md5",
    "staged_hash_algorithm",
    "staged_hash_value",
    "writer",
    "tags",
    "properties",
    "failure",
    "created_at",
    "updated_at",
    "region",
    "facts",
    "disks",
    "name_sorted",
    "size_bytes",
    "family",
    "architecture",
    "os_type",
    "resource_group",
];

/// The first column of the content.
const CONTENT: usize = 11;

/// How many columns [`read`] reads.
pub(super) const COLUMN_COUNT: usize = NAMES.len() - 6;

/// The columns that [`read`] reads, of the table called `i`.
pub(super) static COLUMNS: LazyLock<String> = LazyLock::new(|| columns_of("i"));

/// The same of the table that lists call `u`: what their parts gave.
pub(super) static MERGED_COLUMNS: LazyLock<String> = LazyLock::new(|| columns_of("u"));

fn columns_of(table: &str) -> String {
    NAMES[..COLUMN_COUNT].iter().map(|name| format!("{table}.{name}")).collect::<Vec<_>>().join(", ")
}

pub(super) static SELECT: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {} FROM image i WHERE i.id = ?1", *COLUMNS));

pub(super) static SELECT_WITH_MEMBER: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {}, m.status, m.created_at, m.updated_at FROM image i \
         LEFT JOIN image_member m ON m.image_id = i.id AND m.project = ?2 WHERE i.id = ?1",
        *COLUMNS
    )
});

pub(super) static INSERT: LazyLock<String> = LazyLock::new(|| {
    let places: Vec<String> = (1..=NAMES.len()).map(|number| format!("?{number}")).collect();
    format!("INSERT INTO image ({}) VALUES ({})", NAMES.join(", "), places.join(", "))
});

/// Every column, so that [`replace`] can tell which differ.
pub(super) static SELECT_WHOLE: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {} FROM image WHERE id = ?1", NAMES.join(", ")));

/// Writes the record over the row that holds `before`. Names only the columns that differ: an index whose columns are
/// not named is left alone.
pub(super) fn replace(tx: &mut Tx<'_>, before: &Row, image: &Image) -> Result<(), Error> {
    let mut changed = vec![Value::from(&image.id)];
    let mut sets = Vec::new();
    for ((name, value), old) in NAMES.iter().zip(values(image)?).zip(&before.0) {
        if value != *old {
            changed.push(value);
            sets.push(format!("{name} = ?{}", changed.len()));
        }
    }
    if !sets.is_empty() {
        tx.execute(&format!("UPDATE image SET {} WHERE id = ?1", sets.join(", ")), &changed)?;
    }
    Ok(())
}

/// The record as the values of its row.
pub(super) fn values(image: &Image) -> Result<Vec<Value>, Error> {
    let size_bytes = image.size_bytes();
    let Image {
        id,
        owner,
        region,
        name,
        status,
        visibility,
        hidden,
        protected,
        disk_format,
        container_format,
        min_disk_gib,
        min_ram_mib,
        content,
        staged,
        writer,
        facts,
        disks,
        tags,
        properties,
        failure,
        created_at,
        updated_at,
    } = image;
    let mut values: Vec<Value> = Vec::with_capacity(NAMES.len());
    values.extend([
        id.into(),
        owner.into(),
        name.as_ref().into(),
        status.as_str().into(),
        visibility.as_str().into(),
        (*hidden).into(),
        (*protected).into(),
        disk_format.map_or("", DiskFormat::as_str).into(),
        container_format.map_or("", ContainerFormat::as_str).into(),
        (*min_disk_gib).into(),
        (*min_ram_mib).into(),
    ]);
    values.extend(content::values(content.as_ref()));
    values.extend(content::values(staged.as_ref()));
    values.extend([
        writer.as_ref().into(),
        to_json(tags)?,
        to_json(properties)?,
        failure.as_ref().into(),
        (*created_at).into(),
        (*updated_at).into(),
        region.into(),
        to_json(facts)?,
        to_json(disks)?,
        name.as_deref().unwrap_or_default().into(),
        size_bytes.map_or(Value::Int(-1), Value::from),
        facts.family.as_ref().into(),
        facts.text(FactKey::Architecture).unwrap_or_default().into(),
        facts.text(FactKey::OsType).unwrap_or_default().into(),
        facts.text(FactKey::ResourceGroup).unwrap_or_default().into(),
    ]);
    debug_assert_eq!(values.len(), NAMES.len());
    Ok(values)
}

/// The record that a row holds whose first columns are [`COLUMNS`].
pub(super) fn read(row: &Row) -> Result<Image, Error> {
    Ok(Image {
        id: row.parse(0)?,
        owner: row.get(1)?,
        name: row.get(2)?,
        status: row.parse(3)?,
        visibility: row.parse(4)?,
        hidden: row.get(5)?,
        protected: row.get(6)?,
        disk_format: word(row, 7)?,
        container_format: word(row, 8)?,
        min_disk_gib: row.get(9)?,
        min_ram_mib: row.get(10)?,
        content: content::read(row, CONTENT)?,
        staged: content::read(row, CONTENT + CONTENT_COLUMNS)?,
        writer: row.parse_opt(23)?,
        tags: row.json(24)?,
        properties: row.json(25)?,
        failure: row.get(26)?,
        created_at: row.get(27)?,
        updated_at: row.get(28)?,
        region: row.get(29)?,
        facts: row.json(30)?,
        disks: row.json(31)?,
    })
}

/// Formats are stored as the empty text when there is none.
fn word<T: std::str::FromStr<Err: std::fmt::Display>>(row: &Row, column: usize) -> Result<Option<T>, Error> {
    if row.get::<&str>(column)?.is_empty() { Ok(None) } else { row.parse(column).map(Some) }
}

/// The parts of a record that other tables repeat.
pub(super) struct Shadow {
    /// What it is counted as.
    pub(super) cell: Cell,
    pub(super) content_bytes: Option<u64>,
    pub(super) staged_bytes: Option<u64>,
    pub(super) created_at: Timestamp,
    pub(super) labels: Labels,
}

impl Shadow {
    pub(super) fn of(image: &Image) -> Self {
        Self {
            cell: Cell::of(image),
            content_bytes: image.content.as_ref().map(|content| content.size_bytes),
            staged_bytes: image.staged.as_ref().map(|content| content.size_bytes),
            created_at: image.created_at,
            labels: label::all(&image.tags, &image.properties, &image.facts, &image.disks),
        }
    }

    /// What the stored record says.
    pub(super) fn load(tx: &mut Tx<'_>, id: ImageId) -> Result<Option<Self>, Error> {
        let row = tx.query_opt(
            "SELECT owner, visibility, hidden, status, region, content_bytes, staged_bytes, created_at, tags, \
             properties, facts, disks FROM image WHERE id = ?1",
            params![id],
        )?;
        let Some(row) = row else { return Ok(None) };
        let (facts, disks): (Facts, Vec<ImageDisk>) = (row.json(10)?, row.json(11)?);
        let labels = label::all(&row.json(8)?, &row.json(9)?, &facts, &disks);
        let (owner, visibility, hidden) = (row.get(0)?, row.parse(1)?, row.get(2)?);
        Ok(Some(Self {
            cell: Cell::new(owner, visibility, hidden, row.parse(3)?, row.get(4)?, &facts),
            content_bytes: row.get(5)?,
            staged_bytes: row.get(6)?,
            created_at: row.get(7)?,
            labels,
        }))
    }

    /// Whether lists find both in the same place.
    pub(super) fn same_scope(&self, other: &Self) -> bool {
        self.cell.owner == other.cell.owner
            && self.cell.visibility == other.cell.visibility
            && self.cell.hidden == other.cell.hidden
            && self.created_at == other.created_at
    }

    /// Whether lists of what accounts are offered show both alike.
    pub(super) fn same_offer(&self, other: &Self) -> bool {
        self.same_scope(other) && self.cell.status == other.cell.status && self.cell.region == other.cell.region
    }
}
