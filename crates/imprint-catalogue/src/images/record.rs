//! The image row: which column holds which part of the record.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use imprint_model::{
    ContainerFormat, Content, ContentHash, DiskFormat, Image, ImageId, ProjectId, Status, Timestamp, Visibility,
};

use super::label::{self, Label};
use crate::{Error, Row, Tx, Value, params, to_json};

/// Columns in the order of [`values`] and [`read`]. The last two exist for lists alone and are not read back.
const NAMES: [&str; 31] = [
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
    "name_sorted",
    "size_bytes",
];

/// How many columns [`read`] reads.
pub(super) const COLUMN_COUNT: usize = NAMES.len() - 2;

/// The columns that [`read`] reads, of the table called `i`.
pub(super) static COLUMNS: LazyLock<String> =
    LazyLock::new(|| NAMES[..COLUMN_COUNT].iter().map(|name| format!("i.{name}")).collect::<Vec<_>>().join(", "));

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

pub(super) static UPDATE: LazyLock<String> = LazyLock::new(|| {
    let sets: Vec<String> =
        NAMES.iter().enumerate().skip(1).map(|(index, name)| format!("{name} = ?{}", index + 1)).collect();
    format!("UPDATE image SET {} WHERE id = ?1", sets.join(", "))
});

/// The record as the values of its row.
pub(super) fn values(image: &Image) -> Result<Vec<Value>, Error> {
    let size_bytes = image.size_bytes();
    let Image {
        id,
        owner,
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
    values.extend(content_values(content.as_ref()));
    values.extend(content_values(staged.as_ref()));
    values.extend([
        writer.as_ref().into(),
        to_json(tags)?,
        to_json(properties)?,
        failure.as_ref().into(),
        (*created_at).into(),
        (*updated_at).into(),
        name.as_deref().unwrap_or_default().into(),
        size_bytes.map_or(Value::Int(-1), Value::from),
    ]);
    debug_assert_eq!(values.len(), NAMES.len());
    Ok(values)
}

fn content_values(content: Option<&Content>) -> [Value; 6] {
    let Some(Content { map, size_bytes, virtual_size_bytes, md5, hash }) = content else { return Default::default() };
    [
        map.into(),
        (*size_bytes).into(),
        (*virtual_size_bytes).into(),
        md5.as_ref().into(),
        hash.as_ref().map(|hash| &hash.algorithm).into(),
        hash.as_ref().map(|hash| &hash.value).into(),
    ]
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
        content: read_content(row, 11)?,
        staged: read_content(row, 17)?,
        writer: row.parse_opt(23)?,
        tags: row.json(24)?,
        properties: row.json(25)?,
        failure: row.get(26)?,
        created_at: row.get(27)?,
        updated_at: row.get(28)?,
    })
}

/// Formats are stored as the empty text when there is none.
fn word<T: std::str::FromStr<Err: std::fmt::Display>>(row: &Row, column: usize) -> Result<Option<T>, Error> {
    if row.get::<&str>(column)?.is_empty() { Ok(None) } else { row.parse(column).map(Some) }
}

fn read_content(row: &Row, first: usize) -> Result<Option<Content>, Error> {
    let Some(map) = row.parse_opt(first)? else { return Ok(None) };
    let hash = match (row.get(first + 4)?, row.get(first + 5)?) {
        (Some(algorithm), Some(value)) => Some(ContentHash { algorithm, value }),
        _ => None,
    };
    Ok(Some(Content {
        map,
        size_bytes: row.get(first + 1)?,
        virtual_size_bytes: row.get(first + 2)?,
        md5: row.get(first + 3)?,
        hash,
    }))
}

/// The parts of a record that other tables repeat.
pub(super) struct Shadow {
    pub(super) owner: ProjectId,
    pub(super) visibility: Visibility,
    pub(super) hidden: bool,
    pub(super) status: Status,
    pub(super) content_bytes: Option<u64>,
    pub(super) staged_bytes: Option<u64>,
    pub(super) created_at: Timestamp,
    pub(super) labels: BTreeSet<Label>,
}

impl Shadow {
    pub(super) fn of(image: &Image) -> Self {
        Self {
            owner: image.owner.clone(),
            visibility: image.visibility,
            hidden: image.hidden,
            status: image.status,
            content_bytes: image.content.as_ref().map(|content| content.size_bytes),
            staged_bytes: image.staged.as_ref().map(|content| content.size_bytes),
            created_at: image.created_at,
            labels: label::all(&image.tags, &image.properties),
        }
    }

    /// What the stored record says.
    pub(super) fn load(tx: &mut Tx<'_>, id: ImageId) -> Result<Option<Self>, Error> {
        let row = tx.query_opt(
            "SELECT owner, visibility, hidden, status, content_bytes, staged_bytes, created_at, tags, properties \
             FROM image WHERE id = ?1",
            params![id],
        )?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Self {
            owner: row.get(0)?,
            visibility: row.parse(1)?,
            hidden: row.get(2)?,
            status: row.parse(3)?,
            content_bytes: row.get(4)?,
            staged_bytes: row.get(5)?,
            created_at: row.get(6)?,
            labels: label::all(&row.json(7)?, &row.json(8)?),
        }))
    }

    /// Whether lists find both in the same place.
    pub(super) fn same_scope(&self, other: &Self) -> bool {
        self.owner == other.owner
            && self.visibility == other.visibility
            && self.hidden == other.hidden
            && self.created_at == other.created_at
    }
}
